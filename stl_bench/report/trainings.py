"""Recorded runs of training, those of one setting together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stl_bench.records import Record, reading
from stl_bench.report.methods import Row


@dataclass
class Training:
    """Runs of one setting: the same data, shape of the network and recipe.

    Parameters
    ----------
    setting : dict
        What they have in common.
    cells : list[Row]
        The runs.
    """

    setting: dict[str, Any]
    cells: list[Row] = field(default_factory=list)

    @property
    def recipe(self) -> dict[str, Any]:
        """How it was trained; empty if that is not recorded."""
        recipe = self.setting.get("recipe")
        return recipe if isinstance(recipe, dict) else {}

    @property
    def groups(self) -> dict[str, list[Row]]:
        """The runs of every variant."""
        groups: dict[str, list[Row]] = {}
        for cell in self.cells:
            groups.setdefault(cell["variant"], []).append(cell)
        return groups

    def difference(self, other: Training) -> str:
        """Say what is not the same in another setting.

        Parameters
        ----------
        other : Training
            The runs of the other setting.

        Returns
        -------
        str
            The words.

        Examples
        --------
        >>> Training({"recipe": {"rate": 2e-3}}).difference(Training({"recipe": {"rate": 1e-3}}))
        'rate 0.001'
        """
        ours, theirs = _flat(self.setting), _flat(other.setting)
        return ", ".join(
            f"{name} {theirs.get(name)}" for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)
        )


def trainings_of(records: Sequence[Record]) -> list[Training]:
    """Gather the runs of all records by their setting.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.

    Returns
    -------
    list[Training]
        The settings, the one with the most runs first.

    Raises
    ------
    InvalidInput
        If a record does not hold what its benchmark writes.
    """
    found: list[Training] = []
    for record in records:
        setting = {key: record.content.get(key) for key in ("data", "shape", "recipe")}
        with reading(record):
            cells = [dict(cell) for cell in record.content["cells"]]
            for cell in cells:
                float(cell["accuracy"])
        same = next((one for one in found if one.setting == setting), None)
        if same is None:
            found.append(same := Training(setting))
        same.cells += cells
    return sorted(found, key=lambda one: -len(one.cells))


def _flat(setting: dict[str, Any]) -> dict[str, Any]:
    """Its parts by their own names; the seed belongs to a run."""
    parts = {key: value if isinstance(value, dict) else {key: value} for key, value in setting.items()}
    return {name: value for part in parts.values() for name, value in part.items() if name != "seed"}
