"""Turning an encoder to another order of the same three dimensions."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.rotation import rotate, transpose


def reorient(encoder: TileEncoder, format: Format) -> TileEncoder:
    """The encoder of `format`, a permutation of the dimensions, by rotations and at most one transposition.

    Raises InvalidInput where the dimensions are others.

    >>> from stl_algebra import classical
    >>> reorient(classical(Format(2, 3, 4)), Format(4, 2, 3)).format
    Format(n=4, m=2, p=3)
    """
    format = Format(*format)
    if sorted(encoder.format) != sorted(format):
        raise InvalidInput(f"format {format} is no permutation of {encoder.format}")
    for candidate in (encoder, transpose(encoder)):
        turned = candidate
        for _ in range(3):
            if turned.format == format:
                return turned
            turned = rotate(turned)
    raise AssertionError("the six orders of three dimensions are rotations and their transposes")
