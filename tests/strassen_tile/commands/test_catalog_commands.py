"""stl-catalog on the command line: tables and JSON, sentences for what goes wrong, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

from catalog import Catalog, Provenance
from cli import catalog_command
from stl_algebra import Format, TileEncoder, classical, kronecker, matmul_tensor, strassen

RandomEncoder = Callable[..., TileEncoder]
Run = Callable[..., Result]


@pytest.fixture
def run(catalog: Catalog) -> Run:
    """Run stl-catalog on the test's own catalog."""

    def command(*arguments: str, own: bool = True) -> Result:
        place = ["--catalog", str(catalog.directory), "--no-shipped"] if own else []
        return CliRunner().invoke(catalog_command, [*arguments, *place])

    return command


def test_list_prints_a_table_of_80_columns(run: Run, catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    catalog.add(classical(Format(10, 2, 10)), Provenance("a strategy with quite a long name"))
    result = run("list")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    (line,) = [line for line in result.stdout.splitlines() if entry.id[:10] in line]
    assert line.split()[1:4] == ["2x2x2", "7", "0.875"]
    assert "10x2x10" in result.stdout


def test_list_filters_sorts_and_speaks_json(
    run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    for encoder in (strassen(), classical(Format(2, 2, 2)), random_encoder(1), random_encoder(2)):
        catalog.add(encoder, found)
    assert [e["rank"] for e in json.loads(run("list", "--json").stdout)] == [8, 7, 5, 5]
    assert [e["rank"] for e in json.loads(run("list", "--json", "--best", "--sort", "rank").stdout)] == [5, 7, 8]
    assert [e["rank"] for e in json.loads(run("list", "--json", "--rank", "6:", "--reverse").stdout)] == [7, 8]
    assert [e["rank"] for e in json.loads(run("list", "--json", "--ring", "z", "--error", ":1e-5").stdout)] == [8]
    assert [e["rank"] for e in json.loads(run("list", "--json", "--approximate").stdout)] == [5, 5]
    assert json.loads(run("list", "--json", "--tile", "3").stdout) == []
    assert "3 more" in run("list", "--limit", "1").stderr


def test_show_tells_the_story(run: Run, catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    shown = run("show", entry.id[:8]).stdout
    for words in (entry.id, "proved exact", "rank 7 of 8", "bf16 2.2e-05", "trial", str(entry.path)):
        assert words in shown
    as_json = json.loads(run("show", entry.id[:8], "--json", "--precision", "fp16").stdout)
    assert as_json == entry.as_json("fp16", figures=True) | {"errors": as_json["errors"], "replayable": False}
    assert as_json["errors"]["bf16"] == entry.error_at("bf16")


def test_verify_and_list_name_a_damaged_file_among_good_ones(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    for seed in range(3):
        catalog.add(random_encoder(seed), found)
    broken = catalog.add(strassen(), found).path
    broken.write_bytes(broken.read_bytes()[:100])

    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        main = "import sys; from cli import catalog_command; catalog_command(sys.argv[1:])"
        place = ["--catalog", str(catalog.directory), "--no-shipped"]
        command = [sys.executable, "-c", main, *arguments, *place]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    listed = program("list", "--json")
    assert listed.returncode == 0
    assert len(json.loads(listed.stdout)) == 3
    assert listed.stderr.count("\n") == 1
    assert broken.name in listed.stderr
    verified = program("verify")
    assert verified.returncode == 1
    assert f"{broken}: it is truncated" in verified.stderr
    assert "3 sound, 1 damaged" in verified.stdout
    as_json = json.loads(program("verify", "--json").stdout)
    assert (as_json["sound"], [d["path"] for d in as_json["damaged"]]) == (3, [str(broken)])
    broken.unlink()
    assert program("verify").returncode == 0


def test_verify_sets_damaged_files_aside(run: Run, catalog: Catalog, found: Provenance) -> None:
    catalog.add(classical(Format(2, 2, 2)), found)
    broken = catalog.add(strassen(), found).path
    broken.write_bytes(b"damaged by someone")
    result = run("verify", "--set-aside", "--json")
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)["damaged"]
    assert report["set_aside"] == str(catalog.directory / "damaged" / broken.name)
    assert Path(report["set_aside"]).read_bytes() == b"damaged by someone"
    assert run("verify").exit_code == 0
    assert [e.rank for e in catalog.entries()] == [8]


def test_export_gives_the_printed_error_with_numpy_alone(
    run: Run, catalog: Catalog, found: Provenance, tmp_path: Path, random_encoder: RandomEncoder
) -> None:
    entry = catalog.add(random_encoder(3, 9, (2, 3, 2)), found)
    assert run("export", entry.id[:10], str(tmp_path / "out.safetensors")).exit_code == 0
    tensors = load_file(tmp_path / "out.safetensors")
    residual = np.einsum("sa,sb,cs->abc", tensors["encode_x"], tensors["encode_w"], tensors["decode"])
    error = np.sum((residual - matmul_tensor(Format(2, 3, 2))) ** 2) / 12
    shown = json.loads(run("show", entry.id, "--json").stdout)
    assert shown["relative_error"] == pytest.approx(error, rel=1e-12)


def test_export_never_leaves_half_a_file(run: Run, catalog: Catalog, found: Provenance, tmp_path: Path) -> None:
    entry = catalog.add(strassen(), found)
    target = tmp_path / "kept.safetensors"
    target.write_text("old")
    entry.path.write_bytes(entry.path.read_bytes()[:-1] + b"x")
    assert run("export", entry.id, str(target)).exit_code == 1
    assert target.read_text() == "old"
    assert run("export", entry.id, str(tmp_path / "no" / "such.safetensors")).exit_code == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["catalog", "kept.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["list", "--tile", "0"], 2, "not a positive integer"),
        (["list", "--tile", "4x"], 2, "is not a format"),
        (["list", "--precision", "bf17"], 2, "unknown precision 'bf17'"),
        (["list", "--rank", "a:b"], 2, "no range"),
        (["list", "--rank", "9:3"], 2, "is empty"),
        (["list", "--sort", "beauty"], 2, "beauty"),
        (["list", "--ring", "Q[i]"], 2, "Q[i]"),
        (["show", "zz"], 1, "no encoder id"),
        (["show", "0123456789"], 1, "no encoder in the catalog"),
        (["export", "0123456789", "x.safetensors"], 1, "no encoder in the catalog"),
        (["show"], 2, "Missing argument"),
        (["dance"], 2, "dance"),
    ],
)
def test_wrong_input_gets_one_sentence(run: Run, arguments: list[str], code: int, sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_catalog_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(catalog_command, ["list", "--catalog", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_reindex_counts(run: Run, catalog: Catalog, found: Provenance) -> None:
    catalog.add(strassen(), found)
    assert json.loads(run("reindex", "--json").stdout) == {"files": 1, "damaged": 0}
    assert "1 file indexed, 0 damaged" in run("reindex").stdout


def test_the_shipped_encoders_are_listed_without_a_catalog(run: Run) -> None:
    listed = json.loads(run("list", "--json", "--tile", "2", "--exact", own=False).stdout)
    assert 7 in {entry["rank"] for entry in listed}
    assert all(entry["shipped"] for entry in listed)


def test_show_writes_formulas_and_pictures(run: Run, catalog: Catalog, found: Provenance) -> None:
    shown = run("show", catalog.add(strassen(), found).id).stdout
    assert "m1 = (a11 + a22) * (b11 + b22)" in shown
    assert "c11 = m1 + m4 - m5 + m7" in shown
    assert "  +··+ +··+ +··+" in shown
    assert "Found by test with seed 5 after 1.5 s, minimising the error at bf16." in shown
    assert "abababab" in shown
    assert "not in this catalog" in shown


def test_show_tells_the_lineage(run: Run, catalog: Catalog) -> None:
    parent = catalog.add(strassen(), Provenance("construction", details={"derivation": "Strassen's algorithm"}))
    child = catalog.add(kronecker(strassen(), strassen()), Provenance("deflation", lineage=(parent.id,)))
    shown = run("show", child.id, "--no-formulas", "--no-picture").stdout
    assert f"{parent.id[:10]}: 2x2x2 rank 7. Constructed: Strassen's algorithm." in shown
    assert "m1 =" not in shown


def test_text_from_files_cannot_move_the_cursor(run: Run, catalog: Catalog) -> None:
    hostile = Provenance("evil\x1b[2J", details={"note\x1b]0;title\x07": "line\nbreak\x9b"})
    entry = catalog.add(strassen(), hostile)
    for output in (run("show", entry.id).stdout, run("list").stdout, run("compare", entry.id, entry.id).stdout):
        assert not {"\x1b", "\x07", "\x9b"} & set(output)
    assert "linebreak" in run("show", entry.id).stdout


def test_formulas_of_an_approximate_encoder_are_refused(
    run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    result = run("show", catalog.add(random_encoder(1), found).id, "--formulas")
    assert result.exit_code == 1
    assert "only exact encoders are written out" in result.stderr


def test_compare_tells_what_is_known(
    run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    a, b = (catalog.add(random_encoder(seed), found) for seed in (1, 2))
    order = np.random.default_rng(0).permutation(5)
    u, v, w = (f[order] for f in a.encoder.factors)
    twin = catalog.add(TileEncoder(a.format, 2 * u, -v, (w / -2).T), found)
    assert "Not equivalent" in run("compare", a.id, b.id).stdout
    assert "The same products, in another order, scaling or sign." in run("compare", a.id, twin.id).stdout
    verdict = json.loads(run("compare", a.id, b.id, "--json").stdout)
    assert (verdict["same_products"], verdict["maybe_equivalent"]) == (False, False)
    assert verdict["first"]["id"] == a.id


def test_remove_asks_and_spares_the_shipped(run: Run, catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    place = ["--catalog", str(catalog.directory)]
    declined = CliRunner().invoke(catalog_command, ["remove", entry.id, *place], input="n\n")
    assert (declined.exit_code, len(catalog)) == (1, 1)
    assert json.loads(run("remove", entry.id, "--yes", "--json").stdout)[0]["id"] == entry.id
    assert len(catalog) == 0
    shipped = CliRunner().invoke(catalog_command, ["remove", entry.id, "--yes", *place])
    assert shipped.exit_code == 1
    assert "shipped encoder, which stays" in shipped.stderr


def test_stats_count(run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder) -> None:
    catalog.add(strassen(), found)
    catalog.add(random_encoder(1), found)
    stats = json.loads(run("stats", "--json").stdout)
    assert (stats["encoders"], stats["exact"], stats["rings"]) == (2, 1, {"Z": 1, "R": 1})
    (row,) = stats["formats"]
    assert row == {"format": "2x2x2", "encoders": 2, "least_rank": 5, "exact_rank": 7, "known_exact_rank": 7}
    assert "2 encoders, 1 exact" in run("stats").stdout


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_plot_draws(run: Run, catalog: Catalog, found: Provenance, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    catalog.add(strassen(), found)
    catalog.add(classical(Format(2, 3, 4)), found)
    target = tmp_path / f"frontier.{kind}"
    assert run("plot", str(target), "--precision", "fp16").exit_code == 0
    first = target.read_bytes()
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<?xml")
    if kind == "svg":
        assert all(words in first.decode() for words in ("2x3x4", "relative error at fp16", "naive"))
    run("plot", str(target), "--precision", "fp16")
    assert target.read_bytes() == first
    assert "neither .svg nor .png" in run("plot", str(tmp_path / "x.gif")).stderr
    assert "cannot be written" in run("plot", str(tmp_path / "no" / f"x.{kind}")).stderr
    assert "no encoder for real numbers" in run("plot", str(target), "--tile", "9").stderr
