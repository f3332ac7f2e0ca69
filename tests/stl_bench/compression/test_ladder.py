"""The encoders that a budget chooses from."""

from __future__ import annotations

import pytest

from catalog import Catalog
from stl_algebra import Format, InvalidInput
from stl_bench.compression.ladder import ladder


def test_ranks_on_offer_lie_around_the_budget() -> None:
    catalog = Catalog.default()
    ranks = [encoder.rank for encoder in ladder(catalog, Format(4, 4, 4), 0.5)]
    assert ranks == sorted(ranks)
    assert ranks[0] <= 32 < ranks[-1]
    assert len(ranks) >= 4
    with pytest.raises(InvalidInput, match="holds no 5x5x1 encoders"):
        ladder(catalog, Format(5, 5, 1), 0.5)
