"""What the commands say of themselves, and how little they import for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

import cli

PROGRAMS = {name: getattr(cli, name) for name in cli.__all__}
#: Modules that are slow to import, and that no help needs.
HEAVY = {
    *("numba", "torch", "scipy", "sympy", "networkx", "safetensors", "matplotlib", "jinja2", "rich"),
    *("sqlite3", "asyncio", "multiprocessing", "catalog.catalog", "search.strategy", "stl_nn"),
}


def _commands() -> list[tuple[str, list[str]]]:
    """Every program, and every command of the groups among them, with the arguments that name it."""
    groups = [(name, program) for name, program in PROGRAMS.items() if isinstance(program, click.Group)]
    named = [(name, [command]) for name, group in groups for command in group.list_commands(click.Context(group))]
    return [*((name, []) for name in PROGRAMS), *named]


def _command(program: str, path: list[str]) -> click.Command:
    command = PROGRAMS[program]
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_needs_no_heavy_module(program: str) -> None:
    """Neither the help of a program nor that of any of its commands."""
    paths = [path for name, path in _commands() if name == program]
    code = f"""
import sys, cli
for path in {paths}:
    try:
        cli.{program}([*path, "--help"])
    except SystemExit as end:
        assert end.code == 0
    heavy = {HEAVY} & set(sys.modules)
    assert not heavy, (path, heavy)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Usage:") == len(paths)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_tells_its_version(program: str) -> None:
    result = CliRunner().invoke(PROGRAMS[program], ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"strassen-tile, version {version('strassen-tile')}\n"


@pytest.mark.parametrize(("program", "path"), _commands())
def test_every_command_and_option_says_what_it_does(program: str, path: list[str]) -> None:
    command = _command(program, path)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("program", [name for name, group in PROGRAMS.items() if isinstance(group, click.Group)])
def test_the_list_of_commands_has_whole_sentences(program: str) -> None:
    """Each fits beside its name in 80 columns, so that click cuts none off."""
    _, _, listed = CliRunner().invoke(PROGRAMS[program], ["--help"]).stdout.partition("Commands:\n")
    assert len(listed.splitlines()) == len([name for name, path in _commands() if name == program and path])
    assert "..." not in listed
