"""Tile encoders from groups: maps of matrix entries into a group, multiplied in its group algebra."""

from stl_algebra.group_encoders.block_algorithm import algebra_rank, block_algorithm, matrix_scheme
from stl_algebra.group_encoders.encoder import group_encoder, truncated_group_encoder
from stl_algebra.group_encoders.least_squares import keep_products, least_squares_decoder
from stl_algebra.group_encoders.maps import GroupMaps
from stl_algebra.group_encoders.progressions import best_progression_maps, progression_maps

__all__ = [
    "GroupMaps",
    "algebra_rank",
    "best_progression_maps",
    "block_algorithm",
    "group_encoder",
    "keep_products",
    "least_squares_decoder",
    "matrix_scheme",
    "progression_maps",
    "truncated_group_encoder",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
