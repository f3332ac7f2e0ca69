"""Finite subgroups of the symmetry group: generation from elements, and those that searches use."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.symmetry.element import Symmetry

Group = tuple[Symmetry, ...]


def generate(generators: Iterable[Symmetry], limit: int = 5000) -> Group:
    """List all elements of the group that some symmetries generate.

    Parameters
    ----------
    generators : iterable of Symmetry
        The generators, at least one.
    limit : int, default 5000
        The largest order that is accepted.

    Returns
    -------
    tuple of Symmetry
        All elements, the identity first.

    Raises
    ------
    InvalidInput
        If no generator is given, or the group has more than `limit` elements.

    Examples
    --------
    >>> square = Format(3, 3, 3)
    >>> len(generate([Symmetry.of(square, rotation=1), Symmetry.of(square, transposed=True)]))
    6
    """
    generators = list(generators)
    if not generators:
        raise InvalidInput("a group needs at least one generator; give the identity for the trivial group")
    identity = Symmetry.of(generators[0].format)
    found = {identity: None}
    new = [identity]
    while new:
        products = (g @ h for h in new for g in generators)
        new = list(dict.fromkeys(element for element in products if element not in found))
        found.update(dict.fromkeys(new))
        if len(found) > limit:
            raise InvalidInput(
                f"these symmetries generate more than {limit} elements; one of them may have infinite order"
            )
    return tuple(found)


def conjugation(format: Format, *bases: ArrayLike, rotation: int = 0, transposed: bool = False) -> Symmetry:
    """Build a change of basis, with one matrix for all three spaces of a cube or with three matrices.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    *bases : array_like of int or Fraction
        One square matrix, or three of sizes n, m and p.
    rotation : int, default 0
        The number of rotations.
    transposed : bool, default False
        Whether a transposition follows the rotations.

    Returns
    -------
    Symmetry
        The symmetry.

    Raises
    ------
    InvalidInput
        If there are neither one nor three matrices, or they do not fit the format.

    Examples
    --------
    >>> conjugation(Format(2, 2, 2), [[0, 1], [1, 0]]).order
    2
    """
    if len(bases) not in (1, 3):
        raise InvalidInput(f"a change of basis takes one matrix or three, not {len(bases)}")
    return Symmetry.of(format, bases * (3 // len(bases)), rotation=rotation, transposed=transposed)


def signed_permutation(images: Iterable[int]) -> np.ndarray:
    """Build the matrix that sends eᵢ to ±e_{|k|−1}, k the image at position i and ± its sign.

    Parameters
    ----------
    images : iterable of int
        The signed, one-based images of the basis vectors.

    Returns
    -------
    ndarray of int, shape (size, size)
        The matrix.

    Examples
    --------
    >>> signed_permutation([2, -1]).tolist()
    [[0, -1], [1, 0]]
    """
    images = list(images)
    matrix = np.zeros((len(images), len(images)), dtype=int)
    for i, k in enumerate(images):
        matrix[abs(k) - 1, i] = 1 if k > 0 else -1
    return matrix


def named_subgroups(format: Format) -> dict[str, Group]:
    """List the subgroups that a search can ask for by name.

    Names follow GAP: x is a direct product, : a semidirect one.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.

    Returns
    -------
    dict of str to tuple of Symmetry
        The groups that act on the format, by name.

    Notes
    -----
    Any format has

    * ``trivial``;
    * ``flip`` (order 2), which swaps coordinates 1 and 2, 3 and 4, … of all three spaces;
    * ``sign`` (order 2), which negates the last coordinate of all three;
    * ``flipxsign``, their product;
    * ``cycle`` (order 3), which cycles the first three coordinates of every space that has three or more.

    If n = p, there is ``transpose`` (order 2). Cubes add ``Z3`` (rotation), its products ``Z3xflip``, ``Z3xsign``,
    ``Z3xflipxsign``, ``Z3:transpose`` and ``Z3:transposexflip``, and conjugations by one matrix:

    * ``S3`` and ``Z3xS3``, permutations of three coordinates; in ⟨2,2,2⟩ the two-dimensional representation, which
      leaves Strassen's scheme invariant;
    * ``Z3xcycle`` and ``twisted-Z3``, a cycle of three coordinates beside, or together with, rotation (n ≥ 3);
    * ``Z4``, ``Z3xZ4``, ``Z2xZ2`` and ``Z3xZ2xZ2``, regular on four coordinates (n ≥ 4);
    * ``Z3xcyclexsign`` (n ≥ 4).

    Examples
    --------
    >>> len(named_subgroups(Format(4, 4, 4))["Z3xZ4"])
    12
    """
    format = Format(*format)
    flip = conjugation(format, *(signed_permutation(_reversed_pairs(size)) for size in format))
    sign = conjugation(format, *(signed_permutation([*range(1, size), -size]) for size in format))
    generators: dict[str, list[Symmetry]] = {
        "trivial": [Symmetry.of(format)],
        "flip": [flip],
        "sign": [sign],
        "flipxsign": [flip, sign],
    }
    if format.n == format.p:
        generators["transpose"] = [Symmetry.of(format, transposed=True)]
    if format.is_cube:
        generators |= _of_cube(format, flip, sign)
    if max(format) >= 3:
        generators["cycle"] = [conjugation(format, *(_first_three(size) for size in format))]
    groups = {name: generate(elements) for name, elements in generators.items()}
    return {name: group for name, group in groups.items() if name == "trivial" or len(group) > 1}


def _of_cube(format: Format, flip: Symmetry, sign: Symmetry) -> dict[str, list[Symmetry]]:
    size = format.n
    rotation, transposition = Symmetry.of(format, rotation=1), Symmetry.of(format, transposed=True)
    found = {
        "Z3": [rotation],
        "Z3xflip": [rotation, flip],
        "Z3xsign": [rotation, sign],
        "Z3xflipxsign": [rotation, flip, sign],
        "Z3:transpose": [rotation, transposition],
        "Z3:transposexflip": [rotation, transposition, flip],
    }

    def permuted(start: list[int]) -> Symmetry:
        return conjugation(format, signed_permutation([*start, *range(len(start) + 1, size + 1)]))

    if size == 2:
        s3 = [conjugation(format, [[-1, -1], [1, 0]]), conjugation(format, [[0, 1], [1, 0]])]
        found |= {"S3": s3, "Z3xS3": [rotation, *s3]}
    if size >= 3:
        cycle, swap = permuted([2, 3, 1]), permuted([2, 1, 3])
        found |= {"S3": [cycle, swap], "Z3xS3": [rotation, cycle, swap], "Z3xcycle": [rotation, cycle]}
        found["twisted-Z3"] = [cycle @ rotation]
    if size >= 4:
        found["Z3xcyclexsign"] = [rotation, cycle, sign]
        four = permuted([2, 3, 4, 1])
        klein = [permuted([2, 1, 4, 3]), permuted([3, 4, 1, 2])]
        found |= {"Z4": [four], "Z3xZ4": [rotation, four], "Z2xZ2": klein, "Z3xZ2xZ2": [rotation, *klein]}
    return found


def _first_three(size: int) -> np.ndarray:
    return signed_permutation([2, 3, 1, *range(4, size + 1)] if size >= 3 else range(1, size + 1))


def _reversed_pairs(size: int) -> list[int]:
    """Coordinates 1,2 swapped, 3,4 swapped, …; a last odd one stays."""
    images = [i + 1 if i % 2 else i - 1 for i in range(1, size + 1)]
    if size % 2:
        images[-1] = size
    return images
