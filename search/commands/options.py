"""Option types of stl-search."""

from __future__ import annotations

import re
from typing import Any

import click


class DurationType(click.ParamType):
    """Seconds on the command line: 60, 60s, 10m or 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
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
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(-?\d{1,9})(?:[-:](\d{1,9}))?", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no rank; write one such as 40, or a range such as 16-49", param, ctx)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            self.fail(f"the range {value} is backwards; write {last}-{first}", param, ctx)
        return first, last
