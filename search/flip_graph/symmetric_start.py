"""Schemes of square formats over GF(2) that rotation leaves as they are: where symmetric walks start."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from search.flip_graph.scheme import Scheme
from stl_algebra import Format, InvalidInput, Ring


def block_start(blocks: Sequence[int]) -> Scheme:
    """The scheme of ⟨n,n,n⟩ whose cubes are those of the identities of diagonal blocks of such sizes, n in all.

    With eᵢⱼ the matrix units, tr(XYZ) is the sum of all eᵢⱼ⊗eⱼₖ⊗eₖᵢ. The cube of Σ_{i∈B} eᵢᵢ holds eᵢᵢ⊗eᵢᵢ⊗eᵢᵢ for
    every i of the block, and the other eᵢᵢ⊗eⱼⱼ⊗eₖₖ of the block besides, which are added once more to cancel. Orbits
    count three, so how many cubes there are decides which ranks flips and reductions come to: a single block of 2
    leads to Strassen's algorithm (1 + 6), and two of 1 do not. Raises InvalidInput for sizes below 1.

    >>> block_start([1, 1]).rank, block_start([2]).encoder.ring.value
    (8, 'GF(2)')

    Sources: Ballard, Ikenmeyer, Landsberg, Ryder, The geometry of rank decompositions of matrix multiplication II,
    2018 (cubes and orbits); Moosbauer, Poole, Flip graphs with symmetry and new matrix multiplication schemes, 2025.
    """
    if not blocks or min(blocks) < 1:
        raise InvalidInput(f"diagonal blocks of sizes {list(blocks)} are none")
    n, ends = sum(blocks), np.cumsum(blocks)
    products = [((i, j), (j, k), (i, k)) for i, j, k in product(range(n), repeat=3) if not i == j == k]
    cubes = np.zeros((len(blocks), n, n), np.int8)
    for cube, size, end in zip(cubes, blocks, ends, strict=True):
        block = range(end - size, end)
        cube[block, block] = 1
        products += [((i, i), (j, j), (k, k)) for i, j, k in product(block, repeat=3) if not i == j == k]
    factors = []
    for slot in range(3):
        units = np.zeros((len(products), n, n), np.int8)
        for s, entries in enumerate(products):
            units[s][entries[slot]] = 1
        factors.append(np.concatenate([units, cubes]).reshape(-1, n * n))
    return Scheme(Format(n, n, n), (factors[0], factors[1], factors[2]), Ring.GF2)


def random_blocks(n: int, rank: int, rng: np.random.Generator) -> list[int]:
    """Sizes of blocks, n in all, drawn so that as many cubes lead to the rank where any number of blocks does.

    >>> random_blocks(2, 7, np.random.default_rng(0))
    [2]
    """
    counts = [count for count in range(1, n + 1) if (rank - count) % 3 == 0] or [n]
    count = counts[int(rng.integers(len(counts)))]
    cuts = np.sort(rng.choice(np.arange(1, n), count - 1, replace=False))
    return sorted(np.diff([0, *cuts, n]).tolist(), reverse=True)
