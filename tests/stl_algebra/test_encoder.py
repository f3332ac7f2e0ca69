"""The tile encoder: shapes, proof, exact coefficients, identity."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, strassen

fractions = st.builds(Fraction, st.sampled_from([-5, -3, -1, 1, 2, 6]), st.integers(1, 6))
dyadics = st.builds(Fraction, st.sampled_from([1, 3, 8]), st.sampled_from([1, 2, 4, 64]))


def scaled(scales: list[tuple[Fraction, Fraction]]) -> TileEncoder:
    """Strassen's scheme with the three vectors of each product scaled by a, b and 1/ab."""
    x, w, d = strassen().exact_coefficients()
    x = [[a * v for v in row] for row, (a, _) in zip(x, scales, strict=True)]
    w = [[b * v for v in row] for row, (_, b) in zip(w, scales, strict=True)]
    d = [[v / (a * b) for v, (a, b) in zip(row, scales, strict=True)] for row in d]
    return TileEncoder.from_exact(Format(2, 2, 2), x, w, d)


@given(st.lists(st.tuples(fractions, fractions), min_size=7, max_size=7))
def test_rational_round_trip(scales: list[tuple[Fraction, Fraction]]) -> None:
    encoder = scaled(scales)
    x, w, d = encoder.exact_coefficients()
    assert [[v.denominator for v in row] for row in x]  # Fractions, not floats
    assert encoder.exact
    assert encoder.relative_error == 0.0
    assert TileEncoder.from_exact(encoder.format, x, w, d) == encoder
    original = strassen().exact_coefficients()
    assert x == [[a * v for v in row] for row, (a, _) in zip(original[0], scales, strict=True)]


@given(st.lists(st.tuples(dyadics, dyadics), min_size=7, max_size=7))
def test_the_ring_is_the_smallest(scales: list[tuple[Fraction, Fraction]]) -> None:
    encoder = scaled(scales)
    entries = [v for matrix in encoder.exact_coefficients() for row in matrix for v in row]
    largest = max(v.denominator for v in entries)
    powers_of_two = all(v.denominator & (v.denominator - 1) == 0 for v in entries)
    assert encoder.ring is (Ring.Z if largest == 1 else Ring.DYADIC if powers_of_two else Ring.Q)


def test_over_gf2_coefficients_are_bits() -> None:
    e = strassen()
    bits = TileEncoder(e.format, e.encode_x % 2, e.encode_w % 2, e.decode % 2, Ring.GF2)
    assert bits.exact
    assert bits.relative_error > 0  # true modulo 2, not over the reals
    assert all(v in (0, 1) for matrix in bits.exact_coefficients() for row in matrix for v in row)
    with pytest.raises(InvalidInput, match=r"over GF\(2\) has coefficients 0 and 1 only"):
        TileEncoder(e.format, e.encode_x, e.encode_w, e.decode, Ring.GF2)


def test_an_approximate_encoder_is_measured_not_trusted() -> None:
    e = strassen()
    without = TileEncoder(e.format, e.encode_x[1:], e.encode_w[1:], e.decode[:, 1:])
    assert not without.exact
    assert without.relative_error == pytest.approx(8 / 8)  # the dropped product is ‖u‖²‖v‖²‖w‖² = 2·2·2
    assert without.ratio == 6 / 8
    assert without.error_at("bf16") > without.error_at("fp32") > without.relative_error
    with pytest.raises(InvalidInput, match="has no exact coefficients"):
        without.exact_coefficients()


def test_equality_is_by_content() -> None:
    e = strassen()
    minus_zeros = -(0.0 - e.decode)
    assert np.signbit(minus_zeros[e.decode == 0]).all()
    again = TileEncoder(e.format, e.encode_x.tolist(), e.encode_w, minus_zeros, Ring.Z)
    assert again == e
    assert hash(again) == hash(e)
    assert len({again, e, strassen()}) == 1
    assert TileEncoder(e.format, *_matrices(e)) != e  # the same numbers, but nothing proved
    assert e != "strassen"


def test_an_encoder_never_changes() -> None:
    matrix = np.ones((1, 1))
    encoder = TileEncoder(Format(1, 1, 1), matrix, np.ones((1, 1)), np.ones((1, 1)), Ring.Z)
    matrix[0, 0] = 5.0
    assert encoder.encode_x.tolist() == [[1.0]]
    with pytest.raises(ValueError, match="read-only"):
        encoder.decode[0, 0] = 2.0
    with pytest.raises(AttributeError):
        encoder.ring = Ring.Q  # type: ignore[misc]


def test_repr_names_what_matters() -> None:
    assert repr(strassen()) == "TileEncoder(2x2x2, rank=7, ring=Z, relative_error=0, growth=32)"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encode_x": np.ones((7, 5))}, r"encode_x has shape \(7, 5\); format 2x2x2 and rank 7 need \(7, 4\)"),
        ({"encode_w": np.ones((6, 4))}, r"encode_w has shape \(6, 4\)"),
        ({"decode": np.ones((7, 4))}, r"decode has shape \(7, 4\); format 2x2x2 and rank 7 need \(4, 7\)"),
        ({"encode_x": np.ones(4)}, "encode_x has 1 dimensions; it must be a matrix"),
        ({"decode": np.full((4, 7), np.nan)}, "decode has an entry that is not finite"),
        ({"encode_w": 2 * strassen().encode_w}, "Brent equations of 2x2x2 do not hold over Z"),
        ({"encode_w": 0.5 * strassen().encode_w}, "encode_w is not a matrix of fractions over 1, so not over Z"),
        ({"ring": Ring.Q}, r"ring Q does not match the denominators \(1, 1, 1\)"),
        ({"ring": Ring.DYADIC, "denominators": (0, 1, 1)}, r"denominators \(0, 1, 1\) are not positive"),
        ({"format": (2, 0, 2)}, "tile dimension m = 0 is not a positive integer"),
    ],
)
def test_what_is_no_encoder(change: dict, sentence: str) -> None:
    e = strassen()
    arguments = {"format": e.format, "ring": Ring.Z}
    arguments |= dict(zip(("encode_x", "encode_w", "decode"), _matrices(e), strict=True)) | change
    with pytest.raises(InvalidInput, match=sentence):
        TileEncoder(**arguments)


def test_an_encoder_needs_a_product() -> None:
    with pytest.raises(InvalidInput, match="at least one product"):
        TileEncoder(Format(1, 1, 1), np.ones((0, 1)), np.ones((0, 1)), np.ones((1, 0)))


@pytest.mark.parametrize("value", [2**51, Fraction(1, 2**51), -(10**400)])
def test_coefficients_beyond_float64_integers(value: object) -> None:
    with pytest.raises(InvalidInput, match="too large: numerators and denominators must stay below 2\\^51"):
        TileEncoder.from_exact(Format(1, 1, 1), [[value]], [[1]], [[1]])


@pytest.mark.parametrize("matrix", [[[1, 2], [3]], [["one"]], [[None]], [[float("nan")]], 1])
def test_coefficients_that_are_no_matrix_of_numbers(matrix: object) -> None:
    with pytest.raises(InvalidInput):
        TileEncoder.from_exact(Format(1, 1, 1), matrix, [[1]], [[1]])  # type: ignore[arg-type]


def test_classical_and_strassen_are_what_they_say() -> None:
    for n, m, p in [(1, 1, 1), (2, 3, 4), (4, 1, 2)]:
        encoder = classical(Format(n, m, p))
        assert (encoder.rank, encoder.ring, encoder.growth) == (n * m * p, Ring.Z, n * m * p)
    x, w = np.random.default_rng(0).integers(-9, 9, (2, 2, 2))
    e = strassen()
    assert (e.decode @ ((e.encode_x @ x.ravel()) * (e.encode_w @ w.ravel()))).tolist() == (x @ w).ravel().tolist()


def _matrices(encoder: TileEncoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return encoder.encode_x, encoder.encode_w, encoder.decode
