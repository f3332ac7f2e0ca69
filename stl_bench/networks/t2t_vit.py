"""A vision transformer on tokens made by soft splits, small enough to train on one core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput


@dataclass(frozen=True)
class ViTShape:
    """The sizes of a T2T vision transformer.

    Parameters
    ----------
    image : int
        Pixels a side of the square input.
    channels : int
        Channels of the input.
    classes : int
        The number of classes.
    splits : tuple[tuple[int, int, int], ...]
        (kernel, stride, padding) of each soft split, one after the other.
    token_width : int
        Channels of the tokens between soft splits.
    width : int
        Channels of the backbone.
    depth : int
        Blocks of the backbone.
    heads : int
        Attention heads of the backbone; they divide the width.
    ratio : float
        Channels inside a feed-forward layer of the backbone, over its width.
    """

    image: int = 16
    channels: int = 1
    classes: int = 10
    splits: tuple[tuple[int, int, int], ...] = ((3, 2, 1), (3, 2, 1))
    token_width: int = 32
    width: int = 96
    depth: int = 3
    heads: int = 3
    ratio: float = 2.0

    def __post_init__(self) -> None:
        """Refuse values that fit no network."""
        if self.width % self.heads:
            raise InvalidInput(f"{self.heads} heads do not divide a width of {self.width}; choose a multiple")
        if not self.splits or self.grid < 1:
            raise InvalidInput(
                f"the soft splits leave no token of an image of {self.image} × {self.image} pixels; take a larger image"
            )

    @property
    def grid(self) -> int:
        """Side of the square of tokens in the backbone.

        >>> ViTShape().grid
        4
        """
        side = self.image
        for kernel, stride, padding in self.splits:
            side = (side + 2 * padding - kernel) // stride + 1
        return side


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
        Attention heads.
    ratio : float
        Channels inside the feed-forward layer over the width.
    """

    def __init__(self, width: int, heads: int, ratio: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, int(ratio * width)), nn.Linear(int(ratio * width), width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block.

        Parameters
        ----------
        x : Tensor
            (images, tokens, width).

        Returns
        -------
        Tensor
            (images, tokens, width).
        """
        images, tokens, width = x.shape
        parts = self.qkv(self.before_attention(x)).reshape(images, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(images, tokens, width)
        x = x + self.out(mixed)
        y: Tensor = x + self.down(functional.gelu(self.up(self.before_forward(x))))
        return y


class T2TViT(nn.Module):
    """A T2T vision transformer: images (batch, channels, side, side) to logits (batch, classes).

    A soft split unfolds overlapping patches into tokens. Between two of them a block of one head mixes the tokens, and
    they are laid out as an image again. After the last one, position is added and the backbone follows. The mean over
    tokens is classified: without a class token the tokens of an image are a multiple of four in every shape used here,
    so that no tile of an STL layer straddles two images.

    Parameters
    ----------
    shape : ViTShape
        The sizes of the network.

    References
    ----------
    Yuan et al., Tokens-to-token ViT: training vision transformers from scratch on ImageNet, 2021.

    Examples
    --------
    >>> T2TViT(ViTShape())(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """

    def __init__(self, shape: ViTShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.channels
        self.mixers = nn.ModuleList()
        for kernel, _, _ in shape.splits[:-1]:
            project = nn.Linear(width * kernel * kernel, shape.token_width)
            self.mixers.append(nn.Sequential(project, Block(shape.token_width, 1, 1.0)))
            width = shape.token_width
        self.embed = nn.Linear(width * shape.splits[-1][0] ** 2, shape.width)
        self.position = nn.Parameter(torch.randn(shape.grid**2, shape.width) * 0.02)
        self.blocks = nn.Sequential(*(Block(shape.width, shape.heads, shape.ratio) for _ in range(shape.depth)))
        self.norm, self.head = nn.LayerNorm(shape.width), nn.Linear(shape.width, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images.

        Parameters
        ----------
        images : Tensor
            (batch, channels, side, side).

        Returns
        -------
        Tensor
            (batch, classes), the logits.
        """
        x = images
        for mixer, split in zip(self.mixers, self.shape.splits, strict=False):
            tokens = mixer(soft_split(x, split))
            side = round(tokens.shape[1] ** 0.5)
            x = tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)
        tokens = self.embed(soft_split(x, self.shape.splits[-1])) + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(dim=1))
        return logits


def soft_split(images: Tensor, split: Sequence[int]) -> Tensor:
    """Unfold overlapping patches of images into tokens.

    Parameters
    ----------
    images : Tensor
        (batch, channels, side, side).
    split : sequence of int
        The kernel k, stride and padding.

    Returns
    -------
    Tensor
        (batch, tokens, channels·k²).

    Examples
    --------
    >>> soft_split(torch.zeros(1, 2, 8, 8), (3, 2, 1)).shape
    torch.Size([1, 16, 18])
    """
    kernel, stride, padding = split
    return functional.unfold(images, kernel, padding=padding, stride=stride).transpose(1, 2)


def in_backbone(_: nn.Module, name: str) -> bool:
    """Return whether a layer is converted: the embedding and the backbone are, the token mixers and the head are not.

    Parameters
    ----------
    _ : nn.Module
        The layer, which does not matter.
    name : str
        Its name in the model.

    Returns
    -------
    bool
        Whether it is converted.

    Examples
    --------
    >>> in_backbone(nn.Identity(), "blocks.0.up"), in_backbone(nn.Identity(), "head")
    (True, False)
    """
    return name.startswith(("blocks.", "embed"))
