"""Figures in few characters."""

from __future__ import annotations


def number(value: float | None) -> str:
    """A figure in few characters: four digits, – for unknown.

    >>> number(0.0), number(0.14281), number(36000.0), number(8.849e-5), number(1.5e10), number(None)
    ('0', '0.1428', '36000', '8.8e-05', '1.5e+10', '–')
    """
    if value is None:
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return f"{value:.2g}"
