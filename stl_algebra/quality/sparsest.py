"""Fewest coefficients, or additions, along the unimodular change-of-basis orbit of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.quality.additions import additions_of
from stl_algebra.symmetry.element import Symmetry, trace_form

Measure = Literal["nonzeros", "additions", "growth"]
Move = tuple[int, int, int, int]
Value = tuple[float, float]


def nonzeros(encoder: TileEncoder) -> int:
    """Count the nonzero coefficients of E_X, E_W and D.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    int
        The number of nonzero coefficients.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> nonzeros(strassen())
    36
    """
    return int(sum(np.count_nonzero(factor) for factor in encoder.factors))


def sparsest(encoder: TileEncoder, measure: Measure = "nonzeros", kicks: int = 20, seed: int = 0) -> TileEncoder:
    """Search the orbit of SL(n,Z)×SL(m,Z)×SL(p,Z) for an encoder with less of a measure.

    Ties are broken by growth.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder that is exact over Z, Z[1/2] or Q.
    measure : {"nonzeros", "additions", "growth"}, default "nonzeros"
        What is minimised.
    kicks : int, default 20
        The number of restarts from the best encoder so far, each after three random moves.
    seed : int, default 0
        The seed of the random moves.

    Returns
    -------
    TileEncoder
        The best encoder found, exact over the same ring.

    Raises
    ------
    InvalidInput
        If the encoder is not exact over the integers or rationals, or the measure is unknown.

    Notes
    -----
    Each descent is steepest descent over elementary matrices: one row of one basis is added to another row or
    subtracted from it.

    References
    ----------
    .. [1] Karstadt, Schwartz, Matrix multiplication, a little faster, SPAA 2017 (sparsity along the orbit).

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_algebra.quality import count_additions
    >>> count_additions(sparsest(strassen(), "additions", kicks=8)).total
    15
    """
    if not encoder.ring.is_exact_for_reals:
        raise InvalidInput("only an encoder that is exact over the integers or rationals can be made sparser")
    if measure not in _MEASURES:
        raise InvalidInput(f"unknown measure {measure!r}; choose one of {', '.join(_MEASURES)}")
    generator = np.random.default_rng(seed)
    moves = _moves(encoder.format)
    value = _MEASURES[measure]
    best = _descended(_State.of(encoder), moves, value)
    for _ in range(kicks if moves else 0):
        start = best
        for index in generator.integers(len(moves), size=3):
            start = start.moved(moves[index])
        best = min(best, _descended(start, moves, value), key=value)
    return Symmetry.of(encoder.format, best.bases).apply(encoder)


class _State(NamedTuple):
    """Integer factors in trace form, (r, n, m), (r, m, p), (r, p, n), and the bases that led there."""

    factors: tuple[NDArray[np.float64], ...]
    bases: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, encoder: TileEncoder) -> _State:
        sizes, (qx, qw, qd) = encoder.format, encoder.denominators
        factors = [
            np.rint(factor * q).reshape(-1, sizes[i], sizes[(i + 1) % 3])
            for i, (factor, q) in enumerate(zip(trace_form(encoder), (qx, qw, qd), strict=True))
        ]
        return cls(tuple(factors), tuple(np.eye(size, dtype=np.int64) for size in sizes))

    def moved(self, move: Move) -> _State:
        """Multiplied by 1 + sign·E_ij in one space: on the left of one factor, inversely on the right of another."""
        space, i, j, sign = move
        factors, bases = list(self.factors), list(self.bases)
        left, right, base = factors[space].copy(), factors[space - 1].copy(), bases[space].copy()
        left[:, i, :] += sign * left[:, j, :]
        right[:, :, j] -= sign * right[:, :, i]
        base[i] += sign * base[j]
        factors[space], factors[space - 1], bases[space] = left, right, base
        return _State(tuple(factors), tuple(bases))


def _descended(state: _State, moves: list[Move], value: Callable[[_State], Value]) -> _State:
    """Steepest descent to a state that no single move improves."""
    while True:
        better = min((state.moved(move) for move in moves), key=value, default=state)
        if value(better) >= value(state):
            return state
        state = better


def _growth(state: _State) -> Value:
    squared = [np.sum(factor**2, axis=(1, 2)) for factor in state.factors]
    return float(np.sum(np.prod(squared, axis=0))), 0.0


def _nonzeros(state: _State) -> Value:
    return float(sum(np.count_nonzero(factor) for factor in state.factors)), _growth(state)[0]


def _additions(state: _State) -> Value:
    u, v, z = (factor.reshape(len(factor), -1) for factor in state.factors)
    return float(additions_of((u, v, z.T), restarts=1).total), _growth(state)[0]


_MEASURES: dict[str, Callable[[_State], Value]] = {
    "nonzeros": _nonzeros,
    "additions": _additions,
    "growth": _growth,
}


def _moves(format: Format) -> list[Move]:
    """(space, row, other row, sign): the elementary matrices 1 ± E."""
    return [
        (space, i, j, sign)
        for space, size in enumerate(format)
        for i, j in permutations(range(size), 2)
        for sign in (1, -1)
    ]
