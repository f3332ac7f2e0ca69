"""Tables for the documents: every one renders from the records of this project, and says what the records say."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from click.testing import CliRunner

from catalog import Catalog
from stl_algebra import InvalidInput
from stl_bench.report.tables import tables
from stl_bench.report.tables.__main__ import main

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
COMPUTED = ("frontier", "near-exact", "exact-ranks", "tile-sizes")
#: The files that a table is made from.
FILES = {
    "calibration": "calibration.json",
    "networks": "models.json",
    "networks-finetuned": "models.json",
    "networks-commands": "models.json",
    "layer-speed": "layer-*.json",
    "rivals": "rivals.json",
    "wall-clock": "wall_clock.json",
    "vision-transformer": "train_vit*.json",
    "search-speed": "search_speed.json",
    "weighted-search": "weighted_search.json",
    "durations": "evidence.json",
}


def read(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    return content


def body(name: str, results: Path = RESULTS) -> list[list[str]]:
    """The cells of a table, headings and rules left out."""
    lines = [line for line in tables(results)[name]().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = {i for i, row in enumerate(cells) if set("".join(row)) <= set("-:")}
    return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]


def row(name: str, *words: str) -> list[str]:
    """The one row of a table that begins with some cells."""
    (found,) = [one for one in body(name) if one[: len(words)] == list(words)]
    return found[len(words) :]


def test_the_names_are_those_of_the_test() -> None:
    assert set(tables()) == {*COMPUTED, *FILES}


@pytest.mark.parametrize("name", list(FILES))
def test_a_recorded_table_names_command_machine_and_date_of_its_record(name: str) -> None:
    text = tables(RESULTS)[name]()
    assert re.search(r"`(python benchmarks/|stl-bench )", text)
    assert "2 cores" in text
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d", text)
    assert len(body(name)) > 0


@pytest.mark.parametrize("name", COMPUTED)
def test_a_computed_table_names_the_command_that_computes_it(name: str) -> None:
    assert "`stl-catalog " in tables(RESULTS)[name]()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of a record by the way to it."""
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, value
        return
    for key, part in parts:
        yield from leaves(part, (*path, key))


#: Which values of the record a table shows: the last key on the way to them.
SHOWN = {
    "calibration": {"error"},
    "networks": {"cosine_mean", "perplexity"},
    "networks-finetuned": {"cosine_mean", "perplexity"},
    "layer-speed": {"dense_seconds", "seconds"},
    "rivals": {"seconds", "error"},
    "wall-clock": {"seconds", "multiplications"},
    "vision-transformer": {"accuracy"},
    "search-speed": {"value"},
    "weighted-search": {"predicted", "output_error_white", "output_error_weighted"},
    "durations": {"seconds"},
}


@pytest.mark.parametrize("name", list(SHOWN))
def test_a_number_that_changes_in_the_record_changes_in_the_table(name: str, tmp_path: Path) -> None:
    before = body(name)
    for file in RESULTS.glob(FILES[name]):
        content = json.loads(file.read_text(encoding="utf-8"))
        for path, value in leaves(content):
            curve = "curve" in path or "summary" in path or "layers" in path
            if path[-1] in SHOWN[name] and isinstance(value, float | int) and not curve:
                at = content
                for key in path[:-1]:
                    at = at[key]
                at[path[-1]] = 2 * value
        (tmp_path / file.name).write_text(json.dumps(content), encoding="utf-8")
    after = body(name, tmp_path)
    assert len(before) == len(after)
    unchanged = [old for old, new in zip(before, after, strict=True) if old == new]
    assert all(one[0].startswith("*") for one in unchanged)  # the headings of groups


def test_layers_take_the_seconds_of_the_record() -> None:
    for one in read("layer-fp32.json")["results"]:
        depth = f", depth {one['depth']}" if one["depth"] else ""
        dense, ours, ratio = row("layer-speed", "4096 × 4096 × 4096", "fp32", f"r={one['rank']}{depth}", "")
        assert float(dense) == round(1e3 * one["dense_seconds"])
        assert float(ours) == round(1e3 * one["seconds"])
        assert float(ratio) == pytest.approx(one["dense_seconds"] / one["seconds"], abs=0.0051)


def test_rivals_have_the_seconds_of_the_record_and_a_speed_against_dense_fp32() -> None:
    ways = {one["name"]: one for one in read("rivals.json")["results"]}
    for name, one in ways.items():
        (found,) = [cells for cells in body("rivals") if cells[0] == name]
        milliseconds, speed = found[1:3]
        assert float(milliseconds) == round(1e3 * one["seconds"])
        ratio = ways["dense fp32, torch"]["seconds"] / one["seconds"]
        assert float(speed.removesuffix(" ×")) == pytest.approx(ratio, abs=0.0051)


def test_networks_are_as_accurate_as_the_record_says() -> None:
    cells = {
        (cell["model"], cell["method"], cell["rank"], cell["depth"], cell["calibration"]): cell
        for cell in read("models.json")["cells"]
        if not cell["finetune"]
    }
    cosine, perplexity = row("networks", "STL r=40 + Strassen², refit", "refit")[2:]
    assert float(cosine) == round(cells["minilm", "stl", 40, 2, "refit"]["cosine_mean"], 3)
    assert float(perplexity) == round(cells["smollm2", "stl", 40, 2, "refit"]["perplexity"], 1)
    cosine, perplexity = row("networks", "2:4 SparseGPT", "yes")[2:]
    assert float(cosine) == round(cells["minilm", "sparsegpt24", 32, 0, "none"]["cosine_mean"], 3)
    assert float(perplexity) == round(cells["smollm2", "sparsegpt24", 32, 0, "none"]["perplexity"], 1)
    assert row("networks", "dense", "")[:2] == ["1.000", "1.000"]
    assert len(body("networks")) == len({key[1:] for key in cells} | {("chosen", 0.625)})


def test_encoding_is_counted_in_the_cost_of_a_network() -> None:
    cell = next(
        one
        for one in read("models.json")["cells"]
        if (one["model"], one["rank"], one["calibration"]) == ("minilm", 31, "refit")
    )
    joined = {part: whole for whole, parts in cell["joined"].items() for part in parts}
    dense = sum(layer["in_features"] * layer["out_features"] for layer in cell["layers"])
    entering = {joined.get(layer["name"], layer["name"]): layer["in_features"] for layer in cell["layers"]}
    leaving = sum(layer["out_features"] for layer in cell["layers"])
    expected = cell["multiplications"] + 31 * (sum(entering.values()) + leaving) / dense
    assert float(row("networks", "STL r=31, refit", "refit")[0]) == pytest.approx(expected, abs=5.1e-4)


def test_trained_networks_have_the_mean_accuracy_of_their_runs() -> None:
    cells = read("train_vit.json")["cells"]
    for variant in {cell["variant"] for cell in cells}:
        scores = [100 * cell["accuracy"] for cell in cells if cell["variant"] == variant]
        # The first row of a variant is that of the main setting.
        _, seeds, accuracy, *_ = next(one for one in body("vision-transformer") if one[0] == variant)
        assert int(seeds) == len(scores)
        assert float(accuracy) == round(mean(scores), 1)


def test_the_frontier_is_that_of_the_shipped_encoders() -> None:
    catalog = Catalog.default(shipped=True)
    assert row("frontier", "48")[2:] == ["exact"] * 5
    mults, naive, fp32, *_, fp8 = row("frontier", "40")
    assert (mults, naive) == ("0.625", "0.375")
    shipped = [one for one in catalog.entries(4, 40, real=True) if one.shipped]
    assert float(fp32) == pytest.approx(min(one.error_at("fp32") for one in shipped), rel=5e-3)
    assert float(fp8) == pytest.approx(min(one.error_at("fp8") for one in shipped), rel=5e-3)
    half = min(one.error_at("bf16") for one in catalog.entries(4, 32, real=True) if one.shipped)
    assert row("tile-sizes", "⟨4,4,4⟩", "32", "0.500") == [f"{half:.3g}"]
    assert row("exact-ranks", "⟨2,2,2⟩")[:2] == ["8", "7"]
    assert row("exact-ranks", "⟨3,3,3⟩")[1] == "23"


def test_a_missing_record_is_named_with_the_folder(tmp_path: Path) -> None:
    shutil.copy(RESULTS / "refit.json", tmp_path)
    with pytest.raises(InvalidInput, match="holds no record of the benchmark wall_clock"):
        tables(tmp_path)["wall-clock"]()
    with pytest.raises(InvalidInput, match="does not exist; run this in a checkout"):
        tables(tmp_path / "nowhere")["wall-clock"]()


@pytest.mark.parametrize("damage", [lambda c: c.pop("results"), lambda c: c["results"][0].pop("rank")])
def test_a_damaged_record_is_named(damage: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    content = read("wall_clock.json")
    damage(content)
    (tmp_path / "wall_clock.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"wall_clock\.json does not hold what its benchmark writes"):
        tables(tmp_path)["wall-clock"]()


def test_the_command_prints_tables_and_refuses_in_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["durations", "calibration", "--results", str(RESULTS)])
    assert done.exit_code == 0
    assert done.output == tables(RESULTS)["durations"]() + "\n" + tables(RESULTS)["calibration"]() + "\n"
    refused = CliRunner().invoke(main, ["durations", "--results", str(tmp_path)])
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert CliRunner().invoke(main, ["no-such-table"]).exit_code == 2
