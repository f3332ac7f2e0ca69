"""The approximate triple product property: maps of matrix entries into a group, found by annealing."""

from search.triple_product.collision_annealing import Annealing, anneal_maps

__all__ = ["Annealing", "anneal_maps"]
