"""Figures in few characters."""

from __future__ import annotations

from collections.abc import Iterable


def number(value: float | None) -> str:
    """Write a figure in few characters: four digits, – for unknown.

    Parameters
    ----------
    value : float or None
        The figure.

    Returns
    -------
    str
        The characters.

    Examples
    --------
    >>> number(0.0), number(0.14281), number(36000.0), number(8.849e-5), number(1.5e10), number(None)
    ('0', '0.1428', '36000', '8.8e-05', '1.5e+10', '–')
    """
    if value is None:
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return f"{value:.2g}"


def spans(numbers: Iterable[int]) -> str:
    """Write sorted integers with runs shortened.

    Parameters
    ----------
    numbers : iterable of int
        The integers, in ascending order.

    Returns
    -------
    str
        The runs.

    Examples
    --------
    >>> spans([16, 17, 18, 48])
    '16–18, 48'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
