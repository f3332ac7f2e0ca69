"""Networks trained a little after conversion: against whom they stand, and what calibration reaches without."""

from __future__ import annotations

from collections.abc import Sequence

from stl_bench.report.matched import at_cost
from stl_bench.report.methods import Row, label, style
from stl_bench.report.planned import FINETUNED
from stl_bench.report.subjects import Subject, compressing, distance, quoted, trained_further


def finetuning(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """Compare the networks that were trained further with what they started from and with others.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[str]
        Sentences, about the nearest to dense first.
    """
    further = sorted(trained_further(cells), key=lambda cell: distance(subject, cell))
    if not further:
        return []
    listed = "; ".join(
        f"“{label(cell)}” {quoted(subject, cell)} (before {_before(subject, cell, cells)})" for cell in further
    )
    sentences = [
        f"Trained further by distillation from the dense network, all but the replaced layers held, "
        f"{subject.quoted[1]}: {listed}."
    ]
    absent = [method for method, *_ in FINETUNED if not any(cell["method"] == method for cell in further)]
    sentences += [
        f"{style(method)[0]} trained as long is not recorded, so that the others have no opponent here."
        for method in dict.fromkeys(absent)
    ]
    stl = [cell for cell in further if cell["method"] == "stl"]
    plain = compressing(cells)
    for cell in stl:
        same = [one for one in plain if (one["rank"], one.get("depth") or 0) == (cell["rank"], cell.get("depth") or 0)]
        same = [one for one in same if not one.get("budget")]
        best = min(same, key=lambda one: distance(subject, one), default=None)
        if best is not None and not cell.get("budget") and best["calibration"] != cell["calibration"]:
            sentences.append(
                f"Without any training “{label(best)}” reaches {at_cost(subject, best)}, of the size of "
                f"“{label(cell)}”."
            )
    return sentences


def _before(subject: Subject, cell: Row, cells: Sequence[Row]) -> str:
    """Quote the figure of what it started from."""
    keys = ("method", "calibration", "rank", "depth", "budget")
    start = [one for one in cells if not one.get("finetune") and all(one.get(key) == cell.get(key) for key in keys)]
    return quoted(subject, start[0]) if start else "not recorded"
