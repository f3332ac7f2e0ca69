"""Real representations of finite groups: irreducibles, characters, the Wedderburn transform, rational forms."""

from stl_algebra.representations.bilinear_algorithm import BilinearAlgorithm
from stl_algebra.representations.characters import CharacterTable, character_table
from stl_algebra.representations.decomposition import real_irreducibles
from stl_algebra.representations.division_algebra import COMPLEXES, QUATERNIONS, REALS, DivisionAlgebra
from stl_algebra.representations.frobenius_schur import frobenius_schur_indicator, norm
from stl_algebra.representations.irreducible import RealIrreducible
from stl_algebra.representations.rational_form import rational_form
from stl_algebra.representations.wedderburn import WedderburnTransform, convolve, wedderburn

__all__ = [
    "COMPLEXES",
    "QUATERNIONS",
    "REALS",
    "BilinearAlgorithm",
    "CharacterTable",
    "DivisionAlgebra",
    "RealIrreducible",
    "WedderburnTransform",
    "character_table",
    "convolve",
    "frobenius_schur_indicator",
    "norm",
    "rational_form",
    "real_irreducibles",
    "wedderburn",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
