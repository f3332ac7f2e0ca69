"""Schemes as text, one product a line: (a11 + a22)*(b11 - 2*b22)*(c11 + c21), with c for Cᵀ.

Source: the flip-graph collections, Kauers, Moosbauer, Flip graphs for matrix multiplication, ISSAC 2023.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from catalog.encoder_file import check_size
from catalog.formulas import entry_names, linear_form
from catalog.interchange.scheme import Rows, Scheme, parse_rational, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

MAX_DIMENSION = 64
# Blanks are taken out first, so that no two parts of a pattern can share a run of them.
_SIZE = r"\d{1,40}(?:[/.]\d{1,40})?"
_TERM = rf"(?:{_SIZE}\*?)?[abc]\d{{1,3}}(?:[_,]\d{{1,3}})?"
_FACTOR = rf"(?:\([+-]?{_TERM}(?:[+-]{_TERM})*\)|[+-]?{_TERM})"
_LINE = re.compile(rf"({_FACTOR})\*({_FACTOR})\*({_FACTOR})")
_ONE_TERM = re.compile(rf"([+-]?)(?:({_SIZE})\*?)?([abc])(?:(\d)(\d)|(\d{{1,3}})[_,](\d{{1,3}}))(?![\d_,])")
Entries = dict[tuple[int, int], Fraction]


def recognises(content: bytes) -> bool:
    first = next(iter(_lines(content[:65536])), "")
    return _LINE.fullmatch(first) is not None


def read(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """The scheme of a file, with the name "". The format is that of the largest indices, which start at 1 or at 0."""
    products = [_product(line) for line in _lines(content)]
    if not products:
        raise InvalidInput("it holds no product")
    first = min(min(index) for product in products for entries in product for index in entries) and 1
    sizes = []
    for letter in range(3):
        indices = [index for product in products for index in product[letter]]
        sizes.append((max(i for i, _ in indices) + 1 - first, max(j for _, j in indices) + 1 - first))
    (n, m), (m2, p), (p2, n2) = sizes
    if (m, p, n) != (m2, p2, n2):
        raise InvalidInput(f"its largest indices belong to no format: a is {n}×{m}, b {m2}×{p} and c {p2}×{n2}")
    if max(n, m, p) > MAX_DIMENSION:
        raise InvalidInput(f"its format {n}x{m}x{p} is larger than {MAX_DIMENSION} a side")
    check_size(Format(n, m, p), len(products))  # before the zeros are written out
    rows: list[Rows] = []
    for letter, (height, width) in enumerate(sizes):
        zero = Fraction(0)
        places = [(i, j) for i in range(first, first + height) for j in range(first, first + width)]
        rows.append([[product[letter].get(place, zero) for place in places] for product in products])
    yield "", Scheme(Format(n, m, p), rows[0], rows[1], transposed(rows[2], n, p))


def write(scheme: Scheme) -> bytes:
    """The file of a scheme."""
    n, m, p = scheme.format
    names = entry_names("a", n, m), entry_names("b", m, p), entry_names("c", p, n)
    factors = scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n)
    lines = []
    for product in zip(*factors, strict=True):
        if not all(any(row) for row in product):
            raise InvalidInput("a product that is zero cannot be written as .exp")
        lines.append("*".join(f"({linear_form(row, name)})" for row, name in zip(product, names, strict=True)))
    return ("\n".join(lines) + "\n").encode()


def _product(line: str) -> tuple[Entries, Entries, Entries]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise InvalidInput(f"its line {line[:60]!r} is no product of three sums")
    a, b, c = (_entries(letter, factor) for letter, factor in zip("abc", match.groups(), strict=True))
    return a, b, c


def _entries(letter: str, factor: str) -> Entries:
    entries: Entries = {}
    terms = list(_ONE_TERM.finditer(factor))
    if len(terms) != len(re.findall(r"[abc]", factor)):
        raise InvalidInput(f"the indices in {factor[:60]!r} are not two digits; write a1_10 above 9")
    for sign, size, name, *indices in (term.groups() for term in terms):
        if name != letter:
            raise InvalidInput(f"{factor[:60]!r} holds {name} where {letter} is due")
        i, j = (int(index) for index in indices if index is not None)
        if max(i, j) > MAX_DIMENSION:
            raise InvalidInput(f"the index {i},{j} is not between 1 and {MAX_DIMENSION}")
        value = parse_rational(size) if size else Fraction(1)
        entries[i, j] = entries.get((i, j), Fraction(0)) + (-value if sign == "-" else value)
    return entries


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    return [line for raw in text.splitlines() if (line := "".join(raw.split("#", 1)[0].lower().split()))]
