"""What the layers of a converted model are, all but their numbers: to be written down, and built again from that.

`of` is the blueprint of a layer, `build` a layer of it on the meta device, whose tensors say by their shapes what is to
be filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec
import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.backend import BACKENDS
from stl_nn.calibration.calibrated_linear import CalibratedLinear, bias_learns
from stl_nn.encoder_module import ENCODER_NAMES
from stl_nn.linear import STLLinear
from stl_nn.options import ALWAYS_DENSE, LayerOptions

#: Encoders by their digest.
Encoders = Mapping[str, TileEncoder]


class Written(msgspec.Struct, frozen=True, tag_field="kind", tag=True, forbid_unknown_fields=True):
    """What is written as a JSON object: its fields, and the name of its class as its `kind`."""


class DenseBlueprint(Written, frozen=True):
    """An nn.Linear: what stands in a joined layer, or in a 1×1 convolution, that was left dense.

    Parameters
    ----------
    in_features, out_features : int
        As of the layer.
    bias : bool
        As of the layer.
    """

    in_features: int
    out_features: int
    bias: bool

    @classmethod
    def of(cls, layer: nn.Linear) -> Self:
        """The blueprint of a layer.

        Parameters
        ----------
        layer : nn.Linear
            The layer.

        Returns
        -------
        Self
            The blueprint.
        """
        return cls(int(layer.in_features), int(layer.out_features), layer.bias is not None)

    def build(self, encoders: Encoders, like: nn.Linear) -> nn.Linear:  # noqa: ARG002
        """The layer, without numbers.

        Parameters
        ----------
        encoders : TileEncoder, Entry, mapping or sequence
            The encoders of the file by digest.
        like : nn.Linear
            The nn.Linear that the layer replaces: its parameters learn if those of this one do.

        Returns
        -------
        nn.Linear
            The layer on the meta device.
        """
        layer = nn.Linear(self.in_features, self.out_features, self.bias, device="meta")
        layer.weight.requires_grad_(like.weight.requires_grad)
        if layer.bias is not None:
            layer.bias.requires_grad_(bias_learns(like))
        return layer


class STLBlueprint(Written, frozen=True):
    """An STLLinear.

    Parameters
    ----------
    in_features, out_features : int
        As of the layer.
    encoder : str
        The digest of what `encoder` returns, learned or not.
    bias : bool
        As of the layer.
    learnable, on_the_fly, keep_dense : bool
        As of `LayerOptions`.
    break_even_rows : int or None
        As of the layer; None stands for `ALWAYS_DENSE`.
    activation : str
        As of the layer.
    depth : int
        As of `LayerOptions`.
    backend : str
        As of the layer.
    permuted : bool
        Whether there is a permutation.
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
        """The blueprint of a layer.

        Parameters
        ----------
        layer : STLLinear
            The layer.

        Returns
        -------
        Self
            The blueprint.
        """
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
        """The layer, without numbers.

        Parameters
        ----------
        encoders : TileEncoder, Entry, mapping or sequence
            As of `DenseBlueprint.build`.
        like : nn.Linear
            As of `DenseBlueprint.build`.

        Returns
        -------
        STLLinear
            The layer on the meta device.

        Raises
        ------
        InvalidInput
            If no layer has this blueprint.
        """
        if self.encoder not in encoders:
            raise InvalidInput(f"its encoder {self.encoder[:16]!r} is not in the file")
        rows = ALWAYS_DENSE if self.break_even_rows is None else self.break_even_rows
        layer = STLLinear(
            self.in_features,
            self.out_features,
            encoders[self.encoder],
            LayerOptions(
                learnable=self.learnable,
                on_the_fly=self.on_the_fly,
                keep_dense=self.keep_dense,
                break_even_rows=rows if self.keep_dense else None,
                depth=self.depth,
            ),
            self.bias,
            activation=self.activation,
            device="meta",
        )
        layer.break_even_rows = rows
        if self.backend not in BACKENDS:
            raise InvalidInput(f"its backend {self.backend!r} is unknown; it may be {', '.join(BACKENDS)}")
        layer.backend = self.backend
        layer._take_weight(_empty(self.out_features, self.in_features), like.weight.requires_grad)
        if layer.bias is not None:
            layer.bias.requires_grad_(bias_learns(like))
        if self.permuted:
            layer.permutation = _empty(self.in_features, dtype=torch.int64)
        return layer


class CalibratedBlueprint(Written, frozen=True):
    """A CalibratedLinear.

    Parameters
    ----------
    stl : STLBlueprint
        The layer inside.
    block : int
        The channels of a block of its basis.
    has_bias : bool
        Whether the dense layer had a bias.
    mapped : bool
        Whether its outputs are put back in their places, at their scale.
    """

    stl: STLBlueprint
    block: int
    has_bias: bool
    mapped: bool

    @classmethod
    def of(cls, layer: CalibratedLinear) -> Self:
        """The blueprint of a layer.

        Parameters
        ----------
        layer : CalibratedLinear
            The layer.

        Returns
        -------
        Self
            The blueprint.
        """
        return cls(STLBlueprint.of(layer.stl), layer.basis.shape[-1], layer.has_bias, layer.place is not None)

    @property
    def in_features(self) -> int:
        """K."""
        return self.stl.in_features

    @property
    def out_features(self) -> int:
        """N."""
        return self.stl.out_features

    def build(self, encoders: Encoders, like: nn.Linear) -> CalibratedLinear:
        """The layer, without numbers.

        Parameters
        ----------
        encoders : TileEncoder, Entry, mapping or sequence
            As of `DenseBlueprint.build`.
        like : nn.Linear
            As of `DenseBlueprint.build`.

        Returns
        -------
        CalibratedLinear
            The layer on the meta device.

        Raises
        ------
        InvalidInput
            If no layer has this blueprint.
        """
        if self.block < 1 or self.in_features % self.block:
            raise InvalidInput(f"blocks of {self.block} channels do not make {self.in_features} input features")
        basis = _empty(self.in_features // self.block, self.block, self.block)
        place = factor = None
        if self.mapped:
            place, factor = _empty(self.out_features, dtype=torch.int64), _empty(self.out_features)
        stl = self.stl.build(encoders, like)
        return CalibratedLinear(_empty(self.in_features), basis, stl, self.has_bias, place, factor)


LayerBlueprint = DenseBlueprint | STLBlueprint | CalibratedBlueprint


def describe(layer: nn.Module, name: str) -> LayerBlueprint:
    """The blueprint of a layer.

    Parameters
    ----------
    layer : nn.Module
        The layer.
    name : str
        Its name in the model, for the message.

    Returns
    -------
    LayerBlueprint
        The blueprint.

    Raises
    ------
    InvalidInput
        If it is of another type.

    Examples
    --------
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
    """Check that a layer can be written down.

    Parameters
    ----------
    name : str
        Its name in the model, for the message.
    layer : STLLinear or CalibratedLinear
        The layer.

    Raises
    ------
    InvalidInput
        If coefficients are not finite or not those of the encoder, or an order of channels is none.

    Examples
    --------
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


def _empty(*shape: int, dtype: torch.dtype | None = None) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")
