"""The exact encoder of least rank that composing the known schemes reaches, with its derivation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import permutations, product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stl_algebra.classical import classical
from stl_algebra.composition import direct_sum, kronecker
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring
from stl_algebra.schemes.benson_ballard import benson_ballard_234, benson_ballard_244, benson_ballard_334
from stl_algebra.schemes.hopcroft_kerr import hopcroft_kerr_233
from stl_algebra.schemes.laderman import laderman
from stl_algebra.schemes.orientation import reorient
from stl_algebra.schemes.projection import project
from stl_algebra.strassen import strassen
from stl_algebra.tensor import MAX_PRODUCTS

if TYPE_CHECKING:
    import networkx as nx

KNOWN: dict[str, Callable[[], TileEncoder]] = {
    "Strassen": strassen,
    "Hopcroft–Kerr": hopcroft_kerr_233,
    "Benson–Ballard 2x3x4": benson_ballard_234,
    "Benson–Ballard 2x4x4": benson_ballard_244,
    "Laderman": laderman,
    "Benson–Ballard 3x3x4": benson_ballard_334,
}


@dataclass(frozen=True)
class Derivation:
    """How an exact encoder is made: a rule, the derivations it takes, and the rank and growth it gives.

    Parameters
    ----------
    format : Format
        The format of the encoder.
    rank : int
        Its rank.
    growth : float
        Its growth.
    rule : {"classical", "scheme", "projection", "kronecker", "sum-n", "sum-m", "sum-p"}
        How it is made. A ``scheme`` is a known one and a ``projection`` drops a row or column of a known one.
        ``kronecker`` takes two parts, outer and inner; a sum takes two parts and splits one dimension.
    parts : tuple of Derivation, default ()
        The derivations that the rule takes.
    name : str, default ""
        The name of the known scheme.
    source : callable, optional
        Builds the known scheme, or its projection, in some order of the dimensions.
    """

    format: Format
    rank: int
    growth: float
    rule: str
    parts: tuple[Derivation, ...] = ()
    name: str = ""
    source: Callable[[], TileEncoder] | None = field(default=None, compare=False)

    @cached_property
    def encoder(self) -> TileEncoder:
        """The encoder itself, built on first use and proved exact on construction."""
        if self.source is not None:
            return reorient(self.source(), self.format)
        if self.rule == "classical":
            return classical(self.format)
        first, second = (part.encoder for part in self.parts)
        if self.rule == "kronecker":
            return kronecker(first, second)
        return direct_sum(first, second, self.rule[-1])  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"Derivation({self.format}, rank={self.rank}, rule={self.rule!r}, name={self.name!r})"

    def __str__(self) -> str:
        """Write the tree, one line a step, parts indented below what they make."""
        head = f"{self.format}:{self.rank} {self.rule}{' ' + self.name if self.name else ''}"
        return "\n".join([head, *("  " + line for part in self.parts for line in str(part).splitlines())])


def best_composed(format: Format, seeds: Iterable[TileEncoder] = (), ring: Ring = Ring.Q) -> Derivation:
    """Find the derivation of least rank for a format, and of least growth among those.

    It combines the known schemes, the classical algorithm and `seeds` by rotation, transposition, projection of one
    scheme, Kronecker products and direct sums.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    seeds : iterable of TileEncoder, default ()
        Further encoders, exact over Z, Z[1/2] or Q.
    ring : Ring, default Ring.Q
        Only schemes over this ring are used: Z, Z[1/2] or Q.

    Returns
    -------
    Derivation
        The best derivation.

    Raises
    ------
    InvalidInput
        If the format has more than MAX_PRODUCTS products, a seed is not exact over the integers or rationals, or the
        ring is GF(2) or R.

    Examples
    --------
    >>> print(best_composed(Format(6, 4, 8)))
    6x4x8:140 kronecker
      2x2x2:7 scheme Strassen
      3x2x4:20 scheme Benson–Ballard 2x3x4
    """
    format = Format(*format)
    if format.products > MAX_PRODUCTS:
        raise InvalidInput(f"format {format} has {format.products} products; up to {MAX_PRODUCTS} are supported")
    if not ring.is_exact_for_reals:
        raise InvalidInput(f"schemes are composed over Z, Z[1/2] or Q, not over {ring}")
    seeds = tuple(seeds)
    for seed in seeds:
        if not seed.ring.is_exact_for_reals:
            raise InvalidInput(f"a seed of {seed.format} and rank {seed.rank} is not exact over Z or Q")
    return _table(seeds, ring).best(format)


def derivation_graph(formats: Iterable[Format], seeds: Sequence[TileEncoder] = ()) -> nx.DiGraph:
    """Collect the best derivations of some formats in one graph.

    Parameters
    ----------
    formats : iterable of Format
        The formats.
    seeds : sequence of TileEncoder, default ()
        Further exact encoders, as in `best_composed`.

    Returns
    -------
    networkx.DiGraph
        A graph with an edge from each part to what it makes. Nodes are formats as strings, their dimensions in
        ascending order, with the attributes `rank`, `rule` and `name`.

    Raises
    ------
    InvalidInput
        If `best_composed` refuses a format or a seed.

    Examples
    --------
    >>> sorted(derivation_graph([Format(2, 2, 3)]).edges)
    [('1x2x2', '2x2x3'), ('2x2x2', '2x2x3')]
    """
    import networkx as nx

    graph = nx.DiGraph()
    waiting = [best_composed(format, seeds) for format in formats]
    while waiting:
        derivation = waiting.pop()
        node = str(Format(*sorted(derivation.format)))
        graph.add_node(node, rank=derivation.rank, rule=derivation.rule, name=derivation.name)
        for part in derivation.parts:
            graph.add_edge(str(Format(*sorted(part.format))), node)
            waiting.append(part)
    return graph


@lru_cache(maxsize=8)
def _table(seeds: tuple[TileEncoder, ...], ring: Ring) -> _Table:
    """One table for all formats asked of the same seeds: every best derivation is found once."""
    return _Table(seeds, ring)


class _Table:
    """Dynamic programming over formats, dimensions in ascending order: every step only uses smaller formats."""

    def __init__(self, seeds: Sequence[TileEncoder], ring: Ring = Ring.Q) -> None:
        self._rings = _RINGS[: _RINGS.index(ring) + 1]
        self._schemes: dict[tuple[int, ...], Derivation] = {}
        self._best: dict[tuple[int, ...], Derivation] = {}
        for name, make in KNOWN.items():
            self._add_scheme(name, make())
        for seed in seeds:
            self._add_scheme(f"seed {seed.digest[:10]}", seed)

    def best(self, format: Format) -> Derivation:
        """The best derivation, in the orientation asked for."""
        key = tuple(sorted(format))
        if key not in self._best:
            self._best[key] = min(self._candidates(Format(*key)), key=lambda d: (d.rank, d.growth))
        return self._turned(self._best[key], format)

    def _add_scheme(self, name: str, encoder: TileEncoder) -> None:
        if encoder.ring not in self._rings:
            return
        self._offer(Derivation(encoder.format, encoder.rank, encoder.growth, "scheme", (), name, lambda: encoder))
        for axis in range(3):
            if encoder.format[axis] > 1:
                smaller = _without_one(encoder, axis)
                source = _constant(smaller)
                self._offer(
                    Derivation(smaller.format, smaller.rank, smaller.growth, "projection", (), f"of {name}", source)
                )

    def _offer(self, derivation: Derivation) -> None:
        key = tuple(sorted(derivation.format))
        known = self._schemes.get(key)
        if known is None or (derivation.rank, derivation.growth) < (known.rank, known.growth):
            self._schemes[key] = self._turned(derivation, Format(*key))

    def _candidates(self, format: Format) -> Iterator[Derivation]:
        yield Derivation(format, format.products, float(format.products), "classical")
        if tuple(format) in self._schemes:
            yield self._schemes[tuple(format)]
        for axis, size in enumerate(format):
            for part in range(1, size // 2 + 1):
                sizes = [list(format), list(format)]
                sizes[0][axis], sizes[1][axis] = part, size - part
                first, second = (self.best(Format(*s)) for s in sizes)
                rank, growth = first.rank + second.rank, first.growth + second.growth
                yield Derivation(format, rank, growth, f"sum-{'nmp'[axis]}", (first, second))
        divisors = [[d for d in range(1, size + 1) if size % d == 0] for size in format]
        for outer in product(*divisors):
            if 1 < prod(outer) < format.products:
                inner = Format(*(size // d for size, d in zip(format, outer, strict=True)))
                first, second = self.best(Format(*outer)), self.best(inner)
                rank, growth = first.rank * second.rank, first.growth * second.growth
                yield Derivation(format, rank, growth, "kronecker", (first, second))

    def _turned(self, derivation: Derivation, format: Format) -> Derivation:
        """The same derivation for another order of the dimensions: its parts are turned, not its encoder."""
        if derivation.format == format:
            return derivation
        order = next(o for o in _ORDERS if all(derivation.format[o[i]] == format[i] for i in range(3)))
        parts = tuple(self._turned(part, Format(*(part.format[i] for i in order))) for part in derivation.parts)
        rule = derivation.rule
        if rule.startswith("sum-"):
            rule = f"sum-{'nmp'[order.index('nmp'.index(rule[-1]))]}"
        source = derivation.source
        return Derivation(format, derivation.rank, derivation.growth, rule, parts, derivation.name, source)


_RINGS = [Ring.Z, Ring.DYADIC, Ring.Q]
_ORDERS = list(permutations(range(3)))


def _without_one(encoder: TileEncoder, axis: int) -> TileEncoder:
    """The projection that drops the index along an axis with which most products vanish."""
    keeps = [[list(range(size)) for size in encoder.format] for _ in range(encoder.format[axis])]
    for dropped, keep in enumerate(keeps):
        del keep[axis][dropped]
    return project(encoder, *min(keeps, key=lambda keep: _products_left(encoder, *keep)))


def _products_left(encoder: TileEncoder, n: list[int], m: list[int], p: list[int]) -> int:
    shapes = zip((n, m, n), (m, p, p), encoder.factors, "nmn", "mpp", strict=True)
    alive = np.ones(encoder.rank, dtype=bool)
    for rows, columns, factor, first, second in shapes:
        size = getattr(encoder.format, first), getattr(encoder.format, second)
        alive &= np.any(factor.reshape(-1, *size)[:, rows][:, :, columns] != 0, axis=(1, 2))
    return int(alive.sum())


def _constant(encoder: TileEncoder) -> Callable[[], TileEncoder]:
    return lambda: encoder
