"""The section on whole pretrained networks: every method at what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from stl_bench.records import Record, origin, reading
from stl_bench.report.cost import span, with_encoding
from stl_bench.report.fairness import fairness
from stl_bench.report.finetuning import finetuning
from stl_bench.report.matched import matched_findings, uniform_and_chosen
from stl_bench.report.methods import Row, is_joined, label
from stl_bench.report.network_charts import accuracy_chart, layer_chart
from stl_bench.report.network_tables import network_tables
from stl_bench.report.planned import missing
from stl_bench.report.section import Section, Source
from stl_bench.report.speed import Speeds
from stl_bench.report.subjects import SUBJECTS, Subject, cells_of, compressing, exact_in


def networks_section(records: Sequence[Record], speeds: Speeds) -> Section:
    """Compare accuracy with cost, and the errors of the layers, of both networks.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    Section
        The section.
    """
    section = Section(
        "networks",
        "Pretrained networks at what they cost",
        [
            "Linear layers of a trained network are replaced by one method, and the whole is measured on text that "
            "calibration never saw: held out is the language reference of Python, calibration reads the docstrings of "
            "its library. “Mults” are the multiplications of the replaced layers, zero padding and the bases of "
            "calibrated layers included, against dense. “With encoding” adds what STL takes to encode its inputs and "
            "decode its outputs, r·(K + N) a row beside the K·N of a dense layer; other methods encode nothing. All "
            "comparisons are made with encoding. Additions are not counted for any method, and a 2:4 matrix saves its "
            "half only on hardware that skips zeros.",
        ],
    )
    everything: list[Row] = []
    for subject in SUBJECTS:
        cells = cells_of(records, subject)
        section.missing += missing(subject.name, subject.title, cells)
        if not any(cell["method"] != "dense" for cell in cells):
            continue
        everything += cells
        with reading(records[0]):
            section.lists.append((subject.title, [" ".join(words) for words in _points(subject, cells) if words]))
            section.charts += [*accuracy_chart(subject, cells), *layer_chart(subject, cells)]
            section.tables += network_tables(subject, cells, speeds)
            section.sources += [Source(f"{subject.title}: {label(cell)}", **origin(cell)) for cell in cells]
    if everything:
        section.lists.append(("How fair the comparison is", fairness(everything)))
    return section


def _points(subject: Subject, cells: Sequence[Row]) -> list[list[str]]:
    """Gather what is said of a network, by point."""
    return [
        [*replaced(subject, cells), *surcharge(cells)],
        *([sentence] for sentence in matched_findings(subject, cells)),
        uniform_and_chosen(subject, cells),
        finetuning(subject, cells),
    ]


def replaced(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """Say how many layers are replaced, whether the output head is among them, and which rows join layers.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[str]
        Sentences.
    """
    names = {layer["name"] for cell in cells for layer in cell["layers"]}
    words = [f"{len(names)} linear layers are replaced"]
    if subject.name == "smollm2" and not any("lm_head" in name for name in names):
        words.append("the output head stays dense and is not counted")
    sentences = [f"{'; '.join(words)}."]
    stl = [cell for cell in cells if cell["method"] == "stl"]
    joined = [cell for cell in stl if is_joined(cell)]
    if stl and len(joined) == len(stl):
        sentences.append("In all STL rows layers that read the same input (q, k and v; gate and up) are one layer.")
    elif stl:
        sentences.append(
            f"In {len(joined)} of {len(stl)} STL rows layers that read the same input (q, k and v; gate and up) are "
            "one layer, so that it is encoded once; the column “joined” shows which."
        )
    return sentences


def surcharge(cells: Sequence[Row]) -> list[str]:
    """Say what encoding adds at the widths of a network.

    Parameters
    ----------
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[str]
        A sentence, or none.
    """
    stl = [cell for cell in cells if cell["method"] == "stl"]
    added = [with_encoding(cell) - float(cell["multiplications"]) for cell in stl]
    if not added:
        return []
    words = [f"Encoding adds {span(added)} of dense to an STL row at the widths of this network"]
    for ours, what in ((compressing(cells), "approximate"), (exact_in(cells), "exact")):
        if ours:
            bare = span([float(cell["multiplications"]) for cell in ours])
            words.append(f"{what} rows of {bare} cost {span([with_encoding(cell) for cell in ours])} with it")
    return [f"{'; '.join(words)}."]
