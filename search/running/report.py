"""What a person sees of a search: a live view while it runs, a table and a sentence when it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search.problem import Problem
from search.running.run import Progress, Search
from search.running.task import Discovery

if TYPE_CHECKING:
    from stl_algebra import Format, TileEncoder

#: Seconds between lines that say how the search stands, where there is no terminal to redraw.
QUIET_INTERVAL = 10.0


class LiveView:
    """Shows a search on a console: redrawn in place on a terminal, line by line elsewhere."""

    def __init__(self, problem: Problem, ranks: Sequence[int], console: Console) -> None:
        self._problem, self._ranks, self._console = problem, ranks, console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._last_line = time.monotonic()
        products = problem.format.products
        wanted = f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {min(ranks)} to {max(ranks)}"
        single = len(ranks) == 1 and problem.weights is None
        naive = f" Leaving products out costs {1 - ranks[0] / products:.4f}." if single else ""
        weighted = "" if problem.weights is None else f" under the moments of {problem.weights.source or 'a file'}"
        self._say(
            f"Searching {angle(problem.format)} at {wanted} of {products}, "
            f"least error in {problem.precision}{weighted}.{naive}"
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def improvement(self, discovery: Discovery) -> None:
        """One line for an encoder better than all before."""
        encoder = discovery.encoder
        exact = f"  exact over {encoder.ring}" if encoder.ring.is_exact_for_reals else ""
        rank = "" if [encoder.rank] == list(self._ranks) else f"rank {encoder.rank:3d}  "
        self._say(
            f"{discovery.seconds:7.1f} s  {rank}error {self._problem.error(encoder):.5f}  "
            f"growth {encoder.growth:9.4g}  {discovery.strategy}{exact}"
        )
        self._last_line = time.monotonic()

    def progress(self, progress: Progress) -> None:
        """How every strategy stands."""
        if self._live:
            self._live.update(_standing(progress), refresh=True)
        elif time.monotonic() - self._last_line > QUIET_INTERVAL:
            trials = sum(arm.trials for arm in progress.arms)
            self._say(f"{progress.elapsed:7.1f} s  {trials} trials so far, {left(progress)} left")
            self._last_line = time.monotonic()

    def _say(self, line: str) -> None:
        """Print a line as it is: text of a file may look like markup."""
        self._console.print(line, highlight=False, markup=False, emoji=False)


def angle(format: Format) -> str:
    """⟨n,m,p⟩."""
    return f"⟨{format.n},{format.m},{format.p}⟩"


def summary(problem: Problem, encoder: TileEncoder) -> Table:
    """The figures of one result beside those of leaving products out."""
    naive = 1 - encoder.rank / problem.format.products
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    weighted = []
    if problem.weights is not None:
        weighted = [
            ("weighted error", f"{problem.weights.relative_error(encoder):.6f}"),
            (f"weighted error in {problem.precision}", f"{problem.error(encoder):.6f}"),
        ]
    for name, value in (
        ("format", angle(encoder.format)),
        ("rank", f"{encoder.rank} of {problem.format.products} products (ratio {encoder.ratio:.3f})"),
        ("relative error", f"{encoder.relative_error:.6f}" if encoder.relative_error else "0"),
        ("growth", f"{encoder.growth:.5g}"),
        (f"error in {problem.precision}", f"{encoder.error_at(problem.precision):.6f}"),
        ("leaving products out", f"{naive:.6f}"),
        *weighted,
        ("exact", f"yes, over {encoder.ring}" if encoder.exact else "no"),
    ):
        table.add_row(name, Text(value))
    return table


def frontier(problem: Problem, encoders: Sequence[TileEncoder]) -> Table:
    """One row a rank."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    weighted = [] if problem.weights is None else ["weighted"]
    for column in ("rank", "ratio", *weighted, f"error in {problem.precision}", "left out", "growth", "exact"):
        table.add_column(column, justify="right")
    for encoder in encoders:
        table.add_row(
            str(encoder.rank),
            f"{encoder.ratio:.3f}",
            *(f"{problem.error(encoder):.5f}" for _ in weighted),
            f"{encoder.error_at(problem.precision):.5f}",
            f"{1 - encoder.ratio:.5f}",
            f"{encoder.growth:.4g}",
            str(encoder.ring) if encoder.exact else "no",
        )
    return table


def _standing(progress: Progress) -> Table:
    """One row a strategy, ranks together."""
    title = f"{progress.elapsed:.0f} s, {left(progress)} left, {progress.tasks_running} tasks running"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    single = len({arm.rank for arm in progress.arms}) == 1
    table.add_column("strategy")
    for column in ("best error" if single else "ranks led", "trials", "slices"):
        table.add_column(column, justify="right")
    for name in dict.fromkeys(arm.strategy for arm in progress.arms):
        arms = [arm for arm in progress.arms if arm.strategy == name]
        costs = [arm.best for arm in arms if arm.best is not None]
        led = sum(found.strategy == name for found in progress.best.values())
        shown = (f"{max(costs[0], 0.0):.5f}" if costs else "–") if single else str(led)
        table.add_row(name, shown, str(sum(a.trials for a in arms)), str(sum(a.slices for a in arms)))
    return table


def left(progress: Progress) -> str:
    """What is left of the seconds and of the trials, as far as they are limited."""
    seconds = [] if progress.remaining == inf else [f"{progress.remaining:.0f} s"]
    trials = [] if progress.trials_left == inf else [f"{progress.trials_left:.0f} trials"]
    return " or ".join([*seconds, *trials])


def ranks_without(search: Search) -> dict[str, list[int]]:
    """The ranks asked for that have no encoder, by the reason.

    >>> from stl_algebra import Format
    >>> ranks_without(Search(Problem(Format(3, 3, 3), 22), ranks=(22, 23), budget=1, strategy_name="flip"))
    {'no time was left for them': [22, 23]}
    """
    short = "time was" if search.budget.trials is None else "trials were"
    reasons = {
        f"no {short} left for them": search.not_reached,
        "the strategy does not apply": search.not_applicable,
    }
    told = {rank for ranks in reasons.values() for rank in ranks}
    reasons["none was found"] = tuple(rank for rank in search.ranks if rank not in told)
    open_ranks = {why: [rank for rank in ranks if rank not in search.best] for why, ranks in reasons.items()}
    return {why: ranks for why, ranks in open_ranks.items() if ranks}
