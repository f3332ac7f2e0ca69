"""stl-bench model: one JSON object, a readable table, one sentence for what cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import bench_command
from stl_bench.baselines import BASELINES
from stl_bench.commands.model import CALIBRATIONS, METHODS
from stl_bench.networks import sentence_network
from stl_bench.networks.minilm import SentenceEncoder
from stl_nn.calibration import Level


@pytest.fixture(autouse=True)
def _small_model(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_network, "load_minilm", lambda: minilm)


def _run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(bench_command, ["model", "--limit", "3", "--catalog", str(tmp_path), *arguments])


def test_json_holds_the_figures_and_their_environment(tmp_path: Path) -> None:
    result = _run(tmp_path, "--rank", "49", "--json", "--seed", "7", "--method", "stl", "--method", "asvd")
    assert result.exit_code == 0, result.output
    outcome = json.loads(result.stdout)
    assert {"model", "tile", "rank", "encoder", "text", "layers", "methods", "verdict", "machine"} <= set(outcome)
    assert {"command", "date", "seconds", "versions", "peak_memory_bytes"} <= set(outcome)
    assert (outcome["model"], outcome["tile"], outcome["rank"], outcome["seed"]) == ("minilm", "4x4x4", 49, 7)
    stl, asvd = outcome["methods"]
    assert stl["cosine_min"] > 0.9999 > asvd["cosine_min"]
    assert stl["multiplications"] == pytest.approx(49 / 64)
    assert asvd["multiplications"] <= 49 / 64
    assert set(outcome["layers"][0]["errors"]) == {"stl", "asvd"}


def test_a_person_gets_a_table_and_a_verdict(tmp_path: Path) -> None:
    result = _run(tmp_path, "--rank", "49")
    assert result.exit_code == 0, result.output
    assert "magnitude24" in result.output
    assert "encoder.layer.1.output.dense" in result.output
    assert (
        result.output.rstrip().splitlines()[-1].startswith("Mean cosine to the dense embeddings: dense 1; stl 1 at 77%")
    )


def test_a_rank_nobody_has_found_is_one_sentence(tmp_path: Path) -> None:
    result = _run(tmp_path, "--tile", "2", "--rank", "3", "--no-shipped")
    assert result.exit_code == 1
    assert "stl-search --tile 2x2x2 --rank 3" in result.output


def test_wrong_usage_exits_with_2(tmp_path: Path) -> None:
    assert _run(tmp_path, "--tile", "4x").exit_code == 2
    assert _run(tmp_path, "--method", "magic").exit_code == 2


def test_the_methods_on_offer_are_the_methods_there_are() -> None:
    assert set(METHODS) == {"stl", *BASELINES}
    assert set(CALIBRATIONS) == {"none", "sequential", "joint-sequential", *Level}


@pytest.mark.parametrize("calibration", ["moments", "sequential"])
def test_calibration_is_run_and_named(tmp_path: Path, calibration: str) -> None:
    result = _run(tmp_path, "--tile", "1", "--rank", "1", "--json", "--method", "stl", "--calibrate", calibration)
    assert result.exit_code == 0, result.output
    outcome = json.loads(result.stdout)
    assert outcome["calibration"] == calibration
    assert outcome["calibration_text"]["source"] == "docstrings"
    assert outcome["methods"][0]["method"] == f"stl {calibration}"
    assert outcome["methods"][0]["cosine_min"] > 0.999


def test_finetuning_is_run_for_every_method_and_named(tmp_path: Path) -> None:
    result = _run(tmp_path, "--rank", "32", "--json", "--method", "stl", "--method", "wanda24", "--finetune", "2")
    assert result.exit_code == 0, result.output
    outcome = json.loads(result.stdout)
    assert [one["method"] for one in outcome["methods"]] == ["stl + 2 steps", "wanda24 + 2 steps"]
    assert "fine-tuning: step 2 of 2" in result.stderr


def test_a_budget_needs_a_level_of_calibration(tmp_path: Path) -> None:
    refused = _run(tmp_path, "--budget", "0.5")
    assert refused.exit_code == 2
    assert "give a level with --calibrate" in refused.output
