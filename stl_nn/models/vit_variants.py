"""The variants of a vision transformer that are compared: dense, or STL from one encoder or another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.conversion import convert
from stl_nn.linear import STLLinear
from stl_nn.models.t2t_vit import T2TViT, ViTShape, in_backbone


@dataclass(frozen=True)
class Variant:
    """One network to train: dense where `rank` is None.

    start      "algebraic": the encoder given; "random": rows of E_X, E_W and columns of D of random directions
    learnable  whether the encoders, one a layer, are trained along with the encoded weights
    """

    rank: int | None = None
    start: str = "algebraic"
    learnable: bool = False

    def __post_init__(self) -> None:
        if self.start not in ("algebraic", "random"):
            raise InvalidInput(f"an encoder starts algebraic or random, not {self.start!r}")

    @property
    def name(self) -> str:
        """Words for tables and legends.

        >>> Variant().name, Variant(24).name, Variant(24, "random", True).name
        ('dense', 'STL r=24', 'STL r=24, random, learnable')
        """
        if self.rank is None:
            return "dense"
        parts = [f"STL r={self.rank}"]
        parts += ["random"] * (self.start == "random") + ["learnable"] * self.learnable
        return ", ".join(parts)


def build(shape: ViTShape, variant: Variant, encoder: TileEncoder | None, seed: int) -> T2TViT:
    """The network of a variant, its weights drawn from `seed`: those of all variants of a seed are the same.

    The embedding and the linear layers of the backbone become STL layers whose encoded weights are trained
    directly, as in the STL paper; the token mixers and the head stay dense. `encoder` is the algebraic one.

    >>> encoder = random_encoder(Format(4, 4, 4), 24, 0)
    >>> build(ViTShape(), Variant(24), encoder, 0).embed.rank
    24
    """
    torch.manual_seed(seed)
    model = T2TViT(shape)
    if variant.rank is None:
        return model
    if variant.start == "random":
        encoder = random_encoder(Format(4, 4, 4), variant.rank, seed)
    if encoder is None:
        raise InvalidInput(f"{variant.name} needs an encoder to start from; give one of rank {variant.rank}")
    if shape.grid**2 % encoder.format.n:
        raise InvalidInput(
            f"{shape.grid**2} tokens an image are no multiple of {encoder.format.n}: tiles would straddle two images"
        )
    convert(model, encoder, in_backbone, learnable=variant.learnable)
    for layer in model.modules():
        if isinstance(layer, STLLinear):
            layer.to_unit_gain()  # so that the learning rate of the dense weights suits the encoded ones
    return model


def random_encoder(tile: Format, rank: int, seed: int) -> TileEncoder:
    """An encoder of random directions whose output has the variance of the dense product, for independent inputs.

    >>> round(random_encoder(Format(4, 4, 4), 24, 0).growth, 9)
    64.0
    """
    rng = np.random.default_rng(seed)
    n, m, p = tile

    def directions(size: int) -> np.ndarray:
        rows = rng.standard_normal((rank, size))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    x, w, d = directions(n * m), directions(m * p), directions(n * p)
    return TileEncoder(tile, x, w * np.sqrt(n * m * p / rank), d.T)


def shares(model: nn.Module, shape: ViTShape) -> dict[str, float]:
    """Scalar products of one image's forward pass, in millions: of the channels of linear layers, and of everything.

    `linear` counts what multiplies in linear layers, r/(n·m·p) of dense in STL ones; `total` also encoding and
    decoding, one for each coefficient, zeros included.

    >>> torch.manual_seed(0) and shares(T2TViT(ViTShape()), ViTShape())["linear"] > 4
    True
    """
    from torch.utils.flop_counter import FlopCounterMode

    linear = 0

    def count(module: nn.Module, args: tuple[torch.Tensor, ...], _: torch.Tensor) -> None:
        nonlocal linear
        rows = args[0].numel() // args[0].shape[-1]
        if isinstance(module, STLLinear):
            linear += -(-rows // module.format.n) * module.effective_weight().numel()
        elif isinstance(module, nn.Linear):
            linear += rows * module.weight.numel()

    layers = (module for module in model.modules() if isinstance(module, nn.Linear | STLLinear))
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        device = next(model.parameters()).device
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, shape.channels, shape.image, shape.image, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return {"linear": linear / 1e6, "total": counter.get_total_flops() / 2e6}
