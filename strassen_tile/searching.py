"""Searching into a catalog: what `stl-search` does, from Python."""

from __future__ import annotations

import logging
import pathlib
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from operator import index
from typing import TYPE_CHECKING

from catalog.catalog import Catalog
from catalog.places import usual_directory
from catalog.query import Tile, parse_tile
from catalog.store import UnwritableFolder
from stl_algebra.errors import InvalidInput
from stl_algebra.moments import TileMoments
from stl_algebra.precision import Precision
from stl_algebra.tensor import check_products
from strassen_tile.found import Found
from strassen_tile.recorder import KEEP_EVERY, Recorder
from strassen_tile.starts import problem_from

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from rich.console import Console

    from search.running.report import LiveView
    from search.running.run import Search
    from stl_algebra.format import Format

_log = logging.getLogger(__name__)

#: Seconds that a search lasts if neither a budget nor a number of trials is given.
BUDGET = 60.0


def search(
    tile: Tile,
    rank: int | Iterable[int],
    *,
    precision: str | Precision = "bf16",
    budget: float | None = None,
    trials: int | None = None,
    jobs: int | None = None,
    seed: int = 0,
    strategy: str = "auto",
    weights: TileMoments | os.PathLike[str] | str | None = None,
    catalog: Catalog | None = None,
    dask: str | None = None,
    view: Console | bool = False,
) -> Found:
    """Search for encoders of least error at a precision, and keep what is found in a catalog.

    Ctrl-C ends the search early and keeps the best so far. In a script, call this below
    ``if __name__ == "__main__":``, since the search starts worker processes.

    Parameters
    ----------
    tile : int, str, tuple of three int or Format
        The format: 4 for ⟨4,4,4⟩, "2x3x4" or (2, 3, 4).
    rank : int or iterable of int
        The number of products, or several such as ``range(16, 49)``.
    precision : str or Precision
        The error is minimised at this precision: "bf16", "fp16", "tf32", "fp32" or "fp8".
    budget : float or None
        Seconds; None: 60, or no limit if `trials` is given.
    trials : int or None
        The search stops after this many trials. With `jobs` = 1 and no budget, the same search finds the same again.
    jobs : int or None
        Tasks that run at a time; None: one a core, or one a worker of the cluster.
    seed : int
        Seed of the random generators, at least 0.
    strategy : str
        The name of one strategy, "auto" for the portfolio of all, or a class of your own as "module:Class".
    weights : TileMoments, path or None
        Second moments of the tiles of a layer, or their file: the error is minimised for such inputs. None: for
        independent entries of one variance.
    catalog : Catalog or None
        The starts come from this catalog, and it keeps what is found; None: the user's own, `Catalog.default()`.
    dask : str or None
        The address of a Dask scheduler, ``tcp://host:port``, to search on its cluster.
    view : bool or rich.console.Console
        True shows progress on standard error, as a terminal does; a rich Console shows it there.

    Returns
    -------
    Found
        The entries, the highest rank first.

    Raises
    ------
    InvalidInput
        If an argument is not understood, if the rank does not fit the format, if nothing was found, or if a catalog
        that the caller named cannot be written.
    KeyboardInterrupt
        If the search is interrupted before it found anything.

    Examples
    --------
    >>> import tempfile
    >>> place = Catalog(tempfile.mkdtemp(), shipped=False)
    >>> search(2, 7, trials=1, jobs=1, catalog=place).best.exact
    True
    """
    format = parse_tile(tile)
    check_products(format)
    ranks = _ranks(rank, format)
    precision = Precision.parse(precision)
    moments = weights if weights is None or isinstance(weights, TileMoments) else _read_moments(weights, format)
    catalog = Catalog.default() if catalog is None else catalog
    problem, starts = problem_from(catalog, format, (ranks[0], ranks[-1]), precision, moments)
    from search.running.run import Search

    executor, capacity = _executor(dask)
    running = Search(
        problem,
        ranks=ranks,
        budget=BUDGET if budget is None and trials is None else budget,
        trials=trials,
        jobs=capacity if jobs is None else jobs,
        seed=seed,
        strategy_name=strategy,
        executor=executor,
    )
    console = _console(view)
    say: Callable[[str], object] = _log.warning if console is None else console.print
    into = _kept_in(catalog, say)
    recorder = Recorder(catalog, problem, say, KEEP_EVERY, starts, into)
    interrupted = _run(running, recorder, console)
    if not running.best:
        if interrupted is not None:
            raise interrupted
        more = "a longer budget" if trials is None else "more trials"
        raise InvalidInput(
            f"{strategy} found no encoder in {running.budget} that beats leaving products out; give it {more}"
        )
    return _kept(running, recorder, into.directory, interrupted)


def _ranks(rank: int | Iterable[int], format: Format) -> list[int]:
    """The ranks in rising order, each once. Raises InvalidInput if they are none or do not fit the format."""
    example = "give a rank such as 40, or a range such as range(16, 49)"
    try:
        ranks = sorted({index(one) for one in (rank if isinstance(rank, Iterable) else [rank])})
    except TypeError:
        raise InvalidInput(f"rank {rank!r} is not a whole number; {example}") from None
    if not ranks:
        raise InvalidInput(f"the range of ranks is empty; {example}")
    for one in ranks:
        format.check_rank(one)
    return ranks


def _read_moments(path: os.PathLike[str] | str, format: Format) -> TileMoments:
    from catalog.moments_file import read_moments

    return read_moments(pathlib.Path(path), format)


def _executor(address: str | None) -> tuple[Callable[[int], Executor], int]:
    """What makes executors on this machine or on a cluster, and how many tasks it runs at a time."""
    if address is not None:
        from search.running.cluster import Cluster

        cluster = Cluster(address)
        return cluster.executor, cluster.workers
    from search.running.workers import Workers, usable_cores

    return Workers, usable_cores()


def _console(view: Console | bool) -> Console | None:
    """The console that shows a search, if any does."""
    if isinstance(view, bool):
        if not view:
            return None
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
    return view


def _kept_in(catalog: Catalog, say: Callable[[str], object]) -> Catalog:
    """Where a search keeps what it finds: in the catalog, or in a temporary folder if the user's own is unwritable.

    Raises InvalidInput if a catalog that the user named cannot be written.
    """
    try:
        catalog.check_writable()
    except UnwritableFolder as error:
        if catalog.directory != usual_directory():
            raise
        try:
            temporary = Catalog(tempfile.mkdtemp(prefix="stl-search-"), shipped=False)
        except OSError:
            raise error from None
        say(
            f"The catalog {catalog.directory} cannot be written, so what is found is kept in {temporary.directory}; "
            "name another, by --catalog DIR or as Catalog(DIR)."
        )
        return temporary
    return catalog


def _run(search: Search, recorder: Recorder, console: Console | None) -> KeyboardInterrupt | None:
    """Run a search to its end, keeping and showing what it finds; returns what interrupted it."""
    from search.running.report import LiveView
    from search.running.run import Progress

    shown: AbstractContextManager[LiveView | None] = nullcontext()
    if console is not None:
        shown = LiveView(search.problem, search.ranks, console)
    with shown as view:
        events = search.run()
        try:
            for event in events:
                if isinstance(event, Progress):
                    recorder.keep_up()
                    if view is not None:
                        view.progress(event)
                else:
                    recorder.take(event)
                    if view is not None:
                        view.improvement(event)
        except KeyboardInterrupt as interruption:
            return interruption
        finally:
            events.close()
            recorder.flush()
    return None


def _kept(search: Search, recorder: Recorder, directory: pathlib.Path, interrupted: KeyboardInterrupt | None) -> Found:
    """Keep the best of each rank and a few others of a search that has ended, and drop what they beat."""
    from search.running.report import ranks_without

    # One of fewer products can serve several ranks.
    discoveries = {found.encoder.digest: found for _, found in sorted(search.best.items(), reverse=True)}
    entries, failure = recorder.keep_all(list(discoveries.values()))
    if failure is None:
        others, failure = recorder.keep_all(search.others)
        if failure is None:
            recorder.forget_beaten([*entries, *others])
        else:
            failure = f"encoders of other families could not be kept: {failure}"
    return Found(
        tuple(entries),
        search.problem,
        None if failure else directory,
        failure,
        ranks_without(search),
        interrupted,
        any(found.strategy != "known" for found in search.best.values()),
    )
