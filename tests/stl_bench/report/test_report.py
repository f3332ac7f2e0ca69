"""The report: complete, self-contained, honest about what is missing, and safe with what files hold."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import bench_command
from stl_algebra import InvalidInput
from stl_bench.report.glossary import PAPER
from stl_bench.report.page import write_report
from stl_bench.report.planned import expected

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>alert(1)</script>$x_1$"
WHERE = {
    "command": "python it.py --seed 3",
    "date": "2026-01-02T03:04:05",
    "processor": "A chip",
    "cores": 2,
    "seed": 3,
}


def _network_cell(method: str, rank: int | None, calibration: str = "none", cosine: float = 0.9) -> dict[str, Any]:
    layers = [{"name": f"layer{i}", "in_features": 64, "out_features": 64, "errors": {"error": 0.1}} for i in range(3)]
    return {
        "model": "minilm",
        "method": method,
        "rank": rank,
        "calibration": calibration,
        "multiplications": 1.0 if rank is None else rank / 64,
        "cosine_mean": cosine,
        "cosine_min": cosine / 2,
        "agreement_at_10": 0.5,
        "layer_error_mean": 0.1,
        "layers": [] if rank is None else layers,
        "text": {"source": "a text", "tokens": 1234},
        **WHERE,
    }


def _training_cell(variant: str, rank: int | None, seed: int, accuracy: float) -> dict[str, Any]:
    curve = [{"step": 10, "loss": 1.0, "accuracy": 0.5}, {"step": 20, "loss": 0.5, "accuracy": accuracy}]
    shares = {"linear": 4.0 if rank is None else 2.0, "total": 4.0 if rank is None else 3.0}
    common = {"start": "algebraic", "learnable": False, "parameters": 1000, "million_multiplications": shares}
    held = {**WHERE, "variant": variant, "rank": rank, "seed": seed, "accuracy": accuracy, "curve": curve}
    return {**held, **common}


def _timing() -> dict[str, Any]:
    rows = [
        {"model": "minilm", "rank": 32, "depth": depth, "multiplications": 0.5, "batch": 1, "tokens": tokens,
         "rows": tokens, "dense_seconds": dense, "seconds": 0.2}
        for tokens, dense, depth in ((64, 0.1, 0), (128, 0.3, 1))
    ]  # fmt: skip
    return {"benchmark": "wall_clock", "results": rows, **WHERE}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    cells = [_network_cell("dense", None), _network_cell("wanda24", 32, cosine=0.7), _network_cell("asvd", 32)]
    cells += [_network_cell("stl", 32, "none", 0.2), _network_cell("stl", 32, "refit", 0.8)]
    runs = [_training_cell("dense", None, seed, 0.97 + seed / 100) for seed in (0, 1)]
    runs += [_training_cell("STL r=24", 24, seed, 0.98 + seed / 100) for seed in (0, 1)]
    slow = {"benchmark": "train_vit", "recipe": {"rate": 1e-3, "steps": 10}, "cells": runs[:3]}
    for name, content in {
        "models": {"benchmark": "models", "cells": cells},
        "train_vit": {"benchmark": "train_vit", "cells": runs},
        "train_vit-slow": slow,
        "wall_clock": _timing(),
        "something": {"environment": WHERE},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def _run(results: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(bench_command, ["report", str(out), "--results", str(results), *more])


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            elif key in ("href", "xlink:href", "src"):
                self.links.append(value or "")


def test_the_page_stands_alone_and_its_identifiers_are_unique(results: Path, tmp_path: Path) -> None:
    outcome = _run(results, tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["index.html", "report.md"]
    page = (tmp_path / "out" / "index.html").read_text()
    found = _Ids()
    found.feed(page)
    assert len(found.ids) == len(set(found.ids))
    assert "script" not in found.tags
    assert all(link.startswith(("#", "data:")) or link == PAPER[1] for link in found.links)
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    without = re.sub(r"http://(www\.w3\.org|purl\.org)[^\"]*", "", page)
    assert "http" not in without.replace(PAPER[1], "")
    # Accuracy, errors of layers, accuracy by speed, time, two of training, and the frontier.
    assert page.count("<svg") == 7


def test_every_figure_stands_with_its_command_seed_and_date(results: Path, tmp_path: Path) -> None:
    _run(results, tmp_path)
    for text in ((tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()):
        assert "python it.py --seed 3" in text
        assert "seed 3, 2026-01-02 03:04, A chip, 2 cores" in text
        assert "measured on 1,234 tokens of a text, held out" in text
        assert "one seed (3)" in text
    words = (tmp_path / "report.md").read_text()
    assert "| STL r=32, refit | 0.500 | 1.500 | 0.800 | 0.40 | 50% | 0.10 | no | (0.50×) | behind" in words
    assert "| minilm | r=32 | 0.500 | 1 × 64 | 100 | 200 | 0.50 | slower |" in words
    assert "| minilm | r=32, depth 1 | 0.500 | 1 × 128 | 300 | 200 | 1.50 | faster |" in words


def test_it_says_who_is_ahead_of_stl_and_where_stl_is_slower(results: Path, tmp_path: Path) -> None:
    _run(results, tmp_path)
    words = (tmp_path / "report.md").read_text()
    assert (
        "| STL r=32, refit | 0.800 | 0.500 | 1.500 | (0.50×) | behind activation-aware SVD (0.900 at 0.500) |" in words
    )
    assert "STL is faster than dense in 1 of 2 cases, slower in 1, even in the others." in words
    assert "All wins are of r=32, depth 1, the largest minilm r=32, depth 1, 1 × 128 tokens: 1.50×" in words
    assert "STL r=24 +1.0 ± 0.0 points over 2 seeds" in words
    assert "| *rate 0.001, steps 10* |" in words
    assert "| STL r=24 | 1 | 98.0 |  | +1.0 |" in words


def test_what_is_missing_is_named_with_its_command(results: Path, tmp_path: Path) -> None:
    outcome = json.loads(_run(results, tmp_path, "--json").stdout)
    missing = {one["what"]: one["command"] for one in outcome["missing"]}
    assert "python benchmarks/models.py --model minilm" in missing.values()
    whole = next(what for what, command in missing.items() if command.endswith("--model smollm2"))
    assert all(words in whole for words in ("2:4 SparseGPT", "SVD at 0.5", "STL r=40, sequential"))
    assert missing["single products on a GPU"] == "python benchmarks/gpu_layer.py"
    assert missing["STL r=16"] == "python benchmarks/train_vit.py --rank 16 --start algebraic"
    half = next(what for what, command in missing.items() if command.endswith("--model minilm"))
    assert "2:4 Wanda" not in half
    assert "STL r=32, refit" not in half


def test_nothing_is_missing_once_every_cell_is_recorded(results: Path, tmp_path: Path) -> None:
    cells = []
    for one in expected("minilm"):
        rank = 40 if one["budget"] else one["rank"]
        cell = _network_cell(one["method"], rank)
        cells.append({**cell, "ranks": {layer["name"]: rank for layer in cell["layers"]}, **one})
    (results / "models.json").write_text(json.dumps({"cells": cells}))
    missing = json.loads(_run(results, tmp_path, "--json").stdout)["missing"]
    assert not [one for one in missing if one["command"].endswith("minilm")]


def test_networks_trained_further_are_compared_with_each_other_only(results: Path, tmp_path: Path) -> None:
    cells = json.loads((results / "models.json").read_text())["cells"]
    tuned = [_network_cell("sparsegpt24", 32, cosine=0.95), _network_cell("stl", 40, "moments", 0.99)]
    (results / "models.json").write_text(json.dumps({"cells": [*cells, *({**one, "finetune": 200} for one in tuned)]}))
    _run(results, tmp_path)
    words = (tmp_path / "report.md").read_text()
    assert (
        "mean cosine: “STL r=40, moments, 200 steps” 0.990 (before not recorded); “2:4 SparseGPT, 200 steps” 0.950"
        in (words)
    )
    assert (
        "Approximate STL rows that lose to a method that costs no more: 2 of 2, the best of them “STL r=32, refit”"
        in (words)
    )
    assert "| STL r=40, moments, 200 steps | 0.625 |" in words


def test_what_files_hold_is_text_and_never_markup(results: Path, tmp_path: Path) -> None:
    cell = {**_network_cell("wanda24", 32), "method": HOSTILE, "command": HOSTILE}
    (results / "models.json").write_text(json.dumps({"cells": [cell, _network_cell("stl", 32, HOSTILE)]}))
    run = {**_training_cell(HOSTILE, 24, 0, 0.9)}
    (results / "train_vit.json").write_text(json.dumps({"cells": [run]}))
    outcome = _run(results, tmp_path)
    assert outcome.exit_code == 0, outcome.output
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;$x_1$" in page


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("models.json", "no json", "models.json cannot be read as JSON"),
        ("models.json", "[]", "models.json holds no JSON object"),
        ("models.json", '{"cells": [{"model": "minilm"}]}', "models.json does not hold what its benchmark writes"),
        ("train_vit.json", '{"runs": []}', "train_vit.json does not hold what its benchmark writes"),
        ("wall_clock.json", '{"results": [{"model": 1}]}', "wall_clock.json does not hold what its benchmark writes"),
        ("layer_x.json", '{"results": [{}]}', "layer_x.json does not hold what its benchmark writes"),
    ],
)
def test_damaged_results_are_one_sentence(results: Path, tmp_path: Path, name: str, content: str, words: str) -> None:
    (results / name).write_text(content)
    outcome = _run(results, tmp_path / "out")
    assert outcome.exit_code == 1
    assert words in outcome.output
    assert "Traceback" not in outcome.output
    assert not (tmp_path / "out").exists()


def test_no_results_and_no_place_are_one_sentence(results: Path, tmp_path: Path) -> None:
    assert "does not exist; run this in a checkout" in _run(tmp_path / "nowhere", tmp_path / "out").output
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"make some with: python benchmarks/models\.py"):
        write_report(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in _run(results, tmp_path / "file" / "out").output


def test_products_of_a_cpu_and_of_a_gpu_stand_side_by_side(results: Path, tmp_path: Path) -> None:
    cpu = {"size": [64, 64, 64], "rank": 32, "depth": 1, "precision": "fp32", "dense_seconds": 0.2, "seconds": 0.1}
    taken = {"seconds": {"dense": 0.3, "chosen": 0.1}}
    gpu = {"size": 4096, "rank": 40, "float32_channels": taken, "reduced_channels": taken}
    (results / "layer_fp32_1.json").write_text(json.dumps({"benchmark": "layer", "results": [cpu], **WHERE}))
    record = {"benchmark": "gpu_layer", "precision": "bf16", "gpu": {"name": "A card"}, "results": [gpu], **WHERE}
    (results / "gpu_layer_bf16_1.json").write_text(json.dumps(record))
    assert _run(results, tmp_path).exit_code == 0
    words = (tmp_path / "report.md").read_text()
    assert "| 64 × 64 × 64 | fp32 | r=32, depth 1 |  | 200 | 100 | 2.00 |" in words
    assert "| 4096 × 4096 × 4096 | bf16 | r=40 | as operands | 300 | 100 | 3.00 |" in words
    assert "A card, 2 cores" not in words
    assert "A card" in words


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_both_schemes(results: Path, tmp_path: Path, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    _run(results, tmp_path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        colour = "getComputedStyle(document.querySelector('svg text')).fill"
        assert page.evaluate(colour) == page.evaluate("getComputedStyle(document.body).color")
        assert page.evaluate("getComputedStyle(document.body).color") != page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        assert complaints == []
        browser.close()
