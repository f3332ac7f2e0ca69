"""Output channels in an order and scale of their own: undone by the layer, and worth their while."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from stl_algebra import strassen
from stl_nn.calibration import CalibratedLinear, Channels, calibrate_linear
from stl_nn.calibration.layer import Level, predicted_changes
from stl_nn.calibration.outputs import LEAST_SENSITIVITY, Outputs
from tests.stl_nn.calibration.cases import inputs, moments_of, truncated_strassen


def _linear(features: int, seed: int = 0, bias: bool = True) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(8, features, bias=bias, dtype=torch.float64)


@given(st.integers(1, 13), st.integers(1, 4), st.integers(0, 99))
def test_every_channel_has_one_place(features: int, p: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sensitivity, energy = torch.rand(2, features, generator=generator, dtype=torch.float64)
    outputs = Outputs.weighted(sensitivity, energy, p)
    assert sorted(outputs.order.tolist()) == list(range(features))
    weight = torch.randn(3, features, generator=generator, dtype=torch.float64)
    undone = outputs.mapped(weight)[:, torch.argsort(outputs.order)] / outputs.scale
    torch.testing.assert_close(undone, weight)


def test_the_first_position_of_the_tiles_holds_what_is_felt_most() -> None:
    sensitivity = torch.tensor([3.0, 9.0, 1.0, 7.0, 5.0, 2.0])
    order = Outputs.weighted(sensitivity, torch.ones(6), 2).order
    assert set(order[0::2].tolist()) == {1, 3, 4}


def test_what_is_not_felt_at_all_still_counts() -> None:
    assert (Outputs.weighted(torch.tensor([0.0, 1.0]), torch.ones(2), 2).scale > 0.1).all()
    assert Outputs.weighted(torch.zeros(4), torch.ones(4), 2).scale.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("features", [1, 6, 7])
def test_with_an_exact_encoder_the_layer_is_the_dense_one(features: int, bias: bool) -> None:
    linear, x = _linear(features, bias=bias), inputs(10, 8).double()
    outputs = Outputs.weighted(torch.rand(features), torch.rand(features), 2)
    made = CalibratedLinear.assemble(linear, strassen(), Channels.identity(8), outputs=outputs)
    torch.testing.assert_close(made(x), linear(x))
    back = made.to_linear()
    torch.testing.assert_close(back(x), linear(x))
    assert (back.bias is None) is not bias


def test_layers_without_it_hold_no_buffers_for_it() -> None:
    made = CalibratedLinear.assemble(_linear(6), strassen(), Channels.identity(8))
    assert made.place is None
    assert not {"place", "factor"} & set(made.state_dict())


@pytest.mark.parametrize(("level", "part"), [("permutation", 0.9), ("moments", 0.6), ("refit", 0.6)])
def test_felt_errors_are_less_where_they_are_asked_for(level: str, part: float) -> None:
    linear, x = _linear(12), inputs(4000, 8).double()
    sensitivity = torch.tensor([10.0, 0.1, 0.1, 0.1, 5.0, 0.1, 0.1, 0.1, 20.0, 0.1, 0.1, 0.1], dtype=torch.float64)
    counts = sensitivity / sensitivity.mean() + LEAST_SENSITIVITY
    moments = moments_of(x, 2)
    alike = calibrate_linear(linear, truncated_strassen(), moments, level)
    felt = calibrate_linear(linear, truncated_strassen(), moments, level, sensitivity=sensitivity)

    def change(layer: nn.Module) -> float:
        with torch.no_grad():
            return float(((layer(x) - linear(x)).square() * counts).sum())

    assert change(felt.layer) < part * change(alike.layer)
    whole = float(((x @ linear.weight.detach().T).square() * counts).sum())
    assert felt.expected_error == pytest.approx(change(felt.layer) / whole, rel=0.2)


def test_a_change_predicted_is_about_the_change_made() -> None:
    linear, x = _linear(12), inputs(4000, 8).double()
    sensitivity = torch.rand(12, dtype=torch.float64) + 0.2
    moments = moments_of(x, 2)
    (predicted,) = predicted_changes(linear, [truncated_strassen()], moments, Level.PERMUTATION, sensitivity)
    made = calibrate_linear(linear, truncated_strassen(), moments, "permutation", sensitivity=sensitivity).layer
    with torch.no_grad():
        change = float(((made(x) - linear(x)).square() * sensitivity).sum(1).mean())
    assert predicted == pytest.approx(change, rel=0.1)
