"""Signed permutations that carry one encoder to another; an encoder's own symmetry group among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.symmetry.element import Symmetry, trace_form
from stl_algebra.symmetry.orbits import match_factors
from stl_algebra.symmetry.subgroups import Group

#: Larger sizes have too many signed permutations to go through.
MAX_SIZE = 5


def transporters(first: TileEncoder, second: TileEncoder, limit: int = 5000) -> Group:
    """Find the symmetries with signed permutations as bases that carry one encoder to another.

    Rotations and transpositions that keep the format are included.

    Parameters
    ----------
    first : TileEncoder
        An encoder.
    second : TileEncoder
        Another encoder.
    limit : int, default 5000
        The largest number of candidates that is checked. The classical algorithm has (2ⁿ⁻¹ n!)³ · 6 symmetries of this
        kind.

    Returns
    -------
    tuple of Symmetry
        The symmetries that carry the products of `first` to those of `second`.

    Raises
    ------
    InvalidInput
        If a dimension is above MAX_SIZE, or more than `limit` candidates are left.

    Notes
    -----
    A pair of bases is kept if it carries the factors of one slot into those of the other encoder, slot by slot. The
    triples that are left are checked whole.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> len(transporters(strassen(), strassen()))
    12
    """
    if first.format != second.format or first.rank != second.rank:
        return ()
    if max(first.format) > MAX_SIZE:
        raise InvalidInput(f"format {first.format} is too large: signed permutations are listed up to size {MAX_SIZE}")
    here, there = trace_form(first), trace_form(second)
    found = []
    for outer in outer_symmetries(first.format):
        moved = outer.act(here)
        survivors = [_pairs(moved[slot], there[slot], first.format, slot) for slot in range(3)]
        for number, bases in enumerate(_joined(survivors, first.format)):
            if number >= limit:
                raise InvalidInput(f"this encoder of {first.format} may have more than {limit} symmetries")
            element = Symmetry.of(first.format, bases) @ outer
            if match_factors(element.act(here), there) is not None:
                found.append(element)
    return tuple(found)


def symmetry_group(encoder: TileEncoder, limit: int = 5000) -> Group:
    """Find the symmetries of an encoder within signed permutations × (Z₃ ⋊ Z₂), as `transporters` does.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    limit : int, default 5000
        The largest number of candidates that is checked.

    Returns
    -------
    tuple of Symmetry
        The symmetries.

    Raises
    ------
    InvalidInput
        If a dimension is above MAX_SIZE, or more than `limit` candidates are left.

    Examples
    --------
    >>> from stl_algebra import Format, classical
    >>> len(symmetry_group(classical(Format(2, 2, 2))))
    384
    """
    return transporters(encoder, encoder, limit)


def outer_symmetries(format: Format) -> Group:
    """List the rotations and transpositions, with identity bases, that keep a format.

    Parameters
    ----------
    format : Format
        The format.

    Returns
    -------
    tuple of Symmetry
        The symmetries, the identity first.

    Examples
    --------
    >>> len(outer_symmetries(Format(3, 3, 3))), len(outer_symmetries(Format(2, 3, 2)))
    (6, 2)
    """
    found = []
    for transposed, rotation in product((False, True), range(3)):
        try:
            found.append(Symmetry.of(format, rotation=rotation, transposed=transposed))
        except InvalidInput:
            continue
    return tuple(found)


def signed_permutations(size: int) -> NDArray[np.int8]:
    """List all signed permutation matrices up to an overall sign.

    Parameters
    ----------
    size : int
        The size s of the matrices.

    Returns
    -------
    ndarray of int8, shape (2ˢ⁻¹ s!, s, s)
        The matrices.

    Examples
    --------
    >>> signed_permutations(3).shape
    (24, 3, 3)
    """
    identity = np.eye(size, dtype=np.int8)
    signs = [np.array([1, *rest], dtype=np.int8) for rest in product((1, -1), repeat=size - 1)]
    return np.array([identity[list(order)] * sign for order in permutations(range(size)) for sign in signs])


def _pairs(moved: NDArray[np.float64], target: NDArray[np.float64], format: Format, slot: int) -> set[tuple[int, int]]:
    """The (left, right) bases, by index, that carry the multiset of factors `moved` to `target`, up to scalars."""
    rows, columns = format[slot], format[(slot + 1) % 3]
    lefts, rights = signed_permutations(rows), signed_permutations(columns)
    weights = np.random.default_rng(0).integers(-(2**62), 2**62, (rows, columns))
    matrices = _scaled_integers(moved).reshape(-1, rows, columns)
    goal = np.sort(_sign_free(np.einsum("sij,ij->s", _scaled_integers(target).reshape(-1, rows, columns), weights)))
    # <weights, L F Rᵀ> = <Lᵀ weights R, F>: the bases act on the weights once, not on every factor.
    right_weights = np.einsum("ij,qjk->qik", weights, rights.astype(np.int64))
    found: set[tuple[int, int]] = set()
    for index, left in enumerate(lefts.astype(np.int64)):
        acting = np.einsum("ji,qjk->qik", left, right_weights).reshape(len(rights), -1)
        alive = np.arange(len(rights))
        for matrix in matrices:
            hashes = _sign_free(acting[alive] @ matrix.ravel())
            alive = alive[np.isin(hashes, goal)]
            if not len(alive):
                break
        if len(alive):
            hashes = _sign_free(acting[alive] @ matrices.reshape(len(matrices), -1).T)
            alive = alive[np.all(np.sort(hashes, axis=1) == goal, axis=1)]
        found.update((index, int(right)) for right in alive)
    return found


def _joined(survivors: list[set[tuple[int, int]]], format: Format) -> Iterator[list[NDArray[np.int8]]]:
    """All triples of bases whose three neighbouring pairs survive."""
    tables = [signed_permutations(size) for size in format]
    after: defaultdict[int, list[int]] = defaultdict(list)
    for left, right in survivors[1]:
        after[left].append(right)
    for zero, one in sorted(survivors[0]):
        for two in sorted(after[one]):
            if (two, zero) in survivors[2]:
                yield [table[i] for table, i in zip(tables, (zero, one, two), strict=True)]


def _scaled_integers(factors: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each row over its largest entry, to six digits: signed permutations only move and negate these."""
    peaks = np.abs(factors).max(axis=1, keepdims=True)
    return np.rint(1e6 * factors / np.where(peaks > 0, peaks, 1)).astype(np.int64)


def _sign_free(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same hash for a matrix and its negative (arithmetic wraps modulo 2⁶⁴)."""
    return np.minimum(hashes, -hashes)
