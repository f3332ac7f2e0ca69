"""MiniLM-L6 as a network to measure: what becomes of its embeddings of held-out English text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_bench.data.text import passages_of
from stl_bench.networks.minilm import SentenceEncoder, load_minilm
from stl_bench.networks.network import Network
from stl_nn.calibration.sensitivity import sampled_squares


class SentenceNetwork(Network):
    """MiniLM-L6: passages of English in, embeddings out; the figures compare them with the dense ones.

    The figures are `cosine_mean` and `cosine_min`, between dense and converted embeddings of the same passage;
    `embedding_error`, Σ‖ê − e‖² / Σ‖e‖²; and `agreement_at_10`, the share of each passage's ten nearest others that
    stay among its ten nearest.

    Parameters
    ----------
    limit : int or None
        The number of held-out batches, or None for the network's own.
    calibration : int or None
        The number of calibration batches, or None for the network's own.
    sentences : SentenceEncoder or None
        The sentence encoder, or None for MiniLM-L6.
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
        """All passages of the calibration text."""
        return passages_of(self.calibration_text, sys.maxsize)

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        """Run a model on one passage.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.
        batch : object
            A batch, as `held_out` holds them.

        Returns
        -------
        Tensor
            (1, tokens, hidden), the states of its tokens.
        """
        states: Tensor = model(input_ids=self.sentences.tokens(batch)).last_hidden_state
        return states

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """Measure how far the states of all tokens, and their mean, the embedding, are from the dense ones.

        Parameters
        ----------
        ours : Tensor
            What the converted model makes of a batch.
        dense : Tensor
            What the dense model makes of it.

        Returns
        -------
        Tensor
            A scalar.
        """
        apart = (ours - dense).square().sum() / dense.square().sum()
        return apart + 1 - functional.cosine_similarity(ours.mean(dim=1), dense.mean(dim=1)).mean()

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a random scalar of the direction of each embedding: sentences are compared by direction.

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
        return sampled_squares(functional.normalize(output.mean(dim=1), dim=-1), generator)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Compute the cosines, the error of the embeddings, and the agreement on neighbours.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.

        Returns
        -------
        dict[str, float]
            The figures by name.
        """
        dense, ours = self._dense, self.sentences.embed(self.held_out, model)
        cosines = (dense * ours).sum(dim=1)
        return {
            "cosine_mean": float(cosines.mean()),
            "cosine_min": float(cosines.min()),
            "embedding_error": float((ours - dense).square().sum() / dense.square().sum()),
            "agreement_at_10": agreement_at(10, dense, ours),
        }

    def rows(self, batches: Sequence[Any]) -> int:
        """Count the tokens of some passages.

        Parameters
        ----------
        batches : sequence of object
            Batches, as `held_out` holds them.

        Returns
        -------
        int
            The number of rows.
        """
        return sum(self.sentences.tokens(text).shape[1] for text in batches)

    @cached_property
    def _dense(self) -> Tensor:
        return self.sentences.embed(self.held_out)


def agreement_at(k: int, first: Tensor, second: Tensor) -> float:
    """Compute the share of each row's k nearest other rows by cosine that two sets of vectors agree on, as a mean.

    Parameters
    ----------
    k : int
        The number of neighbours. With fewer than k + 1 rows it is all the others.
    first : Tensor
        (rows, d), unit vectors.
    second : Tensor
        (rows, d), unit vectors of the same things.

    Returns
    -------
    float
        A share.

    Examples
    --------
    >>> agreement_at(1, torch.eye(3), torch.eye(3))
    1.0
    """
    k = min(k, len(first) - 1)
    if k < 1:
        return 1.0
    near = []
    for vectors in (first, second):
        similarity = (vectors @ vectors.T).fill_diagonal_(-torch.inf)
        near.append(torch.zeros_like(similarity).scatter_(1, similarity.topk(k, dim=1).indices, 1.0))
    return float((near[0] * near[1]).sum(dim=1).mean() / k)
