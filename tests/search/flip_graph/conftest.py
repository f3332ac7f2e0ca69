"""Schemes for the tests of flip graphs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from search.flip_graph import Scheme, Walker
from stl_algebra import Format, Ring, classical

RINGS = (Ring.GF2, Ring.Z)


def classical_scheme(format: Format, ring: Ring) -> Scheme:
    scheme = Scheme.of(classical(format), ring)
    assert scheme is not None
    return scheme


def walked(format: Format, ring: Ring, seed: int, flips: int, patience: int = 200) -> Walker:
    """A walk from the classical algorithm, plus transitions included, that stands where it fell."""
    walker = Walker(classical_scheme(format, ring), np.random.default_rng(seed))
    walker.walk(flips, patience=patience, ceiling=format.products + 3, target=0)
    return walker


formats = st.builds(Format, *(st.integers(1, 4) for _ in range(3)))
rings = st.sampled_from(RINGS)
seeds = st.integers(0, 2**32)
