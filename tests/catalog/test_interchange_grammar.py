"""The grammars that collections use: all ways to write a scheme give one encoder, or a sentence says what is wrong."""

from __future__ import annotations

import io
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.equivalence import same_products
from catalog.interchange import Options, Reading, Scheme, exp, maple, mathematica, read_files
from catalog.interchange.expressions import parse_product
from catalog.interchange.scheme import transposed
from stl_algebra import Format, InvalidInput, Precision, Ring, TileEncoder, classical, kronecker, strassen

AT_BF16 = Options(Precision.parse("bf16"))
RECTANGULAR = Scheme.of(kronecker(classical(Format(2, 1, 1)), strassen()))
FIELD = Path(__file__).parents[2].parent / "shared" / "field"

STRASSEN = """\
(a11 + a22)*(b11 + b22)*(c11 + c22)
(a21 + a22)*(b11)*(c12 - c22)
(a11)*(b12 - b22)*(c21 + c22)
(a22)*(-b11 + b21)*(c11 + c12)
(a11 + a12)*(b22)*(-c11 + c21)
(-a11 + a21)*(b11 + b12)*(c22)
(a12 - a22)*(b21 + b22)*(c11)
"""


def only(folder: Path, content: str | bytes, name: str = "file") -> Reading:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (reading,) = read_files([path], AT_BF16)
    return reading


def replaced(number: int, line: str) -> str:
    lines = STRASSEN.splitlines()
    lines[number] = line
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        STRASSEN.upper(),
        STRASSEN.replace(")*(", ") ("),
        STRASSEN.replace(")*(", ")("),
        "# a comment\n\n" + STRASSEN.replace("\n", "  # product\n"),
        re.sub(r"([abc])(\d)(\d)", r"\1_\2_\3", STRASSEN),
        re.sub(r"([abc])(\d)(\d)", r"\g<1>0\g<2>0\3", STRASSEN),
        re.sub(r"([abc])(\d)(\d)", r"\1[\2, \3]", STRASSEN),
        replaced(0, "(2*(a11+a22))*(b11+b22)*(c11+c22)/2"),
        replaced(0, "(3*(a11 + a22)/2) (2 b11 + 2b22)/3 (c11+c22)"),
        replaced(0, "-(-(a11+a22))(b11+b22)*(c11+c22)"),
        replaced(0, "(c11+c22)*(a11+a22)*(b11+b22)"),
        replaced(6, "(a12 - a22) -b21 - b22 (-c11)").replace("-b21 - b22", "-(b21 + b22)"),
        replaced(6, "(a12 - a22) (b21+b22) c11)"),
        "\n".join(f"{line};" for line in STRASSEN.splitlines()),
    ],
)
def test_every_way_to_write_products_gives_the_same_encoder(tmp_path: Path, text: str) -> None:
    reading = only(tmp_path, text)
    assert reading.fault is None
    assert reading.encoder is not None
    assert reading.encoder.ring.is_exact_for_reals
    assert same_products(reading.encoder, strassen())


@given(
    scales=st.tuples(*[st.fractions(-50, 50, max_denominator=50).filter(bool)] * 2),
    blanks=st.sampled_from(["*", " ", " * ", ""]),
)
def test_scales_and_divisors_are_exact(scales: tuple[Fraction, Fraction], blanks: str) -> None:
    first, second = scales
    line = blanks.join([f"({first}*(a11 - 2*a1_12))", "(b11)", f"(c11 + {abs(second)} c2_1)/{second.denominator}"])
    a, b, c = parse_product(line)
    whole = Fraction(1, second.denominator)
    value = {(i, j, k): x * y * z for i, x in a.items() for j, y in b.items() for k, z in c.items()}
    expected = {(1, 1): first, (1, 12): -2 * first}
    assert value == {
        (i, (1, 1), k): x * z * whole
        for i, x in expected.items()
        for k, z in {(1, 1): Fraction(1), (2, 1): abs(second)}.items()
    }


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("scheme", [RECTANGULAR, Scheme.of(strassen()), Scheme.of(classical(Format(2, 3, 4)))])
@pytest.mark.parametrize("write", [exp.write, mathematica.write, maple.write])
def test_whether_the_third_factor_is_turned_is_found_out(
    tmp_path: Path, write: Any, scheme: Scheme, turned: bool
) -> None:
    n, m, p = scheme.format
    encoder = scheme.encoder()
    if turned and n != p:  # for C: as a scheme of ⟨n,m,p⟩ whose third factor is n×p
        triples = [
            [
                [list(row[i : i + width]) for i in range(0, len(row), width)]
                for row, width in zip(rows, (m, p, p), strict=True)
            ]
            for rows in zip(*scheme.factors, strict=True)
        ]
        braces = json.dumps([[[[str(v) for v in r] for r in matrix] for matrix in t] for t in triples])
        content = braces.replace("[", "{").replace("]", "}").replace('"', "").encode()
    elif turned:
        content = write(Scheme(scheme.format, scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n)))
    else:
        content = write(scheme)
    assert only(tmp_path, content).encoder == encoder


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("(a11+b11)*(b11)*(c11)", "adds b to a"),
        ("(a11)*(b11)*(c11) + (a12)*(b21)*(c11)", "it adds products"),
        ("(a11)*(b11)*(c11)/0", "not zero"),
        ("(a11)*(b11)*(c11)/a11", "divides by something else"),
        ("(a111)*(b11)*(c11)", "not two digits"),
        ("(a11*(b11)*(c11)", "not closed"),
        ("(" * 40 + "a11" + ")" * 40 + "*(b11)*(c11)", "nested more than 32 deep"),
        ("9007199254740993*(a11)*(b11)*(c11)", "too large"),
        ("*".join(["9999999"] * 9) + "*(a11)*(b11)*(c11)", "too large"),
        ("1" * 60 + "*(a11)*(b11)*(c11)", "too large"),
        ("(a11)*(b11)*(c11)\n" * 100_000, "rank 100000 is larger than a catalog takes"),
        ("(a11)*(b11)", "one in c is missing"),
        ("{{{{1}}, {{1}}, {{1}}}", "truncated: 1 braces"),
        ("{{{{1}}, {{1}}}}", "has 2 matrices"),
        ("{{{{{1}}}}}", "more than four deep"),
        ("{{{{1}}, {{1}}, {{1}}}} + 1", "there is more"),
        ("{{{{1}}, {{1}}, {{1, 2}}}}", "belong to no format"),
        ("{{{{1}}, {{x}}, {{1}}}}", "'x' is no coefficient"),
        ("{{{{1}}, {{1/2*I}}, {{1}}}}", "is complex"),
        ("{" * 100_000, "more than four deep"),
        ("{" + "{{{1}}, {{1}}, {{1}}}, " * 5000, "rank 4097 is larger"),
        ("{{1, 0}}", "opens with four braces"),
        ("T:=TriadSet([Triad([Matrix(1, 1, [[1]]), Matrix(1, 1, [[1]])])]):", "has 2 matrices"),
        ("T:=TriadSet([Triad([Matrix(1, 1, [[1]]), Matrix(1, 2, [[1]]), Matrix(1, 1, [[1]])])]):", "says 1×2"),
        ("T:=TriadSet([Triad([Matrix(1, 1, [[1]]), Matrix(1, 1, [[I]]), Matrix(1, 1, [[1]])])]):", "is complex"),
        ("T:=TriadSet([Triad([Matrix(1, 1, [[1", "truncated"),
        ("T:=TriadSet([Triad([F(1)])])", "where Matrix(rows, columns, [[…]]) is due"),
        ("TriadSet([])", "a Maple scheme holds Triad"),
        ("2 2 2 7\n1 0 1\n", "calls for 84 numbers after it; 3 follow"),
        ('{"n": [1, 1, 1], "u": [[1]], "v": [[1]]}', "it has no w"),
        ("1 0\n0 1\n#\n1 0\n0 1\n", "it has two"),
    ],
)
def test_what_nearly_fits_is_told_what_is_wrong(tmp_path: Path, content: str, reason: str) -> None:
    reading = only(tmp_path, content)
    assert reason in str(reading.fault)
    assert "\n" not in str(reading.fault)


def test_maple_coefficients_may_be_left_unsimplified(tmp_path: Path) -> None:
    text = maple.write(Scheme.of(strassen())).decode()
    for plain, long in (("[1,0]", "[-(0*1-1),(1+1-1*2)]"), (",1]", ",(1)**2*2/2]"), ("[0,", "[0^1*2,")):
        text = text.replace(plain, long)
    assert only(tmp_path, text).encoder == strassen()


@pytest.mark.parametrize(
    "wrong",
    [
        *("(1", "1**x", "2**65", "9**64", "2^(2)", "2^2^9^", "1/0", "1/(1-1)", "a11", "1*I"),
        *("(" * 40 + "1" + ")" * 40, "1+" * 9000 + "1", "9" * 60, "-" * 500 + "1"),
    ],
)
def test_maple_coefficients_that_are_none_are_refused(tmp_path: Path, wrong: str) -> None:
    reading = only(tmp_path, f"Triad([Matrix(1, 1, [[{wrong}]]), Matrix(1, 1, [[1]]), Matrix(1, 1, [[1]])])]")
    assert reading.encoder is None
    assert reading.fault is not None


def test_comments_of_mathematica_and_names_are_passed_over(tmp_path: Path) -> None:
    text = mathematica.write(Scheme.of(strassen())).decode()
    assert only(tmp_path, f"(* found (* today *)\nscheme = {text.rstrip()};\n").encoder == strassen()
    reading = only(tmp_path, "(*" * 200_000 + text)
    assert "in no known format" in str(reading.fault)


def sums(*rows: dict[int, object]) -> list[list[dict[str, object]]]:
    return [[{"index": index, "value": value} for index, value in row.items()] for row in rows]


def reduced_one(**changes: object) -> str:
    """⟨1,2,1⟩ in two products, the sums of A shared: a1 + a2 is computed once and used to write a1."""
    fields: dict[str, object] = {
        "n": [1, 2, 1],
        "m": 2,
        "u_fresh": sums({0: 1, 1: 1}, {2: 1, 1: "1/2"}),
        "u": sums({2: 1, 1: -1}, {3: 2, 2: -2}),
        "v_fresh": [],
        "v": sums({0: 1}, {1: 1}),
        "w_fresh": sums({0: 1, 1: 1}),
        "w": sums({2: 1}),
    }
    return json.dumps(fields | changes)


def test_a_reduced_scheme_is_expanded_exactly_and_its_program_kept(tmp_path: Path) -> None:
    reading = only(tmp_path, reduced_one())
    assert reading.fault is None
    assert reading.encoder == classical(Format(1, 2, 1))
    assert reading.provenance is not None
    program = reading.provenance.details["additions"]["u"]
    assert program == {
        "inputs": 2,
        "fresh": [[[0, 1], [1, 1]], [[2, 1], [1, "1/2"]]],
        "outputs": [[[2, 1], [1, -1]], [[3, 2], [2, -2]]],
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"u_fresh": sums({2: 1})}, "not defined before it"),
        ({"u_fresh": sums({3: 1}, {2: 1})}, "not defined before it"),
        ({"u_fresh": sums({-1: 1})}, "negative index"),
        ({"u": sums({9: 1}, {1: 1})}, "no entry and no fresh sum"),
        ({"u": sums({0: 1})}, "holds 1 sums, not 2"),
        ({"m": 10**9}, "no number of products"),
        ({"w_fresh": None}, "no list of sums"),
        ({"u_fresh": sums({0: 1}, *[{i: 2} for i in range(2, 80)])}, "too large"),
        ({"u_fresh": sums({0: 1}, *[{i: 1, i - 1: 1} for i in range(2, 90)])}, "too large"),
    ],
)
def test_programs_that_are_none_are_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    assert reason in str(only(tmp_path, reduced_one(**changes)).fault)


def test_a_program_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    wide = dict.fromkeys(range(64), 1)
    many: dict[str, object] = {
        "n": [8, 8, 1],
        "m": 1,
        "u_fresh": sums(wide, *[{0: 1, 64 + i: 1, 64: -1} for i in range(15_000)]),
    }
    fields = many | {"u": sums({0: 1}), "v_fresh": [], "v": sums({0: 1}), "w_fresh": [], "w": sums(*[{0: 1}] * 8)}
    assert only(tmp_path, json.dumps(fields)).fault is not None


def test_six_blocks_are_expanded(tmp_path: Path) -> None:
    """The classical algorithm of ⟨1,1,2⟩, whose second factor and output are written as sums of one term."""
    text = "1 1\n#\n1 0\n0 0\n0 1\n#\n1 0 0\n0 0 1\n# Substitution information\n\n#\n0 1\n#\n0 1\n"
    reading = only(tmp_path, text)
    assert reading.fault is None
    assert reading.encoder == classical(Format(1, 1, 2))
    assert reading.provenance is not None
    assert reading.provenance.details["additions"]["v"]["fresh"] == [[[1, 1]]]
    assert "the third needs as many" in str(only(tmp_path, text.replace("1 0 0\n0 0 1", "1 0\n0 1")).fault)
    assert "has 3 entries, not 2" in str(only(tmp_path, text.removesuffix("0 1\n") + "0 1 0\n").fault)


def saved(array: np.ndarray) -> bytes:
    with io.BytesIO() as target:
        np.save(target, array)
        return target.getvalue()


@pytest.mark.parametrize("rows", [False, True])
def test_single_arrays_are_read_whichever_way_products_lie(tmp_path: Path, rows: bool) -> None:
    array = np.stack([factor if rows else factor.T for factor in strassen().factors])
    assert only(tmp_path, saved(array), "file.npy").encoder == strassen()
    refused = only(tmp_path, saved(array[:2]), "file.npy")
    assert "three matrices" in str(refused.fault)
    assert "complex coefficients are not kept" in str(only(tmp_path, saved(array * 1j), "file.npy").fault)


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"{FIELD} is absent")
@pytest.mark.parametrize("name", ["missing_m.json", "lead_blank.txt", "comment.txt", "strassen.npy"])
def test_files_that_nearly_have_a_format_are_read(name: str) -> None:
    (reading,) = read_files([FIELD / name], AT_BF16)
    assert isinstance(reading.encoder, TileEncoder)
    assert (reading.encoder.rank, reading.encoder.ring) == (7, Ring.Z)


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"{FIELD} is absent")
def test_complex_coefficients_are_refused_in_one_sentence() -> None:
    (reading,) = read_files([FIELD / "complex_4.npz"], AT_BF16)
    assert "complex coefficients are not kept" in str(reading.fault)


def test_what_a_line_lacks_is_said() -> None:
    with pytest.raises(InvalidInput, match="one in b is missing"):
        parse_product("(a11)*(c11)")
