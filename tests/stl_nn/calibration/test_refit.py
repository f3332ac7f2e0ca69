"""A refit goes as far as there are rows enough to tell: with few it stays with its prior, with many it fits."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor

from stl_nn.calibration import TileSystem, refit
from stl_nn.calibration.refit import shrunken_refit
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.reference import encode_weight
from tests.stl_nn.calibration.cases import inputs, moments_of, row_encoder, truncated_strassen

FEATURES = 16


def _case(rows: int, seed: int = 0) -> tuple[TileSystem, EncoderTensors, Tensor]:
    weight = torch.randn(FEATURES, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    encoder = EncoderTensors.of(truncated_strassen(), torch.float64)
    system = TileSystem.of(encoder.format, moments_of(inputs(rows, FEATURES, seed), 2), weight)
    return system, encoder, encode_weight(weight, encoder)


def _far(system: TileSystem, encoder: EncoderTensors, prior: Tensor) -> Tensor:
    before = system.error(encoder.encode_x, encoder.decode, prior)
    return shrunken_refit(system, encoder.encode_x, encoder.decode, prior, before)[0]


def test_with_fewer_equations_than_unknowns_nothing_moves() -> None:
    system, encoder, prior = _case(24)  # 48 equations, 48 unknowns
    assert torch.equal(_far(system, encoder, prior), prior)


def test_with_many_rows_it_is_the_refit() -> None:
    system, encoder, prior = _case(100_000)
    fitted = refit(system, encoder.encode_x, encoder.decode, prior)
    assert (_far(system, encoder, prior) - fitted).norm() < 0.01 * (fitted - prior).norm()


@pytest.mark.parametrize("unknowns", [64, 24])  # in one piece, and in blocks
@pytest.mark.parametrize("rows", [24, 32, 100, 400])
def test_the_error_it_tells_is_that_of_its_weights(monkeypatch: pytest.MonkeyPatch, rows: int, unknowns: int) -> None:
    monkeypatch.setattr(import_module("stl_nn.calibration.refit"), "MOST_UNKNOWNS", unknowns)
    system, encoder, prior = _case(rows)
    before = system.error(encoder.encode_x, encoder.decode, prior)
    weights, error = shrunken_refit(system, encoder.encode_x, encoder.decode, prior, before)
    assert error == pytest.approx(system.error(encoder.encode_x, encoder.decode, weights), rel=1e-4)


# Of twenty-four cases, eight together, it was at most 1.00, 1.01, 1.105 and 1.012 times as much; the other one of
# prior and refit is 1.33 times as much for the fewest rows, 1.17 times for the most.
@pytest.mark.parametrize(("rows", "most"), [(32, 1.1), (48, 1.1), (100, 1.2), (400, 1.1)])
def test_on_other_inputs_it_does_as_well_as_the_better_of_prior_and_refit(rows: int, most: float) -> None:
    held_out, *_ = _case(50_000, seed=1000)

    def error(encoder: EncoderTensors, weights: Tensor) -> float:
        return held_out.error(encoder.encode_x, encoder.decode, weights)

    found, best = 0.0, 0.0
    for seed in range(8):
        system, encoder, prior = _case(rows, seed)
        fitted = refit(system, encoder.encode_x, encoder.decode, prior)
        found += error(encoder, _far(system, encoder, prior))
        best += min(error(encoder, prior), error(encoder, fitted))
    assert found < most * best  # that choice looks at the held-out inputs


def test_an_exact_fit_is_kept_whatever_the_rows() -> None:
    encoder = EncoderTensors.of(row_encoder(4), torch.float64)  # four products take any two columns of X to any other
    weight = torch.randn(8, 6, dtype=torch.float64)
    system = TileSystem.of(encoder.format, moments_of(inputs(400, 8), 1), weight)
    found = _far(system, encoder, torch.zeros(4, 4, 3, dtype=torch.float64))
    assert system.error(encoder.encode_x, encoder.decode, found) < 1e-6
