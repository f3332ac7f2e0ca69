"""Packs: headers that lie are refused in one sentence, and a figure alone never makes an encoder."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from catalog import Catalog, Provenance
from catalog.encoder_file import DamagedFile
from catalog.pack_file import KEY, file_name, member, read_encoder, read_records, write
from catalog.packs import Packs
from stl_algebra import Format, InvalidInput, TileEncoder, classical, strassen

Header = dict[str, Any]
Tensors = dict[str, np.ndarray]
ID, OTHER = strassen().digest, classical(Format(2, 2, 2)).digest


@pytest.fixture
def path(tmp_path: Path, found: Provenance) -> Path:
    """A pack of Strassen's encoder and the classical one."""
    packs = Packs(tmp_path / "packs")
    for encoder in (strassen(), classical(Format(2, 2, 2))):
        packs.add(encoder, found)
    return packs.directory / "2x2x2.pack.safetensors"


def _rewrite(path: Path, change: Callable[[Header, Tensors], object]) -> None:
    """The file after a change to its JSON object and tensors."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    record = json.loads(header["__metadata__"][KEY])
    tensors = {name: values.copy() for name, values in load(content).items()}
    change(record, tensors)
    path.write_bytes(save(tensors, metadata={KEY: json.dumps(record)}))


def _claims(**fields: Any) -> Callable[[Header, Tensors], None]:
    return lambda header, _: header["encoders"][ID].update(fields)


def _without(field: str) -> Callable[[Header, Tensors], object]:
    return lambda header, _: header["encoders"][ID].pop(field)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_claims(rank=0), "not a positive integer"),
        (_claims(rank=True), "not a positive integer"),
        (_claims(rank=9), "larger than a catalog takes"),
        (_claims(rank=6), r"its tensor is I8 of shape \[7, 12\]"),
        (_claims(ring="C"), "unknown ring"),
        (_claims(growth="much"), "growth much is not a finite number"),
        (_claims(relative_error=None), "relative_error None is not a finite number"),
        (_claims(growth=float("inf")), "growth inf is not a finite number"),
        (_claims(provenance=[]), "no JSON object"),
        (_claims(provenance={"strategy": 7}), "strategy is 7"),
        (_without("provenance"), "provenance"),
        (_without("ring"), "ring"),
        (lambda header, _: header.update(format=[2, 2, 3]), "its name is not that of its content, 2x2x3"),
        (lambda header, _: header.update(format=7), "is not three positive integers"),
        (lambda header, _: header.update(format=None), "is not three positive integers"),
        (lambda header, _: header.update(schema="1"), "schema version '1'"),
        (lambda header, _: header.pop("encoders"), "holds no records"),
        (lambda header, _: header.update(encoders={ID: 1}), "holds no records"),
        (lambda header, _: header["encoders"].pop(ID), "has no record"),
        (lambda _, tensors: tensors.pop(ID), "has no tensor"),
        (lambda _, tensors: tensors.update({ID: tensors[ID].astype(np.float16)}), "its tensor is F16"),
        (lambda _, tensors: tensors.update({ID: tensors[ID].T.copy()}), r"shape \[12, 7\]"),
    ],
)
def test_a_header_that_is_not_sound_is_refused(
    path: Path, change: Callable[[Header, Tensors], object], reason: str
) -> None:
    _rewrite(path, change)
    with pytest.raises(DamagedFile, match=reason) as caught:
        read_records(path)
    assert "\n" not in str(caught.value)
    assert list(Packs(path.parent).failures()) == [path]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_claims(growth=1.0), "growth is recorded as 1 and recomputed as 32"),
        (_claims(relative_error=0.5), "relative_error is recorded as 0.5"),
        (_claims(ring="R"), "its content has the id"),
        (_claims(denominators=[1, 1]), "not three positive integers"),
        (_claims(denominators=[2, 1, 1]), "does not match the denominators"),
        (lambda _, tensors: tensors[ID].__setitem__((0, 0), 3), "Brent equations"),
        (lambda _, tensors: tensors.update({ID: np.full((7, 12), np.nan)}), "not finite"),
        (lambda _, tensors: tensors.update({ID: tensors[OTHER][:7]}), "Brent equations"),
    ],
)
def test_what_the_header_claims_is_believed_for_lists_alone(
    path: Path, change: Callable[[Header, Tensors], object], reason: str
) -> None:
    _rewrite(path, change)
    catalog = Catalog(path.parent, shipped=False)
    assert {entry.id for entry in catalog} == {ID, OTHER}
    with pytest.raises(InvalidInput, match=reason):
        catalog.get(ID).encoder  # noqa: B018
    assert {entry.id for entry in catalog} == {OTHER}  # named in a warning, and listed no more
    assert [fault is None for _, fault in catalog.verify()].count(False) == 1
    assert catalog.get(OTHER).encoder == classical(Format(2, 2, 2))


def test_setting_a_file_aside_keeps_what_is_sound_in_it(path: Path) -> None:
    _rewrite(path, _claims(growth=1.0))
    before = path.read_bytes()
    catalog = Catalog(path.parent, shipped=False)
    assert catalog.set_aside(path).read_bytes() == before
    assert [entry.id for entry in catalog] == [OTHER]
    assert [fault for _, fault in catalog.verify()] == [None]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_byte_makes_another_encoder(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    original = bytes(content)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        for id, fields in read_records(path).items():
            encoder = read_encoder(path, fields).encoder
            assert encoder.digest == id
    except DamagedFile:
        pass
    finally:
        path.write_bytes(original)


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["normal", "integers", "halves", "tiny"]))
def test_approximate_encoders_keep_every_bit(seed: int, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = np.random.default_rng(seed)
    draw = {
        "normal": lambda shape: rng.normal(size=shape),
        "integers": lambda shape: rng.integers(-300, 300, size=shape).astype(float),
        "halves": lambda shape: rng.integers(-4, 5, size=shape) / 2,
        "tiny": lambda shape: rng.normal(size=shape) * 1e-300,
    }[kind]
    encoder = TileEncoder(Format(1, 2, 3), draw((4, 2)), draw((4, 6)), draw((3, 4)))
    file = tmp_path_factory.mktemp("pack") / file_name(encoder.format)
    file.write_bytes(write(encoder.format, {encoder.digest: member(encoder, Provenance("test"))}))
    again = read_encoder(file, read_records(file)[encoder.digest]).encoder
    assert again.digest == encoder.digest
    assert all((a == b).all() for a, b in zip(again.factors, encoder.factors, strict=True))


def test_threads_that_add_to_one_file_lose_nothing(tmp_path: Path, found: Provenance) -> None:
    rng = np.random.default_rng(0)
    encoders = [
        TileEncoder(Format(1, 1, 2), *(rng.normal(size=s) for s in ((2, 1), (2, 2), (2, 2)))) for _ in range(12)
    ]

    def add(part: list[TileEncoder]) -> None:
        packs = Packs(tmp_path)
        for encoder in part:
            packs.add(encoder, found)

    threads = [threading.Thread(target=add, args=(encoders[k::3],)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row["id"] for row in Packs(tmp_path).rows()} == {encoder.digest for encoder in encoders}


def test_a_stray_pack_does_not_hide_single_files(catalog: Catalog, found: Provenance, path: Path) -> None:
    """A pack that someone copied among the files of a catalog is named, and they stay in sight."""
    catalog.add(strassen(), found)
    (catalog.directory / path.name).write_bytes(path.read_bytes())
    again = Catalog(catalog.directory, shipped=False)
    assert [entry.id for entry in again] == [ID]
    assert [one.name for one in again.failures()] == [path.name]
    with pytest.raises(InvalidInput, match="holds single encoder files"):
        Catalog(catalog.directory, shipped=False, packed=True)


def test_a_stray_file_does_not_hide_the_shipped_packs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path.parent / f"{'ab' * 32}.safetensors").write_bytes(b"stray")
    monkeypatch.setattr("catalog.catalog.SHIPPED", path.parent)
    assert {entry.id for entry in Catalog(tmp_path / "own")} == {ID, OTHER}
