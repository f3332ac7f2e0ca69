"""What comes with the program: complete in formats, reproducible, with a lineage that leads somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

import catalog.ship_constructions as catalog_constructions
from catalog import Catalog, Provenance
from catalog.catalog import SHIPPED
from catalog.references import exact_rank
from catalog.ship_constructions import LARGEST_SIDE, ship
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


def test_constructions_are_reproduced_to_the_byte(tmp_path: Path) -> None:
    first = ship(tmp_path / "a", largest=3)
    assert ship(tmp_path / "a", largest=3) == first
    exact = {path.name for path in first} & {
        e.path.name for e in Catalog(tmp_path / "a", shipped=False).entries(exact=True)
    }
    assert len(exact) >= 27
    for name in exact:  # the approximate ones may differ in the last bit from machine to machine
        assert (tmp_path / "a" / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_compositions_start_from_what_searches_have_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kronecker(classical(Format(1, 1, 2)), strassen())
    catalog = Catalog(tmp_path / "b", shipped=False)
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
