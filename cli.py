"""The three commands: stl-search, stl-catalog and stl-bench. Thin: options in, sentences and tables out."""

from __future__ import annotations

from importlib import import_module

import click

from stl_algebra.errors import InvalidInput


class ReportingGroup(click.Group):
    """A group whose commands are imported when they are used, and which prints InvalidInput as one sentence."""

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

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.ClickException(str(error)) from error


catalog_command = ReportingGroup(
    "stl-catalog",
    {
        "list": "catalog.commands.list:list_command",
        "show": "catalog.commands.show:show_command",
        "verify": "catalog.commands.verify:verify_command",
        "export": "catalog.commands.export:export_command",
        "reindex": "catalog.commands.reindex:reindex_command",
    },
    help="Browse, check and exchange tile encoders.",
)

bench_command = ReportingGroup(
    "stl-bench",
    {
        "model": "stl_nn.commands.model:model_command",
    },
    help="Measure encoders, layers and whole networks.",
)
