"""The three commands: stl-search, stl-catalog and stl-bench. Thin: options in, sentences and tables out."""

from __future__ import annotations

import pathlib
import signal
import time
from typing import TYPE_CHECKING, Any

import click

from catalog.commands.options import (
    PrecisionType,
    TileType,
    catalog_options,
    check_ranks,
    json_option,
    print_json,
)
from catalog.commands.reporting import Reporting, ReportingGroup
from search.commands.options import DurationType, RanksType
from search.strategy_names import NAMES, ON_REQUEST
from stl_algebra.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from rich.console import Console

    from catalog import Catalog, Entry, Provenance, Stored
    from search.report import LiveView
    from search.run import Search
    from search.strategy import Candidate, Problem
    from search.task import Discovery
    from stl_algebra.encoder import TileEncoder
    from stl_algebra.format import Format
    from stl_algebra.moments import Moments


catalog_command = ReportingGroup(
    "stl-catalog",
    {
        "list": "catalog.commands.list:list_command",
        "show": "catalog.commands.show:show_command",
        "compare": "catalog.commands.compare:compare_command",
        "plot": "catalog.commands.plot:plot_command",
        "site": "catalog.commands.site:site_command",
        "verify": "catalog.commands.verify:verify_command",
        "export": "catalog.commands.export:export_command",
        "import": "catalog.commands.import_:import_command",
        "remove": "catalog.commands.remove:remove_command",
        "replay": "cli:replay_command",
        "stats": "catalog.commands.stats:stats_command",
        "reindex": "catalog.commands.reindex:reindex_command",
    },
    help="Browse, check and exchange tile encoders.",
)

bench_command = ReportingGroup(
    "stl-bench",
    {
        "matmul": "stl_nn.commands.matmul:matmul_command",
        "layer": "stl_nn.commands.layer:layer_command",
        "model": "stl_nn.commands.model:model_command",
        "report": "stl_nn.commands.report:report_command",
        "moments": "stl_nn.commands.moments:moments_command",
        "search": "search.commands.search:search_bench_command",
    },
    help="Measure encoders, layers and whole networks.",
)


class Recorder:
    """Keeps a search's improvements in the catalog: every few seconds, exact ones at once, the last ones always.

    What cannot be written while the search runs stays noted and is tried again; `warn` is told the first reason.
    """

    INTERVAL = 5.0

    def __init__(self, catalog: Catalog, problem: Problem, warn: Callable[[str], object] = lambda _: None) -> None:
        self._catalog, self._problem, self._warn = catalog, problem, warn
        self._pending: dict[int, Discovery] = {}
        self._written = time.monotonic()
        self._warned = False

    def take(self, discovery: Discovery) -> None:
        """Note an improvement of its rank."""
        self._pending[discovery.encoder.rank] = discovery
        if discovery.encoder.exact:
            self.flush()

    def keep_up(self) -> None:
        """Write what is noted, where that was not done for long: a killed search loses no more than that."""
        if time.monotonic() - self._written > self.INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Write what is noted, as far as it can be written."""
        for rank, discovery in list(self._pending.items()):
            try:
                self.keep(discovery)
            except InvalidInput as error:
                if not self._warned:
                    self._warn(f"Not kept so far, to be tried again: {error}.")
                self._warned = True
            else:
                del self._pending[rank]
        self._written = time.monotonic()

    def keep(self, found: Discovery) -> Entry:
        """The entry of a discovery, written where it is not there yet. Raises InvalidInput where it cannot be."""
        if found.strategy == "known":
            return self._catalog.get(found.encoder.digest)
        return self._add(self._catalog, found)

    def keep_all(self, discoveries: Sequence[Discovery]) -> tuple[list[Entry], str | None]:
        """The entries of discoveries, and where one could not be written to the catalog why, and where it is now."""
        try:
            return [self.keep(found) for found in discoveries], None
        except InvalidInput as error:
            fault = str(error)
        import tempfile

        from catalog import Catalog

        try:
            rescue = Catalog(tempfile.mkdtemp(prefix="stl-search-"), shipped=False)
            entries = [self._add(rescue, found) for found in discoveries]
        except (InvalidInput, OSError):
            entries = [self._unwritten(found) for found in discoveries]
            return (
                entries,
                f"{fault}; nor can the system's temporary folder, so that nothing was kept but these figures",
            )
        return entries, f"{fault}; what was found is in {rescue.directory}: stl-catalog import {rescue.directory}"

    def _add(self, catalog: Catalog, found: Discovery) -> Entry:
        from catalog import Stored

        ancestors = [Stored(one.encoder, self._provenance(one, found)) for one in found.ancestors]
        return catalog.add(found.encoder, self._of_discovery(found), ancestors)

    def _unwritten(self, found: Discovery) -> Entry:
        """The entry of a discovery that is in no file."""
        from catalog import Entry

        return Entry.unwritten(found.encoder, self._of_discovery(found))

    def _of_discovery(self, found: Discovery) -> Provenance:
        from dataclasses import replace

        details = found.details | weighted_figures(self._problem, found.encoder)
        return replace(self._provenance(found.candidate, found), seconds=found.seconds, details=details)

    def _provenance(self, candidate: Candidate, found: Discovery) -> Provenance:
        """Where a candidate of the search that made a discovery came from."""
        from catalog import Provenance

        strategy, seed, recipe = found.strategy if candidate.encoder is found.encoder else "construction", None, None
        if candidate.recipe is not None:
            strategy, seed, recipe = candidate.recipe.strategy, found.seed, candidate.recipe.as_json()
        precision = self._problem.precision.name
        return Provenance(strategy, seed, None, precision, candidate.details, candidate.parents, recipe)


def weighted_figures(problem: Problem, encoder: TileEncoder) -> dict[str, Any]:
    """What an encoder found under measured moments is recorded with, under one key; nothing without weights."""
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


def _known_encoders(
    catalog: Catalog, tile: Format, ranks: tuple[int, int], precision: str, weights: Moments | None
) -> tuple[TileEncoder, ...]:
    """What a search may start from: the catalog's best of the format, a few of every rank nearby, and exact ones."""
    near, per_rank = 4, 8
    chosen: dict[int, list[Entry]] = {}
    entries = catalog.entries(tile, real=True, precision=precision, order="error")
    entries = [entry for entry in entries if entry.exact or ranks[0] - near <= entry.rank <= ranks[1] + near]
    if weights is not None and entries:
        from search.scoring import score

        errors = score([entry.encoder for entry in entries], weights).error_at(precision)
        entries = [entries[k] for k in errors.argsort(kind="stable")]
    for entry in entries:
        same = chosen.setdefault(entry.rank, [])
        if len(same) < per_rank:
            same.append(entry)
    return tuple(entry.encoder for same in chosen.values() for entry in same)


def _parts(catalog: Catalog, tile: Format, precision: str) -> tuple[TileEncoder, ...]:
    """What a search may compose or grow: of every smaller format the catalog's best encoder of every rank, and the
    exact ones of least rank whose denominators are odd, which flips start from."""
    best: dict[tuple[tuple[int, ...], int], Entry] = {}
    odd: dict[tuple[int, ...], list[Entry]] = {}
    for entry in catalog.entries(None, real=True, precision=precision, order="error"):
        shape = tuple(sorted(entry.format))
        if shape == tuple(sorted(tile)) or any(a > b for a, b in zip(shape, sorted(tile), strict=True)):
            continue
        best.setdefault((shape, entry.rank), entry)
        if entry.exact and all(denominator % 2 for denominator in entry.encoder.denominators):
            odd.setdefault(shape, []).append(entry)
    least = [entry for same in odd.values() for entry in same if entry.rank == min(other.rank for other in same)]
    return tuple({entry.id: entry.encoder for entry in (*best.values(), *least)}.values())


def _problem(
    catalog: Catalog, tile: Format, ranks: tuple[int, int], precision: str, moments_file: pathlib.Path | None
) -> Problem:
    """The problem of the lowest rank, with the moments of a file and what the catalog has to start from."""
    from search.strategy import Problem
    from stl_algebra.precision import Precision

    weights = None
    if moments_file is not None:
        from catalog.moments_file import read_moments

        weights = read_moments(moments_file, tile)
    known = _known_encoders(catalog, tile, ranks, precision, weights)
    parts = () if weights is not None else _parts(catalog, tile, precision)
    return Problem(tile, ranks[0], Precision.parse(precision), known, weights, parts)


def _executor(address: str | None) -> tuple[Callable[[int], Executor], int]:
    """What makes executors on this machine or on the cluster at an address, and how many tasks it runs at a time."""
    if address is not None:
        from search.cluster import Cluster

        cluster = Cluster(address)
        return cluster.executor, cluster.workers
    from os import cpu_count

    from search.run import local_executor

    return local_executor, cpu_count() or 1


def _watched(search: Search, recorder: Recorder, view: LiveView) -> bool:
    """Run a search to its end, keeping and showing what it finds; True where interrupted, which keeps the best."""
    from search.run import Progress

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    events = search.run()
    try:
        for event in events:
            if isinstance(event, Progress):
                recorder.keep_up()
                view.progress(event)
            else:
                recorder.take(event)
                view.improvement(event)
    except KeyboardInterrupt:
        return True
    finally:
        events.close()
        recorder.flush()
    return False


def _print_found(search: Search, entries: list[Entry], place: pathlib.Path | None, console: Console) -> None:
    """The figures of one encoder or a row a rank, and where they are: in the catalog at a place, if they are."""
    from search.report import frontier, summary

    encoders = [entry.encoder for entry in entries]
    problem = search.problem
    console.print(summary(problem, encoders[0]) if len(encoders) == 1 else frontier(problem, encoders))
    if place is None:
        return
    if all(found.strategy == "known" for found in search.best.values()):
        console.print("\nNothing better was found than the catalog holds.")
    else:
        console.print(f"\nKept in {place}")
    console.print(f"See it with: stl-catalog show {entries[0].id[:10]}")


def _weights_option(help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """--weights FILE, of moments of tiles."""
    path = click.Path(path_type=pathlib.Path)
    return click.option("--weights", "moments_file", type=path, metavar="FILE", help=help)


@click.command("stl-search", cls=Reporting, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tile", type=TileType(), required=True, help="The format: 4 for ⟨4,4,4⟩, or 2x3x4.")
@click.option("--rank", "ends", type=RanksType(), required=True, help="The rank, or a range to walk: 40 or 16-49.")
@click.option(
    "--precision", type=PrecisionType(), default="bf16", show_default=True, help="Minimise the error in this."
)
@click.option("--budget", type=DurationType(), default="60s", show_default=True, help="How long: 60s, 10m, 2h.")
@click.option("--jobs", type=click.IntRange(1), help="Tasks at a time [default: one a core, or a worker of --dask].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random generators.")
@click.option(
    "--strategy",
    type=click.Choice(["auto", *NAMES, *ON_REQUEST]),
    default="auto",
    show_default=True,
    help="How to search; one named shows its own results only.",
)
@_weights_option("Minimise the error under the second moments of tiles in this file (see stl-bench moments).")
@click.option("--dask", metavar="ADDRESS", help="Search on the Dask cluster whose scheduler is at tcp://host:port.")
@catalog_options
@json_option
def search_command(
    catalog: Catalog,
    tile: Format,
    ends: tuple[int, int],
    precision: str,
    budget: float,
    jobs: int | None,
    seed: int,
    strategy: str,
    moments_file: pathlib.Path | None,
    dask: str | None,
    as_json: bool,
) -> None:
    """Search for the encoder of a format and rank with the least error at a precision, and keep it.

    Ctrl-C keeps the best found so far.
    """
    started = time.monotonic()
    check_ranks(tile, ends)
    makes, capacity = _executor(dask)
    from rich.console import Console

    from search.report import LiveView, ranks_without
    from search.run import Search

    problem = _problem(catalog, tile, ends, precision, moments_file)
    catalog.check_writable()
    ranks = range(ends[0], ends[1] + 1)
    search = Search(
        problem,
        ranks=ranks,
        budget=budget,
        jobs=jobs or capacity,
        seed=seed,
        strategy_name=strategy,
        executor=makes,
    )
    console = Console(stderr=as_json, highlight=False, soft_wrap=True, markup=False, emoji=False)
    recorder = Recorder(catalog, problem, console.print)
    with LiveView(problem, ranks, console) as view:
        interrupted = _watched(search, recorder, view)
    if not search.best:
        if interrupted:
            raise InvalidInput(f"{strategy} was interrupted before it found an encoder")
        raise InvalidInput(f"{strategy} found no encoder in {budget:g} s; give it a longer --budget")
    # One entry a rank that was asked for, the highest first; one of fewer products can serve several.
    discoveries = {found.encoder.digest: found for _, found in sorted(search.best.items())[::-1]}
    entries, fault = recorder.keep_all(list(discoveries.values()))
    others_fault = recorder.keep_all(search.others)[1] if fault is None else None
    without = ranks_without(search)
    if as_json:
        run = {"elapsed": round(time.monotonic() - started, 3), "interrupted": interrupted}
        found = [entry.as_json(precision) | weighted_figures(problem, entry.encoder) for entry in entries]
        print_json(found[0] | run if len(ranks) == 1 else {"encoders": found, "ranks_without": without} | run)
    else:
        best = "the best so far is kept" if fault is None else "this is the best so far"
        console.print(f"Interrupted; {best}.\n" if interrupted else "")
        _print_found(search, entries, catalog.directory if fault is None else None, console)
        for why, missing in without.items():
            console.print(f"Ranks without an encoder, {why}: {', '.join(map(str, missing))}.")
    if fault or others_fault:
        raise InvalidInput(fault or f"encoders of other families could not be kept: {others_fault}")


@click.command("replay")
@click.argument("id")
@click.option("--from-roots", is_flag=True, help="Replay all it descends from too, from what came out for parents.")
@_weights_option("The moments it was searched for, where there were any.")
@catalog_options
@json_option
def replay_command(
    catalog: Catalog, id: str, from_roots: bool, moments_file: pathlib.Path | None, as_json: bool
) -> None:
    """Run the trial that found the encoder ID again, from its parents and seed, and tell whether it comes out again.

    Exits with 1 where another encoder comes out, or there is nothing to replay.
    """
    from catalog.story import why_not_replayed

    entry = catalog.get(id)
    if reason := why_not_replayed(entry, catalog):
        raise InvalidInput(reason)
    from search.replay import replays

    weights = None
    if moments_file is not None:
        from catalog.moments_file import read_moments

        weights = read_moments(moments_file, entry.format)
    steps = _steps(catalog, entry, from_roots)
    roots = sum(step.recipe is None for step in steps)
    done = []
    for replay in replays(steps, weights):
        done.append(replay)
        if not as_json:
            recorded = replay.recorded
            click.echo(f"{recorded.digest[:10]} ({recorded.format} rank {recorded.rank}): {replay}.")
    if as_json:
        print_json({"id": entry.id, **done[-1].as_json(), "trials": len(done), "taken_as_they_are": roots})
    else:
        click.echo(f"Trials replayed: {len(done)}; encoders taken as they are: {roots}.")
    if not done[-1].alike:
        raise click.exceptions.Exit(1)


def _steps(catalog: Catalog, entry: Entry, from_roots: bool) -> list[Candidate]:
    """What is replayed, in order: an entry after all it descends from, or after its parents as they are."""
    from search.strategy import Candidate
    from search.trial import Recipe

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
