"""A lock that processes share or one holds alone, with flock and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalog import lock as module
from catalog.lock import held

#: Takes a lock and says so, then waits for a line; argv: the file, whether alone, whether there is flock.
HOLDER = """
import sys
from pathlib import Path
from catalog import lock
if sys.argv[3] == "no flock":
    lock.fcntl = None
with lock.held(Path(sys.argv[1]), exclusive=sys.argv[2] == "alone"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _holder(path: Path, how: str, flock: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path), how, flock]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("flock", ["flock", "no flock"])
@pytest.mark.parametrize(("first", "second"), [("alone", "alone"), ("alone", "shared"), ("shared", "alone")])
def test_who_holds_it_alone_keeps_all_others_out(tmp_path: Path, first: str, second: str, flock: str) -> None:
    if flock == "flock":
        pytest.importorskip("fcntl")
    path = tmp_path / "folder" / "lock"
    holder = _holder(path, first, flock)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    other = _holder(path, second, flock)
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(1)
    holder.communicate("\n")
    assert other.communicate("\n")[0] == "held\n"
    assert (holder.returncode, other.returncode) == (0, 0)


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    for flock in ("flock", "no flock") if module.fcntl else ("no flock",):
        holder = _holder(tmp_path / "lock", "alone", flock)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.communicate()
        assert _holder(tmp_path / "lock", "alone", flock).communicate("\n")[0] == "held\n"


def test_several_share_it(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with held(tmp_path / "lock", exclusive=False), held(tmp_path / "lock", exclusive=False):
        pass
