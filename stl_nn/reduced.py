"""When channel products may be rounded to the operands' precision before they are decoded."""

from __future__ import annotations

from functools import cache

import torch

from stl_algebra import Precision, TileEncoder

#: True, False, or None: if the error model allows it and the processor gains by it. For the whole process, like
#: torch.backends' switches.
allow_reduced_channels: bool | None = None

#: The further rounding may add this part of an encoder's error at bfloat16.
NEGLIGIBLE = 0.05


def rounding_of_channels(encoder: TileEncoder, precision: Precision) -> float:
    """What rounding the channel products adds to the relative error: δ²·growth/(n·m·p).

    This is half of what rounding the operands adds: each product is as large as its factors together, and decoding
    weighs its error as it weighs theirs.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    precision : Precision
        The precision that products are rounded to.

    Returns
    -------
    float
        The relative error that is added.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> rounding_of_channels(strassen(), Precision.parse("bf16")) < 1e-4
    True
    """
    n, m, p = encoder.format
    return precision.rounding**2 * encoder.growth / (n * m * p)


def tolerates_reduced(encoder: TileEncoder) -> bool:
    """Whether channel products in bfloat16 leave an encoder's error at bfloat16 what it is.

    They do for approximate encoders alone.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    bool
        Whether they do.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> tolerates_reduced(strassen())
    False
    """
    bf16 = Precision.parse("bf16")
    return rounding_of_channels(encoder, bf16) <= NEGLIGIBLE * encoder.error_at(bf16)


def use_reduced(dtype: torch.dtype, device: torch.device, tolerated: bool) -> bool:
    """Whether a product keeps its channels in the dtype of its operands.

    Only bfloat16 may be kept: its range holds any sum that float32 can.

    Parameters
    ----------
    dtype : dtype
        Of the operands.
    device : device
        Where they are multiplied.
    tolerated : bool
        Whether the encoder tolerates it, see `tolerates_reduced`; `allow_reduced_channels` overrules it.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
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
