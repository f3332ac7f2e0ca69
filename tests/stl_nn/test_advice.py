"""Timing and advice: what is measured and said, never how fast."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner
from encoders import STRASSEN, STRASSEN2, random_encoder
from torch import nn

from catalog import Catalog, Provenance
from cli import bench_command
from stl_algebra import InvalidInput
from stl_nn import STLLinear, advisor, timing
from stl_nn.advisor import Advice, LayerAdvice, advise, break_even_rows
from stl_nn.breakdown import time_matmul


def test_candidates_take_turns_and_the_first_run_does_not_count() -> None:
    order: list[str] = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    timing.median_seconds(calls, torch.device("cpu"), repeats=2)
    assert order == ["a", "b"] * 3


def test_devices_that_are_not_there_are_named() -> None:
    with pytest.raises(InvalidInput, match="unknown device 'gpu'"):
        timing.check_device("gpu")
    with pytest.raises(InvalidInput, match="nothing can be timed on meta"):
        timing.check_device("meta")
    if not torch.cuda.is_available():
        with pytest.raises(InvalidInput, match="no CUDA device"):
            timing.check_device("cuda")


def test_break_even_is_where_the_layer_stays_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = nn.Linear(8, 8)
    layer = STLLinear.from_linear(linear, STRASSEN)

    def pretend(pays_from: int):
        return lambda *given: {"dense": 1.0, "stl": 0.5 if len(given[2]) >= pays_from else 2.0}

    monkeypatch.setattr(advisor, "_against_dense", pretend(100))
    assert break_even_rows(linear, layer, most=1000) == 128
    monkeypatch.setattr(advisor, "_against_dense", pretend(10**6))
    assert break_even_rows(linear, layer, most=1000) is None
    monkeypatch.setattr(advisor, "_against_dense", pretend(1))
    assert break_even_rows(linear, layer, most=1000) == 16


def test_the_verdict_says_when_dense_wins() -> None:
    def told(speedup: float) -> str:
        one = Advice("id", "4x4x4", 40, 0.625, 1 / speedup, speedup, 0.1, 0, None)
        return LayerAdvice(8, 8, 8, "fp32", 1.0, (one,)).verdict

    assert told(0.9).startswith("Dense wins")
    assert "rank 40 of 4x4x4 is the fastest: 1.50× dense" in told(1.5)


def test_advice_counts_memory_and_error() -> None:
    found = advise([STRASSEN2, random_encoder(4, 4, 4, 20)], 8, 16, 32, repeats=1, dtype=torch.bfloat16)
    by_rank = {advice.rank: advice for advice in found.advice}
    assert by_rank[49].extra_bytes == 2 * (49 * 4 * 8 - 16 * 32)
    assert by_rank[49].error == STRASSEN2.error_at("bf16")
    assert [one.speedup for one in found.advice] == sorted((one.speedup for one in found.advice), reverse=True)
    with pytest.raises(InvalidInput, match="no encoder to measure"):
        advise([], 8, 8, 8)


def test_the_measured_error_is_on_the_data_timed() -> None:
    encoder = random_encoder(4, 4, 4, 30)
    timed = time_matmul(encoder, (256, 256, 256), repeats=1)
    assert timed.measured_error == pytest.approx(timed.predicted_error, rel=0.05)
    assert 0 < timed.transform_share < 1


@pytest.fixture
def catalog_of_one(tmp_path) -> str:
    Catalog(tmp_path, shipped=False).add(random_encoder(4, 4, 4, 20), Provenance("test"))
    return str(tmp_path)


@pytest.mark.parametrize(
    "words", [["layer", "--rows", "8", "--in", "16", "--out", "12"], ["matmul", "--size", "16", "--rank", "20"]]
)
def test_the_commands_print_one_json_object(catalog_of_one: str, words: list[str]) -> None:
    arguments = [*words, "--repeats", "1", "--catalog", catalog_of_one, "--no-shipped"]
    outcome = CliRunner().invoke(bench_command, [*arguments, "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert (found["advice"] if "advice" in found else found["results"])[0]["rank"] == 20
    assert {"machine", "command", "versions", "seed"} <= set(found)
    table = CliRunner().invoke(bench_command, arguments)
    assert table.exit_code == 0
    assert "4x4x4" in table.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["layer", "--rows", "0", "--in", "4", "--out", "4"], 2, "0 is not in the range"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--tile", "4x"], 2, "no format"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--rank", "65"], 1, "rank 65 does not fit"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--device", "tpu"], 1, "unknown device"),
        (["matmul", "--size", "8", "--rank", "41"], 1, "holds no encoder of format 4x4x4 and rank 41"),
    ],
)
def test_bad_input_is_one_sentence(catalog_of_one: str, words: list[str], code: int, said: str) -> None:
    outcome = CliRunner().invoke(bench_command, [*words, "--catalog", catalog_of_one, "--no-shipped"])
    assert outcome.exit_code == code
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr
