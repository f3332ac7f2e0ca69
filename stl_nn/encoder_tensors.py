"""A tile encoder as torch tensors."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.options import check_depth
from stl_nn.recursion import composed_rank, composed_tile
from stl_nn.reduced import tolerates_reduced


class HasEncoder(Protocol):
    """What stands for its `encoder`, such as an entry of a catalog."""

    @property
    def encoder(self) -> TileEncoder:
        """The encoder."""


#: A tile encoder, or what has one as its `encoder`.
OneEncoder = TileEncoder | HasEncoder


class EncoderTensors(NamedTuple):
    """A tile encoder of format ⟨n,m,p⟩ and rank r as torch tensors of one dtype on one device.

    Coefficients stay in float32 or float64 even if a layer computes in less: the model of error at a precision
    rounds encoded operands, not coefficients, and rounded coefficients of an exact encoder are not exact.

    Parameters
    ----------
    format : Format
        ⟨n,m,p⟩.
    encode_x, encode_w, decode : Tensor
        (r, n·m), (r, m·p) and (n·p, r), as in `stl_algebra.TileEncoder`.
    reduced_channels : bool
        Whether rounding channel products to bfloat16 does not show beside the encoder's own error.
    depth : int
        Levels of Strassen's scheme that carry out the products of channels, d, see `stl_nn.recursion`.
    bounded : bool
        Whether no encoded input is larger than the largest number of the input, see `within`.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> EncoderTensors.of(strassen()).decode.shape
    torch.Size([4, 7])
    """

    format: Format
    encode_x: Tensor
    encode_w: Tensor
    decode: Tensor
    reduced_channels: bool = False
    depth: int = 0
    bounded: bool = False

    @classmethod
    def of(
        cls,
        encoder: OneEncoder | EncoderTensors,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        depth: int = 0,
    ) -> EncoderTensors:
        """The tensors of an encoder, in the coefficient dtype that goes with a layer's dtype.

        Parameters
        ----------
        encoder : TileEncoder, Entry or EncoderTensors
            The encoder or an entry of a catalog; `EncoderTensors` are returned as they are.
        dtype : dtype
            The dtype the layer computes in.
        device : device or str or None
            Where the tensors are made.
        depth : int
            Levels of Strassen's scheme.

        Returns
        -------
        EncoderTensors
            The tensors.

        Raises
        ------
        InvalidInput
            If the encoder is none over the reals, or the depth cannot be.
        """
        if isinstance(encoder, EncoderTensors):
            return encoder
        encoder = check_encoder(encoder)
        check_depth(depth)
        wide = coefficient_dtype(dtype)
        x, w, d = (
            torch.tensor(factor, dtype=wide, device=device)
            for factor in (encoder.encode_x, encoder.encode_w, encoder.decode)
        )
        return cls(encoder.format, x, w, d, tolerates_reduced(encoder), depth)

    def within(self, dtype: torch.dtype) -> EncoderTensors:
        """The same operator with every encoded input in the range of a dtype, if the input is.

        float32 and bfloat16 have range to spare; for them nothing changes. For float16 the rows of E_X whose entries
        add up to more than one are divided by powers of two, and the columns of D multiplied by them, so nothing
        rounds another way. The encoder's weights stay as they are encoded.

        Parameters
        ----------
        dtype : dtype
            Of the input.

        Returns
        -------
        EncoderTensors
            The tensors.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> EncoderTensors.of(strassen()).within(torch.float16).encode_x.abs().sum(1).max()
        tensor(1.)
        """
        if dtype != torch.float16 or self.bounded:
            return self
        excess = row_excess(self.encode_x, self.depth)
        return self._replace(encode_x=self.encode_x / excess[:, None], decode=self.decode * excess, bounded=True)

    @property
    def rank(self) -> int:
        """r, of the encoder alone."""
        return self.encode_x.shape[0]

    @property
    def channels(self) -> int:
        """r·7^d: the rank with Strassen's scheme in the channels."""
        return composed_rank(self.rank, self.depth)

    @property
    def tile(self) -> Format:
        """⟨2^d n, 2^d m, 2^d p⟩: the format with Strassen's scheme in the channels."""
        return composed_tile(self.format, self.depth)


@torch.no_grad()
def row_excess(encode: Tensor, depth: int) -> Tensor:
    """The power of two by which channels may be larger than what is encoded, at least 1.

    Parameters
    ----------
    encode : Tensor
        (r, a): each channel sums the entries of a tile by a row of it.
    depth : int
        Levels of Strassen's scheme; each may double the largest.

    Returns
    -------
    Tensor
        (r,).

    Examples
    --------
    >>> row_excess(torch.tensor([[0.5, 0.25], [-2.0, 1.0]]), 0).tolist()
    [1.0, 4.0]
    """
    most = encode.abs().sum(1) * 2**depth
    return most.clamp_min(1).log2().ceil().exp2()


def coefficient_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype that coefficients and sums are held in: float64 for float64, else float32.

    Parameters
    ----------
    dtype : dtype
        The dtype of the operands.

    Returns
    -------
    dtype
        float32 or float64.

    Examples
    --------
    >>> coefficient_dtype(torch.bfloat16)
    torch.float32
    """
    return torch.float64 if dtype == torch.float64 else torch.float32


def check_encoder(encoder: object) -> TileEncoder:
    """Return a tile encoder that a layer can compute with.

    Parameters
    ----------
    encoder : object
        The encoder, or an object with one as its `encoder`, such as an entry of a catalog.

    Returns
    -------
    TileEncoder
        The encoder.

    Raises
    ------
    InvalidInput
        If it is no encoder, or is exact over GF(2) alone.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> check_encoder(strassen()).rank
    7
    """
    given = encoder
    if not isinstance(encoder, TileEncoder):
        encoder = getattr(encoder, "encoder", None)
    if not isinstance(encoder, TileEncoder):
        raise InvalidInput(
            f"{type(given).__name__} is no tile encoder; give a stl_algebra.TileEncoder or an entry of a catalog, "
            "such as Catalog.default().best(tile=4, rank=40)"
        )
    if encoder.exact and not encoder.ring.is_exact_for_reals:
        raise InvalidInput(
            f"this {encoder.format} encoder is exact over {encoder.ring} only, and a layer computes over the reals; "
            "give one over Z, Q or R"
        )
    return encoder
