"""Schemes of the fmm catalogue as Maple text: TriadSet([Triad([Matrix(n, m, [[…], …]), Matrix(…), Matrix(…)]), …]).

The third matrix is for Cᵀ (p×n), or for C (n×p). Only the triads are read; what else a file holds is passed over.

Source: A. Sedoglavic, A catalogue of fast matrix multiplication algorithms, fmm.univ-lille.fr.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.interchange.scheme import Rows, Scheme
from catalog.interchange.triples import check_count, coefficient, scheme_of_triples, triples_of_scheme
from stl_algebra.errors import InvalidInput

_MATRIX = re.compile(r"Matrix\((\d{1,4}),(\d{1,4}),\[\[", re.ASCII)


def recognises(content: bytes) -> bool:
    """Whether a file holds a triad.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it does.
    """
    return re.search(rb"Triad\s{0,8}\(", content) is not None


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
        If its triads are not three matrices of fractions each.
    """
    lines = content.decode("utf-8", "replace").splitlines()
    text = "".join("".join(line.split("#", 1)[0].split()) for line in lines).replace("\\", "")
    at = text.find("Triad([")
    if at < 0:
        raise InvalidInput("it holds no Triad([…])")
    triples: list[list[Rows]] = []
    while True:
        triple, at = _triad(text, at, len(triples) + 1)
        triples.append(triple)
        check_count(len(triples))
        if not text.startswith(",Triad([", at):
            break
        at += 1
    if text[at : at + 1] != "]":
        raise InvalidInput(f"its list of triads is truncated after {len(triples)} products")
    if text.find("Triad([", at) >= 0:
        raise InvalidInput("it holds more than one list of triads")
    yield "", scheme_of_triples(triples)


def write(scheme: Scheme) -> bytes:
    """Write the file of a scheme: its triads, as the catalogue has them.

    Parameters
    ----------
    scheme : Scheme
        The scheme.

    Returns
    -------
    bytes
        The file.
    """
    triads = [
        f"Triad([{', '.join(_matrix_text(matrix) for matrix in triple)}])" for triple in triples_of_scheme(scheme)
    ]
    return f"Tensor:=TriadSet([{', '.join(triads)}]):\n".encode()


def _triad(text: str, at: int, number: int) -> tuple[list[Rows], int]:
    """The matrices of a triad, and where the text goes on."""
    at += len("Triad([")
    matrices = []
    for part in range(3):
        if part:
            if text[at : at + 1] != ",":
                raise InvalidInput(f"its triad {number} has {part} matrices, not three")
            at += 1
        matrix, at = _matrix(text, at, number)
        matrices.append(matrix)
    if not text.startswith("])", at):
        raise InvalidInput(f"its triad {number} does not end after three matrices")
    return matrices, at + 2


def _matrix(text: str, at: int, number: int) -> tuple[Rows, int]:
    match = _MATRIX.match(text, at)
    if match is None:
        raise InvalidInput(f"its triad {number} holds {text[at : at + 30]!r} where Matrix(rows, columns, [[…]]) is due")
    end = text.find("]])", match.end())
    if end < 0:
        raise InvalidInput(f"a matrix of its triad {number} is truncated")
    height, width = int(match[1]), int(match[2])
    # Counted before anything is split: what it unfolds to in memory stays in proportion to what it says.
    fits = text.count(",", match.end(), end) == height * width - 1
    rows = [row.split(",") for row in text[match.end() : end].split("],[")] if fits else []
    if len(rows) != height or any(len(row) != width for row in rows):
        raise InvalidInput(f"a matrix of its triad {number} says {height}×{width} and does not hold that")
    return [[coefficient(token) for token in row] for row in rows], end + 3


def _matrix_text(matrix: Rows) -> str:
    rows = ",".join(f"[{','.join(map(str, row))}]" for row in matrix)
    return f"Matrix({len(matrix)}, {len(matrix[0])}, [{rows}])"
