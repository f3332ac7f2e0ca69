"""What the group strategy says about an encoder is enough to make it again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from search.problem import Problem
from search.running.exploration import explore
from search.stop import Stop
from search.strategies.group import GroupSearch
from stl_algebra import Format
from stl_algebra.group_encoders import GroupMaps, truncated_group_encoder


@pytest.mark.parametrize(("format", "rank"), [(Format(3, 3, 3), 15), (Format(2, 3, 4), 13), (Format(4, 4, 4), 32)])
def test_an_encoder_is_rebuilt_from_its_details(format: Format, rank: int) -> None:
    first = next(explore(GroupSearch(), Problem(format, rank), np.random.default_rng(1), Stop(trials=1)))
    details = json.loads(json.dumps(first.details))
    maps = [GroupMaps.from_provenance(format, convolution) for convolution in details["convolutions"]]
    for one, convolution in zip(maps, details["convolutions"], strict=True):
        assert np.isclose(one.relative_error, convolution["error_of_maps"])
        assert convolution["blocks"] in details["words"]
    again = truncated_group_encoder(*maps, rank=rank)
    assert again.rank == first.encoder.rank == rank
    assert np.isclose(again.relative_error, first.encoder.relative_error)


def test_the_polish_is_said_and_lowers_the_error() -> None:
    problem = Problem(Format(3, 3, 3), 15)
    raw, *_, polished = explore(GroupSearch(), problem, np.random.default_rng(1), Stop(trials=1))
    assert "Levenberg–Marquardt" not in raw.details["words"]
    assert "Levenberg–Marquardt" in polished.details["words"]
    assert polished.encoder.error_at("bf16") < raw.encoder.error_at("bf16") - 0.05
