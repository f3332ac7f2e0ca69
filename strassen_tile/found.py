"""What a search found, as Python and notebooks show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from strassen_tile.recorder import weighted_figures

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.entry import Entry
    from search.problem import Problem


@dataclass(frozen=True, repr=False)
class Found:
    """What a search found: its catalog entries, the highest rank first. Iterating gives the entries.

    Parameters
    ----------
    entries : tuple of Entry
        The best encoder of each rank asked for. One of fewer products may serve several ranks.
    problem : Problem
        What was searched for, at the lowest rank.
    directory : pathlib.Path or None
        Where the entries are kept; None if some could not be written.
    failure : str or None
        Why entries could not be written, and where they are now; None if all are in `directory`.
    ranks_without : dict of str to list of int
        The ranks that have no encoder, by the reason.
    interrupted : KeyboardInterrupt or None
        What ended the search early, if anything did.
    new : bool
        Whether anything was found that the catalog did not hold.
    """

    entries: tuple[Entry, ...]
    problem: Problem
    directory: Path | None
    failure: str | None = None
    ranks_without: dict[str, list[int]] = field(default_factory=dict)
    interrupted: KeyboardInterrupt | None = None
    new: bool = True

    @property
    def best(self) -> Entry:
        """The entry of least error at the precision of the search; an exact one wins if it errs hardly more."""
        return min(self.entries, key=lambda entry: self.problem.cost(entry.encoder))

    def as_json(self) -> list[dict[str, Any]]:
        """Give the figures of every entry.

        Returns
        -------
        list of dict
            One JSON object for each entry, as `Entry.as_json` gives it. Those of a search under moments have a key
            "weighted" with the figures under them.
        """
        precision = self.problem.precision.name
        return [entry.as_json(precision) | weighted_figures(self.problem, entry.encoder) for entry in self.entries]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        best = self.best
        ring = f", exact over {best.ring}" if best.exact else ""
        best_of = f"rank={best.rank}" if len(self) == 1 else f"ranks {self._ranks}, best rank={best.rank}"
        return f"Found({self.problem.format}, {best_of}, {self._quoted}={self._error(best)}{ring}, id={best.id[:10]})"

    def _repr_html_(self) -> str:
        from catalog.figures import number
        from catalog.notebook import html_table

        head = ("rank", "ratio", self._quoted, "growth", "exact", "id")
        rows = [
            (
                str(entry.rank),
                f"{entry.ratio:.3f}",
                self._error(entry),
                number(entry.growth),
                f"over {entry.ring}" if entry.exact else "no",
                entry.id[:10],
            )
            for entry in self
        ]
        notes = [f"{why}: {', '.join(map(str, ranks))}" for why, ranks in self.ranks_without.items()]
        lines = [f"{self.problem.format}, kept in {self.directory}" if self.directory else str(self.failure)]
        lines += [f"Ranks without an encoder, {note}" for note in notes]
        if self.interrupted is not None:
            lines.append("The search was interrupted; this is the best so far")
        return "".join(f"<p>{escape(line)}.</p>" for line in lines) + html_table(head, rows)

    @property
    def _ranks(self) -> str:
        return f"{self.entries[-1].rank} to {self.entries[0].rank}"

    @property
    def _quoted(self) -> str:
        """What `_error` gives, in words."""
        weighted = "" if self.problem.weights is None else "weighted "
        return f"{weighted}error in {self.problem.precision}"

    def _error(self, entry: Entry) -> str:
        return f"{self.problem.error(entry.encoder):.6f}"
