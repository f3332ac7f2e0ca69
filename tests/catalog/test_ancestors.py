"""What kept encoders were made from: stored with them, out of the lists, deleted with the last that needs it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import Catalog, Entry, Provenance, Stored
from catalog.encoder_file import pack
from catalog.lock import held
from catalog.origin import lineage, why_not_replayed
from stl_algebra import TileEncoder, strassen
from tests.catalog.conftest import killed_after

RandomEncoder = Callable[..., TileEncoder]
Family = Callable[..., Stored]


@pytest.fixture
def child(random_encoder: RandomEncoder) -> Family:
    """An encoder by number, found by a trial from the ones of other numbers."""

    def make(number: int, *parents: int, recipe: bool = True) -> Stored:
        digests = tuple(random_encoder(parent).digest for parent in parents)
        given = {"seed": number} if recipe else None
        return Stored(random_encoder(number), Provenance("als", 0, lineage=digests, recipe=given))

    return make


def _add(catalog: Catalog, stored: Stored, *ancestors: Stored) -> Entry:
    return catalog.add(stored.encoder, stored.provenance, ancestors)


def _ancestors(catalog: Catalog) -> set[str]:
    return {path.stem for path in (catalog.directory / "ancestors").glob("*.safetensors")}


def _ids(*stored: Stored) -> set[str]:
    return {one.encoder.digest for one in stored}


def test_ancestors_are_stored_and_no_entries(catalog: Catalog, child: Family) -> None:
    root, parent, stranger = child(1), child(2, 1), child(4)
    entry = _add(catalog, child(3, 2), stranger, parent, root)
    assert [one.id for one in catalog.entries()] == [entry.id]
    assert _ancestors(catalog) == _ids(root, parent)  # of what was given, no more than what it descends from
    again = Catalog(catalog.directory, shipped=False)
    assert list(again.descent(again.get(entry.id)).values()) == [root, parent]
    assert why_not_replayed(entry, again) is None
    assert [line.split(":")[0].strip() for line in lineage(entry, again)] == [
        one.encoder.digest[:10] for one in (parent, root)
    ]


def test_entries_serve_as_ancestors(catalog: Catalog, child: Family) -> None:
    parent = _add(catalog, child(2, 1), child(1))
    entry = _add(catalog, child(3, 2))
    assert _ancestors(catalog) == _ids(child(1))
    assert list(catalog.descent(entry)) == [child(1).encoder.digest, parent.id]


def test_what_has_no_recipe_brings_no_ancestors(catalog: Catalog, child: Family) -> None:
    entry = _add(catalog, child(3, 2, recipe=False), child(2, 1), child(1))
    assert _ancestors(catalog) == set()
    reason = why_not_replayed(entry, catalog)
    assert reason is not None
    assert reason.endswith("was found before recipes were recorded, so it cannot be replayed")
    assert lineage(entry, catalog) == [f"{child(2).encoder.digest[:10]}, not in this catalog"]


def test_a_missing_parent_is_named(catalog: Catalog, child: Family) -> None:
    entry = _add(catalog, child(3, 2))
    reason = why_not_replayed(entry, catalog)
    assert reason is not None
    assert f"its parent {child(2).encoder.digest[:10]} is not in this catalog" in reason


def test_a_missing_ancestor_matters_from_the_roots_alone(catalog: Catalog, child: Family) -> None:
    entry = _add(catalog, child(3, 2), child(2, 1))
    assert why_not_replayed(entry, catalog) is None
    reason = why_not_replayed(entry, catalog, from_roots=True)
    assert reason is not None
    assert f"its ancestor {child(1).encoder.digest[:10]} is not in this catalog" in reason


@pytest.mark.parametrize("strategy", ["construction", "import"])
def test_what_no_trial_found_has_nothing_to_replay(catalog: Catalog, strategy: str) -> None:
    reason = why_not_replayed(catalog.add(strassen(), Provenance(strategy)), catalog)
    assert reason is not None
    assert strategy.removesuffix("ion") in reason


def test_shipped_parents_are_copied(tmp_path: Path, child: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version of the program may ship others."""
    shipped = Catalog(tmp_path / "shipped", shipped=False)
    _add(shipped, child(2, 1), child(1))
    monkeypatch.setattr("catalog.catalog.SHIPPED", tmp_path / "shipped")
    catalog = Catalog(tmp_path / "own")
    entry = _add(catalog, child(3, 2))
    assert _ancestors(catalog) == _ids(child(1), child(2))
    alone = Catalog(tmp_path / "own", shipped=False)
    assert list(alone.descent(alone.get(entry.id)).values()) == [child(1), child(2, 1)]


def test_removing_deletes_what_nothing_else_descends_from(catalog: Catalog, child: Family) -> None:
    first = _add(catalog, child(3, 2), child(2, 1), child(1))
    second = _add(catalog, child(5, 4, 1), child(4), child(1))
    assert _ancestors(catalog) == _ids(child(1), child(2), child(4))
    catalog.remove(first.id)
    assert _ancestors(catalog) == _ids(child(1), child(4))
    assert list(catalog.descent(second)) == [child(4).encoder.digest, child(1).encoder.digest]
    catalog.remove(second.id)
    assert _ancestors(catalog) == set()


def test_a_removed_entry_stays_as_an_ancestor_of_others(catalog: Catalog, child: Family) -> None:
    parent, entry = _add(catalog, child(2, 1), child(1)), _add(catalog, child(3, 2))
    catalog.remove(parent.id)
    assert [one.id for one in catalog.entries()] == [entry.id]
    assert list(catalog.descent(entry).values()) == [child(1), child(2, 1)]
    catalog.remove(entry.id)
    assert _ancestors(catalog) == set()


def test_reindex_deletes_what_a_dead_writer_left(catalog: Catalog, child: Family) -> None:
    _add(catalog, child(2, 1), child(1))
    orphan = catalog.directory / "ancestors" / f"{child(7).encoder.digest}.safetensors"
    orphan.write_bytes(pack(child(7).encoder, child(7).provenance))
    assert catalog.reindex() == 2
    assert _ancestors(catalog) == _ids(child(1))


def test_nothing_is_deleted_while_a_file_cannot_be_read(catalog: Catalog, child: Family) -> None:
    """It may be one of a newer program that descends from any of them."""
    gone, broken = _add(catalog, child(2, 1), child(1)), _add(catalog, child(4, 3), child(3))
    broken.path.write_bytes(b"unknown")
    catalog.remove(gone.id)
    assert _ancestors(catalog) == _ids(child(1), child(3))


def test_a_damaged_ancestor_is_named_and_set_aside(catalog: Catalog, child: Family) -> None:
    entry = _add(catalog, child(2, 1), child(1))
    path = catalog.directory / "ancestors" / f"{child(1).encoder.digest}.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert [one for one, fault in catalog.verify() if fault] == [path]
    assert "is not in this catalog" in (why_not_replayed(entry, catalog) or "")
    assert catalog.set_aside(path).parent == path.parent / "damaged"
    _add(catalog, replace(child(9, 1)), child(1))  # found again, with another child
    assert why_not_replayed(entry, catalog) is None


@pytest.mark.parametrize("id", ["../index", "ab", "", "AB" * 32])
def test_no_other_file_is_taken_for_an_ancestor(catalog: Catalog, child: Family, id: str) -> None:
    catalog.add(child(1).encoder, replace(child(1).provenance, lineage=(id,)))
    assert catalog.ancestor(id) is None


def test_circles_in_foreign_files_end(catalog: Catalog, child: Family) -> None:
    for stored in (child(1, 2), child(2, 1)):
        catalog.directory.mkdir(exist_ok=True)
        path = catalog.directory / f"{stored.encoder.digest}.safetensors"
        path.write_bytes(pack(stored.encoder, stored.provenance))
    entry = catalog.get(child(1).encoder.digest)
    assert set(catalog.descent(entry)) == _ids(child(1), child(2))
    assert len(lineage(entry, catalog)) == 3
    catalog.remove(entry.id)
    assert len(catalog) == 1


#: Adds COUNT lines of three encoders to DIRECTORY, removes every other, and prints the ids that are to stay.
WRITER = """
import sys
import numpy as np
from catalog import Catalog, Provenance, Stored
from stl_algebra import Format, TileEncoder
directory, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(seed)
shared = np.random.default_rng(0).normal(size=(3, 3, 4))
catalog = Catalog(directory, shipped=False)
root = Stored(TileEncoder(Format(2, 2, 2), shared[0], shared[1], shared[2].T), Provenance("root", recipe={"seed": 0}))
print("ready", flush=True)
for number in range(count):
    line = [root]
    for _ in range(2):
        draw = rng.normal(size=(3, 3, 4))
        provenance = Provenance("random", seed, lineage=(line[-1].encoder.digest,), recipe={"seed": seed})
        line.append(Stored(TileEncoder(Format(2, 2, 2), draw[0], draw[1], draw[2].T), provenance))
    entry = catalog.add(line[-1].encoder, line[-1].provenance, line[:-1])
    if number % 2:
        catalog.remove(entry.id)
    else:
        print(entry.id, flush=True)
"""


def _start_writer(directory: Path, seed: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(directory), str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def test_processes_that_add_and_remove_at_once_leave_every_line_whole(catalog: Catalog) -> None:
    """All lines share their root, which each removal could take for its own."""
    writers = [_start_writer(catalog.directory, seed, 12) for seed in (1, 2)]
    committed = {id for writer in writers for id in writer.communicate()[0].split()[1:]}
    assert all(writer.returncode == 0 for writer in writers)
    assert {entry.id for entry in catalog.entries()} == committed
    assert all(len(catalog.descent(entry)) == 2 for entry in catalog.entries())
    assert len(_ancestors(catalog)) == len(committed) + 1


@pytest.mark.skipif(os.name != "posix", reason="kills processes")
def test_a_kill_at_any_instant_leaves_every_line_whole(catalog: Catalog) -> None:
    chance, committed = random.Random(3), set()
    for seed in range(1, 6):
        writer = _start_writer(catalog.directory, seed, 10_000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        committed |= killed_after(writer, chance)
        again = Catalog(catalog.directory, shipped=False)
        assert committed <= {entry.id for entry in again.entries()}
        assert all(len(again.descent(entry)) == 2 for entry in again.entries())
    catalog.reindex()
    assert len(_ancestors(catalog)) == len(catalog) + 1
    assert catalog.failures() == {}


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_nothing_is_removed_while_a_line_is_added(catalog: Catalog, child: Family) -> None:
    entry = _add(catalog, child(2, 1), child(1))
    remover = threading.Thread(target=catalog.remove, args=(entry.id,))
    with held(catalog.directory / ".lineage.lock", exclusive=False):
        remover.start()
        remover.join(0.5)
        assert remover.is_alive()
        assert entry.path.exists()
    remover.join()
    assert not entry.path.exists()
