"""Exact encoders written out as formulas: m1 = (a11 + a22) * (b11 + b22), c11 = m1 + m4 − …"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Row = Sequence[Fraction]


def linear_form(coefficients: Row, names: Sequence[str]) -> str:
    """A sum of named variables, such as ``a11 - 2*a12 + 1/2*a21``; 0 where all coefficients vanish.

    >>> linear_form([Fraction(1), Fraction(0), Fraction(-1, 2)], ["x", "y", "z"])
    'x - 1/2*z'
    """
    text = ""
    for value, name in zip(coefficients, names, strict=True):
        if value:
            size = "" if abs(value) == 1 else f"{abs(value)}*"
            sign = "-" if value < 0 else "+"
            text += f" {sign} {size}{name}" if text else f"{'-' if value < 0 else ''}{size}{name}"
    return text or "0"


def entry_names(letter: str, rows: int, columns: int) -> list[str]:
    """The names of a matrix's entries, row-major, from 1: a11, a12, …; a1_10 where a dimension exceeds 9.

    >>> entry_names("a", 1, 2)
    ['a11', 'a12']
    """
    between = "_" if max(rows, columns) > 9 else ""
    return [f"{letter}{i}{between}{j}" for i in range(1, rows + 1) for j in range(1, columns + 1)]


def product_formulas(format: tuple[int, int, int], encode_x: Sequence[Row], encode_w: Sequence[Row]) -> list[str]:
    """One line a product: ``m1 = (a11 + a22) * (b11 + b22)``."""
    n, m, p = format
    a, b = entry_names("a", n, m), entry_names("b", m, p)
    return [
        f"m{s} = ({linear_form(x, a)}) * ({linear_form(w, b)})"
        for s, (x, w) in enumerate(zip(encode_x, encode_w, strict=True), 1)
    ]


def output_formulas(format: tuple[int, int, int], out: Sequence[Row]) -> list[str]:
    """One line an entry of the product: ``c11 = m1 + m4 - m5 + m7``; `out` has one row a product."""
    n, _, p = format
    products = [f"m{s}" for s in range(1, len(out) + 1)]
    columns = zip(*out, strict=True)
    return [f"{c} = {linear_form(column, products)}" for c, column in zip(entry_names("c", n, p), columns, strict=True)]
