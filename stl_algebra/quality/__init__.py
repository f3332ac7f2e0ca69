"""Numerical quality along the orbit of an encoder: growth, nonzeros, additions."""

from stl_algebra.quality.additions import Additions, count_additions
from stl_algebra.quality.least_growth import least_growth, least_growth_bases, orbit_gradient
from stl_algebra.quality.sparsest import nonzeros, sparsest

__all__ = [
    "Additions",
    "count_additions",
    "least_growth",
    "least_growth_bases",
    "nonzeros",
    "orbit_gradient",
    "sparsest",
]
