"""Schemes of small integers, as flip graphs know them: over GF(2) or over {−1, 0, 1}."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical
from stl_algebra.composition import Axis, direct_sum

Integers = NDArray[np.int8]
Masks = NDArray[np.uint64]

#: A factor is a mask of 64 bits.
MOST_ENTRIES = 64


@dataclass(frozen=True, eq=False)
class Scheme:
    """A bilinear scheme of a format with coefficients 0 and 1 modulo 2 (`ring` GF2) or −1, 0 and 1 (`ring` Z).

    `factors` are E_X (r, n·m), E_W (r, m·p) and Dᵀ (r, n·p), int8. Whether the Brent equations hold is proved when
    the `encoder` is made. Raises InvalidInput for another ring and for tiles of more than 64 entries.

    >>> Scheme.of(classical(Format(2, 2, 2)), Ring.GF2).rank
    8
    """

    format: Format
    factors: tuple[Integers, Integers, Integers]
    ring: Ring

    def __post_init__(self) -> None:
        if self.ring not in (Ring.Z, Ring.GF2):
            raise InvalidInput(f"flip graphs are walked over GF(2) and over {{−1, 0, 1}}, not over {self.ring}")
        if max(self.format.sizes) > MOST_ENTRIES:
            raise InvalidInput(
                f"a tile of {self.format} has more than {MOST_ENTRIES} entries: too many for a flip graph"
            )

    @property
    def rank(self) -> int:
        return len(self.factors[0])

    @classmethod
    def of(cls, encoder: TileEncoder, ring: Ring) -> Scheme | None:
        """The scheme of an exact encoder, read modulo 2 or as it stands; None where it is none of the ring.

        >>> from stl_algebra import strassen
        >>> Scheme.of(strassen(), Ring.Z).encoder == strassen()
        True
        """
        if not encoder.exact or (encoder.ring is Ring.GF2 and ring is Ring.Z):
            return None
        factors = []
        for factor, denominator in zip(encoder.factors, encoder.denominators, strict=True):
            integers = np.rint(factor * denominator).astype(np.int64)
            if denominator % 2 == 0 or (ring is Ring.Z and (denominator > 1 or np.abs(integers).max() > 1)):
                return None
            # An odd denominator is 1 modulo 2.
            factors.append((integers % 2 if ring is Ring.GF2 else integers).astype(np.int8))
        return cls(encoder.format, (factors[0], factors[1], factors[2]), ring)

    @cached_property
    def encoder(self) -> TileEncoder:
        """The encoder, proved over the scheme's ring; InvalidInput where the Brent equations do not hold there."""
        u, v, w = (factor.astype(np.float64) for factor in self.factors)
        return TileEncoder(self.format, u, v, w.T, self.ring)

    def masks(self) -> tuple[Masks, Masks]:
        """The entries 1, and the entries −1, of all factors as bit masks: two arrays (3, r).

        >>> Scheme.of(classical(Format(1, 1, 2)), Ring.GF2).masks()[0].tolist()
        [[1, 1], [1, 2], [1, 2]]
        """
        return _packed(self.factors, 1), _packed(self.factors, -1)

    @classmethod
    def from_masks(cls, format: Format, ring: Ring, plus: Masks, minus: Masks) -> Scheme:
        """The scheme of such masks."""
        factors = [
            _bits(p, size) - _bits(q, size) for p, q, size in zip(plus, minus, Format(*format).sizes, strict=True)
        ]
        return cls(Format(*format), (factors[0], factors[1], factors[2]), ring)

    def extended(self, axis: Axis) -> Scheme:
        """The scheme with one more row or column along an axis, multiplied by the classical algorithm.

        >>> Scheme.of(classical(Format(1, 2, 3)), Ring.Z).extended("n").format
        Format(n=2, m=2, p=3)
        """
        slab = classical(self.format._replace(**{axis: 1}))
        extended = Scheme.of(direct_sum(self.encoder, slab, axis), self.ring)
        assert extended is not None
        return extended

    def projected(self, axis: Axis, dropped: int) -> Scheme:
        """The scheme without one row or column along an axis; the rank is the same (products may vanish).

        >>> Scheme.of(classical(Format(1, 2, 3)), Ring.Z).projected("p", 0).format
        Format(n=1, m=2, p=2)
        """
        n, m, p = self.format
        factors = []
        for rows, columns, factor in zip("nmn", "mpp", self.factors, strict=True):
            shape = getattr(self.format, rows), getattr(self.format, columns)
            matrices = factor.reshape(-1, *shape)
            for position, name in ((1, rows), (2, columns)):
                if name == axis:
                    matrices = np.delete(matrices, dropped, axis=position)
            factors.append(np.ascontiguousarray(matrices).reshape(len(factor), -1))
        sizes = Format(*(size - (name == axis) for name, size in zip("nmp", (n, m, p), strict=True)))
        return Scheme(sizes, (factors[0], factors[1], factors[2]), self.ring)


def _packed(factors: tuple[Integers, Integers, Integers], value: int) -> Masks:
    masks = np.zeros((3, len(factors[0])), np.uint64)
    for slot, factor in enumerate(factors):
        for bit, column in enumerate(factor.T):
            masks[slot] |= (column == value).astype(np.uint64) << np.uint64(bit)
    return masks


def _bits(masks: Masks, size: int) -> Integers:
    return ((masks[:, None] >> np.arange(size, dtype=np.uint64)) & np.uint64(1)).astype(np.int8)
