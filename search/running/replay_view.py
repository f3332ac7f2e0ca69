"""What a person sees of a replay while it runs: which trial of how many, on a terminal and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def trials_progress(trials: int, *, silent: bool = False) -> Iterator[Callable[[str], None]]:
    """A bar on standard error, where that is a terminal; call what it gives with a line once a trial is done.

    The line goes to standard output, which may be a pipe. Where `silent`, there is neither.

    >>> with trials_progress(1) as done:
    ...     done("the first trial")
    the first trial
    """
    console = Console(stderr=True)
    columns = TextColumn("Replaying trial"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn()
    shown = console.is_terminal and not silent
    progress = Progress(*columns, console=console, transient=True, disable=not shown, redirect_stdout=False)
    # The trial that runs is counted, not those that are done.
    task = progress.add_task("", total=trials, completed=min(1, trials))

    def done(line: str) -> None:
        progress.stop()
        if not silent:
            click.echo(line)
        progress.update(task, completed=min(progress.tasks[0].completed + 1, trials))
        progress.start()

    with progress:
        yield done
