"""Commands whose output cannot be written, or has no reader any more, and commands that are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "catalog": "import cli; cli.catalog_command()",
    "search": "import cli; cli.search_command()",
    "bench": "import cli; cli.bench_command()",
}
FULL = Path("/dev/full")
#: Whether Python writes at once or when there is much to write, the first fault comes at another place.
BUFFERS = ["", "1"]


def _command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", COMMANDS[name], *arguments]


def _environment(tmp_path: Path, unbuffered: str = "") -> dict[str, str]:
    return {**os.environ, "STL_CATALOG": str(tmp_path / "catalog"), "PYTHONUNBUFFERED": unbuffered}


SAY_SOMETHING = [
    ("catalog", ["--help"]),
    ("catalog", ["stats", "--no-shipped"]),
    ("search", ["--tile", "2", "--rank", "8", "--budget", "2s", "--jobs", "1", "--no-shipped"]),
    ("search", ["--tile", "2", "--rank", "8", "--budget", "2s", "--jobs", "1", "--no-shipped", "--json"]),
    ("bench", ["matmul", "--help"]),
]


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", BUFFERS)
@pytest.mark.parametrize(("name", "arguments"), SAY_SOMETHING)
def test_output_that_cannot_be_written_is_one_sentence(
    name: str, arguments: list[str], unbuffered: str, tmp_path: Path
) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            _command(name, *arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=_environment(tmp_path, unbuffered),
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "Error: standard output cannot be written (No space left on device)."
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", BUFFERS)
def test_the_status_is_right_though_nothing_can_be_said(unbuffered: str, tmp_path: Path) -> None:
    with FULL.open("w") as full:
        for arguments, status in ((["show", "nothing"], 1), (["no-such-command"], 2)):
            done = subprocess.run(
                _command("catalog", *arguments),
                stdout=full,
                stderr=full,
                check=False,
                env=_environment(tmp_path, unbuffered),
            )
            assert done.returncode == status


@pytest.mark.skipif(os.name != "posix", reason="closes pipes as a shell does")
@pytest.mark.parametrize("unbuffered", BUFFERS)
@pytest.mark.parametrize(("name", "arguments"), SAY_SOMETHING)
def test_a_closed_pipe_ends_a_command_quietly(name: str, arguments: list[str], unbuffered: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        _command(name, *arguments),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=_environment(tmp_path, unbuffered),
    )
    os.close(writing)
    assert done.returncode == 1
    if "--json" not in arguments or name != "search":  # which tells on standard error how it goes
        assert done.stderr == ""
    assert "Error" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor as a shell does")
def test_output_that_is_closed_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" >&-', *_command("catalog", "list")],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=_environment(tmp_path),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: standard output is closed")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="sends signals to a process")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["catalog", "bench"])
def test_every_command_ends_with_the_status_of_the_signal(name: str, sent: signal.Signals, tmp_path: Path) -> None:
    """The signal comes while the command runs: the command itself sends it, in the place of its work."""
    group, path, work = {
        "catalog": ("catalog_command", "strassen_tile.commands.kit.options.open_catalog", ["list"]),
        "bench": ("bench_command", "stl_bench.report.page.write_report", ["report", str(tmp_path)]),
    }[name]
    module, attribute = path.rsplit(".", 1)
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import time, cli\n"
        f"import {module} as module\n"
        f"def interrupted(*_):\n    signal.raise_signal({int(sent)}); time.sleep(600)\n"
        f"module.{attribute} = interrupted\ncli.{group}()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *work], capture_output=True, text=True, check=False, env=_environment(tmp_path)
    )
    assert done.returncode == 128 + sent, done.stderr
    assert done.stderr.split() == ["Interrupted."]
    assert done.stdout == ""
