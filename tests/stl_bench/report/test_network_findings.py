"""What the report says of networks follows from the cells, and from their cost with encoding."""

from __future__ import annotations

import pytest

from stl_bench.records import Record
from stl_bench.report.cost import with_encoding
from stl_bench.report.fairness import fairness
from stl_bench.report.finetuning import finetuning
from stl_bench.report.matched import matched_findings, standing, uniform_and_chosen, verdict
from stl_bench.report.methods import is_exact
from stl_bench.report.network_charts import error_quantiles
from stl_bench.report.network_tables import network_tables
from stl_bench.report.networks import networks_section, replaced, surcharge
from stl_bench.report.planned import missing
from stl_bench.report.subjects import compressing
from tests.stl_bench.report.cells import EXACT, LAYERS, MINILM, SMOLLM2, cell

SPARSE, LOW_RANK = cell("sparsegpt24", 0.13, 0.5), cell("asvd", 0.17, 0.625, 40)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_encoding_costs_the_same_at_every_depth_however_the_ranks_are_recorded(depth: int) -> None:
    names = [layer["name"] for layer in LAYERS]
    one = cell("stl", 0.1, 0.5, 32, depth=depth)
    chosen = cell("stl", 0.1, 0.5, None, depth=depth, budget=0.5, ranks=dict.fromkeys(names, 32 * 7**depth))
    assert with_encoding(one) == pytest.approx(0.5 + 32 / 512)
    assert with_encoding(chosen) == pytest.approx(with_encoding(one))


def test_other_methods_encode_nothing() -> None:
    assert with_encoding(LOW_RANK) == 0.625


def test_exact_schemes_are_compared_with_nothing() -> None:
    exact = cell("stl", 0.0, 0.5, 48, depth=3, **EXACT)
    cells = [SPARSE, exact, cell("stl", 0.2, 0.5)]
    assert is_exact(exact)
    assert exact not in compressing(cells)
    assert not any("r=48" in sentence for sentence in matched_findings(MINILM, cells))
    compared, apart = network_tables(MINILM, cells, {})
    assert not any("r=48" in row[0] for row in compared.rows)
    assert [row[0] for row in apart.rows] == ["STL r=48 + Strassen 3 times, data-free"]


def test_a_row_is_ahead_only_of_what_costs_no_less() -> None:
    found = standing(MINILM, cell("stl", 0.09, 0.5, calibration="refit"), [SPARSE, LOW_RANK])
    assert found.wins
    assert verdict(MINILM, found) == (
        "ahead of activation-aware SVD (0.830 at 0.625), but dearer than 2:4 SparseGPT (0.870 at 0.500)"
    )


def test_a_row_is_behind_what_costs_no_more_and_does_better() -> None:
    found = standing(MINILM, cell("stl", 0.15, 0.5), [SPARSE, LOW_RANK])
    assert not found.wins
    assert verdict(MINILM, found) == "behind 2:4 SparseGPT (0.870 at 0.500)"


def test_a_row_that_costs_more_than_all_is_ahead_only_at_more_cost() -> None:
    found = standing(MINILM, cell("stl", 0.01, 0.7), [SPARSE, LOW_RANK])
    assert not found.wins
    assert verdict(MINILM, found) == "ahead only at more cost of 2:4 SparseGPT (0.870 at 0.500)"


def test_what_is_matched_and_what_is_not_is_said() -> None:
    stl = [cell("stl", 0.09, 0.5, calibration="refit"), cell("stl", 0.15, 0.5), cell("stl", 0.02, 0.7)]
    won, lost, unmatched = matched_findings(MINILM, [SPARSE, LOW_RANK, *stl])
    assert "“STL r=32, refit” (mean cosine 0.910 at 0.562 of the dense multiplications) is ahead of activation" in won
    assert won.endswith("stand so: 1 of 3.")
    assert "no more: 1 of 3, the best of them “STL r=32, data-free” (0.850 at 0.562) to 2:4 SparseGPT" in lost
    assert "by 2 of 3 STL rows, the cheapest “STL r=32, refit” (0.910 at 0.562)" in unmatched
    assert unmatched.endswith("no STL row recorded takes less than 0.562.")


def test_nothing_is_said_without_opponents_and_without_stl() -> None:
    assert matched_findings(MINILM, [SPARSE]) == uniform_and_chosen(MINILM, [SPARSE]) == []
    assert matched_findings(MINILM, [cell("stl", 0.1, 0.5)]) == []


def test_the_verdict_of_one_rank_stands_beside_that_of_chosen_ones() -> None:
    uniform = cell("stl", 0.2, 0.5, 31, calibration="refit")
    ranks = dict.fromkeys((layer["name"] for layer in LAYERS), 31)
    chosen = cell("stl", 0.1, 0.5, None, calibration="refit", budget=0.5, ranks=ranks)
    [words] = uniform_and_chosen(MINILM, [SPARSE, uniform, chosen])
    assert "with one rank for all layers, “STL r=31, refit” (0.800 at 0.561) is behind 2:4 SparseGPT" in words
    assert "with ranks chosen by layer, “STL of chosen ranks, refit” (0.900 at 0.561) is ahead only at more" in words
    assert any("gradients of the network" in point for point in fairness([SPARSE, uniform, chosen]))
    assert not any("chosen ranks" in point for point in fairness([SPARSE, uniform]))


def test_joined_layers_and_a_dense_head_are_told_as_recorded() -> None:
    apart, together = cell("stl", 0.1, 0.5), cell("stl", 0.1, 0.5, joined={"a.joined": ["layer0", "layer1"]})
    assert "In 1 of 2 STL rows layers that read the same input" in " ".join(replaced(MINILM, [apart, together]))
    assert "In all STL rows" in " ".join(replaced(MINILM, [together]))
    assert replaced(SMOLLM2, [apart])[0] == (
        "2 linear layers are replaced; the output head stays dense and is not counted."
    )
    headed = {**apart, "layers": [*LAYERS, {**LAYERS[0], "name": "lm_head"}]}
    assert "head" not in replaced(SMOLLM2, [headed])[0]
    [table] = network_tables(MINILM, [SPARSE, apart, together], {})
    assert sorted(row[table.head.index("joined")] for row in table.rows) == ["", "no", "yes"]


def test_what_encoding_adds_is_computed() -> None:
    [words] = surcharge([SPARSE, cell("stl", 0.1, 0.5, 32), cell("stl", 0.1, 0.625, 40)])
    assert words == (
        "Encoding adds 0.06–0.08 of dense to an STL row at the widths of this network; approximate rows of 0.50–0.62 "
        "cost 0.56–0.70 with it."
    )


def test_an_opponent_that_was_not_trained_further_is_missed_and_better_calibration_is_told() -> None:
    tuned = cell("stl", 0.03, 0.5, 40, depth=2, calibration="moments", finetune=200)
    start, better = (
        {**tuned, "finetune": 0, "cosine_mean": 0.95, "cosine_distance": 0.05},
        cell("stl", 0.02, 0.5, 40, depth=2, calibration="refit"),
    )
    words = " ".join(finetuning(MINILM, [tuned, start, better]))
    assert "“STL r=40 + Strassen², moments, 200 steps” 0.970 (before 0.950)" in words
    assert "2:4 SparseGPT trained as long is not recorded" in words
    assert "Without any training “STL r=40 + Strassen², refit” reaches 0.980" in words
    both = finetuning(MINILM, [tuned, start, {**SPARSE, "finetune": 200}])
    assert not any("not recorded, so" in sentence for sentence in both)
    assert not any("Without any training" in sentence for sentence in both)
    assert finetuning(MINILM, [SPARSE]) == []


def test_rows_are_in_groups_of_like_cost_and_winners_are_told_in_words() -> None:
    stl = cell("stl", 0.09, 0.5, calibration="refit")
    [table] = network_tables(MINILM, [SPARSE, LOW_RANK, stl], {})
    assert [heading[:9] for _, heading in table.groups] == ["about 0.5", "about 0.6"]
    [best] = table.best
    assert table.rows[best][0] == "STL r=32, refit"
    assert table.rows[best][-1].startswith("ahead of")
    assert "1,000 tokens of a text" in table.caption
    assert "one seed (0)" in table.caption


def test_errors_of_many_layers_are_drawn_by_few_points() -> None:
    layers = [{"errors": {"error": i / 1000}} for i in range(210)]
    points = error_quantiles({"layers": layers})
    assert len(points) == 41
    assert points == sorted(points)
    assert points[-1] == (100.0, 0.209)


def test_what_is_missing_promises_no_more_than_its_command_does() -> None:
    [(what, command)] = missing("minilm", "MiniLM", [])
    assert what.startswith("MiniLM: 2:4 magnitude")
    assert command == "python benchmarks/models.py --model minilm"


def test_a_network_of_exact_schemes_alone_has_no_chart_to_compare_them_in() -> None:
    exact = cell("stl", 0.0, 0.5, 48, depth=3, **EXACT)
    section = networks_section([Record("models.json", {"cells": [exact]})], {})
    assert section.charts == []
    assert [table.rows[0][0] for table in section.tables] == ["STL r=48 + Strassen 3 times, data-free"]
