"""A two-layer slice of MiniLM: its real weights and tokenizer, small enough for tests."""

from __future__ import annotations

import pytest

from stl_bench.networks.minilm import SentenceEncoder, load_minilm


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    encoder = load_minilm(max_length=48)
    encoder.model.encoder.layer = encoder.model.encoder.layer[:2]  # type: ignore[union-attr, index, operator, assignment]
    return encoder
