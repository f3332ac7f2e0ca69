"""What a person sees of a search: a live view while it runs, a table and a sentence when it ends."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search.run import Progress
from search.strategy import Problem
from search.task import Discovery

if TYPE_CHECKING:
    from stl_algebra import TileEncoder

#: Seconds between lines that say how the search stands, where there is no terminal to redraw.
QUIET_INTERVAL = 10.0


class LiveView:
    """Shows a search on a console: redrawn in place on a terminal, line by line elsewhere."""

    def __init__(self, problem: Problem, console: Console) -> None:
        self._problem, self._console = problem, console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._last_line = time.monotonic()
        naive = 1 - problem.rank / problem.format.products
        console.print(
            f"Searching ⟨{problem.format.n},{problem.format.m},{problem.format.p}⟩ at rank {problem.rank} of "
            f"{problem.format.products}, least error in {problem.precision}. "
            f"Leaving products out costs {naive:.4f}.",
            highlight=False,
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
        rank = f"  rank {encoder.rank}" if encoder.rank != self._problem.rank else ""
        self._console.print(
            f"{discovery.seconds:7.1f} s  error {encoder.error_at(self._problem.precision):.5f}  "
            f"growth {encoder.growth:9.4g}  {discovery.strategy}{rank}{exact}",
            highlight=False,
        )
        self._last_line = time.monotonic()

    def progress(self, progress: Progress) -> None:
        """How every strategy stands."""
        if self._live:
            self._live.update(_arms(progress), refresh=True)
        elif time.monotonic() - self._last_line > QUIET_INTERVAL:
            trials = sum(arm.trials for arm in progress.arms)
            self._console.print(
                f"{progress.elapsed:7.1f} s  {trials} trials so far, {progress.remaining:.0f} s left", highlight=False
            )
            self._last_line = time.monotonic()


def summary(problem: Problem, encoder: TileEncoder) -> Table:
    """The figures of a result beside those of leaving products out."""
    naive = 1 - encoder.rank / problem.format.products
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ("format", f"⟨{encoder.format.n},{encoder.format.m},{encoder.format.p}⟩"),
        ("rank", f"{encoder.rank} of {problem.format.products} products (ratio {encoder.ratio:.3f})"),
        ("relative error", f"{encoder.relative_error:.6f}" if encoder.relative_error else "0"),
        ("growth", f"{encoder.growth:.5g}"),
        (f"error in {problem.precision}", f"{encoder.error_at(problem.precision):.6f}"),
        ("leaving products out", f"{naive:.6f}"),
        ("exact", f"yes, over {encoder.ring}" if encoder.exact else "no"),
    ):
        table.add_row(name, Text(value))
    return table


def _arms(progress: Progress) -> Table:
    title = f"{progress.elapsed:.0f} s, {progress.remaining:.0f} s left, {progress.tasks_running} tasks running"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("strategy")
    for column in ("best error", "trials", "slices"):
        table.add_column(column, justify="right")
    for arm in progress.arms:
        shown = "–" if arm.best is None else f"{max(arm.best, 0.0):.5f}"
        table.add_row(arm.name, shown, str(arm.trials), str(arm.slices))
    return table
