"""An invariant encoder taken apart into orbits, by type: what moves between encoders work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.symmetric.orbit_groups import group_of, orbit_groups, space_of, types_of
from stl_algebra import Format, InvalidInput, TileEncoder
from stl_algebra.symmetry import Parametrisation, fit_orbits, is_invariant

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Structure:
    """A group by name, and how many orbits of each of its types there are.

    >>> Structure(Format(4, 4, 4), "Z3", (15, 1)).rank
    46
    """

    format: Format
    group: str
    counts: tuple[int, ...]

    @property
    def rank(self) -> int:
        lengths = (kind.length for kind in types_of(self.format, self.group))
        return sum(length * count for length, count in zip(lengths, self.counts, strict=True))

    @property
    def space(self) -> Parametrisation:
        return space_of(self.format, self.group, self.counts)

    def __str__(self) -> str:
        """In words, such as ``Z3xcycle: 4 orbits of 9, 4 of 1``."""
        totals: dict[int, int] = {}
        for kind, count in zip(types_of(self.format, self.group), self.counts, strict=True):
            totals[kind.length] = totals.get(kind.length, 0) + count
        parts = [f"{count} of {length}" for length, count in totals.items() if count]
        return f"{self.group}: orbits {', '.join(parts)}"


@dataclass(frozen=True, eq=False)
class InvariantForm:
    """A structure and, for each type, the parameters of its orbits: shape (count, parameters of the type).

    >>> from stl_algebra import strassen
    >>> InvariantForm.of(strassen(), "Z3").structure.counts
    (2, 1)
    """

    structure: Structure
    orbits: tuple[Array, ...]

    @property
    def point(self) -> tuple[Array]:
        """The point of an InvariantModel."""
        return (np.concatenate([block.ravel() for block in self.orbits]),)

    @classmethod
    def from_point(cls, structure: Structure, point: tuple[Array, ...]) -> InvariantForm:
        (theta,) = point
        orbits, start = [], 0
        for kind, count in zip(types_of(structure.format, structure.group), structure.counts, strict=True):
            end = start + count * kind.parameters
            orbits.append(theta[start:end].reshape(count, kind.parameters))
            start = end
        return cls(structure, tuple(orbits))

    @classmethod
    def of(cls, encoder: TileEncoder, group: str) -> InvariantForm | None:
        """The form of an encoder, or None where it is not invariant under the group."""
        elements = group_of(encoder.format, group)
        if not all(np.linalg.norm(f, axis=1).all() for f in encoder.factors):  # a product that vanishes
            return None
        # The generators, at most four, come right after the identity.
        if not all(is_invariant(encoder, element) for element in elements[1:5]):
            return None
        types = types_of(encoder.format, group)
        try:
            space, theta = fit_orbits(encoder, elements, types)
        except InvalidInput:  # products that coincide fit no type
            return None
        counts = {id(kind): count for kind, count in space.structure}
        structure = Structure(encoder.format, group, tuple(counts.get(id(kind), 0) for kind in types))
        form = cls.from_point(structure, (theta,))
        same = space.encoder(theta)
        return form if abs(same.relative_error - encoder.relative_error) < 1e-9 else None


def forms_of(encoder: TileEncoder) -> list[InvariantForm]:
    """The forms of an encoder under every group that leaves it invariant.

    >>> from stl_algebra import strassen
    >>> [form.structure.group for form in forms_of(strassen())]
    ['Z3', 'Z3xflip']
    """
    forms = (InvariantForm.of(encoder, group) for group in orbit_groups(encoder.format))
    return [form for form in forms if form is not None]


def largest_form(encoder: TileEncoder) -> InvariantForm | None:
    """The form under the largest group that leaves an encoder invariant; None where there is none."""
    forms = (InvariantForm.of(encoder, group) for group in reversed(orbit_groups(encoder.format)))
    return next((form for form in forms if form is not None), None)


def random_form(structure: Structure, rng: np.random.Generator) -> InvariantForm:
    """Normal parameters of standard deviation 2/√(size of a factor)."""
    return InvariantForm(
        structure,
        tuple(
            random_orbits(structure.format, kind.parameters, count, rng)
            for kind, count in zip(types_of(structure.format, structure.group), structure.counts, strict=True)
        ),
    )


def random_orbits(format: Format, parameters: int, count: int, rng: np.random.Generator) -> Array:
    """Parameters of random orbits, (count, parameters)."""
    scale = 2.0 / format.products ** (1 / 3)
    return scale * rng.standard_normal((count, parameters))
