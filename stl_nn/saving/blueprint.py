"""What the layers of a converted model are, all but their numbers: to be written down, and built again from that.

`of` is the blueprint of a layer, `build` a layer of it on the meta device, whose tensors say by their shapes what is to
be filled in; its parameters learn where those of the nn.Linear `like`, which it is to replace, do. `build` raises
InvalidInput for a blueprint that no layer has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.backend import BACKENDS
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.conversion import ALWAYS_DENSE
from stl_nn.linear import ENCODER_NAMES, STLLinear

#: What to do where a model is not the one saved.
BUILD_ANEW = "build the model by the configuration that was converted"

#: Encoders by their digest.
Encoders = Mapping[str, TileEncoder]


@dataclass(frozen=True)
class DenseBlueprint:
    """An nn.Linear: what stands in a joined layer, or in a 1×1 convolution, that was left dense."""

    in_features: int
    out_features: int
    bias: bool

    @classmethod
    def of(cls, layer: nn.Linear) -> Self:
        return cls(int(layer.in_features), int(layer.out_features), layer.bias is not None)

    def build(self, encoders: Encoders, like: nn.Linear) -> nn.Linear:  # noqa: ARG002
        layer = nn.Linear(self.in_features, self.out_features, self.bias, device="meta")
        layer.weight.requires_grad_(like.weight.requires_grad)
        _bias_learns(layer.bias, like)
        return layer


@dataclass(frozen=True)
class STLBlueprint:
    """An STLLinear.

    encoder          the digest of what `encoder` returns, learned or not
    break_even_rows  None: any number of rows takes the dense weight
    permuted         whether there is a permutation
    """

    in_features: int
    out_features: int
    encoder: str
    bias: bool
    learnable: bool
    on_the_fly: bool
    keep_dense: bool
    break_even_rows: int | None
    activation: str
    depth: int
    backend: str
    permuted: bool

    @classmethod
    def of(cls, layer: STLLinear) -> Self:
        return cls(
            int(layer.in_features),
            int(layer.out_features),
            layer.encoder.digest,
            layer.bias is not None,
            layer.learnable,
            layer.on_the_fly,
            layer.keep_dense,
            None if layer.break_even_rows == ALWAYS_DENSE else layer.break_even_rows,
            layer.activation,
            layer.depth,
            layer.backend,
            layer.permutation is not None,
        )

    def build(self, encoders: Encoders, like: nn.Linear) -> STLLinear:
        if self.encoder not in encoders:
            raise InvalidInput(f"its encoder {self.encoder[:16]!r} is not in the file")
        layer = STLLinear(
            self.in_features,
            self.out_features,
            encoders[self.encoder],
            self.bias,
            learnable=self.learnable,
            on_the_fly=self.on_the_fly,
            keep_dense=self.keep_dense,
            break_even_rows=ALWAYS_DENSE if self.break_even_rows is None else self.break_even_rows,
            activation=self.activation,
            depth=self.depth,
            device="meta",
        )
        if self.backend not in BACKENDS:
            raise InvalidInput(f"its backend {self.backend!r} is unknown; it may be {', '.join(BACKENDS)}")
        layer.backend = self.backend
        layer._take_weight(_empty(self.out_features, self.in_features), like.weight.requires_grad)
        _bias_learns(layer.bias, like)
        if self.permuted:
            layer.permutation = _empty(self.in_features, dtype=torch.int64)
        return layer


@dataclass(frozen=True)
class CalibratedBlueprint:
    """A CalibratedLinear.

    block    the channels of a block of its basis
    mapped   whether its outputs are put back in their places, at their scale
    """

    stl: STLBlueprint
    block: int
    has_bias: bool
    mapped: bool

    @classmethod
    def of(cls, layer: CalibratedLinear) -> Self:
        return cls(STLBlueprint.of(layer.stl), layer.basis.shape[-1], layer.has_bias, layer.place is not None)

    @property
    def in_features(self) -> int:
        return self.stl.in_features

    @property
    def out_features(self) -> int:
        return self.stl.out_features

    def build(self, encoders: Encoders, like: nn.Linear) -> CalibratedLinear:
        if self.block < 1 or self.in_features % self.block:
            raise InvalidInput(f"blocks of {self.block} channels do not make {self.in_features} input features")
        basis = _empty(self.in_features // self.block, self.block, self.block)
        place = factor = None
        if self.mapped:
            place, factor = _empty(self.out_features, dtype=torch.int64), _empty(self.out_features)
        stl = self.stl.build(encoders, like)
        return CalibratedLinear(_empty(self.in_features), basis, stl, self.has_bias, place, factor)


LayerBlueprint = DenseBlueprint | STLBlueprint | CalibratedBlueprint


@dataclass(frozen=True)
class Part:
    """One of the layers that a joined layer stands for: its name, and how many of the outputs are its own."""

    name: str
    out_features: int


@dataclass(frozen=True)
class PlacedBlueprint:
    """A layer and what it stands for in the dense model.

    replaces  the name of the type: Linear, Conv1D of transformers, or Conv1d, Conv2d, Conv3d
    stride    of the convolution; empty for others
    parts     of a joined layer, in order; empty for others
    """

    layer: LayerBlueprint
    replaces: str
    stride: tuple[int, ...]
    parts: tuple[Part, ...]

    def sites(self, name: str) -> dict[str, int]:
        """The layers of the dense model that it stands for, by name, and how many outputs each has.

        >>> PlacedBlueprint(DenseBlueprint(4, 8, True), "Linear", (), (Part("q", 5), Part("k", 3))).sites("q.joined")
        {'q': 5, 'k': 3}
        """
        return {part.name: part.out_features for part in self.parts} or {name: self.layer.out_features}


@dataclass(frozen=True)
class EncoderBlueprint:
    """What an encoder is but for its coefficients; exact ones are read by the denominators, see `TileEncoder`."""

    format: tuple[int, ...]
    ring: str
    denominators: tuple[int, ...]

    @classmethod
    def of(cls, encoder: TileEncoder) -> Self:
        return cls(tuple(encoder.format), str(encoder.ring), encoder.denominators)


@dataclass(frozen=True)
class ModelBlueprint:
    """The layers of a model that are not those of its dense architecture, by name.

    groups  the names of STLLinear layers that share an encoded input, in order
    """

    layers: dict[str, PlacedBlueprint]
    groups: tuple[tuple[str, ...], ...]
    encoders: dict[str, EncoderBlueprint]


def describe(layer: nn.Module, name: str) -> LayerBlueprint:
    """The blueprint of a layer. Raises InvalidInput, by its name, for one of another type.

    >>> describe(nn.Linear(2, 3), "head")
    DenseBlueprint(in_features=2, out_features=3, bias=True)
    """
    if type(layer) is STLLinear:
        return STLBlueprint.of(layer)
    if type(layer) is CalibratedLinear:
        return CalibratedBlueprint.of(layer)
    if type(layer) is nn.Linear:
        return DenseBlueprint.of(layer)
    raise InvalidInput(
        f"layer {name!r} is a {type(layer).__name__}, which is neither of the dense model nor an STL layer; "
        "leave it dense, or convert it by stl_nn.convert"
    )


def check_layer(name: str, layer: STLLinear | CalibratedLinear) -> None:
    """Raise InvalidInput where coefficients are not finite or not those of the encoder, or an order is none.

    >>> from stl_algebra import strassen
    >>> check_layer("head", STLLinear(2, 2, strassen()))
    """
    order, channels = (
        (layer.permutation, layer.in_features) if isinstance(layer, STLLinear) else (layer.place, layer.out_features)
    )
    if order is not None and order.sort().values.tolist() != list(range(channels)):
        raise InvalidInput(f"layer {name!r} orders its {channels} channels by what is no order of them")
    if isinstance(layer, STLLinear):
        try:
            encoder = layer.encoder
        except InvalidInput as error:
            raise InvalidInput(f"layer {name!r} holds no encoder: {error}") from None
        for key in ENCODER_NAMES:
            held, given = getattr(layer, key).detach().cpu().float(), torch.from_numpy(getattr(encoder, key).copy())
            if not torch.equal(held, given.float()):
                raise InvalidInput(f"the {key} of layer {name!r} is not that of its encoder")


def _bias_learns(bias: nn.Parameter | None, like: nn.Linear) -> None:
    if bias is not None:
        bias.requires_grad_((like.weight if like.bias is None else like.bias).requires_grad)


def _empty(*shape: int, dtype: torch.dtype | None = None) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")
