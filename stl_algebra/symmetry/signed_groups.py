"""Finite groups of signed permutations, one for each of the three spaces: read from text or drawn at random."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.symmetry.element import Matrix
from stl_algebra.symmetry.subgroups import Group, conjugation, generate, signed_permutation

#: The signed, one-based images of the basis vectors of one space: (2, -1) sends e₁ to e₂ and e₂ to −e₁.
Images = tuple[int, ...]


_TEXT = re.compile(r"-?\d+( -?\d+)*([,;] -?\d+( -?\d+)*)*", re.ASCII)
#: Orders of the generators that are drawn.
ORDERS = (2, 2, 3, 4)
#: The largest number of generators that are drawn, and the number of draws.
GENERATORS, TRIES = 4, 2000


def signed_group(format: Format, text: str) -> Group:
    """Build the group that signed permutations, written as text, generate.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    text : str
        Generators separated by ``;``, each of three lists separated by ``,``, one for n, m and p coordinates. A list
        holds the one-based images of the basis vectors; a minus sign negates: ``2 -1`` sends e₁ to e₂ and e₂ to −e₁.

    Returns
    -------
    tuple of Symmetry
        All elements of the group, the identity first.

    Raises
    ------
    InvalidInput
        If the text does not have this form or does not fit the format.

    Examples
    --------
    >>> len(signed_group(Format(2, 2, 2), "2 1, 2 1, 2 1; 1 -2, 1 -2, 1 2"))
    4
    """
    if not _TEXT.fullmatch(text):
        raise InvalidInput(
            f"{text!r} does not name signed permutations; write them like '2 1, 2 1, 2 1; 1 -2, 1 -2, 1 2'"
        )
    generators = _read(text)
    for one in generators:
        if [sorted(map(abs, images)) for images in one] != [list(range(1, size + 1)) for size in format]:
            raise InvalidInput(f"{text!r} does not permute the coordinates of {format}")
    return generate([conjugation(format, *map(signed_permutation, one)) for one in generators])


def signed_text(group: Group) -> str:
    """Write a group of signed permutations as text for `signed_group`.

    A few elements that generate the group are written.

    Parameters
    ----------
    group : tuple of Symmetry
        All elements of a group without rotation and transposition.

    Returns
    -------
    str
        The text.

    Raises
    ------
    InvalidInput
        If an element rotates, transposes, or has a basis that is not a signed permutation.

    Examples
    --------
    >>> signed_text(signed_group(Format(2, 2, 2), "2 1, 2 1, 2 1; 2 1, 1 2, 2 1; 1 2, 2 1, 1 2"))
    '1 2, 2 1, 1 2; 2 1, 1 2, 2 1'
    """
    elements = sorted(tuple(_images(base) for base in element.bases) for element in group)
    if any(element.rotation or element.transposed for element in group) or not all(map(all, elements)):
        raise InvalidInput(
            "only a group of signed permutations without rotation and transposition can be written as text"
        )
    chosen: list[tuple[Images, ...]] = []
    reached = 1
    for element in elements:
        if (order := _order([*chosen, element], len(group))) > reached:
            chosen.append(element)
            reached = order
    return _written(chosen or elements)


def random_signed_group(format: Format, orders: Sequence[int], rng: np.random.Generator, within: str = "") -> str:
    """Draw a random group of signed permutations of one of several orders.

    A group that acts on the three spaces in three ways can leave a scheme invariant that no simultaneous change of
    basis leaves: the exact scheme of rank 48 of ⟨4,4,4⟩ has such a group of order 32.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    orders : sequence of int
        The orders that are accepted.
    rng : numpy.random.Generator
        The source of randomness.
    within : str, default ""
        The text of a group. If it is given, one more generator makes that group larger.

    Returns
    -------
    str
        Generators of the group, as text for `signed_group`.

    Raises
    ------
    InvalidInput
        If no such group is found in TRIES draws.

    Notes
    -----
    Generators are triples of signed permutations of n, m and p coordinates, drawn independently, of order 2, 3 or 4 up
    to an overall sign. They are drawn again until the group has one of the orders.

    References
    ----------
    .. [1] Dumas, Pernet, Sedoglavic, A non-commutative algorithm for multiplying 4×4 matrices using 48 non-complex
       multiplications, 2025, arXiv 2506.13242 (its scheme shows the group for rank 48).

    Examples
    --------
    >>> text = random_signed_group(Format(4, 4, 4), [8], np.random.default_rng(0))
    >>> len(signed_group(Format(4, 4, 4), text))
    8
    """
    given = _read(within) if within else []
    for _ in range(TRIES):
        drawn = 1 if given else int(rng.integers(1, GENERATORS + 1))
        generators = [*given, *(_random_triple(format, rng) for _ in range(drawn))]
        if _order(generators, max(orders)) in orders:
            return _written(generators)
    wanted = " or ".join(map(str, orders))
    raise InvalidInput(
        f"no group of signed permutations of order {wanted} was found for {format}; ask for another order"
    )


def _images(base: Matrix) -> Images:
    """The images of the basis vectors; empty if the matrix is not a signed permutation."""
    columns = list(zip(*base, strict=True))
    if any(sorted(map(abs, column)) != [0] * (len(base) - 1) + [1] for column in columns):
        return ()
    rows = [next(i for i, value in enumerate(column) if value) for column in columns]
    return _up_to_sign(tuple((i + 1) * column[i] for i, column in zip(rows, columns, strict=True)))


def _written(generators: Sequence[tuple[Images, ...]]) -> str:
    return "; ".join(", ".join(" ".join(map(str, images)) for images in one) for one in generators)


def _read(text: str) -> list[tuple[Images, ...]]:
    return [tuple(tuple(map(int, part.split())) for part in one.split(",")) for one in text.split(";")]


def _random_triple(format: Format, rng: np.random.Generator) -> tuple[Images, ...]:
    order = int(rng.choice(ORDERS))
    return tuple(_random_images(size, order, rng) for size in format)


def _random_images(size: int, order: int, rng: np.random.Generator) -> Images:
    """Draw a signed permutation whose order, up to an overall sign, divides `order`."""
    identity = tuple(range(1, size + 1))
    while True:
        images = tuple(int(k) for k in (rng.permutation(size) + 1) * rng.choice((-1, 1), size))
        power = identity
        for _ in range(order):
            power = _after(images, power)
        if _up_to_sign(power) == identity:
            return _up_to_sign(images)


def _order(generators: Sequence[tuple[Images, ...]], most: int) -> int:
    """The order of the group that triples generate, each space up to sign; 0 if it is above `most`."""
    identity = tuple(tuple(range(1, len(images) + 1)) for images in generators[0])
    found = {identity}
    new = [identity]
    while new:
        made = {
            tuple(_up_to_sign(_after(a, b)) for a, b in zip(one, other, strict=True))
            for one in generators
            for other in new
        }
        new = [element for element in made if element not in found]
        found.update(new)
        if len(found) > most:
            return 0
    return len(found)


def _after(second: Images, first: Images) -> Images:
    return tuple(second[k - 1] if k > 0 else -second[-k - 1] for k in first)


def _up_to_sign(images: Images) -> Images:
    return images if images[0] > 0 else tuple(-k for k in images)
