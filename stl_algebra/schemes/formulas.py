"""Exact schemes as papers write them: products of sums of entries, and the outputs they go to."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

_TERM = re.compile(r"([+-]?)(\d+(?:/0*[1-9]\d*)?)?([abc])([1-9])([1-9])")


def from_formulas(format: Format, text: str) -> TileEncoder:
    """Build an exact encoder from formulas, one product a line: ``a11+a22 * b11+b22 -> c11+c22``.

    ``aij``, ``bij`` and ``cij`` are entries of X, W and Y = XW, one-based. A coefficient such as ``-1/2`` stands before
    its entry.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩, dimensions up to 9.
    text : str
        The formulas; empty lines are skipped.

    Returns
    -------
    TileEncoder
        The encoder, over the smallest of Z, Z[1/2] and Q that holds its coefficients.

    Raises
    ------
    InvalidInput
        If a line does not have this form, an entry is outside the format, or the scheme does not multiply matrices.

    Examples
    --------
    >>> from_formulas(Format(1, 2, 1), '''
    ...     a11 * b11 -> c11
    ...     a12 * 2b21 -> 1/2c11
    ... ''').rank
    2
    """
    format = Format(*format)
    n, m, p = format
    shapes = {"a": (n, m), "b": (m, p), "c": (n, p)}
    columns: dict[str, list[list[Fraction]]] = {"a": [], "b": [], "c": []}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        sides = re.fullmatch(r"([^*>]+)\*([^*>]+)->([^*>]+)", line)
        if sides is None:
            raise InvalidInput(f"product {line!r} does not read like 'a11+a22 * b11+b22 -> c11+c22'")
        for letter, side in zip("abc", sides.groups(), strict=True):
            columns[letter].append(_coefficients(side, letter, shapes[letter], line))
    if not columns["a"]:
        raise InvalidInput("a scheme needs at least one product")
    x, w, d = (np.array(columns[letter], dtype=object) for letter in "abc")
    return TileEncoder.from_exact(format, x, w, d.T)


def _coefficients(side: str, letter: str, shape: tuple[int, int], line: str) -> list[Fraction]:
    rows, columns = shape
    vector = [Fraction(0)] * (rows * columns)
    text = side.replace(" ", "")
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or term[3] != letter or (position > 0 and not term[1]):
            raise InvalidInput(f"{text[position:]!r} in product {line!r} is not a sum of entries {letter}ij")
        i, j = int(term[4]), int(term[5])
        if i > rows or j > columns:
            raise InvalidInput(f"{letter}{i}{j} in product {line!r} lies outside a {rows}x{columns} tile")
        coefficient = Fraction(term[2] or 1)
        vector[(i - 1) * columns + j - 1] += -coefficient if term[1] == "-" else coefficient
        position = term.end()
    return vector
