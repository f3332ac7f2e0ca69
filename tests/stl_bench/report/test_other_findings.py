"""What the report says of encoders, of one layer, of training and of targets follows from the records."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.references import naive_error
from stl_bench.records import Record
from stl_bench.report.encoders import error_model_finding, error_model_section, frontier_section, shipped_frontier
from stl_bench.report.one_layer import layer_section
from stl_bench.report.opening import opening_section
from stl_bench.report.others import others_section
from stl_bench.report.training_findings import training_findings
from stl_bench.report.trainings import trainings_of

pytest.importorskip("matplotlib")
SHAPES = {"a layer": (1024, 1024)}


def _layer(*rows: tuple[str, float, float]) -> Record:
    results = [
        {"method": method, "multiplications": mults, "error": error, "rank": 32 if "stl" in method else None}
        for method, mults, error in rows
    ]
    return Record("calibration.json", {"layer": "a layer", "results": results, "seed": 0})


def _run(variant: str, seed: int, accuracy: float, rank: int | None = 24, **more: Any) -> dict[str, Any]:
    total = 4.0 if rank is None else rank / 8
    held = {"variant": variant, "seed": seed, "accuracy": accuracy, "rank": rank, "start": "algebraic"}
    shares = {"linear": total / 2, "total": total}
    return {**held, "learnable": False, "parameters": 100 * (rank or 24), "million_multiplications": shares, **more}


def test_a_layer_says_who_is_ahead_and_at_what_cost() -> None:
    record = _layer(
        ("sparsegpt24", 0.5, 0.02), ("stl r=32 refit", 0.51, 0.03), ("stl r=32 joint", 0.51, 0.03), ("asvd", 0.5, 0.04)
    )
    section = layer_section([record], SHAPES)
    words = " ".join(section.lead)
    assert (
        "“2:4 SparseGPT” leaves 0.02 at 0.500, the best STL, “STL r=32 refit”, 0.03 at 0.573: STL is behind and"
        in words
    )
    assert "“STL r=32 joint” gains nothing on “STL r=32 refit”" in words
    [table] = section.tables
    assert ("STL r=32 refit", "0.510", "0.573", "0.03") in table.rows
    ahead = _layer(("sparsegpt24", 0.5, 0.02), ("stl r=32 refit", 0.51, 0.01), ("stl r=32 joint", 0.51, 0.005))
    told = " ".join(layer_section([ahead], SHAPES).lead)
    assert "STL is ahead, but costs more" in told
    assert "leaves 50% less than" in told
    unknown = layer_section([record], {})
    assert any("and encoding" in row[2] for row in unknown.tables[0].rows)


def test_training_says_what_the_gain_is_not_due_to() -> None:
    groups = {
        "dense": [_run("dense", seed, 0.97, None) for seed in (0, 1)],
        "STL r=24": [_run("STL r=24", seed, 0.98 + seed / 1000, 24, relative_error=0.5) for seed in (0, 1)],
        "random": [_run("random", seed, 0.9805, 24, start="random") for seed in (0, 1)],
        "STL r=49": [_run("STL r=49", seed, 0.99, 49, relative_error=0.0) for seed in (0, 1, 2)],
    }
    words = " ".join(training_findings(groups, {"rate": 0.002}))
    assert "STL r=49 +2.0 ± 0.0 points over 2 seeds" in words
    assert (
        "Algebraic encoders against random ones, frozen, r=24: +0.0 ± 0.1 points over 2 seeds, no difference" in words
    )
    assert "STL r=49 is exact, computes what dense layers can, and gains as well (+2.0" in words
    assert "1.0–2.0 times the parameters" in words
    assert "With encoding these cost more than dense: STL r=49 (1.53)" in words
    assert "Seeds are few: 2 for dense, STL r=24, random." in words
    assert "one learning rate (0.002)" in words
    groups["STL r=49"] = [_run("STL r=49", seed, 0.96, 49, relative_error=0.0) for seed in (0, 1)]
    assert "gains as well" not in " ".join(training_findings(groups, None))


def test_runs_of_other_recipes_are_told_apart() -> None:
    runs = [_run("dense", seed, 0.97, None) for seed in (0, 1)]
    runs += [_run("STL r=24", seed, 0.98, 24, relative_error=0.5) for seed in (0, 1)]
    slow = [{**run, "accuracy": run["accuracy"] + 0.005} for run in runs[:3]]
    records = [
        Record("slow.json", {"recipe": {"rate": 1e-3, "seed": 1}, "cells": slow}),
        Record("train_vit.json", {"recipe": {"rate": 2e-3, "seed": 0}, "cells": runs}),
        Record("more.json", {"recipe": {"rate": 2e-3, "seed": 0}, "cells": [_run("dense", 2, 0.97, None)]}),
    ]
    first, other = trainings_of(records)
    assert [len(cells) for cells in first.groups.values()] == [3, 2]
    assert first.difference(other) == "rate 0.001"
    words = " ".join(training_findings(first.groups, first.recipe, {"rate 0.001": other.groups}))
    assert "one learning rate" not in words
    assert "Dense ends at 97.0 %" not in words  # one pair of runs shows nothing
    both = {"rate 0.001": {**other.groups, "STL r=24": first.groups["STL r=24"]}}
    told = " ".join(training_findings(first.groups, first.recipe, both))
    assert "Dense ends at 97.0 %; with rate 0.001 at 97.5 % (against it: STL r=24 +0.5 ± 0.0 points" in told


def test_the_frontier_is_that_of_the_shipped_catalog() -> None:
    front = shipped_frontier()
    assert front
    assert all(entry.shipped for entry in front)
    assert [entry.rank for entry in front] == sorted({entry.rank for entry in front})
    section = frontier_section(front)
    [table] = section.tables
    rows = {row[0]: row for row in table.rows}
    assert rows["r=32"][3] == f"{naive_error(0.5):.3f}"
    assert rows["r=48"][-2].startswith("exact over")
    assert rows["r=32"][-2] == "approximate"
    assert frontier_section([]).tables == []


def test_the_error_model_is_held_against_what_was_sampled() -> None:
    rows = [
        {"tile": 4, "rank": 40, "precision": "bf16", "model": 1.0, "measured": 1.1, "standard_error": 0.05,
         "difference": -0.09},
        {"tile": 3, "rank": 20, "precision": "fp32", "model": 1.0, "measured": 1.01, "standard_error": 0.01,
         "difference": 0.01},
    ]  # fmt: skip
    assert error_model_finding(rows) == (
        "Over 2 pairs of encoder and precision the model is at most 9.0 % from what was sampled (tile 4, r=40, bf16), "
        "at most 2.0 standard errors of the sample."
    )
    section = error_model_section([Record("error_model.json", {"rows": rows, "samples": 20000})])
    assert [row[0] for row in section.tables[0].rows] == ["bf16", "fp32"]
    assert error_model_section([]).missing


def test_targets_that_were_missed_are_shown() -> None:
    figures = [
        {
            "name": "flips",
            "value": 3.3e6,
            "unit": "flips/s",
            "how": "so",
            "at_least": 1e7,
            "at_most": None,
            "met": True,
        },
        {"name": "steps", "value": 14.5, "unit": "ms", "how": "so", "at_least": None, "at_most": 25},
        {"name": "free", "value": 1, "unit": "ms", "how": "so", "at_least": None, "at_most": None},
    ]
    section = others_section([Record("search_long.json", {"figures": figures})])
    assert "1 of 2 targets set for searches was missed." in section.lead
    [table] = section.tables
    assert table.rows == (("flips", "search_long.json", "3,300,000", "at least 10,000,000", "flips/s", "so"),)
    kept = others_section([Record("search_long.json", {"figures": figures[1:]})])
    assert kept.tables == []
    assert "All 1 targets set for searches were met." in kept.lead


def test_the_opening_claims_nothing_without_records() -> None:
    section = opening_section([], {}, [], [], [], [])
    assert section.opening
    assert [heading for heading, _ in section.lists] == ["What does not, or is not shown"]
    assert "Converted networks were not timed." in section.lists[0][1]
    assert section.tables == []
