"""Which way round an encoder suits a layer: its images under the symmetries of the product that cost nothing."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import permutations, product
from math import factorial

import numpy as np

from stl_algebra import Format, InvalidInput, Moments, TileEncoder
from stl_algebra.symmetry import Symmetry

#: Orders of the inner positions that are tried at most: those of tiles of up to 5 channels.
MOST_ORDERS = 120


def oriented(encoder: TileEncoder, moments: Moments, precision: str = "bf16", number: int = 1) -> list[TileEncoder]:
    """So many images of an encoder, of least error under moments of tiles first, among those equal to it without.

    Rotations and transpositions of the product exchange the parts that X, W and Y play, and a permutation of the m
    inner positions decides which channels meet which products. All have the rank, the error on white inputs and the
    growth of the encoder itself. An exact encoder is returned as it is, alone.

    >>> from stl_algebra import Format, strassen
    >>> u, v, w = (factor[:6] for factor in strassen().factors)
    >>> encoder, second = TileEncoder(Format(2, 2, 2), u, v, w.T), np.diag([4.0, 1.0, 4.0, 1.0])
    >>> moments = Moments(Format(2, 2, 2), second, np.eye(4))
    >>> moments.relative_error(oriented(encoder, moments)[0]) <= moments.relative_error(encoder)
    True
    """
    if encoder.ring.is_exact_for_reals:
        return [encoder]
    images = [encoder, *orientations(encoder)]
    return sorted(images, key=lambda image: moments.error_at(image, precision))[:number]


def orientations(encoder: TileEncoder) -> list[TileEncoder]:
    """The images of an encoder that `oriented` chooses from.

    >>> from stl_algebra import strassen
    >>> len(orientations(strassen()))
    12
    """
    return [symmetry.apply(encoder) for symmetry in _symmetries(encoder.format)]


@cache
def _symmetries(format: Format) -> list[Symmetry]:
    n, m, p = format
    orders = permutations(range(m)) if factorial(m) <= MOST_ORDERS else [tuple(range(m))]
    found = []
    for order, rotation, transposed in product(orders, range(3), (False, True)):
        bases = np.eye(n, dtype=int), np.eye(m, dtype=int)[list(order)], np.eye(p, dtype=int)
        with suppress(InvalidInput):  # a turn that belongs to another format
            turn = Symmetry.of(format, rotation=rotation, transposed=transposed)
            found.append(Symmetry.of(format, bases) @ turn)
    return found
