"""The stability figures that papers quote, and all figures together."""

from __future__ import annotations

import json
from math import inf, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, Ring, TileEncoder, balance, classical, rotate, strassen, transpose
from stl_algebra.quality import figures, omega, stability
from stl_algebra.schemes import bini, laderman, winograd

FORMATS = st.builds(Format, *[st.integers(1, 4)] * 3)


def test_published_figures() -> None:
    """γ₂ of arXiv 2402.05630; emax and the exponents log₂ 12 and log₂ 18 of arXiv 1507.00687."""
    strassens, winograds = stability(strassen()), stability(winograd())
    assert strassens.gamma2 == pytest.approx(14.8284, abs=1e-4)
    assert winograds.gamma2 == pytest.approx(17.8530, abs=1e-4)
    assert (strassens.emax, winograds.emax) == (12, 18)
    assert (strassens.stability_factor, winograds.stability_factor) == (12, 18)
    assert strassens.exponent == pytest.approx(log2(12))
    assert winograds.exponent == pytest.approx(log2(18))


@given(FORMATS)
def test_the_classical_algorithm(format: Format) -> None:
    found = stability(classical(format))
    assert found.emax == found.stability_factor == format.m
    assert found.prefactor == format.m + 2
    assert found.gamma2 == pytest.approx(format.products)
    assert omega(format, format.products) == (3 if format.products > 1 else inf)


@given(st.integers(0, 2**31))
def test_laws(seed: int) -> None:
    rng = np.random.default_rng(seed)
    in_x, in_w, out = Format(2, 3, 2).sizes
    x, w, d = (rng.normal(size=shape) for shape in ((5, in_x), (5, in_w), (out, 5)))
    encoder = TileEncoder(Format(2, 3, 2), x, w, d)
    found = stability(encoder)
    assert found.gamma2 == pytest.approx(stability(rotate(encoder)).gamma2)  # norms do not see where a factor stands
    assert stability(transpose(encoder))[:2] == found[:2]
    assert stability(transpose(encoder))[2:] == pytest.approx(found[2:])
    assert stability(balance(encoder))[2:] == pytest.approx(found[2:])  # nor how a product is scaled
    assert found.gamma2**2 / encoder.rank <= encoder.growth * (1 + 1e-12) <= found.gamma2**2 * (1 + 2e-12)


def test_all_figures_of_strassen() -> None:
    found = figures(strassen())
    assert found.nonzeros == (12, 12, 12)
    assert found.coefficients == ("-1", "1")
    assert (found.additions.naive, found.additions.total) == (18, 18)
    assert found.alternative is not None
    assert found.alternative[:3] == (30, 12, 12)
    assert found.leading == (7, 5)
    assert found.omega == pytest.approx(log2(7))
    assert found == figures(strassen())


def test_figures_of_what_is_approximate_rectangular_or_modulo_2() -> None:
    approximate = figures(bini().at(0.1))
    assert (approximate.alternative, approximate.leading, approximate.coefficients) == (None, None, ())
    x, w, d = (np.abs(one) for one in (strassen().encode_x, strassen().encode_w, strassen().decode))
    modulo_2 = figures(TileEncoder(Format(2, 2, 2), x, w, d, Ring.GF2))
    assert (modulo_2.alternative, modulo_2.stability, modulo_2.coefficients) == (None, None, ("1",))
    rectangular = figures(classical(Format(1, 2, 3)))
    assert rectangular.leading is None
    assert rectangular.alternative is not None


@pytest.mark.parametrize("encoder", [classical(Format(1, 1, 1)), laderman(), bini().at(0.5)], ids=str)
def test_json_holds_numbers_alone(encoder: TileEncoder) -> None:
    fields = figures(encoder).as_json()
    assert json.loads(json.dumps(fields, allow_nan=False)) == fields
    assert fields["additions"]["total"] == figures(encoder).additions.total
