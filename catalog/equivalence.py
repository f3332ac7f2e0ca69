"""When two encoders are the same: up to order and scaling of products, or under the symmetry group."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.factors import Factor
from stl_algebra.ring import Ring

if TYPE_CHECKING:
    pass

#: Relative agreement asked of numbers that rounding may have touched.
TOLERANCE = 1e-9
#: The rank to which all triples of products are compared.
MOST_TRIPLES = 160


def same_products(a: TileEncoder, b: TileEncoder) -> bool:
    """Whether two encoders have the same rank-one terms, whatever their order, scaling and signs.

    Terms are compared by norm and by the cosine ⟨t,t'⟩ = (u·u')(v·v')(w·w'), each term of one with a different term of
    the other.

    Parameters
    ----------
    a, b : TileEncoder
        The encoders.

    Returns
    -------
    bool
        Whether every term of one has a partner.

    Examples
    --------
    >>> from stl_algebra import balance, strassen
    >>> same_products(strassen(), balance(strassen()))
    True
    """
    if a.format != b.format or a.rank != b.rank:
        return False
    inner = np.ones((a.rank, b.rank))
    norms_a, norms_b = np.ones(a.rank), np.ones(b.rank)
    for f, g in zip(a.factors, b.factors, strict=True):
        lengths_f, lengths_g = np.linalg.norm(f, axis=1), np.linalg.norm(g, axis=1)
        inner *= _unit(f, lengths_f) @ _unit(g, lengths_g).T
        norms_a, norms_b = norms_a * lengths_f, norms_b * lengths_g
    if not np.allclose(np.sort(norms_a), np.sort(norms_b), rtol=TOLERANCE):
        return False
    free = np.ones(b.rank, dtype=bool)
    for s in range(a.rank):
        alike = (inner[s] > 1 - TOLERANCE) & np.isclose(norms_a[s], norms_b, rtol=TOLERANCE)
        alike |= (norms_a[s] == 0) & (norms_b == 0)
        partners = np.flatnonzero(alike & free)
        if not len(partners):
            return False
        free[partners[0]] = False
    return True


def products_key(encoder: TileEncoder) -> str:
    """Hash the rank-one terms of an encoder, whatever their order, scaling and signs.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    str
        40 hexadecimal digits. Encoders of one format with the same key have the same products; those with the same
        products have the same key, unless their numbers differ by rounding.

    Examples
    --------
    >>> from stl_algebra import balance, strassen
    >>> products_key(strassen()) == products_key(balance(strassen()))
    True
    """
    x, w, d = encoder.factors
    firsts = [factor[np.arange(len(factor)), (factor != 0).argmax(axis=1)][:, None] for factor in (x, w)]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.hstack([x / firsts[0], w / firsts[1], d * firsts[0] * firsts[1]])
    terms[~((firsts[0] != 0) & (firsts[1] != 0) & d.any(axis=1, keepdims=True))[:, 0]] = 0
    content = sorted(row.tobytes() for row in np.round(terms, 9) + 0.0)
    return hashlib.sha1(f"{encoder.format}".encode() + b"".join(content), usedforsecurity=False).hexdigest()


def rank_type(encoder: TileEncoder) -> dict[tuple[int, int, int], int]:
    """Count the products by the ranks of E_X[s] (n×m), E_W[s] (m×p) and D[:,s] (n×p) as matrices, sorted.

    The symmetry group of the matrix-multiplication tensor leaves the counts unchanged. Over GF(2) ranks are taken
    there.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    dict of (int, int, int) to int
        How many products have those ranks.

    References
    ----------
    Heule, Kauers, Seidl, New ways to multiply 3×3 matrices, J. Symb. Comput. 104, 2021.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> rank_type(strassen())
    {(1, 1, 1): 6, (2, 2, 2): 1}
    """
    n, m, p = encoder.format
    modulo_2 = encoder.ring is Ring.GF2
    ranks = []
    for factor, shape in zip(encoder.factors, ((n, m), (m, p), (n, p)), strict=True):
        matrices = factor.reshape(-1, *shape)
        ranks.append([_rank_modulo_2(f) if modulo_2 else int(np.linalg.matrix_rank(f, tol=_tiny(f))) for f in matrices])
    counts: dict[tuple[int, int, int], int] = {}
    for triple in zip(*ranks, strict=True):
        x, w, d = sorted(triple)
        counts[x, w, d] = counts.get((x, w, d), 0) + 1
    return dict(sorted(counts.items()))


def cyclic_traces(encoder: TileEncoder) -> np.ndarray:
    """Compute t(s,t,u) t(t,u,s) t(u,s,t) for all triples of products, with t(s,t,u) = tr(E_W[t]ᵀ E_X[s]ᵀ D_u).

    Each value is unchanged when X → AXB⁻¹, W → BWC⁻¹, Y → AYC⁻¹ and when products are scaled. Their multiset is
    unchanged by cyclic rotation and transposition as well: encoders of one orbit share it.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    numpy.ndarray
        The values, sorted: r³ numbers. Above rank MOST_TRIPLES only those with u = s are taken: r² numbers.

    Examples
    --------
    >>> from stl_algebra import rotate, strassen
    >>> bool(np.allclose(cyclic_traces(strassen()), cyclic_traces(rotate(strassen()))))
    True
    """
    n, m, p = encoder.format
    x, w = encoder.encode_x.reshape(-1, n, m), encoder.encode_w.reshape(-1, m, p)
    d = encoder.decode.T.reshape(-1, n, p)
    modulo_2 = encoder.ring is Ring.GF2

    def trace(subscripts: str) -> np.ndarray:
        values: np.ndarray = np.einsum(subscripts, x, w, d, optimize=True)
        return values % 2 if modulo_2 else values

    if encoder.rank > MOST_TRIPLES:
        cycles = trace("sij,tjk,sik->st") * trace("tij,sjk,sik->st") * trace("sij,sjk,tik->st")
    else:
        traces = trace("sij,tjk,uik->stu")
        cycles = traces * traces.transpose(2, 0, 1) * traces.transpose(1, 2, 0)
    return np.sort(cycles.ravel())


def compare_orbits(a: TileEncoder, b: TileEncoder) -> tuple[bool, str]:
    """Whether the invariants allow that a symmetry carries one encoder to the other.

    Parameters
    ----------
    a, b : TileEncoder
        The encoders.

    Returns
    -------
    equivalent : bool
        False is a proof for exact encoders; True is as far as the invariants tell.
    reason : str
        What they say, in words.
    """
    if sorted(a.format) != sorted(b.format):
        return False, f"the formats {a.format} and {b.format} are not permutations of each other"
    if a.rank != b.rank:
        return False, f"the ranks {a.rank} and {b.rank} differ"
    if (a.ring is Ring.GF2) != (b.ring is Ring.GF2):
        return False, "one holds over GF(2) only"
    if rank_type(a) != rank_type(b):
        return False, "their products have different ranks as matrices"
    first, second = cyclic_traces(a), cyclic_traces(b)
    size = max(np.abs(first).max(), np.abs(second).max(), 1.0)
    if not np.allclose(first, second, rtol=1e-6, atol=1e-9 * size):
        return False, "the traces of cycles of their products differ"
    return True, "ranks of products and traces of cycles agree: equivalent as far as these invariants tell"


def _unit(factor: Factor, lengths: np.ndarray) -> Factor:
    return factor / np.where(lengths > 0, lengths, 1.0)[:, None]


def _tiny(matrix: np.ndarray) -> float:
    """What counts as a zero singular value: approximate encoders have noise."""
    return 1e-9 * float(np.abs(matrix).max(initial=1e-300))


def _rank_modulo_2(matrix: np.ndarray) -> int:
    """The rank over GF(2), by elimination on rows read as bits."""
    rows = [int("".join(str(int(v) % 2) for v in row), 2) for row in matrix]
    rank = 0
    while rows:
        pivot = rows.pop()
        if pivot:
            rank += 1
            low = pivot & -pivot
            rows = [row ^ pivot if row & low else row for row in rows]
    return rank
