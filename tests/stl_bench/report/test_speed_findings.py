"""What the report says of time follows from the rows, and small differences are even."""

from __future__ import annotations

from stl_bench.report.speed import measured_speed
from stl_bench.report.timing import timing_section, timing_verdict
from stl_bench.report.tradeoff import accurate, both_findings, has_both, tradeoff_section
from tests.stl_bench.report.cells import MINILM, cell, speeds, timed

SPARSE = cell("sparsegpt24", 0.13, 0.5)
USELESS, GOOD = cell("stl", 0.8, 0.5, 32), cell("stl", 0.05, 0.6, 40)
REFIT = cell("stl", 0.04, 0.6, 40, calibration="refit")


def test_wins_within_the_margin_are_even() -> None:
    words = timing_verdict([timed(32, 1.2), timed(40, 1.01), timed(49, 0.99), timed(48, 0.5)])
    assert "faster than dense in 1 of 4 cases, slower in 1, even in the others" in words
    assert "All wins are of r=32, the largest minilm r=32, 1 × 128 tokens: 1.20×" in words
    assert "The nearest to a win is minilm r=40" in timing_verdict([timed(40, 1.01)])


def test_what_was_not_timed_is_said_to_be() -> None:
    known = speeds(timed(32, 1.0), timed(32, 1.2, batch=4))
    assert measured_speed(USELESS, known) == "1.00–1.20×"
    assert measured_speed(cell("stl", 0.1, 0.5, 32, calibration="refit"), known) == "(1.00–1.20×)"
    assert measured_speed(GOOD, known) == measured_speed(SPARSE, known) == "not timed"
    assert measured_speed(cell("stl", 0.1, 0.5, 32, depth=1), known) == "not timed"
    assert measured_speed(cell("stl", 0.1, 0.5, None, budget=0.5), known) == "not timed"


def test_no_row_that_is_both_accurate_and_fast_is_said() -> None:
    cells, known = [SPARSE, USELESS, GOOD, REFIT], speeds(timed(32, 1.2), timed(40, 0.9))
    assert accurate(MINILM, cells) == [GOOD, REFIT]
    assert has_both(MINILM, cells, known) == []
    words = " ".join(both_findings(MINILM, cells, known))
    assert words.startswith("No row recorded is shown to be both accurate and fast. Fast are layers of r=32 (1.20×).")
    assert "“STL r=32, data-free” has mean cosine 0.200: 1 of the 1 rows of other methods do better" in words
    assert "Of 2 accurate rows 2 have layers of a size that was timed, without calibration at 0.90–0.90×" in words
    untimed = " ".join(both_findings(MINILM, cells, speeds(timed(32, 1.01))))
    assert "None of 1 sizes timed is fast; the fastest is r=32 at 1.01×" in untimed
    assert "Accurate, but not timed: “STL r=40, data-free”, “STL r=40, refit”." in untimed


def test_a_row_that_is_both_is_named_and_a_calibrated_one_is_not_taken_for_it() -> None:
    known = speeds(timed(40, 1.1))
    assert has_both(MINILM, [SPARSE, GOOD, REFIT], known) == [GOOD]
    [words] = both_findings(MINILM, [SPARSE, GOOD, REFIT], known)
    assert words.startswith("Both accurate and fast: “STL r=40, data-free” (0.950 at")
    assert has_both(MINILM, [SPARSE, REFIT], known) == []


def test_sections_without_records_say_so() -> None:
    assert "No network is recorded" in tradeoff_section([], {}).lead[0]
    section = timing_section([], [], [])
    assert any("No timing on a GPU is recorded" in words for words in section.lead)
    assert ("whole networks end to end", "python benchmarks/wall_clock.py") in section.missing
