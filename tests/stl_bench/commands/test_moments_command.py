"""stl-bench moments: a file of a real layer's moments that a weighted search reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from catalog.moments_file import read_moments
from stl_algebra import Format
from stl_bench.compression import layer_moments
from stl_bench.networks.minilm import SentenceEncoder

TEXTS = ["A list is a mutable sequence of items.", "The import statement finds a module and binds its name."] * 4


@pytest.fixture(autouse=True)
def _small(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stl_bench.networks.minilm.load_minilm", lambda: minilm)
    monkeypatch.setattr(layer_moments, "passages_of", lambda _, limit: TEXTS[:limit])


def _moments(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.bench_command, ["moments", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_it_writes_what_a_search_reads(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    layer = "encoder.layer.1.output.dense"
    code, printed, err = _moments("--layer", layer, "--tile", "2x3x4", "--limit", "4", "--out", str(out), "--json")
    assert code == 0, err
    facts = json.loads(printed)
    moments = read_moments(out, Format(2, 3, 4))
    assert facts["digest"] == moments.digest
    assert (facts["layer"], facts["in_features"], facts["out_features"]) == (layer, 1536, 384)
    assert moments.source == f"minilm {layer}"
    assert np.trace(moments.second_x) == pytest.approx(6)
    # Neighbouring tokens are alike: entries of one column of a tile are correlated.
    assert facts["spread"]["x"] > 1.2
    assert moments.second_x[0, 3] > 0.01


def test_it_speaks_to_a_person(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    code, printed, _ = _moments("--layer", "encoder.layer.0.intermediate.dense", "--tile", "2", "--out", str(out))
    assert code == 0
    assert "384 → 1536" in printed
    assert f"--weights {out}" in printed


def test_an_unknown_layer_lists_near_names_and_writes_nothing(tmp_path: Path) -> None:
    code, printed, err = _moments("--layer", "layer.1.output", "--out", str(tmp_path / "m"))
    assert (code, printed) == (1, "")
    assert "the model has no linear layer 'layer.1.output'" in err
    assert "encoder.layer.1.output.dense" in err
    assert not list(tmp_path.iterdir())
