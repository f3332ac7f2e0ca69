"""Hostile and random files: every reader either reads them or refuses them, quickly and in one sentence."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog import Provenance
from catalog.encoder_file import KEY, DamagedFile, pack, unpack
from catalog.interchange import (
    FORMATS,
    Options,
    Scheme,
    alphatensor,
    benson_ballard,
    exp,
    maple,
    mathematica,
    perminov,
    plinopt,
    read_files,
    reduced,
)
from catalog.interchange.expressions import parse_product
from catalog.interchange.inert_pickle import read_object_array
from catalog.interchange.laurent import Laurent, format_laurent, parse_laurent
from catalog.interchange.scheme import transposed
from stl_algebra import Format, InvalidInput, Precision, classical, kronecker, strassen

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
AT_BF16 = Options(Precision.parse("bf16"), x=0.1)
RECTANGULAR = Scheme.of(kronecker(classical(Format(2, 1, 1)), strassen()))


def _reduced() -> bytes:
    """The rectangular scheme with one fresh sum for each factor."""
    n, m, p = RECTANGULAR.format
    third = transposed(RECTANGULAR.out, p, n)
    fields: dict[str, Any] = {"n": [n, m, p], "m": RECTANGULAR.rank}
    for name, rows in zip("uvw", (RECTANGULAR.encode_x, RECTANGULAR.encode_w, zip(*third, strict=True)), strict=True):
        fields[name] = [[{"index": i, "value": int(v)} for i, v in enumerate(row) if v] for row in rows]
        fields[f"{name}_fresh"] = [[{"index": 0, "value": 1}, {"index": 1, "value": -1}]]
    return json.dumps(fields).encode()


def _npy() -> bytes:
    u, v, w = strassen().factors
    with io.BytesIO() as target:
        np.save(target, np.stack([u.T, v.T, w.T]))
        return target.getvalue()


SEEDS = {
    "safetensors": pack(strassen(), Provenance("construction")),
    "perminov-json": perminov.write_json(RECTANGULAR, modulo_2=False),
    "perminov-txt": perminov.write_text(RECTANGULAR),
    "alphatensor": alphatensor.write({"4,2,2": RECTANGULAR}),
    "npy": _npy(),
    "perminov-reduced": _reduced(),
    "exp": exp.write(RECTANGULAR) + b"(2*(a11 - a12)) b11 (c11)/3\n",
    "mathematica": mathematica.write(RECTANGULAR),
    "maple": maple.write(RECTANGULAR),
    "benson-ballard": benson_ballard.write(RECTANGULAR),
    "plinopt": plinopt.write(RECTANGULAR)["L"],
}


def outcome(path: Path, kind: str | None) -> None:
    """Read a file; what is found is an encoder or a sentence, never an exception."""
    for reading in read_files([path], AT_BF16, kind):
        assert (reading.encoder is None) != (reading.fault is None)
        assert reading.fault is None or "\n" not in reading.fault


@pytest.mark.parametrize("kind", FORMATS)
@QUICK
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    content = bytearray(SEEDS[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = data.draw(
                    st.sampled_from(
                        [b"9" * 30, b"-", b"x", b"1/0", b"\n#\n", b"[" * 500, b"(" * 500, b"{" * 9, b"\xff", b"NaN"]
                    )
                )
            case "repeat":
                content[at:at] = content[at : at + 64]
        if not content:
            break
    path = tmp_path / "file_L.sms"
    path.write_bytes(bytes(content))
    outcome(path, kind)
    outcome(path, None)


@QUICK
@given(content=st.binary(max_size=300), kind=st.sampled_from([*FORMATS, None]))
@example(content=b"[" * 300, kind="perminov-json")
@example(content=b"1 1 1 999999\n", kind="perminov-txt")
@example(content=b"99999 99999 99999 99999\n", kind=None)
@example(content=b"1 1 1 1\n1 1 \x1f", kind="perminov-txt")
def test_random_bytes_are_refused(tmp_path: Path, content: bytes, kind: str | None) -> None:
    path = tmp_path / "file_P.sms"
    path.write_bytes(content)
    outcome(path, kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@QUICK
@given(fields=st.dictionaries(st.sampled_from(["n", "m", "u", "v", "w", "z2"]), JSON))
def test_json_of_any_shape_is_refused(fields: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidInput):
        list(perminov.read_json(json.dumps(fields).encode()))


RECORD_KEYS = [
    "schema",
    "id",
    "format",
    "rank",
    "ring",
    "denominators",
    "relative_error",
    "growth",
    "errors",
    "provenance",
]


@QUICK
@given(changes=st.dictionaries(st.sampled_from(RECORD_KEYS), JSON, min_size=1))
def test_records_of_any_shape_are_refused_or_sound(changes: dict[str, Any]) -> None:
    content = SEEDS["safetensors"]
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    record = json.loads(header["__metadata__"][KEY]) | changes
    header["__metadata__"][KEY] = json.dumps(record)
    text = json.dumps(header).encode()
    with contextlib.suppress(DamagedFile):
        assert unpack(len(text).to_bytes(8, "little") + text + content[8 + length :]).encoder == strassen()


@QUICK
@given(
    shape=st.lists(st.integers(-(10**13), 10**13), max_size=4),
    offsets=st.lists(st.integers(-1, 10**13), min_size=2, max_size=2),
    name=st.sampled_from(["encode_x", "encode_w", "decode", "more"]),
    kind=st.sampled_from(["F64", "F32", "I64", "BF16", "F4", "no"]),
)
@example(shape=[10**6, 10**6], offsets=[0, 8 * 10**12], name="encode_x", kind="F64")
def test_headers_that_claim_anything_are_refused(shape: list[int], offsets: list[int], name: str, kind: str) -> None:
    content = SEEDS["safetensors"]
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    with pytest.raises(DamagedFile):
        unpack(len(text).to_bytes(8, "little") + text + content[8 + length :])


@QUICK
@given(payload=st.binary(max_size=200))
def test_random_pickles_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_object_array(payload)


@QUICK
@given(data=st.data())
def test_damaged_pickles_are_read_or_refused(data: st.DataObject) -> None:
    array = np.empty(3, dtype=object)
    array[:] = [np.arange(6).reshape(2, 3), np.arange(4).reshape(2, 2), np.arange(2).reshape(1, 2)]
    with io.BytesIO() as target:
        np.lib.format.write_array(target, array, allow_pickle=True)
        content = bytearray(target.getvalue()[128:])
    assert [a.tolist() for a in read_object_array(bytes(content))] == [a.tolist() for a in array]
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrays = read_object_array(bytes(content))
    except InvalidInput:
        return
    assert sum(a.nbytes for a in arrays) <= 3 * len(content)


@QUICK
@given(
    shape=st.lists(st.integers(0, 10**12), min_size=1, max_size=4),
    kind=st.sampled_from(["<i8", "<f8", "|b1", "<M8[ns]", "|S9"]),
)
def test_npy_members_that_claim_anything_are_refused(shape: list[int], kind: str) -> None:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode().ljust(117) + b"\n"
    with io.BytesIO() as target:
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("2,2,2.npy", b"\x93NUMPY\x01\x00\x76\x00" + text + bytes(40))
        ((_, found),) = alphatensor.read(target.getvalue())
        assert isinstance(found, InvalidInput)


@QUICK
@given(
    value=st.dictionaries(
        st.integers(-64, 64), st.fractions(-1000, 1000, max_denominator=1000).filter(bool), max_size=4
    )
)
def test_laurent_polynomials_come_back(value: Laurent) -> None:
    assert parse_laurent(format_laurent(value)) == value


@QUICK
@given(text=st.text(alphabet="abc_0123456789+-*/() [],.", max_size=60))
@example(text="(" * 50)
@example(text="-" * 50 + "a11")
@example(text="9" * 39 + "*" + "9" * 39 + "*(a11)*(b11)*(c11)")
@example(text="a11 b11 c11/0")
def test_lines_of_products_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        for form in parse_product(text):
            assert all(abs(value.numerator) < 2**53 and value.denominator < 2**53 for value in form.values())


@QUICK
@given(fields=st.dictionaries(st.sampled_from(["m", "u", "v", "w", "u_fresh", "v_fresh", "w_fresh", "z2"]), JSON))
def test_reduced_json_of_any_shape_is_refused(fields: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidInput):
        list(reduced.read(json.dumps(fields | {"n": [1, 1, 1]}).encode()))
