"""Pure mathematics of tile encoders: formats, the matrix-multiplication tensor, exact and approximate encoders."""

from stl_algebra.brent import satisfies_brent
from stl_algebra.classical import classical
from stl_algebra.composition import direct_sum, kronecker
from stl_algebra.encoder import TileEncoder
from stl_algebra.error import error_at_precision, growth, relative_error, residual
from stl_algebra.errors import InvalidInput
from stl_algebra.factors import Factors
from stl_algebra.format import Format
from stl_algebra.gauge import balance, balance_factors
from stl_algebra.moments import TileMoments
from stl_algebra.precision import PRECISIONS, Precision
from stl_algebra.ring import Ring
from stl_algebra.rotation import rotate, transpose
from stl_algebra.strassen import strassen
from stl_algebra.tensor import matmul_tensor

__all__ = [
    "PRECISIONS",
    "Factors",
    "Format",
    "InvalidInput",
    "Precision",
    "Ring",
    "TileEncoder",
    "TileMoments",
    "balance",
    "balance_factors",
    "classical",
    "direct_sum",
    "error_at_precision",
    "growth",
    "kronecker",
    "matmul_tensor",
    "relative_error",
    "residual",
    "rotate",
    "satisfies_brent",
    "strassen",
    "transpose",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
