"""One layer calibrated: exact encoders stay exact, every level of cost gains, held out too."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput, strassen
from stl_nn.calibration import CalibratedLinear, Channels, Level, calibrate_linear
from stl_nn.calibration.layer import calibrated_multiplications
from stl_nn.linear import STLLinear
from stl_nn.options import LayerOptions
from tests.stl_nn.calibration.cases import inputs, moments_of, truncated_strassen


def _error(layer: nn.Module, linear: nn.Linear, x: torch.Tensor) -> float:
    y = linear(x) - linear.bias
    return float(((layer(x) - linear(x)).square().sum() / y.square().sum()).detach())


@pytest.fixture
def linear() -> nn.Linear:
    return _linear(0)


def _linear(seed: int) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(16, 12)


@pytest.mark.parametrize("level", Level)
def test_an_exact_encoder_stays_exact(linear: nn.Linear, level: Level) -> None:
    done = calibrate_linear(linear, strassen(), moments_of(inputs(2000, 16), 2), level)
    assert _error(done.layer, linear, inputs(400, 16, seed=1)) < 1e-5
    assert done.expected_error < 1e-5


def test_every_level_gains_on_held_out_inputs() -> None:
    """Over four layers together, since a minimum that a level comes to may be another one on another processor.

    Of eight layers each, the levels left .18 to .34, .24 to .35, .66 to .82 and .77 to .88 of the error before.
    """
    encoder, moments, held_out = truncated_strassen(), moments_of(inputs(20_000, 16), 2), inputs(4000, 16, seed=1)
    errors = torch.zeros(1 + len(Level))
    for linear in map(_linear, range(4)):
        errors[0] += _error(STLLinear.from_linear(linear, encoder), linear, held_out)
        for place, level in enumerate(Level, 1):
            done = calibrate_linear(linear, encoder, moments, level)
            errors[place] += (error := _error(done.layer, linear, held_out))
            assert done.expected_error == pytest.approx(error, rel=0.1)
    ratios = (errors[1:] / errors[:-1]).tolist()
    assert all(ratio < most for ratio, most in zip(ratios, (0.6, 0.6, 0.9, 0.95), strict=True))


def test_mapping_the_channels_changes_nothing_in_itself(linear: nn.Linear) -> None:
    moments = moments_of(inputs(500, 16), 2)
    channels = Channels.balanced(moments, linear.weight.detach().T, 2)
    assert channels.order.sort().values.tolist() == list(range(16))
    assert channels.mean.abs().max() > 0.5
    layer = CalibratedLinear.assemble(linear, strassen(), channels)
    x = inputs(50, 16, seed=2).reshape(5, 10, 16)
    torch.testing.assert_close(layer(x), linear(x), rtol=1e-4, atol=1e-4)
    assert (layer.in_features, layer.out_features, layer.encoder) == (16, 12, strassen())


def test_positions_hold_channels_by_importance(linear: nn.Linear) -> None:
    moments = moments_of(inputs(500, 16), 2)
    weight = linear.weight.detach().T
    importance = moments.centred().second.diagonal().sqrt() * weight.double().norm(dim=1)
    ordered = importance[Channels.balanced(moments, weight, 2).order].reshape(-1, 2)
    assert ordered[:, 0].min() >= ordered[:, 1].max()


def test_features_that_do_not_divide_and_silent_channels_are_no_obstacle() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(7, 5), inputs(3000, 7)
    x[:, 3] = 0
    for level in Level:
        done = calibrate_linear(linear, truncated_strassen(), moments_of(x, 2), level)
        assert done.layer(x).shape == (3000, 5)
        assert _error(done.layer, linear, x) < 0.2


def test_too_few_lags_are_refused(linear: nn.Linear) -> None:
    with pytest.raises(InvalidInput, match="tiles of 2 rows"):
        calibrate_linear(linear, strassen(), moments_of(inputs(50, 16), 1))


def test_a_weight_of_zeros_stays_zero() -> None:
    linear = nn.Linear(4, 4)
    nn.init.zeros_(linear.weight)
    for level in Level:
        done = calibrate_linear(linear, truncated_strassen(), moments_of(inputs(50, 4), 2), level)
        torch.testing.assert_close(done.layer(torch.randn(3, 4)), linear.bias.expand(3, 4))


def test_a_basis_of_blocks_pays_where_the_layer_is_wide_enough() -> None:
    torch.manual_seed(0)
    linear, moments, held_out = nn.Linear(16, 512), moments_of(inputs(6000, 16), 2), inputs(2000, 16, seed=1)
    ordered = calibrate_linear(linear, truncated_strassen(), moments, Level.PERMUTATION)
    done = calibrate_linear(linear, truncated_strassen(), moments, Level.MOMENTS)
    assert ordered.layer.basis.shape == (16, 1, 1)
    assert done.layer.basis.shape == (1, 16, 16)
    # A sixth of it, within five per cent, for four layers.
    assert _error(done.layer, linear, held_out) < 0.5 * _error(ordered.layer, linear, held_out)
    assert calibrated_multiplications(linear, truncated_strassen(), "moments") == 6 / 8 + 16 / 512
    exact = calibrate_linear(linear, strassen(), moments, Level.REFIT, LayerOptions(keep_dense=True))
    assert _error(exact.layer, linear, held_out) < 1e-6
    torch.testing.assert_close(exact.layer.to_linear().weight, linear.weight, rtol=1e-4, atol=1e-5)
