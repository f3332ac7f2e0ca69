"""Several processes on one catalog, deaths at random instants, and an index that breaks."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog import Catalog, Provenance
from catalog.durable import TEMPORARY_PREFIX
from catalog.folder import Folder
from stl_algebra import Format, TileEncoder, classical, strassen
from tests.catalog.conftest import killed_after

RandomEncoder = Callable[..., TileEncoder]

#: Adds COUNT random encoders drawn from SEED to DIRECTORY and prints each id once it is committed.
WRITER = """
import sys
import numpy as np
from catalog import Catalog, Provenance
from stl_algebra import Format, TileEncoder
directory, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(seed)
catalog = Catalog(directory, shipped=False)
print("ready", flush=True)
for _ in range(count):
    draw = rng.normal(size=(3, 5, 4))
    entry = catalog.add(TileEncoder(Format(2, 2, 2), draw[0], draw[1], draw[2].T), Provenance("random", seed=seed))
    print(entry.id, flush=True)
"""


def start_writer(directory: Path, seed: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(directory), str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def test_processes_add_and_read_at_once(catalog: Catalog) -> None:
    writers = [start_writer(catalog.directory, seed, 40) for seed in range(4)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        listed = len(catalog)
        assert listed >= seen
        seen = listed
    committed = [line for writer in writers for line in writer.communicate()[0].split()[1:]]
    assert all(writer.returncode == 0 for writer in writers)
    assert len(set(committed)) == 160
    assert {entry.id for entry in catalog.entries()} == set(committed)
    assert [fault for _, fault in catalog.verify() if fault] == []


def test_what_is_added_during_a_look_at_the_directory_stays(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process commits a file between the two halves of a refresh: its row must survive."""
    folder = catalog.stores[0]
    catalog.add(strassen(), Provenance("first"))
    late = Catalog(catalog.directory, shipped=False)
    scan = Folder._scan

    def scan_then_add(self: Folder, only: str | None) -> Iterator[tuple[str, tuple[int, int]]]:
        found = list(scan(self, only))
        if self is folder:
            late.add(classical(Format(1, 1, 1)), Provenance("late"))
        return iter(found)

    monkeypatch.setattr(Folder, "_scan", scan_then_add)
    folder.refresh()
    monkeypatch.undo()
    assert late.stores[0].row(classical(Format(1, 1, 1)).digest)


def test_a_kill_at_any_instant_loses_nothing_committed(catalog: Catalog) -> None:
    chance = random.Random(7)
    committed: set[str] = set()
    for seed in range(8):
        writer = start_writer(catalog.directory, seed, 10_000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        committed |= killed_after(writer, chance)
        listed = {entry.id: entry for entry in Catalog(catalog.directory, shipped=False).entries()}
        assert committed <= set(listed)
        assert len(listed) <= len(committed) + seed + 1  # at most one that was stored but not yet printed
        assert catalog.failures() == {}
    assert committed
    assert all(fault is None for _, fault in catalog.verify())


def test_what_dead_writers_left_is_swept_once_it_is_old(catalog: Catalog, found: Provenance) -> None:
    catalog.add(strassen(), found)
    old, young = (catalog.directory / f"{TEMPORARY_PREFIX}{name}" for name in ("old", "young"))
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert catalog.reindex() == 1
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize(
    "change", ["provenance = '{'", "ring = 'Z[1/3]'", "rank = NULL, n = -1", "provenance = '[1]'", "growth = 'much'"]
)
def test_an_index_row_that_no_encoder_can_have_is_read_anew(catalog: Catalog, found: Provenance, change: str) -> None:
    entry = catalog.add(strassen(), found)
    with contextlib.closing(sqlite3.connect(catalog.directory / "index.sqlite")) as connection, connection:
        connection.execute(f"UPDATE files SET {change}")
    assert Catalog(catalog.directory, shipped=False).entries() == [entry]


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "missing", "other table", "folder"])
def test_an_index_that_breaks_is_built_anew(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder, damage: str
) -> None:
    entries = [catalog.add(random_encoder(seed), found) for seed in range(40)]
    index = catalog.directory / "index.sqlite"
    content = index.read_bytes()
    if damage == "garbage":
        index.write_bytes(bytes(byte ^ 0x5A for byte in content))
    elif damage == "truncated":
        index.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        index.write_bytes(b"")
    elif damage == "other table":
        with contextlib.closing(sqlite3.connect(index)) as connection, connection:
            connection.execute("DROP TABLE files")
            connection.execute("CREATE TABLE files (name TEXT PRIMARY KEY)")
    else:
        index.unlink()
        if damage == "folder":
            index.mkdir()
    assert len(catalog) == 40
    assert catalog.get(entries[7].id) == entries[7]
    again = Catalog(catalog.directory, shipped=False)
    again.add(strassen(), found)
    assert len(again) == 41
    assert len(catalog) == 41


def test_files_may_come_and_go_behind_its_back(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder, tmp_path: Path
) -> None:
    other = Catalog(tmp_path / "other", shipped=False)
    guest = other.add(random_encoder(1), found)
    stays, goes = (catalog.add(random_encoder(seed), found) for seed in (2, 3))
    (catalog.directory / guest.path.name).write_bytes(guest.path.read_bytes())
    goes.path.unlink()
    assert {entry.id for entry in catalog.entries()} == {stays.id, guest.id}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_still_read(catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    catalog.directory.chmod(0o500)
    try:
        assert Catalog(catalog.directory, shipped=False).get(entry.id) == entry
    finally:
        catalog.directory.chmod(0o700)
