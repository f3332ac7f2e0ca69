"""Tile encoders from groups: maps of matrix entries into a group, multiplied in its group algebra."""

from stl_algebra.group_encoders.block_algorithm import algebra_rank, block_algorithm, matrix_scheme
from stl_algebra.group_encoders.encoder import group_encoder, truncated_group_encoder
from stl_algebra.group_encoders.least_squares import keep_products, least_squares_decoder
from stl_algebra.group_encoders.maps import GroupMaps

__all__ = [
    "GroupMaps",
    "algebra_rank",
    "block_algorithm",
    "group_encoder",
    "keep_products",
    "least_squares_decoder",
    "matrix_scheme",
    "truncated_group_encoder",
]
