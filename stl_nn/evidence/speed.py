"""How fast converted networks were, end to end: drawn by itself, and put beside accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stl_nn.evidence.cost import span
from stl_nn.evidence.methods import Row
from stl_nn.evidence.records import Record, reading

#: Less than this faster or slower than dense is even: medians of a few runs tell no more.
MARGIN = 0.03


@dataclass(frozen=True)
class Speed:
    """Dense seconds by STL seconds of one network and size of STL layers, by batch: (batch × tokens, rows, ratio)."""

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
    """The rows of the wall-clock benchmark, against the faster of the two dense networks."""
    rows = []
    for record in records:
        with reading(record):
            rows += [_against_dense(row) for row in record.content["results"]]
    return rows


def speeds_of(rows: Sequence[Row]) -> Speeds:
    """What was timed, by network, rank and depth."""
    found: dict[tuple[str, int, int], list[tuple[str, int, float]]] = {}
    for row in rows:
        key = (str(row["model"]), int(row["rank"]), int(row.get("depth", 0)))
        found.setdefault(key, []).append((batch_words(row), int(row["rows"]), float(row["ratio"])))
    return {key: Speed(*key, tuple(batches)) for key, batches in found.items()}


def speed_of(cell: Row, speeds: Speeds) -> Speed | None:
    """What was timed at the size of a cell's layers; nothing of chosen ranks, and nothing of other methods."""
    if cell["method"] != "stl" or cell.get("budget") or cell["rank"] is None:
        return None
    return speeds.get((str(cell["model"]), int(cell["rank"]), int(cell.get("depth") or 0)))


def measured_speed(cell: Row, speeds: Speeds) -> str:
    """The speed of a cell for a table: in brackets where its size was timed, but without calibration."""
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
    """Whether it is more than even."""
    return ratio > 1 + MARGIN


def is_slower(ratio: float) -> bool:
    """Whether it is less than even."""
    return ratio < 1 / (1 + MARGIN)


def batch_words(row: Row) -> str:
    """A batch in words."""
    return f"{row['batch']} × {row['tokens']}"


def _against_dense(row: Row) -> Row:
    """A row with the seconds of the faster dense network, and how much faster STL is."""
    dense = min(row["dense_seconds"], row.get("joined_seconds", row["dense_seconds"]))
    int(row["rows"]), str(row["model"]), int(row["rank"]), batch_words(row)
    return {**row, "dense_seconds": dense, "ratio": dense / row["seconds"]}
