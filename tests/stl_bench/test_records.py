"""Records: what is written is read again, and a record that was left half-written does not exist."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stl_algebra import InvalidInput
from stl_bench.environment import environment
from stl_bench.records import Record, of_benchmark, origin, read_records, write_record

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    content = {"benchmark": "layer", "format": "⟨4,4,4⟩", **environment(3)}
    write_record(tmp_path / "new" / "layer.json", content)
    (found,) = read_records(tmp_path / "new")
    assert found == Record("layer.json", content)
    assert of_benchmark([found], "layer") == [found]
    words = origin(found.content)
    assert words["seed"] == "3"
    assert words["command"] == content["command"]
    assert words["machine"].endswith(f"{content['machine']['cores']} cores")
    assert f"{content['blas'][0]['version']} for {content['blas'][0]['architecture']}" in words["versions"]


def test_a_disk_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "layer.json"
    write_record(path, {"old": 1})

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_record(path, {"new": 2})
    assert [file.name for file in tmp_path.iterdir()] == ["layer.json"]
    assert json.loads(path.read_text(encoding="utf-8")) == {"old": 1}


def test_where_a_record_comes_from_is_read_from_its_results_too() -> None:
    row = {"command": "python benchmarks/refit.py", "date": "2026-01-01", "seed": 0, "processor": "P", "cores": 2}
    found = origin({"benchmark": "refit", "results": [{**row, "torch": "2.13"}]})
    assert found["command"] == "python benchmarks/refit.py"
    assert found["machine"] == "P, 2 cores"
    assert found["versions"] == "torch 2.13"
    assert origin({"command": "layer.py", "versions": {"numpy": "2"}})["versions"] == "numpy 2"


@pytest.mark.parametrize("content", ["[1]", "{", ""])
def test_what_is_no_json_object_is_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"odd\.json"):
        read_records(tmp_path)


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.name)
def test_every_record_of_this_project_says_where_it_comes_from(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    parts = content.get("cells") if file.stem == "models" or file.stem.startswith("train_vit") else [content]
    for part in parts:
        words = origin(part)
        assert words["command"].startswith(("python benchmarks/", "stl-bench "))
        assert words["date"][:2] == "20"
        assert "cores" in words["machine"]
        assert words["versions"].startswith("python 3.")
