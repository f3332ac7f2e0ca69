"""Compiled functions run where they cannot be cached, and the log says so once."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import FunctionCache

from stl_algebra import compiled


@pytest.fixture(autouse=True)
def not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_told", compiled.Event())


def _twice() -> Any:
    @compiled.njit(cache=True)
    def twice(x: int) -> int:
        return 2 * x

    @compiled.njit(cache=True)
    def four_times(x: int) -> int:
        return 2 * twice(x)

    return four_times


def _failing(error: Exception) -> Any:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("method", ["__init__", "save_overload", "load_overload"])
def test_functions_run_without_a_cache_and_the_log_says_so_once(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    nowhere = RuntimeError("cannot cache function: no locator available")
    monkeypatch.setattr(FunctionCache, method, _failing(nowhere if method == "__init__" else full))
    with caplog.at_level(logging.WARNING):
        assert _twice()(3) == 12
    (record,) = caplog.records
    assert "not cached" in record.getMessage()
    assert "NUMBA_CACHE_DIR" in record.getMessage()


def test_a_damaged_cache_is_passed_over(tmp_path: Path) -> None:
    module = tmp_path / "functions.py"
    module.write_text(
        "from stl_algebra.compiled import njit\n\n@njit(cache=True)\ndef twice(x):\n    return 2 * x\n\n"
        "print(twice(2), sum(twice.stats.cache_hits.values()))\n",
        encoding="utf-8",
    )
    cache = tmp_path / "cache"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}

    def run() -> tuple[str, str]:
        done = subprocess.run([sys.executable, module], env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip(), done.stderr

    assert run() == ("4 0", "")
    assert run() == ("4 1", "")
    for file in cache.rglob("*.nb?"):
        file.write_bytes(file.read_bytes()[:-5])
    out, log = run()
    assert out == "4 0"
    assert log.count("\n") == 1
    assert "not cached" in log


def test_code_for_other_types_is_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that compile a function at the same time may write different code to the file of one number."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def add(a: object, b: object) -> object:
        return a + b  # type: ignore[operator]

    for arguments in ((1, 2), (1.5, 2.25)):
        assert compiled.njit(cache=True)(add)(*arguments) == sum(arguments)
    first, second = sorted(tmp_path.rglob("*.nbc"))
    held = first.read_bytes(), second.read_bytes()
    first.write_bytes(held[1])
    second.write_bytes(held[0])
    again = compiled.njit(cache=True)(add)
    assert [again(1, 2), again(1.5, 2.25)] == [3, 3.75]
    assert not sum(again.stats.cache_hits.values())


def test_everything_runs_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Where numba finds no place for its cache in the installation, nor in the home."""
    nowhere = "/dev/null/home"
    environment = {
        **os.environ,
        **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"), nowhere),
        "NUMBA_CACHE_DIR": "",
        "NUMBA_CACHE_LOCATOR_CLASSES": "UserWideCacheLocator",
        "TMPDIR": str(tmp_path),
    }
    environment.pop("STL_CATALOG", None)
    command = "import cli; cli.search_command()"
    arguments = ["--tile", "2", "--rank", "6", "--budget", "5s", "--jobs", "1", "--no-shipped", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not cached") == 1
    assert done.stderr.count("cannot be written, so what is found is kept in") == 1
    assert "Traceback" not in done.stderr
    (place,) = tmp_path.glob("stl-search-*")
    assert list(place.glob("*.safetensors"))


def test_the_decorator_gives_what_numba_gives() -> None:
    assert isinstance(_twice(), type(numba.njit(lambda x: x)))
