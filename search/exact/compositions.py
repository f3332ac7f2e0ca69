"""The approximate encoder of least error that composing smaller ones gives, at every rank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from search.exact.exact_seeds import derivation
from stl_algebra import Format, Precision, TileEncoder, classical, direct_sum, kronecker
from stl_algebra.composition import Axis
from stl_algebra.schemes import reorient

Array = NDArray[np.float64]
Key = tuple[int, int, int]

AXES: tuple[Axis, ...] = ("n", "m", "p")
#: How an entry of the table is made: of nothing, an encoder, an exact construction, or two parts by their ranks.
_NOTHING, _GIVEN, _EXACT, _SUM, _KRONECKER = range(5)


@dataclass(frozen=True)
class _Recipe:
    """What an entry is made of: for two parts their formats, sorted, their ranks, and the axis of a sum."""

    rule: int
    parts: tuple[tuple[Key, int], ...] = ()
    axis: int = 0
    encoder: TileEncoder | None = None


class CompositionTable:
    """For every format up to a given one and every rank up to a given one the best composition of encoders.

    What is composed are `parts`, encoders of any smaller formats, and the exact constructions. A sum splits one
    dimension: squared residuals and growths add. A Kronecker product leaves 1 − (1 − e₁)(1 − e₂) of relative errors
    that are least-squares optima, and growths multiply; with an exact outer encoder the error is that of the inner
    one. A part of rank 0 leaves its outputs out. Formats count up to permutation.

    >>> table = CompositionTable(Format(4, 4, 4), 42, Precision.parse("fp32"))
    >>> encoder = table.encoder(42)
    >>> encoder.rank, round(encoder.relative_error, 3)
    (42, 0.203)
    """

    def __init__(self, format: Format, rank: int, precision: Precision, parts: Iterable[TileEncoder] = ()) -> None:
        self._format, self._rank = format, rank
        self._penalty = 2 * precision.rounding**2
        self._given: dict[Key, list[TileEncoder]] = {}
        for encoder in parts:
            self._given.setdefault(_key(encoder.format), []).append(encoder)
        self._residual: dict[Key, Array] = {}
        self._growth: dict[Key, Array] = {}
        self._recipes: dict[Key, list[_Recipe]] = {}
        last = _key(format)
        keys = {_key(sizes) for sizes in product(*(range(1, size + 1) for size in last))}
        for key in sorted(keys, key=lambda k: (k[0] * k[1] * k[2], k)):
            self._fill(key)

    def error(self, rank: int) -> float:
        """The error at the precision that the table predicts for a rank."""
        key = _key(self._format)
        return float(self._value(key)[rank]) / self._format.products

    def encoder(self, rank: int) -> TileEncoder:
        """The composition, with at most `rank` products; the best the table has."""
        return self._build(_key(self._format), rank, self._format)

    def words(self, rank: int) -> str:
        """The composition in words, such as ``⟨2,2,2⟩:7 ⊗ ⟨4,4,4⟩:36``."""
        return self._words(_key(self._format), rank)

    def parts_of(self, rank: int) -> Iterator[TileEncoder]:
        """The given encoders in the composition."""
        yield from self._parts(_key(self._format), rank)

    def _value(self, key: Key) -> Array:
        return self._residual[key] + self._penalty * self._growth[key]

    def _fill(self, key: Key) -> None:
        size = int(np.prod(key))
        ranks = min(self._rank, size) + 1
        self._residual[key] = np.full(ranks, float(size))
        self._growth[key] = np.zeros(ranks)
        self._recipes[key] = [_Recipe(_NOTHING)] * ranks
        exact = derivation(Format(*key))
        self._offer(key, exact.rank, 0.0, exact.growth, _Recipe(_EXACT))
        for encoder in self._given.get(key, ()):
            self._offer(
                key, encoder.rank, encoder.relative_error * size, encoder.growth, _Recipe(_GIVEN, encoder=encoder)
            )
        self._sums(key)
        self._kroneckers(key)
        value = self._value(key)
        for rank in range(1, ranks):  # more products are never worse
            if value[rank] > value[rank - 1]:
                for table in (self._residual[key], self._growth[key], value):
                    table[rank] = table[rank - 1]
                self._recipes[key][rank] = self._recipes[key][rank - 1]

    def _offer(self, key: Key, rank: int, residual: float, growth: float, recipe: _Recipe) -> None:
        if rank < len(self._recipes[key]) and residual + self._penalty * growth < (
            self._residual[key][rank] + self._penalty * self._growth[key][rank]
        ):
            self._residual[key][rank], self._growth[key][rank] = residual, growth
            self._recipes[key][rank] = recipe

    def _sums(self, key: Key) -> None:
        ranks = len(self._recipes[key])
        for axis in range(3):
            if axis and key[axis] == key[axis - 1]:
                continue
            for one in range(1, key[axis] // 2 + 1):
                first = _key((*key[:axis], one, *key[axis + 1 :]))
                second = _key((*key[:axis], key[axis] - one, *key[axis + 1 :]))
                a, b = self._value(first), self._value(second)
                for r in range(min(len(a), ranks)):
                    end = min(ranks - r, len(b))
                    better = np.flatnonzero(a[r] + b[:end] < self._value(key)[r : r + end] - 1e-12)
                    for other in better:
                        self._offer(
                            key,
                            r + int(other),
                            self._residual[first][r] + self._residual[second][other],
                            self._growth[first][r] + self._growth[second][other],
                            _Recipe(_SUM, ((first, r), (second, int(other))), axis),
                        )

    def _kroneckers(self, key: Key) -> None:
        size, ranks = int(np.prod(key)), len(self._recipes[key])
        for outer in product(*([d for d in range(1, k + 1) if k % d == 0] for k in key)):
            inner = tuple(k // d for k, d in zip(key, outer, strict=True))
            first, second = _key(outer), _key(inner)
            if int(np.prod(first)) in (1, size):
                continue
            for r in range(1, min(len(self._recipes[first]), ranks)):
                for q in range(1, min(len(self._recipes[second]), (ranks - 1) // r + 1)):
                    e = self._residual[first][r] / np.prod(first), self._residual[second][q] / np.prod(second)
                    self._offer(
                        key,
                        r * q,
                        size * (1 - (1 - e[0]) * (1 - e[1])),
                        self._growth[first][r] * self._growth[second][q],
                        _Recipe(_KRONECKER, ((outer, r), (inner, q))),  # type: ignore[arg-type]
                    )

    def _build(self, key: Key, rank: int, format: Format) -> TileEncoder:
        """The composition of a key at a rank, oriented as `format`."""
        recipe = self._recipes[key][rank]
        if recipe.rule == _NOTHING:
            raise AssertionError("an encoder without products was asked for")
        if recipe.rule == _GIVEN:
            assert recipe.encoder is not None
            return reorient(recipe.encoder, format)
        if recipe.rule == _EXACT:
            return reorient(derivation(Format(*key)).encoder, format)
        if recipe.rule == _KRONECKER:
            outer, inner = (
                self._build(_key(shape), r, Format(*shape))
                for shape, r in recipe.parts  # sorted along with the key
            )
            return reorient(kronecker(outer, inner), format)
        (first, r), (second, q) = recipe.parts
        axis = AXES[recipe.axis]
        shapes = [_opened(key, recipe.axis, part) for part in (first, second)]
        if self._empty(first, r) or self._empty(second, q):
            (kept, rank_kept, shape) = (second, q, shapes[1]) if self._empty(first, r) else (first, r, shapes[0])
            return reorient(_padded(self._build(kept, rank_kept, shape), axis, Format(*key)), format)
        return reorient(direct_sum(self._build(first, r, shapes[0]), self._build(second, q, shapes[1]), axis), format)

    def _empty(self, key: Key, rank: int) -> bool:
        return self._recipes[key][rank].rule == _NOTHING

    def _words(self, key: Key, rank: int) -> str:
        recipe = self._recipes[key][rank]
        if recipe.rule in (_SUM, _KRONECKER):
            sign = " + " if recipe.rule == _SUM else " ⊗ "
            parts = [self._words(_key(k), r) for k, r in recipe.parts if not self._empty(_key(k), r)]
            return f"({sign.join(parts)})" if len(parts) > 1 else parts[0]
        if recipe.rule == _GIVEN:
            assert recipe.encoder is not None
            return f"{Format(*key)}:{recipe.encoder.rank}"
        return f"{Format(*key)}:{derivation(Format(*key)).rank}"

    def _parts(self, key: Key, rank: int) -> Iterator[TileEncoder]:
        recipe = self._recipes[key][rank]
        if recipe.encoder is not None:
            yield recipe.encoder
        for part, r in recipe.parts:
            yield from self._parts(_key(part), r)


def _key(format: Iterable[int]) -> Key:
    a, b, c = sorted(format)
    return a, b, c


def _opened(key: Key, axis: int, part: Key) -> Format:
    """The part of a sum along an axis of the key's format, in the key's order of dimensions."""
    rest = [size for k, size in enumerate(key) if k != axis]
    left = list(part)
    for size in rest:
        left.remove(size)
    sizes = list(key)
    sizes[axis] = left[0]
    return Format(*sizes)


def _padded(encoder: TileEncoder, axis: Axis, format: Format) -> TileEncoder:
    """The encoder of a longer format that leaves what is beyond the encoder's own dimension out."""
    rest = Format(*(getattr(format, name) - getattr(encoder.format, name) * (name == axis) for name in format._fields))
    whole = direct_sum(encoder, classical(rest), axis)
    u, v, w = (factor[: encoder.rank] for factor in whole.factors)
    return TileEncoder(format, u, v, w.T)
