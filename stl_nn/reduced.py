"""When channel products may be rounded to the operands' precision before they are decoded."""

from __future__ import annotations

from functools import cache

import torch

from stl_algebra import Precision, TileEncoder

#: True, False, or None: where the error model allows it and the processor gains by it. For the whole process, like
#: torch.backends' switches.
allow_reduced_channels: bool | None = None

#: The further rounding may add this part of an encoder's error at bfloat16.
NEGLIGIBLE = 0.05


def rounding_of_channels(encoder: TileEncoder, precision: Precision) -> float:
    """What rounding the channel products adds to the relative error: δ²·growth/(n·m·p), half of what operands add.

    Each product is as large as its factors together, and decoding weighs its error as it weighs theirs.

    >>> from stl_algebra import strassen
    >>> rounding_of_channels(strassen(), Precision.parse("bf16")) < 1e-4
    True
    """
    n, m, p = encoder.format
    return precision.rounding**2 * encoder.growth / (n * m * p)


def tolerates_reduced(encoder: TileEncoder) -> bool:
    """Whether bfloat16 channels leave an encoder's error at bfloat16 what it is: so for approximate encoders alone.

    >>> from stl_algebra import strassen
    >>> tolerates_reduced(strassen())
    False
    """
    bf16 = Precision.parse("bf16")
    return rounding_of_channels(encoder, bf16) <= NEGLIGIBLE * encoder.error_at(bf16)


def use_reduced(dtype: torch.dtype, device: torch.device, tolerated: bool) -> bool:
    """Whether a product keeps its channels in `dtype`: only bfloat16, whose range holds any sum float32 can.

    >>> use_reduced(torch.float32, torch.device("cpu"), True)
    False
    """
    if dtype != torch.bfloat16:
        return False
    if allow_reduced_channels is not None:
        return allow_reduced_channels
    return tolerated and (device.type == "cuda" or _multiplies_bfloat16())


@cache
def _multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; else products in float32 are the faster ones."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
