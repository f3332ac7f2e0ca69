"""Labelled images to train on: scikit-learn's digits, or arrays of one's own; and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stl_algebra import InvalidInput


@dataclass(frozen=True)
class Images:
    """Labelled images to train on, and others held out.

    Parameters
    ----------
    train : Tensor
        (count, channels, side, side) in [0, 1].
    train_labels : Tensor
        (count,), whole numbers from 0.
    test : Tensor
        (count, channels, side, side) in [0, 1], held out.
    test_labels : Tensor
        (count,), whole numbers from 0.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return int(torch.maximum(self.train_labels.max(), self.test_labels.max())) + 1


def digits() -> Images:
    """Load the 1797 handwritten digits of 8×8 pixels in scikit-learn: half of each class to train on, half held out.

    The halves are the same in every run.

    Returns
    -------
    Images
        The two halves.

    Raises
    ------
    InvalidInput
        If scikit-learn is not installed.

    References
    ----------
    Alpaydin, Kaynak, Optical recognition of handwritten digits, UCI machine learning repository, 1998.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as missing:
        raise InvalidInput(
            "the digits need the package scikit-learn; install it with: pip install 'strassen-tile[models]'"
        ) from missing
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels / 16, labels, test_size=0.5, stratify=labels, random_state=0)
    train, test = (torch.tensor(part, dtype=torch.float32).reshape(-1, 1, 8, 8) for part in parts[:2])
    return Images(train, torch.tensor(parts[2]), test, torch.tensor(parts[3]))


def images_of(file: Path) -> Images:
    """Read labelled images from a safetensors file.

    Parameters
    ----------
    file : Path
        The file. It holds `train` and `test`, uint8 of shape (count, channels, side, side), and their labels as
        `train_labels` and `test_labels`, of shape (count,).

    Returns
    -------
    Images
        The images.

    Raises
    ------
    InvalidInput
        If the file holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(file)
        train, test = (held[name].float() / 255 for name in ("train", "test"))
        labels = [held[f"{name}_labels"].long() for name in ("train", "test")]
    except (SafetensorError, OSError, KeyError) as error:
        raise InvalidInput(f"{file} does not hold labelled images: {error}") from error
    for name, images, classes in (("train", train, labels[0]), ("test", test, labels[1])):
        if images.dim() != 4 or images.shape[2] != images.shape[3] or len(classes) != len(images) or not len(images):
            raise InvalidInput(f"{name} of {file} must be (count, channels, side, side) with as many labels")
    return Images(train, labels[0], test, labels[1])


def resized(images: Tensor, side: int) -> Tensor:
    """Scale images to another size, bilinearly: what augmentation makes of them if it changes nothing.

    Parameters
    ----------
    images : Tensor
        (count, channels, side, side).
    side : int
        Pixels a side of the result.

    Returns
    -------
    Tensor
        (count, channels, side, side), scaled.
    """
    return _warped(images, torch.eye(2, 3).expand(len(images), 2, 3), side)


def augmented(images: Tensor, side: int, generator: torch.Generator, flip: bool = False) -> Tensor:
    """Distort images at random and scale them.

    Each is turned by up to 12°, scaled and sheared by up to 15 %, and shifted by up to 10 % of its side.

    Parameters
    ----------
    images : Tensor
        (count, channels, side, side).
    side : int
        Pixels a side of the result.
    generator : torch.Generator
        The source of randomness.
    flip : bool
        Whether half of them are mirrored; a digit mirrored is no digit.

    Returns
    -------
    Tensor
        (count, channels, side, side), scaled.

    Examples
    --------
    >>> augmented(torch.zeros(2, 1, 8, 8), 16, torch.Generator()).shape
    torch.Size([2, 1, 16, 16])
    """
    count = len(images)
    draw = torch.rand(6, count, generator=generator).mul(2).sub(1)
    angle, scale_x, scale_y, shear = draw[0] * 0.21, 1 + 0.15 * draw[1], 1 + 0.15 * draw[2], 0.15 * draw[3]
    if flip:
        scale_x = scale_x * torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    rows = [cos * scale_x, shear * cos - sin * scale_y, 0.2 * draw[4], sin * scale_x, shear * sin + cos * scale_y]
    maps = torch.stack([*rows, 0.2 * draw[5]], dim=1).reshape(count, 2, 3)
    return _warped(images, maps.to(images.device), side)


def _warped(images: Tensor, maps: Tensor, side: int) -> Tensor:
    size = (len(images), images.shape[1], side, side)
    grid = functional.affine_grid(maps.to(images.device), list(size), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
