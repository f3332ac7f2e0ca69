"""The linear map from orbit representatives to the factors of an invariant encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.factors import Factors, FactorsLike
from stl_algebra.format import Format
from stl_algebra.symmetry.element import trace_form
from stl_algebra.symmetry.orbits import orbits
from stl_algebra.symmetry.stabilised import OrbitType, orbit_types
from stl_algebra.symmetry.subgroups import Group

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

Vector = NDArray[np.float64]
Entries = tuple[NDArray[np.intp], NDArray[np.intp], Vector]


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """All encoders of a format that are invariant under a group, with given numbers of orbits of each type.

    A point θ of shape (P,) holds, orbit after orbit, the coefficients of its representative in the basis of its type.
    The factors are linear in it: u = A_X θ, v = A_W θ, w = A_D θ, with one row for each product and w = Dᵀ.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    structure : tuple of (OrbitType, int)
        The orbit types and the number of orbits of each.
    maps : tuple of three scipy.sparse.csr_array
        A_X (r·n·m, P), A_W (r·m·p, P) and A_D (r·n·p, P), their rows row-major in (product, entry). For a group of
        signed permutations each row has at most one nonzero entry, ±1.
    orbit_of : ndarray of intp, shape (r,)
        The orbit of each product. The products of an orbit are consecutive, its representative first.
    first : ndarray of intp, shape (orbits,)
        The representative of each orbit.
    offsets : ndarray of intp, shape (orbits + 1,)
        The parameters of orbit o are offsets[o] to offsets[o + 1] − 1.

    Notes
    -----
    For an objective that the group leaves invariant, as orthogonal bases leave error and growth, all products of an
    orbit pull back alike: Aᵀg and AᵀHA need the rows of the representatives only, times the lengths of the orbits.

    The arrays `data`, `indices` and `indptr` of a map are made for compiled code.
    """

    format: Format
    structure: tuple[tuple[OrbitType, int], ...]
    maps: tuple[csr_array, csr_array, csr_array]
    orbit_of: NDArray[np.intp]
    first: NDArray[np.intp]
    offsets: NDArray[np.intp]

    @property
    def rank(self) -> int:
        """The number r of products."""
        return len(self.orbit_of)

    @property
    def parameters(self) -> int:
        """The number P of unknowns."""
        return int(self.offsets[-1])

    @cached_property
    def stacked(self) -> csr_array:
        """The three maps one above the other: the rows of u, then of v, then of w."""
        from scipy.sparse import csr_array, vstack

        return csr_array(vstack(self.maps))

    def parameters_of(self, orbit: int, slot: int) -> NDArray[np.intp]:
        """List the parameters on which one factor of an orbit's representative depends.

        Parameters
        ----------
        orbit : int
            The number of the orbit.
        slot : int
            The factor: 0 for u, 1 for v, 2 for w.

        Returns
        -------
        ndarray of intp
            The indices of the parameters, sorted.
        """
        size = self.format.sizes[slot]
        rows = self.maps[slot][self.first[orbit] * size : (self.first[orbit] + 1) * size]
        return np.unique(rows.indices).astype(np.intp)

    def factors(self, point: Vector) -> Factors:
        """Compute the factors at a point.

        Parameters
        ----------
        point : ndarray of float64, shape (P,)
            The point θ.

        Returns
        -------
        Factors
            The factors (u, v, w), of shapes (r, n·m), (r, m·p) and (r, n·p).
        """
        return Factors(*((map @ point).reshape(self.rank, -1) for map in self.maps))

    def encoder(self, point: Vector) -> TileEncoder:
        """Build the approximate encoder at a point.

        Parameters
        ----------
        point : ndarray of float64, shape (P,)
            The point θ.

        Returns
        -------
        TileEncoder
            The encoder.
        """
        u, v, w = self.factors(point)
        return TileEncoder(self.format, u, v, w.T)

    def pull_back(self, gradients: FactorsLike) -> Vector:
        """Compute the gradient Aᵀg in θ from the gradients in u, v and w.

        Parameters
        ----------
        gradients : Factors
            Gradients of shapes (r, n·m), (r, m·p) and (r, n·p).

        Returns
        -------
        ndarray of float64, shape (P,)
            The gradient in θ.
        """
        parts = [map @ g.ravel() for map, g in zip(self._transposed, gradients, strict=True)]
        gradient: Vector = np.sum(parts, axis=0)
        return gradient

    @cached_property
    def _transposed(self) -> tuple[csc_array, ...]:
        return tuple(map.T for map in self.maps)

    def random_point(self, generator: np.random.Generator, scale: float = 1.0) -> Vector:
        """Draw a point with independent normal coefficients.

        Parameters
        ----------
        generator : numpy.random.Generator
            The source of randomness.
        scale : float, default 1.0
            The standard deviation.

        Returns
        -------
        ndarray of float64, shape (P,)
            The point θ.
        """
        return scale * generator.standard_normal(self.parameters)

    def __repr__(self) -> str:
        orbits = f"orbits={len(self.first)}"
        return f"Parametrisation({self.format}, rank={self.rank}, parameters={self.parameters}, {orbits})"


def parametrise(group: Group, structure: Sequence[tuple[OrbitType, int]]) -> Parametrisation:
    """Parametrise the encoders that are invariant under a group and have a given orbit structure.

    Parameters
    ----------
    group : tuple of Symmetry
        All elements of the group.
    structure : sequence of (OrbitType, int)
        Orbit types of the group and the number of orbits of each.

    Returns
    -------
    Parametrisation
        The linear map from points to factors.

    Raises
    ------
    InvalidInput
        If a count is negative, or there is no orbit at all.

    Examples
    --------
    >>> from stl_algebra.symmetry import named_subgroups
    >>> group = named_subgroups(Format(4, 4, 4))["Z3"]
    >>> triples, fixed = orbit_types(group)
    >>> space = parametrise(group, [(fixed, 4), (triples, 12)])
    >>> space.rank, space.parameters
    (40, 640)
    """
    from scipy.sparse import csr_array

    if any(count < 0 for _, count in structure) or not any(count for _, count in structure):
        raise InvalidInput("an orbit structure needs at least one orbit and no negative counts")
    kinds = [kind for kind, count in structure for _ in range(count)]
    offsets = np.concatenate([[0], np.cumsum([kind.parameters for kind in kinds])])
    lengths = [kind.length for kind in kinds]
    entries: list[list[Entries]] = [[], [], []]
    first = np.concatenate([[0], np.cumsum(lengths)])
    for kind, product, offset in zip(kinds, first[:-1], offsets[:-1], strict=True):
        for slot, (rows, columns, values) in enumerate(_images(kind)):
            size = group[0].format.sizes[slot]
            entries[slot].append((rows + product * size, columns + offset, values))
    maps = []
    for slot, size in enumerate(group[0].format.sizes):
        rows, columns, values = (np.concatenate(parts) for parts in zip(*entries[slot], strict=True))
        maps.append(csr_array((values, (rows, columns)), shape=(int(first[-1]) * size, int(offsets[-1]))))
    return Parametrisation(
        group[0].format,
        tuple((kind, count) for kind, count in structure if count),
        (maps[0], maps[1], maps[2]),
        np.repeat(np.arange(len(kinds)), lengths),
        first[:-1],
        offsets,
    )


def fit_orbits(
    encoder: TileEncoder, group: Group, kinds: Sequence[OrbitType] | None = None
) -> tuple[Parametrisation, Vector]:
    """Express an invariant encoder as a point: its orbit structure and its parameters θ.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    group : tuple of Symmetry
        All elements of a group under which the encoder is invariant.
    kinds : sequence of OrbitType, optional
        The orbit types that may occur; by default all of the group's.

    Returns
    -------
    space : Parametrisation
        The encoders with this orbit structure.
    point : ndarray of float64, shape (P,)
        The point θ of `encoder`.

    Raises
    ------
    InvalidInput
        If the encoder is not invariant, or an orbit fits none of the types.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_algebra.symmetry import named_subgroups
    >>> space, point = fit_orbits(strassen(), named_subgroups(strassen().format)["Z3"])
    >>> [(kind.length, count) for kind, count in space.structure], space.encoder(point).relative_error < 1e-12
    ([(3, 2), (1, 1)], True)
    """
    kinds = orbit_types(group) if kinds is None else kinds
    found: dict[int, list[Vector]] = {}
    factors = trace_form(encoder)
    for orbit in orbits(encoder, group):
        index, coefficients = _coordinates(factors, orbit.products, kinds)
        found.setdefault(index, []).append(coefficients)
    structure = [(kinds[index], len(points)) for index, points in sorted(found.items())]
    points = [point for _, points in sorted(found.items()) for point in points]
    return parametrise(group, structure), np.concatenate(points)


@lru_cache(maxsize=1024)
def _images(kind: OrbitType) -> list[Entries]:
    """For each of u, v, w the entries (row, column, value) of one orbit's block, rows in (product, entry)."""
    n, m, p = kind.transversal[0].format
    starts = np.cumsum([0, n * m, m * p, p * n])
    slices = [kind.basis[:, starts[i] : starts[i + 1]] for i in range(3)]
    transposed_rows = np.arange(p * n).reshape(p, n).T.ravel()  # w = Dᵀ has the third factor transposed
    found = []
    for slot in range(3):
        dense = [element.slot_map(slot).astype(float) @ slices[element.source(slot)].T for element in kind.transversal]
        if slot == 2:
            dense = [image[transposed_rows] for image in dense]
        whole = np.concatenate(dense)
        rows, columns = np.nonzero(whole)
        found.append((rows, columns, whole[rows, columns]))
    return found


def _coordinates(
    factors: FactorsLike,
    products: tuple[int, ...],
    kinds: Sequence[OrbitType],
) -> tuple[int, Vector]:
    """The orbit type of some product of an orbit, and its coefficients there."""
    candidates = [(i, kind) for i, kind in enumerate(kinds) if kind.length == len(products)]
    for s in products:
        blocks = [f[s] / np.linalg.norm(f[s]) for f in factors]
        size = np.prod([np.linalg.norm(f[s]) for f in factors])
        spread = np.zeros((sum(len(b) for b in blocks), 3))
        starts = np.cumsum([0, *(len(b) for b in blocks)])
        for slot, block in enumerate(blocks):
            spread[starts[slot] : starts[slot + 1], slot] = block
        for index, kind in candidates:
            scales = _scales(spread, kind.basis)
            if scales is not None:
                scales = scales * np.cbrt(size / np.prod(scales))
                return index, np.linalg.lstsq(kind.basis.T, spread @ scales, rcond=None)[0]
    raise InvalidInput(f"products {products} do not fit any orbit type of the group")


def _scales(spread: NDArray[np.float64], basis: NDArray[np.float64]) -> Vector | None:
    """Scales (α, β, γ), none zero, with (αF₀, βF₁, γF₂) in the span of the basis, or None."""
    orthonormal = np.linalg.qr(basis.T)[0]
    outside = spread - orthonormal @ (orthonormal.T @ spread)
    _, singular, directions = np.linalg.svd(outside, full_matrices=False)
    null = directions[singular < 1e-7]
    for wish in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)):
        scales: Vector = np.array(wish) @ null.T @ null
        if np.all(np.abs(scales) > 1e-3):
            return scales
    return None
