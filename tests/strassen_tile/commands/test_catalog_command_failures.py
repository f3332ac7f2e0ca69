"""stl-catalog and what goes wrong around it: no half-done deletions, no tracebacks, on any terminal and file system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog import Catalog, Provenance
from cli import catalog_command
from stl_algebra import Format, InvalidInput, TileEncoder, classical, strassen

RandomEncoder = Callable[..., TileEncoder]
Run = Callable[..., Result]


@pytest.fixture
def run(catalog: Catalog) -> Run:
    """Run stl-catalog on the test's own catalog, with the shipped one behind it if asked for."""

    def command(*arguments: str, shipped: bool = False) -> Result:
        place = ["--catalog", str(catalog.directory), *([] if shipped else ["--no-shipped"])]
        return CliRunner().invoke(catalog_command, [*arguments, *place])

    return command


def test_remove_takes_an_id_given_twice_once(run: Run, catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    result = run("remove", entry.id, entry.id[:8], "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert [one["id"] for one in json.loads(result.stdout)] == [entry.id]


def test_remove_deletes_nothing_where_one_of_several_stays(
    run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    mine = catalog.add(random_encoder(1), found)
    shipped = next(entry for entry in Catalog(catalog.directory).entries(2, 7) if entry.shipped)
    result = run("remove", mine.id, shipped.id, "--yes", shipped=True)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "shipped encoder, which stays" in result.stderr
    assert [entry.id for entry in catalog.entries()] == [mine.id]


@pytest.mark.parametrize(
    ("rank", "ranks"), [("5-7", [7, 5]), ("5:7", [7, 5]), ("8-", [8]), ("9" * 20, []), (f"-{'9' * 20}:7", [7, 5])]
)
def test_list_takes_ranges_as_a_search_does_and_of_any_size(
    run: Run, catalog: Catalog, found: Provenance, random_encoder: RandomEncoder, rank: str, ranks: list[int]
) -> None:
    for encoder in (strassen(), classical(Format(2, 2, 2)), random_encoder(1)):
        catalog.add(encoder, found)
    result = run("list", "--json", f"--rank={rank}")
    assert result.exit_code == 0, result.output
    assert [entry["rank"] for entry in json.loads(result.stdout)] == ranks


def test_a_dash_in_scientific_notation_is_no_range(run: Run, catalog: Catalog, found: Provenance) -> None:
    catalog.add(strassen(), found)
    for error, count in (("1e-9:1e-3", 1), ("1e-9-1e-3", 1), ("1e-9", 0)):
        assert len(json.loads(run("list", "--json", "--error", error).stdout)) == count


def test_a_tile_too_large_for_any_encoder_is_wrong_usage(run: Run) -> None:
    result = run("list", "--tile", "300")
    assert result.exit_code == 2
    assert "tiles up to 4096 products are supported" in result.stderr


@pytest.mark.parametrize("command", ["list", "stats", "reindex", "verify"])
def test_a_catalog_whose_name_is_too_long_is_no_traceback(command: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(catalog_command, [command, "--catalog", str(tmp_path / ("a" * 300)), "--no-shipped"])
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_what_the_system_refuses_is_one_sentence(run: Run, catalog: Catalog, found: Provenance, tmp_path: Path) -> None:
    entry = catalog.add(strassen(), found)
    for arguments in (
        ("export", entry.id, str(tmp_path / f"{'a' * 300}.json")),
        ("export", entry.id, str(tmp_path / ("a" * 300)), "--bundle"),
        ("plot", str(tmp_path / f"{'a' * 300}.svg")),
        ("site", str(tmp_path / ("a" * 300))),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "File name too long" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="makes a symbolic link")
def test_a_link_that_leads_nowhere_is_named_and_the_rest_is_read(run: Run, catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    loop = catalog.directory / "loop.safetensors"
    loop.symlink_to(loop)
    assert [one.id for one in catalog.entries()] == [entry.id]
    assert list(catalog.failures()) == [loop]
    assert "cannot be read" in run("verify").stderr


def test_details_too_deep_to_tell_are_refused() -> None:
    details: dict[str, object] = {}
    for _ in range(400):
        details = {"inner": [details]}
    with pytest.raises(InvalidInput, match="details are nested more than 64 deep"):
        Provenance("test", details=details)


def test_details_of_some_depth_are_told(run: Run, catalog: Catalog) -> None:
    details: dict[str, object] = {"leaf": "told"}
    for _ in range(30):
        details = {"inner": [details]}
    entry = catalog.add(strassen(), Provenance("test", details=details))
    assert "leaf: told" in run("show", entry.id).stdout
    assert json.loads(run("show", entry.id, "--json").stdout)["details"] == details


@pytest.mark.parametrize("folder", ["files", "encoders", "assets"])
def test_a_site_is_not_written_into_a_catalog(folder: str, found: Provenance, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / folder, shipped=False)
    entry = catalog.add(strassen(), found)
    broken = catalog.directory / f"{'ab' * 32}.safetensors"
    broken.write_bytes(b"damaged, but the user's")
    place = ["--catalog", str(catalog.directory), "--no-shipped"]
    result = CliRunner().invoke(catalog_command, ["site", str(tmp_path), *place])
    assert result.exit_code == 1
    assert "would write into the catalog" in result.stderr
    assert entry.path.exists()
    assert broken.exists()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_any_terminal_gets_the_figures(encoding: str, catalog: Catalog) -> None:
    entry = catalog.add(strassen(), Provenance("test", details={"words": "⟨2,2,2⟩ – größer"}))
    for arguments in (["list"], ["show", entry.id]):
        place = ["--catalog", str(catalog.directory), "--no-shipped"]
        result = subprocess.run(
            [sys.executable, "-c", "import cli; cli.catalog_command()", *arguments, *place],
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )
        assert result.returncode == 0, result.stderr
        assert entry.id[:10].encode() in result.stdout


def test_an_error_cannot_move_the_cursor() -> None:
    result = CliRunner().invoke(catalog_command, ["show", "\x1b[2J"])
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
