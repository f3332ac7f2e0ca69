"""Coefficients as other programs write them: rounded, in scientific notation, the third factor turned."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from catalog.encoder_file import DamagedFile, check_size
from catalog.interchange import Options, Reading, Scheme, alphatensor, benson_ballard, exp, perminov, read_files
from catalog.interchange.laurent import parse_laurent
from catalog.interchange.scheme import parse_rational
from stl_algebra import Format, InvalidInput, Precision, Ring, TileEncoder, classical, kronecker, strassen

RandomEncoder = Callable[..., TileEncoder]
EXACT = Options(Precision.parse("bf16"))
APPROXIMATE = Options(Precision.parse("bf16"), approximate=True)


def only(path: Path, options: Options = EXACT) -> Reading:
    (reading,) = read_files([path], options)
    return reading


def raw(encoder: TileEncoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u, v and w as FastMatrixMultiplication and AlphaTensor have them: one row a product, w for Cᵀ."""
    n, _, p = encoder.format
    w = encoder.decode.T.reshape(-1, n, p).transpose(0, 2, 1).reshape(encoder.rank, -1)
    return encoder.encode_x, encoder.encode_w, w


def as_json(encoder: TileEncoder, w: np.ndarray | None = None) -> str:
    u, v, turned = raw(encoder)
    third = (turned if w is None else w).tolist()
    return json.dumps({"n": list(encoder.format), "m": encoder.rank, "u": u.tolist(), "v": v.tolist(), "w": third})


def as_npz(path: Path, key: str, *factors: np.ndarray) -> Path:
    array = np.empty(3, dtype=object)
    array[:] = factors
    np.savez_compressed(path, **{key: array})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (0.5, Fraction(1, 2)),
        (0.1257, Fraction(1257, 10000)),
        (1 / 3, Fraction(1, 3)),
        (-2.0, Fraction(-2)),
        (0.1234567890123456, Fraction(0.1234567890123456)),
        ("0.1234567890123456789", Fraction(float("0.1234567890123456789"))),
        ("0.3333333333333333", Fraction(1, 3)),
        ("1e-3", Fraction(1, 1000)),
        ("-1.5E+00", Fraction(-3, 2)),
        (".25", Fraction(1, 4)),
    ],
)
def test_a_rounded_number_is_the_simple_fraction_it_is_nearest_to_or_itself(text: object, value: Fraction) -> None:
    assert parse_rational(text) == value


@pytest.mark.parametrize("text", ["1e999", "1e99999", "e5", ".", "1_0", "nan", "inf", "1/0", float("nan"), True, None])
def test_what_is_no_number_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no coefficient"):
        parse_rational(text)


def test_an_approximate_scheme_is_read_to_the_last_bit(tmp_path: Path, random_encoder: RandomEncoder) -> None:
    encoder = random_encoder(1, 7, (2, 3, 2))
    u, v, w = raw(encoder)
    numbers = "\n".join(" ".join(f"{value:.17g}" for value in factor.ravel()) for factor in (u, v, w))
    blocks = "\n#\n".join("\n".join(" ".join(f"{v:.18e}" for v in row) for row in f.T) for f in encoder.factors)
    files = {
        "a.json": as_json(encoder).encode(),
        "a.txt": f"2 3 2 7\n{numbers}\n".encode(),
        "a.npz": as_npz(tmp_path / "a.npz", "2,3,2", u.T, v.T, w.T).read_bytes(),
        "a.coef": blocks.encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert "give --approximate to keep it" in str(only(tmp_path / name).fault)
        assert only(tmp_path / name, APPROXIMATE).encoder == encoder


def test_exact_schemes_written_as_floats_are_exact(tmp_path: Path) -> None:
    x, w, d = strassen().factors
    thirds = TileEncoder(strassen().format, x / 2, w / 3, 6 * d.T)
    (tmp_path / "a.json").write_text(as_json(thirds))
    u, v, turned = raw(thirds)
    as_npz(tmp_path / "a.npz", "2,2,2", u.T, v.T, turned.T)
    for name in ("a.json", "a.npz"):
        found = only(tmp_path / name).encoder
        assert found is not None
        assert (found.ring, found.denominators) == (Ring.Q, (2, 3, 1))


def test_booleans_of_npz_files_are_zero_and_one(tmp_path: Path) -> None:
    factors = [np.eye(1, dtype=bool)] * 3
    np.savez(tmp_path / "a.npz", **{"1,1,1": np.stack(factors)})  # type: ignore[arg-type]
    as_npz(tmp_path / "b.npz", "1,1,1", *factors)
    for name in ("a.npz", "b.npz"):
        assert only(tmp_path / name).encoder == classical(Format(1, 1, 1))


def test_coefficients_that_overflow_are_no_scheme_modulo_2(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"n": [1, 1, 1], "m": 1, "u": [[1e300]], "v": [[1e300]], "w": [[1]]}')
    assert "no exact scheme" in str(only(tmp_path / "a.json").fault)


@pytest.mark.parametrize("format", [(2, 2, 2), (4, 2, 2), (1, 2, 3)])
def test_a_third_factor_in_the_other_order_is_understood_and_recorded(
    tmp_path: Path, format: tuple[int, int, int]
) -> None:
    encoder = (
        classical(Format(*format)) if format[0] == 1 else kronecker(classical(Format(format[0] // 2, 1, 1)), strassen())
    )
    (tmp_path / "a.json").write_text(as_json(encoder, encoder.decode.T))
    for options in (EXACT, APPROXIMATE):
        found = only(tmp_path / "a.json", options)
        assert found.encoder == encoder
        assert found.provenance is not None
        assert ("third_factor" in found.provenance.details) == (format[0] != 1)
    near = TileEncoder(encoder.format, 1.0001 * encoder.encode_x, encoder.encode_w, encoder.decode)
    (tmp_path / "a.json").write_text(as_json(near, near.decode.T))
    found = only(tmp_path / "a.json", APPROXIMATE)
    assert found.encoder is not None
    assert found.encoder.relative_error < 1e-6


def test_a_mark_of_byte_order_is_passed_over(tmp_path: Path) -> None:
    scheme = Scheme.of(strassen())
    for content in (perminov.write_json(scheme, modulo_2=False), perminov.write_text(scheme), exp.write(scheme)):
        (tmp_path / "file").write_bytes(b"\xef\xbb\xbf" + content)
        assert only(tmp_path / "file").encoder == strassen()


def test_products_are_read_in_capitals_and_counted_from_0(tmp_path: Path) -> None:
    text = exp.write(Scheme.of(kronecker(classical(Format(2, 1, 1)), strassen()))).decode()
    from_0 = text.translate(str.maketrans("1234", "0123"))
    for other in (text.upper(), from_0):
        (tmp_path / "file.exp").write_text(other)
        assert only(tmp_path / "file.exp").encoder == kronecker(classical(Format(2, 1, 1)), strassen())
    (tmp_path / "file.exp").write_text(f"(a1_{'9' * 5000})*(b11)*(c11)")
    assert "in no known format" in str(only(tmp_path / "file.exp").fault)
    assert "no product of three sums" in str(next(read_files([tmp_path / "file.exp"], EXACT, "exp")).fault)


def test_digits_that_are_no_decimals_are_one_sentence(tmp_path: Path) -> None:
    for letter in "LRP":
        (tmp_path / f"a_{letter}.sms").write_text("2 2 R\n² 1 1\n0 0 0\n", encoding="utf-8")
    (found,) = read_files(sorted(tmp_path.iterdir()), EXACT)
    assert "is not `i j value`" in str(found.fault)


def test_dimensions_beyond_all_floats_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'{{"n": [{"9" * 400}, 1, 1], "m": 1, "u": [[1]], "v": [[1]], "w": [[1]]}}')
    fault = str(only(tmp_path / "a.json").fault)
    assert "are not integers below 10^9" in fault
    assert len(fault) < 120


def test_a_small_archive_of_a_huge_scheme_is_refused_before_its_entries_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alphatensor, "parse_rational", lambda _: pytest.fail("an entry was made"))
    zeros = np.zeros((3, 16, 100_000), dtype=np.int8)
    np.savez_compressed(tmp_path / "a.npz", **{"4,4,4": zeros})  # type: ignore[arg-type]
    assert "rank 100000 is larger than a catalog takes" in str(only(tmp_path / "a.npz").fault)
    as_npz(tmp_path / "b.npz", "4,4,4", zeros[0, :, :50], zeros[0, :, :50], zeros[0])
    assert "factors of 50, 50, 100000 products" in str(only(tmp_path / "b.npz").fault)


def test_no_scheme_has_more_products_than_the_classical_one() -> None:
    check_size(Format(2, 3, 4), 24)
    with pytest.raises(DamagedFile, match="rank 25 is larger"):
        check_size(Format(2, 3, 4), 25)


def test_one_damaged_member_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    content = alphatensor.write({"2,2,2": Scheme.of(strassen()), "1,2,3": Scheme.of(classical(Format(1, 2, 3)))})
    target = tmp_path / "a.npz"
    with zipfile.ZipFile(io.BytesIO(content)) as good, zipfile.ZipFile(target, "w") as archive:
        archive.writestr("3,3,3.npy", b"no array")
        archive.writestr("4,4,4.npy", b"to be damaged")
        for name in good.namelist():
            archive.writestr(name, good.read(name))
    target.write_bytes(target.read_bytes().replace(b"to be damaged", b"is damaged!!!"))
    found = list(read_files([target], EXACT))
    assert [str(r.fault).split(":")[0] for r in found if r.fault] == ["3,3,3", "4,4,4"]
    assert [r.encoder.rank for r in found if r.encoder] == [7, 6]


def test_written_archives_do_not_depend_on_what_numpy_takes_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_of_numpy_2_0(file: io.BytesIO, **arrays: object) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.asanyarray(array))

    monkeypatch.setattr(np, "savez_compressed", as_of_numpy_2_0)
    content = alphatensor.write({"2,2,2": Scheme.of(strassen()), "1,2,3": Scheme.of(classical(Format(1, 2, 3)))})
    with np.load(io.BytesIO(content), allow_pickle=True) as arrays:  # our own file: its pickles are safe
        assert set(arrays) == {"2,2,2", "1,2,3"}
        assert [factor.shape for factor in arrays["1,2,3"]] == [(2, 6), (6, 6), (3, 6)]


def test_laurent_polynomials_take_scientific_notation() -> None:
    assert parse_laurent("1e-3x2") == {2: Fraction(1, 1000)}
    assert parse_laurent("(1.5e+01+-x)") == {0: 15, 1: -1}


def test_a_border_scheme_that_float64_does_not_hold_is_refused(tmp_path: Path) -> None:
    scheme = benson_ballard.read(b"x60i\n#\nx60\n#\n(1+x)\n")
    assert not isinstance(scheme, Scheme)
    assert scheme.at(0.1).relative_error == pytest.approx(0.01)
    for x in (1e-5, 1e-10, 1e-300):
        with pytest.raises(InvalidInput, match="too large for float64; give a larger --x"):
            scheme.at(x)
    (tmp_path / "border").write_bytes(b"x60i\n#\nx60\n#\n(1+x)\n")
    for options in (EXACT, APPROXIMATE):  # no encoder that multiplies by zero
        found = only(tmp_path / "border", options)
        assert found.fault or (found.encoder is not None and found.encoder.relative_error < 0.1)
    with pytest.raises(InvalidInput, match="over one denominator"):
        benson_ballard.read(b"1e300\n#\nx\n#\nxi\n")
