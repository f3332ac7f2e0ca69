"""What a network offers to be measured: inputs to calibrate on, others held out, and figures of a converted copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from stl_nn.calibration.sensitivity import sampled_squares


class Network(ABC):
    """A trained network with the inputs it is calibrated and measured on, which have nothing in common.

    Attributes
    ----------
    model : nn.Module
        The dense network, in evaluation mode. It is never changed.
    calibration : sequence of object
        Batches to calibrate on, of the source `calibration_text`.
    held_out : sequence of object
        Batches to measure on, of the source `text`.
    name : str
        The name of the network, as commands take it.
    unit : str
        What a batch is called: passages, windows, images.
    headline : tuple[str, str, bool]
        The figure that a verdict is about, the figure in words, and whether more of it is better.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    text: ClassVar[str]
    calibration_text: ClassVar[str]
    #: The number of held-out batches if no limit is given.
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
        """Batches to fine-tune on: those of the calibration, and what more there is of their source."""
        return self.calibration

    def accepts(self, module: nn.Module, name: str) -> bool:  # noqa: ARG002
        """Return whether a linear layer is one to convert; all are, unless a network says otherwise.

        Parameters
        ----------
        module : nn.Module
            The layer.
        name : str
            Its name in the model.

        Returns
        -------
        bool
            Whether it is converted.
        """
        return True

    @abstractmethod
    def run(self, model: nn.Module, batch: Any) -> Tensor:
        """Run a model, the dense one or a converted copy, on a batch.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.
        batch : object
            A batch, as `held_out` holds them.

        Returns
        -------
        Tensor
            The output that distillation compares.
        """

    @abstractmethod
    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """Measure how far an output is from the dense one.

        Parameters
        ----------
        ours : Tensor
            What the converted model makes of a batch.
        dense : Tensor
            What the dense model makes of it.

        Returns
        -------
        Tensor
            A scalar that distillation makes small.
        """

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a random scalar of an output; its gradient shows how sensitive the output is to each layer.

        Parameters
        ----------
        output : Tensor
            What the model makes of a batch.
        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        Tensor
            A scalar, see `stl_nn.calibration.sensitivity`.
        """
        return sampled_squares(output, generator)

    @abstractmethod
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Compute the figures of a model on the held-out batches. Those of the dense one are figures too.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.

        Returns
        -------
        dict[str, float]
            The figures by name.
        """

    @abstractmethod
    def rows(self, batches: Sequence[Any]) -> int:
        """Count the rows of input, tokens, of some batches.

        Parameters
        ----------
        batches : sequence of object
            Batches, as `held_out` holds them.

        Returns
        -------
        int
            The number of rows.
        """
