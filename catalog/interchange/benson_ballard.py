"""Coefficient files of Benson and Ballard: three blocks between # lines, rows are entries, columns are products.

Entries may be Laurent polynomials in x (catalog.interchange.laurent); the third block is for C itself. Three more
blocks may say which sums are shared (catalog.interchange.eliminated).

Source: Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
"""

from __future__ import annotations

import re
from fractions import Fraction

from catalog.interchange.border import BorderScheme
from catalog.interchange.eliminated import eliminated_scheme
from catalog.interchange.laurent import Laurent, format_laurent, parse_laurent
from catalog.interchange.scheme import Rows, Scheme, format_of_sizes
from stl_algebra.errors import InvalidInput

_ENTRY = re.compile(r"\([-+\dxeE/i.*]+\)|[-+\dxeE/i.*]+", re.ASCII)


def recognises(content: bytes) -> bool:
    """Whether a file has three blocks of rows of coefficients, or up to six, and nothing else.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it has.
    """
    blocks = _blocks(content)
    return 3 <= len(blocks) <= 6 and all(_ENTRY.fullmatch(token) for b in blocks if b for token in b[0].split())


def read(content: bytes) -> Scheme | BorderScheme:
    """Read the exact scheme of a file without x, or the approximate one of a file with x.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    Scheme or BorderScheme
        The scheme.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """
    blocks = _blocks(content)
    if not 3 <= len(blocks) <= 6:
        raise InvalidInput(f"it has {len(blocks)} blocks between # lines, not three (six after elimination)")
    seen: dict[str, Laurent] = {}
    tables = [[[_parse(token, seen) for token in line.split()] for line in block] for block in blocks]
    if any(len({len(row) for row in rows}) > 1 for rows in tables):
        raise InvalidInput("the rows of a block have different lengths")
    if len(tables) > 3:
        if any(value.keys() - {0} for rows in tables for row in rows for value in row):
            raise InvalidInput("its blocks after elimination hold x; an approximate scheme is read from three blocks")
        exact = [[[value.get(0, _ZERO) for value in row] for row in rows] for rows in tables]
        return eliminated_scheme(exact + [[]] * (6 - len(exact)))
    matrices = [[list(column) for column in zip(*rows, strict=True)] for rows in tables]
    if len({len(matrix) for matrix in matrices}) != 1:
        raise InvalidInput(f"its blocks have {', '.join(str(len(m)) for m in matrices)} products")
    format = format_of_sizes(*(len(matrix[0]) for matrix in matrices))
    if any(value.keys() - {0} for matrix in matrices for row in matrix for value in row):
        return BorderScheme(format, *matrices)
    u, v, w = ([[value.get(0, _ZERO) for value in row] for row in matrix] for matrix in matrices)
    return Scheme(format, u, v, w)


def write(scheme: Scheme | BorderScheme) -> bytes:
    """Write the coefficient file of a scheme.

    Parameters
    ----------
    scheme : Scheme or BorderScheme
        The scheme.

    Returns
    -------
    bytes
        The file.
    """
    blocks = []
    for rows in (scheme.encode_x, scheme.encode_w, scheme.out):
        columns = zip(*_laurents(rows), strict=True)
        blocks.append("\n".join(" ".join(format_laurent(value) for value in column) for column in columns))
    return ("\n#\n".join(blocks) + "\n").encode()


def _laurents(rows: Rows | list[list[Laurent]]) -> list[list[Laurent]]:
    return [[value if isinstance(value, dict) else ({0: value} if value else {}) for value in row] for row in rows]


def _parse(token: str, seen: dict[str, Laurent]) -> Laurent:
    if token not in seen:
        seen[token] = parse_laurent(token)
    return seen[token]


def _blocks(content: bytes) -> list[list[str]]:
    """Runs of lines between lines that start with #; after the third, one may be empty among others."""
    blocks: list[list[str]] = [[]]
    for raw in content.decode("utf-8", "replace").splitlines():
        line = raw.strip()
        if line.startswith("#"):
            if blocks[-1] or len(blocks) > 3:
                blocks.append([])
        elif line:
            blocks[-1].append(line)
    if not any(blocks[3:]):
        return [block for block in blocks if block]
    while not blocks[-1]:
        blocks.pop()
    return blocks


_ZERO = Fraction(0)
