"""What every store of encoders must do, run on single files and on packs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance, Stored
from catalog.folder import Folder
from catalog.packs import Packs
from catalog.store import Store
from cli import catalog_command
from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, strassen

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture(params=[Folder, Packs], ids=["files", "packs"])
def kind(request: pytest.FixtureRequest) -> type[Folder] | type[Packs]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def store(kind: type[Folder] | type[Packs], tmp_path: Path) -> Store:
    """An empty store whose directory is not there yet."""
    return kind(tmp_path / "store")


def _again(store: Store) -> Store:
    """The same directory, looked at by another process."""
    return type(store)(store.directory)  # type: ignore[call-arg]


def _ids(store: Store) -> set[str]:
    return {row["id"] for row in store.rows()}


def _break(path: Path) -> None:
    """Change the tensors of a file, and neither its header, its size nor its time."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-4:] = bytes(b ^ 0x11 for b in content[-4:])
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_goes_in_comes_out_to_the_bit(store: Store, found: Provenance, random_encoder: RandomEncoder) -> None:
    s = strassen()
    halves = TileEncoder(s.format, s.encode_x / 2, s.encode_w, s.decode * 2, Ring.DYADIC, (2, 1, 1))
    thirds = TileEncoder(s.format, s.encode_x / 3, s.encode_w, s.decode * 3, Ring.Q, (3, 1, 1))
    mod_2 = TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2)
    large = TileEncoder(Format(1, 1, 1), [[2.0**50]], [[2.0**-50]], [[1.0]], Ring.DYADIC, (1, 2**50, 1))
    kept = [
        s,
        halves,
        thirds,
        mod_2,
        large,
        random_encoder(1),
        random_encoder(2, 7, (2, 3, 4)),
        classical(Format(3, 1, 2)),
    ]
    for encoder in kept:
        store.add(encoder, found)
    again = _again(store)
    assert _ids(again) == {encoder.digest for encoder in kept}
    for encoder in kept:
        stored = again.load(encoder.digest)
        assert stored == Stored(encoder, found)
        assert [a.tobytes() for a in stored.encoder.factors] == [b.tobytes() for b in encoder.factors]
        assert stored.encoder.ring is encoder.ring
        row = again.row(encoder.digest)
        assert (row["relative_error"], row["growth"]) == (encoder.relative_error, encoder.growth)
        assert again.path(row).parent == again.directory


def test_the_order_of_writing_leaves_no_trace(
    kind: type[Folder] | type[Packs], tmp_path: Path, found: Provenance
) -> None:
    encoders = [classical(Format(1, 2, 2)), strassen(), classical(Format(2, 2, 2))]
    contents = []
    for name, order in (("a", encoders), ("b", encoders[::-1])):
        store = kind(tmp_path / name)
        for encoder in order:
            store.add(encoder, found)
        store.add(classical(Format(1, 1, 1)), found)
        store.remove(classical(Format(1, 1, 1)).digest)
        contents.append({path.name: path.read_bytes() for path in store.directory.glob("*.safetensors")})
    assert contents[0] == contents[1]


def test_rows_are_those_that_fit(store: Store, found: Provenance, random_encoder: RandomEncoder) -> None:
    for encoder in (strassen(), classical(Format(2, 2, 2)), random_encoder(3, 9, (2, 3, 4))):
        store.add(encoder, found)
    fresh = _again(store)
    assert [row["rank"] for row in fresh.rows("rank > ?", [7], Format(2, 2, 2))] in ([8], [8, 9], [9, 8])
    assert {row["rank"] for row in fresh.rows("n = 2 AND m = 2", [], Format(2, 2, 2))} == {7, 8}
    assert {row["rank"] for row in fresh.rows("rank > ?", [7])} == {8, 9}
    assert fresh.rows("n = 5", [], Format(5, 5, 5)) == []


def test_adding_twice_keeps_the_first(store: Store, found: Provenance) -> None:
    store.add(strassen(), found)
    path = store.path(store.row(strassen().digest))
    stamp = path.stat().st_mtime_ns
    store.add(strassen(), Provenance("later"))
    assert path.stat().st_mtime_ns == stamp
    assert _again(store).load(strassen().digest).provenance == found


def test_what_is_removed_is_gone_and_nothing_else(store: Store, found: Provenance) -> None:
    keep = classical(Format(2, 2, 2))
    for encoder in (strassen(), keep):
        store.add(encoder, found)
    store.remove(strassen().digest)
    for one in (store, _again(store)):
        assert _ids(one) == {keep.digest}
        with pytest.raises(InvalidInput):
            one.load(strassen().digest)
        with pytest.raises(InvalidInput):
            one.row(strassen().digest)
    store.remove(keep.digest)
    assert not list(store.directory.glob("*.safetensors"))


def test_changes_by_another_process_are_seen(store: Store, found: Provenance) -> None:
    other = _again(store)
    assert _ids(store) == set()
    other.add(strassen(), found)
    assert _ids(store) == {strassen().digest}
    assert store.load(strassen().digest).encoder == strassen()
    other.remove(strassen().digest)
    assert _ids(store) == set()


def test_an_encoder_that_broke_is_never_handed_out(
    store: Store, found: Provenance, caplog: pytest.LogCaptureFixture
) -> None:
    for encoder in (strassen(), classical(Format(2, 2, 3))):
        store.add(encoder, found)
    path = store.path(store.row(strassen().digest))
    _break(path)
    with pytest.raises(InvalidInput):
        store.load(strassen().digest)
    faults = [(one, fault) for one, fault in store.verify() if fault]
    assert [one for one, _ in faults] == [path]
    assert store.load(classical(Format(2, 2, 3)).digest).encoder == classical(Format(2, 2, 3))
    with caplog.at_level(logging.WARNING, "catalog"):
        store.failures()
    store.add(strassen(), found)  # heals it
    assert store.load(strassen().digest).encoder == strassen()
    assert [fault for _, fault in store.verify() if fault] == []


@pytest.mark.parametrize("content", [b"", b"broken", bytes(64)])
def test_a_damaged_file_is_named_once_and_hides_no_other(
    store: Store, found: Provenance, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    for encoder in (strassen(), classical(Format(2, 2, 3))):
        store.add(encoder, found)
    path = store.path(store.row(strassen().digest))
    path.write_bytes(content)
    fresh = _again(store)
    with caplog.at_level(logging.WARNING, "catalog"):
        assert _ids(fresh) == _ids(fresh) == {classical(Format(2, 2, 3)).digest}
    assert [path.name in record.message for record in caplog.records] == [True]
    assert list(fresh.failures()) == [path]
    assert "\n" not in fresh.failures()[path]
    assert [one for one, fault in fresh.verify() if fault] == [path]
    aside = fresh.set_aside(path)
    assert aside.read_bytes() == content
    assert aside.parent == store.directory / "damaged"
    assert fresh.failures() == {}
    assert not path.exists()


def test_a_read_only_store_stays_as_it_is(kind: type[Folder] | type[Packs], store: Store, found: Provenance) -> None:
    store.add(strassen(), found)
    path = store.path(store.row(strassen().digest))
    locked = kind(store.directory, read_only=True)
    before = {one.name: one.read_bytes() for one in store.directory.glob("*.safetensors")}
    for action in (
        lambda: locked.add(classical(Format(2, 2, 2)), found),
        lambda: locked.remove(strassen().digest),
        lambda: locked.set_aside(path),
    ):
        with pytest.raises(InvalidInput, match="is read-only"):
            action()
    assert locked.load(strassen().digest).encoder == strassen()
    assert {one.name: one.read_bytes() for one in store.directory.glob("*.safetensors")} == before


def test_a_directory_that_cannot_be_made_is_one_sentence(
    kind: type[Folder] | type[Packs], tmp_path: Path, found: Provenance
) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        for action in (lambda: kind(place).add(strassen(), found), kind(place).check_writable):  # noqa: B023
            with pytest.raises(InvalidInput, match=r"catalog folder .*file.* cannot be (written|read)"):
                action()


def test_files_of_a_newer_program_are_left_alone(store: Store, found: Provenance) -> None:
    store.add(strassen(), found)
    path = store.path(store.row(strassen().digest))
    content = path.read_bytes()
    newer = content.replace(b'\\"schema\\": 1', b'\\"schema\\": 9').replace(b'\\"schema\\":1', b'\\"schema\\":9')
    assert newer != content
    path.write_bytes(newer)
    fresh = _again(store)
    assert "newer than" in fresh.failures()[path]
    for action in (lambda: fresh.add(strassen(), found), fresh.check_writable, lambda: fresh.set_aside(path)):
        with pytest.raises(InvalidInput, match="a newer strassen-tile wrote"):
            action()
    assert path.read_bytes() == newer


def test_ancestors_are_kept_in_the_same_kind(
    kind: type[Folder] | type[Packs], tmp_path: Path, random_encoder: RandomEncoder
) -> None:
    catalog = Catalog(tmp_path / "catalog", shipped=False, packed=kind is Packs)
    root = Stored(random_encoder(1), Provenance("als", recipe={"seed": 1}))
    child = Provenance("hop", lineage=(root.encoder.digest,), recipe={"seed": 2})
    entry = catalog.add(random_encoder(2), child, [root])
    again = Catalog(tmp_path / "catalog", shipped=False)
    assert type(again.stores[0]) is kind
    assert again.ancestor(root.encoder.digest) == root
    assert [one.id for one in again] == [entry.id]
    again.remove(entry.id)
    assert again.ancestor(root.encoder.digest) is None
    assert not list((tmp_path / "catalog").rglob("*.safetensors"))


def test_every_command_works_on_it(
    kind: type[Folder] | type[Packs], tmp_path: Path, found: Provenance, random_encoder: RandomEncoder
) -> None:
    catalog = Catalog(tmp_path / "catalog", shipped=False, packed=kind is Packs)
    a, b = (catalog.add(encoder, found) for encoder in (strassen(), random_encoder(1, 7)))
    place = ["--catalog", str(catalog.directory), "--no-shipped"]

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(catalog_command, [*arguments, *place])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert {entry["id"] for entry in json.loads(run("list", "--json"))} == {a.id, b.id}
    assert str(a.path) in run("show", a.id)
    assert "growth" in run("compare", a.id, b.id)
    assert "2 encoders" in run("stats")
    assert "2 sound, 0 damaged" in run("verify")
    assert "0 damaged" in run("reindex")
    run("export", a.id, str(tmp_path / "a.safetensors"))
    run("site", str(tmp_path / "site"))
    assert (tmp_path / "site" / "files" / f"{a.id}.safetensors").read_bytes() == (
        tmp_path / "a.safetensors"
    ).read_bytes()
    assert "removed" in run("remove", b.id, "--yes")
    assert [entry.id for entry in catalog] == [a.id]
