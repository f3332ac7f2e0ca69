"""Commands that say what is wrong in one sentence, on any terminal."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

from catalog.story import plain
from stl_algebra.errors import InvalidInput


class Reporting(click.Command):
    """A command or group that prints InvalidInput, and a file that the system refuses, as one sentence.

    Where standard output or error is in an encoding that lacks a character, a question mark stands for it.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.ClickException(plain(error)) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(plain(f"{error.filename}: {error.strerror}")) from error


class ReportingGroup(Reporting, click.Group):
    """A group whose commands are imported when they are used, and which reports as they do."""

    def __init__(self, name: str, commands: dict[str, str], help: str) -> None:
        super().__init__(name=name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._paths = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._paths:
            return None
        module, attribute = self._paths[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
