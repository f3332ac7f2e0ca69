"""Advice on encoders for one layer: what each gains and costs, and which of them matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: An encoder may pay from this speed-up on when it is timed once: one timing is right to about a tenth.
NEAR = 0.9
#: An encoder that loses more than this part of the output is of no use, however fast; it is measured in full only if
#: all do.
USEFUL = 0.5
#: Encoders with errors below this are equally good.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Advice:
    """What one encoder gains and costs on one shape.

    Parameters
    ----------
    id : str
        The id of the encoder.
    tile : str
        Its format; with levels of Strassen's scheme, that of the whole.
    rank : int
        The number of channels of the whole.
    multiplications : float
        Its share of the dense multiplications.
    seconds : float
        Its own seconds. If it was timed once, they are computed from the speed-up it had then.
    speedup : float
        Dense seconds over its own, medians of one run.
    error : float
        The relative output error for independent inputs, at the precision.
    extra_bytes : int
        Memory for the encoded weight beyond the dense one's.
    break_even_rows : int or None
        The least number of rows measured from which on it is faster; None if it is faster at none of them, or was
        timed once.
    timed_once : bool
        Whether it was timed once only, perhaps on a part of the rows.
    """

    id: str
    tile: str
    rank: int
    multiplications: float
    seconds: float
    speedup: float
    error: float
    extra_bytes: int
    break_even_rows: int | None
    timed_once: bool = False


@dataclass(frozen=True)
class LayerAdvice:
    """The dense layer and every encoder against it.

    Parameters
    ----------
    rows : int
        Rows of the input.
    in_features : int
        K.
    out_features : int
        N.
    precision : str
        The precision, such as "fp32".
    dense_seconds : float
        Seconds of the dense layer, the least median measured.
    advice : tuple[Advice, ...]
        Encoders measured in full first, then the others; the fastest of either kind first.
    once_rows : int
        Rows on which the others were timed.
    """

    rows: int
    in_features: int
    out_features: int
    precision: str
    dense_seconds: float
    advice: tuple[Advice, ...]
    once_rows: int

    @property
    def verdict(self) -> str:
        """In plain words: which encoder is the fastest and which the most accurate that pays, or that dense wins."""
        shape = f"{self.rows} rows, {self.in_features} × {self.out_features}, {self.precision}"
        in_full = [advice for advice in self.advice if not advice.timed_once]
        best = max(of_use(in_full) or self.advice, key=lambda advice: advice.speedup)
        if best.speedup <= 1:
            return f"Dense wins: no encoder measured is faster on {shape} (the best is at {best.speedup:.2f}×)."
        words = (
            f"On {shape}, rank {best.rank} of {best.tile} is the fastest: {best.speedup:.2f}× dense, "
            f"at a relative error of {best.error:.2g}."
        )
        close = min((one for one in in_full if one.speedup > 1), key=lambda one: one.error, default=best)
        if close.error < best.error:
            words += (
                f" Of the faster ones rank {close.rank} of {close.tile} is the most accurate: {close.speedup:.2f}×, "
                f"at {close.error:.2g}."
            )
        return words

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON, with the verdict.

        Returns
        -------
        dict[str, Any]
            The fields by name, and `verdict`.
        """
        return {**asdict(self), "verdict": self.verdict}


def worth_measuring(timed: Sequence[Advice], most: int) -> list[Advice]:
    """Choose which encoders to measure in full.

    All are, if they are few enough. Else the choice is among those near or above dense speed and of `USEFUL` error, or
    of any error if there are none such: the Pareto front of speed and error, evenly spread, then the fastest others.
    If all are slow, the fastest alone is measured.

    Parameters
    ----------
    timed : sequence of Advice
        Encoders that were timed once.
    most : int
        The largest number to choose.

    Returns
    -------
    list[Advice]
        The chosen ones.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> beaten, slow = replace(one, speedup=1.1, error=0.2), replace(one, speedup=0.5, error=0.0)
    >>> [advice.speedup for advice in worth_measuring([slow, beaten, one], 2)]
    [1.2, 1.1]
    """
    ranked = sorted(timed, key=fastest_first)
    if len(ranked) <= most:
        return ranked
    near = [advice for advice in ranked if advice.speedup >= NEAR]
    near = of_use(near) or ranked[:1]
    front = pareto_front(near)
    if len(front) >= most:
        return spread(front, most)
    others = [advice for advice in near if advice not in front]
    return [*front, *others[: most - len(front)]]


def of_use(timed: Sequence[Advice]) -> list[Advice]:
    """Select the encoders of `USEFUL` error.

    Parameters
    ----------
    timed : sequence of Advice
        Encoders that were timed once.

    Returns
    -------
    list[Advice]
        Those, or all if there are none.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> [advice.error for advice in of_use([replace(one, error=0.9), one])]
    [0.1]
    """
    return [advice for advice in timed if advice.error <= USEFUL] or list(timed)


def pareto_front(timed: Sequence[Advice]) -> list[Advice]:
    """Select the encoders that no other beats in both speed and error.

    Parameters
    ----------
    timed : sequence of Advice
        Encoders that were timed once.

    Returns
    -------
    list[Advice]
        Those, the fastest first.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> others = replace(one, speedup=1.1), replace(one, speedup=1.0, error=0.0)
    >>> [advice.error for advice in pareto_front([one, *others])]
    [0.1, 0.0]
    """
    front: list[Advice] = []
    for advice in sorted(timed, key=fastest_first):
        if not front or max(advice.error, ROUNDING) < front[-1].error:
            front.append(advice)
    return front


def spread(ordered: Sequence[Advice], most: int) -> list[Advice]:
    """Select some of a list, evenly spread, the first and the last among them.

    Parameters
    ----------
    ordered : sequence of Advice
        The list.
    most : int
        The largest number to select.

    Returns
    -------
    list[Advice]
        The selected ones, in order.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> [advice.rank for advice in spread([replace(one, rank=rank) for rank in range(1, 10)], 3)]
    [1, 5, 9]
    """
    if most == 1 or len(ordered) <= most:
        return list(ordered[:most])
    return [ordered[round(place * (len(ordered) - 1) / (most - 1))] for place in range(most)]


def fastest_first(advice: Advice) -> float:
    """Return the key that sorts encoders by speed, the fastest first.

    Parameters
    ----------
    advice : Advice
        What one encoder gains and costs.

    Returns
    -------
    float
        The key.
    """
    return -advice.speedup
