"""Encoder files: sound ones are read back to the bit, and everything else is refused in one sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load, save

from catalog import Catalog, Provenance
from catalog.encoder_file import KEY, DamagedFile, pack, read, unpack
from catalog.schema import SCHEMA
from cli import catalog_command
from stl_algebra import Format, InvalidInput, Ring, TileEncoder, strassen

RandomEncoder = Callable[..., TileEncoder]


def rewritten(content: bytes, change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]) -> bytes:
    """The file after a change to its record and tensors."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    record = json.loads(header["__metadata__"][KEY])
    tensors = {name: values.copy() for name, values in load(content).items()}
    change(record, tensors)
    return save(tensors, metadata={KEY: json.dumps(record)})


def lies(**changes: Any) -> Callable[[dict[str, Any], object], None]:
    return lambda record, _: record.update(changes)


def with_header(header: object) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def nan(_: object, tensors: dict[str, np.ndarray]) -> None:
    tensors["decode"][1, 2] = np.nan


def one_entry(_: object, tensors: dict[str, np.ndarray]) -> None:
    tensors["encode_x"][0, 0] = 2.0


def one_entry_with_its_id(record: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    tensors["encode_x"][0, 0] = 2.0
    encoder = TileEncoder(strassen().format, tensors["encode_x"], tensors["encode_w"], tensors["decode"])
    record["id"] = encoder.digest


def in_single(_: object, tensors: dict[str, np.ndarray]) -> None:
    tensors["encode_w"] = tensors["encode_w"].astype(np.float32)


def extra(_: object, tensors: dict[str, np.ndarray]) -> None:
    tensors["surprise"] = np.zeros(3)


def turned(_: object, tensors: dict[str, np.ndarray]) -> None:
    tensors["decode"] = np.ascontiguousarray(tensors["decode"].T)


CHANGES: list[tuple[Callable[..., object], str]] = [
    (lies(rank=6), "shape"),
    (lies(rank=0), "rank 0"),
    (lies(rank=True), "rank True"),
    (lies(rank=10**12), "larger than"),
    (lies(format=[2, 2, 3]), "shape"),
    (lies(format=[10**6] * 3), "larger than"),
    (lies(format=[2, 2]), "record"),
    (lies(format="2x2x2"), "record"),
    (lies(ring="Z[1/3]"), "unknown ring"),
    (lies(ring="R"), "id"),
    (lies(denominators=[1, 1, 2]), "denominators"),
    (lies(denominators=[1, 1, 0]), "denominators"),
    (lies(denominators=[1, 1, 10**400]), "denominators"),
    (lies(relative_error=0.01), "relative_error is recorded as 0.01 and recomputed as 0"),
    (lies(growth=31.0), "growth is recorded as 31 and recomputed as 32"),
    (lies(growth="32"), "record"),
    (lies(errors={"bf16": 0.5}), "error at bf16"),
    (lies(id="0" * 64), "id"),
    (lies(provenance=None), "provenance is no JSON object"),
    (lies(provenance={"strategy": 7}), "strategy"),
    (lies(provenance={"strategy": "x", "lineage": "ab"}), "lineage"),
    (lies(schema=SCHEMA + 1), "newer"),
    (lies(schema="1"), "schema"),
    (nan, "not finite"),
    (one_entry, "do not hold"),
    (one_entry_with_its_id, "do not hold"),
    (in_single, "F32"),
    (extra, "surprise"),
    (turned, "shape"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_a_file_that_lies_is_refused(change: Callable[..., object], reason: str, found: Provenance) -> None:
    with pytest.raises(DamagedFile, match=reason) as refusal:
        unpack(rewritten(pack(strassen(), found), change))
    assert "\n" not in str(refusal.value)


TENSOR = {"dtype": "F64", "shape": [10**6, 10**6], "data_offsets": [0, 8 * 10**12]}
RECORD = {
    "schema": 1,
    "id": "0",
    "format": [1, 1, 1],
    "rank": 1,
    "ring": "R",
    "denominators": [1, 1, 1],
    "provenance": {},
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b"1234567", "truncated"),
        (b"\xff" * 64, "header claims 18446744073709551615 bytes"),
        ((10**6).to_bytes(8, "little") + b"{}", "truncated"),
        (with_header(b"no json"), "not JSON"),
        (with_header(b"\xff\xfe"), "not JSON"),
        (with_header(b"[" * 100_000), "not JSON"),
        (with_header([1]), "metadata key"),
        (with_header({}), "metadata key"),
        (with_header({"__metadata__": {KEY: 3}}), "metadata key"),
        (with_header({"__metadata__": {KEY: "{"}}), "not JSON"),
        (with_header({"__metadata__": {KEY: '{"schema": NaN}'}}), "not JSON"),
        (with_header({"__metadata__": {KEY: "[]"}}), "no JSON object"),
        (with_header({"__metadata__": {KEY: "{}"}}), "schema version None"),
        (with_header({"__metadata__": {KEY: json.dumps(RECORD)}}), "tensors"),
        (with_header({"__metadata__": {KEY: json.dumps(RECORD)}, "encode_x": TENSOR}), "safetensors refuses it"),
    ],
)
def test_what_is_no_encoder_file_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedFile, match=reason):
        unpack(content)


def test_a_truncated_file_is_refused_at_every_length(found: Provenance) -> None:
    content = pack(strassen(), found)
    for length in range(len(content)):
        with pytest.raises(DamagedFile):
            unpack(content[:length])


def test_a_flipped_bit_in_the_coefficients_is_noticed(found: Provenance, random_encoder: RandomEncoder) -> None:
    content = bytearray(pack(random_encoder(1), found))
    start = 8 + int.from_bytes(content[:8], "little")
    for position in range(start, len(content)):
        content[position] ^= 1
        with pytest.raises(DamagedFile):
            unpack(bytes(content))
        content[position] ^= 1


def test_a_sparse_giant_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "giant.safetensors"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(DamagedFile, match="1000000000000 bytes"):
        read(path)


def test_the_same_encoder_and_provenance_give_the_same_bytes(found: Provenance) -> None:
    assert pack(strassen(), found) == pack(strassen(), found)


def test_a_file_alone_gives_the_printed_error_with_numpy(found: Provenance, random_encoder: RandomEncoder) -> None:
    encoder = random_encoder(3, 6, (2, 3, 2))
    tensors = load(pack(encoder, found))
    assert {values.dtype for values in tensors.values()} == {np.dtype("float64")}
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(200_000, 2, 3)), rng.normal(size=(200_000, 3, 2))
    encoded = (x.reshape(-1, 6) @ tensors["encode_x"].T) * (w.reshape(-1, 6) @ tensors["encode_w"].T)
    exact = (x @ w).reshape(-1, 4)
    sampled = np.sum((encoded @ tensors["decode"].T - exact) ** 2) / np.sum(exact**2)
    assert sampled == pytest.approx(encoder.relative_error, rel=0.03)


def test_errors_of_another_model_are_not_compared(found: Provenance) -> None:
    content = rewritten(pack(strassen(), found), lies(errors={"bf16": 0.5}, error_model=0))
    assert unpack(content).encoder == strassen()


def test_numbers_that_overflow_are_refused_both_ways(catalog: Catalog, found: Provenance) -> None:
    one = np.full((1, 1), 1e160)
    huge = TileEncoder(Format(1, 1, 1), one, one, one)
    with pytest.raises(InvalidInput, match="overflows"), np.errstate(over="ignore"):
        catalog.add(huge, found)

    def enlarged(record: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        tensors |= {"encode_x": one, "encode_w": one, "decode": one}
        record |= {"id": huge.digest, "growth": 1e308, "relative_error": 1e308}

    small = TileEncoder(Format(1, 1, 1), one / 1e160, one / 1e160, one / 1e160)
    with pytest.raises(DamagedFile, match="overflows"):
        unpack(rewritten(pack(small, found), enlarged))


def test_provenance_that_cannot_be_kept_is_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="header may have"):
        catalog.add(strassen(), Provenance("test", details={"log": "x" * (1 << 20)}))
    for wrong in (
        {"strategy": "\ud800"},
        {"strategy": "x", "lineage": ("\udfff",)},
        {"strategy": "x", "seconds": float("inf")},
        {"strategy": "x", "details": {"a": float("nan")}},
        {"strategy": "x", "details": {"a": object()}},
        {"strategy": None},
        {"strategy": "x", "seed": "1"},
        {"strategy": "x", "lineage": (1,)},
    ):
        with pytest.raises(InvalidInput, match="provenance"):
            Provenance(**wrong)  # type: ignore[arg-type]
    assert len(catalog) == 0


def test_text_outside_unicode_in_details_harms_no_command(catalog: Catalog) -> None:
    entry = catalog.add(strassen(), Provenance("test", details={"\ud800": ["\udfff"]}))
    for command in (["show", entry.id], ["show", entry.id, "--json"], ["list", "--json"]):
        result = CliRunner().invoke(catalog_command, [*command, "--catalog", str(catalog.directory)])
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("ring", [Ring.Z, Ring.GF2])
def test_rings_are_proved_again(ring: Ring, found: Provenance) -> None:
    s = strassen()
    encoder = s if ring is Ring.Z else TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, ring)
    assert unpack(pack(encoder, found)).encoder.ring is ring


def test_what_is_too_large_for_a_catalog_is_refused(catalog: Catalog, found: Provenance) -> None:
    shapes = ((1025, 256), (1025, 256), (256, 1025))
    wide = TileEncoder(Format(16, 16, 16), *(np.zeros(shape) for shape in shapes))
    with pytest.raises(InvalidInput, match="larger than a catalog takes"):
        catalog.add(wide, found)
    assert not catalog.directory.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_what_is_no_file_is_passed_over(catalog: Catalog, found: Provenance) -> None:
    catalog.add(strassen(), found)
    os.mkfifo(catalog.directory / f"{'1' * 64}.safetensors")
    (catalog.directory / f"{'2' * 64}.safetensors").mkdir()
    assert len(catalog.entries()) == 1


def test_a_renamed_file_is_damaged(catalog: Catalog, found: Provenance) -> None:
    path = catalog.add(strassen(), found).path
    path.rename(path.with_name("strassen.safetensors"))
    assert len(catalog) == 0
    assert "its name is not that of its content" in next(iter(catalog.failures().values()))
