"""The quadratic form from second moments is the squared error of the layer itself."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from stl_algebra import TileEncoder, strassen
from stl_nn.calibration import TileSystem, refit
from stl_nn.calibration.joint import projected_loss
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.matmul import stl_matmul
from stl_nn.reference import encode_weight
from tests.stl_nn.calibration.cases import inputs, moments_of, row_encoder, truncated_strassen


def _measured(x: torch.Tensor, weight: torch.Tensor, encoded: torch.Tensor, encoder: EncoderTensors) -> float:
    y = x.double() @ weight
    approximate = stl_matmul(x.double(), encoded, encoder, out_features=weight.shape[1])
    return float((approximate - y).square().sum() / y.square().sum())


@pytest.mark.parametrize("shape", [(8, 6), (7, 4)])
def test_the_error_is_exact_for_tiles_of_one_row(shape: tuple[int, int]) -> None:
    x, weight = inputs(60, shape[0]), torch.randn(*shape, dtype=torch.float64)
    encoder = EncoderTensors.of(row_encoder(3), torch.float64)
    encoded = torch.randn_like(encode_weight(weight, encoder))
    system = TileSystem.of(encoder.format, moments_of(x, 1), weight)
    predicted = system.error(encoder.encode_x, encoder.decode, encoded)
    assert predicted == pytest.approx(_measured(x, weight, encoded, encoder), rel=1e-5)


@pytest.mark.parametrize("make", [truncated_strassen, strassen])
def test_the_error_of_taller_tiles_is_that_of_long_inputs(make: type[TileEncoder]) -> None:
    # Means, correlated channels and correlated rows make the terms between tiles matter.
    torch.manual_seed(0)
    x, weight = inputs(40_000, 8), torch.randn(8, 6, dtype=torch.float64)
    encoder = EncoderTensors.of(make(), torch.float64)
    encoded = encode_weight(weight, encoder)
    system = TileSystem.of(encoder.format, moments_of(x, 2), weight)
    predicted = system.error(encoder.encode_x, encoder.decode, encoded)
    assert predicted == pytest.approx(_measured(x, weight, encoded, encoder), rel=0.02, abs=1e-6)


def test_refitting_is_least_squares_over_the_encoded_inputs() -> None:
    x, weight = inputs(200, 6), torch.randn(6, 4, dtype=torch.float64)
    encoder = EncoderTensors.of(row_encoder(3), torch.float64)
    system = TileSystem.of(encoder.format, moments_of(x, 1), weight)
    found = refit(system, encoder.encode_x, encoder.decode, ridge=1e-12)
    # Column by column, the output is linear in the encoded weights: build that map and solve it directly.
    shape = (3, 3, 1)
    basis = torch.eye(9, dtype=torch.float64).reshape(9, *shape)
    for j in range(2):
        maps = torch.stack([stl_matmul(x.double(), one, encoder, out_features=2).flatten() for one in basis], dim=1)
        target = (x.double() @ weight[:, 2 * j : 2 * j + 2]).flatten()
        direct = torch.linalg.lstsq(maps, target[:, None]).solution.reshape(shape)
        torch.testing.assert_close(found[:, :, j : j + 1], direct, rtol=1e-3, atol=1e-4)


def test_a_ridge_pulls_towards_the_prior() -> None:
    x, weight = inputs(200, 6), torch.randn(6, 4, dtype=torch.float64)
    encoder = EncoderTensors.of(row_encoder(3), torch.float64)
    system = TileSystem.of(encoder.format, moments_of(x, 1), weight)
    prior = torch.randn(3, 3, 2, dtype=torch.float64)
    close = refit(system, encoder.encode_x, encoder.decode, prior, ridge=1e6)
    torch.testing.assert_close(close, prior, rtol=1e-3, atol=1e-3)


def test_inputs_that_never_come_leave_the_prior_alone() -> None:
    x = inputs(200, 6)
    x[:, 4:] = 0
    weight = torch.randn(6, 4, dtype=torch.float64)
    encoder = EncoderTensors.of(row_encoder(3), torch.float64)
    prior = encode_weight(weight, encoder)
    found = refit(TileSystem.of(encoder.format, moments_of(x, 1), weight), encoder.encode_x, encoder.decode, prior)
    assert bool(torch.isfinite(found).all())
    torch.testing.assert_close(found[:, 2], prior[:, 2])


def test_the_projected_loss_is_the_error_after_the_refit_and_its_gradient_is_right() -> None:
    torch.manual_seed(0)
    x, weight = inputs(500, 8), torch.randn(8, 6, dtype=torch.float64)
    encoder = EncoderTensors.of(truncated_strassen(), torch.float64)
    system = TileSystem.of(encoder.format, moments_of(x, 2), weight)
    left = system.error(encoder.encode_x, encoder.decode, refit(system, encoder.encode_x, encoder.decode))
    assert float(projected_loss(system, encoder.encode_x, encoder.decode)) == pytest.approx(left, rel=1e-2, abs=1e-5)
    e, d = encoder.encode_x.clone().requires_grad_(), encoder.decode.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda e, d: projected_loss(system, e, d, ridge=1e-3), (e, d), atol=1e-4)


def test_a_subset_is_the_system_of_those_channels_and_columns_alone() -> None:
    x, weight = inputs(300, 8), torch.randn(8, 6, dtype=torch.float64)
    whole = TileSystem.of(strassen().format, moments_of(x, 2), weight)
    part = whole.subset(torch.tensor([1, 3]), torch.tensor([0, 2]))
    channels, columns = [2, 3, 6, 7], [0, 1, 4, 5]
    alone = TileSystem.of(strassen().format, moments_of(x[:, channels], 2), weight[channels][:, columns])
    torch.testing.assert_close(part.moments, alone.moments, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(part.weight, alone.weight)
    torch.testing.assert_close(part.energy, alone.energy, rtol=1e-5, atol=0)


@pytest.mark.parametrize("with_prior", [False, True])
def test_blocks_come_to_what_one_factorisation_does(monkeypatch: pytest.MonkeyPatch, with_prior: bool) -> None:
    encoder = truncated_strassen()
    weight = torch.randn(14, 6, dtype=torch.float64)
    system = TileSystem.of(encoder.format, moments_of(inputs(4000, 14), 2), weight)
    encode_x, decode = torch.tensor(encoder.encode_x), torch.tensor(encoder.decode)
    prior = torch.randn(6, 7, 3, dtype=torch.float64) if with_prior else None
    whole = refit(system, encode_x, decode, prior)
    refit_module = import_module("stl_nn.calibration.refit")  # whose name in the package is the function's
    monkeypatch.setattr(refit_module, "MOST_UNKNOWNS", 24)  # blocks of two tiles
    monkeypatch.setattr(refit_module, "MOST_SWEEPS", 3000)
    monkeypatch.setattr(refit_module, "TOLERANCE", 1e-9)
    blocks = refit(system, encode_x, decode, prior)
    # Where the inputs do not tell the weights apart, neither do the errors.
    errors = system.error(encode_x, decode, whole), system.error(encode_x, decode, blocks)
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)
