"""What every catalog must do, run on the user's own, in single files and in packs, and on the shipped one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.catalog import SHIPPED
from cli import catalog_command
from stl_algebra import PRECISIONS, Format, InvalidInput, Ring, TileEncoder, classical, kronecker, strassen
from stl_algebra.classical import left_out
from stl_algebra.error import growth, relative_error

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture(params=["files", "packs", "shipped"])
def either(request: pytest.FixtureRequest, tmp_path: Path, random_encoder: RandomEncoder) -> Catalog:
    """A catalog that is only the user's, in single files or in packs, and one that is only the shipped one."""
    if request.param == "shipped":
        return Catalog(tmp_path / "none")
    catalog = Catalog(tmp_path / "catalog", shipped=False, packed=request.param == "packs")
    s = strassen()
    parent = catalog.add(s, Provenance("construction"))
    catalog.add(kronecker(s, s), Provenance("construction", lineage=(parent.id,)))
    catalog.add(TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2), Provenance("import"))
    for seed in range(5):
        catalog.add(random_encoder(seed, 3 + seed, (2, 3, 2)), Provenance("random", seed=seed))
    return catalog


def test_ids_name_the_content_and_nothing_else(either: Catalog) -> None:
    entries = either.entries()
    assert entries
    assert len({entry.id for entry in entries}) == len(entries) == len(either)
    for entry in entries[:: 1 + len(entries) // 40]:
        assert entry.encoder.digest == entry.id
        assert entry.path.name in (f"{entry.id}.safetensors", f"{entry.format}.pack.safetensors")
        assert entry.path.exists()
        assert either.get(entry.id) == entry
    assert list(either) == entries


def test_figures_are_those_of_the_coefficients(either: Catalog) -> None:
    entries = either.entries()
    for entry in entries[:: 1 + len(entries) // 60]:
        encoder = entry.encoder
        assert (encoder.format, encoder.rank, encoder.ring) == (entry.format, entry.rank, entry.ring)
        if not entry.exact:
            error = relative_error(encoder.format, *encoder.factors)
            assert entry.relative_error == pytest.approx(error, rel=1e-6, abs=1e-12)
        assert entry.growth == pytest.approx(growth(*encoder.factors), rel=1e-9)


def test_best_is_the_first_by_error(either: Catalog) -> None:
    groups = {(entry.format, entry.rank) for entry in either.entries(real=True)}
    for format, rank in sorted(groups)[:: 1 + len(groups) // 12]:
        for precision in PRECISIONS:
            errors = [e.error_at(precision) for e in either.entries(format, rank, real=True)]
            errors.append(left_out(format, rank).error_at(precision))
            assert either.best(format, rank, precision).error_at(precision) == pytest.approx(min(errors))


def test_an_empty_question_has_an_empty_answer(either: Catalog) -> None:
    assert either.entries(17) == []
    with pytest.raises(InvalidInput, match="none of that format is known"):
        either.best(17, 4913)


def test_verify_finds_nothing_wrong(either: Catalog) -> None:
    assert [fault for _, fault in either.verify() if fault is not None] == []
    assert either.failures() == {}


def test_the_shipped_one_cannot_be_changed(either: Catalog) -> None:
    before = sorted(path.name for path in SHIPPED.iterdir())
    shipped = [entry for entry in either.entries() if entry.shipped]
    for entry in shipped[:3]:
        with pytest.raises(InvalidInput, match="stays"):
            either.remove(entry.id)
    either.add(classical(Format(1, 1, 7)), Provenance("test"))
    own = either.add(shipped[0].encoder, Provenance("test")) if shipped else None
    if own is not None:
        assert not either.remove(own.id).shipped
        assert either.get(own.id).shipped
    assert sorted(path.name for path in SHIPPED.iterdir()) == before


def test_every_entry_can_be_shown(either: Catalog) -> None:
    place = ["--catalog", str(either.directory)]
    entries = either.entries()
    for entry in entries[:: 1 + len(entries) // 4]:
        shown = CliRunner().invoke(catalog_command, ["show", entry.id, *place])
        assert shown.exit_code == 0, shown.output
        as_json = json.loads(CliRunner().invoke(catalog_command, ["show", entry.id, "--json", *place]).stdout)
        assert as_json["id"] == entry.id
