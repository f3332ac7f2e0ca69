"""SmolLM2-135M converted by STL and by the baselines: perplexity and divergence on held-out English text."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from stl_algebra import TileEncoder
from stl_nn.baselines import BASELINES, convert_baseline, multiplications
from stl_nn.calibration import Moments, calibrate, gather_moments
from stl_nn.conversion import convert
from stl_nn.models.measurement import circumstances, peak_memory
from stl_nn.models.smollm2 import likelihoods, load_smollm2
from stl_nn.models.text import docstrings, prose, topics
from stl_nn.replacement import is_linear

#: Tokens of one window.
WINDOW = 512


def smollm2_bench(
    encoder: TileEncoder, methods: Sequence[str], limit: int, seed: int, calibration: str = "none"
) -> dict[str, Any]:
    """Everything measured, as plain JSON: perplexity and KL by method, a verdict, and the circumstances.

    methods      "stl" or names of BASELINES; baselines get as many multiplications as the encoder takes
    limit        held-out windows of WINDOW tokens; as many of another text are what calibration looks at
    calibration  "none", a Level for the STL layers, or "sequential"

    The output head stays dense, as is the custom where language models are pruned. Raises InvalidInput where the
    model's package is absent.
    """
    began = time.perf_counter()
    language = load_smollm2()
    held_out = language.windows(topics(), WINDOW, limit)
    seen = language.windows("\n\n".join(prose(docstrings())), WINDOW, limit)
    moments: dict[str, Moments] = {}
    if any(method in BASELINES and BASELINES[method].needs_moments for method in methods):
        layers = {name: m for name, m in language.model.named_modules() if is_linear(m) and _inside(m, name)}
        moments = gather_moments(layers, seen, lambda window: language.model(input_ids=window))
    rows: list[dict[str, Any]] = []
    dense = None
    for method in methods:
        model = copy.deepcopy(language.model)  # one copy at a time: all of them would not fit a small machine
        if method == "stl":
            share = _convert_stl(model, encoder, calibration, seen, seed)
        else:
            done = convert_baseline(model, method, min(encoder.ratio, 1.0), _inside, moments=moments, seed=seed)
            share = multiplications(method, done)
        found = likelihoods(language.model, {method: model}, held_out)
        dense = found["dense"]
        rows.append(
            {
                "method": method,
                "multiplications": share,
                "perplexity": found[method].perplexity,
                "divergence": found[method].divergence,
            }
        )
    assert dense is not None
    looked = bool(moments) or calibration != "none"
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
        "text": {"source": "pydoc-topics", "windows": len(held_out), "tokens": len(held_out) * WINDOW},
        "calibration": calibration,
        "calibration_text": {"source": "docstrings", "windows": len(seen)} if looked else None,
        "dense_perplexity": dense.perplexity,
        "methods": rows,
        "verdict": verdict(dense.perplexity, rows),
        "seconds": time.perf_counter() - began,
        "peak_memory_bytes": peak_memory(),
        **circumstances(seed),
    }


def verdict(dense: float, rows: Sequence[dict[str, Any]]) -> str:
    """One sentence: which method keeps the perplexity lowest, and at how many multiplications.

    >>> verdict(10.0, [{"method": "stl", "perplexity": 11.0, "multiplications": 0.625}])
    'Of a dense perplexity of 10.00, stl makes 11.00 at 62% of the multiplications.'
    """
    ordered = sorted(rows, key=lambda row: float(row["perplexity"]))
    parts = [f"{row['method']} makes {row['perplexity']:.2f} at {row['multiplications']:.0%}" for row in ordered]
    parts[0] += " of the multiplications"
    return f"Of a dense perplexity of {dense:.2f}, {'; '.join(parts)}."


def _inside(_: nn.Module, name: str) -> bool:
    return name != "lm_head"


def _convert_stl(
    model: nn.Module, encoder: TileEncoder, calibration: str, windows: Sequence[Tensor], seed: int
) -> float:
    if calibration == "none":
        return convert(model, encoder, _inside).multiplications
    sequential = calibration == "sequential"
    return calibrate(
        model,
        encoder,
        windows,
        lambda model, window: model(input_ids=window),
        level="refit" if sequential else calibration,
        sequential=sequential,
        filter_fn=_inside,
        seed=seed,
    ).multiplications
