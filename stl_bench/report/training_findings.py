"""What training from scratch shows, and what it does not, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from stl_bench.report.cost import span
from stl_bench.report.methods import EXACT, Row

#: Runs by the name of their variant.
Groups = dict[str, list[Row]]


def training_findings(
    groups: Groups, recipe: dict[str, Any] | None, others: Mapping[str, Groups] | None = None
) -> list[str]:
    """Say how each variant ends against the dense runs of the same seeds, and to what that may be put down.

    Parameters
    ----------
    groups : Groups
        The runs by the name of their variant.
    recipe : dict or None
        How the variants were trained, or None if that is not recorded.
    others : Mapping[str, Groups] or None
        Runs of other settings, by what is changed in them.

    Returns
    -------
    list[str]
        Sentences.
    """
    others = others or {}
    sentences = (_against_dense(groups), _cause(groups), _price(groups), _elsewhere(groups, others))
    found = [words for words in sentences if words]
    return [*found, _caution(groups, recipe, others)] if found else []


def paired(ours: Sequence[Row], theirs: Sequence[Row]) -> list[float]:
    """Compute points of accuracy between runs of the same seeds.

    Parameters
    ----------
    ours : sequence of Row
        Runs of one variant.
    theirs : sequence of Row
        Runs of another.

    Returns
    -------
    list[float]
        The differences, in per cent points.
    """
    by = {cell["seed"]: float(cell["accuracy"]) for cell in theirs}
    return [100 * (float(cell["accuracy"]) - by[cell["seed"]]) for cell in ours if cell["seed"] in by]


def points(differences: Sequence[float]) -> str:
    """Write a mean difference with its standard error.

    Parameters
    ----------
    differences : sequence of float
        The differences, in per cent points.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> points([1.0, 2.0])
    '+1.5 ± 0.5 points over 2 seeds'
    """
    return f"{mean(differences):+z.1f} ± {_standard_error(differences):.1f} points over {len(differences)} seeds"


def _standard_error(differences: Sequence[float]) -> float:
    """Of the mean."""
    return stdev(differences) / len(differences) ** 0.5


def _against_dense(groups: Groups) -> str:
    found = {name: paired(cells, groups.get("dense", [])) for name, cells in groups.items() if name != "dense"}
    parts = [f"{name} {points(one)}" for name, one in found.items() if len(one) > 1]
    listed = "; ".join(parts)
    return f"Held-out accuracy against dense, paired by seed, with its standard error: {listed}." if parts else ""


def _cause(groups: Groups) -> str:
    """Whether encoders that were found, or that approximate, gain what the gain could be put down to."""
    sentences = []
    kinds = {(cells[0]["rank"], cells[0]["start"], bool(cells[0]["learnable"])): cells for cells in groups.values()}
    for (rank, start, learnable), cells in kinds.items():
        other = kinds.get((rank, "random", learnable))
        if start == "algebraic" and rank is not None and other:
            difference = paired(cells, other)
            if len(difference) > 1:
                even = abs(mean(difference)) <= 2 * _standard_error(difference)
                kind = "learnable" if learnable else "frozen"
                sentences.append(
                    f"Algebraic encoders against random ones, {kind}, r={rank}: {points(difference)}, "
                    + ("no difference that counts." if even else "a difference.")
                )
    for name, cells in groups.items():
        residual = cells[0].get("relative_error")
        gain = paired(cells, groups.get("dense", []))
        if residual is not None and float(residual) < EXACT and len(gain) > 1 and mean(gain) > 0:
            sentences.append(
                f"{name} is exact, computes what dense layers can, and gains as well ({points(gain)}): the gain comes "
                "from how such weights are optimised, and does not show that approximation is harmless."
            )
    return " ".join(sentences)


def _price(groups: Groups) -> str:
    """Say what the variants cost in parameters and multiplications."""
    dense = groups.get("dense")
    stl = {name: cells[0] for name, cells in groups.items() if name != "dense"}
    if not dense or not stl:
        return ""
    base = dense[0]
    parameters = [cell["parameters"] / base["parameters"] for cell in stl.values()]
    words = f"STL variants hold {span(parameters, '.1f')} times the parameters of dense."
    total = {
        name: cell["million_multiplications"]["total"] / base["million_multiplications"]["total"]
        for name, cell in stl.items()
    }
    dear = [f"{name} ({share:.2f})" for name, share in total.items() if share > 1]
    return words + (f" With encoding these cost more than dense: {', '.join(dear)}." if dear else "")


def _elsewhere(groups: Groups, others: Mapping[str, Groups]) -> str:
    """Whether dense gains from another setting, and what the others make of it there."""
    parts = []
    for words, runs in others.items():
        ahead = {name: paired(cells, runs.get("dense", [])) for name, cells in runs.items() if name != "dense"}
        listed = ", ".join(f"{name} {points(one)}" for name, one in ahead.items() if len(one) > 1)
        parts += [f"with {words} at {_ends_at(runs['dense'])} % (against it: {listed})"] if listed else []
    if not parts or "dense" not in groups:
        return ""
    return f"Dense ends at {_ends_at(groups['dense'])} %; {'; '.join(parts)}."


def _ends_at(cells: Sequence[Row]) -> str:
    return f"{100 * mean(float(cell['accuracy']) for cell in cells):.1f}"


def _caution(groups: Groups, recipe: dict[str, Any] | None, others: Mapping[str, Groups]) -> str:
    """Say what a reader should hold against it."""
    few = {name: len(cells) for name, cells in groups.items()}
    least = min(few.values())
    words = [f"Seeds are few: {least} for {', '.join(name for name, number in few.items() if number == least)}."]
    rate = recipe.get("rate") if isinstance(recipe, dict) else None
    if not any("rate" in changed for changed in others):
        at = f" ({rate:g})" if rate else ""
        words.append(f"All variants share one learning rate{at}: with one of its own dense may do better.")
    words.append("The data are small digits; nothing here speaks of large networks.")
    return " ".join(words)
