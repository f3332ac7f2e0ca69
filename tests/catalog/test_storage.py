"""Full disks, read-only folders and old records: reported, and nothing lost."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog.durable
import catalog.encoder_file
import catalog.schema
from catalog import Catalog, Provenance
from catalog.durable import TEMPORARY_PREFIX, write_together
from catalog.encoder_file import pack, unpack
from stl_algebra import Format, InvalidInput, TileEncoder, strassen

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB; the test skips where this process may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_reported_and_nothing_is_lost(small_disk: Path, found: Provenance) -> None:
    full = Catalog(small_disk / "catalog", shipped=False)
    rng = np.random.default_rng(0)
    added: list[str] = []

    def fill() -> None:
        for _ in range(100):
            draw = rng.normal(size=(3, 40, 16))
            added.append(full.add(TileEncoder(Format(4, 4, 4), draw[0], draw[1], draw[2].T), found).id)

    with pytest.raises(InvalidInput, match=r"cannot be written \(No space left"):
        fill()
    assert len(added) > 5
    again = Catalog(small_disk / "catalog", shipped=False)
    assert {entry.id for entry in again.entries()} == set(added)
    assert all(fault is None for _, fault in again.verify())
    assert not list((small_disk / "catalog").glob(".writing*"))


def test_a_read_only_disk_is_read(small_disk: Path, found: Provenance) -> None:
    entry = Catalog(small_disk / "catalog", shipped=False).add(strassen(), found)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    locked = Catalog(small_disk / "catalog", shipped=False)
    assert locked.get(entry.id) == entry
    with pytest.raises(InvalidInput, match=r"cannot be written \(Read-only file system"):
        locked.add(TileEncoder(Format(1, 1, 1), [[1.5]], [[1.0]], [[1.0]]), found)
    with pytest.raises(InvalidInput, match=r"cannot be removed \(Read-only file system"):
        locked.remove(entry.id)
    assert len(locked) == 1


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_at_any_step_of_a_write_leaves_the_old_state(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    kept = catalog.add(strassen(), found)

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(InvalidInput, match="Input/output error"):
            catalog.add(random_encoder(1), found)
    assert [entry.id for entry in catalog.entries()] == [kept.id]
    assert sorted(path.suffix for path in catalog.directory.iterdir() if path.suffix != ".lock") == [
        ".safetensors",
        ".sqlite",
    ]


def test_old_records_are_brought_up_to_date(found: Provenance, monkeypatch: pytest.MonkeyPatch) -> None:
    old = pack(strassen(), found)
    steps: list[int] = []

    def step(to: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def migrate(record: dict[str, Any]) -> dict[str, Any]:
            steps.append(to)
            assert record["schema"] == to - 1
            return record | {"growth": record["growth"] + 0.0}

        return migrate

    now = catalog.schema.SCHEMA
    monkeypatch.setattr(catalog.schema, "SCHEMA", now + 2)
    monkeypatch.setattr(catalog.schema, "MIGRATIONS", {now: step(now + 1), now + 1: step(now + 2)})
    assert unpack(old).encoder == strassen()
    assert steps == [now + 1, now + 2]


def test_every_version_has_a_way_to_the_present() -> None:
    assert set(catalog.schema.MIGRATIONS) == set(range(1, catalog.schema.SCHEMA))


def test_a_disk_with_room_for_names_alone_is_known_before_the_work(small_disk: Path) -> None:
    with contextlib.suppress(OSError):
        (small_disk / "full").write_bytes(bytes(1 << 20))
    with pytest.raises(InvalidInput, match=r"cannot be written \(No space left"):
        Catalog(small_disk / "catalog", shipped=False).check_writable()
    assert not list((small_disk / "catalog").iterdir())


def test_a_probe_that_fits_leaves_nothing(catalog: Catalog) -> None:
    catalog.check_writable()
    assert not [path for path in catalog.directory.iterdir() if path.name.startswith(TEMPORARY_PREFIX)]


def test_a_probe_writes_bytes(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (sizes.append(os.fstat(handle).st_size), sync(handle)))
    catalog.check_writable()
    assert max(sizes) >= 1 << 16


def test_files_that_belong_together_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two does not fit: the first is as it was."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("old")
    calls: list[int] = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_together({first: b"new", second: b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert first.read_text() == "old"
