"""Figures of schemes, symmetry and quality: ranks by composition, exact verification, growth, additions; as JSON.

    python benchmarks/schemes.py [--output FILE]

Everything is measured in this run on one thread; times are medians of five.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from stl_algebra import PRECISIONS, Format, TileEncoder, kronecker, strassen
from stl_algebra.quality import count_additions, nonzeros, sparsest
from stl_algebra.schemes import best_composed, bini, laderman, schonhage, winograd
from stl_algebra.schemes.composed import KNOWN, _Table
from stl_algebra.symmetry import Symmetry, least_growth, symmetry_group
from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"

#: Best exact ranks known in mid-2026, over Z, Z[1/2] or Q.
BEST_KNOWN = {
    (2, 2, 2): 7, (2, 2, 3): 11, (2, 2, 4): 14, (2, 2, 5): 18, (2, 3, 3): 15, (2, 3, 4): 20, (2, 3, 5): 25,
    (2, 4, 4): 26, (2, 4, 5): 32, (2, 5, 5): 40, (3, 3, 3): 23, (3, 3, 4): 29, (3, 3, 5): 36, (3, 4, 4): 38,
    (3, 4, 5): 47, (3, 5, 5): 58, (4, 4, 4): 48, (4, 4, 5): 61, (4, 5, 5): 76, (5, 5, 5): 93, (6, 6, 6): 153,
}  # fmt: skip


def measure_composition() -> dict[str, Any]:
    """The least composed rank of every format up to 8, and the time to find and to build all of them."""
    formats = [Format(*f) for f in combinations_with_replacement(range(1, 9), 3)]
    started = time.perf_counter()
    table = _Table(())
    derivations = [table.best(format) for format in formats]
    planned = time.perf_counter() - started
    started = time.perf_counter()
    ranks = {str(d.format): d.encoder.rank for d in derivations}
    return {
        "formats": len(formats),
        "plan_seconds": planned,
        "build_and_prove_seconds": time.perf_counter() - started,
        "ranks": ranks,
        "best_known": {str(Format(*f)): rank for f, rank in BEST_KNOWN.items()},
    }


def measure_verification() -> dict[str, Any]:
    """Proving an encoder of ⟨5,5,5⟩, of rank 93 or more, from its exact coefficients and from float64."""
    encoder = best_composed(Format(5, 5, 5)).encoder
    generator = np.random.default_rng(0)

    def in_other_bases(largest: int) -> TileEncoder:
        bases = [np.triu(generator.integers(1, largest + 1, (5, 5))) for _ in range(3)]
        return Symmetry.of(encoder.format, bases).apply(encoder)

    cases = {"Z": encoder, "Q": in_other_bases(9), "Q, sums beyond 2^53": in_other_bases(60)}
    figures = {}
    for name, case in cases.items():
        u, v, w = (np.array(factor, dtype=object) for factor in case.exact_coefficients())
        figures[name] = {
            "rank": case.rank,
            "denominators": case.denominators,
            "from_float64_seconds": seconds(partial(_rebuilt, case)),
            "from_fractions_seconds": seconds(partial(TileEncoder.from_exact, case.format, u, v, w)),
        }
    return figures


def measure_quality() -> dict[str, Any]:
    """Growth, nonzeros and additions of the known schemes, before and after improvement along their orbits."""
    schemes = {name: make() for name, make in KNOWN.items()}
    schemes |= {"Winograd": winograd(), "Strassen²": kronecker(strassen(), strassen())}
    schemes["Laderman ⊗ Strassen"] = kronecker(laderman(), strassen())
    figures = {}
    for name, encoder in schemes.items():
        dyadic, sparse = least_growth(encoder, 8), sparsest(encoder)
        figures[name] = {
            "format": str(encoder.format),
            "rank": encoder.rank,
            "growth": encoder.growth,
            "least_growth_of_orbit": least_growth(encoder).growth,
            "least_growth_seconds": seconds(partial(least_growth, encoder), 1),
            "growth_exact_dyadic": dyadic.growth,
            "ring_exact_dyadic": str(dyadic.ring),
            "bf16_error": encoder.error_at("bf16"),
            "bf16_error_exact_dyadic": dyadic.error_at("bf16"),
            "nonzeros": nonzeros(encoder),
            "nonzeros_sparsest": nonzeros(sparse),
            "additions_naive": count_additions(encoder).naive,
            "additions_shared": count_additions(encoder).total,
            "additions_shared_sparsest": count_additions(sparse).total,
        }
    return figures


def measure_families() -> dict[str, Any]:
    """The best ε of the border-rank families at every precision, and the error there."""
    figures: dict[str, Any] = {}
    for name, family in {"Bini": bini(), "Schönhage": schonhage()}.items():
        figures[name] = {"format": str(family.format), "rank": family.rank}
        for precision in PRECISIONS:
            epsilon = family.best_epsilon(precision)
            figures[name][precision] = {"epsilon": epsilon, "error": family.at(epsilon).error_at(precision)}
    return figures


def measure_symmetry() -> dict[str, Any]:
    """The symmetry groups of known schemes within signed permutations, rotation and transposition."""
    figures = {}
    schemes = {name: make() for name, make in KNOWN.items()} | {"Strassen²": kronecker(strassen(), strassen())}
    for name, encoder in schemes.items():
        started = time.perf_counter()
        figures[name] = {"order": len(symmetry_group(encoder)), "seconds": time.perf_counter() - started}
    return figures


def seconds(action: Callable[[], object], repeats: int = 5) -> float:
    """The median time of an action."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return median(times)


def _rebuilt(e: TileEncoder) -> TileEncoder:
    return TileEncoder(e.format, e.encode_x, e.encode_w, e.decode, e.ring, e.denominators)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=RESULTS / "schemes.json")
    output = parser.parse_args().output
    with threadpool_limits(1):
        record = {
            "composition": measure_composition(),
            "verification": measure_verification(),
            "quality": measure_quality(),
            "families": measure_families(),
            "symmetry": measure_symmetry(),
            **environment(0, "sympy"),
        }
    write_record(output, record)
    composition = record["composition"]
    print(f"{composition['formats']} formats up to 8 planned in {composition['plan_seconds']:.2f} s, ", end="")
    print(f"built and proved in {composition['build_and_prove_seconds']:.2f} s")
    for name, row in record["verification"].items():
        print(
            f"rank {row['rank']} of 5x5x5 over {name}: {row['from_float64_seconds'] * 1e3:.1f} ms from float64, ",
            end="",
        )
        print(f"{row['from_fractions_seconds'] * 1e3:.0f} ms from fractions")
    for name, row in record["quality"].items():
        growths = (
            f"{row['growth']:.6g} → {row['growth_exact_dyadic']:.6g} exact, {row['least_growth_of_orbit']:.6g} least"
        )
        additions = f"{row['additions_naive']} → {row['additions_shared']} → {row['additions_shared_sparsest']}"
        print(f"{name}: growth {growths}; additions {additions}")
    print(f"recorded in {output}")


if __name__ == "__main__":
    main()
