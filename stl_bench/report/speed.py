"""How fast converted networks were, end to end: drawn by itself, and put beside accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stl_bench.records import Record, reading
from stl_bench.report.cost import span
from stl_bench.report.methods import Row

#: A speed within this share of dense counts as even: medians of a few runs show no more.
MARGIN = 0.03


@dataclass(frozen=True)
class Speed:
    """The speed of one network with STL layers of one size.

    Parameters
    ----------
    model : str
        The name of the network.
    rank : int
        The rank of the layers.
    depth : int
        Their levels of Strassen's scheme.
    batches : tuple[tuple[str, int, float], ...]
        (batch × tokens in words, rows, dense seconds by STL seconds) of each batch.
    """

    model: str
    rank: int
    depth: int
    batches: tuple[tuple[str, int, float], ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Those of all batches."""
        return tuple(ratio for _, _, ratio in self.batches)

    @property
    def at_most_rows(self) -> tuple[str, float]:
        """The batch of the most rows, and the ratio there."""
        words, _, ratio = max(self.batches, key=lambda one: one[1])
        return words, ratio

    @property
    def words(self) -> str:
        """From the slowest to the fastest batch."""
        return f"{span(self.ratios)}×"


Speeds = dict[tuple[str, int, int], Speed]


def timed_rows(records: Sequence[Record]) -> list[Row]:
    """Read the rows of the wall-clock benchmark, each against the faster of the two dense networks.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.

    Returns
    -------
    list[Row]
        The rows, with `ratio`, dense seconds by STL seconds.
    """
    rows = []
    for record in records:
        with reading(record):
            rows += [_against_dense(row) for row in record.content["results"]]
    return rows


def speeds_of(rows: Sequence[Row]) -> Speeds:
    """Gather rows by network, rank and depth.

    Parameters
    ----------
    rows : sequence of Row
        The rows, from `timed_rows`.

    Returns
    -------
    Speeds
        The speeds.
    """
    found: dict[tuple[str, int, int], list[tuple[str, int, float]]] = {}
    for row in rows:
        key = (str(row["model"]), int(row["rank"]), int(row.get("depth", 0)))
        found.setdefault(key, []).append((batch_words(row), int(row["rows"]), float(row["ratio"])))
    return {key: Speed(*key, tuple(batches)) for key, batches in found.items()}


def speed_of(cell: Row, speeds: Speeds) -> Speed | None:
    """Find what was timed at the size of a cell's layers.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    Speed | None
        The speed; None for chosen ranks and for other methods, which were not timed.
    """
    if cell["method"] != "stl" or cell.get("budget") or cell["rank"] is None:
        return None
    return speeds.get((str(cell["model"]), int(cell["rank"]), int(cell.get("depth") or 0)))


def measured_speed(cell: Row, speeds: Speeds) -> str:
    """Write the speed of a cell for a table: in brackets if its size was timed without calibration.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    str
        Words.
    """
    speed = speed_of(cell, speeds)
    if speed is None:
        return "not timed"
    return speed.words if cell["calibration"] == "none" else f"({speed.words})"


#: What the brackets of `measured_speed` mean.
BRACKETS = (
    "Speed is dense seconds by STL seconds on a CPU, over the batches timed; in brackets that of data-free layers of "
    "the same rank and depth: calibrated ones change the basis of their inputs besides, which was not timed"
)


def is_faster(ratio: float) -> bool:
    """Return whether STL is faster by more than the margin.

    Parameters
    ----------
    ratio : float
        Dense seconds by STL seconds.

    Returns
    -------
    bool
        Whether it is.
    """
    return ratio > 1 + MARGIN


def is_slower(ratio: float) -> bool:
    """Return whether STL is slower by more than the margin.

    Parameters
    ----------
    ratio : float
        Dense seconds by STL seconds.

    Returns
    -------
    bool
        Whether it is.
    """
    return ratio < 1 / (1 + MARGIN)


def batch_words(row: Row) -> str:
    """Write a batch in words.

    Parameters
    ----------
    row : Row
        A row of the benchmark.

    Returns
    -------
    str
        "batch × tokens".
    """
    return f"{row['batch']} × {row['tokens']}"


def _against_dense(row: Row) -> Row:
    """Give a row the seconds of the faster dense network, and the ratio of the two."""
    dense = min(row["dense_seconds"], row.get("joined_seconds", row["dense_seconds"]))
    int(row["rows"]), str(row["model"]), int(row["rank"]), batch_words(row)
    return {**row, "dense_seconds": dense, "ratio": dense / row["seconds"]}
