"""Layers that read the same input become one, and the network computes what it did."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd

from stl_algebra import InvalidInput
from stl_nn import convert, join_layers, revert, separate_layers
from stl_nn.joining import JoinedPart
from tests.stl_nn.encoders import STRASSEN2


class Block(nn.Module):
    """q, k and v of one input, gate and up of another, and layers that are alone."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(16, out, bias=bias) for out in (16, 8, 8))
        self.out = nn.Linear(8, 16, bias=bias)
        self.gate, self.up, self.down = (nn.Linear(16, 24), nn.Linear(16, 24, bias=False), nn.Linear(24, 16))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.q(x), self.k(x), self.v(x)
        x = x + self.out(q[..., :8] * k + v)
        y: Tensor = x + self.down(self.gate(x).sigmoid() * self.up(x))
        return y


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Grows by the shape of the weight of every product of an nn.Linear."""
    products: list[tuple[int, ...]] = []
    forward = nn.Linear.forward
    monkeypatch.setattr(
        nn.Linear, "forward", lambda self, x: products.append(tuple(self.weight.shape)) or forward(self, x)
    )
    return products


@pytest.mark.parametrize("bias", [True, False])
def test_a_joined_model_computes_the_same_with_fewer_products(counted: list[tuple[int, ...]], bias: bool) -> None:
    model, x = Block(bias), torch.randn(2, 5, 16)
    expected = model(x)
    assert join_layers(model, x) == {"q.joined": ("q", "k", "v"), "gate.joined": ("gate", "up")}
    counted.clear()
    torch.testing.assert_close(model(x), expected)
    assert sorted(counted) == [(16, 8), (16, 24), (32, 16), (48, 16)]


def test_gradients_are_those_of_the_layers_apart() -> None:
    model, x = Block(), torch.randn(5, 16)
    joined = copy.deepcopy(model)
    join_layers(joined, x)
    for one in (model, joined):
        one(x).square().sum().backward()
    grads = torch.cat([model.q.weight.grad, model.k.weight.grad, model.v.weight.grad])
    torch.testing.assert_close(joined.q.joined.weight.grad, grads)
    torch.testing.assert_close(joined.gate.joined.bias.grad[:24], model.gate.bias.grad)


def test_separated_layers_are_those_there_were() -> None:
    model, x = Block().eval(), torch.randn(5, 16)
    model.q.weight.requires_grad_(False)
    model.k.weight.requires_grad_(False)
    before = copy.deepcopy(model)
    assert list(join_layers(model, x)) == ["q.joined", "gate.joined"]
    assert separate_layers(model) == ["q", "k", "gate", "up"]
    for name, module in before.named_modules():
        if isinstance(module, nn.Linear):
            again = model.get_submodule(name)
            assert torch.equal(again.weight, module.weight)
            assert again.weight.requires_grad == module.weight.requires_grad
            assert not again.training
    torch.testing.assert_close(model(x), before(x))


def test_a_conversion_takes_the_joined_layer_and_reverts_to_it() -> None:
    model, x = Block(), torch.randn(2, 9, 16)
    expected = model(x)
    join_layers(model, x)
    report = convert(model, STRASSEN2)
    assert [layer.name for layer in report.converted] == ["q.joined", "out", "gate.joined", "down"]
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(InvalidInput, match="'q' is part of a STLLinear; revert the conversion first"):
        separate_layers(model)
    revert(model)
    assert separate_layers(model) == ["q", "k", "v", "gate", "up"]
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)


def test_calibration_fits_one_basis_to_all_parts() -> None:
    model, x = Block(), torch.randn(40, 16)
    expected = model(x)
    join_layers(model, x)
    report = convert(model, STRASSEN2, calibration=[x])
    assert [layer.name for layer in report.layers] == ["q.joined", "out", "gate.joined", "down"]
    torch.testing.assert_close(model(x), expected, atol=1e-3, rtol=1e-3)


def test_parts_called_with_different_tensors_are_right_all_the_same(counted: list[tuple[int, ...]]) -> None:
    model, x = Block(), torch.randn(5, 16)
    alone = copy.deepcopy(model)
    join_layers(model, x)
    counted.clear()
    others = [torch.randn(5, 16) for _ in range(3)]
    for layer, same, other in zip((model.q, model.k, model.v), (alone.q, alone.k, alone.v), others, strict=True):
        torch.testing.assert_close(layer(other), same(other))
    assert counted.count((32, 16)) == 3


def test_weights_that_change_between_calls_are_seen() -> None:
    model, x = Block(), torch.randn(5, 16)
    join_layers(model, x)
    before = model.q(x)
    with torch.no_grad():
        model.q.joined.weight.mul_(2)
    assert not torch.equal(model.q(x), before)


def test_changed_inputs_are_computed_anew_and_freed_ones_forgotten() -> None:
    model, x = Block(), torch.randn(5, 16)
    alone = copy.deepcopy(model)
    join_layers(model, x)
    with torch.no_grad():
        model.q(x)
        x.add_(1)
        torch.testing.assert_close(model.k(x), alone.k(x))
        del x
        gc.collect()
    assert model.q._shared.held is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_hold_their_own_joined_layer(copied) -> None:
    model, x = Block(), torch.randn(5, 16)
    join_layers(model, x)
    other = copied(model)
    assert other.k.first is other.q
    with torch.no_grad():
        other.q.joined.weight.zero_()
        other.q.joined.bias.zero_()
    assert not other.v(x).any()
    assert model.v(x).any()
    assert sum("joined" in name for name in model.state_dict()) == 4  # each weight and bias once


def test_what_cannot_be_joined_is_left_alone() -> None:
    model, x = Block(), torch.randn(5, 16)
    model.k.weight = model.v.weight
    model.gate.register_forward_hook(lambda *_: None)
    assert join_layers(model, x) == {}
    assert not any(isinstance(module, JoinedPart) for module in model.modules())
    with pytest.raises(InvalidInput, match="no joined layers"):
        separate_layers(model)
    with pytest.raises(InvalidInput, match="the filter accepts none"):
        join_layers(model, x, filter_fn=lambda *_: False)


def test_a_tensor_changed_in_place_between_two_layers_is_not_one_input() -> None:
    class Between(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x)
            x = x.add_(1)
            second: Tensor = self.second(x)
            return y + second

    assert join_layers(Between(), torch.randn(2, 4)) == {}


def test_filters_and_batches_are_those_of_a_conversion() -> None:
    model, x = Block(), torch.randn(5, 16)
    assert join_layers(model, {"x": x}, filter_fn=lambda _, name: name != "up") == {"q.joined": ("q", "k", "v")}


def test_a_compiler_sees_one_product_for_all_parts() -> None:
    model, x = Block(), torch.randn(5, 16)
    join_layers(model, x)
    products: list[str] = []

    def listed(graph: torch.fx.GraphModule, _: object) -> object:
        products.extend(str(node.target) for node in graph.graph.nodes if "mm" in str(node.target))
        return make_boxed_func(graph.forward)

    compiled = torch.compile(model, backend=aot_autograd(fw_compiler=listed), fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x))
        torch.testing.assert_close(compiled(2 * x), model(2 * x))
    assert len(products) == 4
    assert model.q._shared.held is None
