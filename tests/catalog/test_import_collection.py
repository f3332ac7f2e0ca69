"""Whole collections: read in several processes, resumed, with broken files among them, and never outside the folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog import Catalog
from catalog.interchange import Options, Scheme, exp, maple, mathematica, perminov, plinopt, read_files
from catalog.interchange.collection import FEW, CollectionReader
from catalog.interchange.ledger import Ledger
from catalog.interchange.listing import Source, sources_of
from catalog.twins import Twins
from cli import catalog_command
from stl_algebra import Format, Precision, classical, kronecker, strassen

AT_BF16 = Options(Precision.parse("bf16"))


def collection(folder: Path) -> dict[str, Path]:
    """Schemes of all small formats in several file formats, in folders within each other."""
    writers = {"exp": exp.write, "m": mathematica.write, "mpl": maple.write, "txt": perminov.write_text}
    files = {}
    for number in range(48):
        ending = list(writers)[number % 4]
        scheme = Scheme.of(classical(Format(1 + number % 3, 1 + number // 3 % 4, 1 + number // 12)))
        place = folder / str(number % 5)
        place.mkdir(parents=True, exist_ok=True)
        files[f"{number:02}"] = place / f"{number:02}.{ending}"
        files[f"{number:02}"].write_bytes(writers[ending](scheme))
    return files


@pytest.fixture
def run(catalog: Catalog) -> Callable[..., Result]:
    """Import into the test's own catalog."""

    def command(*arguments: str) -> Result:
        place = ["--catalog", str(catalog.directory), "--no-shipped"]
        return CliRunner().invoke(catalog_command, ["import", *arguments, *place])

    return command


def test_several_processes_read_what_one_reads(tmp_path: Path) -> None:
    files = collection(tmp_path)
    files["00"].write_bytes(b"nonsense")
    sources = list(sources_of([tmp_path]))
    assert len(sources) == 48 > FEW
    alone = list(CollectionReader(AT_BF16).read(sources))
    together = list(CollectionReader(AT_BF16, jobs=2).read(sources))
    assert together == alone
    assert [reading.path for (reading,) in alone] == sorted(files.values())
    assert sum(reading.fault is not None for (reading,) in alone) == 1


def test_a_file_that_ends_its_process_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    collection(tmp_path)
    sources = [Source(source.path) for source in sources_of([tmp_path])]
    sources[13] = Fatal(sources[13].path)
    found = list(CollectionReader(AT_BF16, jobs=2).read(sources))
    assert [number for number, (reading,) in enumerate(found) if reading.fault] == [13]
    assert "ended the process" in str(found[13][0].fault)


class Fatal(Source):
    """A file whose reading ends the process, as a system does that is short of memory."""

    def __setstate__(self, state: object) -> None:
        os._exit(9)


def test_what_is_sound_is_imported_and_a_summary_says_how_much(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "schemes"
    files = collection(folder)
    files["01"].write_bytes(files["01"].read_bytes()[:-20])
    files["02"].write_bytes(b"T:=TriadSet([Triad([])]):")
    result = run(str(folder))
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == sorted(
        str(files[name]) for name in ("01", "02")
    )
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert [int(count) for count in rows["exp"][-4:]][3] == 0
    assert int(rows["mathematica"][-1]) == int(rows["maple"][-1]) == 1
    assert len(catalog) == len({entry.id for entry in catalog}) > 20


def test_an_import_goes_on_where_it_ended(
    run: Callable[..., Result], catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "schemes"
    files = collection(folder)
    for name in list(files)[5:]:
        files[name].unlink()
    first = json.loads(run(str(folder), "--json").stdout)
    read: list[Path] = []
    from catalog.interchange import reading

    understood = reading._understood
    monkeypatch.setattr(reading, "_understood", lambda scheme, **how: read.append(scheme) or understood(scheme, **how))
    second = json.loads(run(str(folder), "--json").stdout)
    assert read == []
    assert [(r["id"], r["file"]) for r in second] == [(r["id"], r["file"]) for r in first]
    assert {r["status"] for r in second} == {"known"}
    catalog.remove(first[0]["id"])
    third = json.loads(run(str(folder), "--json").stdout)
    assert third[0]["status"] == "new"
    assert len(read) == sum(r["id"] == first[0]["id"] for r in first)
    files["00"].write_bytes(exp.write(Scheme.of(strassen())))
    changed = json.loads(run(str(folder), "--json").stdout)
    assert [r["status"] for r in changed].count("new") == 1


def test_a_damaged_ledger_costs_time_only(run: Callable[..., Result], catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "a.exp").write_bytes(exp.write(Scheme.of(strassen())))
    assert run(str(tmp_path / "a.exp")).exit_code == 0
    ledger = Ledger(catalog.directory, Twins(catalog))
    assert len(ledger.fingerprints) == 1
    for content in (b"\xff\xfe", b"[]\n{}\n[1, 2]\n" + b"[" * 5000, b'["x", "' + b"a" * 64 + b'"]\n'):
        ledger._path.write_bytes(content)
        assert Ledger(catalog.directory, Twins(catalog)).fingerprints == frozenset()
        assert run(str(tmp_path / "a.exp")).exit_code == 0
        assert len(catalog) == 1


def test_links_that_lead_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.exp").write_bytes(exp.write(Scheme.of(strassen())))
    (folder / "inside.exp").write_bytes(exp.write(Scheme.of(classical(Format(1, 2, 1)))))
    (folder / "file.exp").symlink_to(outside / "secret.exp")
    (folder / "below").symlink_to(outside)
    (folder / "again.exp").symlink_to("inside.exp")
    (folder / "gone.exp").symlink_to("nowhere")
    names = [source.path.name for source in sources_of([folder])]
    assert names == ["again.exp", "gone.exp", "inside.exp"]
    for letter, content in plinopt.write(Scheme.of(strassen())).items():
        (outside / f"s_{letter}.sms").write_bytes(content)
    (folder / "s_L.sms").write_bytes((outside / "s_L.sms").read_bytes())
    for letter in "RP":
        (folder / f"s_{letter}.sms").symlink_to(outside / f"s_{letter}.sms")
    (refused,) = read_files([folder / "s_L.sms"], AT_BF16)
    assert "companion P and R is not in its folder" in str(refused.fault)


@pytest.mark.parametrize("letter", "LRP")
def test_a_matrix_finds_its_companions(tmp_path: Path, letter: str) -> None:
    for other, scheme in (("s", strassen()), ("other", kronecker(classical(Format(2, 1, 1)), strassen()))):
        for one, content in plinopt.write(Scheme.of(scheme)).items():
            (tmp_path / f"{other}_{one}.sms").write_bytes(content)
    (found,) = read_files([tmp_path / f"s_{letter}.sms"], AT_BF16)
    assert found.encoder == strassen()
    assert len(list(read_files([tmp_path], AT_BF16))) == 2


def test_files_without_an_ending_count_if_they_hold_a_scheme(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("Permission is hereby granted")
    (tmp_path / "scheme").write_bytes(exp.write(Scheme.of(strassen())))
    (found,) = read_files([tmp_path], AT_BF16)
    assert (found.path.name, found.encoder) == ("scheme", strassen())
    (named,) = read_files([tmp_path / "LICENSE"], AT_BF16)
    assert "in no known format" in str(named.fault)


def test_twins_find_what_the_catalog_finds(catalog: Catalog) -> None:
    from catalog import Provenance

    scheme = Scheme.of(strassen())
    order = [3, 0, 6, 2, 1, 5, 4]
    reordered = Scheme(scheme.format, *([rows[at] for at in order] for rows in scheme.factors)).encoder()
    twins = Twins(catalog)
    assert twins.of(reordered) is None
    twins.add(catalog.add(strassen(), Provenance("construction")))
    found = twins.of(reordered)
    assert found is not None
    assert found == catalog.duplicate_of(reordered)
    assert twins.of(classical(Format(2, 2, 2))) is None


def test_every_format_can_be_named_on_the_command_line() -> None:
    from catalog.interchange import FORMATS
    from strassen_tile.commands.catalog.import_ import KINDS

    assert set(KINDS) == set(FORMATS)
