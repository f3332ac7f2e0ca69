"""A tile encoder as torch tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.recursion import whole_rank, whole_tile
from stl_nn.reduced import tolerates_reduced

#: A level halves the sides of the products: beyond this many none are left to halve.
MOST_DEPTH = 8


class EncoderTensors(NamedTuple):
    """A tile encoder of format ⟨n,m,p⟩ and rank r as torch tensors of one dtype on one device.

    encode_x (r, n·m), encode_w (r, m·p), decode (n·p, r), as in `stl_algebra.TileEncoder`. Coefficients
    stay in float32 or float64 even where the layer computes in less: the model of error at a precision
    rounds encoded operands, not coefficients, and rounded coefficients of an exact encoder are not exact.
    `coarse` says that rounding channel products to bfloat16 does not show beside the encoder's own error.
    `depth` levels of Strassen's scheme carry out the products of channels, see `stl_nn.recursion`.

    >>> from stl_algebra import strassen
    >>> EncoderTensors.of(strassen()).decode.shape
    torch.Size([4, 7])
    """

    format: Format
    encode_x: Tensor
    encode_w: Tensor
    decode: Tensor
    coarse: bool = False
    depth: int = 0

    @classmethod
    def of(
        cls,
        encoder: TileEncoder | EncoderTensors,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        depth: int = 0,
    ) -> EncoderTensors:
        """The tensors of an encoder, in the coefficient dtype that goes with a layer of dtype `dtype`.

        Raises InvalidInput for what is no encoder over the reals, or no depth.
        """
        if isinstance(encoder, EncoderTensors):
            return encoder
        check_encoder(encoder)
        check_depth(depth)
        wide = coefficient_dtype(dtype)
        x, w, d = (
            torch.tensor(factor, dtype=wide, device=device)
            for factor in (encoder.encode_x, encoder.encode_w, encoder.decode)
        )
        return cls(encoder.format, x, w, d, tolerates_reduced(encoder), depth)

    @property
    def rank(self) -> int:
        """r, of the encoder alone."""
        return self.encode_x.shape[0]

    @property
    def channels(self) -> int:
        """r·7^d: the rank with Strassen's scheme in the channels."""
        return whole_rank(self.rank, self.depth)

    @property
    def tile(self) -> Format:
        """The format with Strassen's scheme in the channels."""
        return whole_tile(self.format, self.depth)


def coefficient_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype encoder coefficients and sums are held in for operands of a dtype: float64 for it, else float32.

    >>> coefficient_dtype(torch.bfloat16)
    torch.float32
    """
    return torch.float64 if dtype == torch.float64 else torch.float32


def check_encoder(encoder: object) -> TileEncoder:
    """Return the encoder, or raise InvalidInput where it is none, or holds over GF(2) alone.

    >>> from stl_algebra import strassen
    >>> check_encoder(strassen()).rank
    7
    """
    if not isinstance(encoder, TileEncoder):
        raise InvalidInput(
            f"{type(encoder).__name__} is no tile encoder; give a stl_algebra.TileEncoder, "
            "such as Catalog.default().best(tile=4, rank=40)"
        )
    if encoder.exact and not encoder.ring.is_exact_for_reals:
        raise InvalidInput(
            f"this {encoder.format} encoder is exact over {encoder.ring} only, and a layer computes over the reals; "
            "give one over Z, Q or R"
        )
    return encoder


def check_depth(depth: object) -> int:
    """Return the number of levels of Strassen's scheme, or raise InvalidInput where it is none.

    >>> check_depth(2)
    2
    """
    if not isinstance(depth, int) or not 0 <= depth <= MOST_DEPTH:
        raise InvalidInput(f"a depth of {depth!r} cannot be; give a number of levels from 0 to {MOST_DEPTH}")
    return depth
