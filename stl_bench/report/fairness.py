"""What the comparison of methods on whole networks favours, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence

from stl_bench.report.methods import Row, label
from stl_bench.report.subjects import compressing, others_in, seeds_of, tokens_of

#: What people quantise to; methods named like these would be measured here.
QUANTISED = ("int8", "fp8", "int4")


def fairness(cells: Sequence[Row]) -> list[str]:
    """List points that a reader should hold against the comparison.

    Parameters
    ----------
    cells : sequence of Row
        The cells of all networks.

    Returns
    -------
    list[str]
        Sentences.
    """
    points = []
    chosen = [cell for cell in compressing(cells) if cell.get("budget")]
    if chosen:
        points.append(
            "STL gets more than the others in the rows of chosen ranks: gradients of the network show how much each "
            "layer matters, and a budget is spread over the layers by that. The other methods take the same share of "
            "every layer, though low-rank methods could be given budgets as well. The rows of one rank are the like "
            "for like ones."
        )
    if any(cell["calibration"] != "none" for cell in compressing(cells)):
        points.append(
            "Calibrated STL layers weigh errors by gradients of the network too, at uniform rank as well. SparseGPT, "
            "Wanda and activation-aware SVD see the same calibration text, but the inputs of layers alone."
        )
    models = {
        str(cell["model"]): (tokens_of([cell], "text"), tokens_of([cell], "calibration_text"))
        for cell in cells
        if cell["method"] != "dense"
    }
    if models:
        listed = "; ".join(f"{name}: {held}, calibrated on {given}" for name, (held, given) in models.items())
        points.append(
            f"Little text, {seeds_of(cells)}, and no repeats ({listed}): no spread is known. Differences of a few per "
            "cent between methods should be taken as none."
        )
    if len({tokens_of([cell], "calibration_text") for cell in cells if cell["model"] == "smollm2"}) > 1:
        points.append(
            "Not all rows of SmolLM2 saw as much calibration text; the commands under the section show which."
        )
    if not any(kind in str(cell["method"]).lower() for cell in cells for kind in QUANTISED):
        points.append(
            "Not measured here is what most would use first: int8 and fp8 quantisation, which halve or quarter the "
            "bits of each multiplication at little loss, run on kernels that are fast today, and can be joined with "
            "either side."
        )
    if others_in(cells):
        names = ", ".join(dict.fromkeys(label(cell) for cell in others_in(cells)))
        points.append(
            f"The other methods ({names}) were not timed; 2:4 sparsity gains time only on hardware that skips zeros."
        )
    return points
