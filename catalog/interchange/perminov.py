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
from catalog.interchange.triples import coefficient
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: Almost every coefficient is one of these.
_SMALL = {value: Fraction(value) for value in range(-8, 9)}


def recognises_json(content: bytes) -> bool:
    """Whether a file is a JSON object with the keys of a scheme that is written out.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it does.
    """
    keys = all(key in content for key in (b'"n"', b'"u"', b'"v"', b'"w"'))
    return content[:256].lstrip()[:1] == b"{" and keys and b'"u_fresh"' not in content


def recognises_text(content: bytes) -> bool:
    """Whether a file has four numbers on the first line, and then as many as they call for; # starts a comment.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it has.
    """
    counts = text_counts(content)
    return counts is not None and counts[0] == counts[1]


def text_counts(content: bytes) -> tuple[int, int] | None:
    """Count the numbers that the first line n1 n2 n3 r of a text file calls for, and those after it.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    (int, int) or None
        How many it calls for and how many there are; None if the first line is no such line.
    """
    first, _, rest = _uncommented(content).lstrip().partition(b"\n")
    head = first.split()
    if len(head) != 4 or not all(token.isdigit() and len(token) < 7 for token in head):
        return None
    n, m, p, rank = map(int, head)
    return rank * (n * m + m * p + n * p), len(rest.split())


def read_json(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a JSON file.

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
        If it is none.
    """
    fields, format = json_fields(content)
    u, v, w = (_rows(name, fields.get(name)) for name in "uvw")
    if fields.get("m", len(u)) != len(u):
        raise InvalidInput(f"it says m = {str(fields['m'])[:40]} and holds {len(u)} products")
    yield "", Scheme(format, u, v, transposed(w, format.n, format.p))


def json_fields(content: bytes) -> tuple[dict[str, Any], Format]:
    """Read the JSON object of a file, and the format that its n names.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    fields : dict
        The object.
    format : Format
        ⟨n,m,p⟩.

    Raises
    ------
    InvalidInput
        If it is no JSON object with three dimensions n.
    """
    try:
        fields: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput("it is not JSON") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("n"), list) or len(fields["n"]) != 3:
        raise InvalidInput("it has no list n of three dimensions")
    if not all(type(size) is int and abs(size) < 10**9 for size in fields["n"]):
        raise InvalidInput(f"its dimensions {str(fields['n'])[:60]} are not integers below 10^9")
    return fields, Format(*fields["n"])


def read_text(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a text file.

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
        If it is none.
    """
    # Split as bytes, as they were counted: among str, control characters such as \x1f are white space too.
    tokens = [token.decode("ascii", "replace") for token in _uncommented(content).split()]
    if not recognises_text(content):
        raise InvalidInput("it does not hold n1 n2 n3 r and then r·(n1·n2 + n2·n3 + n1·n3) numbers")
    n, m, p, rank = map(int, tokens[:4])
    numbers = iter(tokens[4:])
    u, v, w = (
        [[coefficient(next(numbers)) for _ in range(size)] for _ in range(rank)] for size in (n * m, m * p, n * p)
    )
    yield "", Scheme(Format(n, m, p), u, v, transposed(w, n, p))


def write_json(scheme: Scheme, *, modulo_2: bool) -> bytes:
    """Write the collection's JSON, with the products and elements spelt out as it does.

    Parameters
    ----------
    scheme : Scheme
        The scheme.
    modulo_2 : bool
        Whether the scheme holds over GF(2) only.

    Returns
    -------
    bytes
        The file.
    """
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
    """Write the collection's text form.

    Parameters
    ----------
    scheme : Scheme
        The scheme.

    Returns
    -------
    bytes
        The file.
    """
    n, m, p = scheme.format
    factors = (scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n))
    lines = [f"{n} {m} {p} {scheme.rank}", *(" ".join(str(value) for row in rows for value in row) for rows in factors)]
    return ("\n".join(lines) + "\n").encode()


def _rows(name: str, rows: object) -> Rows:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise InvalidInput(f"its {name} is no list of rows")
    return [
        [_SMALL[value] if type(value) is int and -9 < value < 9 else _value(value) for value in row] for row in rows
    ]


def _value(value: object) -> Fraction:
    return coefficient(value) if isinstance(value, str) else parse_rational(value)


def _uncommented(content: bytes) -> bytes:
    if b"#" not in content:
        return content
    return b"\n".join(line.split(b"#", 1)[0] for line in content.splitlines())


def _plain(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)
