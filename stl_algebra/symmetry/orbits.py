"""How a symmetry permutes the products of an encoder: matching, orbits, stabilisers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.symmetry.element import Symmetry, TraceForm, trace_form
from stl_algebra.symmetry.subgroups import Group

#: Two rank-1 tensors are the same product when their distance is below this times the larger norm.
TOLERANCE = 1e-6


class Orbit(NamedTuple):
    """Products that a group permutes transitively.

    Parameters
    ----------
    products : tuple of int
        The indices of the products, the representative first.
    stabiliser : tuple of Symmetry
        The elements of the group that fix the representative.
    """

    products: tuple[int, ...]
    stabiliser: Group

    def __repr__(self) -> str:
        return f"Orbit(products={self.products}, stabiliser={len(self.stabiliser)})"


def matching(first: TileEncoder, second: TileEncoder) -> NDArray[np.intp] | None:
    """Match the products of two encoders as rank-1 tensors.

    Products are compared whole, so it does not matter how scalars are spread over their factors.

    Parameters
    ----------
    first : TileEncoder
        An encoder of rank r.
    second : TileEncoder
        Another encoder.

    Returns
    -------
    ndarray of intp, shape (r,), or None
        A permutation π such that product s of `first` is product π[s] of `second`, or None if no permutation exists.

    Examples
    --------
    >>> from stl_algebra import balance, strassen
    >>> matching(strassen(), balance(strassen())).tolist()
    [0, 1, 2, 3, 4, 5, 6]
    """
    if first.format != second.format:
        return None
    return match_factors(trace_form(first), trace_form(second))


def match_factors(first: TraceForm, second: TraceForm) -> NDArray[np.intp] | None:
    """Match two sets of products in trace form, as `matching` does.

    Parameters
    ----------
    first : tuple of three ndarray of float64
        Factors of shapes (r, n·m), (r, m·p) and (r, p·n).
    second : tuple of three ndarray of float64
        Factors of the same format.

    Returns
    -------
    ndarray of intp, shape (r,), or None
        The permutation, or None if no permutation exists.
    """
    rank = len(first[0])
    if rank != len(second[0]):
        return None
    inner = np.prod([f @ g.T for f, g in zip(first, second, strict=True)], axis=0)
    squared = [np.prod([np.sum(f**2, axis=1) for f in factors], axis=0) for factors in (first, second)]
    close = np.add.outer(*squared) - 2 * inner <= TOLERANCE**2 * np.maximum.outer(*squared)
    taken = np.zeros(rank, dtype=bool)
    permutation = np.empty(rank, dtype=np.intp)
    for s in range(rank):
        candidates = np.flatnonzero(close[s] & ~taken)
        if not len(candidates):
            return None
        permutation[s] = candidates[0]
        taken[candidates[0]] = True
    return permutation


def is_invariant(encoder: TileEncoder, symmetry: Symmetry) -> bool:
    """Tell whether a symmetry permutes the products of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    symmetry : Symmetry
        A symmetry of the same format.

    Returns
    -------
    bool
        True if the moved products are the old ones in another order.

    Examples
    --------
    >>> from stl_algebra import Format, classical
    >>> is_invariant(classical(Format(3, 3, 3)), Symmetry.of(Format(3, 3, 3), rotation=1))
    True
    """
    factors = trace_form(encoder)
    return match_factors(symmetry.act(factors), factors) is not None


def orbits(encoder: TileEncoder, group: Group) -> list[Orbit]:
    """List the orbits of a group on the products of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    group : tuple of Symmetry
        All elements of a group under which the encoder is invariant.

    Returns
    -------
    list of Orbit
        The orbits, by their first product.

    Raises
    ------
    InvalidInput
        If the encoder is not invariant under the group.

    Examples
    --------
    >>> from stl_algebra import Format, classical
    >>> from stl_algebra.symmetry import named_subgroups
    >>> square = Format(2, 2, 2)
    >>> sorted(len(orbit.products) for orbit in orbits(classical(square), named_subgroups(square)["Z3"]))
    [1, 1, 3, 3]
    """
    factors = trace_form(encoder)
    permutations = []
    for element in group:
        permutation = match_factors(element.act(factors), factors)
        if permutation is None:
            raise InvalidInput(
                f"the encoder of {encoder.format} and rank {encoder.rank} is not invariant under this group"
            )
        permutations.append(permutation)
    images = np.array(permutations)
    found: list[Orbit] = []
    seen: set[int] = set()
    for s in range(encoder.rank):
        if s not in seen:
            orbit = tuple(sorted({s, *images[:, s].tolist()}))
            seen.update(orbit)
            fixing = tuple(g for g, image in zip(group, images[:, s], strict=True) if image == s)
            found.append(Orbit((s, *(t for t in orbit if t != s)), fixing))
    return found
