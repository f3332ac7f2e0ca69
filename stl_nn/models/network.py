"""What a network offers to be measured: inputs to calibrate on, others held out, and figures of a converted copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from stl_nn.calibration.sensitivity import sampled_squares


class Network(ABC):
    """A trained network with what it is measured on. Calibration and held-out inputs have nothing in common.

    model        the dense network, in evaluation mode, never changed
    calibration  batches to calibrate on, of the source `calibration_text`
    training     batches to fine-tune on: those, and what more there is of their source
    held_out     batches to measure on, of the source `text`
    unit         what a batch is called: passages, windows, images
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    text: ClassVar[str]
    calibration_text: ClassVar[str]
    #: Held-out batches where no limit is given.
    limit: ClassVar[int]
    #: The figure that a verdict is about, in words, and whether more of it is better.
    headline: ClassVar[tuple[str, str, bool]]
    #: Rows of held-out input on which layer errors are measured, at most (whole batches).
    layer_rows: ClassVar[int] = 12_000
    #: A learning rate that fine-tunes it, and how many calibration batches a step takes.
    rate: ClassVar[float] = 1e-4
    batches_a_step: ClassVar[int] = 4

    model: nn.Module
    calibration: Sequence[Any]
    held_out: Sequence[Any]

    @property
    def training(self) -> Sequence[Any]:
        return self.calibration

    def accepts(self, module: nn.Module, name: str) -> bool:  # noqa: ARG002
        """Whether a linear layer is one to convert; all are, unless a network says otherwise."""
        return True

    @abstractmethod
    def run(self, model: nn.Module, batch: Any) -> Tensor:
        """What a model, this one or a converted copy, makes of a batch: what distillation compares."""

    @abstractmethod
    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """How far an output is from the dense one, a scalar that distillation makes small."""

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """A random scalar of an output whose gradient tells how sensitive layers are, see `calibration.sensitivity`."""
        return sampled_squares(output, generator)

    @abstractmethod
    def measure(self, model: nn.Module) -> dict[str, float]:
        """The figures of a model on the held-out batches; those of the dense one are figures too."""

    @abstractmethod
    def rows(self, batches: Sequence[Any]) -> int:
        """How many rows of input (tokens) these batches are."""
