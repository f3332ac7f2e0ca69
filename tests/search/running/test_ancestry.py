"""What encoders of a search were made from: in order, without circles, and no longer than it is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search.running.ancestry import Ancestry
from search.trial import Candidate
from stl_algebra import Format, TileEncoder


def _encoder(number: int) -> TileEncoder:
    rng = np.random.default_rng(number)
    return TileEncoder(Format(1, 1, 1), *(rng.standard_normal((1, 1)) for _ in range(3)))


def _candidate(number: int, *parents: int) -> Candidate:
    return Candidate(_encoder(number), parents=tuple(_encoder(parent).digest for parent in parents))


def _ancestry(*candidates: Candidate, given: tuple[int, ...] = ()) -> Ancestry:
    ancestry = Ancestry([_encoder(number) for number in given])
    for candidate in candidates:
        ancestry.add(candidate)
    return ancestry


def test_ancestors_come_after_their_parents_and_once() -> None:
    ancestry = _ancestry(_candidate(1, 0), _candidate(2, 1), _candidate(3, 1), given=(0,))
    found = ancestry.of(_candidate(4, 3, 2, 3))
    assert [one.encoder for one in found] == [_encoder(1), _encoder(3), _encoder(2)]


def test_what_is_made_again_from_its_own_descendants_makes_no_circle() -> None:
    ancestry = _ancestry(_candidate(1), _candidate(2, 1), _candidate(1, 2), _candidate(0, 2), given=(0,))
    assert [one.parents for one in ancestry.of(_candidate(3, 2))] == [(), (_encoder(1).digest,)]
    assert ancestry.of(_candidate(3, 0)) == ()


def test_a_long_line_of_descent_is_followed() -> None:
    steps = 5000
    ancestry = _ancestry(Candidate(_encoder(0)))
    digests = [_encoder(0).digest]
    for step in range(1, steps):
        candidate = replace(_candidate(step), parents=(digests[-1],))
        ancestry.add(candidate)
        digests.append(candidate.encoder.digest)
    assert [
        one.encoder.digest for one in ancestry.of(Candidate(_encoder(-1 % 2**31), parents=(digests[-1],)))
    ] == digests


def test_only_what_lives_and_its_ancestors_are_kept() -> None:
    ancestry = _ancestry(_candidate(1), _candidate(2, 1), _candidate(3, 1), _candidate(4, 3))
    ancestry.keep([_encoder(2)])
    assert [_encoder(k) in ancestry for k in (1, 2, 3, 4)] == [True, True, False, False]
