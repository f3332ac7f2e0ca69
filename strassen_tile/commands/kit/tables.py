"""Tables and numbers as a person reads them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from catalog.figures import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["ID_DIGITS", "console", "counted", "number", "plain_table", "tracked"]

Item = TypeVar("Item")

#: How many digits of an id are shown; `get` takes any prefix that is unique.
ID_DIGITS = 10


def console() -> Console:
    """Open standard output for tables: as wide as the terminal, 80 columns in a pipe, colour on a terminal only.

    Returns
    -------
    rich.console.Console
        The console.
    """
    from rich.console import Console

    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    return Console(width=max(width, 40), highlight=False, markup=False, emoji=False)


def plain_table(*columns: str, right: str = "") -> Table:
    """Make a table without borders, which survives a pipe.

    Parameters
    ----------
    *columns : str
        The heads of the columns.
    right : str
        The heads, separated by spaces, of those that are flush right, as numbers are.

    Returns
    -------
    rich.table.Table
        The table, without rows.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    numeric = right.split()
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=True)
    return table


def counted(items: Iterable[Item]) -> Iterator[Item]:
    """Count items as they pass; a terminal shows the number on standard error.

    Parameters
    ----------
    items : iterable
        The items.

    Yields
    ------
    object
        Each item.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.completed} checked"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=None)


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The items; on a terminal, standard error shows a bar with how many of the total there were so far.

    Parameters
    ----------
    items : iterable
        The items.
    total : int
        How many there are.
    what : str
        What is counted, in words such as "files read".

    Yields
    ------
    object
        Each item.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total)
