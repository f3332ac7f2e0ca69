"""PLinOpt's SMS files: three sparse matrices L (r, n·m), R (r, m·p) and P (n·p, r), each a file of its own.

A file is `rows columns R`, then lines `i j value` counted from 1, then `0 0 0`; lines with # are comments.

Source: Dumas, Pernet, Sedoglavic, PLinOpt, github.com/jgdumas/plinopt; arXiv 2506.13242.
"""

from __future__ import annotations

import re
from fractions import Fraction

from catalog.interchange.scheme import Rows, Scheme, format_of_sizes
from catalog.interchange.triples import coefficient
from stl_algebra.errors import InvalidInput

MAX_ENTRIES = 1 << 24
_HEADER = re.compile(r"(\d{1,9})\s+(\d{1,9})\s+([A-Za-z])")


def recognises(content: bytes) -> bool:
    """Whether a file starts with rows, columns and a letter.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it does.
    """
    lines = _lines(content[:4096])
    return bool(lines) and _HEADER.fullmatch(lines[0]) is not None


def read(left: bytes, right: bytes, post: bytes) -> Scheme:
    """Read the scheme of three files.

    Parameters
    ----------
    left, right, post : bytes
        The files L, R and P.

    Returns
    -------
    Scheme
        The scheme.

    Raises
    ------
    InvalidInput
        If one is no such file, or they do not fit each other.
    """
    x, w, decode = read_matrix(left), read_matrix(right), read_matrix(post)
    if len(x) != len(w) or len(x) != len(decode[0]):
        raise InvalidInput(f"L, R and P have {len(x)}, {len(w)} and {len(decode[0])} products")
    format = format_of_sizes(len(x[0]), len(w[0]), len(decode))
    return Scheme(format, x, w, [list(column) for column in zip(*decode, strict=True)])


def read_matrix(content: bytes) -> Rows:
    """Read a matrix of fractions from one SMS file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    list of list of Fraction
        The rows.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """
    lines = _lines(content)
    match = _HEADER.fullmatch(lines[0]) if lines else None
    if match is None:
        raise InvalidInput("it does not start with rows, columns and a letter")
    rows, columns = int(match[1]), int(match[2])
    if not 0 < rows * columns <= MAX_ENTRIES:
        raise InvalidInput(f"it claims {rows} rows and {columns} columns; at most {MAX_ENTRIES} entries are read")
    zero = Fraction(0)
    matrix = [[zero] * columns for _ in range(rows)]
    for line in lines[1:]:
        fields = line.split()
        if len(fields) != 3:
            raise InvalidInput(f"its line {line[:40]!r} is not `i j value`")
        if fields == ["0", "0", "0"]:
            return matrix
        if not all(field.isdecimal() and len(field) < 10 for field in fields[:2]):
            raise InvalidInput(f"its line {line[:40]!r} is not `i j value`")
        i, j = int(fields[0]), int(fields[1])
        if not (1 <= i <= rows and 1 <= j <= columns):
            raise InvalidInput(f"its entry {i} {j} lies outside {rows} × {columns}")
        matrix[i - 1][j - 1] = coefficient(fields[2])
    raise InvalidInput("it is truncated: the closing line 0 0 0 is missing")


def write(scheme: Scheme) -> dict[str, bytes]:
    """Write the three files of a scheme.

    Parameters
    ----------
    scheme : Scheme
        The scheme.

    Returns
    -------
    dict of str to bytes
        The files by their letter L, R or P.
    """
    decode = [list(column) for column in zip(*scheme.out, strict=True)]
    return {"L": _write(scheme.encode_x), "R": _write(scheme.encode_w), "P": _write(decode)}


def _write(matrix: Rows) -> bytes:
    lines = [f"{len(matrix)} {len(matrix[0])} R"]
    lines += [f"{i} {j} {value}" for i, row in enumerate(matrix, 1) for j, value in enumerate(row, 1) if value]
    return ("\n".join([*lines, "0 0 0"]) + "\n").encode()


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    return [line for raw in text.splitlines() if (line := raw.split("#", 1)[0].strip())]
