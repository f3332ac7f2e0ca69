"""The catalog's exact ranks against the best that are known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.records import records
from cli import catalog_command
from stl_algebra import Format, Ring, TileEncoder, classical, rotate, strassen

RUN = CliRunner()


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Strassen's algorithm, and the classical one of 4x3x2."""
    for encoder in (strassen(), classical(Format(4, 3, 2))):
        catalog.add(encoder, Provenance("construction"))
    return catalog


def run(catalog: Catalog, *arguments: str) -> Any:
    result = RUN.invoke(
        catalog_command, ["records", *arguments, "--json", "--no-shipped", "--catalog", str(catalog.directory)]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_record_compares_by_ring(catalog: Catalog) -> None:
    by_format = {row["format"]: row for row in run(catalog)}
    assert len(by_format) == 84
    here = by_format["2x2x2"]
    assert here["gap"] == 0
    assert here["rings"]["Z"] == {
        "here": 7,
        "id": strassen().digest,
        "known": 7,
        "source": "Strassen, Gaussian elimination is not optimal, 1969",
        "gap": 0,
    }
    assert here["rings"]["GF(2)"]["here"] == 7
    assert here["border_rank"]["rank"] == 7
    assert (by_format["2x3x4"]["rings"]["Q"]["here"], by_format["2x3x4"]["gap"]) == (24, 4)
    assert by_format["8x8x8"]["rings"]["Z"]["here"] is by_format["8x8x8"]["gap"] is None


def test_the_filters(catalog: Catalog) -> None:
    assert [row["format"] for row in run(catalog, "--gap")] == ["2x3x4"]
    assert len(run(catalog, "--missing")) == 82
    assert [row["format"] for row in run(catalog, "--tile", "3x2x4")] == ["2x3x4"]


def test_any_order_of_the_dimensions_counts(catalog: Catalog) -> None:
    before = records(catalog)
    catalog.add(rotate(classical(Format(2, 2, 5))), Provenance("construction"))
    changed = [new.format for new, old in zip(records(catalog), before, strict=True) if new.as_json() != old.as_json()]
    assert changed == [(2, 2, 5)]


def test_over_gf2_only_what_is_exact_there_counts(catalog: Catalog) -> None:
    halves = TileEncoder.from_exact(
        Format(2, 2, 2), strassen().encode_x * 0.5, strassen().encode_w, strassen().decode * 2
    )
    catalog.remove(strassen().digest)
    catalog.add(halves, Provenance("construction"))
    (row,) = records(catalog, [Format(2, 2, 2)])
    assert {ring: one.here for ring, one in row.standings.items()} == {
        Ring.Z: None,
        Ring.DYADIC: 7,
        Ring.Q: 7,
        Ring.GF2: None,
    }


def test_the_tables_hold_ranks_and_sources(catalog: Catalog) -> None:
    place = ["--no-shipped", "--catalog", str(catalog.directory)]
    table = RUN.invoke(catalog_command, ["records", *place]).stdout
    assert "24/20" in table
    assert "–/343" in table
    sources = RUN.invoke(catalog_command, ["records", "--tile", "4", "--sources", *place]).stdout
    assert "AlphaTensor" in sources
    assert RUN.invoke(catalog_command, ["records", "--tile", "9", *place]).exit_code == 0


def test_show_says_how_far_the_rank_is_from_the_best(catalog: Catalog) -> None:
    place = ["--no-shipped", "--catalog", str(catalog.directory)]
    shown = RUN.invoke(catalog_command, ["show", classical(Format(4, 3, 2)).digest, *place]).stdout
    assert "rank 20 over Z, 4 more here" in shown
    shown = RUN.invoke(catalog_command, ["show", strassen().digest, *place]).stdout
    assert "rank 7 over Z, reached (Strassen" in shown
    assert "border rank at most 7" in shown
    (entry,) = catalog.entries(2)
    assert (entry.as_json()["best_known_rank"], entry.as_json()["border_rank"]) == (7, 7)


def test_show_and_list_tell_the_figures(catalog: Catalog) -> None:
    place = ["--no-shipped", "--catalog", str(catalog.directory)]
    shown = RUN.invoke(catalog_command, ["show", strassen().digest, *place]).stdout
    assert "18 with shared subexpressions (5 + 5 to encode, 8 to decode), 18 without" in shown
    assert "12 additions a level, 12 without sharing (30 nonzeros)" in shown
    assert "ω = 2.8074, leading coefficient 7, in the alternative basis 5" in shown
    assert "factor 12, prefactor 8, emax 12 a level (exponent 3.585), γ₂ 14.83" in shown
    listed = RUN.invoke(catalog_command, ["list", "--tile", "2", "--figures", *place]).stdout.splitlines()
    assert listed[0].split() == ["id", "format", "rank", "nnz", "naive", "shared", "alt.", "ω", "growth", "emax", "γ₂"]
    assert listed[2].split()[1:] == ["2x2x2", "7", "36", "18", "18", "12", "2.807", "32", "12", "14.83"]
    for arguments in (["show", strassen().digest], ["list", "--tile", "2", "--figures"]):
        found = json.loads(RUN.invoke(catalog_command, [*arguments, "--json", *place]).stdout)
        row = found if isinstance(found, dict) else found[0]
        assert row["figures"]["additions"]["total"] == 18
        assert row["figures"]["alternative_basis"]["total"] == 12
        assert row["figures"]["stability"]["emax"] == 12
    assert "figures" not in json.loads(RUN.invoke(catalog_command, ["list", "--json", *place]).stdout)[0]
