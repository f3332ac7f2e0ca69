"""Options that commands share, and the option types behind them."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import PRECISIONS, Precision
from stl_algebra.tensor import check_products

if TYPE_CHECKING:
    from catalog.catalog import Catalog

Command = Callable[..., Any]


class TileType(click.ParamType):
    """A format on the command line: 4 or 2x3x4."""

    name = "tile"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        """Read the format."""
        try:
            format = value if isinstance(value, Format) else Format.parse(value)
            check_products(format)
        except InvalidInput as error:
            self.fail(str(error), param, ctx)
        return format


class PrecisionType(click.ParamType):
    """A precision on the command line: the canonical name."""

    name = "precision"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the precision."""
        try:
            return Precision.parse(value).name
        except InvalidInput as error:
            self.fail(str(error), param, ctx)


class RangeType(click.ParamType):
    """A number or a range with both ends included: 40, 36:40, 36-40, 36: or :40.

    Parameters
    ----------
    number : callable
        Reads a number, such as int or float.
    """

    name = "range"

    def __init__(self, number: Callable[[str], float]) -> None:
        self._number = number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float | None, float | None]:
        """Read the range."""
        if isinstance(value, tuple):
            return value
        ends = re.split(r":|(?<=[\d.])-", value)  # the dash of 1e-3 is another
        try:
            low, high = (self._number(end) if end.strip() else None for end in (ends if len(ends) > 1 else ends * 2))
        except ValueError:
            self.fail(f"{value!r} is no number and no range such as 36:40, 36: or :40", param, ctx)
        if low is not None and high is not None and not low <= high:
            self.fail(f"the range {value!r} is empty: its first number is above its second", param, ctx)
        return low, high


def check_ranks(tile: Format, ranks: Iterable[int]) -> None:
    """Refuse ranks that do not fit a format.

    Parameters
    ----------
    tile : Format
        The format.
    ranks : iterable of int
        The ranks.

    Raises
    ------
    click.BadParameter
        If a rank does not fit; it names the option --rank.
    """
    try:
        for rank in ranks:
            tile.check_rank(rank)
    except InvalidInput as error:
        raise click.BadParameter(str(error), param_hint="--rank") from error


def catalog_options(command: Command) -> Command:
    """Give a command the options --catalog and --no-shipped.

    Parameters
    ----------
    command : callable
        The command; its parameter `catalog` receives the opened catalog.

    Returns
    -------
    callable
        The command with the options.
    """

    @click.option(
        "--catalog",
        "directory",
        metavar="DIR",
        help="Use the catalog in this directory [default: $STL_CATALOG or the user's own].",
    )
    @click.option("--no-shipped", is_flag=True, help="Leave out the encoders that come with the program.")
    @functools.wraps(command)
    def opened(*args: Any, directory: str | None, no_shipped: bool, **kwargs: Any) -> Any:
        return command(*args, catalog=open_catalog(directory, no_shipped), **kwargs)

    return opened


def open_catalog(directory: str | None, no_shipped: bool) -> Catalog:
    """Open the catalog in a directory, or the user's own.

    Parameters
    ----------
    directory : str or None
        The directory; None or an empty text: the user's own.
    no_shipped : bool
        Whether the encoders that come with the program are left out.

    Returns
    -------
    Catalog
        The catalog.
    """
    from catalog.catalog import Catalog

    return Catalog(directory, not no_shipped) if directory else Catalog.default(not no_shipped)


def precision_option(command: Command) -> Command:
    """Give a command the option --precision, by default bf16.

    Parameters
    ----------
    command : callable
        The command; its parameter `precision` receives the name.

    Returns
    -------
    callable
        The command with the option.
    """
    names = ", ".join(PRECISIONS)
    about = f"Quote errors at this precision: {names}."
    return click.option("--precision", type=PrecisionType(), default="bf16", show_default=True, help=about)(command)


def json_option(command: Command) -> Command:
    """Give a command the option --json.

    Parameters
    ----------
    command : callable
        The command; its parameter `as_json` receives whether the option was given.

    Returns
    -------
    callable
        The command with the option.
    """
    return click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output.")(
        command
    )


def print_json(value: object) -> None:
    """Print one JSON value on standard output.

    Parameters
    ----------
    value : object
        The value.
    """
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")
