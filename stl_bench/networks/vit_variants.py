"""The variants of a vision transformer that are compared: dense, or STL from one encoder or another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_bench.networks.t2t_vit import T2TViT, ViTShape, in_backbone
from stl_nn.conversion import convert
from stl_nn.linear import STLLinear
from stl_nn.options import LayerOptions


@dataclass(frozen=True)
class Variant:
    """One network to train.

    Parameters
    ----------
    rank : int or None
        The rank of its STL layers, or None for dense ones.
    start : str
        "algebraic" for a given encoder, "random" for one whose rows of E_X, E_W and columns of D have random
        directions.
    learnable : bool
        Whether the encoders, one a layer, are trained along with the encoded weights.
    """

    rank: int | None = None
    start: str = "algebraic"
    learnable: bool = False

    def __post_init__(self) -> None:
        """Refuse values that fit no network."""
        if self.start not in ("algebraic", "random"):
            raise InvalidInput(f"unknown start {self.start!r} of an encoder; choose algebraic or random")

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
    """Make the network of a variant. The dense weights of all variants of a seed are the same.

    The embedding and the linear layers of the backbone become STL layers whose encoded weights are trained directly,
    as in the STL paper. The token mixers and the head stay dense.

    Parameters
    ----------
    shape : ViTShape
        The sizes of the network.
    variant : Variant
        The variant.
    encoder : TileEncoder or None
        The algebraic encoder; None if the variant needs none.
    seed : int
        The seed of all that is random.

    Returns
    -------
    T2TViT
        The network.

    Raises
    ------
    InvalidInput
        If the encoder is missing, or tiles would straddle two images.

    Examples
    --------
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
            f"{shape.grid**2} tokens of an image are not a multiple of {encoder.format.n}, so that tiles "
            "would straddle two images; choose another encoder or image size"
        )
    convert(model, encoder, LayerOptions(learnable=variant.learnable), filter_fn=in_backbone)
    for layer in model.modules():
        if isinstance(layer, STLLinear):
            layer.to_unit_gain()  # so that the learning rate of the dense weights suits the encoded ones
    return model


def random_encoder(tile: Format, rank: int, seed: int) -> TileEncoder:
    """Draw an encoder of random directions; for independent inputs its output has the variance of the dense product.

    Parameters
    ----------
    tile : Format
        The format.
    rank : int
        The rank.
    seed : int
        The seed of all that is random.

    Returns
    -------
    TileEncoder
        The encoder.

    Examples
    --------
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
    """Count the scalar products of one image's forward pass, in millions.

    Parameters
    ----------
    model : nn.Module
        The network.
    shape : ViTShape
        The sizes of the network.

    Returns
    -------
    dict[str, float]
        `linear` counts what multiplies in linear layers, r/(n·m·p) of dense in STL ones. `total` also counts encoding
        and decoding, one for each coefficient, zeros included.

    Examples
    --------
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
