"""Schemes as Mathematica's nested lists: a list of triples of matrices, {{{{1, 0}, …}, …}, …}.

The third matrix is for Cᵀ (p×n), or for C (n×p).

Source: the flip-graph collections, such as github.com/mkauers/matrix-multiplication.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from catalog.interchange.scheme import Rows, Scheme
from catalog.interchange.triples import check_count, coefficient, scheme_of_triples, triples_of_scheme
from stl_algebra.errors import InvalidInput

_PIECE = re.compile(r"[{}]|[^{}]+")
_START = re.compile(rb"\s*(?:[A-Za-z$][A-Za-z0-9$]{0,40}\s{0,8}:?=)?\s*\{\s*\{\s*\{\s*\{")
_NAME = re.compile(r"\s*(?:[A-Za-z$][A-Za-z0-9$]{0,40}\s{0,8}:?=)?\s*")
#: The whole, a product, a matrix, a row.
_LEVELS = 4


def recognises(content: bytes) -> bool:
    """Whether a file starts as a list of lists of lists of lists, perhaps after a name.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it does.
    """
    head = content[:65536]
    if head.lstrip()[:2] == b"(*":
        head = _without_comments(head.decode("utf-8", "replace")).encode()
    return _START.match(head) is not None


def read(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a file.

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
        If it is no list of triples of matrices of fractions.
    """
    text = _without_comments(content.decode("utf-8", "replace"))
    start = _NAME.match(text)
    yield "", scheme_of_triples(_triples(text[start.end() if start else 0 :].rstrip().rstrip(";")))


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
    """
    products = [
        "{" + ", ".join(_braced(_braced(map(str, row)) for row in matrix) for matrix in triple) + "}"
        for triple in triples_of_scheme(scheme)
    ]
    return ("{\n  " + ",\n  ".join(products) + "\n}\n").encode()


def _triples(text: str) -> list[list[Rows]]:
    """The matrices of every product."""
    triples: list[list[Rows]] = []
    matrices: list[Rows] = []
    rows: Rows = []
    seen: dict[str, list[Fraction]] = {}
    depth, done = 0, False
    for match in _PIECE.finditer(text):
        piece = match[0]
        if done and not piece.isspace():
            raise InvalidInput(f"after its list there is more: {piece.strip()[:40]!r}")
        if piece == "{":
            depth += 1
            if depth > _LEVELS:
                raise InvalidInput("its lists are nested more than four deep: products, matrices, rows and entries are")
            if depth == _LEVELS:
                rows.append([])
        elif piece == "}":
            if depth == 3:
                matrices.append(rows)
                rows = []
            elif depth == 2:
                triples.append(_triple(matrices, len(triples) + 1))
                matrices = []
            depth -= 1
            done = depth <= 0
        elif depth == _LEVELS:
            if piece not in seen:  # most rows are zero
                seen[piece] = [coefficient(token) for token in piece.split(",")]
            rows[-1] = seen[piece]
        elif piece.strip(" \t\r\n\\,"):
            raise InvalidInput(f"{piece.strip()[:40]!r} stands among its lists")
    if not done:
        raise InvalidInput(f"it is truncated: {depth} braces are not closed" if depth else "it holds no list")
    return triples


def _triple(matrices: list[Rows], number: int) -> list[Rows]:
    check_count(number)
    if len(matrices) != 3:
        raise InvalidInput(f"its product {number} has {len(matrices)} matrices, not three")
    return matrices


def _without_comments(text: str) -> str:
    """The text without (* … *), in one pass; a comment that is not closed stays, and is refused as text."""
    parts, at = [], 0
    while (start := text.find("(*", at)) >= 0 and (end := text.find("*)", start + 2)) >= 0:
        parts += [text[at:start], " "]
        at = end + 2
    return "".join(parts) + text[at:]


def _braced(items: Iterator[str] | map[str]) -> str:
    return "{" + ", ".join(items) + "}"
