"""Small records of converted networks."""

from __future__ import annotations

from typing import Any

from stl_bench.report.speed import Speeds, speeds_of
from stl_bench.report.subjects import SUBJECTS

MINILM, SMOLLM2 = SUBJECTS
#: Wide layers, of which encoding is little: r·(K + N) / (K·N) = r / 512.
LAYERS = [{"name": f"layer{i}", "in_features": 1024, "out_features": 1024, "errors": {"error": 0.1}} for i in range(2)]


def cell(method: str, distance: float, mults: float, rank: int | None = 32, **more: Any) -> dict[str, Any]:
    """A cell of MiniLM as read, so far from dense."""
    return {
        "model": "minilm",
        "method": method,
        "calibration": "none",
        "rank": rank,
        "depth": 0,
        "budget": None,
        "finetune": 0,
        "multiplications": mults,
        "cosine_mean": 1 - distance,
        "cosine_distance": distance,
        "layers": LAYERS,
        "text": {"tokens": 1000, "source": "a text"},
        "seed": 0,
        **more,
    }


def timed(rank: int, ratio: float, depth: int = 0, batch: int = 1) -> dict[str, Any]:
    """A row of the wall-clock benchmark as read: so many times as fast as dense."""
    held = {"model": "minilm", "rank": rank, "depth": depth, "multiplications": 0.5, "batch": batch, "tokens": 128}
    return {**held, "rows": 128 * batch, "dense_seconds": ratio, "seconds": 1.0, "ratio": ratio}


def speeds(*rows: dict[str, Any]) -> Speeds:
    """What was timed."""
    return speeds_of(rows)


EXACT = {"encoder": {"relative_error": 0.0, "rank": 48}}
