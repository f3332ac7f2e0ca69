"""stl-bench and what it cannot measure: said before anything is measured, and as wrong usage where it is that."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from catalog import Catalog, Provenance
from stl_algebra import Format, InvalidInput, classical, strassen

pytest.importorskip("torch")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.bench_command, list(arguments))


SHAPE = ("--rows", "8", "--in", "8", "--out", "8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("matmul", "--tile", "2", "--rank", "9"),
        ("layer", *SHAPE, "--tile", "2", "--rank", "9"),
        ("model", "--tile", "2", "--rank", "9"),
    ],
)
def test_a_rank_that_does_not_fit_is_wrong_usage_as_in_a_search(arguments: tuple[str, ...]) -> None:
    result = _run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for --rank: rank 9 does not fit the format 2x2x2" in result.stderr


def test_matmul_takes_ranks_that_are_known_where_none_is_named(tmp_path: Path) -> None:
    from stl_bench.commands.matmul import _usual_ranks

    assert _usual_ranks(Catalog(tmp_path), Format(4, 4, 4)) == [32, 40, 49]
    assert all(rank is not None and 1 <= rank <= 27 for rank in _usual_ranks(Catalog(tmp_path), Format(3, 3, 3)))
    own = Catalog(tmp_path / "own", shipped=False)
    own.add(strassen(), Provenance("construction"))
    assert _usual_ranks(own, Format(2, 2, 2)) == [7]
    result = _run("matmul", "--tile", "3", "--no-shipped", "--catalog", str(own.directory))
    assert result.exit_code == 1
    assert "holds no encoder of format 3x3x3 (none of that format is known)" in result.stderr


def test_layer_names_a_rank_that_nobody_knows(tmp_path: Path) -> None:
    from stl_bench.commands.layer import _encoders

    own = Catalog(tmp_path, shipped=False)
    for encoder in (strassen(), classical(Format(2, 2, 2))):
        own.add(encoder, Provenance("construction"))
    tile = Format(2, 2, 2)
    assert [e.rank for e in _encoders(own, tile, (8, 7, 8), "fp32", 0)] == [8, 7]
    with pytest.raises(InvalidInput, match="no encoder of format 2x2x2 and rank 5"):
        _encoders(own, tile, (5, 7), "fp32", 0)


@pytest.mark.parametrize("chosen", [("--rank", "40"), ("--encoder", "7cac239da0")])
def test_a_budget_and_one_encoder_exclude_each_other(chosen: tuple[str, str]) -> None:
    result = _run("model", "--budget", "0.5", "--calibrate", "moments", *chosen)
    assert result.exit_code == 2
    assert "leave --rank and --encoder out" in result.stderr


def test_a_level_of_calibration_is_for_stl_alone() -> None:
    result = _run("model", "--method", "svd", "--calibrate", "refit")
    assert result.exit_code == 2
    assert "leave it out, or add --method stl" in result.stderr


def test_moments_are_not_measured_for_a_place_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stl_bench.compression import layer_moments

    monkeypatch.setattr(layer_moments, "network_tile_moments", lambda *_: pytest.fail("measured"))
    for out in (tmp_path / "absent" / "m", tmp_path / ("a" * 300) / "m"):
        result = _run("moments", "--layer", "encoder.layer.1.output.dense", "--out", str(out))
        assert result.exit_code == 1
        assert f"{out} cannot be written" in "".join(result.stderr.splitlines())
    assert _run("moments", "--layer", "any", "--out", str(tmp_path)).exit_code == 2
    too_large = _run("moments", "--layer", "any", "--out", str(tmp_path / "m"), "--tile", "300")
    assert too_large.exit_code == 2
    assert "tiles up to 4096 products are supported" in " ".join(too_large.stderr.split())
