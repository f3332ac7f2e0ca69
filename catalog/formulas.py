"""Formulas of exact encoders, such as m1 = (a11 + a22) * (b11 + b22) and c11 = m1 + m4 − m5 + m7."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Row = Sequence[Fraction]


def linear_form(coefficients: Row, names: Sequence[str]) -> str:
    """Write a sum of named variables, such as ``a11 - 2*a12 + 1/2*a21``.

    Parameters
    ----------
    coefficients : sequence of Fraction
        The coefficients.
    names : sequence of str
        The variables.

    Returns
    -------
    str
        The sum; 0 if all coefficients vanish.

    Examples
    --------
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
    """Name the entries of a matrix, row-major, from 1: a11, a12, …; a1_10 if a dimension exceeds 9.

    Parameters
    ----------
    letter : str
        The name of the matrix.
    rows, columns : int
        Its shape.

    Returns
    -------
    list of str
        The names.

    Examples
    --------
    >>> entry_names("a", 1, 2)
    ['a11', 'a12']
    """
    between = "_" if max(rows, columns) > 9 else ""
    return [f"{letter}{i}{between}{j}" for i in range(1, rows + 1) for j in range(1, columns + 1)]


def product_formulas(format: tuple[int, int, int], encode_x: Sequence[Row], encode_w: Sequence[Row]) -> list[str]:
    """Write the products of a scheme: ``m1 = (a11 + a22) * (b11 + b22)``.

    Parameters
    ----------
    format : (int, int, int)
        ⟨n,m,p⟩.
    encode_x : sequence of r rows
        The coefficients of the n·m entries of X, a row a product.
    encode_w : sequence of r rows
        The coefficients of the m·p entries of W, a row a product.

    Returns
    -------
    list of str
        One line a product.
    """
    n, m, p = format
    a, b = entry_names("a", n, m), entry_names("b", m, p)
    return [
        f"m{s} = ({linear_form(x, a)}) * ({linear_form(w, b)})"
        for s, (x, w) in enumerate(zip(encode_x, encode_w, strict=True), 1)
    ]


def output_formulas(format: tuple[int, int, int], out: Sequence[Row]) -> list[str]:
    """Write the entries of the product: ``c11 = m1 + m4 - m5 + m7``.

    Parameters
    ----------
    format : (int, int, int)
        ⟨n,m,p⟩.
    out : sequence of r rows
        The coefficients of the n·p entries of Y, a row a product.

    Returns
    -------
    list of str
        One line an entry.
    """
    n, _, p = format
    products = [f"m{s}" for s in range(1, len(out) + 1)]
    columns = zip(*out, strict=True)
    return [f"{c} = {linear_form(column, products)}" for c, column in zip(entry_names("c", n, p), columns, strict=True)]
