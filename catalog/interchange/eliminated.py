"""Benson and Ballard's files after elimination: six blocks, of which the last three define sums that products share.

Below the entries of A (of B), the first (second) block has a row for each sum of its own; to the right of the products,
the third has a column for each. The rows of blocks four to six define the sums, over entries of A, of B, and over
products. The last blocks may be empty or missing.

Source: Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from catalog.interchange.programs import Program, Sum, kept
from catalog.interchange.scheme import Rows, Scheme, format_of_sizes
from stl_algebra.errors import InvalidInput


def eliminated_scheme(blocks: Sequence[Rows]) -> Scheme:
    """Make the scheme of the six blocks of a file.

    Parameters
    ----------
    blocks : sequence of six lists of rows of Fraction
        The blocks as they stand in the file.

    Returns
    -------
    Scheme
        The scheme, with its programs as details.

    Raises
    ------
    InvalidInput
        If the blocks do not fit each other.
    """
    x, w, out, *sums = blocks
    products = len(x[0])
    if len(w[0]) != products or len(out[0]) != products + len(sums[2]):
        widths = ", ".join(str(len(block[0])) for block in (x, w, out))
        raise InvalidInput(
            f"its first three blocks have {widths} columns; the third needs as many as the others and {len(sums[2])}, "
            "one for each row of the sixth"
        )
    in_x, in_w = len(x) - len(sums[0]), len(w) - len(sums[1])
    format = format_of_sizes(in_x, in_w, len(out))
    programs = {
        "u": Program(in_x, _sums("fourth", sums[0], in_x), _columns(x)),
        "v": Program(in_w, _sums("fifth", sums[1], in_w), _columns(w)),
        "w": Program(products, _sums("sixth", sums[2], products), [_sparse(row) for row in out]),
    }
    u, v, rows = (program.expanded(name) for name, program in programs.items())
    return Scheme(format, u, v, [list(column) for column in zip(*rows, strict=True)], details=kept(programs))


def _sums(name: str, rows: Rows, width: int) -> list[Sum]:
    if any(len(row) != width for row in rows):
        raise InvalidInput(f"a row of its {name} block has {len(rows[0])} entries, not {width}")
    return [_sparse(row) for row in rows]


def _columns(rows: Rows) -> list[Sum]:
    return [_sparse(column) for column in zip(*rows, strict=True)]


def _sparse(row: Sequence[Fraction]) -> Sum:
    return {index: value for index, value in enumerate(row) if value}
