"""The smallest ranks known up to ⟨8,8,8⟩, by ring, and border ranks: facts with their sources.

Each rank is the number of products of a published scheme. All ranks over Q are those of the catalogue at
fmm.univ-lille.fr of 19 August 2026 as well.
"""

from __future__ import annotations

from typing import NamedTuple

from stl_algebra.ring import Ring

Sizes = tuple[int, int, int]


class KnownRank(NamedTuple):
    """A rank that somebody reached.

    Parameters
    ----------
    rank : int
        The number of products.
    source : str
        Where it was published, or where a scheme of this rank is kept.
    """

    rank: int
    source: str


Z, DYADIC, Q, GF2 = Ring.Z, Ring.DYADIC, Ring.Q, Ring.GF2

STRASSEN = "Strassen, Gaussian elimination is not optimal, 1969"
TWICE = "Strassen 1969, applied twice"
LADERMAN = "Laderman, A noncommutative algorithm for multiplying 3×3 matrices using 23 multiplications, 1976"
ALPHATENSOR = "AlphaTensor: Fawzi et al., Nature 610, 2022"
ALPHAEVOLVE = "AlphaEvolve: Novikov et al., arXiv 2506.13131"
DUMAS = "Dumas, Pernet, Sedoglavic, arXiv 2506.13242"
KAUERS = "Kauers, Moosbauer, Flip graphs for matrix multiplication, arXiv 2212.01175"
LILLE = "catalogue fmm.univ-lille.fr (Sedoglavic), 2026"
PERMINOV = "collection dronperminov/FastMatrixMultiplication, 2026"

LANDSBERG = "Landsberg, 2006: equal to 7"
BINI = "Bini et al., 1979; equal to 10 by arXiv 1911.07981"
SMIRNOV = "Smirnov; coefficients in jweissenberger/FastMatMulNN"
SMIRNOV_14 = SMIRNOV + "; equal to 14 by arXiv 1911.07981"
SMIRNOV_20 = SMIRNOV + "; at least 17 by arXiv 1911.07981"
SEDOGLAVIC = "Sedoglavic, Smirnov, on the rank and border rank of 5×5 matrix multiplication, 2021"

#: Smallest rank known and its source, by format with n ≤ m ≤ p and by the smallest ring of a scheme of that rank.
#: What holds over a ring holds over a larger one: Z serves all, Z[1/2] serves Q.
RANKS: dict[Sizes, dict[Ring, tuple[int, str]]] = {
    (2, 2, 2): {Z: (7, STRASSEN)},
    (2, 2, 3): {Z: (11, LILLE)},
    (2, 2, 4): {Z: (14, LILLE)},
    (2, 2, 5): {Z: (18, LILLE)},
    (2, 2, 6): {Z: (21, ALPHATENSOR)},
    (2, 2, 7): {Z: (25, LILLE)},
    (2, 2, 8): {Z: (28, LILLE)},
    (2, 3, 3): {Z: (15, ALPHATENSOR)},
    (2, 3, 4): {Z: (20, LILLE)},
    (2, 3, 5): {Z: (25, PERMINOV)},
    (2, 3, 6): {Z: (30, LILLE)},
    (2, 3, 7): {Z: (35, LILLE)},
    (2, 3, 8): {Z: (40, LILLE)},
    (2, 4, 4): {Z: (26, ALPHATENSOR)},
    (2, 4, 5): {Z: (33, PERMINOV), Q: (32, LILLE)},
    (2, 4, 6): {Z: (39, PERMINOV)},
    (2, 4, 7): {Z: (45, PERMINOV)},
    (2, 4, 8): {Z: (51, ALPHAEVOLVE)},
    (2, 5, 5): {Z: (40, LILLE)},
    (2, 5, 6): {Z: (47, ALPHAEVOLVE)},
    (2, 5, 7): {Z: (55, PERMINOV)},
    (2, 5, 8): {Z: (63, PERMINOV)},
    (2, 6, 6): {Z: (56, PERMINOV)},
    (2, 6, 7): {Z: (66, PERMINOV)},
    (2, 6, 8): {Z: (75, PERMINOV)},
    (2, 7, 7): {Z: (76, PERMINOV)},
    (2, 7, 8): {Z: (88, PERMINOV)},
    (2, 8, 8): {Z: (100, LILLE)},
    (3, 3, 3): {Z: (23, LADERMAN)},
    (3, 3, 4): {Z: (29, LILLE)},
    (3, 3, 5): {Z: (36, PERMINOV)},
    (3, 3, 6): {Z: (42, PERMINOV), Q: (40, LILLE)},
    (3, 3, 7): {Z: (49, PERMINOV)},
    (3, 3, 8): {Z: (56, PERMINOV), Q: (55, LILLE)},
    (3, 4, 4): {Z: (38, LILLE)},
    (3, 4, 5): {Z: (47, PERMINOV)},
    (3, 4, 6): {Z: (54, PERMINOV)},
    (3, 4, 7): {Z: (64, PERMINOV), Q: (63, LILLE)},
    (3, 4, 8): {Z: (73, PERMINOV)},
    (3, 5, 5): {Z: (58, PERMINOV)},
    (3, 5, 6): {Z: (68, PERMINOV)},
    (3, 5, 7): {Z: (79, PERMINOV)},
    (3, 5, 8): {Z: (90, PERMINOV)},
    (3, 6, 6): {Z: (83, PERMINOV), Q: (80, LILLE)},
    (3, 6, 7): {Z: (96, PERMINOV), Q: (94, LILLE)},
    (3, 6, 8): {Z: (108, PERMINOV)},
    (3, 7, 7): {Z: (111, PERMINOV)},
    (3, 7, 8): {Z: (128, PERMINOV), Q: (126, LILLE)},
    (3, 8, 8): {Z: (146, PERMINOV), Q: (145, LILLE)},
    (4, 4, 4): {Z: (49, TWICE), DYADIC: (48, DUMAS), Q: (48, DUMAS), GF2: (47, ALPHATENSOR)},
    (4, 4, 5): {Z: (61, PERMINOV), GF2: (60, KAUERS)},
    (4, 4, 6): {Z: (73, PERMINOV)},
    (4, 4, 7): {Z: (85, ALPHAEVOLVE)},
    (4, 4, 8): {Z: (96, PERMINOV)},
    (4, 5, 5): {Z: (76, PERMINOV)},
    (4, 5, 6): {Z: (90, PERMINOV)},
    (4, 5, 7): {Z: (104, PERMINOV)},
    (4, 5, 8): {Z: (118, PERMINOV)},
    (4, 6, 6): {Z: (105, LILLE)},
    (4, 6, 7): {Z: (123, PERMINOV)},
    (4, 6, 8): {Z: (140, LILLE)},
    (4, 7, 7): {Z: (144, PERMINOV)},
    (4, 7, 8): {Z: (161, PERMINOV)},
    (4, 8, 8): {Z: (180, PERMINOV)},
    (5, 5, 5): {Z: (93, PERMINOV)},
    (5, 5, 6): {Z: (110, PERMINOV)},
    (5, 5, 7): {Z: (127, PERMINOV)},
    (5, 5, 8): {Z: (144, PERMINOV)},
    (5, 6, 6): {Z: (130, PERMINOV)},
    (5, 6, 7): {Z: (150, PERMINOV)},
    (5, 6, 8): {Z: (170, PERMINOV)},
    (5, 7, 7): {Z: (176, PERMINOV)},
    (5, 7, 8): {Z: (204, PERMINOV)},
    (5, 8, 8): {Z: (230, PERMINOV)},
    (6, 6, 6): {Z: (153, PERMINOV)},
    (6, 6, 7): {Z: (183, PERMINOV)},
    (6, 6, 8): {Z: (203, LILLE)},
    (6, 7, 7): {Z: (212, PERMINOV)},
    (6, 7, 8): {Z: (238, PERMINOV)},
    (6, 8, 8): {Z: (266, LILLE)},
    (7, 7, 7): {Z: (250, PERMINOV), Q: (249, LILLE)},
    (7, 7, 8): {Z: (278, PERMINOV), Q: (277, LILLE)},
    (7, 8, 8): {Z: (310, PERMINOV), Q: (306, LILLE)},
    (8, 8, 8): {Z: (343, PERMINOV), Q: (336, LILLE)},
}

#: Smallest upper bound known on the border rank and its source, in the same order.
BORDER_RANKS: dict[Sizes, tuple[int, str]] = {
    (2, 2, 2): (7, LANDSBERG),
    (2, 2, 3): (10, BINI),
    (2, 2, 4): (13, SMIRNOV),
    (2, 2, 5): (16, SMIRNOV),
    (2, 2, 7): (22, SMIRNOV),
    (2, 3, 3): (14, SMIRNOV_14),
    (2, 4, 4): (24, SMIRNOV),
    (2, 5, 5): (37, SMIRNOV),
    (3, 3, 3): (20, SMIRNOV_20),
    (3, 3, 4): (27, SMIRNOV),
    (4, 4, 4): (46, SMIRNOV),
    (5, 5, 5): (89, SEDOGLAVIC),
}
