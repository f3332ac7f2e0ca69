"""The cost and the stability of an encoder, and how low they get along the orbit and in other bases."""

from stl_algebra.quality.additions import Additions, Programs, count_additions, programs
from stl_algebra.quality.alternative_basis import AlternativeBasis, alternative_basis
from stl_algebra.quality.figures import Figures, figures
from stl_algebra.quality.sparsest import nonzeros, sparsest
from stl_algebra.quality.stability import Stability, omega, stability
from stl_algebra.quality.straight_line import Step, StraightLineProgram

__all__ = [
    "Additions",
    "AlternativeBasis",
    "Figures",
    "Programs",
    "Stability",
    "Step",
    "StraightLineProgram",
    "alternative_basis",
    "count_additions",
    "figures",
    "nonzeros",
    "omega",
    "programs",
    "sparsest",
    "stability",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
