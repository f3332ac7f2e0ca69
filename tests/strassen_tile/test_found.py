"""What a search found, as Python and notebooks show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog import Entry, Provenance
from search.problem import Problem
from stl_algebra import Format, TileEncoder, strassen
from strassen_tile import Found

PROBLEM = Problem(Format(2, 2, 2), 5)


def _entry(encoder: TileEncoder) -> Entry:
    return Entry.unwritten(encoder, Provenance("lm"))


@pytest.fixture
def found(random_encoder: Any) -> Found:
    """Strassen's scheme, and an approximate one of rank 5; rank 6 has none."""
    entries = _entry(strassen()), _entry(random_encoder(1, 5))
    return Found(entries, PROBLEM, Path("<here>"), ranks_without={"none was found": [6]})


def test_the_best_errs_least_and_iterating_gives_all(found: Found) -> None:
    assert found.best is found.entries[0]
    assert list(found) == list(found.entries)
    assert len(found) == 2


def test_an_exact_entry_is_best_if_another_errs_hardly_less() -> None:
    exact = strassen()
    x, w, d = exact.factors
    near = TileEncoder(exact.format, x * (1 - 1e-9), w, d.T)
    assert not near.exact
    assert PROBLEM.error(near) < PROBLEM.error(exact) + 1e-6
    for entries in ((_entry(near), _entry(exact)), (_entry(exact), _entry(near))):
        assert Found(entries, PROBLEM, None).best.exact


def test_a_repr_is_one_line(found: Found) -> None:
    best = found.best
    error = f"{best.error_at('bf16'):.6f}"
    tail = f"error in bf16={error}, exact over Z, id={best.id[:10]})"
    assert repr(found) == f"Found(2x2x2, ranks 5 to 7, best rank=7, {tail}"
    assert repr(Found(found.entries[:1], PROBLEM, None)) == f"Found(2x2x2, rank=7, {tail}"


def test_a_notebook_shows_a_row_for_each_entry_and_escapes_names(found: Found) -> None:
    html = found._repr_html_()
    assert html.count("<tr>") == 3
    assert all(entry.id[:10] in html for entry in found)
    assert "over Z" in html
    assert "<here>" not in html
    assert "kept in &lt;here&gt;" in html
    assert "Ranks without an encoder, none was found: 6." in html
    unkept = Found(found.entries, PROBLEM, None, failure="the folder <b> is full")
    assert "the folder &lt;b&gt; is full." in unkept._repr_html_()


def test_figures_are_those_of_the_entries(found: Found) -> None:
    assert found.as_json() == [entry.as_json("bf16") for entry in found]
