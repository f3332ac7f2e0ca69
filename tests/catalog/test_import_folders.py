"""Folders of files and what cannot be stored: nothing is passed over in silence, nothing becomes what it is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog import Catalog, Provenance
from catalog.interchange import Scheme, exp, perminov, plinopt
from cli import catalog_command
from stl_algebra import Format, TileEncoder, classical, strassen

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture
def run(catalog: Catalog) -> Callable[..., Result]:
    """Import into the test's own catalog."""

    def command(*arguments: str) -> Result:
        place = ["--catalog", str(catalog.directory), "--no-shipped"]
        return CliRunner().invoke(catalog_command, ["import", *arguments, *place])

    return command


def test_the_schemes_of_a_folder_are_read_whatever_their_format(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "schemes"
    (folder / "more").mkdir(parents=True)
    (folder / "notes.md").write_text("not a scheme")
    (folder / "a.json").write_bytes(perminov.write_json(Scheme.of(strassen()), modulo_2=False))
    (folder / "more" / "b.exp").write_bytes(exp.write(Scheme.of(classical(Format(1, 2, 3)))))
    for letter, content in plinopt.write(Scheme.of(classical(Format(2, 1, 2)))).items():
        (folder / "more" / f"c_{letter}.sms").write_bytes(content)
    result = run(str(folder), "--json")
    assert result.exit_code == 0, result.output
    assert sorted(str(entry.format) for entry in catalog.entries()) == ["1x2x3", "2x1x2", "2x2x2"]


def test_a_folder_without_schemes_and_a_name_without_letters_are_errors(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schemes").mkdir()
    monkeypatch.chdir(tmp_path)
    empty = run("schemes")
    assert (empty.exit_code, empty.stdout) == (1, "")
    assert "schemes: the folder holds no file named .safetensors or .json" in empty.stderr
    (tmp_path / "a.exp").write_bytes(exp.write(Scheme.of(strassen())))
    nameless = run("")
    assert (nameless.exit_code, nameless.stdout) == (2, "")
    assert "an empty name names no file" in nameless.stderr
    too_long = run("a" * 300)
    assert too_long.exit_code == 1
    assert "cannot be read" in too_long.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_a_catalogs_ancestors_come_as_ancestors_and_its_damaged_files_stay(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path, random_encoder: RandomEncoder, packed: bool
) -> None:
    from catalog.encoder_file import Stored

    other = Catalog(tmp_path / "other", shipped=False, packed=packed)
    parent = Stored(random_encoder(1), Provenance("als"))
    child = Provenance("hop", lineage=(parent.encoder.digest,), recipe={"seed": 1})
    entry = other.add(random_encoder(2), child, [parent])
    (other.directory / "damaged").mkdir()
    (other.directory / "damaged" / "a.safetensors").write_bytes(b"damaged")
    for source in (other.directory, entry.path):
        assert run(str(source)).exit_code == 0
        assert [kept.id for kept in catalog.entries()] == [entry.id]
        assert catalog.ancestor(parent.encoder.digest) is not None
        catalog.remove(entry.id)
        assert catalog.ancestor(parent.encoder.digest) is None
    (other.directory / "index.sqlite").unlink(missing_ok=packed)
    assert run(str(other.directory)).exit_code == 0
    assert [kept.id for kept in catalog.entries()] == [entry.id]


def test_json_names_what_was_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "good.exp").write_bytes(exp.write(Scheme.of(strassen())))
    (tmp_path / "bad.exp").write_bytes(b"nonsense")
    result = run(str(tmp_path / "bad.exp"), str(tmp_path / "good.exp"), "--json")
    assert result.exit_code == 1
    good, bad = json.loads(result.stdout)
    assert (good["status"], bad["status"]) == ("new", "refused")
    assert bad["file"] == str(tmp_path / "bad.exp")
    assert "in no known format" in bad["fault"]


@pytest.mark.parametrize("x", ["-5", "0", "1.5"])
def test_a_value_of_x_that_fits_no_scheme_is_wrong_usage(run: Callable[..., Result], tmp_path: Path, x: str) -> None:
    (tmp_path / "good.exp").write_bytes(exp.write(Scheme.of(strassen())))
    result = run(str(tmp_path / "good.exp"), "--x", x)
    assert result.exit_code == 2
    assert "is not in the range 0<x<=1" in result.stderr


def test_what_cannot_be_stored_is_named_and_the_rest_is_told(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "a.exp").write_bytes(exp.write(Scheme.of(strassen())))
    catalog.directory.write_text("in the way")
    result = run(str(tmp_path / "a.exp"), "--json")
    assert result.exit_code == 1
    (refused,) = json.loads(result.stdout)
    assert "cannot be" in refused["fault"]


def test_of_a_pack_what_is_sound_is_imported_and_the_rest_named(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path, random_encoder: RandomEncoder
) -> None:
    other = Catalog(tmp_path / "other", shipped=False, packed=True)
    entries = [other.add(random_encoder(seed), Provenance("als")) for seed in range(3)]
    path = entries[0].path
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x40  # the last entry of the last tensor
    path.write_bytes(content)
    result = run(str(path), "--json")
    assert result.exit_code == 1
    statuses = [one["status"] for one in json.loads(result.stdout)]
    assert sorted(statuses) == ["new", "new", "refused"]
    assert {entry.id for entry in catalog} == set(sorted(entry.id for entry in entries)[:2])
