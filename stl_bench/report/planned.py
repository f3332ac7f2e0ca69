"""What is measured on the pretrained networks, and what of it is not recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stl_bench.report.methods import Row, label

#: The shares of the multiplications that methods are asked for.
SHARES = (0.5, 0.625)
#: The STL layers, (rank, depth), by level of calibration, the cheap first. Calibrated ones leave room for the bases of
#: their channels, 2–3 % of the multiplications.
SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "none": ((32, 0), (47, 3), (48, 3), (40, 0), (48, 2)),
    "sequential": ((40, 0),),
    "moments": ((40, 2), (31, 0)),
    "refit": ((40, 2), (31, 0)),
}
#: Ranks chosen layer by layer: (calibration, depth, share of the multiplications).
CHOSEN = (("moments", 2, 0.5), ("refit", 0, 0.5), ("refit", 0, 0.625))
#: Converted networks that are trained a little afterwards, by distillation: (method, calibration, rank, depth), all at
#: half of the multiplications, and the steps that each network gets.
FINETUNED = (("sparsegpt24", "none", 32, 0), ("stl", "refit", 40, 2))
STEPS = {"minilm": 200, "smollm2": 200}
PRUNED = ("magnitude24", "wanda24", "sparsegpt24")
FLEXIBLE = ("svd", "asvd", "block", "monarch", "sampling", "countsketch")


def expected(model: str) -> Iterator[Row]:
    """List what is measured on a network, in the order in which it is measured.

    2:4 sparsity has one share of the multiplications only. The rank of a method without one stands for its share, rank
    / 64. The cheap cells come first. Those that take longest follow, what is fine-tuned with what it starts from; else
    they would be waited for alone in the end. What else is calibrated comes last.

    Parameters
    ----------
    model : str
        The name of the network.

    Yields
    ------
    Row
        Method, calibration, rank, depth, budget and steps of fine-tuning of each cell.
    """
    plain: list[tuple[str, str, int | None, int, float | None]] = [
        ("dense", "none", None, 0, None),
        *((method, "none", 32, 0, None) for method in PRUNED),
        *((method, "none", round(64 * share), 0, None) for share in SHARES for method in FLEXIBLE),
        *(("stl", level, *size, None) for level, sizes in SIZES.items() for size in sizes),
        *(("stl", level, None, depth, share) for level, depth, share in CHOSEN),
    ]

    cells = []
    for method, calibration, rank, depth, budget in plain:
        cell = {"method": method, "calibration": calibration, "rank": rank, "depth": depth, "budget": budget}
        cells.append({**cell, "finetune": 0})
        if (method, calibration, rank, depth) in FINETUNED:
            cells.append({**cell, "finetune": STEPS[model]})
    families: dict[tuple[Any, ...], list[Row]] = {}
    for cell in cells:
        families.setdefault(family(cell), []).append(cell)

    def turn(members: list[Row]) -> int:
        return 1 if any(cell["finetune"] for cell in members) else 2 if members[0]["calibration"] != "none" else 0

    for members in sorted(families.values(), key=turn):
        yield from members


def identity(cell: Row) -> tuple[Any, ...]:
    """Return what distinguishes the cells of one network.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    tuple[Any, ...]
        A key.
    """
    first = cell["method"], cell["calibration"], cell["rank"]
    return *first, cell.get("depth", 0), cell.get("budget"), cell.get("finetune", 0)


def family(cell: Row) -> tuple[Any, ...]:
    """Return what cells have in common that one process measures best, one after the other.

    Each goes on from the one before.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    tuple[Any, ...]
        A key.

    Examples
    --------
    >>> one = {"method": "stl", "calibration": "moments", "rank": 40, "depth": 2, "budget": None, "finetune": 0}
    >>> family(one) == family({**one, "calibration": "refit", "finetune": 200})
    True
    """
    alike = cell["calibration"] in ("moments", "refit") and not cell["budget"]
    return identity({**cell, "calibration": "moments" if alike else cell["calibration"], "finetune": 0})


def missing(model: str, title: str, cells: Sequence[Row]) -> list[tuple[str, str]]:
    """Name what is expected and not recorded, with the command that measures it.

    The command measures whatever of the network is not recorded, or recorded under other settings than its own.

    Parameters
    ----------
    model : str
        The name of the network.
    title : str
        Its title.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[tuple[str, str]]
        (what is missing, the command): one, or none.
    """
    have = [identity(cell) for cell in cells]
    absent: dict[str, list[str]] = {}
    for cell in expected(model):
        method, rank = cell["method"], cell["rank"]
        if identity(cell) not in have and method != "dense":
            at = cell["budget"] or (None if method == "stl" or method in PRUNED else rank / 64)
            share = "" if at is None else f" at {at:.3g}"
            absent.setdefault(method, []).append(f"{label(cell)}{share}")
    if not absent:
        return []
    stl = absent.pop("stl", [])
    words = ", ".join([*(one for group in absent.values() for one in group), *stl])
    return [(f"{title}: {words}", f"python benchmarks/models.py --model {model}")]
