"""Known schemes are what their papers say; the reader of formulas refuses what is none."""

from __future__ import annotations

import pytest

from stl_algebra import Format, InvalidInput, Ring, strassen
from stl_algebra.schemes import (
    benson_ballard_234,
    benson_ballard_244,
    benson_ballard_334,
    from_formulas,
    hopcroft_kerr_233,
    laderman,
    reorient,
    winograd,
)
from stl_algebra.symmetry import invariants


@pytest.mark.parametrize(
    ("make", "dimensions", "rank", "ring"),
    [
        (winograd, [2, 2, 2], 7, Ring.Z),
        (laderman, [3, 3, 3], 23, Ring.Z),
        (hopcroft_kerr_233, [2, 3, 3], 15, Ring.Z),
        (benson_ballard_234, [2, 3, 4], 20, Ring.Z),
        (benson_ballard_244, [2, 4, 4], 26, Ring.DYADIC),
        (benson_ballard_334, [3, 3, 4], 29, Ring.Z),
    ],
)
def test_rank_and_ring(make, dimensions: list[int], rank: int, ring: Ring) -> None:
    encoder = make()  # its construction proves the Brent equations
    assert sorted(encoder.format) == dimensions
    assert (encoder.rank, encoder.ring) == (rank, ring)


def test_winograds_form_is_in_the_orbit_of_strassens() -> None:
    """De Groote: all rank-7 schemes of ⟨2,2,2⟩ are equivalent."""
    assert invariants(winograd()) == invariants(strassen())


def test_spaces_coefficients_and_signs() -> None:
    plain = from_formulas(Format(1, 2, 1), "a11 * b11 -> c11\na12 * b21 -> c11")
    odd = from_formulas(Format(1, 2, 1), "\n  - 2 a11 *b11->-1/2c11\n\n  3/4a12 * 4 b21 -> 1/3 c11 \n")
    assert odd.ring is Ring.Q
    x, w, d = odd.exact_coefficients()
    assert [[d[0][s] * x[s][a] * w[s][a] for a in range(2)] for s in range(2)] == [[1, 0], [0, 1]]
    assert plain.ring is Ring.Z


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one product"),
        ("a11 b11 -> c11", "does not read like 'a11"),
        ("a11 * b11", "does not read like"),
        ("a11 * b11 -> c11 -> c11", "does not read like"),
        ("a11 * a11 -> c11", "is not a sum of entries bij"),
        ("a11a11 * b11 -> c11", "'a11' in product 'a11a11 \\* b11 -> c11' is not a sum"),
        ("a11+ * b11 -> c11", "is not a sum of entries aij"),
        ("x11 * b11 -> c11", "is not a sum of entries aij"),
        ("1/0a11 * b11 -> c11", "is not a sum of entries aij"),
        ("a12 * b11 -> c11", "a12 in product 'a12 \\* b11 -> c11' lies outside a 1x1 tile"),
        ("a11 * 2b11 -> c11", "Brent equations of 1x1x1 do not hold"),
    ],
)
def test_what_is_no_scheme(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        from_formulas(Format(1, 1, 1), text)


def test_every_order_of_the_dimensions() -> None:
    encoder = benson_ballard_234()
    for format in [(2, 3, 4), (2, 4, 3), (3, 2, 4), (3, 4, 2), (4, 2, 3), (4, 3, 2)]:
        turned = reorient(encoder, Format(*format))
        assert turned.format == format
        assert (turned.rank, turned.ring, turned.growth) == (20, Ring.Z, encoder.growth)
    with pytest.raises(InvalidInput, match="format 2x2x4 is not a permutation of 4x2x3"):
        reorient(encoder, Format(2, 2, 4))
