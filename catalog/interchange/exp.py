"""Schemes as text, one product a line: (a11 + a22)*(b11 - 2*b22)*(c11 + c21), with c for Cᵀ or for C.

Factors may be scaled sums, a line may end in a divisor, and blanks may stand for products
(catalog.interchange.expressions). Where the shapes leave open whether c is for Cᵀ or for C, both are tried against the
Brent equations.

Source: the flip-graph collections, Kauers, Moosbauer, Flip graphs for matrix multiplication, ISSAC 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from catalog.encoder_file import check_size
from catalog.formulas import entry_names, linear_form
from catalog.interchange.expressions import MAX_DIMENSION, NotAProduct, parse_product
from catalog.interchange.scheme import Rows, Scheme, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.tensor import MAX_PRODUCTS


def recognises(content: bytes) -> bool:
    """Whether the first line of a file is a product.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it is.
    """
    first = next(iter(_lines(content[:65536])), "")
    if not {"a", "b"} <= set(first):
        return False
    try:
        parse_product(first)
    except NotAProduct:
        return False
    except InvalidInput:  # its line is a product that is too large, or lacks a letter
        return True
    return True


def read(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a file. Its format is that of the largest indices, which start at 1 or at 0.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    name : str
        "".
    scheme : Scheme
        The scheme.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """
    lines = _lines(content)
    if not lines:
        raise InvalidInput("it holds no product")
    if len(lines) > MAX_PRODUCTS:
        raise InvalidInput(f"a scheme of rank {len(lines)} is larger than a catalog takes")
    products = [parse_product(line) for line in lines]
    first = min(min(index) for product in products for entries in product for index in entries) and 1
    sizes = []
    for letter in range(3):
        indices = [index for product in products for index in product[letter]]
        sizes.append((max(i for i, _ in indices) + 1 - first, max(j for _, j in indices) + 1 - first))
    (n, m), (m2, p), third = sizes
    if m != m2 or third not in ((p, n), (n, p)):
        p2, n2 = third
        raise InvalidInput(f"its largest indices belong to no format: a is {n}×{m}, b {m2}×{p} and c {p2}×{n2}")
    if max(n, m, p) > MAX_DIMENSION:
        raise InvalidInput(f"its format {n}x{m}x{p} is larger than {MAX_DIMENSION} a side")
    check_size(Format(n, m, p), len(products))  # before the zeros are written out
    rows: list[Rows] = []
    zero = Fraction(0)
    for letter, (height, width) in enumerate(sizes):
        places = [(i, j) for i in range(first, first + height) for j in range(first, first + width)]
        rows.append([[product[letter].get(place, zero) for place in places] for product in products])
    out = transposed(rows[2], n, p) if third == (p, n) else rows[2]
    yield "", Scheme(Format(n, m, p), rows[0], rows[1], out)


def write(scheme: Scheme) -> bytes:
    """Write the file of a scheme.

    Parameters
    ----------
    scheme : Scheme
        The scheme.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    InvalidInput
        If a product is zero.
    """
    n, m, p = scheme.format
    names = entry_names("a", n, m), entry_names("b", m, p), entry_names("c", p, n)
    factors = scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n)
    lines = []
    for product in zip(*factors, strict=True):
        if not all(any(row) for row in product):
            raise InvalidInput("a product that is zero cannot be written as .exp")
        lines.append("*".join(f"({linear_form(row, name)})" for row, name in zip(product, names, strict=True)))
    return ("\n".join(lines) + "\n").encode()


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace").lower()
    return [line for raw in text.splitlines() if (line := raw.split("#", 1)[0].strip(" \t\f,;"))]
