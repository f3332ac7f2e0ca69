"""STLLinear as a drop-in for nn.Linear: state, dtypes, options, and the way back."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from stl_algebra import InvalidInput, rotate
from stl_nn import STLLinear
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder, relative


@pytest.mark.parametrize("options", [{}, {"learnable": True}, {"on_the_fly": True}, {"keep_dense": True}])
@pytest.mark.parametrize("bias", [True, False])
def test_it_computes_what_the_linear_layer_does(options: dict, bias: bool) -> None:
    linear, x = nn.Linear(30, 18, bias=bias), torch.randn(2, 7, 30)
    layer = STLLinear.from_linear(linear, STRASSEN2, LayerOptions(**options))
    torch.testing.assert_close(layer(x), linear(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(layer.to_linear().weight, linear.weight, atol=1e-5, rtol=1e-5)


def test_state_makes_the_round_trip_through_safetensors_and_deepcopy(tmp_path: Path) -> None:
    layer = STLLinear.from_linear(nn.Linear(9, 6), random_encoder(4, 4, 4, 20), permutation=torch.randperm(9))
    save_file(layer.state_dict(), tmp_path / "layer.safetensors")
    other = STLLinear(9, 6, random_encoder(4, 4, 4, 20))
    other.load_state_dict(load_file(tmp_path / "layer.safetensors"))
    x = torch.randn(5, 9)
    assert torch.equal(other(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    torch.save(layer, tmp_path / "layer.pt")
    assert torch.equal(torch.load(tmp_path / "layer.pt", weights_only=False)(x), layer(x))


@pytest.mark.parametrize("theirs", [random_encoder(4, 4, 4, 20, seed=1), random_encoder(4, 4, 4, 21), STRASSEN])
def test_the_state_of_another_encoder_is_refused(theirs) -> None:
    layer = nn.Sequential(STLLinear(8, 8, random_encoder(4, 4, 4, 20)))
    state = nn.Sequential(STLLinear(8, 8, theirs)).state_dict()
    with pytest.raises(InvalidInput, match="layer '0' was saved with another encoder"):
        layer.load_state_dict(state)


def test_a_learnable_encoder_loads_what_it_learned() -> None:
    layer = STLLinear(8, 8, STRASSEN2, LayerOptions(learnable=True))
    with torch.no_grad():
        layer.encode_x.add_(0.1)
    other = STLLinear(8, 8, STRASSEN2, LayerOptions(learnable=True))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.encode_x, layer.encode_x)
    assert not other.encoder.exact


@pytest.mark.parametrize("learnable", [False, True])
def test_half_precision_leaves_the_coefficients_alone(learnable: bool) -> None:
    layer = STLLinear(16, 8, random_encoder(4, 4, 4, 30), LayerOptions(learnable=learnable))
    before = layer.encode_x.detach().clone()
    layer.to(torch.bfloat16)
    assert layer.encoded_weight.dtype == torch.bfloat16
    assert torch.equal(layer.encode_x, before)
    assert layer(torch.randn(4, 16, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_autocast_computes_in_its_dtype() -> None:
    layer, x = STLLinear.from_linear(nn.Linear(16, 8), STRASSEN2), torch.randn(4, 16)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert 1e-8 < relative(y, layer(x)) < 1e-3


@pytest.mark.parametrize("options", [{}, {"learnable": True}, {"on_the_fly": True}])
def test_training_moves_every_parameter(options: dict) -> None:
    layer = STLLinear(8, 8, random_encoder(2, 2, 2, 6), LayerOptions(**options))
    loss = (layer(torch.randn(16, 8)) - torch.randn(16, 8)).square().mean()
    loss.backward()
    for name, parameter in layer.named_parameters():
        expected = not (name == "encode_w" and not options.get("on_the_fly"))
        assert (parameter.grad is not None) == expected, name


def test_few_rows_take_the_kept_dense_weight_in_evaluation_only() -> None:
    linear = nn.Linear(16, 16)
    layer = STLLinear.from_linear(
        linear, random_encoder(4, 4, 4, 10), LayerOptions(keep_dense=True, break_even_rows=8)
    ).eval()
    few, many = torch.randn(7, 16), torch.randn(8, 16)
    assert torch.equal(layer(few), linear(few))
    assert relative(layer(many), linear(many)) > 0.1
    assert relative(layer.train()(few), linear(few)) > 0.1
    assert "dense below 8 rows" in repr(layer)
    assert not any(parameter.requires_grad for name, parameter in layer.named_parameters() if "weight" in name)


def test_a_permutation_only_changes_which_channels_share_a_tile() -> None:
    linear, x = nn.Linear(10, 6), torch.randn(4, 10)
    layer = STLLinear.from_linear(linear, STRASSEN2, permutation=torch.randperm(10))
    torch.testing.assert_close(layer(x), linear(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(layer.to_linear().weight, linear.weight, atol=1e-5, rtol=1e-5)
    with pytest.raises(InvalidInput, match="does not order 10"):
        STLLinear.from_linear(linear, STRASSEN2, permutation=torch.zeros(10))


def test_a_refitted_weight_cannot_be_reverted_unless_kept() -> None:
    layer = STLLinear.from_linear(nn.Linear(8, 8), STRASSEN)
    with torch.no_grad():
        layer.encoded_weight.add_(torch.randn_like(layer.encoded_weight))
    with pytest.raises(InvalidInput, match="trained, refitted or rounded"):
        layer.to_linear()
    with pytest.raises(InvalidInput, match="different weights to one encoding"):
        STLLinear(8, 8, random_encoder(4, 4, 4, 12)).to_linear()


def test_meta_layers_cost_nothing_and_take_their_state() -> None:
    encoder = rotate(random_encoder(2, 3, 4, 9))
    layer = STLLinear(12, 8, encoder)
    empty = STLLinear(12, 8, encoder, device="meta")
    empty.load_state_dict(layer.state_dict(), assign=True)
    x = torch.randn(3, 12)
    assert torch.equal(empty(x), layer(x))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    linear = nn.Linear(4, 4)
    with torch.no_grad():
        linear.weight[1, 2] = value
    with pytest.raises(InvalidInput, match="NaN or infinity"):
        STLLinear.from_linear(linear, STRASSEN)


def test_inputs_that_do_not_fit_are_refused() -> None:
    layer = STLLinear(4, 4, STRASSEN)
    with pytest.raises(InvalidInput, match="4 input features"):
        layer(torch.zeros(2, 3))
    with pytest.raises(InvalidInput, match="int64"):
        layer(torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(InvalidInput, match="no tile encoder"):
        STLLinear(4, 4, "strassen")
