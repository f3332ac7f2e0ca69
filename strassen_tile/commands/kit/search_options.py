"""Option types of searches, and options that several commands about searches share."""

from __future__ import annotations

import os
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Any

import click

from search.strategies.names import NAMES, ON_REQUEST
from stl_algebra.errors import InvalidInput


class DurationType(click.ParamType):
    """Seconds on the command line: 60, 60s, 10m or 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the duration."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?", str(value).strip())
        seconds = float(match[1]) * {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}[match[2]] if match else 0.0
        if not 0 < seconds < 1e7:
            self.fail(f"{value!r} is no positive duration; write 60s, 10m or 2h", param, ctx)
        return seconds


class RanksType(click.ParamType):
    """A rank or a range of ranks on the command line: 40, 16-49 or 16:49; both ends are returned."""

    name = "rank"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Read both ends."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(-?\d{1,9})(?:[-:](\d{1,9}))?", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no rank; write one such as 40, or a range such as 16-49", param, ctx)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            self.fail(f"the range {value} is backwards; write {last}-{first}", param, ctx)
        return first, last


class StrategyType(click.ParamType):
    """The name of a strategy on the command line, or a class of one's own as module:Class.

    A class is looked for in the working directory too.
    """

    name = "strategy"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read a name or the path of a class.

        Parameters
        ----------
        value : str
            What stands on the command line.
        param : click.Parameter or None
            The option, for messages.
        ctx : click.Context or None
            The context, for messages.

        Returns
        -------
        str
            The name, or the path once it was imported.
        """
        text = str(value)
        if text in ("auto", *NAMES, *ON_REQUEST):
            return text
        from search.strategies import resolve

        if ":" in text:
            sys.path.insert(0, os.getcwd())
        try:
            return resolve(text)
        except InvalidInput as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """Name what the option takes in a help text.

        Parameters
        ----------
        *_ : Any
            What click passes; it is not needed.
        **__ : Any
            The same.

        Returns
        -------
        str
            The names, and the form of a path.
        """
        return f"[{'|'.join(('auto', *NAMES, *ON_REQUEST))}|module:Class]"


def weights_option(help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make the option --weights FILE, a file of moments of tiles.

    Parameters
    ----------
    help : str
        What the command does with the moments.

    Returns
    -------
    callable
        Gives a command the option; its parameter `moments_file` receives the path or None.
    """
    path = click.Path(path_type=pathlib.Path)
    return click.option("--weights", "moments_file", type=path, metavar="FILE", help=help)
