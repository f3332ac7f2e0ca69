"""Schemes given as triples of matrices, one triple a product; the third is for Cᵀ or for C, as its shape says."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from catalog.encoder_file import check_size
from catalog.interchange.expressions import parse_number
from catalog.interchange.scheme import Rows, Scheme, parse_rational, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.tensor import MAX_PRODUCTS

#: The matrices of one product.
Triple = Sequence[Rows]

#: Only coefficients of at most this many characters are remembered.
SHORT = 80
#: Why a coefficient such as 1/2*I is refused.
COMPLEX = "complex coefficients are not kept: a catalog holds schemes over Z, Z[1/2], Q, GF(2) and the real numbers"


def coefficient(text: str) -> Fraction:
    """Read a coefficient as text; the same short text gives the same object.

    Parameters
    ----------
    text : str
        The coefficient, such as -2/3, with blanks around it, or an expression of numbers.

    Returns
    -------
    Fraction
        Its value.

    Raises
    ------
    InvalidInput
        If it is none, too large, or complex.

    Examples
    --------
    >>> coefficient(" -2/3 "), coefficient("-(1*0-1)")
    (Fraction(-2, 3), Fraction(1, 1))
    """
    return _remembered(text) if len(text) <= SHORT else _coefficient(text)


def check_count(products: int) -> None:
    """Refuse more products than any scheme of a catalog has, before they are read.

    Parameters
    ----------
    products : int
        How many there are at least.

    Raises
    ------
    InvalidInput
        If they are too many.
    """
    if products > MAX_PRODUCTS:
        raise InvalidInput(f"a scheme of rank {products} is larger than a catalog takes")


def scheme_of_triples(triples: Sequence[Triple]) -> Scheme:
    """Make the scheme whose products are given as matrices of A (n×m), of B (m×p) and of Cᵀ (p×n) or C (n×p).

    Where n = p the third is read for Cᵀ; who proves the scheme tries the other order as well.

    Parameters
    ----------
    triples : sequence of three matrices of Fraction
        The matrices of each product.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    InvalidInput
        If there is no product, or the shapes belong to no format or differ between products.
    """
    if not triples:
        raise InvalidInput("it holds no product")
    (n, m), (m2, p), third = first = [_shape(matrix) for matrix in triples[0]]
    if m != m2 or third not in ((p, n), (n, p)):
        shown = ", ".join(f"{height}×{width}" for height, width in first)
        raise InvalidInput(f"its matrices belong to no format: they are {shown}")
    format = Format(n, m, p)
    check_size(format, len(triples))
    for number, triple in enumerate(triples, 1):
        if [_shape(matrix) for matrix in triple] != first:
            raise InvalidInput(f"the matrices of its product {number} have other shapes than those of the first")
    u, v, w = ([[value for row in triple[part] for value in row] for triple in triples] for part in range(3))
    return Scheme(format, u, v, transposed(w, n, p) if third == (p, n) else w)


def triples_of_scheme(scheme: Scheme) -> list[tuple[Rows, Rows, Rows]]:
    """Give the matrices of A, B and Cᵀ of each product of a scheme.

    Parameters
    ----------
    scheme : Scheme
        The scheme.

    Returns
    -------
    list of three matrices of Fraction
        The matrices of each product.
    """
    n, m, p = scheme.format
    factors = ((scheme.encode_x, m), (scheme.encode_w, p), (transposed(scheme.out, p, n), n))
    parts = [[[row[at : at + width] for at in range(0, len(row), width)] for row in rows] for rows, width in factors]
    return list(zip(*parts, strict=True))


def _shape(matrix: Rows) -> tuple[int, int]:
    widths = {len(row) for row in matrix}
    if len(widths) != 1 or widths == {0}:
        raise InvalidInput("a matrix is empty, or its rows have different lengths")
    return len(matrix), widths.pop()


def _coefficient(text: str) -> Fraction:
    text = text.strip()
    letters = set(text.lower())
    if len(text) <= SHORT and "i" in letters and letters <= set("0123456789+-*/.() i"):
        raise InvalidInput(f"its coefficient {text[:40]!r} is complex; {COMPLEX}")
    if (text[:1] == "(" or any(mark in text[1:] for mark in "*+-(^ ")) and letters <= set("0123456789+-*/().^ "):
        return parse_number(text)  # computed by a program and never simplified, as in the fmm catalogue
    return parse_rational(text)


_remembered = lru_cache(maxsize=1 << 16)(_coefficient)
