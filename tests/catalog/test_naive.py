"""Nothing the catalog calls the best errs more than the classical algorithm with products left out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.frontier import frontiers
from catalog.naive import naive_entry, naive_error
from cli import catalog_command
from stl_algebra import PRECISIONS, Format, InvalidInput, Precision, TileEncoder
from stl_algebra.classical import left_out
from stl_algebra.error import growth, relative_error

RUN = CliRunner()


@pytest.fixture
def catalog(catalog: Catalog, random_encoder: Callable[..., TileEncoder]) -> Catalog:
    """One encoder of ⟨4,4,4⟩:15, of much growth and error."""
    catalog.add(random_encoder(1, 15, (4, 4, 4)), Provenance("lm"))
    return catalog


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (4, 4, 4), (3, 5, 2)])
def test_its_figures_are_their_closed_forms(shape: tuple[int, int, int]) -> None:
    format = Format(*shape)
    for rank in range(1, format.products + 1):
        encoder = left_out(format, rank)
        assert encoder.rank == rank
        assert relative_error(format, *encoder.factors) == pytest.approx(1 - rank / format.products, abs=1e-15)
        assert growth(*encoder.factors) == rank
        for precision in PRECISIONS:
            error = naive_error(format, rank, Precision.parse(precision))
            assert naive_entry(format, rank).error_at(precision) == pytest.approx(error, rel=1e-12)
    assert left_out(format, format.products).exact
    with pytest.raises(InvalidInput, match="does not fit"):
        left_out(format, format.products + 1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_best_is_never_worse(catalog: Catalog, precision: str) -> None:
    naive = left_out(Format(4, 4, 4), 15)
    assert catalog.entries(4)[0].error_at("fp8") > naive.error_at("fp8")
    assert catalog.best(4, 15, precision).error_at(precision) <= naive.error_at(precision)
    (entry,) = catalog.entries(4, precision=precision, best=True)
    assert entry.error_at(precision) <= naive.error_at(precision)
    ((first,),) = frontiers(catalog.entries(), precision).values()
    assert first == entry


def test_the_shipped_frontiers_are_never_worse() -> None:
    catalog = Catalog("no-such-directory")
    for precision in PRECISIONS:
        for entry in catalog.entries(precision=precision, best=True):
            naive = naive_error(entry.format, entry.rank, Precision.parse(precision))
            assert entry.error_at(precision) <= naive * (1 + 1e-12)


def test_what_else_is_asked_for_holds_for_it_too(catalog: Catalog) -> None:
    assert catalog.best(4, 15, "fp8") == left_out(Format(4, 4, 4), 15)
    assert [e.provenance.strategy for e in catalog.entries(precision="fp8", best=True)] == ["construction"]
    assert [e.provenance.strategy for e in catalog.entries(strategy="lm", precision="fp8", best=True)] == ["lm"]
    assert [e.provenance.strategy for e in catalog.entries(error=(0.9, None), precision="fp8", best=True)] == ["lm"]
    with pytest.raises(InvalidInput, match="no exact encoder"):
        catalog.best(4, 15, "fp8", exact=True)
    with pytest.raises(InvalidInput, match="rank 14"):  # that nothing is known of
        catalog.best(4, 14, "fp8")
    assert len(catalog.entries(precision="fp8")) == len(catalog) == 1  # it is in no file


def test_the_commands_show_it(catalog: Catalog) -> None:
    place = ["--no-shipped", "--catalog", str(catalog.directory)]
    result = RUN.invoke(catalog_command, ["list", "--best", "--precision", "fp8", "--json", *place])
    (row,) = json.loads(result.stdout)
    assert (row["strategy"], row["rank"], row["path"]) == ("construction", 15, None)
    shown = RUN.invoke(catalog_command, ["show", row["id"], *place])
    assert shown.exit_code == 0
    assert "Constructed: 15 of the 64 products of the classical algorithm." in shown.stdout
    assert "none, it is made on demand" in shown.stdout
    target = catalog.directory / "out.safetensors"
    assert RUN.invoke(catalog_command, ["export", row["id"], str(target), *place]).exit_code == 0
    removed = RUN.invoke(catalog_command, ["remove", row["id"], "--yes", *place])
    assert removed.exit_code == 1
    assert "is in no file" in " ".join(removed.stderr.split())
