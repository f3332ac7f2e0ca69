"""stl-search and stl-catalog replay where something is wrong: the disk, the terminal, the question, the recipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

import cli
from catalog import Catalog, Provenance, Stored
from catalog.moments_file import KEY
from search.problem import Problem
from search.running.run import Search
from search.running.task import Discovery
from stl_algebra import Format, InvalidInput, TileEncoder, classical, strassen
from strassen_tile.commands.kit.search_options import RanksType
from strassen_tile.recorder import Recorder

CLASSICAL = classical(Format(2, 2, 2))
PROBLEM = Problem(Format(2, 2, 2), 7)


def _discovery(encoder: TileEncoder, seconds: float = 1.0) -> Discovery:
    return Discovery(encoder, "als", 0, seconds, (), {}, None, ())


@pytest.fixture
def approximate() -> TileEncoder:
    return TileEncoder(Format(2, 2, 2), *np.random.default_rng(0).normal(size=(2, 5, 4)), np.ones((4, 5)))


class Disk:
    """Refuses to add to catalogs in the folder `full`, as a disk without room does; one encoder finds its place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full: Path | None = None
        self.spared: TileEncoder | None = None
        add = Catalog.add

        def limited(catalog: Catalog, encoder: TileEncoder, provenance: Provenance, ancestors: Any = ()) -> Any:
            full = self.full is not None and catalog.directory.is_relative_to(self.full)
            if full and encoder != self.spared:
                raise InvalidInput(
                    f"the catalog folder {catalog.directory} cannot be written (No space left on device)"
                )
            return add(catalog, encoder, provenance, ancestors)

        monkeypatch.setattr(Catalog, "add", limited)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Disk(monkeypatch)


def test_what_could_not_be_written_is_written_when_there_is_room_again(
    disk: Disk, tmp_path: Path, approximate: TileEncoder
) -> None:
    catalog, told = Catalog(tmp_path / "catalog", shipped=False), []
    recorder = Recorder(catalog, PROBLEM, told.append)
    disk.full = catalog.directory
    recorder.take(_discovery(strassen()))
    recorder.take(_discovery(CLASSICAL))
    recorder.take(_discovery(approximate))
    recorder.flush()
    assert len(told) == 1
    assert "No space left on device" in told[0]
    disk.full = None
    recorder.flush()
    assert {entry.id for entry in catalog.entries()} == {e.digest for e in (strassen(), CLASSICAL, approximate)}


def test_the_last_ones_go_to_the_temporary_folder_at_worst(disk: Disk, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog", shipped=False)
    recorder = Recorder(catalog, PROBLEM)
    disk.full = catalog.directory
    (entry,), fault = recorder.keep_all([_discovery(strassen())])
    assert "No space left on device" in str(fault)
    place = entry.path.parent
    assert place.parent == tmp_path / "temporary"
    assert f"stl-catalog import {place}" in str(fault)
    assert Catalog(place, shipped=False).get(entry.id).encoder == strassen()
    disk.full = tmp_path
    (entry,), fault = recorder.keep_all([_discovery(strassen())])
    assert "these figures" in str(fault)
    assert (entry.encoder, entry.as_json()["path"]) == (strassen(), None)


@pytest.fixture
def found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that finds Strassen's scheme and ends."""

    def run(search: Search) -> Iterator[Discovery]:
        search.best[7] = _discovery(strassen())
        yield search.best[7]

    monkeypatch.setattr(Search, "run", run)


@pytest.mark.usefixtures("found_at_once")
def test_encoders_of_other_families_that_cannot_be_kept_are_told(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Search, "others", (_discovery(CLASSICAL),))
    disk.spared = strassen()
    disk.full = tmp_path / "catalog"
    result = CliRunner().invoke(
        cli.search_command, ["--tile", "2", "--rank", "7", "--no-shipped", "--catalog", str(disk.full), "--json"]
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["path"].startswith(str(disk.full))
    assert "encoders of other families could not be kept: " in result.stderr
    (place,) = (tmp_path / "temporary").iterdir()
    assert [entry.encoder for entry in Catalog(place, shipped=False).entries()] == [CLASSICAL]


@pytest.mark.usefixtures("found_at_once")
@pytest.mark.parametrize("as_json", [True, False])
def test_figures_are_printed_though_the_disk_is_full(disk: Disk, tmp_path: Path, as_json: bool) -> None:
    disk.full = tmp_path / "catalog"
    arguments = ["--tile", "2", "--rank", "7", "--no-shipped", "--catalog", str(disk.full)]
    result = CliRunner().invoke(cli.search_command, [*arguments, *(["--json"] if as_json else [])])
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    (place,) = (tmp_path / "temporary").iterdir()
    assert str(place) in "".join(result.stderr.splitlines())
    if as_json:
        assert json.loads(result.stdout)["path"].startswith(str(place))
    else:
        assert "7 of 8 products" in result.stdout
        assert "Kept in" not in result.stdout


@pytest.mark.usefixtures("found_at_once")
@pytest.mark.parametrize("name", ["a[/b]", "a[bold]", ":smile:"])
def test_names_that_look_like_markup_are_printed_as_they_are(name: str, tmp_path: Path) -> None:
    weights = tmp_path / "m.safetensors"
    record = {"schema": 1, "format": [2, 2, 2], "source": f"layer {name}\x1b[2J"}
    save_file({"second_x": np.eye(4), "second_w": np.eye(4)}, weights, metadata={KEY: json.dumps(record)})
    arguments = ["--tile", "2", "--rank", "7", "--no-shipped", "--catalog", str(tmp_path / name)]
    result = CliRunner().invoke(cli.search_command, [*arguments, "--weights", str(weights)])
    assert result.exit_code == 0, result.output
    assert f"Kept in {tmp_path / name}" in result.stdout
    assert f"under the moments of layer {name}[2J" in result.stdout


def test_an_interrupted_search_does_not_ask_for_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Search) -> Iterator[Discovery]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Search, "run", run)
    arguments = ["--tile", "2", "--rank", "7", "--no-shipped", "--catalog", str(tmp_path)]
    result = CliRunner().invoke(cli.search_command, arguments)
    assert result.exit_code == 130
    assert "was interrupted before it found an encoder" in result.stderr
    assert "budget" not in result.stderr


@pytest.mark.parametrize("tile", ["17", "300", "999999"])
def test_a_tile_too_large_to_search_is_refused_at_once(tile: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.search_command, ["--tile", tile, "--rank", "5", "--catalog", str(tmp_path / "c")])
    assert result.exit_code == 2
    assert "tiles up to 4096 products are supported" in " ".join(result.stderr.split())
    assert not (tmp_path / "c").exists()


def test_ranges_are_written_with_a_dash_or_a_colon() -> None:
    ranks = RanksType()
    assert ranks.convert("16-49", None, None) == ranks.convert("16:49", None, None) == (16, 49)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_search_speaks_to_any_terminal(encoding: str, tmp_path: Path) -> None:
    arguments = ["--tile", "2", "--rank", "8", "--jobs", "1", "--no-shipped"]
    result = subprocess.run(
        [sys.executable, "-c", "import cli; cli.search_command()", *arguments, "--catalog", str(tmp_path)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert result.returncode == 0, result.stderr
    assert b" of 8 products" in result.stdout


def test_a_recipe_of_another_format_is_not_followed(tmp_path: Path) -> None:
    recipe = {"strategy": "als", "format": "900x900x900", "rank": 7, "precision": "bf16", "weights": None}
    recipe |= {"kind": "random", "options": {}, "seed": 1, "place": 0, "ended": None, "version": "0"}
    catalog = Catalog(tmp_path, shipped=False)
    entry = catalog.add(strassen(), Provenance("als", recipe=recipe), [Stored(CLASSICAL, Provenance("als"))])
    result = CliRunner().invoke(cli.catalog_command, ["replay", entry.id, "--no-shipped", "--catalog", str(tmp_path)])
    assert result.exit_code == 1
    assert "is of format 2x2x2, its recipe of 900x900x900" in " ".join(result.stderr.split())
