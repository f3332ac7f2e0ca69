"""MiniLM-L6 as a network to measure: what becomes of its embeddings of held-out English text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_nn.calibration.sensitivity import sampled_squares
from stl_nn.models.minilm import SentenceEncoder, load_minilm
from stl_nn.models.network import Network
from stl_nn.models.text import passages_of


class SentenceNetwork(Network):
    """Passages of English in, embeddings out; figures compare them with the dense ones:

    cosine_mean, cosine_min  between dense and converted embeddings of the same passage
    embedding_error          Σ‖ê − e‖² / Σ‖e‖²
    agreement_at_10          share of each passage's ten nearest others that stay among its ten nearest
    """

    name, unit, limit = "minilm", "passages", 64
    text, calibration_text = "pydoc-topics", "docstrings"
    headline = ("cosine_mean", "mean cosine to the dense embeddings", True)

    def __init__(
        self, limit: int | None = None, calibration: int | None = None, sentences: SentenceEncoder | None = None
    ) -> None:
        self.sentences = sentences or load_minilm()
        self.model = self.sentences.model
        self.held_out = passages_of(self.text, limit or self.limit)
        self.calibration = passages_of(self.calibration_text, calibration or limit or self.limit)

    @cached_property
    def training(self) -> Sequence[str]:
        return passages_of(self.calibration_text, sys.maxsize)

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        states: Tensor = model(input_ids=self.sentences.tokens(batch)).last_hidden_state
        return states

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """Of the states of all tokens, and of the embeddings that are their mean."""
        apart = (ours - dense).square().sum() / dense.square().sum()
        return apart + 1 - functional.cosine_similarity(ours.mean(dim=1), dense.mean(dim=1)).mean()

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Of the direction of each embedding, which is what sentences are compared by."""
        return sampled_squares(functional.normalize(output.mean(dim=1), dim=-1), generator)

    def measure(self, model: nn.Module) -> dict[str, float]:
        dense, ours = self._dense, self.sentences.embed(self.held_out, model)
        cosines = (dense * ours).sum(dim=1)
        return {
            "cosine_mean": float(cosines.mean()),
            "cosine_min": float(cosines.min()),
            "embedding_error": float((ours - dense).square().sum() / dense.square().sum()),
            "agreement_at_10": agreement_at(10, dense, ours),
        }

    def rows(self, batches: Sequence[Any]) -> int:
        return sum(self.sentences.tokens(text).shape[1] for text in batches)

    @cached_property
    def _dense(self) -> Tensor:
        return self.sentences.embed(self.held_out)


def agreement_at(k: int, first: Tensor, second: Tensor) -> float:
    """The mean share of each row's k nearest other rows by cosine that two sets of unit vectors (rows, d) agree on.

    With fewer than k + 1 rows, k is all the others.

    >>> agreement_at(1, torch.eye(3), torch.eye(3))
    1.0
    """
    k = min(k, len(first) - 1)
    if k < 1:
        return 1.0
    near = []
    for vectors in (first, second):
        likeness = (vectors @ vectors.T).fill_diagonal_(-torch.inf)
        near.append(torch.zeros_like(likeness).scatter_(1, likeness.topk(k, dim=1).indices, 1.0))
    return float((near[0] * near[1]).sum(dim=1).mean() / k)
