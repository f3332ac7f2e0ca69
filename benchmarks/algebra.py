"""Figures of the algebra: transforms, annealing, growth; recorded as JSON.

    python benchmarks/algebra.py [--output FILE]

Every figure is measured in this run, compilation apart, on one thread. `schemes.py` measures schemes and their
verification.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from search.triple_product import Annealing, anneal_maps
from stl_algebra import Format, kronecker, strassen
from stl_algebra.group_encoders import algebra_rank, best_progression_maps
from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    cyclic,
    dicyclic,
    dihedral,
    direct_product,
    elementary_abelian,
    heisenberg,
    library,
    symmetric,
)
from stl_algebra.representations import WedderburnTransform, convolve, real_irreducibles
from stl_algebra.symmetry import least_growth
from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"
SEED = 0


def groups_to_64() -> list[FiniteGroup]:
    """The library, and groups of order 32 to 64 of every kind."""
    larger = [
        elementary_abelian(2, 5),
        elementary_abelian(2, 6),
        abelian(8, 8),
        cyclic(61),
        cyclic(64),
        dihedral(32),
        dicyclic(16),
        heisenberg(4),
        direct_product(symmetric(3), symmetric(3)),
        direct_product(dicyclic(2), dicyclic(2)),
        direct_product(symmetric(4), cyclic(2)),
        direct_product(dihedral(4), dicyclic(2)),
    ]
    return [*library(), *larger]


def measure_wedderburn() -> dict[str, Any]:
    """Time to build the transform and its inverse from nothing, and its residuals, for every group up to order 64."""
    seconds, residuals = {}, {}
    for group in groups_to_64():
        started = time.perf_counter()
        transform = WedderburnTransform(group, real_irreducibles.__wrapped__(group))
        forward, inverse = transform.forward, transform.inverse
        seconds[group.name] = time.perf_counter() - started
        first, second = np.random.default_rng(SEED).standard_normal((2, group.order))
        product = transform.multiply(transform.transform(first), transform.transform(second))
        residuals[group.name] = max(
            float(np.abs(inverse @ forward - np.eye(group.order)).max()),
            float(np.abs(transform.invert(product) - convolve(group, first, second)).max()),
        )
    slowest, worst = max(seconds, key=seconds.__getitem__), max(residuals, key=residuals.__getitem__)
    return {
        "groups": len(seconds),
        "slowest": {"group": slowest, "seconds": seconds[slowest]},
        "worst_residual": {"group": worst, "residual": residuals[worst]},
        "total_seconds": sum(seconds.values()),
    }


def measure_annealing(moves: int = 3_000_000) -> dict[str, Any]:
    """Single-entry moves evaluated per second at ⟨4,4,4⟩, |G| = 32, one core."""
    rates = {}
    for group in (cyclic(32), elementary_abelian(2, 5), abelian(8, 4), direct_product(dihedral(4), abelian(2, 2))):
        anneal_maps(Format(4, 4, 4), group, np.random.default_rng(SEED), Annealing(moves=10))
        started = time.perf_counter()
        maps = anneal_maps(Format(4, 4, 4), group, np.random.default_rng(SEED), Annealing(moves=moves))
        rates[group.name] = {
            "moves_per_second": moves / (time.perf_counter() - started),
            "relative_error": maps.relative_error,
            "algebra_rank": algebra_rank(group),
        }
    return {"format": "4x4x4", "moves": moves, "groups": rates}


def measure_approximate_triple_products(moves: int = 4_000_000, seeds: int = 4) -> dict[str, Any]:
    """Least collision error met at ⟨4,4,4⟩ by annealing, and by arithmetic progressions in cyclic groups."""
    format = Format(4, 4, 4)
    figures = {}
    for group in (
        *(cyclic(order) for order in (24, 32, 40)),
        elementary_abelian(2, 5),
        symmetric(4),
        direct_product(dihedral(4), abelian(2, 2)),
    ):
        errors = [
            anneal_maps(format, group, np.random.default_rng((SEED, seed)), Annealing(moves)).relative_error
            for seed in range(seeds)
        ]
        figures[group.name] = {
            "order": group.order,
            "algebra_rank": algebra_rank(group),
            "annealed": min(errors),
            "annealed_median": median(errors),
            "entries_left_out": 1 - group.order / format.products,  # what |G| of the n·m·p products alone leave
        }
        if group.name == f"C{group.order}":
            figures[group.name]["progressions"] = best_progression_maps(format, group.order).relative_error
    return {"format": "4x4x4", "moves": moves, "seeds": seeds, "groups": figures}


def measure_growth() -> dict[str, float]:
    """Growth of Strassen², and the least found along its gauge orbit."""
    square = kronecker(strassen(), strassen())
    return {"strassen_squared": square.growth, "least_of_its_orbit": least_growth(square).growth}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=RESULTS / "algebra.json")
    output = parser.parse_args().output
    with threadpool_limits(1):
        record: dict[str, Any] = {
            "wedderburn": measure_wedderburn(),
            "annealing": measure_annealing(),
            "approximate_triple_products": measure_approximate_triple_products(),
            "growth": measure_growth(),
            **environment(SEED, "sympy"),
        }
    write_record(output, record)
    wedderburn, annealing = record["wedderburn"], record["annealing"]
    slowest, worst = wedderburn["slowest"], wedderburn["worst_residual"]
    print(f"Wedderburn transforms of {wedderburn['groups']} groups up to order 64:")
    print(f"  slowest {slowest['seconds']:.3f} s ({slowest['group']})")
    print(f"  largest residual {worst['residual']:.1e} ({worst['group']})")
    for name, row in annealing["groups"].items():
        print(f"annealing at ⟨4,4,4⟩ in {name}: {row['moves_per_second'] / 1e6:.2f} million moves/s")
    for name, row in record["approximate_triple_products"]["groups"].items():
        progressions = f", by progressions {row['progressions']:.4f}" if "progressions" in row else ""
        print(f"least collision error at ⟨4,4,4⟩ in {name}: annealed {row['annealed']:.4f}{progressions}")
    growth = record["growth"]
    print(f"growth of Strassen²: {growth['strassen_squared']:g}, along its orbit {growth['least_of_its_orbit']:.6g}")
    print(f"recorded in {output}")


if __name__ == "__main__":
    main()
