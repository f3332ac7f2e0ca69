"""Laws of the Kronecker product and the direct sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, direct_sum, kronecker, rotate, strassen
from stl_algebra.composition import Axis


def over_q(encoder: TileEncoder, *scales: Fraction) -> TileEncoder:
    """The same products, their X rows multiplied by the scales in turn and their columns of D divided by them."""
    x, w, d = encoder.exact_coefficients()
    turn = [scales[s % len(scales)] for s in range(encoder.rank)]
    x = [[q * v for v in row] for q, row in zip(turn, x, strict=True)]
    d = [[v / q for q, v in zip(turn, row, strict=True)] for row in d]
    return TileEncoder.from_exact(encoder.format, x, w, d)


def modulo_two(encoder: TileEncoder) -> TileEncoder:
    return TileEncoder(encoder.format, encoder.encode_x % 2, encoder.encode_w % 2, encoder.decode % 2, Ring.GF2)


def halved(encoder: TileEncoder) -> TileEncoder:
    rank = (encoder.rank + 1) // 2
    return TileEncoder(encoder.format, encoder.encode_x[:rank], encoder.encode_w[:rank], encoder.decode[:, :rank])


EXACT = [
    strassen(),
    rotate(strassen()),
    classical(Format(1, 2, 3)),
    classical(Format(2, 1, 2)),
    over_q(strassen(), Fraction(1, 3), Fraction(2, 7)),
    over_q(classical(Format(2, 2, 1)), Fraction(5, 2)),
]
exact = st.sampled_from(EXACT)
real = st.sampled_from([*EXACT, halved(strassen()), halved(classical(Format(2, 1, 3)))])


@given(exact, exact)
def test_kronecker_of_exact_is_exact(a: TileEncoder, b: TileEncoder) -> None:
    c = kronecker(a, b)
    assert c.format == tuple(x * y for x, y in zip(a.format, b.format, strict=True))
    assert c.rank == a.rank * b.rank
    assert c.exact
    assert c.ring is max((a.ring, b.ring), key=[Ring.Z, Ring.DYADIC, Ring.Q].index)
    assert c.growth == pytest.approx(a.growth * b.growth)
    x, w, d = (np.array(m, dtype=object) for m in c.exact_coefficients())
    rng = np.random.default_rng(0)
    left, right = rng.integers(-5, 6, c.format[:2]).astype(object), rng.integers(-5, 6, c.format[1:]).astype(object)
    assert (d @ ((x @ left.ravel()) * (w @ right.ravel())) == (left @ right).ravel()).all()


@given(real, real, real)
def test_kronecker_is_associative(a: TileEncoder, b: TileEncoder, c: TileEncoder) -> None:
    left, right = kronecker(kronecker(a, b), c), kronecker(a, kronecker(b, c))
    assert left.ring is right.ring
    for f, g in zip(left.factors, right.factors, strict=True):
        np.testing.assert_allclose(f, g, rtol=1e-15)


@given(real, real)
def test_kronecker_inner_encoder_works_within_tiles(outer: TileEncoder, inner: TileEncoder) -> None:
    """Encoding a tile of tiles is encoding its blocks by `outer`, then each result by `inner`."""
    both = kronecker(outer, inner)
    (n1, m1, _), (n2, m2, _) = outer.format, inner.format
    x = np.random.default_rng(1).standard_normal((n1 * n2, m1 * m2))
    blocks = x.reshape(n1, n2, m1, m2).transpose(0, 2, 1, 3).reshape(n1 * m1, n2 * m2)
    two_steps = (outer.encode_x @ blocks) @ inner.encode_x.T
    np.testing.assert_allclose(both.encode_x @ x.ravel(), two_steps.ravel(), atol=1e-12)


@given(st.sampled_from(["n", "m", "p"]), exact, st.integers(1, 3))
def test_direct_sum_of_exact_is_exact(axis: Axis, a: TileEncoder, size: int) -> None:
    b = classical(Format(*(size if name == axis else getattr(a.format, name) for name in "nmp")))
    for first, second in ((a, b), (b, a)):
        c = direct_sum(first, second, axis)
        assert c.exact
        assert c.ring is a.ring
        assert c.rank == a.rank + b.rank
        assert c.growth == pytest.approx(a.growth + b.growth)
        assert getattr(c.format, axis) == getattr(a.format, axis) + size


@given(st.sampled_from(["n", "m", "p"]))
def test_errors_of_summands_add(axis: Axis) -> None:
    a, b = halved(strassen()), halved(classical(Format(2, 2, 2)))
    c = direct_sum(a, b, axis)
    assert c.ring is Ring.R
    assert c.relative_error * 16 == pytest.approx(a.relative_error * 8 + b.relative_error * 8)


def test_direct_sum_is_associative() -> None:
    parts = strassen(), classical(Format(1, 2, 2)), rotate(strassen())
    assert direct_sum(direct_sum(*parts[:2], "n"), parts[2], "n") == direct_sum(
        parts[0], direct_sum(*parts[1:], "n"), "n"
    )


def test_gf2_combines_with_z_only() -> None:
    bits, third = modulo_two(strassen()), over_q(strassen(), Fraction(1, 3))
    for combine in (kronecker, lambda a, b: direct_sum(a, b, "m")):
        for pair in ((bits, bits), (bits, strassen()), (strassen(), bits)):
            assert combine(*pair).ring is Ring.GF2
        with pytest.raises(InvalidInput, match=r"over GF\(2\) combines with encoders over GF\(2\) and Z only"):
            combine(bits, third)


def test_direct_sum_of_formats_that_do_not_meet() -> None:
    with pytest.raises(InvalidInput, match="formats 2x2x2 and 1x2x3 differ along p, not only n"):
        direct_sum(strassen(), classical(Format(1, 2, 3)), "n")
    with pytest.raises(InvalidInput, match="axis 'q' is not one of n, m, p"):
        direct_sum(strassen(), strassen(), "q")  # type: ignore[arg-type]
