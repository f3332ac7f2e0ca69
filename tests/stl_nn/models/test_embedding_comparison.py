"""Converted sentence encoders against the dense one: exact ones lose nothing, others what the layers lose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import kronecker, strassen
from stl_nn.baselines import convert_baseline
from stl_nn.conversion import convert
from stl_nn.models.embedding_comparison import agreement_at, compare_embeddings
from stl_nn.models.minilm import SentenceEncoder

TEXTS = ["A list is a mutable sequence of objects.", "Functions take arguments.", "The sun shines on the sea."]


def test_an_exact_encoder_changes_nothing_and_a_poor_one_something(minilm: SentenceEncoder) -> None:
    exact = kronecker(strassen(), strassen())

    def prune(model: nn.Module) -> float:
        convert_baseline(model, "magnitude24")
        return 0.5

    weights = minilm.model.encoder.layer[0].output.dense.weight.clone()  # type: ignore[union-attr, index]
    comparison = compare_embeddings(
        minilm, TEXTS, {"exact": lambda model: convert(model, exact).multiplications, "pruned": prune}
    )
    ours, theirs = comparison.results
    assert (ours.multiplications, theirs.multiplications) == (49 / 64, 0.5)
    assert ours.layer_error_max < 1e-9
    assert ours.cosine_min > 1 - 1e-5
    assert ours.agreement_at_10 == 1.0
    assert theirs.layer_error_mean > 0.01
    assert theirs.cosine_mean < 1 - 1e-3
    assert len(comparison.layers) == 12
    assert comparison.shapes["encoder.layer.1.output.dense"] == (1536, 384)
    # The encoder itself is as it was.
    assert torch.equal(weights, minilm.model.encoder.layer[0].output.dense.weight)  # type: ignore[union-attr, index]


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 2 / 3), (10, 1.0)])
def test_agreement_counts_shared_neighbours(k: int, expected: float) -> None:
    angles = torch.tensor([0.0, 0.1, 1.0, 1.3])
    first = torch.stack([angles.cos(), angles.sin()], dim=1)
    swapped = first[[2, 0, 1, 3]]
    near = []
    for vectors in (first, swapped):
        likeness = (vectors @ vectors.T).fill_diagonal_(-9)
        near.append([set(row.topk(min(k, 3)).indices.tolist()) for row in likeness])
    by_hand = sum(len(a & b) for a, b in zip(*near, strict=True)) / (4 * min(k, 3))
    assert agreement_at(k, first, swapped) == pytest.approx(by_hand)
    if k == 10:
        assert by_hand == expected
