"""What comes with the program: complete in formats, reproducible, with a lineage that leads somewhere."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

import catalog.ship_constructions as catalog_constructions
from catalog import Catalog, Provenance
from catalog.catalog import SHIPPED
from catalog.origin import why_not_replayed
from catalog.pack_file import read_records
from catalog.references import exact_rank
from catalog.ship_constructions import LARGEST_SIDE, ship
from cli import catalog_command
from stl_algebra import Format, Ring, TileEncoder, classical, kronecker, strassen
from stl_algebra.schemes import Derivation, best_composed


def shipped(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "empty")


def test_every_format_up_to_5_has_an_exact_encoder(tmp_path: Path) -> None:
    ranks: dict[Format, int] = {}
    for entry in shipped(tmp_path).entries(exact=True, real=True):
        ranks[entry.format] = min(entry.rank, ranks.get(entry.format, entry.rank))
    for sides in product(range(1, LARGEST_SIDE + 1), repeat=3):
        format = Format(*sides)
        assert ranks[format] <= best_composed(format).rank
        known = exact_rank(format)
        assert known is None or ranks[format] >= known, f"{format}: rank {ranks[format]} would be a discovery"


def test_ancestors_of_constructions_are_shipped_too(tmp_path: Path) -> None:
    entries = {entry.id: entry for entry in shipped(tmp_path).entries()}
    parents = {p for e in entries.values() if e.provenance.strategy == "construction" for p in e.provenance.lineage}
    assert parents
    assert parents <= entries.keys()


def test_constructions_are_reproduced(tmp_path: Path) -> None:
    first = ship(tmp_path / "a", largest=3)
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert ship(tmp_path / "a", largest=3) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before
    exact = [e for e in Catalog(tmp_path / "a", shipped=False).entries(exact=True) if e.id in first]
    assert len(exact) >= 27
    known = Catalog(SHIPPED, shipped=False)
    for entry in exact:  # the approximate ones may differ in the last bit from machine to machine
        assert known.get(entry.id).provenance == entry.provenance
        assert known.get(entry.id).encoder == entry.encoder


def test_only_packs_are_shipped() -> None:
    for folder in (SHIPPED, SHIPPED / "ancestors"):
        names = {path.name for path in folder.iterdir()} - {"ancestors"}
        assert names
        assert all(name.endswith(".pack.safetensors") for name in names)


def test_a_list_proves_nothing_and_reads_one_format_where_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr("catalog.packs.read_records", lambda path: (read.append(path.name), read_records(path))[1])
    monkeypatch.setattr("catalog.packs.read_encoder", lambda *_: pytest.fail("an encoder is proved for a list"))
    entries = shipped(tmp_path).entries("4x4x4", best=True)
    assert len(entries) > 20
    assert read == ["4x4x4.pack.safetensors"]
    assert len(shipped(tmp_path).entries()) > 1000


def test_without_the_ancestors_all_works_but_replay_which_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "wheel"
    shutil.copytree(SHIPPED, wheel, ignore=shutil.ignore_patterns("ancestors"))
    whole = shipped(tmp_path)
    replayed = [entry for entry in whole if entry.shipped and entry.provenance.recipe and entry.provenance.lineage]
    apart = next(entry for entry in replayed if not set(entry.provenance.lineage) & {e.id for e in whole})
    assert why_not_replayed(apart, whole) is None
    monkeypatch.setattr("catalog.catalog.SHIPPED", wheel)
    without = shipped(tmp_path)
    assert [entry.id for entry in without] == [entry.id for entry in whole]
    assert without.get(apart.id).encoder == apart.encoder
    result = CliRunner().invoke(catalog_command, ["replay", apart.id, "--catalog", str(tmp_path / "empty")])
    assert result.exit_code == 1
    assert "is not in this catalog; the ancestors of the shipped encoders come apart: pip install" in result.stderr


def test_compositions_start_from_what_searches_have_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kronecker(classical(Format(1, 1, 2)), strassen())
    catalog = Catalog(tmp_path / "b", shipped=False, packed=True)
    catalog.add(found, Provenance("search"))
    catalog.add(strassen(), Provenance("construction"))
    seen: list[Sequence[TileEncoder]] = []

    def watched(format: Format, seeds: Sequence[TileEncoder] = (), ring: Ring = Ring.Q) -> Derivation:
        seen.append(seeds)
        return best_composed(format, (), ring)

    monkeypatch.setattr(catalog_constructions, "best_composed", watched)
    ship(tmp_path / "b", largest=2)
    assert seen
    assert all(list(seeds) == [found] for seeds in seen)
