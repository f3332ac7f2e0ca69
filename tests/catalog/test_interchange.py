"""Other collections' files: the real ones verify, round trips are exact, conventions are those of each collection."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.equivalence import rank_type
from catalog.interchange import (
    BorderScheme,
    Options,
    Reading,
    Scheme,
    alphatensor,
    benson_ballard,
    detect,
    exp,
    export,
    perminov,
    plinopt,
    read_files,
)
from catalog.interchange.laurent import format_laurent, parse_laurent
from catalog.interchange.scheme import transposed
from cli import catalog_command
from stl_algebra import Format, InvalidInput, Precision, Ring, TileEncoder, classical, kronecker, strassen

RandomEncoder = Callable[..., TileEncoder]
REAL = Path(__file__).parents[2].parent / "shared" / "interchange"
#: Every scheme that is known there, by the file that names it: format, rank and ring.
REAL_SCHEMES = {
    "2x2x2_m7_ZT.json": ("2x2x2", 7, "Z"),
    "3x3x3_m23_c88_ZT.json": ("3x3x3", 23, "Z"),
    "4x4x4_m49_ZT.json": ("4x4x4", 49, "Z"),
    "2x4x5_m33_cr112_cn184_ZT_reduced.json": ("2x4x5", 33, "Z"),
    "bini322-10-52-approx": ("3x2x2", 10, "R"),
    "grey-strassen": ("2x2x2", 7, "Z"),
    "grey333-23-152": ("3x3x3", 23, "Z"),
    "smirnov333-20-182-approx": ("3x3x3", 20, "R"),
    "4x4x4_48_rational_L.sms": ("4x4x4", 48, "Z[1/2]"),
    "4x4x4_48_accurate_L.sms": ("4x4x4", 48, "Z[1/2]"),
    "2x2x2_7_DPS-integral-12.0662_L.sms": ("2x2x2", 7, "Q"),
    "555-93-mod0.exp": ("5x5x5", 93, "Z"),
    "555m93_lifted.exp": ("5x5x5", 93, "Z"),
    "exp_divisor.exp": ("2x2x2", 7, "Z"),
    "exp_juxtaposed.exp": ("2x2x2", 7, "Z"),
    "257-55-rational.m": ("2x5x7", 55, "Q"),
    "Laderman-333-23-98.m": ("3x3x3", 23, "Z"),
    "Strassen-222-7-18.m": ("2x2x2", 7, "Z"),
    "2x2x2_tensor.mpl": ("2x2x2", 7, "Z"),
    "2x4x5_tensor.mpl": ("2x4x5", 32, "Z[1/2]"),
    "3x3x6_tensor.mpl": ("3x3x6", 40, "Z[1/2]"),
}
needs_real_files = pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is absent")
AT_BF16 = Options(Precision.parse("bf16"))


def reading(path: Path, options: Options = AT_BF16) -> list[Reading]:
    return list(read_files([path], options))


def halves() -> TileEncoder:
    """Strassen with one product's factors scaled by 1/2 and 2: exact over Z[1/2]."""
    x, w, d = strassen().exact_coefficients()
    x[0] = [v / 2 for v in x[0]]
    w[0] = [v * 2 for v in w[0]]
    return TileEncoder.from_exact(Format(2, 2, 2), *(np.array(rows, dtype=object) for rows in (x, w, d)))


def modulo_2(encoder: TileEncoder) -> TileEncoder:
    return TileEncoder(encoder.format, *(f % 2 for f in (encoder.encode_x, encoder.encode_w, encoder.decode)), Ring.GF2)


def rectangular() -> TileEncoder:
    """⟨4,2,2⟩ of rank 14, whose n, m and p tell transposed conventions apart."""
    return kronecker(classical(Format(2, 1, 1)), strassen())


EXACT = {
    "strassen": strassen,
    "halves": halves,
    "rectangular": rectangular,
    "classical": lambda: classical(Format(2, 3, 4)),
}


@needs_real_files
def test_every_real_file_is_recognised_and_verified() -> None:
    found = reading(REAL)
    assert [r.fault for r in found if r.fault] == []
    encoders = {r.path.name: r.encoder for r in found if r.kind != "alphatensor" and r.encoder}
    summary = {name: (str(e.format), e.rank, str(e.ring)) for name, e in encoders.items()}
    assert summary == REAL_SCHEMES
    for name, growth in (("4x4x4_48_accurate_L.sms", 512.0), ("2x2x2_7_DPS-integral-12.0662_L.sms", 22.2)):
        assert encoders[name].growth == pytest.approx(growth, rel=0.01)
    over_gf2 = [r.encoder for r in found if r.kind == "alphatensor" and r.encoder]
    assert len(over_gf2) == 20
    assert {(str(e.format), e.rank) for e in over_gf2} >= {("4x4x4", 47), ("5x5x5", 96), ("3x4x5", 47), ("2x2x2", 7)}
    assert {e.ring for e in over_gf2} == {Ring.GF2}


@needs_real_files
@pytest.mark.parametrize("name", ["2x2x2_m7_ZT", "3x3x3_m23_c88_ZT", "4x4x4_m49_ZT"])
def test_perminovs_json_comes_back_as_it_was(name: str) -> None:
    content = (REAL / "perminov" / f"{name}.json").read_bytes()
    ((_, scheme),) = perminov.read_json(content)
    was, now = json.loads(content), json.loads(perminov.write_json(scheme, modulo_2=False))
    assert now == {key: was[key] for key in ("n", "m", "z2", "multiplications", "elements", "u", "v", "w")}
    if "type" in was:  # the collection's own count of ranks, such as 4X^2Y^2Z^2 + X^3YZ
        counts: dict[tuple[int, ...], int] = {}
        for term in was["type"].split(" + "):
            size, powers = term.split("X", 1)
            powers = "X" + powers
            ranks = []
            for letter in "XYZ":
                after = powers.split(letter, 1)[1]
                ranks.append(int(after[1]) if after.startswith("^") else 1)
            counts[tuple(sorted(ranks))] = counts.get(tuple(sorted(ranks)), 0) + int(size or 1)
        assert rank_type(scheme.encoder()) == counts


@needs_real_files
def test_alphatensors_file_comes_back_as_it_was() -> None:
    content = (REAL / "alphatensor" / "factorizations_f2.npz").read_bytes()
    schemes = dict(alphatensor.read(content))
    again = alphatensor.write(schemes)
    assert dict(alphatensor.read(again)) == schemes
    with np.load(io.BytesIO(again), allow_pickle=True) as ours:  # our own file: numpy's pickles are safe here
        for key, scheme in schemes.items():
            u, v, w = ours[key]
            n, m, p = scheme.format
            assert (u.shape, v.shape, w.shape) == ((n * m, scheme.rank), (m * p, scheme.rank), (p * n, scheme.rank))


@needs_real_files
@pytest.mark.parametrize(
    "name", ["bini322-10-52-approx", "grey-strassen", "grey333-23-152", "smirnov333-20-182-approx"]
)
def test_benson_ballards_coefficients_come_back_as_they_were(name: str) -> None:
    content = (REAL / "benson-ballard" / name).read_bytes()
    scheme = benson_ballard.read(content)
    again = benson_ballard.write(scheme)
    assert benson_ballard.read(again) == scheme
    blocks = [[line.split() for line in b] for b in benson_ballard._blocks(content)]
    parse = lambda b: [[parse_laurent(token) for token in row] for row in b]  # noqa: E731
    ours = [[line.split() for line in b] for b in benson_ballard._blocks(again)]
    assert [parse(b) for b in ours] == [parse(b) for b in blocks]


@needs_real_files
def test_plinopts_matrices_come_back_as_they_were() -> None:
    contents = [(REAL / "plinopt" / f"4x4x4_48_rational_{letter}.sms").read_bytes() for letter in "LRP"]
    scheme = plinopt.read(*contents)
    for content, again in zip(contents, plinopt.write(scheme).values(), strict=True):
        lines = [line for line in content.decode().splitlines() if line.strip() and not line.startswith("#")]
        assert sorted(again.decode().splitlines()) == sorted(lines)


@needs_real_files
def test_border_schemes_take_the_x_asked_for_or_the_best() -> None:
    bini = REAL / "benson-ballard" / "bini322-10-52-approx"
    errors = {}
    for x in (0.5, 0.1, 0.01):
        (found,) = reading(bini, Options(Precision.parse("bf16"), x))
        assert found.encoder is not None
        errors[x] = found.encoder.relative_error
    assert errors[0.01] == pytest.approx(errors[0.1] / 100, rel=0.05)  # error of degree 1: squared, it falls as x²
    for precision in ("bf16", "fp32", "fp8-e4m3"):
        (best,) = reading(bini, Options(Precision.parse(precision)))
        assert best.encoder is not None
        scheme = benson_ballard.read(bini.read_bytes())
        assert isinstance(scheme, BorderScheme)
        around = [scheme.at(x).error_at(precision) for x in np.geomspace(1e-5, 1, 60)]
        assert best.encoder.error_at(precision) <= min(around) * (1 + 1e-9)
    with pytest.raises(InvalidInput, match="not between 0 and 1"):
        scheme.at(0.0)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("ending", [".json", ".txt", ".npz", ".sms", ".exp", ".m", ".mpl", ".coef", ".safetensors"])
def test_round_trips_are_exact(catalog: Catalog, tmp_path: Path, found: Provenance, name: str, ending: str) -> None:
    encoder = EXACT[name]()
    entry = catalog.add(encoder, found)
    if ending == ".npz" and encoder.ring is not Ring.Z:
        with pytest.raises(InvalidInput, match="integers only"):
            export(entry, tmp_path / f"out{ending}")
        return
    files = export(entry, tmp_path / f"out{ending}")
    (back,) = read_files(files, AT_BF16)
    assert back.fault is None
    assert back.encoder == encoder


@pytest.mark.parametrize("ending", [".json", ".txt", ".npz", ".sms", ".exp", ".m", ".mpl", ".coef"])
def test_schemes_modulo_2_stay_so(catalog: Catalog, tmp_path: Path, found: Provenance, ending: str) -> None:
    encoder = modulo_2(strassen())
    (back,) = read_files(export(catalog.add(encoder, found), tmp_path / f"out{ending}"), AT_BF16)
    assert back.encoder == encoder


def test_approximate_encoders_are_exported_as_safetensors_only(
    catalog: Catalog, tmp_path: Path, found: Provenance, random_encoder: RandomEncoder
) -> None:
    entry = catalog.add(random_encoder(1), found)
    with pytest.raises(InvalidInput, match=r"export it as \.safetensors"):
        export(entry, tmp_path / "out.json")
    with pytest.raises(InvalidInput, match="names no known format"):
        export(entry, tmp_path / "out.xyz")
    assert list(tmp_path.glob("out*")) == []


def test_the_third_factor_is_for_the_transpose_where_the_collection_says_so() -> None:
    scheme = Scheme.of(classical(Format(1, 1, 2)))  # c11 = a11 b11, c12 = a11 b12
    assert exp.write(scheme) == b"(a11)*(b11)*(c11)\n(a11)*(b12)*(c21)\n"
    assert perminov.write_text(scheme) == b"1 1 2 2\n1 1\n1 0 0 1\n1 0 0 1\n"
    six = [[Fraction(v) for v in range(6)]]
    assert transposed(transposed(six, 2, 3), 3, 2) == six


def test_a_scheme_that_is_exact_nowhere_is_refused_unless_asked_for(tmp_path: Path) -> None:
    wrong = json.loads(perminov.write_json(Scheme.of(strassen()), modulo_2=False))
    wrong["u"][0][0] = 2
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(wrong))
    (refused,) = reading(path)
    assert "no exact scheme of 2x2x2" in str(refused.fault)
    (kept,) = reading(path, Options(Precision.parse("bf16"), approximate=True))
    assert kept.encoder is not None
    assert (kept.encoder.ring, kept.encoder.relative_error) == (Ring.R, 0.5)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "in no known format"),
        (b"hello", "in no known format"),
        (b"1 2 3\n4 5 6\n", "in no known format"),
        (b"{}", "in no known format"),
        (b'{"n": [2, 2], "m": 7, "u": [], "v": [], "w": []}', "three dimensions"),
        (b'{"n": [2, 2, 2], "m": 7, "u": [], "v": [], "w": []}', "holds 0 products"),
        (b'{"n": [1, 1, 1], "m": 1, "u": [["x"]], "v": [[1]], "w": [[1]]}', "no coefficient"),
        (b'{"n": [1, 1, 1], "m": 1, "u": [["1/0"]], "v": [[1]], "w": [[1]]}', "no coefficient"),
        (b'{"n": [1, 1, 1], "m": 1, "u": [[1e999]], "v": [[1]], "w": [[1]]}', "no coefficient"),
        (b'{"n": [1, 1, 1], "m": 1, "u": [[9007199254740993]], "v": [[1]], "w": [[1]]}', "too large"),
        (b'{"n": [1000000, 1000000, 1], "m": 1, "u": [[1]], "v": [[1]], "w": [[1]]}', "entries"),
        (b'{"n": [1000000, 1, 1000000], "m": 1, "u": [[1]], "v": [[1]], "w": [[1]]}', "1 entries"),
        (b'{"n": [1000000, 1, 1000000], "m": 0, "u": [], "v": [], "w": []}', "at least one product"),
        (b"1 1 1 1\n1 1 x\n", "no coefficient"),
        (b"(a11)*(b11)*(c12)", "belong to no format"),
        (b"(a11)*(b11)*(a11)", "where c is due"),
        (b"(a11)*(b11)*(c11)\nnonsense", "no product of three sums"),
        (b"(a99_99)*(b99_99)*(c99_99)", "is not between 1 and 64"),
        (b"1 0\n#\n1 0\n#\n1 0\n1 0", "no format has tiles"),
        (b"1 0\n#\n1\n#\n1 0", "blocks have"),
        (b"x\n#\nx\n#\nx", "does not tend"),
        (b"x99i\n#\nx\n#\nx", "above 64"),
        (b"PK\x03\x04 and nothing", "no sound zip"),
        (b"999999999 999999999 R\n0 0 0", "does not end in L, R or P"),
    ],
)
def test_what_is_no_scheme_is_refused_in_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    (found,) = reading(path)
    assert reason in str(found.fault)
    assert "\n" not in str(found.fault)


def test_sms_files_come_in_threes_and_claim_no_giants(tmp_path: Path) -> None:
    for letter in "LR":
        (tmp_path / f"big_{letter}.sms").write_text("999999999 999999999 R\n0 0 0\n")
    (missing,) = read_files(sorted(tmp_path.iterdir()), AT_BF16)
    assert "companion P" in str(missing.fault)
    (tmp_path / "big_P.sms").write_text("1 1 R\n1 1 1\n")
    (claims,) = read_files(sorted(tmp_path.iterdir()), AT_BF16)
    assert "claims 999999999 rows" in str(claims.fault)


class Exploit:
    """What a hostile pickle holds: a call."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return Path.touch, (Path("pwned"),)  # type: ignore[return-value]


def test_no_pickle_is_ever_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "hostile.npz"
    array = np.empty(3, dtype=object)
    array[:] = [Exploit()] * 3
    np.savez(target, allow_pickle=True, **{"2,2,3": array})
    (found,) = reading(target)
    assert "it was not run" in str(found.fault)
    assert not (tmp_path / "pwned").exists()
    header = (
        b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".ljust(117) + b"\n"
    )
    for payload in (pickle.dumps(print), pickle.dumps([1, 2]), b"\x80\x04", b"", b"cos\nsystem\n(S'true'\ntR."):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("2,2,2.npy", header + payload)
        (found,) = reading(target)
        assert "pickle" in str(found.fault)


def test_a_zip_bomb_and_a_giant_claim_are_refused_before_allocation(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("4,4,4.npy", bytes(1 << 27))
    assert "unpacks to more than" in str(reading(bomb)[0].fault)
    claim = (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<i8', 'fortran_order': False, 'shape': (3, 16, 10000000000), }".ljust(117)
    )
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("4,4,4.npy", claim + b"\n" + bytes(64))
    assert "does not hold it" in str(reading(bomb)[0].fault)


def test_long_runs_and_large_files_are_refused_without_delay(tmp_path: Path) -> None:
    path = tmp_path / "long"
    for text in (
        "(a11" + " " * 200_000 + "*",
        "(" + "a11+" * 50_000,
        "1" * 200_000,
        "(a11)*" + "-" * 200_000,
        "x" * 200_000,
    ):
        path.write_text(text)
        for kind in (None, "exp", "benson-ballard", "perminov-txt"):
            assert next(iter(read_files([path], AT_BF16, kind))).fault
    path.write_bytes(b"(a16_16)*(b16_16)*(c16_16)\n" * 20_000)  # two megabytes that would unfold to gigabytes
    assert "rank 20000 is larger than a catalog takes" in str(reading(path)[0].fault)
    path.write_bytes(b"(a11)*(b11)*(c11)\n" * 1_000_000)
    assert "18000000 bytes" in str(reading(path)[0].fault)


def test_detection_is_certain_or_refused(tmp_path: Path) -> None:
    scheme = Scheme.of(strassen())
    assert detect(perminov.write_json(scheme, modulo_2=False)) == "perminov-json"
    assert detect(perminov.write_text(scheme)) == "perminov-txt"
    assert detect(exp.write(scheme)) == "exp"
    assert detect(benson_ballard.write(scheme)) == "benson-ballard"
    assert detect(plinopt.write(scheme)["L"]) == "plinopt"
    assert detect(alphatensor.write({"2,2,2": scheme})) == "alphatensor"
    path = tmp_path / "strassen"
    path.write_bytes(exp.write(scheme))
    (forced,) = read_files([path], AT_BF16, "perminov-json")
    assert "not JSON" in str(forced.fault)


def test_laurent_grammar() -> None:
    cases = {
        "0": {},
        "1": {0: 1},
        "-x": {1: -1},
        "x2i": {-2: 1},
        "-x2i": {-2: -1},
        "-2x2": {2: -2},
        "1/2": {0: Fraction(1, 2)},
    }
    cases |= {"(1+-x3)": {0: 1, 3: -1}, "(-x+x2)": {1: -1, 2: 1}, "xi": {-1: 1}, "1/2xi": {-1: Fraction(1, 2)}}
    for text, value in cases.items():
        assert parse_laurent(text) == value
        assert parse_laurent(format_laurent(parse_laurent(text))) == value
    for wrong in ("", "y", "x+", "--x", "(", "1x1x", "x9999"):
        with pytest.raises(InvalidInput):
            parse_laurent(wrong)


def test_the_import_command_stores_what_is_sound_and_names_the_rest(catalog: Catalog, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.exp", tmp_path / "bad.exp"
    good.write_bytes(exp.write(Scheme.of(strassen())))
    bad.write_bytes(b"(a11)*(b11)*(c99)\n")
    place = ["--catalog", str(catalog.directory), "--no-shipped"]
    result = CliRunner().invoke(catalog_command, ["import", str(good), str(bad), str(tmp_path / "absent"), *place])
    assert result.exit_code == 1
    assert "bad.exp: its largest indices belong" in result.stderr
    assert "absent: there is no such file" in result.stderr
    assert "good.exp: exp, 1 encoder" in result.stdout
    assert [e.encoder for e in catalog.entries()] == [strassen()]
    again = CliRunner().invoke(catalog_command, ["import", str(good), *place, "--json"])
    (entry,) = json.loads(again.stdout)
    assert (again.exit_code, entry["status"], entry["ring"], entry["exact"]) == (0, "known", "Z", True)
