"""The section on whole pretrained networks: every method at the multiplications it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stl_nn.evidence.drawing import BLUE, BROWN, GREEN, GREY, ORANGE, PINK, PURPLE, RED, TEAL, draw, log_scale
from stl_nn.evidence.records import Record, origin, reading
from stl_nn.evidence.section import Chart, Section, Source, Table

Row = dict[str, Any]

#: Title, and whether a method is shown by colour of its own: (colour, marker).
STYLES: dict[str, tuple[str, str, str]] = {
    "stl": ("STL", BLUE, "o"),
    "magnitude24": ("2:4 magnitude", GREY, "s"),
    "wanda24": ("2:4 Wanda", ORANGE, "s"),
    "sparsegpt24": ("2:4 SparseGPT", RED, "s"),
    "svd": ("SVD", GREY, "^"),
    "asvd": ("activation-aware SVD", GREEN, "^"),
    "block": ("block-sparse", BROWN, "D"),
    "monarch": ("Monarch", PURPLE, "D"),
    "sampling": ("column-row sampling", PINK, "v"),
    "countsketch": ("CountSketch", TEAL, "v"),
}
#: The shares of the multiplications that are compared.
SHARES = (0.5, 0.625)
#: The STL layers, (rank, depth), by level of calibration, the cheap first. Calibrated ones leave room for the bases of
#: their channels, 2–3 % of the multiplications.
SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "none": ((32, 0), (47, 3), (48, 3), (40, 0), (48, 2)),
    "moments": ((31, 0), (40, 2), (39, 0)),
    "refit": ((31, 0), (40, 2)),
    "sequential": ((40, 0),),
}
#: Ranks chosen layer by layer: (calibration, depth, share of the multiplications).
CHOSEN = (("moments", 2, 0.5), ("refit", 0, 0.5), ("refit", 0, 0.625))
#: Converted networks that are trained a little afterwards, by distillation: (method, calibration, rank, depth), all at
#: half of the multiplications, and the steps that each network gets.
FINETUNED = (("sparsegpt24", "none", 32, 0), ("stl", "refit", 40, 2))
STEPS = {"minilm": 200, "smollm2": 200}
#: What is less, as with an exact scheme, is drawn here.
LEAST_DRAWN = 1e-5
PRUNED = ("magnitude24", "wanda24", "sparsegpt24")
FLEXIBLE = ("svd", "asvd", "block", "monarch", "sampling", "countsketch")


@dataclass(frozen=True)
class Subject:
    """A network of the section: the figure drawn, less being better, and those of its table: (key, heading, form)."""

    name: str
    title: str
    drawn: str
    axis: str
    figures: tuple[tuple[str, str, str], ...]


SUBJECTS = (
    Subject(
        "minilm",
        "MiniLM-L6, sentence embeddings",
        "cosine_distance",
        "1 − mean cosine to the dense embeddings",
        (
            ("cosine_mean", "mean cosine", ".4f"),
            ("cosine_min", "least cosine", ".4f"),
            ("agreement_at_10", "same top 10", ".1%"),
            ("layer_error_mean", "layer error", ".4f"),
        ),
    ),
    Subject(
        "smollm2",
        "SmolLM2-135M, language",
        "divergence",
        "KL divergence from dense, nats a token",
        (
            ("perplexity", "perplexity", ".4g"),
            ("divergence", "KL", ".4f"),
            ("agreement", "same token", ".1%"),
            ("layer_error_mean", "layer error", ".4f"),
        ),
    ),
)


def networks_section(records: Sequence[Record]) -> Section:
    """Accuracy against multiplications, and errors by layer, of both networks."""
    section = Section(
        "networks",
        "Pretrained networks at equal multiplications",
        [
            "All linear layers of a trained network are replaced by one method, and the whole is measured on text that "
            "calibration never saw: held out is the language reference of Python, calibration reads the docstrings "
            "of its library. Multiplications are those of the replaced layers, zero padding included, against dense.",
            "What the count leaves out: a 2:4 matrix saves its half only on hardware that skips zeros, and STL encodes "
            "its inputs and decodes its outputs, r·(K + N) more a row beside the K·N of a dense layer, where those "
            "that read the same input (q, k and v; gate and up) are one layer. The column “with encoding” adds that: a "
            "tenth at the small widths of these networks, 1–2 % at a width of 4096. “+ Strassen” is one level of "
            "Strassen's scheme in the channels of the layer, 7/8 of its multiplications for more additions: it saves "
            "the count, but no time at these widths. Exact schemes alone would take 0.586 at four levels of Strassen's "
            "and 0.513 at five, on tiles of 16 and 32, and 0.503 with rank 48 on ⟨4,4,4⟩ below three levels: what an "
            "approximate encoder buys is that share at fewer levels, or at none.",
        ],
    )
    for subject in SUBJECTS:
        cells: list[Row] = []
        for record in records:
            with reading(record):
                cells += [_checked(cell, subject) for cell in record.content["cells"] if cell["model"] == subject.name]
        section.missing += missing(subject, cells)
        measured = [cell for cell in cells if cell["method"] != "dense"]
        if not measured:
            continue
        measured.sort(key=lambda cell: (round(cell["multiplications"], 1), cell[subject.drawn]))
        converted = [cell for cell in measured if not cell.get("finetune")]
        section.lead += _findings(subject, converted)
        section.lead += _trained_further(subject, [cell for cell in measured if cell.get("finetune")])
        section.charts.append(_against_multiplications(subject, converted))
        section.charts += _by_layer(subject, converted)
        section.tables.append(_table(subject, cells, measured))
        section.sources += [Source(f"{subject.title}: {label(cell)}", **origin(cell)) for cell in cells]
    return section


def label(cell: Row) -> str:
    """A method in words.

    >>> label({"method": "stl", "calibration": "refit", "rank": 35, "depth": 1})
    'STL r=35 + Strassen, refit'
    >>> label({"method": "stl", "calibration": "refit", "rank": None, "budget": 0.5})
    'STL of chosen ranks, refit'
    """
    words = STYLES[cell["method"]][0] if cell["method"] in STYLES else str(cell["method"])
    steps = f", {cell['finetune']} steps" if cell.get("finetune") else ""
    if cell["method"] != "stl":
        return f"{words}{steps}"
    level = "data-free" if cell["calibration"] == "none" else cell["calibration"]
    depth = cell.get("depth", 0)
    deep = {0: "", 1: " + Strassen", 2: " + Strassen²"}.get(depth, f" + Strassen {depth} times")
    size = "of chosen ranks" if cell.get("budget") else f"r={cell['rank']}"
    return f"{words} {size}{deep}, {level}{steps}"


def expected(model: str) -> Iterator[Row]:
    """What is measured on a network: method, calibration, rank, depth, budget, steps of fine-tuning.

    2:4 has one share of the multiplications only; the rank of a method without one stands for its share, rank / 64.
    The cheap come first. What takes longest follows, or it would be waited for alone in the end: what is fine-tuned,
    each after what it starts from. What is calibrated comes last.
    """
    plain: list[tuple[str, str, int | None, int, float | None]] = [
        ("dense", "none", None, 0, None),
        *((method, "none", 32, 0, None) for method in PRUNED),
        *((method, "none", round(64 * share), 0, None) for share in SHARES for method in FLEXIBLE),
        *(("stl", level, *size, None) for level, sizes in SIZES.items() for size in sizes),
        *(("stl", level, None, depth, share) for level, depth, share in CHOSEN),
    ]

    def turn(one: tuple[str, str, int | None, int, float | None]) -> int:
        return 1 if one[:4] in FINETUNED else 2 if one[1] != "none" else 0

    for one in sorted(plain, key=turn):
        method, calibration, rank, depth, budget = one
        cell = {"method": method, "calibration": calibration, "rank": rank, "depth": depth, "budget": budget}
        yield {**cell, "finetune": 0}
        if one[:4] in FINETUNED:
            yield {**cell, "finetune": STEPS[model]}


def identity(cell: Row) -> tuple[Any, ...]:
    """What tells the cells of one network apart."""
    told = cell["method"], cell["calibration"], cell["rank"]
    return *told, cell.get("depth", 0), cell.get("budget"), cell.get("finetune", 0)


def missing(subject: Subject, cells: Sequence[Row]) -> list[tuple[str, str]]:
    """What is expected and not recorded, in words, with the command that measures it and nothing else."""
    have = [identity(cell) for cell in cells]
    absent: dict[str, list[str]] = {}
    for cell in expected(subject.name):
        method, rank = cell["method"], cell["rank"]
        if identity(cell) not in have and method != "dense":
            at = cell["budget"] or (None if method == "stl" or method in PRUNED else rank / 64)
            share = "" if at is None else f" at {at:.3g}"
            absent.setdefault(method, []).append(f"{label(cell)}{share}")
    if not absent:
        return []
    stl = absent.pop("stl", [])
    words = ", ".join([*(one for group in absent.values() for one in group), *stl])
    return [(f"{subject.title}: {words}", f"python benchmarks/models.py --model {subject.name}")]


def with_encoding(cell: Row) -> float:
    """The share of the multiplications with those of encoding and decoding: r·(K + N) a row of an STL layer.

    >>> layers = [{"name": name, "in_features": 384, "out_features": 192} for name in "qk"]
    >>> cell = {"method": "stl", "rank": 24, "multiplications": 0.375, "layers": layers}
    >>> with_encoding(cell), with_encoding({**cell, "joined": {"q.joined": ["q", "k"]}})
    (0.5625, 0.5)
    """
    if cell["method"] != "stl":
        return float(cell["multiplications"])
    stands = {part: name for name, parts in cell.get("joined", {}).items() for part in parts}
    ranks, entering, leaving, dense = cell.get("ranks", {}), dict[str, int](), Counter[str](), 0
    for layer in cell["layers"]:
        name = stands.get(layer["name"], layer["name"])
        entering[name] = layer["in_features"]
        leaving[name] += layer["out_features"]
        dense += layer["in_features"] * layer["out_features"]
    coded = sum(ranks.get(name, cell["rank"]) * (entering[name] + leaving[name]) for name in entering)
    return float(cell["multiplications"] + coded / dense)


def _checked(cell: Row, subject: Subject) -> Row:
    if "cosine_mean" in cell:
        cell = {**cell, "cosine_distance": max(1 - float(cell["cosine_mean"]), 0.0)}
    float(cell["multiplications"])
    # Of an exact scheme a divergence of rounding errors is left, of either sign.
    return {**cell, subject.drawn: max(float(cell[subject.drawn]), 0.0)}


def _height(cell: Row, subject: Subject) -> float:
    """What is drawn on an axis that has no zero."""
    return max(float(cell[subject.drawn]), LEAST_DRAWN)


def _findings(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """What a reader should take away of each share of the multiplications: of all STL layers, and of the flat ones."""
    sentences = []
    for share in SHARES:
        near = [cell for cell in cells if share - 0.07 < cell["multiplications"] <= share + 0.01]
        stl = [cell for cell in near if cell["method"] == "stl"]
        others = [cell for cell in near if cell["method"] != "stl"]
        if not stl or not others:
            continue
        flat = [cell for cell in stl if not cell.get("depth")]
        for kind, cells_of_kind in (("", stl), (" without Strassen's scheme above it", flat)):
            if cells_of_kind:
                sentences.append(_standing(subject, share, kind, cells_of_kind, others))
    return sentences


def _standing(subject: Subject, share: float, kind: str, stl: Sequence[Row], others: Sequence[Row]) -> str:
    """Where the best of some STL layers stands among the other methods at a share of the multiplications."""
    best = min(stl, key=lambda cell: float(cell[subject.drawn]))
    ahead = [label(cell) for cell in others if cell[subject.drawn] < best[subject.drawn]]
    behind = [label(cell) for cell in others if cell[subject.drawn] >= best[subject.drawn]]
    words = f"{subject.title}, {share:.3g} of the multiplications: the best STL{kind} recorded is “{label(best)}”"
    words += f" ({with_encoding(best):.2f} with encoding)"
    words += f"; it does better than {', '.join(behind)}" if behind else ""
    words += f"; {', '.join(ahead)} {'does' if len(ahead) == 1 else 'do'} better than STL" if ahead else ""
    return f"{words}."


def _trained_further(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """The fine-tuned networks, the nearest to dense first: they are compared with each other only."""
    if not cells:
        return []
    best = sorted(cells, key=lambda cell: float(cell[subject.drawn]))
    return [
        f"{subject.title}, trained further by distillation from its dense self, all layers but the replaced ones held: "
        f"{subject.axis} is {'; '.join(f'{float(cell[subject.drawn]):.4f} with “{label(cell)}”' for cell in best)}."
    ]


def _against_multiplications(subject: Subject, cells: Sequence[Row]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for method, (title, colour, marker) in STYLES.items():
            ours = [cell for cell in cells if cell["method"] == method]
            if ours:
                best = [
                    min((c for c in ours if _share(c) == share), key=lambda c: c[subject.drawn])
                    for share in sorted({_share(c) for c in ours})
                ]
                size = 70 if method == "stl" else 46
                axes.plot(
                    [c["multiplications"] for c in best],
                    [_height(c, subject) for c in best],
                    color=colour,
                    linewidth=2.2 if method == "stl" else 0.8,
                    alpha=0.8,
                    zorder=3,
                )
                axes.scatter(
                    [c["multiplications"] for c in ours],
                    [_height(c, subject) for c in ours],
                    s=size,
                    color=colour,
                    marker=marker,
                    label=title,
                    zorder=4,
                )
        for cell in cells:
            if cell["method"] == "stl":
                name = "data-free" if cell["calibration"] == "none" else cell["calibration"]
                axes.annotate(
                    name,
                    (cell["multiplications"], _height(cell, subject)),
                    (7, -3),
                    textcoords="offset points",
                    fontsize=8,
                )
        log_scale(axes)
        axes.set_xlabel("multiplications of the replaced layers, of dense")
        axes.set_title(f"{subject.axis} (lower is better)")
        axes.margins(x=0.12)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    words = f"{subject.title}: {subject.axis}, against multiplications, by method"
    return Chart(
        draw(f"{subject.name}-mults", words, paint, (8.2, 4.4)),
        f"{subject.title}. Lower is better; the line joins the best of each method. "
        f"Less than {LEAST_DRAWN:g} is drawn there.",
    )


def _by_layer(subject: Subject, cells: Sequence[Row]) -> list[Chart]:
    """Errors of each layer at half of the multiplications, layers in the network's order."""
    half = [cell for cell in cells if _share(cell) == 0.5 and cell.get("layers")]
    shown = [cell for cell in half if cell["method"] in ("wanda24", "sparsegpt24", "asvd")]
    stl = [cell for cell in half if cell["method"] == "stl"]
    shown += [cell for cell in stl if cell["calibration"] == "none"]
    shown += sorted(stl, key=lambda cell: cell[subject.drawn])[:1]
    if not shown:
        return []

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for cell in {id(cell): cell for cell in shown}.values():
            _, colour, marker = STYLES[cell["method"]]
            errors = [max(float(layer["errors"]["error"]), 1e-8) for layer in cell["layers"]]
            dashed = cell["method"] == "stl" and cell["calibration"] == "none"
            axes.plot(
                range(1, len(errors) + 1),
                errors,
                color=colour,
                marker=marker,
                markersize=3.5,
                linewidth=1,
                linestyle="--" if dashed else "-",
                label=label(cell),
            )
        log_scale(axes)
        axes.set_xlabel("linear layer, in the network's order")
        axes.set_title("relative output error ‖Ŷ − Y‖² / ‖XW‖² on the dense network's inputs")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    words = f"{subject.title}: relative output error by layer at half of the multiplications"
    drawing = draw(f"{subject.name}-layers", words, paint, (8.2, 3.6))
    note = "Calibrated layer by layer, a layer makes good the errors of those before it; this error, on dense inputs, "
    return [Chart(drawing, f"{words}. {note}does not credit that.")]


def _share(cell: Row) -> float:
    """The share of the multiplications that a cell is compared at: the nearest."""
    return min(SHARES, key=lambda share: abs(share - float(cell["multiplications"])))


def _table(subject: Subject, cells: Sequence[Row], measured: Sequence[Row]) -> Table:
    rows: list[tuple[str, ...]] = []
    dense = [cell for cell in cells if cell["method"] == "dense"]
    for cell in [*dense, *measured]:
        figures = [format(float(cell[key]), form) if key in cell else "" for key, _, form in subject.figures]
        rows.append((label(cell), f"{cell['multiplications']:.3f}", f"{with_encoding(cell):.3f}", *figures))
    text = measured[0].get("text", {})
    caption = f"{subject.title}: {text.get('tokens', '?')} held-out tokens of {text.get('source', '?')}"
    head = ("method", "mults", "with encoding", *(heading for _, heading, _ in subject.figures))
    best = {i for i, row in enumerate(rows) if row[0].startswith("STL")}
    return Table(caption, head, tuple(rows), best=frozenset(best))
