"""Commands that say what is wrong in one sentence, on any terminal, and end with the status that shells expect."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn, Self, TextIO

import click

from catalog.origin import plain
from stl_algebra.errors import InvalidInput


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM: it ends as at Ctrl-C, with a status of its own."""


def interrupted_status(interruption: KeyboardInterrupt) -> int:
    """Give the exit status after SIGINT, 130, or after SIGTERM, 143, as shells count them.

    Parameters
    ----------
    interruption : KeyboardInterrupt
        What was raised; Terminated after SIGTERM.

    Returns
    -------
    int
        The status.

    Examples
    --------
    >>> interrupted_status(KeyboardInterrupt())
    130
    """
    return 128 + (signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT)


class Reporting(click.Command):
    """A command or group that says what is wrong in one sentence.

    It does so for InvalidInput, for a file that the system refuses, and for standard output or error that cannot be
    written. A pipe that its reader closed ends the command without a word. The exit status is 130 after Ctrl-C and 143
    after SIGTERM. A question mark stands for a character that the encoding of standard output or error lacks.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit with its status."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        with _ended_by_sigterm():
            status = _status(functools.partial(super().main, args, prog_name, complete_var, False, **extra))
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command's function, and let click report what is wrong with the input."""
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.ClickException(plain(error)) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(plain(f"{error.filename}: {error.strerror}")) from error


def version_option(command: click.Command | Callable[..., Any]) -> Any:
    """Give a command the option --version, which prints the version that is installed.

    Parameters
    ----------
    command : click.Command or callable
        The command.

    Returns
    -------
    click.Command or callable
        The command with the option.
    """
    return click.version_option(package_name="strassen-tile", prog_name="strassen-tile")(command)


class ReportingGroup(Reporting, click.Group):
    """A group whose commands are imported when they are used, and which reports as they do.

    Parameters
    ----------
    name : str
        The name of the program.
    commands : dict of str to str
        For each command where it is, such as "package.module:attribute", in the order of the help.
    help : str
        What the commands do.
    """

    def __init__(self, name: str, commands: dict[str, str], help: str) -> None:
        super().__init__(name=name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._paths = commands
        version_option(self)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the names in the order of the help."""
        return list(self._paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self._paths:
            return None
        module, attribute = self._paths[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise Terminated, unless someone else handles it, or this is not the main thread."""

    def terminate(signum: int, frame: object) -> NoReturn:  # noqa: ARG001
        raise Terminated

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _status(main: Callable[[], Any]) -> int:
    """Run the command, report what went wrong, and return the exit status."""
    if sys.stdout is None:
        _say("Error: standard output is closed; send it to a file or to the null device.")
        return 1
    with _Stream(sys.stderr) as error, _Stream(sys.stdout) as output:
        try:
            status = _run(main)
        except OSError as fault:
            if fault not in (output.fault, error.fault):
                raise
            status = 1
        output.finish()
        if output.fault and not isinstance(output.fault, BrokenPipeError):
            _say(f"Error: standard output cannot be written ({output.fault.strerror}).")
        error.finish()
    return status or int(bool(output.fault or error.fault))


def _run(main: Callable[[], Any]) -> int:
    try:
        returned = main()
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    except click.Abort as abort:
        interruption = abort.__cause__
        _say("Aborted." if not isinstance(interruption, KeyboardInterrupt) else "Interrupted.")
        return interrupted_status(interruption) if isinstance(interruption, KeyboardInterrupt) else 1
    except SystemExit as end:  # of click and rich where a pipe is closed
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return returned if isinstance(returned, int) else 0


class _Stream:
    """Standard output or error as a command uses it: remembers why it could not be written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.fault: OSError | None = None

    def __enter__(self) -> Self:
        if self._stream is not None:
            for name in ("write", "flush"):
                setattr(self._stream, name, self._noting(getattr(self._stream, name)))
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            for name in ("write", "flush"):
                delattr(self._stream, name)

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def noted(*args: Any) -> Any:
            try:
                return method(*args)
            except OSError as fault:
                self.fault = fault
                raise

        return noted

    def finish(self) -> None:
        """Write what is left. If that cannot be, it goes nowhere: Python would try again at its end, and complain."""
        if self._stream is None:
            return
        with contextlib.suppress(OSError):
            self._stream.flush()
        if self.fault is not None:
            with contextlib.suppress(OSError):  # a stream without a descriptor
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def _say(sentence: str) -> None:
    """A sentence on standard error, where there is one."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(sentence, err=True)
