"""Searching groups for the triple product property: exhaustively, heuristically, simultaneously, approximately."""

from search.triple_product.collision_annealing import Annealing, anneal_maps
from search.triple_product.exhaustive import SubsetTriple, maximal_subset_triples, triple_product_capacity
from search.triple_product.puzzle_search import largest_local_strong_puzzle
from search.triple_product.subgroup_triples import largest_subgroup_triple, subgroup_triples
from search.triple_product.subset_annealing import SubsetSearch, anneal_subsets

__all__ = [
    "Annealing",
    "SubsetSearch",
    "SubsetTriple",
    "anneal_maps",
    "anneal_subsets",
    "largest_local_strong_puzzle",
    "largest_subgroup_triple",
    "maximal_subset_triples",
    "subgroup_triples",
    "triple_product_capacity",
]
