"""Encoders that tests start from, in closed form or as numbers: no test depends on where a search would come to."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from search.symmetric.invariant_form import Structure
from search.symmetric.orbit_groups import types_of
from stl_algebra import Format, TileEncoder, classical, strassen


@cache
def rank_6() -> TileEncoder:
    """Of ⟨2,2,2⟩, Strassen's algorithm without its last product, decoded by least squares: error 1/8."""
    full = strassen()
    u, v, w = full.factors
    products = np.einsum("sa,sb->sab", u, v).reshape(7, -1)
    decode = np.linalg.lstsq(products[:6].T, products.T @ w, rcond=None)[0].T
    return TileEncoder(full.format, u[:6], v[:6], decode)


@cache
def three_of_four() -> TileEncoder:
    """Of ⟨2,1,2⟩, the classical algorithm without its last product: error 1/4, the least of its rank."""
    u, v, w = (factor[:3] for factor in classical(Format(2, 1, 2)).factors)
    return TileEncoder(Format(2, 1, 2), u, v, w.T)


@cache
def shallow_minimum() -> TileEncoder:
    """Of ⟨2,2,3⟩:10 for bf16, to four digits: error 1/12, where the least known is .0019."""
    u, v, w = np.split(_stored("2x2x3:10"), [4, 10], axis=1)
    return TileEncoder(Format(2, 2, 3), u, v, w.T)


def near_solution(format: Format, rank: int, group: str) -> TileEncoder:
    """Of ⟨4,4,4⟩:48 or ⟨2,4,5⟩:32, invariant under a group, all orbits as long as it: what a random start came to.

    Stored are the representatives of the orbits, to three digits of the first and ten of the second.
    """
    stored = _stored(f"{format}:{rank}").ravel()
    counts = [stored.size // sum(format.sizes)] + [0] * (len(types_of(format, group)) - 1)
    return Structure(format, group, tuple(counts)).space.encoder(stored)


def _stored(name: str) -> np.ndarray:
    return np.array(json.loads(Path(__file__).with_suffix(".json").read_text())[name])
