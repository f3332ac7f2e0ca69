"""Flip graphs of matrix multiplication: walks among exact schemes, and lifting what they find modulo 2."""

from search.flip_graph.explore import explore
from search.flip_graph.growth import Nursery
from search.flip_graph.hensel import lift
from search.flip_graph.scheme import MOST_ENTRIES, Scheme
from search.flip_graph.symmetric_start import block_start, random_blocks
from search.flip_graph.walker import Walker, Walking, descend, wandered

__all__ = [
    "MOST_ENTRIES",
    "Nursery",
    "Scheme",
    "Walker",
    "Walking",
    "block_start",
    "descend",
    "explore",
    "lift",
    "random_blocks",
    "wandered",
]
