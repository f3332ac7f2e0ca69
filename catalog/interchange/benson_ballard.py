"""Coefficient files of Benson and Ballard: three blocks between # lines, rows are entries, columns are products.

Entries may be Laurent polynomials in x (catalog.interchange.laurent); the third block is for C itself.

Source: Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
"""

from __future__ import annotations

import re
from fractions import Fraction

from catalog.interchange.border import BorderScheme
from catalog.interchange.laurent import Laurent, format_laurent, parse_laurent
from catalog.interchange.scheme import Rows, Scheme, format_of_sizes
from stl_algebra.errors import InvalidInput

_ENTRY = re.compile(r"\([-+\dxeE/i.*]+\)|[-+\dxeE/i.*]+", re.ASCII)


def recognises(content: bytes) -> bool:
    """Three blocks of rows of coefficients, and nothing else."""
    blocks = _blocks(content)
    return len(blocks) == 3 and all(_ENTRY.fullmatch(token) for block in blocks for token in block[0].split())


def read(content: bytes) -> Scheme | BorderScheme:
    """The exact scheme of a file without x, the approximate one of a file with x."""
    blocks = _blocks(content)
    if len(blocks) != 3:
        raise InvalidInput(f"it has {len(blocks)} blocks between # lines, not three")
    seen: dict[str, Laurent] = {}
    matrices = []
    for block in blocks:
        rows = [[_parse(token, seen) for token in line.split()] for line in block]
        if len({len(row) for row in rows}) != 1:
            raise InvalidInput("the rows of a block have different lengths")
        matrices.append([list(column) for column in zip(*rows, strict=True)])
    if len({len(matrix) for matrix in matrices}) != 1:
        raise InvalidInput(f"its blocks have {', '.join(str(len(m)) for m in matrices)} products")
    format = format_of_sizes(*(len(matrix[0]) for matrix in matrices))
    if any(value.keys() - {0} for matrix in matrices for row in matrix for value in row):
        return BorderScheme(format, *matrices)
    u, v, w = ([[value.get(0, _ZERO) for value in row] for row in matrix] for matrix in matrices)
    return Scheme(format, u, v, w)


def write(scheme: Scheme | BorderScheme) -> bytes:
    """The coefficient file of a scheme."""
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
    """Runs of lines between lines that start with #."""
    blocks: list[list[str]] = [[]]
    for raw in content.decode("utf-8", "replace").splitlines():
        line = raw.strip()
        if line.startswith("#"):
            blocks.append([])
        elif line:
            blocks[-1].append(line)
    return [block for block in blocks if block]


_ZERO = Fraction(0)
