"""The networks of the report, and their cells as read from records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stl_bench.records import Record, reading
from stl_bench.report.methods import Row, is_exact


@dataclass(frozen=True)
class Subject:
    """A network of the report.

    Parameters
    ----------
    name : str
        The name of the network, as commands take it.
    title : str
        Its title.
    drawn : str
        The figure that methods are compared by; less is better.
    axis : str
        That figure in words.
    quoted : tuple[str, str, str]
        The figure that sentences quote: (key, heading, format).
    figures : tuple[tuple[str, str, str], ...]
        The figures of its table: (key, heading, format).
    """

    name: str
    title: str
    drawn: str
    axis: str
    quoted: tuple[str, str, str]
    figures: tuple[tuple[str, str, str], ...]


SUBJECTS = (
    Subject(
        "minilm",
        "MiniLM-L6, sentence embeddings",
        "cosine_distance",
        "1 − mean cosine to the dense embeddings",
        ("cosine_mean", "mean cosine", ".3f"),
        (
            ("cosine_mean", "mean cosine", ".3f"),
            ("cosine_min", "least cosine", ".2f"),
            ("agreement_at_10", "same top 10", ".0%"),
            ("layer_error_mean", "layer error", ".2g"),
        ),
    ),
    Subject(
        "smollm2",
        "SmolLM2-135M, language",
        "divergence",
        "KL divergence from dense, nats a token",
        ("perplexity", "perplexity", ".3g"),
        (
            ("perplexity", "perplexity", ".3g"),
            ("divergence", "KL", ".2g"),
            ("agreement", "same token", ".0%"),
            ("layer_error_mean", "layer error", ".2g"),
        ),
    ),
)


def short_name(subject: Subject) -> str:
    """Return the network's name alone.

    Parameters
    ----------
    subject : Subject
        The network.

    Returns
    -------
    str
        The title up to its comma.
    """
    return subject.title.split(",", maxsplit=1)[0]


def cells_of(records: Sequence[Record], subject: Subject) -> list[Row]:
    """Read the cells of a network.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.
    subject : Subject
        The network.

    Returns
    -------
    list[Row]
        Its cells.

    Raises
    ------
    InvalidInput
        If a record does not hold what its benchmark writes.
    """
    cells: list[Row] = []
    for record in records:
        with reading(record):
            cells += [_checked(cell, subject) for cell in record.content["cells"] if cell["model"] == subject.name]
    return cells


def others_in(cells: Sequence[Row]) -> list[Row]:
    """Select the cells of methods that are not STL, without those that were trained further.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        The cells.
    """
    return [cell for cell in cells if cell["method"] not in ("stl", "dense") and not cell.get("finetune")]


def compressing(cells: Sequence[Row]) -> list[Row]:
    """Select the cells of approximate STL layers, without those that were trained further.

    Exact schemes compress nothing.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        The cells.
    """
    return [cell for cell in cells if cell["method"] == "stl" and not cell.get("finetune") and not is_exact(cell)]


def exact_in(cells: Sequence[Row]) -> list[Row]:
    """Select the cells of exact schemes.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        The cells.
    """
    return [cell for cell in cells if is_exact(cell) and not cell.get("finetune")]


def trained_further(cells: Sequence[Row]) -> list[Row]:
    """Select the cells that were fine-tuned.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        The cells.
    """
    return [cell for cell in cells if cell.get("finetune")]


def distance(subject: Subject, cell: Row) -> float:
    """Return how far a converted network is from dense; methods are compared by this.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    float
        The distance.
    """
    return float(cell[subject.drawn])


def plain(value: float, form: str) -> str:
    """Write a figure for print; beyond all use its order of magnitude is enough.

    Parameters
    ----------
    value : float
        The figure.
    form : str
        Its format.

    Returns
    -------
    str
        The figure in digits.

    Examples
    --------
    >>> plain(67.588, ".3g"), plain(6491052.9, ".3g"), plain(1170.3, ".3g"), plain(0.0501, ".2g")
    ('67.6', '6e+06', '1,170', '0.050')
    """
    if abs(value) >= 1e4:
        return f"{value:.0e}"
    if abs(value) >= 1e3:
        return f"{float(f'{value:.3g}'):,.0f}"
    # All significant digits are written, a last zero too.
    return format(value, f"#{form}").rstrip(".") if form.endswith("g") else format(value, form)


def quoted(subject: Subject, cell: Row, heading: bool = False) -> str:
    """Write the figure of a cell that sentences quote.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.
    heading : bool
        Whether its heading stands before it.

    Returns
    -------
    str
        The words.
    """
    key, words, form = subject.quoted
    if key not in cell:
        key, words, form = subject.drawn, subject.axis, ".2g"
    value = plain(float(cell[key]), form)
    return f"{words} {value}" if heading else value


def tokens_of(cells: Sequence[Row], key: str) -> str:
    """Say how many tokens of which text cells were measured or calibrated on.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.
    key : str
        "text" or "calibration_text".

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> tokens_of([{"text": {"tokens": 2048, "source": "a book"}}], "text")
    '2,048 tokens of a book'
    """
    found = []
    for cell in cells:
        text = cell.get(key)
        if isinstance(text, dict) and text.get("tokens"):
            found.append(f"{int(text['tokens']):,} tokens of {text.get('source', 'unnamed text')}")
    return " or ".join(dict.fromkeys(found)) or "an unrecorded number of tokens"


def seeds_of(cells: Sequence[Row]) -> str:
    """Write the seeds of some cells.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> seeds_of([{"seed": 0}, {"seed": 0}])
    'one seed (0)'
    """
    seeds = sorted({str(cell.get("seed", "not recorded")) for cell in cells})
    return f"one seed ({seeds[0]})" if len(seeds) == 1 else f"seeds {', '.join(seeds)}"


def _checked(cell: Row, subject: Subject) -> Row:
    if "cosine_mean" in cell:
        cell = {**cell, "cosine_distance": max(1 - float(cell["cosine_mean"]), 0.0)}
    for key in ("method", "calibration", "rank", "model"):
        cell[key]  # a KeyError names what a damaged record lacks
    float(cell["multiplications"])
    for layer in cell["layers"]:
        str(layer["name"]), int(layer["in_features"]), int(layer["out_features"])
    # Rounding errors leave an exact scheme a divergence of either sign.
    return {**cell, subject.drawn: max(float(cell[subject.drawn]), 0.0)}
