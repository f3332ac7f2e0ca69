"""Searching from Python: what may be asked for, where finds are kept, and how a search ends early."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from catalog import Catalog, Provenance
from catalog.moments_file import write_moments
from catalog.places import usual_directory
from search.running.run import Search
from search.running.task import Discovery
from stl_algebra import Format, InvalidInput, Precision, TileMoments, classical, strassen
from strassen_tile import search

SMALL = Format(2, 2, 2)
#: A search that takes a moment, whatever the machine.
BRIEF: dict[str, Any] = {"trials": 2, "jobs": 1}


@pytest.fixture
def moments() -> TileMoments:
    return TileMoments(SMALL, np.diag([0.01, 0.01, 4.0, 1.0]), np.eye(4))


@pytest.fixture
def found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that finds Strassen's scheme and ends."""

    def run(self: Search) -> Iterator[Discovery]:
        self.best[7] = Discovery(strassen(), "als", 0, 1.0, (), {}, None, ())
        yield self.best[7]

    monkeypatch.setattr(Search, "run", run)


@pytest.mark.usefixtures("found_at_once")
@pytest.mark.parametrize("tile", [2, "2", "2x2x2", (2, 2, 2), SMALL])
def test_a_tile_is_named_in_any_way_the_catalog_knows(tile: Any, catalog: Catalog) -> None:
    assert search(tile, 7, catalog=catalog).best.encoder == strassen()


@pytest.mark.parametrize("ranks", [range(6, 8), [7, 6, 7], (6, 7), np.array([6, 7]), iter({6, 7})])
def test_several_ranks_give_an_entry_each(ranks: Any, catalog: Catalog) -> None:
    found = search(2, ranks, catalog=catalog, **BRIEF)
    assert [entry.rank for entry in found] == [7, 6]
    assert len(found) == 2
    assert found.problem.rank == 6


def test_one_rank_gives_one_entry_which_the_catalog_keeps(catalog: Catalog) -> None:
    found = search(2, np.int64(7), catalog=catalog, **BRIEF)
    (entry,) = found
    assert found.best is entry
    assert entry.exact
    assert catalog.get(entry.id).encoder == entry.encoder
    assert (found.directory, found.failure, found.new) == (catalog.directory, None, True)
    assert not search(2, 7, catalog=catalog, **BRIEF).new


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((2, 9), "rank 9 does not fit the format 2x2x2"),
        ((2, [3, 9]), "rank 9 does not fit"),
        ((2, "7"), "rank '7' is not a whole number; give a rank such as 40"),
        ((2, 7.0), "rank 7.0 is not a whole number"),
        ((2, [7, None]), "is not a whole number"),
        ((2, []), "the range of ranks is empty"),
        ((2, range(7, 7)), "the range of ranks is empty"),
        (("2x3", 4), "tile '2x3' is not a format"),
        (((2, 3), 4), r"tile \(2, 3\) is not a format"),
        ((17, 4000), "tiles up to 4096 products are supported"),
    ],
)
def test_a_format_or_rank_that_does_not_serve_is_one_sentence(
    arguments: tuple[Any, Any], sentence: str, catalog: Catalog
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        search(*arguments, catalog=catalog)
    assert not catalog.directory.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"precision": "int3"}, "unknown precision 'int3'"),
        ({"strategy": "magic"}, "magic"),
        ({"strategy": "compose"}, "compose does not apply to 2x2x2"),
        ({"jobs": 0}, "0 jobs cannot search"),
        ({"budget": 0.0}, "0"),
        ({"trials": 0}, "0"),
        ({"weights": "no-such-file"}, "the moments no-such-file cannot be read"),
        ({"dask": "nowhere"}, "no address of a Dask scheduler"),
    ],
)
def test_an_option_that_does_not_serve_is_one_sentence(
    options: dict[str, Any], sentence: str, catalog: Catalog
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        search(2, 6, catalog=catalog, **options)
    assert not catalog.directory.exists()


def test_moments_are_given_as_they_are_or_as_their_file(moments: TileMoments, tmp_path: Path) -> None:
    path = tmp_path / "moments.safetensors"
    write_moments(path, moments)
    errors = []
    for number, weights in enumerate((moments, path, str(path))):
        found = search(2, 5, weights=weights, catalog=Catalog(tmp_path / str(number), shipped=False), **BRIEF)
        (figures,) = found.as_json()
        assert figures["weighted"]["error_at_precision"] == found.problem.error(found.best.encoder)
        assert figures["weighted"]["moments"] == moments.digest
        assert figures["weighted"]["relative_error"] != figures["relative_error"]
        errors.append(figures["weighted"]["error_at_precision"])
    assert errors[0] == errors[1] == errors[2]
    assert "weighted error in bf16=" in repr(found)


@pytest.mark.parametrize("filled", [False, True])
def test_moments_of_another_format_are_refused(filled: bool, catalog: Catalog, moments: TileMoments) -> None:
    if filled:  # what the catalog holds would be scored under them
        catalog.add(classical(Format(2, 2, 3)), Provenance("construction"))
    with pytest.raises(InvalidInput, match="moments of tiles 2x2x2 say nothing of tiles 2x2x3"):
        search("2x2x3", 11, weights=moments, catalog=catalog)


@pytest.mark.usefixtures("found_at_once")
def test_a_precision_is_given_by_name_or_as_it_is(catalog: Catalog) -> None:
    for precision in ("FP16", Precision.parse("fp16")):
        assert search(2, 7, precision=precision, catalog=catalog).problem.precision.name == "fp16"


def _unwritable(directory: Path) -> Path:
    """Make a directory unwritable for root too: one of its parents is a file."""
    parent = next(one for one in directory.parents if one.parent.is_dir())
    parent.write_text("in the way")
    return directory


@pytest.mark.usefixtures("found_at_once")
def test_the_users_own_catalog_that_is_unwritable_is_stood_in_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    own = _unwritable(usual_directory())
    with caplog.at_level(logging.WARNING):
        found = search(2, 7)
    assert found.directory is not None
    assert found.directory.parent == tmp_path / "temporary"
    assert Catalog(found.directory, shipped=False).get(found.best.id).encoder == strassen()
    (record,) = caplog.records
    assert f"The catalog {own} cannot be written, so what is found is kept in {found.directory}" in record.message
    assert "--catalog" in record.message
    assert "Catalog(" in record.message


@pytest.mark.usefixtures("found_at_once")
def test_a_named_catalog_that_is_unwritable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidInput, match="cannot be written"):
        search(2, 7, catalog=Catalog(tmp_path / "file" / "catalog"))


def test_an_interrupted_search_keeps_the_best_so_far(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: Search) -> Iterator[Discovery]:
        self.best[7] = Discovery(strassen(), "als", 0, 1.0, (), {}, None, ())
        yield self.best[7]
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", run)
    found = search(2, 7, catalog=catalog)
    assert found.interrupted is not None
    assert catalog.get(found.best.id).encoder == strassen()
    assert "The search was interrupted" in found._repr_html_()


def test_a_search_that_is_interrupted_before_it_found_anything_raises(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Search) -> Iterator[Discovery]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Search, "run", run)
    with pytest.raises(KeyboardInterrupt):
        search(2, 7, catalog=catalog)


@pytest.mark.parametrize(("options", "more"), [({"trials": 1}, "more trials"), ({"budget": 5.0}, "a longer budget")])
def test_a_search_that_finds_nothing_says_what_would_help(
    options: dict[str, Any], more: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Search, "run", lambda _: (nothing for nothing in ()))
    with pytest.raises(InvalidInput, match=f"auto found no encoder in .*; give it {more}"):
        search(2, 6, catalog=catalog, **options)


@pytest.mark.usefixtures("found_at_once")
def test_a_console_shows_what_a_terminal_shows(catalog: Catalog) -> None:
    text = io.StringIO()
    search(2, 7, catalog=catalog, view=Console(file=text, width=100))
    assert "Searching ⟨2,2,2⟩ at rank 7 of 8" in text.getvalue()
    assert "als  exact over Z" in text.getvalue()


@pytest.mark.usefixtures("found_at_once")
def test_a_view_is_on_standard_error_and_only_if_asked_for(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    search(2, 7, catalog=catalog)
    assert capsys.readouterr() == ("", "")
    search(2, 7, catalog=catalog, view=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Searching ⟨2,2,2⟩" in err
