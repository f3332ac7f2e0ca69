"""Which way round an encoder suits a layer: its images under the symmetries of the product that cost nothing."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import permutations, product
from math import factorial

import numpy as np

from stl_algebra import Format, InvalidInput, TileEncoder, TileMoments
from stl_algebra.symmetry import Symmetry

#: Orders of the inner positions that are tried at most: those of tiles of up to 5 channels.
MOST_ORDERS = 120


def oriented(encoder: TileEncoder, moments: TileMoments, precision: str = "bf16", number: int = 1) -> list[TileEncoder]:
    """The images of an encoder of least error under moments of tiles, among those equal to it on white inputs.

    Rotations and transpositions of the product exchange the parts that X, W and Y play, and a permutation of the m
    inner positions decides which channels meet which products. All images have the rank, the error on white inputs and
    the growth of the encoder itself. An exact encoder is returned as it is, alone.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    moments : TileMoments
        Those of the tiles.
    precision : str
        The precision that errors are taken at.
    number : int
        How many images to return, the best first.

    Returns
    -------
    list of TileEncoder
        At most `number` encoders, the best first.

    Examples
    --------
    >>> from stl_algebra import Format, strassen
    >>> u, v, w = (factor[:6] for factor in strassen().factors)
    >>> encoder, second = TileEncoder(Format(2, 2, 2), u, v, w.T), np.diag([4.0, 1.0, 4.0, 1.0])
    >>> moments = TileMoments(Format(2, 2, 2), second, np.eye(4))
    >>> moments.relative_error(oriented(encoder, moments)[0]) <= moments.relative_error(encoder)
    True
    """
    if encoder.ring.is_exact_for_reals:
        return [encoder]
    images = [encoder, *orientations(encoder)]
    return sorted(images, key=lambda image: moments.error_at(image, precision))[:number]


def orientations(encoder: TileEncoder) -> list[TileEncoder]:
    """The images of an encoder that `oriented` chooses from.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    list of TileEncoder
        Encoders of the same format and rank.

    Examples
    --------
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
        with suppress(InvalidInput):  # a symmetry of another format
            exchange = Symmetry.of(format, rotation=rotation, transposed=transposed)
            found.append(Symmetry.of(format, bases) @ exchange)
    return found
