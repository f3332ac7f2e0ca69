"""MiniLM-L6 converted by STL and by the baselines, measured on held-out English text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from torch import nn

from stl_algebra import TileEncoder
from stl_nn.baselines import BASELINES, convert_baseline, multiplications
from stl_nn.calibration import Moments, calibrate, gather_moments
from stl_nn.conversion import convert
from stl_nn.models.embedding_comparison import Convert, EmbeddingResult, compare_embeddings
from stl_nn.models.measurement import circumstances, peak_memory
from stl_nn.models.minilm import SentenceEncoder, load_minilm
from stl_nn.models.text import passages_of
from stl_nn.replacement import is_linear

HELD_OUT, CALIBRATION = "pydoc-topics", "docstrings"


def minilm_bench(
    encoder: TileEncoder, methods: Sequence[str], limit: int, seed: int, calibration: str = "none"
) -> dict[str, Any]:
    """Everything measured, as plain JSON: figures by method and layer, a verdict, and the circumstances.

    methods  "stl" or names of BASELINES; baselines get as many multiplications as the encoder takes
    limit    held-out passages; as many of another text are what calibration and activation-aware methods look at
    calibration  "none", a Level for the STL layers, or "sequential"

    Raises InvalidInput where the model's package is absent or the methods do not apply.
    """
    began = time.perf_counter()
    sentences = load_minilm()
    texts = passages_of(HELD_OUT, limit)
    moments: dict[str, Moments] = {}
    if any(method in BASELINES and BASELINES[method].needs_moments for method in methods):
        moments = sentence_moments(sentences, passages_of(CALIBRATION, limit))
    conversions = {method: _conversion(method, encoder, moments, seed) for method in methods}
    if calibration != "none" and "stl" in conversions:
        conversions["stl"] = _calibration(encoder, calibration, sentences, passages_of(CALIBRATION, limit), seed)
    comparison = compare_embeddings(sentences, texts, conversions)
    return {
        "tile": str(encoder.format),
        "rank": encoder.rank,
        "multiplications": encoder.ratio,
        "encoder": {
            "id": encoder.digest,
            "format": str(encoder.format),
            "rank": encoder.rank,
            "relative_error": encoder.relative_error,
            "growth": encoder.growth,
        },
        "text": {"source": HELD_OUT, "passages": len(texts), "tokens": comparison.tokens},
        "calibration": calibration,
        "calibration_text": {"source": CALIBRATION, "passages": limit} if moments or calibration != "none" else None,
        **comparison.as_json(),
        "verdict": verdict(comparison.results),
        "seconds": time.perf_counter() - began,
        "peak_memory_bytes": peak_memory(),
        **circumstances(seed),
    }


def sentence_moments(sentences: SentenceEncoder, texts: Sequence[str], lags: int = 1) -> dict[str, Moments]:
    """The moments of what enters each linear layer while the texts are embedded, by layer name."""
    layers = {name: module for name, module in sentences.model.named_modules() if is_linear(module)}
    return gather_moments(layers, texts, lambda text: sentences.embed([str(text)]), lags)


def verdict(results: Sequence[EmbeddingResult]) -> str:
    """One sentence: which method keeps the embeddings closest, and at how many multiplications.

    >>> verdict([EmbeddingResult("stl", 0.625, 0.1, 0.2, 0.99, 0.9, 0.02, 1.0)])
    'stl keeps a mean cosine of 0.9900 to the dense embeddings at 62% of the multiplications.'
    """
    best, *others = sorted(results, key=lambda one: -one.cosine_mean)
    sentence = (
        f"{best.method} keeps a mean cosine of {best.cosine_mean:.4f} to the dense embeddings "
        f"at {best.multiplications:.0%} of the multiplications"
    )
    rest = ", ".join(f"{one.method} {one.cosine_mean:.4f} at {one.multiplications:.0%}" for one in others)
    return f"{sentence}; {rest}." if rest else f"{sentence}."


def _calibration(
    encoder: TileEncoder, calibration: str, sentences: SentenceEncoder, texts: Sequence[str], seed: int
) -> Convert:
    sequential = calibration == "sequential"

    def by_calibration(model: nn.Module) -> float:
        return calibrate(
            model,
            encoder,
            texts,
            lambda model, text: sentences.embed([str(text)], model),
            level="refit" if sequential else calibration,
            sequential=sequential,
            seed=seed,
        ).multiplications

    return by_calibration


def _conversion(method: str, encoder: TileEncoder, moments: dict[str, Moments], seed: int) -> Convert:
    if method == "stl":
        return lambda model: convert(model, encoder).multiplications

    def by_baseline(model: nn.Module) -> float:
        done = convert_baseline(model, method, min(encoder.ratio, 1.0), moments=moments, seed=seed)
        return multiplications(method, done)

    return by_baseline
