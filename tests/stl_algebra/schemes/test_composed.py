"""best_composed: ranks known to be reachable, derivations that build what they promise, further seeds."""

from __future__ import annotations

from itertools import combinations_with_replacement

import networkx as nx
import numpy as np
import pytest

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, direct_sum, strassen
from stl_algebra.schemes import best_composed, derivation_graph, laderman
from stl_algebra.schemes.composed import Derivation

#: Ranks that the published schemes in this package give by composition.
RANKS = {
    (1, 5, 7): 35,
    (2, 2, 2): 7,
    (2, 2, 3): 11,
    (2, 2, 5): 18,
    (2, 2, 8): 28,
    (2, 3, 3): 15,
    (2, 3, 4): 20,
    (2, 3, 5): 26,
    (2, 4, 4): 26,
    (2, 4, 5): 34,
    (2, 5, 5): 44,
    (3, 3, 3): 23,
    (3, 3, 4): 29,
    (3, 3, 5): 38,
    (3, 4, 4): 40,
    (3, 4, 5): 49,
    (4, 5, 5): 83,
    (4, 4, 4): 49,
    (4, 4, 8): 98,
    (6, 6, 6): 161,
    (6, 4, 8): 140,
    (8, 8, 8): 343,
}


@pytest.mark.parametrize(("format", "rank"), RANKS.items())
def test_ranks(format: tuple[int, int, int], rank: int) -> None:
    assert best_composed(Format(*format)).rank == rank


@pytest.mark.parametrize("format", [f for f in combinations_with_replacement(range(1, 9), 3) if f[2] >= 7 or f[0] <= 2])
def test_derivations_build_what_they_promise(format: tuple[int, int, int]) -> None:
    turned = Format(format[1], format[2], format[0])
    derivation = best_composed(turned)
    encoder = derivation.encoder
    assert encoder.exact
    assert (encoder.format, encoder.rank) == (turned, derivation.rank)
    assert encoder.growth == pytest.approx(derivation.growth)
    _check_parts(derivation)


def _check_parts(derivation: Derivation) -> None:
    for part in derivation.parts:
        _check_parts(part)
    if derivation.rule == "kronecker":
        first, second = derivation.parts
        assert derivation.format == tuple(np.multiply(first.format, second.format))
        assert derivation.rank == first.rank * second.rank
    if derivation.rule.startswith("sum-"):
        assert derivation.encoder == direct_sum(*(part.encoder for part in derivation.parts), derivation.rule[-1])


def test_monotone_in_every_dimension() -> None:
    for format in combinations_with_replacement(range(1, 6), 3):
        larger = Format(*format[:2], format[2] + 1)
        assert best_composed(Format(*format)).rank <= best_composed(larger).rank


def test_seeds_are_all_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any built-in scheme, Strassen's as a seed gives its powers, sums and projections."""
    monkeypatch.setitem(best_composed.__globals__, "KNOWN", {})
    found = best_composed(Format(4, 5, 4), [strassen()])
    assert found.rank == 49 + 16
    assert found.encoder.exact
    assert {d.name for d in _leaves(found) if d.rule == "scheme"} == {f"seed {strassen().digest[:10]}"}
    assert best_composed(Format(2, 2, 1), [laderman()]).rank == 4  # no projection of Laderman's beats the classical


def test_a_projected_seed_carries_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(best_composed.__globals__, "KNOWN", {})
    seed = best_composed(Format(2, 2, 2), [laderman()])
    assert seed.rank == 8
    wide = direct_sum(strassen(), strassen(), "n")
    found = best_composed(Format(3, 2, 2), [wide])
    assert (found.rule, found.name) == ("projection", f"of seed {wide.digest[:10]}")
    assert found.rank < 12
    assert found.encoder.format == (3, 2, 2)


def _leaves(derivation: Derivation) -> list[Derivation]:
    return [leaf for part in derivation.parts for leaf in _leaves(part)] or [derivation]


def test_seeds_must_be_exact() -> None:
    e = strassen()
    approximate = TileEncoder(e.format, e.encode_x, e.encode_w, e.decode)
    with pytest.raises(InvalidInput, match="a seed of 2x2x2 and rank 7 is not exact over Z or Q"):
        best_composed(Format(2, 2, 2), [approximate])
    with pytest.raises(InvalidInput, match="has 1000000 products; up to 4096"):
        best_composed(Format(100, 100, 100))


def test_the_ring_bounds_what_is_used() -> None:
    integer, dyadic = (best_composed(Format(2, 4, 4), ring=ring) for ring in (Ring.Z, Ring.DYADIC))
    assert (integer.rank, integer.encoder.ring) == (28, Ring.Z)
    assert (dyadic.rank, dyadic.encoder.ring) == (26, Ring.DYADIC)
    with pytest.raises(InvalidInput, match=r"over Z, Z\[1/2\] or Q, not over GF\(2\)"):
        best_composed(Format(2, 2, 2), ring=Ring.GF2)


def test_the_graph_of_derivations_is_acyclic_and_complete() -> None:
    formats = [Format(n, n, n) for n in range(1, 9)]
    graph = derivation_graph(formats)
    assert nx.is_directed_acyclic_graph(graph)
    for format in formats:
        assert graph.nodes[str(format)]["rank"] == best_composed(format).rank
    for node in graph:
        assert bool(graph.in_degree(node)) == (graph.nodes[node]["rule"] not in ("classical", "scheme", "projection"))
