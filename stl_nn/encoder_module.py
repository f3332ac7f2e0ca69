"""The part of a layer that encodes its input: coefficients that move, learn, save and load with the layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype, row_excess
from stl_nn.reduced import tolerates_reduced
from stl_nn.seen_tensor import version_of

ENCODER_NAMES = ("encode_x", "encode_w", "decode")


class EncoderModule(nn.Module):
    """A module that encodes its input x (..., K) by a tile encoder of format ⟨n,m,p⟩ and rank r.

    Parameters
    ----------
    in_features : int
        K.
    encoder : TileEncoder
        The encoder.
    depth : int
        Levels of Strassen's scheme in the channels.
    learnable : tuple of str
        Which of `ENCODER_NAMES` are parameters; the others are buffers.
    dtype : dtype
        The dtype the layer computes in. Coefficients are in float64 for float64, and in float32 for any other.
    device : device or str or None
        Where the coefficients are.

    Attributes
    ----------
    encode_x, encode_w, decode : Tensor
        The coefficients, (r, n·m), (r, m·p) and (n·p, r), in the plain state_dict. ``.half()`` and ``.bfloat16()``
        leave them in float32.
    permutation : Tensor or None
        Buffer (K,) or None: the input channels in the order in which m of them form a tile.
    """

    encode_x: Tensor
    encode_w: Tensor
    decode: Tensor
    permutation: Tensor | None
    _kept_within: tuple[tuple[Tensor | int, ...], EncoderTensors] | None = None

    def __init__(
        self,
        in_features: int,
        encoder: TileEncoder,
        depth: int,
        learnable: tuple[str, ...],
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.format: Format = encoder.format
        self.rank = encoder.rank
        self.depth = depth
        self.learnable = bool(learnable)
        self._frozen_encoder = None if learnable else encoder
        self._reduced_channels = not learnable and tolerates_reduced(encoder)
        tensors = EncoderTensors.of(encoder, dtype, device)
        for name in ENCODER_NAMES:
            tensor = getattr(tensors, name)
            if name in learnable:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        self.register_buffer("permutation", None)

    @property
    def encoder(self) -> TileEncoder:
        """The encoder: the one given, or what learning has made of it. `depth` comes on top."""
        if self._frozen_encoder is not None:
            return self._frozen_encoder
        factors = (getattr(self, name).detach().double().cpu().numpy() for name in ENCODER_NAMES)
        return TileEncoder(self.format, *factors)

    def encoder_tensors(self) -> EncoderTensors:
        """The encoder as the layer's own tensors, learnable ones included.

        Returns
        -------
        EncoderTensors
            The tensors; they share memory with the layer's.
        """
        return EncoderTensors(
            self.format, self.encode_x, self.encode_w, self.decode, self._reduced_channels, self.depth
        )

    def encoder_tensors_within(self, dtype: torch.dtype) -> EncoderTensors:
        """The encoder as `encoder_tensors`, for inputs of a dtype: encoded, they are in its range.

        Parameters
        ----------
        dtype : dtype
            Of the input.

        Returns
        -------
        EncoderTensors
            The tensors.
        """
        tensors = self.encoder_tensors()
        if dtype != torch.float16 or self.learnable or torch.compiler.is_compiling():
            return tensors.within(dtype)
        # Made once and kept with what it was made of, as one object: several threads may call.
        made_of = (
            tensors.encode_x,
            version_of(tensors.encode_x),
            tensors.decode,
            version_of(tensors.decode),
            self.depth,
        )
        kept = self._kept_within
        if kept is None or not _same(kept[0], made_of):
            with torch.inference_mode(False), torch.no_grad():
                kept = made_of, tensors.within(dtype)
            if type(kept[1].decode) is Tensor:  # no tensor of a mode, such as a fake one
                self._kept_within = kept
        return kept[1]

    def input_range(self, dtype: torch.dtype) -> float:
        """The largest number that an input may hold if what it is encoded to is to be finite.

        Parameters
        ----------
        dtype : dtype
            Of the input.

        Returns
        -------
        float
            The number; the largest of float16 itself for float16, where the encoder is scaled to it.
        """
        tensors = self.encoder_tensors().within(dtype)
        return float(torch.finfo(dtype).max / row_excess(tensors.encode_x, self.depth).max())

    def _set_coefficients(self, tensors: EncoderTensors) -> None:
        """Hold other coefficient tensors; those that learn still do."""
        for name in ENCODER_NAMES:
            tensor, learns = getattr(tensors, name), isinstance(getattr(self, name), nn.Parameter)
            setattr(self, name, nn.Parameter(tensor) if learns else tensor)

    def _permuted(self, x: Tensor) -> Tensor:
        return x if self.permutation is None else x.index_select(-1, self.permutation)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As in nn.Module, but coefficients stay in float32."""
        coefficients = {id(getattr(self, name)) for name in ENCODER_NAMES}

        def keep_coefficients(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            if id(tensor) in coefficients and coefficient_dtype(moved.dtype) != moved.dtype:
                return tensor.to(moved.device, torch.float32)
            return moved

        applied: Self = super()._apply(keep_coefficients, recurse)
        return applied

    def _refuse_another_encoder(self, state_dict: dict[str, Any], prefix: str) -> None:
        """Raise InvalidInput for the state of another encoder: weights encoded by one mean nothing to another."""
        for name in ENCODER_NAMES:
            theirs, own = state_dict.get(prefix + name), getattr(self, name)
            if theirs is None:
                continue
            same = theirs.shape == own.shape
            if same and not self.learnable and not own.is_meta:
                same = torch.equal(theirs.to(own.device, torch.float32), own.float())
            if not same:
                raise InvalidInput(
                    f"the state_dict of layer {prefix.rstrip('.') or type(self).__name__!r} was saved with another "
                    f"encoder ({name} differs) than its {self.format} rank {self.rank}; convert with the encoder it "
                    "was saved with, then load, or keep converted models by save_converted and load_converted"
                )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """As in nn.Module, but another encoder is refused, and a permutation taken as it comes."""
        self._refuse_another_encoder(state_dict, prefix)
        if state_dict.get(prefix + "permutation") is not None and self.permutation is None:
            # Present or absent is a property of the saved layer, not of the encoder.
            self.permutation = torch.arange(self.in_features, device=self.encode_x.device)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _same(these: tuple[Tensor | int, ...], those: tuple[Tensor | int, ...]) -> bool:
    """Whether tensors are the very same, and numbers equal."""
    pairs = zip(these, those, strict=True)
    return all(one is other if isinstance(one, Tensor) else one == other for one, other in pairs)


def can_share(layers: Sequence[EncoderModule]) -> str:
    """Why layers cannot share an encoded input; empty if they can.

    Parameters
    ----------
    layers : sequence of EncoderModule
        The layers, at least one.

    Returns
    -------
    str
        The reason.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> can_share([EncoderModule(4, strassen(), 0, (), torch.float32, None) for depth in range(2)])
    ''
    >>> can_share([EncoderModule(4, strassen(), depth, (), torch.float32, None) for depth in range(2)])
    'one has a depth of 0 and another of 1'
    """
    first = layers[0]
    for other in layers[1:]:
        if other.in_features != first.in_features:
            return f"one has {first.in_features} input features and another {other.in_features}"
        if other.learnable or first.learnable or other.encoder != first.encoder:
            return "they must have one frozen encoder"
        if other.depth != first.depth:
            return f"one has a depth of {first.depth} and another of {other.depth}"
        if other.encode_x.device != first.encode_x.device:
            return f"one is on {first.encode_x.device} and another on {other.encode_x.device}"
        mine, theirs = first.permutation, other.permutation
        if (mine is None) != (theirs is None) or (mine is not None and theirs is not None and not mine.equal(theirs)):
            return "they order their input channels differently"
    return ""
