"""stl-bench search: figures that are measured, with their environment, and what stands for a missing one."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import cli
from stl_algebra import InvalidInput, Ring
from stl_bench.search_speed import end_to_end
from stl_bench.search_speed import steps as benchmark
from stl_bench.search_speed.steps import Figure


def _bench(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.bench_command, ["search", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_it_prints_one_json_object_of_measured_figures() -> None:
    code, out, err = _bench("--quick", "--json")
    assert code == 0, err
    record = json.loads(out)
    assert record.keys() == {"figures", "searches", "machine", "blas", "versions", "command", "seed", "date"}
    figures = {figure["name"]: figure for figure in record["figures"]}
    assert figures.keys() == {
        "levenberg_marquardt", "levenberg_marquardt_z3", "als", "als_tensorly", "flips_gf2", "rank_23_gf2",
        "flips_ternary", "rank_23_ternary",
    }  # fmt: skip
    assert all(figure["value"] > 0 for figure in figures.values())
    assert record["searches"] == []
    assert figures["als"]["at_least"] == 8000
    assert all(figure["met"] in (True, False, None) for figure in figures.values())


def test_it_speaks_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = [
        Figure("fast", 12_000_000.0, "flips/s", "here", at_least=1e7),
        Figure("absent", None, "s", "for reasons"),
    ]
    monkeypatch.setattr(
        benchmark,
        "measurements",
        lambda seed, quick: ((f.name, lambda f=f: f) for f in figures),  # noqa: ARG005
    )
    code, out, _ = _bench("--quick")
    assert code == 0
    assert "12,000,000 flips/s" in out
    assert "≥ 10,000,000" in out
    assert "for reasons" in out


def test_a_missing_peer_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)  # noqa: ARG005
    found = benchmark.parafac_sweeps(0, 10)
    assert found.value is None
    assert found.met is None
    assert "pip install 'strassen-tile[bench]'" in found.how


def test_what_is_asked_of_a_figure() -> None:
    assert Figure("a", 3.0, "s", "", at_most=3.0).met is True
    assert Figure("a", 3.1, "s", "", at_most=3.0).met is False
    assert Figure("a", 9.0, "1/s", "", at_least=10.0).met is False
    assert Figure("a", 3.0, "s", "").met is None


def test_a_search_end_to_end_is_one_of_stl_search() -> None:
    figure, found = end_to_end.run_search("--tile 2 --rank 7 --trials 2 --jobs 1", 0.1, seed=1)
    assert figure.met is True
    assert found["rank"] == 7
    assert found["command"] == "stl-search --tile 2 --rank 7 --trials 2 --jobs 1 --seed 1 --no-shipped --json"
    with pytest.raises(InvalidInput, match=r"--tile 2 --rank 9 failed: Error: .*rank 9 does not fit"):
        end_to_end.run_search("--tile 2 --rank 9", None, seed=1)


def test_a_long_walk_gives_up_at_its_limit() -> None:
    figure = end_to_end.rank_47_over_gf2(0, jobs=1, limit=0.01)
    assert figure.value is None
    assert "none within 0.01 s" in figure.how


@pytest.mark.parametrize("ring", [Ring.GF2, Ring.Z])
def test_flips_are_counted(ring: Ring) -> None:
    found = benchmark.flips(ring, 200_000, 0, None)
    assert found.value is not None
    assert found.value > 1000
