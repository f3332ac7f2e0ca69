"""Commands that a message advises: as they work when they are typed as printed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from catalog.catalog import Catalog

if TYPE_CHECKING:
    from pathlib import Path


def command_line(command: str, *arguments: str, catalog: Path) -> str:
    """Write a command that reads or writes a catalog.

    Parameters
    ----------
    command : str
        The command, such as "stl-catalog show".
    *arguments : str
        Its arguments; those that a shell would take apart are quoted.
    catalog : pathlib.Path
        The directory of the catalog.

    Returns
    -------
    str
        The command line; it names the catalog by ``--catalog`` unless it is the user's own.

    Examples
    --------
    >>> from pathlib import Path
    >>> command_line("stl-catalog show", "1a2b3c4d5e", catalog=Catalog.default().directory)
    'stl-catalog show 1a2b3c4d5e'
    >>> command_line("stl-catalog show", "1a2b3c4d5e", catalog=Path("my finds"))
    "stl-catalog show 1a2b3c4d5e --catalog 'my finds'"
    """
    named = [] if catalog == Catalog.default().directory else ["--catalog", str(catalog)]
    return " ".join([command, *map(shlex.quote, (*arguments, *named))])
