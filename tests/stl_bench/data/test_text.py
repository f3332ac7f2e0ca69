"""Passages are English prose, the same every time, and the two sources do not overlap."""

from __future__ import annotations

import pytest

from stl_algebra import InvalidInput
from stl_bench.data.text import SOURCES, docstrings, passages, passages_of, prose, topics


@pytest.mark.parametrize("source", SOURCES)
def test_passages_are_prose_of_the_asked_length(source: str) -> None:
    found = passages_of(source, 40)
    assert len(found) == 40 == len(set(found))
    for passage in found:
        assert len(passage.split()) >= 90
        assert "::=" not in passage
        assert ">>>" not in passage[:3]


def test_calibration_text_is_not_the_held_out_text() -> None:
    held_out = set(prose(topics()))
    shared = [paragraph for paragraph in prose(docstrings()) if paragraph in held_out]
    # A few sentences of the reference are quoted in docstrings; no more than one in fifty may be.
    assert len(shared) < len(held_out) / 50


def test_code_grammar_and_headings_are_left_out() -> None:
    text = "The loop\n********\n\n   for_stmt ::= a b c d e f g h.\n\n>>> for x in y: a b c d e f g.\n\nshort one."
    assert prose(text) == []


def test_the_last_passage_may_be_short() -> None:
    assert list(passages(["a b", "c"], words=2)) == ["a b", "c"]


def test_an_unknown_text_and_no_passages_are_refused() -> None:
    with pytest.raises(InvalidInput, match="pydoc-topics"):
        passages_of("wikipedia", 1)
    with pytest.raises(InvalidInput, match="at least 1"):
        passages_of("docstrings", 0)
