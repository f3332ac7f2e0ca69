"""Tables and numbers as a person reads them."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from catalog.figures import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["ID_DIGITS", "console", "number", "plain_table"]

#: How many digits of an id are shown; `get` takes any prefix that is unique.
ID_DIGITS = 10


def console() -> Console:
    """Standard output: as wide as the terminal, 80 columns in a pipe; colour on a terminal only."""
    from rich.console import Console

    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    return Console(width=max(width, 40), highlight=False, markup=False, emoji=False)


def plain_table(*columns: str, right: str = "") -> Table:
    """A borderless table that survives a pipe; columns named in `right` hold numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    numeric = right.split()
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=True)
    return table
