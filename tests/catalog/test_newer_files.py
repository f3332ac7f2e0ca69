"""Files that a newer program wrote: reported as such, never written over, moved or taken for damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.numpy import save_file

from catalog import Catalog, Provenance
from catalog.interchange import Scheme, exp
from cli import catalog_command
from stl_algebra import Format, InvalidInput, classical, strassen


@pytest.fixture
def newer(catalog: Catalog, found: Provenance) -> Path:
    """Strassen's scheme in a file of schema 99, in the test's own catalog."""
    path = catalog.add(strassen(), found).path
    with safe_open(path, "numpy") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    save_file(tensors, path, metadata={"stl": json.dumps(json.loads(metadata["stl"]) | {"schema": 99})})
    return path


def _run(catalog: Catalog, *arguments: str) -> Result:
    return CliRunner().invoke(catalog_command, [*arguments, "--catalog", str(catalog.directory), "--no-shipped"])


def test_nothing_is_written_over_them(catalog: Catalog, found: Provenance, newer: Path) -> None:
    before = newer.read_bytes()
    with pytest.raises(InvalidInput, match="a newer strassen-tile wrote"):
        catalog.add(strassen(), found)
    assert newer.read_bytes() == before
    assert catalog.add(classical(Format(1, 2, 2)), found).rank == 4


def test_an_import_leaves_them_alone_and_goes_on(catalog: Catalog, newer: Path, tmp_path: Path) -> None:
    before = newer.read_bytes()
    for name, encoder in (("a.exp", strassen()), ("b.exp", classical(Format(1, 2, 2)))):
        (tmp_path / name).write_bytes(exp.write(Scheme.of(encoder)))
    result = _run(catalog, "import", str(tmp_path / "a.exp"), str(tmp_path / "b.exp"))
    assert result.exit_code == 1
    assert "a.exp: the catalog" in result.stderr
    assert "update strassen-tile" in result.stderr
    assert newer.read_bytes() == before
    assert [entry.rank for entry in catalog.entries()] == [4]


def test_verify_reports_them_apart_and_sets_none_aside(catalog: Catalog, newer: Path, found: Provenance) -> None:
    broken = catalog.add(classical(Format(1, 2, 2)), found).path
    broken.write_bytes(b"damaged")
    result = _run(catalog, "verify", "--set-aside", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert [Path(one["path"]) for one in report["newer"]] == [newer]
    assert [Path(one["path"]) for one in report["damaged"]] == [broken]
    assert [path.name for path in (catalog.directory / "damaged").iterdir()] == [broken.name]
    assert newer.exists()
    spoken = _run(catalog, "verify")
    assert "0 sound, 0 damaged" in spoken.stdout
    assert "1 of a newer strassen-tile not checked; update strassen-tile" in spoken.stdout
    with pytest.raises(InvalidInput, match="a newer strassen-tile wrote"):
        catalog.set_aside(newer)
