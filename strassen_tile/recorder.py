"""Keeping what a search finds in a catalog, while it runs and at its end."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog.catalog import Catalog
from catalog.encoder_file import Stored
from catalog.entry import Entry
from catalog.provenance import Provenance
from stl_algebra.errors import InvalidInput
from strassen_tile.hints import command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from search.problem import Problem
    from search.running.task import Discovery
    from search.trial import Candidate
    from stl_algebra.encoder import TileEncoder

#: Seconds between writes of what a running search improves: a killed search loses no more than that.
KEEP_EVERY = 5.0


class Recorder:
    """Keeps a search's improvements in the catalog: every few seconds, exact ones at once, the last ones always.

    An encoder that cannot be written while the search runs is noted and tried again; `warn` gets the first reason. An
    encoder that was written on the way and beaten later is removed at the end by `forget_beaten`.

    Parameters
    ----------
    catalog : Catalog
        Improvements are compared with its entries.
    problem : Problem
        What is searched for.
    warn : callable
        Takes a sentence about what could not be written.
    every : float
        Seconds between two writes: 0 writes each time that `keep_up` is called, infinity never.
    starts : sequence of Entry
        The entries that the search starts from. What was made from them can be made again, even if another process
        removes them meanwhile.
    into : Catalog or None
        Where encoders are kept; None: in `catalog`.
    """

    def __init__(
        self,
        catalog: Catalog,
        problem: Problem,
        warn: Callable[[str], object] = lambda _: None,
        every: float = KEEP_EVERY,
        starts: Sequence[Entry] = (),
        into: Catalog | None = None,
    ) -> None:
        self._catalog, self._problem = catalog, problem
        self._into = catalog if into is None else into
        self._warn, self._every = warn, every
        self._pending: dict[int, Discovery] = {}
        self._starts = {entry.id: entry for entry in starts}
        self._new: dict[str, TileEncoder] = {}
        self._written = time.monotonic()
        self._warned = False

    def take(self, discovery: Discovery) -> None:
        """Note an improvement of its rank; an exact one is written at once.

        Parameters
        ----------
        discovery : Discovery
            The improvement.
        """
        self._pending[discovery.encoder.rank] = discovery
        if discovery.encoder.exact:
            self.flush()

    def keep_up(self) -> None:
        """Write what is noted, unless the last write was less than `every` seconds ago."""
        if time.monotonic() - self._written >= self._every:
            self.flush()

    def flush(self) -> None:
        """Write what is noted; what cannot be written stays noted."""
        for rank, discovery in list(self._pending.items()):
            new = self._catalog.ancestor(discovery.encoder.digest) is None
            try:
                self.keep(discovery)
            except InvalidInput as error:
                if not self._warned:
                    self._warn(f"Not kept so far, to be tried again: {error}.")
                self._warned = True
            else:
                del self._pending[rank]
                if new:
                    self._new[discovery.encoder.digest] = discovery.encoder
        self._written = time.monotonic()

    def forget_beaten(self, kept: Sequence[Entry]) -> None:
        """Remove what this search wrote on its way to the entries that it keeps, once those are written.

        An exact encoder stays unless another exact one of its rank is kept. What the catalog had before stays. What
        others descend from stays as their ancestor. A file that cannot be removed does no harm.

        Parameters
        ----------
        kept : sequence of Entry
            The entries that the search keeps.
        """
        ids = {entry.id for entry in kept}
        exact = {entry.encoder.rank for entry in kept if entry.exact}
        for id, encoder in self._new.items():
            if id not in ids and (not encoder.exact or encoder.rank in exact):
                with contextlib.suppress(InvalidInput):
                    self._into.remove(id)

    def keep(self, found: Discovery) -> Entry:
        """Write a discovery, unless the catalog holds it.

        Parameters
        ----------
        found : Discovery
            The discovery.

        Returns
        -------
        Entry
            Its entry.

        Raises
        ------
        InvalidInput
            If it cannot be written.
        """
        if found.strategy == "known":
            return self._catalog.get(found.encoder.digest)
        return self._add(self._into, found)

    def keep_all(self, discoveries: Sequence[Discovery]) -> tuple[list[Entry], str | None]:
        """Write discoveries; if one cannot be written, all go to a temporary folder.

        Parameters
        ----------
        discoveries : sequence of Discovery
            The discoveries.

        Returns
        -------
        entries : list of Entry
            Their entries. Those that could be written nowhere are in no file.
        failure : str or None
            Why one could not be written to the catalog, and where they are now; None if all were.
        """
        try:
            return [self.keep(found) for found in discoveries], None
        except InvalidInput as error:
            fault = str(error)
        try:
            rescue = Catalog(tempfile.mkdtemp(prefix="stl-search-"), shipped=False)
            entries = [self._add(rescue, found) for found in discoveries]
        except (InvalidInput, OSError):
            entries = [self._unwritten(found) for found in discoveries]
            failure = f"{fault}; nor can the system's temporary folder, so nothing was kept but these figures"
            return entries, failure
        again = command_line("stl-catalog import", str(rescue.directory), catalog=self._into.directory)
        return entries, f"{fault}; what was found is in {rescue.directory}: {again}"

    def _add(self, catalog: Catalog, found: Discovery) -> Entry:
        ancestors = [Stored(one.encoder, self._provenance(one, found)) for one in found.ancestors]
        return catalog.add(found.encoder, self._of_discovery(found), [*ancestors, *self._vanished(found)])

    def _vanished(self, found: Discovery) -> Iterator[Stored]:
        """The parents of a discovery that the catalog had when the search began and has no more.

        They have no recipe, since their own parents went with them.
        """
        for id in {parent for one in (*found.ancestors, found.candidate) for parent in one.parents}:
            if id in self._starts and self._into.ancestor(id) is None:
                entry = self._starts[id]
                yield Stored(entry.encoder, replace(entry.provenance, recipe=None))

    def _unwritten(self, found: Discovery) -> Entry:
        """The entry of a discovery that is in no file."""
        return Entry.unwritten(found.encoder, self._of_discovery(found))

    def _of_discovery(self, found: Discovery) -> Provenance:
        details = found.details | weighted_figures(self._problem, found.encoder)
        return replace(self._provenance(found.candidate, found), seconds=found.seconds, details=details)

    def _provenance(self, candidate: Candidate, found: Discovery) -> Provenance:
        """Where a candidate of the search that made a discovery came from."""
        strategy, seed, recipe = found.strategy if candidate.encoder is found.encoder else "construction", None, None
        if candidate.recipe is not None:
            strategy, seed, recipe = candidate.recipe.strategy, found.seed, candidate.recipe.as_json()
        precision = self._problem.precision.name
        return Provenance(strategy, seed, None, precision, candidate.details, candidate.parents, recipe)


def weighted_figures(problem: Problem, encoder: TileEncoder) -> dict[str, Any]:
    """Collect the figures that an encoder found under measured moments is recorded with.

    Parameters
    ----------
    problem : Problem
        What was searched for.
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    dict
        The figures under one key, "weighted"; empty if the search had no moments.
    """
    if (weights := problem.weights) is None:
        return {}
    figures = {
        "moments": weights.digest,
        "source": weights.source,
        "relative_error": weights.relative_error(encoder),
        "growth": weights.growth(encoder),
        "error_at_precision": problem.error(encoder),
    }
    return {"weighted": figures}
