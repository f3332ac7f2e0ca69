"""The symmetries of the matrix-multiplication tensor, acting on encoders: finite groups, invariants, least growth."""

from stl_algebra.symmetry.element import Symmetry
from stl_algebra.symmetry.invariants import equivalent, invariants
from stl_algebra.symmetry.least_growth import least_growth, least_growth_bases, orbit_gradient
from stl_algebra.symmetry.orbits import is_invariant, matching, orbits
from stl_algebra.symmetry.parametrisation import Parametrisation, fit_orbits, parametrise
from stl_algebra.symmetry.signed_groups import random_signed_group, signed_group, signed_text
from stl_algebra.symmetry.spectrum import orbit_spectrum
from stl_algebra.symmetry.stabilised import OrbitType, orbit_types
from stl_algebra.symmetry.subgroups import Group, conjugation, generate, named_subgroups
from stl_algebra.symmetry.transporters import symmetry_group, transporters

__all__ = [
    "Group",
    "OrbitType",
    "Parametrisation",
    "Symmetry",
    "conjugation",
    "equivalent",
    "fit_orbits",
    "generate",
    "invariants",
    "is_invariant",
    "least_growth",
    "least_growth_bases",
    "matching",
    "named_subgroups",
    "orbit_gradient",
    "orbit_spectrum",
    "orbit_types",
    "orbits",
    "parametrise",
    "random_signed_group",
    "signed_group",
    "signed_text",
    "symmetry_group",
    "transporters",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
