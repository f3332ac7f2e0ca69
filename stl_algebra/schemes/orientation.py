"""Permuting the three dimensions of an encoder."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.rotation import rotate, transpose


def reorient(encoder: TileEncoder, format: Format) -> TileEncoder:
    """Permute the dimensions of an encoder, by rotations and at most one transposition.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    format : Format
        The format wanted, a permutation of the encoder's.

    Returns
    -------
    TileEncoder
        The encoder of `format`, of the same rank and ring.

    Raises
    ------
    InvalidInput
        If `format` has other dimensions.

    Examples
    --------
    >>> from stl_algebra import classical
    >>> reorient(classical(Format(2, 3, 4)), Format(4, 2, 3)).format
    Format(n=4, m=2, p=3)
    """
    format = Format(*format)
    if sorted(encoder.format) != sorted(format):
        raise InvalidInput(f"format {format} is not a permutation of {encoder.format}")
    for candidate in (encoder, transpose(encoder)):
        turned = candidate
        for _ in range(3):
            if turned.format == format:
                return turned
            turned = rotate(turned)
    raise AssertionError("the six orders of three dimensions are rotations and their transposes")


def orientations(encoder: TileEncoder, format: Format) -> list[TileEncoder]:
    """Find all images of an encoder in a format under rotations and transposition.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    format : Format
        The format wanted, a permutation of the encoder's.

    Returns
    -------
    list of TileEncoder
        The different images in ascending order of their digests: at most one if the dimensions differ, two if two of
        them are equal, six if all are. Every image has the same list.

    Raises
    ------
    InvalidInput
        If `format` has other dimensions.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> len(orientations(strassen(), Format(2, 2, 2)))
    6
    """
    format = Format(*format)
    if sorted(encoder.format) != sorted(format):
        raise InvalidInput(f"format {format} is not a permutation of {encoder.format}")
    found: dict[str, TileEncoder] = {}
    for first in (encoder, transpose(encoder)):
        second = rotate(first)
        for turned in (first, second, rotate(second)):
            if turned.format == format:
                found[turned.digest] = turned
    return [found[digest] for digest in sorted(found)]
