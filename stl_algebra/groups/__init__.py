"""Finite groups by Cayley table: constructions, structure, the library of small groups, triple products.

A tour, from a group to an encoder. S3, the permutations of three things, holds three subgroups of order two
with the triple product property, so its algebra multiplies 2×2 matrices: S3 realises ⟨2,2,2⟩.

>>> from stl_algebra import groups
>>> from stl_algebra.group_encoders import GroupMaps, algebra_rank, group_encoder
>>> from stl_algebra.representations import character_table, wedderburn
>>> s3 = groups.symmetric(3)
>>> s, t, u = [h for h in groups.subgroups(s3) if len(h) == 2]
>>> groups.has_triple_product_property(s3, s, t, u)
True

The Wedderburn transform turns R[S3] into blocks: two real characters and the 2×2 matrices. Multiplying there
takes 1 + 1 + 7 real products, the 2×2 block by Strassen's algorithm.

>>> transform = wedderburn(s3)
>>> transform.describe(), algebra_rank(s3)
('R[S3] = R + R + M2(R)', 9)
>>> character_table(s3).exact().tolist()
[[1, 1, 1], [1, -1, 1], [2, 0, -1]]

The encoder sends x_ij to s_i⁻¹ t_j, w_jk to t_j⁻¹ u_k, multiplies block by block and reads y_ik off at s_i⁻¹ u_k.
It is exact, and proved so over the rationals.

>>> encoder = group_encoder(GroupMaps.from_subsets(s3, s, t, u))
>>> encoder.format, encoder.rank, encoder.ring.value, encoder.relative_error
(Format(n=2, m=2, p=2), 9, 'Q', 0.0)

Any other maps give an approximate encoder, whose error is known beforehand from the collisions in the group.

>>> maps = GroupMaps((2, 2, 2), groups.cyclic(5), alpha=[0, 1, 1, 2], beta=[0, 2, 4, 1])
>>> approximate = group_encoder(maps)
>>> approximate.rank, round(maps.relative_error, 6), round(approximate.relative_error, 6)
(7, 0.416667, 0.416667)
"""

from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.dicyclic import dicyclic
from stl_algebra.groups.dihedral import dihedral, modular, semidihedral
from stl_algebra.groups.direct_product import abelian, direct_product, elementary_abelian
from stl_algebra.groups.frobenius import frobenius
from stl_algebra.groups.generated import generated_group
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.isomorphisms import (
    are_isomorphic,
    automorphisms,
    fingerprint,
    inner_automorphisms,
    isomorphisms,
)
from stl_algebra.groups.library import groups_of_order, library
from stl_algebra.groups.matrix_group import heisenberg, matrix_group, special_linear
from stl_algebra.groups.names import group_by_name
from stl_algebra.groups.permutation import alternating, from_permutations, symmetric, symmetric_action
from stl_algebra.groups.puzzle import is_local_strong_puzzle, puzzle_triples
from stl_algebra.groups.semidirect_product import generalised_dihedral, metacyclic, semidirect_product
from stl_algebra.groups.structure import (
    centre,
    class_of,
    conjugacy_classes,
    conjugates,
    derived_subgroup,
    generated_subgroup,
)
from stl_algebra.groups.subgroups import is_normal, subgroup_classes, subgroups
from stl_algebra.groups.triple_product import (
    has_simultaneous_triple_product_property,
    has_triple_product_property,
    quotient_set,
)
from stl_algebra.groups.wreath_product import wreath_product

__all__ = [
    "FiniteGroup",
    "abelian",
    "alternating",
    "are_isomorphic",
    "automorphisms",
    "centre",
    "class_of",
    "conjugacy_classes",
    "conjugates",
    "cyclic",
    "derived_subgroup",
    "dicyclic",
    "dihedral",
    "direct_product",
    "elementary_abelian",
    "fingerprint",
    "frobenius",
    "from_permutations",
    "generalised_dihedral",
    "generated_group",
    "generated_subgroup",
    "group_by_name",
    "groups_of_order",
    "has_simultaneous_triple_product_property",
    "has_triple_product_property",
    "heisenberg",
    "inner_automorphisms",
    "is_local_strong_puzzle",
    "is_normal",
    "isomorphisms",
    "library",
    "matrix_group",
    "metacyclic",
    "modular",
    "puzzle_triples",
    "quotient_set",
    "semidihedral",
    "semidirect_product",
    "special_linear",
    "subgroup_classes",
    "subgroups",
    "symmetric",
    "symmetric_action",
    "wreath_product",
]


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return __all__
