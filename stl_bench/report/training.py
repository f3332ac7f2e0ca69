"""The section on training from scratch: learning curves and what accuracy they end at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from stl_bench.records import Record, origin, reading
from stl_bench.report.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, TEAL, below, draw
from stl_bench.report.methods import Row
from stl_bench.report.section import Chart, Section, Source, Table
from stl_bench.report.training_findings import paired, training_findings
from stl_bench.report.trainings import Training, trainings_of

COMMAND = "python benchmarks/train_vit.py"
RANKS = (16, 24, 32, 40, 49)
_BY_RANK = {None: GREY, 16: TEAL, 24: BLUE, 32: GREEN, 40: PURPLE, 49: ORANGE}
#: Lines by (random encoders, learnable ones).
_BY_KIND = {(False, False): "-", (False, True): "--", (True, False): ":", (True, True): "-."}


def training_section(records: Sequence[Record]) -> Section:
    """Show vision transformers trained from scratch, dense and with STL layers.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.

    Returns
    -------
    Section
        The section.
    """
    section = Section(
        "training",
        "Training from scratch",
        [
            "A T2T vision transformer of a quarter of a million parameters learns scikit-learn's digits, half of them "
            "held out, with dense linear layers or with STL layers whose encoded weights are trained directly. All "
            "variants of a seed start from the same dense weights, see the same images and take the same steps. An "
            "encoder is algebraic (the catalog's best at fp8, of little growth) or of random directions, and frozen "
            "unless it is called learnable."
        ],
    )
    trainings = trainings_of(records)
    main = trainings[0] if trainings else None
    section.missing = _missing(main.cells if main else ())
    if main is None or not main.cells:
        return section
    others = {main.difference(other): other for other in trainings[1:]}
    with reading(records[0]):
        section.lead += training_findings(main.groups, main.recipe, {n: other.groups for n, other in others.items()})
        section.charts += [_curves(main.groups), _ends(main.groups)]
        section.tables.append(variants_table(main.groups))
        section.tables += [settings_table(others)] * bool(others)
        section.sources += _sources(main)
        for words, other in others.items():
            section.sources += _sources(other, f", {words}")
    return section


def _sources(training: Training, setting: str = "") -> Iterator[Source]:
    for name, ours in training.groups.items():
        seeds = ", ".join(str(cell["seed"]) for cell in ours)
        yield Source(f"{name}{setting}", **{**origin(ours[-1]), "seed": seeds})


def _missing(cells: Sequence[Row]) -> list[tuple[str, str]]:
    have = {(cell["rank"], cell["start"], cell["learnable"]) for cell in cells}
    found = [] if (None, "algebraic", False) in have else [("the dense transformer", f"{COMMAND} --rank 24")]
    found += [
        (f"STL r={rank}", f"{COMMAND} --rank {rank} --start algebraic")
        for rank in RANKS
        if (rank, "algebraic", False) not in have
    ]
    for learnable in (False, True):
        for start in ("algebraic", "random"):
            if (24, start, learnable) not in have and (start == "random" or learnable):
                kind = "learnable" if learnable else "frozen"
                command = f"{COMMAND} --rank 24 --start {start} --encoders {kind}"
                found.append((f"STL r=24 from {start} encoders, {kind}", command))
    return found


def _curves(groups: dict[str, list[Row]]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for name, cells in groups.items():
            steps = [point["step"] for point in cells[0]["curve"]]
            wrong = [
                [100 * (1 - c["curve"][i]["accuracy"]) for c in cells if len(c["curve"]) > i] for i in range(len(steps))
            ]
            colour = _BY_RANK.get(cells[0]["rank"], RED)
            style = _BY_KIND[cells[0]["start"] == "random", bool(cells[0]["learnable"])]
            middle = [max(mean(values), 0.05) for values in wrong]
            axes.plot(steps, middle, style, color=colour, label=f"{name} ({len(cells)})")
            if len(cells) > 1 and style == "-":
                axes.fill_between(
                    steps,
                    [max(min(values), 0.05) for values in wrong],
                    [max(*values, 0.05) for values in wrong],
                    color=colour,
                    alpha=0.12,
                    linewidth=0,
                )
        axes.set_yscale("log")
        axes.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
        axes.minorticks_off()
        axes.set_xlabel("training step")
        axes.set_title("held-out images classified wrongly, % (mean over seeds)")
        below(figure, axes, 3)

    words = "Learning curves: held-out error by training step"
    listed = "; ".join(
        f"{name} ends at {100 * mean(c['accuracy'] for c in cells):.1f} %" for name, cells in groups.items()
    )
    return Chart(
        draw("vit-curves", f"{words}. {listed}", paint, (8.2, 4.8)),
        f"{words}. Bands span the seeds; the number of seeds is in brackets.",
    )


def _ends(groups: dict[str, list[Row]]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        names = list(groups)
        for i, name in enumerate(names):
            scores = [100 * cell["accuracy"] for cell in groups[name]]
            colour = _BY_RANK.get(groups[name][0]["rank"], RED)
            axes.scatter(scores, [i] * len(scores), color=colour, s=26, alpha=0.6, linewidth=0)
            axes.scatter([mean(scores)], [i], color=colour, s=260, marker="|", linewidth=2.5)
        if "dense" in groups:
            axes.axvline(
                mean(100 * cell["accuracy"] for cell in groups["dense"]), color=GREY, linewidth=1, linestyle="--"
            )
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("accuracy on held-out digits at the end, %")

    words = "Held-out accuracy at the end of training, every seed a dot, the mean a bar"
    listed = "; ".join(f"{name} {100 * mean(c['accuracy'] for c in cells):.1f} %" for name, cells in groups.items())
    drawing = draw("vit-ends", f"{words}. Means: {listed}", paint, (8.2, 0.7 + 0.36 * len(groups)))
    return Chart(drawing, f"{words}; the dashed line is dense.")


def settings_table(others: Mapping[str, Training]) -> Table:
    """Tabulate the accuracy at the end of training in other settings.

    Parameters
    ----------
    others : Mapping[str, Training]
        The trainings, by what is changed in them.

    Returns
    -------
    Table
        A group of rows a setting, a row a variant.
    """
    rows: list[tuple[str, ...]] = []
    headings: list[tuple[int, str]] = []
    for words, other in others.items():
        headings.append((len(rows), words))
        for name, cells in other.groups.items():
            scores = [100 * cell["accuracy"] for cell in cells]
            ahead = paired(cells, other.groups.get("dense", [])) if name != "dense" else []
            spread = f"{stdev(scores):.2f}" if len(scores) > 1 else ""
            rows.append((name, str(len(cells)), f"{mean(scores):.1f}", spread, f"{mean(ahead):+.1f}" if ahead else ""))
    head = ("variant", "seeds", "accuracy, %", "deviation", "against dense, points")
    return Table("The same with one thing changed", head, tuple(rows), groups=tuple(headings))


def variants_table(groups: Mapping[str, list[Row]]) -> Table:
    """Tabulate the accuracy at the end of training, and what a network costs.

    Parameters
    ----------
    groups : Mapping[str, list[Row]]
        The runs by the name of their variant.

    Returns
    -------
    Table
        A row a variant.
    """
    dense = groups.get("dense", [])
    rows = []
    for name, cells in groups.items():
        scores = [100 * cell["accuracy"] for cell in cells]
        shares = [""] * 2
        if dense:
            base = dense[0]["million_multiplications"]
            ours = cells[0]["million_multiplications"]
            shares = [f"{ours[kind] / base[kind]:.3f}" for kind in ("linear", "total")]
        spread = f"{stdev(scores):.2f}" if len(scores) > 1 else ""
        rows.append((name, str(len(cells)), f"{mean(scores):.1f}", spread, *shares, f"{cells[0]['parameters']:,}"))
    head = ("variant", "seeds", "accuracy, %", "deviation", "mults, linear layers", "with encoding", "parameters")
    caption = (
        "Mean over the seeds, and the deviation from run to run. Multiplications are those of the whole network, token "
        "mixers and head included"
    )
    return Table(caption, head, tuple(rows))
