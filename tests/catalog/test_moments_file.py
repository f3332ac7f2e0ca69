"""Files of moments: read back as written, and refused in one sentence where they are no such thing."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from catalog.moments_file import KEY, read_moments, write_moments
from stl_algebra import Format, InvalidInput, TileMoments

FORMAT = Format(2, 2, 2)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((4, 4))
    moments = TileMoments(FORMAT, mixing @ mixing.T, np.eye(4), np.ones(4), source="layer 3")
    write_moments(tmp_path / "m.safetensors", moments)
    found = read_moments(tmp_path / "m.safetensors", FORMAT)
    assert (found.digest, found.source) == (moments.digest, "layer 3")
    np.testing.assert_allclose(found.second_x, moments.second_x, rtol=1e-12)
    np.testing.assert_allclose(found.mean_x, moments.mean_x, rtol=1e-12)


def test_two_tensors_of_single_precision_are_enough(tmp_path: Path) -> None:
    save_file({"second_x": np.eye(6, dtype="f4"), "second_w": np.eye(12, dtype="f4")}, tmp_path / "m")
    assert read_moments(tmp_path / "m", Format(2, 3, 4)).format == Format(2, 3, 4)


EYE = np.eye(4)


@pytest.mark.parametrize(
    ("tensors", "metadata", "sentence"),
    [
        ({"second_x": EYE}, {}, "holds no tensor second_w"),
        ({"second_x": EYE.astype("i8"), "second_w": EYE}, {}, "second_x is not of type F32 or F64"),
        ({"second_x": np.eye(9), "second_w": EYE}, {}, "second_x has shape"),
        ({"second_x": EYE * np.nan, "second_w": EYE}, {}, "second_x has an entry that is not finite"),
        ({"second_x": -EYE, "second_w": EYE}, {}, "second_x is not positive semidefinite"),
        ({"second_x": np.triu(EYE + 1), "second_w": EYE}, {}, "second_x is not symmetric"),
        ({"second_x": EYE, "second_w": EYE}, {"format": [4, 4, 4]}, "moments of tiles 4x4x4, not 2x2x2"),
        ({"second_x": EYE, "second_w": EYE}, {"format": "wide"}, "moments of tiles wide, not 2x2x2"),
        ({"second_x": EYE, "second_w": EYE}, {"schema": 2}, "written in schema 2, this program reads 1"),
        ({"second_x": EYE, "second_w": EYE}, "[1]", "is no JSON object"),
        ({"second_x": EYE, "second_w": EYE}, "{", "is not JSON"),
    ],
)
def test_a_file_that_is_none_of_moments(
    tensors: dict[str, np.ndarray], metadata: dict[str, Any] | str, sentence: str, tmp_path: Path
) -> None:
    record = metadata if isinstance(metadata, str) else json.dumps({"schema": 1} | metadata)
    save_file(tensors, tmp_path / "m.safetensors", metadata={KEY: record})
    with pytest.raises(InvalidInput, match=sentence) as raised:
        read_moments(tmp_path / "m.safetensors", FORMAT)
    assert "m.safetensors" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 64, b"{}", pickle.dumps([1, 2, 3]), b"\x10" + b"\0" * 7 + b"{" * 16]
)
def test_bytes_that_are_no_safetensors(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_moments(tmp_path / "m", FORMAT)


def test_words_of_a_file_cannot_move_the_cursor(tmp_path: Path) -> None:
    tensors = {"second_x": EYE, "second_w": EYE}
    for name, record in (("a", {"source": "a\x1b[2Jb"}), ("b", {"format": ["\x1b[2J", 2]})):
        save_file(tensors, tmp_path / name, metadata={KEY: json.dumps(record)})
    assert read_moments(tmp_path / "a", FORMAT).source == "a[2Jb"
    with pytest.raises(InvalidInput, match=r"moments of tiles \[2Jx2, not") as raised:
        read_moments(tmp_path / "b", FORMAT)
    assert "\x1b" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="absent cannot be read: No such file"):
        read_moments(tmp_path / "absent", FORMAT)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_moments(tmp_path, FORMAT)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_moments(tmp_path / "absent" / "m", TileMoments(FORMAT, EYE, EYE))
