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
from stl_nn.calibration.sensitivity import sampled_likelihood
from stl_nn.models.network import Network
from stl_nn.models.smollm2 import LanguageModel, load_smollm2
from stl_nn.models.text import docstrings, prose, topics

#: Tokens of one window, and of the part of it whose logits are held at once.
WINDOW, PART = 512, 128


class LanguageNetwork(Network):
    """Windows of tokens in, next-token predictions within each window out; figures:

    perplexity  exp of the mean negative log-likelihood
    divergence  mean KL(dense ‖ model) of the predictions, in nats; 0 for the dense network itself
    agreement   share of predictions whose most likely token is the dense network's

    The output head stays dense, as is the custom where language models are pruned. Raises InvalidInput where the
    model's package is absent, or a text is shorter than one window.
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
        return self._calibration_windows(sys.maxsize)

    def accepts(self, module: nn.Module, name: str) -> bool:  # noqa: ARG002
        return name != "lm_head"

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        logits: Tensor = model(input_ids=batch).logits
        return logits

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """KL(dense ‖ ours), mean over predictions."""
        first, second = (torch.log_softmax(logits.flatten(0, -2).float(), dim=-1) for logits in (dense, ours))
        return functional.kl_div(second, first, log_target=True, reduction="batchmean")

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        return sampled_likelihood(output, generator)

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
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
