"""stl-catalog replay: making an encoder again from its recipe."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import click

from stl_algebra.errors import InvalidInput
from strassen_tile.commands.kit.options import catalog_options, json_option, print_json
from strassen_tile.commands.kit.search_options import weights_option

if TYPE_CHECKING:
    from catalog import Catalog, Entry, Stored
    from search.trial import Candidate


@click.command("replay")
@click.argument("id")
@click.option(
    "--from-roots", is_flag=True, help="Replay all its ancestors too, each from what came out for its parents."
)
@weights_option("Use these moments; needed if the encoder was searched for under moments.")
@catalog_options
@json_option
def replay_command(
    catalog: Catalog, id: str, from_roots: bool, moments_file: pathlib.Path | None, as_json: bool
) -> None:
    """Make the encoder ID again, from its parents and seed.

    The command first says what it promises: the same encoder bit by bit, or on another machine or with another BLAS one
    as good. It exits with 1 if something else comes out, or if there is nothing to replay.
    """
    from catalog.origin import why_not_replayed

    entry = catalog.get(id)
    if reason := why_not_replayed(entry, catalog, from_roots):
        raise InvalidInput(reason)
    from search.running.replay import Promise, replays
    from search.running.replay_view import trials_progress

    weights = None
    if moments_file is not None:
        from catalog.moments_file import read_moments

        weights = read_moments(moments_file, entry.format)
    steps = _steps(catalog, entry, from_roots)
    roots = sum(step.recipe is None for step in steps)
    if not as_json:
        click.echo(f"Promised: {Promise.of([step.recipe for step in steps if step.recipe is not None])}.")
    done = []
    with trials_progress(len(steps) - roots, silent=as_json) as say:
        for replay in replays(steps, weights):
            done.append(replay)
            recorded = replay.recorded
            say(f"{recorded.digest[:10]} ({recorded.format} rank {recorded.rank}): {replay}.")
    if as_json:
        print_json({"id": entry.id, **done[-1].as_json(), "trials": len(done), "taken_as_they_are": roots})
    else:
        click.echo(f"Trials replayed: {len(done)}; encoders taken as they are: {roots}.")
    if not done[-1].kept:
        raise click.exceptions.Exit(1)


def _steps(catalog: Catalog, entry: Entry, from_roots: bool) -> list[Candidate]:
    """The steps of a replay, in order: an entry after all its ancestors, or after its parents as they are."""
    from search.trial import Candidate, Recipe

    def step(stored: Entry | Stored, replayed: bool) -> Candidate:
        came = stored.provenance
        recipe = Recipe.from_json(came.recipe) if came.recipe and replayed else None
        if recipe is not None and recipe.format != str(stored.encoder.format):
            found = f"{stored.encoder.digest[:10]} is of format {stored.encoder.format}"
            raise InvalidInput(f"{found}, its recipe of {recipe.format[:20]}: it was not made by that recipe")
        return Candidate(stored.encoder, parents=came.lineage, recipe=recipe)

    descent = catalog.descent(entry)
    parents = set(entry.provenance.lineage)
    return [
        *(step(stored, from_roots) for id, stored in descent.items() if from_roots or id in parents),
        step(entry, True),
    ]
