"""Timing and advice: what is measured and said, never how fast."""

from __future__ import annotations

import json
from dataclasses import replace
from math import prod

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from catalog import Catalog, Provenance
from cli import bench_command
from stl_algebra import InvalidInput
from stl_bench.timing import advisor
from stl_bench.timing.advice import Advice, LayerAdvice, worth_measuring
from stl_bench.timing.advisor import advise
from stl_bench.timing.breakdown import time_matmul
from stl_nn import STLLinear, timing
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN2, random_encoder


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


def test_the_verdict_says_when_dense_wins() -> None:
    def told(speedup: float) -> str:
        one = Advice("id", "4x4x4", 40, 0.625, 1 / speedup, speedup, 0.1, 0, None)
        hurried = replace(one, rank=30, speedup=9.0, timed_once=True)
        return LayerAdvice(8, 8, 8, "fp32", 1.0, (one, hurried), 8).verdict

    assert told(0.9).startswith("Dense wins")
    fast, close = (Advice("id", "4x4x4", *one, 0, None) for one in ((24, 0.4, 1.0, 2.5, 0.5), (40, 0.6, 1.0, 1.2, 0.1)))
    slow = replace(close, rank=49, speedup=0.9, error=0.0)
    both = LayerAdvice(8, 8, 8, "fp32", 1.0, (fast, close, slow), 8).verdict
    assert both.endswith("Of the faster ones rank 40 of 4x4x4 is the most accurate: 1.20×, at 0.1.")
    assert "rank 40 of 4x4x4 is the fastest: 1.50× dense" in told(1.5)
    useless = replace(fast, rank=1, speedup=20.0, error=0.98)
    assert LayerAdvice(8, 8, 8, "fp32", 1.0, (useless, fast, close, slow), 8).verdict == both
    assert "rank 1 of 4x4x4" in LayerAdvice(8, 8, 8, "fp32", 1.0, (useless,), 8).verdict


def test_advice_counts_memory_and_error() -> None:
    found = advise([STRASSEN2, random_encoder(4, 4, 4, 20)], 8, 16, 32, repeats=1, dtype=torch.bfloat16)
    by_rank = {advice.rank: advice for advice in found.advice}
    assert by_rank[49].extra_bytes == 2 * (49 * 4 * 8 - 16 * 32)
    assert by_rank[49].error == STRASSEN2.error_at("bf16")
    assert [one.speedup for one in found.advice] == sorted((one.speedup for one in found.advice), reverse=True)
    assert not any(one.timed_once for one in found.advice)
    with pytest.raises(InvalidInput, match="no encoder is left to measure"):
        advise([], 8, 8, 8)


def test_every_encoder_is_timed_and_few_are_measured_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {20: 0.5, 24: 2.0, 30: 1.5, 33: 1.2}
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(advisor, "_speedup_once", lambda whole, *_: speeds[whole.rank])
    monkeypatch.setattr(advisor, "against_dense", lambda *_: {"dense": 3.0, "stl": 2.0})
    encoders = [random_encoder(4, 4, 4, rank) for rank in speeds]
    found = advise(encoders, 8, 16, 32, repeats=1, most=1, progress=lambda *one: told.append(one))
    assert [(one.rank, one.timed_once) for one in found.advice] == [(24, False), (30, True), (33, True), (20, True)]
    assert found.advice[0].speedup == 1.5
    assert [one.break_even_rows for one in found.advice[1:]] == [None] * 3
    assert told == [*(("timing once", done, 4) for done in (1, 2, 3, 4)), ("measuring in full", 1, 1)]


def test_those_measured_in_full_are_not_beaten_in_both_speed_and_error() -> None:
    def timed(speedup: float, error: float) -> Advice:
        return Advice("id", "4x4x4", 40, 0.625, 1.0, speedup, error, 0, None, timed_once=True)

    fast, middle, exact = timed(1.9, 0.4), timed(1.5, 0.2), timed(0.95, 0.0)
    beaten, slow = timed(1.4, 0.3), timed(0.5, 0.0)
    every = [slow, beaten, exact, fast, middle]
    assert worth_measuring(every, 3) == [fast, middle, exact]
    assert worth_measuring(every, 2) == [fast, exact]
    assert worth_measuring(every, 1) == [fast]
    assert worth_measuring(every, 4) == [fast, middle, exact, beaten]
    assert worth_measuring(every, 5) == [fast, middle, beaten, exact, slow]  # few enough
    assert worth_measuring([timed(0.4, 0.0), slow], 1) == [slow]
    # What leaves hardly anything of the output is no advice, unless there is nothing else.
    hopeless = timed(20.0, 0.97)
    assert worth_measuring([*every, hopeless], 3) == [fast, middle, exact]
    assert worth_measuring([hopeless, slow], 1) == [hopeless]


def test_an_encoder_timed_once_runs_as_one_measured_in_full() -> None:
    linear, x = nn.Linear(30, 22, bias=False), torch.randn(9, 30)
    for encoder in (STRASSEN2, random_encoder(2, 3, 4, 11)):
        layer = STLLinear.from_linear(linear, encoder, LayerOptions(depth=1))
        whole = layer.encoder_tensors()
        assert advisor._encoded_shape(whole, linear) == layer.encoded_weight.shape
        assert advisor._speedup_once(whole, linear, x, torch.randn(100_000)) > 0


@pytest.mark.parametrize("depth", [0, 1])
def test_the_measured_error_is_on_the_data_timed(depth: int) -> None:
    encoder = random_encoder(4, 4, 4, 30)
    timed = time_matmul(encoder, (256, 256, 256), repeats=1, depth=depth)
    assert timed.depth == depth
    assert timed.measured_error == pytest.approx(timed.predicted_error, rel=0.05)
    assert 0 < timed.transform_share < 1


@pytest.fixture
def catalog_of_one(tmp_path) -> str:
    Catalog(tmp_path, shipped=False).add(random_encoder(4, 4, 4, 20), Provenance("test"))
    return str(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ["layer", "--rows", "8", "--in", "16", "--out", "12"],
        ["matmul", "--size", "16", "--rank", "20"],
        ["matmul", "--size", "20", "--rank", "20", "--depth", "1"],
    ],
)
def test_the_commands_print_one_json_object(catalog_of_one: str, words: list[str]) -> None:
    arguments = [*words, "--repeats", "1", "--catalog", catalog_of_one, "--no-shipped"]
    outcome = CliRunner().invoke(bench_command, [*arguments, "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert (found["advice"] if "advice" in found else found["results"])[0]["rank"] == 20
    assert outcome.stderr == ""  # no progress but on a terminal
    assert {"machine", "command", "versions", "seed"} <= set(found)
    table = CliRunner().invoke(bench_command, arguments)
    assert table.exit_code == 0
    assert "4x4x4" in table.stdout


def test_all_formats_are_timed_and_those_timed_once_stand_apart(tmp_path) -> None:
    catalog = Catalog(tmp_path, shipped=False)
    for format in ((4, 4, 4), (2, 3, 4)):
        for rank in (5, 11, prod(format)):  # the last saves nothing
            catalog.add(random_encoder(*format, rank), Provenance("test"))
    words = ["layer", "--rows", "8", "--in", "16", "--out", "12", "--repeats", "1", "--most", "1"]
    words += ["--catalog", str(tmp_path), "--no-shipped"]
    outcome = CliRunner().invoke(bench_command, words)
    assert outcome.exit_code == 0, outcome.output
    once, in_full = outcome.stdout.split("Measured in full:")
    assert "were timed once, on 8 rows" in once
    assert "3 encoders" in once
    assert 1 <= sum("~" in line for line in once.splitlines()) <= 3  # those that another beats are left out
    assert "~" not in in_full
    whole = json.loads(CliRunner().invoke(bench_command, [*words, "--json"]).stdout)
    assert sum(one["timed_once"] for one in whole["advice"]) == 3
    found = json.loads(CliRunner().invoke(bench_command, [*words, "--rank", "11", "--json"]).stdout)
    assert [(one["tile"], one["rank"]) for one in found["advice"]] == [("4x4x4", 11)]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["layer", "--rows", "0", "--in", "4", "--out", "4"], 2, "0 is not in the range"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--tile", "4x"], 2, "is not a format"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--rank", "65"], 2, "rank 65 does not fit"),
        (["layer", "--rows", "4", "--in", "4", "--out", "4", "--device", "tpu"], 1, "unknown device"),
        (["matmul", "--size", "8", "--rank", "41"], 1, "holds no encoder of format 4x4x4 and rank 41"),
    ],
)
def test_bad_input_is_one_sentence(catalog_of_one: str, words: list[str], code: int, said: str) -> None:
    outcome = CliRunner().invoke(bench_command, [*words, "--catalog", catalog_of_one, "--no-shipped"])
    assert outcome.exit_code == code
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr
