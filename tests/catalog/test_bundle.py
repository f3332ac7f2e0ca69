"""Bundles: a model card people and programs can read, and a folder that imports again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.bundle import write_bundle
from cli import catalog_command
from stl_algebra import InvalidInput, Ring, TileEncoder, strassen

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture
def filled(catalog: Catalog, found: Provenance, random_encoder: RandomEncoder) -> Catalog:
    s = strassen()
    catalog.add(s, Provenance("construction", details={"derivation": "Strassen's <b>*algorithm*</b> | `rm`"}))
    catalog.add(random_encoder(1), found)
    catalog.add(TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2), found)
    return catalog


def test_a_bundle_imports_again(filled: Catalog, tmp_path: Path) -> None:
    files = write_bundle(filled.entries(), tmp_path / "bundle")
    assert sorted(files) == sorted((tmp_path / "bundle").iterdir())
    other = tmp_path / "other"
    command = ["import", str(tmp_path / "bundle"), "--catalog", str(other), "--no-shipped", "--json"]
    result = CliRunner().invoke(catalog_command, command)
    assert result.exit_code == 0
    assert {e["status"] for e in json.loads(result.stdout)} == {"new"}
    mine, theirs = ({e.id: e.provenance for e in c.entries()} for c in (filled, Catalog(other, shipped=False)))
    assert mine == theirs


def test_the_card_has_front_matter_and_every_file(filled: Catalog, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    files = write_bundle(filled.entries(), tmp_path / "bundle")
    text = (tmp_path / "bundle" / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    header = yaml.safe_load(front)
    assert (header["library_name"], header["formats"], header["ranks"]) == ("strassen-tile", ["2x2x2"], [5, 7])
    assert all(path.name in body for path in files[:-1])
    assert "Strassen's \\<b\\>\\*algorithm\\*\\</b\\> \\| \\`rm\\`" in body
    assert "stl-catalog import" in body


def test_a_bundle_is_written_again_but_never_over_other_files(filled: Catalog, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    first = write_bundle(filled.entries(), target)
    assert write_bundle(filled.entries(), target) == first
    (target / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"holds other files \(notes.txt\)"):
        write_bundle(filled.entries(), target)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_bundle(filled.entries(), tmp_path / "file")
    with pytest.raises(InvalidInput, match="no encoder to bundle"):
        write_bundle([], target)


def test_a_readme_of_the_users_is_never_written_over(filled: Catalog, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / "README.md").write_text("---\ntitle: mine\n---\nWhat I wrote.")
    with pytest.raises(InvalidInput, match=r"README.md is not a bundle's"):
        write_bundle(filled.entries(), target)
    assert "What I wrote" in (target / "README.md").read_text()
    assert not list(target.glob("*.safetensors"))


def test_the_command_bundles_the_ids_or_the_best(filled: Catalog, tmp_path: Path) -> None:
    place = ["--catalog", str(filled.directory), "--no-shipped", "--json"]
    runs = {}
    for name, ids in (("best", []), ("one", [strassen().digest[:10]])):
        result = CliRunner().invoke(catalog_command, ["export", *ids, str(tmp_path / name), "--bundle", *place])
        assert result.exit_code == 0, result.output
        runs[name] = json.loads(result.stdout)["exported"]
    assert [len(files) for files in runs.values()] == [3, 2]
    wrong = CliRunner().invoke(catalog_command, ["export", str(tmp_path / "x.json"), *place])
    assert wrong.exit_code == 2
    assert "--bundle" in wrong.stderr
