"""What of a search's finds the catalog holds: while it runs, and when it has ended."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog
from search.problem import Problem
from search.running.exploration import run_trial
from search.running.task import Discovery
from search.stop import Stop
from search.trial import Candidate, Trial
from stl_algebra import Format, TileEncoder, strassen
from strassen_tile.recorder import Recorder

PROBLEM = Problem(Format(2, 2, 2), 6)
EXACT = Problem(Format(2, 2, 2), 7)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path, shipped=False)


def _found(candidate: Candidate, ancestors: tuple[Candidate, ...] = ()) -> Discovery:
    parents, details, recipe = candidate.parents, candidate.details, candidate.recipe
    return Discovery(candidate.encoder, "als", 0, 1.0, parents, details, recipe, ancestors)


def _made(seed: int, *parents: TileEncoder) -> Candidate:
    """What a trial of alternating least squares makes at rank 6, from a random start or from a parent."""
    return next(run_trial(Trial("als", PROBLEM, "hop" if parents else "random", parents, seed=seed), Stop()))


def _ids(catalog: Catalog) -> set[str]:
    return {entry.id for entry in catalog.entries()}


def test_what_is_beaten_goes_when_the_best_is_kept(catalog: Catalog) -> None:
    recorder = Recorder(catalog, PROBLEM, every=0)
    steps = [_found(_made(seed)) for seed in range(4)]
    for step in steps:
        recorder.take(step)
        recorder.keep_up()
    assert _ids(catalog) == {step.encoder.digest for step in steps}
    kept, fault = recorder.keep_all(steps[2:])
    assert fault is None
    recorder.forget_beaten(kept)
    assert _ids(catalog) == {step.encoder.digest for step in steps[2:]}


def test_between_two_writes_improvements_are_noted(catalog: Catalog) -> None:
    recorder = Recorder(catalog, PROBLEM, every=inf)
    steps = [_found(_made(seed)) for seed in range(3)]
    for step in steps:
        recorder.take(step)
        recorder.keep_up()
    assert _ids(catalog) == set()
    recorder.flush()
    assert _ids(catalog) == {steps[-1].encoder.digest}


def test_what_the_catalog_had_before_stays(catalog: Catalog) -> None:
    first, second = _found(_made(0)), _found(_made(1))
    Recorder(catalog, PROBLEM).keep(first)
    recorder = Recorder(catalog, PROBLEM, every=0)
    recorder.take(first)
    recorder.keep_up()
    recorder.forget_beaten([recorder.keep(second)])
    assert _ids(catalog) == {first.encoder.digest, second.encoder.digest}


def test_what_others_descend_from_stays_as_their_ancestor(catalog: Catalog) -> None:
    recorder = Recorder(catalog, PROBLEM, every=0)
    parent = _made(0)
    child = _made(1, parent.encoder)
    recorder.take(_found(parent))
    recorder.keep_up()
    entry = recorder.keep(_found(child, (parent,)))
    recorder.forget_beaten([entry])
    assert _ids(catalog) == {entry.id}
    assert list(catalog.descent(entry)) == [parent.encoder.digest]


def test_an_exact_encoder_stays_unless_another_one_is_kept(catalog: Catalog) -> None:
    recorder = Recorder(catalog, EXACT, every=inf)
    exact = [_found(Candidate(one)) for one in (strassen(), _in_another_order(strassen()))]
    approximate = _found(next(run_trial(Trial("als", EXACT, "random", seed=1), Stop())))
    assert not approximate.encoder.exact
    recorder.take(exact[0])
    recorder.forget_beaten([recorder.keep(approximate)])
    assert _ids(catalog) == {exact[0].encoder.digest, approximate.encoder.digest}
    recorder.forget_beaten([recorder.keep(exact[1])])
    assert _ids(catalog) == {exact[1].encoder.digest, approximate.encoder.digest}


def _in_another_order(encoder: TileEncoder) -> TileEncoder:
    u, v, w = (np.roll(factor, 1, axis=0) for factor in encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T, encoder.ring)


def test_what_was_made_from_a_start_that_is_gone_can_be_made_again(catalog: Catalog) -> None:
    """Another search removes what it wrote on its way, from which this one started meanwhile."""
    grandparent = _made(0)
    parent = _made(1, grandparent.encoder)
    start = Recorder(catalog, PROBLEM).keep(_found(parent, (grandparent,)))
    assert start.encoder == parent.encoder
    recorder = Recorder(catalog, PROBLEM, starts=[start])
    catalog.remove(start.id)
    kept = recorder.keep(_found(_made(2, parent.encoder)))
    assert _ids(catalog) == {kept.id}
    (stored,) = catalog.descent(kept).values()
    assert (stored.encoder, stored.provenance.recipe) == (parent.encoder, None)
    assert stored.provenance.lineage == (grandparent.encoder.digest,)
