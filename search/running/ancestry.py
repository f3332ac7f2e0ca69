"""What the encoders of a search were made from, for as long as something made from them is alive."""

from __future__ import annotations

from collections.abc import Iterable

from search.trial import Candidate
from stl_algebra import TileEncoder


class Ancestry:
    """The candidates of a search by digest, each as it was first made; nothing of the encoders `given` to it.

    A candidate's parents are given, or were added before it: so there is no circle.

    >>> from stl_algebra import strassen, classical, Format
    >>> ancestry = Ancestry([])
    >>> ancestry.add(Candidate(classical(Format(2, 2, 2))))
    >>> child = Candidate(strassen(), parents=(classical(Format(2, 2, 2)).digest,))
    >>> [ancestor.encoder.rank for ancestor in ancestry.of(child)]
    [8]
    """

    def __init__(self, given: Iterable[TileEncoder]) -> None:
        self._given = {encoder.digest for encoder in given}
        self._made: dict[str, Candidate] = {}

    def __contains__(self, encoder: TileEncoder) -> bool:
        """Whether an encoder was given or added."""
        return encoder.digest in self._given or encoder.digest in self._made

    def add(self, candidate: Candidate) -> None:
        """Note how an encoder was made, unless it is known already."""
        if candidate.encoder not in self:
            self._made[candidate.encoder.digest] = candidate

    def of(self, candidate: Candidate) -> tuple[Candidate, ...]:
        """All ancestors that were not given, each after its own parents."""
        return tuple(self._made[digest] for digest in self._reached(candidate.parents))

    def keep(self, alive: Iterable[TileEncoder]) -> None:
        """Forget what is neither alive nor an ancestor of what is."""
        self._made = {digest: self._made[digest] for digest in self._reached(one.digest for one in alive)}

    def _reached(self, digests: Iterable[str]) -> dict[str, None]:
        """These and all they were made from, parents first; without recursion, since lines of descent are long."""
        reached: dict[str, None] = {}
        waiting = [(digest, False) for digest in digests][::-1]
        while waiting:
            digest, parents_done = waiting.pop()
            if digest in reached or digest not in self._made:
                continue
            if parents_done:
                reached[digest] = None
            else:
                waiting.append((digest, True))
                waiting += [(parent, False) for parent in self._made[digest].parents[::-1]]
        return reached
