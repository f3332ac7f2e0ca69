"""Schemes of the FastMatrixMultiplication collection, as JSON or text.

Rows of u, v and w are products; w is for Cᵀ, so entry k·n₁+i of its rows belongs to c_ik. The text form is
the numbers n₁ n₂ n₃ r, then the entries of u, v and w.

Source: A. Perminov, github.com/dronperminov/FastMatrixMultiplication; arXiv 2511.20317.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from catalog.formulas import output_formulas, product_formulas
from catalog.interchange.scheme import Rows, Scheme, parse_rational, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format


def recognises_json(content: bytes) -> bool:
    return content[:256].lstrip()[:1] == b"{" and all(
        key in content for key in (b'"n"', b'"m"', b'"u"', b'"v"', b'"w"')
    )


def recognises_text(content: bytes) -> bool:
    """Four numbers on the first line, and then as many as they call for."""
    first, _, rest = content.partition(b"\n")
    head = first.split()
    if len(head) != 4 or not all(token.isdigit() and len(token) < 7 for token in head):
        return False
    n, m, p, rank = map(int, head)
    return len(rest.split()) == rank * (n * m + m * p + n * p)


def read_json(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """The scheme of a JSON file, with the name "". Raises InvalidInput where it is none."""
    try:
        fields: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput("it is not JSON") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("n"), list) or len(fields["n"]) != 3:
        raise InvalidInput("it has no list n of three dimensions")
    if not all(type(size) is int and abs(size) < 10**9 for size in fields["n"]):
        raise InvalidInput(f"its dimensions {str(fields['n'])[:60]} are not integers below 10^9")
    format = Format(*fields["n"])
    u, v, w = (_rows(name, fields.get(name)) for name in "uvw")
    if type(fields.get("m")) is not int or fields["m"] != len(u):
        raise InvalidInput(f"it says m = {fields.get('m')!r} and holds {len(u)} products")
    yield "", Scheme(format, u, v, transposed(w, format.n, format.p))


def read_text(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """The scheme of a text file, with the name ""."""
    # Split as bytes, as they were counted: among str, control characters such as \x1f are white space too.
    tokens = [token.decode("ascii", "replace") for token in content.split()]
    if not recognises_text(content):
        raise InvalidInput("it does not hold n1 n2 n3 r and then r·(n1·n2 + n2·n3 + n1·n3) numbers")
    n, m, p, rank = map(int, tokens[:4])
    numbers = iter(tokens[4:])
    u, v, w = (
        [[parse_rational(next(numbers)) for _ in range(size)] for _ in range(rank)] for size in (n * m, m * p, n * p)
    )
    yield "", Scheme(Format(n, m, p), u, v, transposed(w, n, p))


def write_json(scheme: Scheme, *, modulo_2: bool) -> bytes:
    """The collection's JSON, with the products and elements spelt out as it does."""
    n, m, p = scheme.format
    flat = {"n": [n, m, p], "m": scheme.rank, "z2": modulo_2}
    parts = [f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in flat.items()]
    lists: dict[str, list[Any]] = {
        "multiplications": product_formulas(scheme.format, scheme.encode_x, scheme.encode_w),
        "elements": output_formulas(scheme.format, scheme.out),
    }
    for name, rows in zip("uvw", (scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n)), strict=True):
        lists[name] = [[_plain(value) for value in row] for row in rows]
    for name, items in lists.items():
        body = ",\n".join(f"        {json.dumps(item)}" for item in items)
        parts.append(f"    {json.dumps(name)}: [\n{body}\n    ]")
    return ("{\n" + ",\n".join(parts) + "\n}").encode()


def write_text(scheme: Scheme) -> bytes:
    """The collection's text form."""
    n, m, p = scheme.format
    factors = (scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n))
    lines = [f"{n} {m} {p} {scheme.rank}", *(" ".join(str(value) for row in rows for value in row) for rows in factors)]
    return ("\n".join(lines) + "\n").encode()


def _rows(name: str, rows: object) -> Rows:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise InvalidInput(f"its {name} is no list of rows")
    return [[parse_rational(value) for value in row] for row in rows]


def _plain(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)
