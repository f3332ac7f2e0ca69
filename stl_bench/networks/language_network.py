"""SmolLM2-135M as a network to measure: perplexity on held-out English text, and divergence from its dense self."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from math import exp
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_bench.data.text import docstrings, prose, topics
from stl_bench.networks.network import Network
from stl_bench.networks.smollm2 import LanguageModel, load_smollm2
from stl_nn.calibration.sensitivity import sampled_likelihood

#: Tokens of one window, and of the part of it whose logits are held at once.
WINDOW, PART = 512, 128


class LanguageNetwork(Network):
    """SmolLM2-135M: windows of tokens in, predictions of the next token within each window out.

    The figures are `perplexity`, exp of the mean negative log-likelihood; `divergence`, the mean KL(dense ‖ model) of
    the predictions in nats; and `agreement`, the share of predictions whose most likely token is the dense network's.
    The output head stays dense, as is the custom where language models are pruned.

    Parameters
    ----------
    limit : int or None
        The number of held-out batches, or None for the network's own.
    calibration : int or None
        The number of calibration batches, or None for the network's own.
    window : int
        Tokens of a window.
    language : LanguageModel or None
        The language model, or None for SmolLM2.

    Raises
    ------
    InvalidInput
        If the model's package is not installed, or a text is shorter than one window.
    """

    name, unit, limit = "smollm2", "windows", 8
    text, calibration_text = "pydoc-topics", "docstrings"
    layer_rows = 2048
    batches_a_step = 1
    headline = ("perplexity", "perplexity", False)

    def __init__(
        self,
        limit: int | None = None,
        calibration: int | None = None,
        window: int = WINDOW,
        language: LanguageModel | None = None,
    ) -> None:
        self.language, self._window = language or load_smollm2(), window
        self.model = self.language.model
        self.held_out = self.language.windows(topics(), window, limit or self.limit)
        self.calibration = self._calibration_windows(calibration or limit or self.limit)
        if not self.held_out or not self.calibration:
            raise InvalidInput("the text is shorter than one window; give a longer text or a shorter window")

    @cached_property
    def training(self) -> Sequence[Tensor]:
        """All windows of the calibration text."""
        return self._calibration_windows(sys.maxsize)

    def accepts(self, module: nn.Module, name: str) -> bool:  # noqa: ARG002
        """Return whether a layer is converted: all but the output head are.

        Parameters
        ----------
        module : nn.Module
            The module.
        name : str
            Its name in the model.

        Returns
        -------
        bool
            Whether it is converted.
        """
        return name != "lm_head"

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        """Run a model on a window.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.
        batch : object
            A batch, as `held_out` holds them.

        Returns
        -------
        Tensor
            (1, tokens, vocabulary), the logits.
        """
        logits: Tensor = model(input_ids=batch).logits
        return logits

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """Measure KL(dense ‖ ours), the mean over predictions.

        Parameters
        ----------
        ours : Tensor
            What the converted model makes of a batch.
        dense : Tensor
            What the dense model makes of it.

        Returns
        -------
        Tensor
            A scalar, in nats.
        """
        first, second = (torch.log_softmax(logits.flatten(0, -2).float(), dim=-1) for logits in (dense, ours))
        return functional.kl_div(second, first, log_target=True, reduction="batchmean")

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw each next token from the model's own distribution, and return their log-likelihood.

        Parameters
        ----------
        output : Tensor
            What the model makes of a batch.
        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        Tensor
            A scalar.
        """
        return sampled_likelihood(output, generator)

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Compute perplexity, divergence and agreement.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.

        Returns
        -------
        dict[str, float]
            The figures by name.
        """
        loss = divergence = agreement = 0.0
        count = 0
        for window, before in zip(self.held_out, self._dense, strict=True):
            states = _states(model, window)
            for start in range(0, window.shape[1] - 1, PART):
                end = min(start + PART, window.shape[1] - 1)
                target = window[0, start + 1 : end + 1]
                reference = self._log_softmax(self.model, before[start:end])
                ours = self._log_softmax(model, states[start:end])
                loss -= float(ours.gather(1, target[:, None]).sum(dtype=torch.float64))
                divergence += float((reference.exp() * (reference - ours)).sum(dtype=torch.float64))
                agreement += float((reference.argmax(dim=1) == ours.argmax(dim=1)).sum())
                count += len(target)
        return {"perplexity": exp(loss / count), "divergence": divergence / count, "agreement": agreement / count}

    def rows(self, batches: Sequence[Any]) -> int:
        """Count the tokens of some windows.

        Parameters
        ----------
        batches : sequence of object
            Batches, as `held_out` holds them.

        Returns
        -------
        int
            The number of rows.
        """
        return sum(window.numel() for window in batches)

    def _calibration_windows(self, limit: int) -> list[Tensor]:
        return self.language.windows("\n\n".join(prose(docstrings())), self._window, limit)

    @cached_property
    @torch.no_grad()
    def _dense(self) -> list[Tensor]:
        """What enters the dense network's head: its logits would take eighty times as much memory."""
        return [_states(self.model, window) for window in self.held_out]

    @staticmethod
    def _log_softmax(model: nn.Module, states: Tensor) -> Tensor:
        return torch.log_softmax(model.get_submodule("lm_head")(states).float(), dim=-1)


def _states(model: nn.Module, window: Tensor) -> Tensor:
    states: Tensor = model.get_submodule("model")(input_ids=window).last_hidden_state[0]
    return states
