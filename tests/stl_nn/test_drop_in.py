"""STL layers where dense ones stood: what the code around a layer does with it, and what it holds of the layer."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from stl_algebra import InvalidInput
from stl_nn import STLLinear, convert, join_layers, revert
from stl_nn.calibration import CalibratedLinear
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, STRASSEN2

Converted = Callable[[nn.Module], object]


def data_free(model: nn.Module) -> None:
    convert(model, STRASSEN)


def deep(model: nn.Module) -> None:
    convert(model, STRASSEN, LayerOptions(depth=1))


def learnable(model: nn.Module) -> None:
    convert(model, STRASSEN, LayerOptions(learnable=True))


def calibrated(model: nn.Module) -> None:
    convert(model, STRASSEN, calibration=[torch.randn(64, 8)])


def grouped(model: nn.Module) -> None:
    convert(model, STRASSEN)
    layers = [layer for layer in model.modules() if isinstance(layer, STLLinear)]
    STLLinear.group([*layers, copy.deepcopy(layers[0])])


CONVERSIONS = [data_free, deep, learnable, calibrated, grouped]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.down(self.act(self.up(x)))
        y += x
        result: torch.Tensor = y.mul_(0.5)
        return result


@pytest.mark.parametrize("to", CONVERSIONS)
def test_an_output_may_be_changed_in_place(to: Converted) -> None:
    model, x = Residual(), torch.randn(9, 8)
    dense = copy.deepcopy(model)
    to(model)
    found, given = x.clone().requires_grad_(), x.clone().requires_grad_()
    model(found).square().sum().backward()
    dense(given).square().sum().backward()
    torch.testing.assert_close(found.grad, given.grad, atol=1e-4, rtol=1e-4)


def test_a_joined_output_may_be_changed_in_place() -> None:
    model = nn.ModuleDict({"q": nn.Linear(8, 8), "k": nn.Linear(8, 4)})

    def run(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        q, k = model["q"](x), model["k"](x)  # type: ignore[index]
        return torch.cat([q.mul_(2), k.add_(1)], -1)

    x = torch.randn(5, 8)
    dense = run(model, x)
    join_layers(model, x, run)
    data_free(model)
    torch.testing.assert_close(run(model, x), dense, atol=1e-5, rtol=1e-5)
    run(model, x).sum().backward()


@pytest.mark.parametrize("to", CONVERSIONS)
def test_autocast_decides_the_dtype(to: Converted) -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    to(model)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(torch.randn(4, 8)).dtype == torch.bfloat16


def test_autocast_leaves_float64_alone() -> None:
    layer, x = STLLinear(8, 8, STRASSEN, dtype=torch.float64), torch.randn(4, 8, dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x), layer(x).double())


@pytest.mark.parametrize("depth", [0, 1])
def test_the_reference_path_sums_in_float32_under_autocast(depth: int) -> None:
    layer, x = STLLinear.from_linear(nn.Linear(64, 32), STRASSEN2, LayerOptions(depth=depth)), torch.randn(16, 64)
    layer.backend = "reference"
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert torch.equal(found, layer.bfloat16()(x.bfloat16()))


def test_weights_are_encoded_in_float32_under_autocast() -> None:
    layer = STLLinear.from_linear(nn.Linear(64, 32), STRASSEN2, LayerOptions(on_the_fly=True))
    with torch.autocast("cpu", torch.bfloat16):
        found = layer.effective_weight()
    assert torch.equal(found, layer.effective_weight())


def test_distributed_training_takes_learnable_encoders() -> None:
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        model = DistributedDataParallel(nn.Sequential(STLLinear(8, 8, STRASSEN, LayerOptions(learnable=True))))
        for _ in range(3):
            model(torch.randn(4, 8)).sum().backward()
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("to", [data_free, calibrated])
def test_what_is_frozen_stays_frozen_there_and_back(to: Converted) -> None:
    model = Residual().requires_grad_(False)
    model.down.requires_grad_(True)
    to(model)
    parts = (model.up, model.down)
    assert [{p.requires_grad for p in part.parameters()} for part in parts] == [{False}, {True}]
    revert(model)
    assert [{p.requires_grad for p in part.parameters()} for part in (model.up, model.down)] == [{False}, {True}]


def test_a_weight_kept_beside_is_trained_again_after_the_way_back() -> None:
    model = Residual()
    model.down.requires_grad_(False)
    convert(model, STRASSEN, LayerOptions(keep_dense=True, break_even_rows=4))
    revert(model)
    assert model.up.weight.requires_grad
    assert not model.down.weight.requires_grad


@pytest.mark.parametrize("to", [data_free, calibrated])
def test_code_that_looks_at_a_weight_finds_none(to: Converted) -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    to(model)
    assert model[0].weight is None


def test_joined_layers_show_their_weights() -> None:
    model = nn.ModuleDict({"q": nn.Linear(8, 8), "k": nn.Linear(8, 4)})
    k = copy.deepcopy(model["k"])
    join_layers(model, torch.randn(2, 8), lambda model, x: (model["q"](x), model["k"](x)))  # type: ignore[index]
    assert torch.equal(model["k"].weight, k.weight)
    assert torch.equal(model["k"].bias, k.bias)
    data_free(model)
    assert model["k"].weight is None


def test_joined_layers_see_that_weights_have_changed() -> None:
    model = nn.ModuleDict({"q": nn.Linear(8, 8), "k": nn.Linear(8, 4)})
    x = torch.randn(2, 8)
    join_layers(model, x, lambda model, x: (model["q"](x), model["k"](x)))  # type: ignore[index]
    before = model["k"](x)
    model["q"](x)
    model["q"](x)
    with torch.no_grad():
        model["q"].joined.weight.mul_(3)
        model["q"].joined.bias.mul_(3)
    torch.testing.assert_close(model["k"](x), 3 * before)


def test_unit_gain_leaves_the_group() -> None:
    q, x = nn.Linear(8, 8), torch.randn(4, 8)
    layers = [STLLinear.from_linear(q, STRASSEN2) for _ in range(2)]
    STLLinear.group(layers)
    layers[0].to_unit_gain()
    for layer in layers:
        torch.testing.assert_close(layer(x), q(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_keeps_the_memory_format(layout: torch.memory_format, stride: int) -> None:
    model, x = nn.Sequential(nn.Conv2d(8, 4, 1, stride=stride)), torch.randn(2, 8, 6, 6)
    dense = model(x)
    data_free(model)
    y = model(x.contiguous(memory_format=layout))
    torch.testing.assert_close(y, dense, atol=1e-5, rtol=1e-5)
    if layout == torch.contiguous_format:
        assert y.view(2, -1).shape == (2, dense[0].numel())
    elif stride == 1:
        assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("to", [data_free, calibrated])
def test_layers_are_called_by_keyword(to: Converted) -> None:
    model, x = nn.Sequential(nn.Linear(8, 8)), torch.randn(4, 8)
    to(model)
    assert torch.equal(model[0](input=x), model[0](x))


class Language(nn.Module):
    """An output layer tied to the embedding, as of many language models."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mid, self.head = nn.Embedding(16, 8), nn.Linear(8, 8), nn.Linear(8, 16, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.mid(self.embed(tokens)))
        return logits


def test_tied_weights_stay_tied() -> None:
    model = Language()
    report = convert(model, STRASSEN)
    reasons = {layer.name: layer.reason for layer in report.layers}
    assert reasons["head"].startswith("it shares a parameter with 'embed'")
    assert model.head.weight is model.embed.weight
    assert isinstance(model.mid, STLLinear)


def test_a_forward_that_was_wrapped_is_left() -> None:
    model, x = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), torch.randn(4, 8)
    plain = model[0].forward
    model[0].forward = lambda x: 10 * plain(x)  # type: ignore[method-assign]
    dense = model(x)
    report = convert(model, STRASSEN)
    assert "wrapped" in report.layers[0].reason
    torch.testing.assert_close(model(x), dense, atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_layers_without_outputs_are_left() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 0))
    assert convert(model, STRASSEN).layers[1].reason == "it has no inputs or no outputs"


def _calibrated_layer() -> CalibratedLinear:
    model = nn.Sequential(nn.Linear(8, 8))
    calibrated(model)
    layer = model[0]
    assert isinstance(layer, CalibratedLinear)
    return layer


@pytest.mark.parametrize("make", [lambda: STLLinear(8, 8, STRASSEN), _calibrated_layer])
def test_a_layer_by_itself_has_nothing_to_be_put_back_in(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(InvalidInput, match="the model is itself one"):
        revert(make())


def test_an_activation_is_not_lost_on_the_way_back() -> None:
    with pytest.raises(InvalidInput, match="applies silu"):
        STLLinear(8, 8, STRASSEN, activation="silu").to_linear()
