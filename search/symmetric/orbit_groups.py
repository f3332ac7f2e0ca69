"""The groups an orbit search works with, and the spaces of encoders invariant under them."""

from __future__ import annotations

from functools import lru_cache

from stl_algebra import Format
from stl_algebra.symmetry import (
    Group,
    OrbitType,
    Parametrisation,
    named_subgroups,
    orbit_types,
    parametrise,
    signed_group,
)

#: By name as in `named_subgroups`: those with rotation for cubes, changes of basis for other formats. Their
#: bases are orthogonal, so error and growth are invariant. From random starts at ⟨4,4,4⟩:40 the cycle does best by
#: far; signs, four-cycles, Klein's group, S3, and transposition beside rotation do worse than rotation alone.
OF_CUBES = ("Z3", "Z3xflip", "Z3xcycle")
OF_OTHERS = ("flip", "sign", "cycle", "transpose")
#: Signed permutations that leave a scheme of the literature invariant, by its format and rank. ⟨4,4,4⟩:48: sixteen of
#: the 32 that belong to the scheme of Dumas, Pernet, Sedoglavic, arXiv 2506.13242; one random start in ten among the
#: encoders with three orbits under them comes to an exact one.
OF_SCHEMES = {
    (Format(4, 4, 4), 48): (
        "1 -2 -4 3, 1 -2 -4 3, 1 -2 -4 3; 2 1 -4 3, 2 -1 -3 -4, 2 1 4 -3; 2 -1 -3 4, 1 2 4 -3, 1 2 4 -3"
    ),
}
#: Groups of a larger order have types by the hundred, and those of short orbits take seconds to find.
ALL_TYPES = 9


@lru_cache(maxsize=64)
def orbit_groups(format: Format) -> dict[str, Group]:
    """The groups for a format, the smallest first; none where no dimension exceeds 1.

    >>> list(orbit_groups(Format(4, 4, 4)))
    ['Z3', 'Z3xflip', 'Z3xcycle']
    """
    if max(format) == 1:
        return {}
    named = named_subgroups(format)
    chosen = {name: named[name] for name in (OF_CUBES if format.is_cube else OF_OTHERS) if name in named}
    return dict(sorted(chosen.items(), key=lambda item: len(item[1])))


@lru_cache(maxsize=256)
def group_of(format: Format, name: str) -> Group:
    """A group by its name among `orbit_groups`, or by signed permutations that generate it.

    >>> len(group_of(Format(4, 4, 4), "Z3xcycle")), len(group_of(Format(2, 2, 2), "2 1, 1 -2, 2 1"))
    (9, 2)
    """
    return orbit_groups(format).get(name) or signed_group(format, name)


@lru_cache(maxsize=256)
def types_of(format: Format, name: str) -> tuple[OrbitType, ...]:
    """The orbit types of a group: what the counts of a structure count. Of large groups those of long orbits.

    >>> [kind.length for kind in types_of(Format(3, 3, 3), "Z3")]
    [3, 1]
    """
    group = group_of(format, name)
    return orbit_types(group, None if len(group) <= ALL_TYPES else 2)


@lru_cache(maxsize=512)
def space_of(format: Format, name: str, counts: tuple[int, ...]) -> Parametrisation:
    """The encoders with so many orbits of each type.

    >>> space_of(Format(2, 2, 2), "Z3", (2, 1)).rank
    7
    """
    return parametrise(group_of(format, name), list(zip(types_of(format, name), counts, strict=True)))
