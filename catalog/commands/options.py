"""Options that the catalog's commands share, and the option types behind them."""

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
from stl_algebra.tensor import MAX_PRODUCTS

if TYPE_CHECKING:
    from catalog.catalog import Catalog

Command = Callable[..., Any]


class TileType(click.ParamType):
    """A format on the command line: 4 or 2x3x4."""

    name = "tile"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        try:
            format = value if isinstance(value, Format) else Format.parse(value)
        except InvalidInput as error:
            self.fail(str(error), param, ctx)
        if format.products > MAX_PRODUCTS:
            self.fail(
                f"format {format} has {format.products} products; tiles up to {MAX_PRODUCTS} products are supported",
                param,
                ctx,
            )
        return format


class PrecisionType(click.ParamType):
    """A precision on the command line: the canonical name."""

    name = "precision"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return Precision.parse(value).name
        except InvalidInput as error:
            self.fail(str(error), param, ctx)


class RangeType(click.ParamType):
    """A number or a range with both ends included: 40, 36:40, 36-40, 36: or :40."""

    name = "range"

    def __init__(self, number: Callable[[str], float]) -> None:
        self._number = number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float | None, float | None]:
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
    """Refuse ranks that do not fit a format as wrong usage of --rank."""
    try:
        for rank in ranks:
            tile.check_rank(rank)
    except InvalidInput as error:
        raise click.BadParameter(str(error), param_hint="--rank") from error


def catalog_options(command: Command) -> Command:
    """--catalog and --no-shipped; the command receives the opened `catalog`."""

    @click.option(
        "--catalog",
        "directory",
        metavar="DIR",
        help="The catalog's directory [default: $STL_CATALOG or the user's own].",
    )
    @click.option("--no-shipped", is_flag=True, help="Keep the encoders that come with the program out of sight.")
    @functools.wraps(command)
    def opened(*args: Any, directory: str | None, no_shipped: bool, **kwargs: Any) -> Any:
        return command(*args, catalog=open_catalog(directory, no_shipped), **kwargs)

    return opened


def open_catalog(directory: str | None, no_shipped: bool) -> Catalog:
    """The catalog in a directory, or the user's own."""
    from catalog.catalog import Catalog

    return Catalog(directory, not no_shipped) if directory else Catalog.default(not no_shipped)


def precision_option(command: Command) -> Command:
    """--precision, bf16 where it is not given."""
    names = ", ".join(PRECISIONS)
    return click.option(
        "--precision", type=PrecisionType(), default="bf16", show_default=True, help=f"Quote errors at this: {names}."
    )(command)


def json_option(command: Command) -> Command:
    """--json, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output.")(
        command
    )


def print_json(value: object) -> None:
    """One JSON value on standard output."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")
