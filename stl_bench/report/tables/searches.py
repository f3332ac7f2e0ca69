"""Tables of searches, and of how long the benchmarks take."""

from __future__ import annotations

from stl_bench.records import Record, reading
from stl_bench.report.others import number, target
from stl_bench.report.section import Table
from stl_bench.report.tables.markdown import measured_by, with_sources


def search_speed(records: list[Record]) -> str:
    """Tabulate the speed of the steps of a search, and the errors that whole searches reach.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `search_speed`.

    Returns
    -------
    str
        Markdown: a row a figure, with its target and how it is measured.
    """
    rows, sources = [], []
    for record in records:
        with reading(record):
            for figure in record.content["figures"]:
                value = "–" if figure["value"] is None else number(float(figure["value"]))
                rows.append((str(figure["name"]), value, str(figure["unit"]), target(figure), str(figure["how"])))
            sources.append(measured_by(record.content))
    head = ("figure", "measured", "unit", "target", "how")
    table = Table("Speed of searches", head, tuple(rows), remarks=3)
    return with_sources([table], sources)


def weighted_search(records: list[Record]) -> str:
    """Tabulate what a search under the moments of a layer is worth: output errors, nothing refitted.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `weighted_search`.

    Returns
    -------
    str
        Markdown: a row a layer and rank.
    """
    rows, sources = [], []
    for record in records:
        with reading(record):
            for row in record.content["rows"]:
                errors = (row["output_error_white"], row["output_error_weighted"], row["predicted"])
                rows.append((str(row["layer"]), str(row["rank"]), *(f"{float(error):.2g}" for error in errors)))
            sources.append(measured_by(record.content))
    head = ("layer", "rank", "error of the encoder for white inputs", "of the layer's own", "predicted")
    return with_sources([Table("Searches for one layer", head, tuple(rows))], sources)


def durations(records: list[Record]) -> str:
    """Tabulate how long the benchmarks of networks, training and time take.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `evidence`.

    Returns
    -------
    str
        Markdown: a row a benchmark, the sum in the last.
    """
    rows, sources = [], []
    for record in records:
        with reading(record):
            found = record.content["commands"]
            rows += [(f"`python benchmarks/{row['command']}`", f"{row['seconds'] / 60:.1f}") for row in found]
            rows.append(("all", f"{sum(row['seconds'] for row in found) / 60:.1f}"))
            sources.append(measured_by(record.content))
    return with_sources([Table("Durations", ("benchmark", "minutes"), tuple(rows))], sources)
