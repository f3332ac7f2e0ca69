"""Known bilinear schemes, approximate families, and everything that composing them reaches."""

from stl_algebra.schemes.benson_ballard import benson_ballard_234, benson_ballard_244, benson_ballard_334
from stl_algebra.schemes.bini import bini
from stl_algebra.schemes.composed import Derivation, best_composed, derivation_graph
from stl_algebra.schemes.epsilon import EpsilonFamily
from stl_algebra.schemes.formulas import from_formulas
from stl_algebra.schemes.hopcroft_kerr import hopcroft_kerr_233
from stl_algebra.schemes.laderman import laderman
from stl_algebra.schemes.orientation import orientations, reorient
from stl_algebra.schemes.projection import merge_products, project
from stl_algebra.schemes.schonhage import schonhage
from stl_algebra.schemes.winograd import winograd

__all__ = [
    "Derivation",
    "EpsilonFamily",
    "benson_ballard_234",
    "benson_ballard_244",
    "benson_ballard_334",
    "best_composed",
    "bini",
    "derivation_graph",
    "from_formulas",
    "hopcroft_kerr_233",
    "laderman",
    "merge_products",
    "orientations",
    "project",
    "reorient",
    "schonhage",
    "winograd",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
