"""Finite groups by Cayley table: constructions, structure, the library of small groups, triple products."""

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
from stl_algebra.groups.library import group_by_name, groups_of_order, library
from stl_algebra.groups.matrix_group import heisenberg, matrix_group, special_linear
from stl_algebra.groups.permutation import alternating, from_permutations, symmetric, symmetric_action
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
    planes_triples,
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
    "is_normal",
    "isomorphisms",
    "library",
    "matrix_group",
    "metacyclic",
    "modular",
    "planes_triples",
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
