"""Fine-tuning by distillation: nearer to the dense network, masks held, the rest of the network left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_bench.baselines import BASELINES
from stl_bench.compression.conversions import Converter, Method
from stl_bench.compression.distillation import distill, share_of_rate
from stl_nn.linear import STLLinear
from stl_nn.options import LayerOptions
from tests.stl_bench.small_network import SmallNetwork


def random_encoder(n: int, m: int, p: int, rank: int) -> TileEncoder:
    rng = np.random.default_rng(0)
    shapes = ((rank, n * m), (rank, m * p), (n * p, rank))
    return TileEncoder(Format(n, m, p), *(rng.standard_normal(shape) / rank**0.5 for shape in shapes))


class Small(SmallNetwork):
    """Two linear layers."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 8), nn.LayerNorm(8)))


@pytest.mark.parametrize("name", ["stl", "wanda24", "svd", "block"])
def test_steps_bring_a_converted_network_nearer_to_the_dense_one(name: str) -> None:
    network = Small()
    dense = {key: value.clone() for key, value in network.model.state_dict().items()}
    converter = Converter(network, random_encoder(4, 4, 4, 40), 0.625)
    before = converter.convert(Method(name))
    error = network.measure(before.model)["error"]
    after = converter.convert(Method(name, finetune=40))
    # Five networks with encoders of their own each came to .74 of it at most, with baselines to .58.
    assert network.measure(after.model)["error"] < 0.85 * error
    assert before.multiplications == after.multiplications
    assert all(torch.equal(value, dense[key]) for key, value in network.model.state_dict().items())
    # Layers that were not converted are the dense network's still.
    assert torch.equal(after.model.get_submodule("3").weight, network.model[3].weight)
    assert all(p.requires_grad for p in after.model.parameters())


def test_steps_take_all_training_batches_in_turn() -> None:
    class Longer(Small):
        @property
        def training(self) -> list[Tensor]:
            return [*self.calibration, *self.more]

        def run(self, model: nn.Module, batch: Any) -> Tensor:
            if torch.is_grad_enabled():
                taken.append(batch)
            return super().run(model, batch)

    taken: list[Tensor] = []
    network = Longer()
    network.more = list(torch.randn(4, 40, 16))
    distill(network, network.model, ["0"], 6, batches=2)
    assert sorted(map(id, taken)) == sorted(map(id, network.training))


def test_fine_tuning_goes_on_from_the_conversion_before_it() -> None:
    said: list[str] = []
    network = Small()
    converter = Converter(network, random_encoder(4, 4, 4, 40), 0.625, say=said.append)
    plain = converter.convert(Method("stl", "permutation"))
    error = network.measure(plain.model)["error"]
    converted = [line for line in said if line.startswith("calibrated")]
    tuned = converter.convert(Method("stl", "permutation", finetune=2))
    assert [line for line in said if line.startswith("calibrated")] == converted != []
    assert tuned.model is plain.model  # two of a large network would not fit into memory
    better = network.measure(tuned.model)
    assert better["error"] != error
    # What was trained is not taken for what it was.
    assert network.measure(converter.convert(Method("stl", "permutation")).model)["error"] == error
    # Another method in between, or none before: the same from nothing.
    converter.convert(Method("svd"))
    afresh = converter.convert(Method("stl", "permutation", finetune=2))
    assert network.measure(afresh.model) == better


def test_the_mask_of_a_pruned_layer_is_held() -> None:
    network = Small()
    done = Converter(network, random_encoder(4, 4, 4, 32), 0.5).convert(Method("magnitude24"))
    layer = done.model.get_submodule("0")
    zero, first = layer.weight == 0, layer.weight.detach().clone()
    assert int(zero.sum()) == layer.weight.numel() // 2
    distill(network, done.model, done.layers, 10, sparse=True)
    assert bool((layer.weight[zero] == 0).all())
    assert not torch.equal(layer.weight, first)


def test_every_pruned_method_is_one_whose_mask_is_held() -> None:
    assert {name for name, one in BASELINES.items() if one.fixed_ratio} == {n for n in BASELINES if n.endswith("24")}


def test_a_budget_gives_each_layer_a_rank_of_its_own() -> None:
    offered = [random_encoder(4, 4, 4, rank) for rank in (16, 24, 32, 40, 48)]
    converter = Converter(Small(), offered, 0.5, budget=0.5)
    done = converter.convert(Method("stl", "permutation"))
    assert 0.4 < done.multiplications <= 0.5
    with pytest.raises(InvalidInput, match="give a level of calibration with it"):
        converter.convert(Method("stl"))


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_channels_of_unit_gain_are_the_same_operator(depth: int) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(24, 20)
    layer = STLLinear.from_linear(linear, random_encoder(2, 3, 4, 11), LayerOptions(depth=depth))
    x = torch.randn(16, 24)
    before = layer(x)
    layer.to_unit_gain()
    assert torch.allclose(layer(x), before, rtol=1e-4, atol=1e-4)
    assert torch.allclose(layer.encode_x.norm(dim=1), torch.ones(11))
    assert torch.allclose(layer.decode.norm(dim=0), torch.ones(11))
    # The layer says what its encoder is now: what that encodes has the same scale.
    assert layer.encoded_weight is not None
    again = STLLinear.from_linear(linear, layer.encoder, LayerOptions(depth=depth)).encoded_weight
    assert again is not None
    assert torch.allclose(layer.encoded_weight, again, rtol=1e-3, atol=1e-4)


def test_a_deep_network_learns_without_its_levels_and_gets_them_back() -> None:
    network = Small()
    converter = Converter(network, random_encoder(2, 2, 2, 6), 0.5, depth=2)
    before = converter.convert(Method("stl"))
    told: list[float] = []
    layers = [before.model.get_submodule(name) for name in before.layers]
    distill(network, before.model, before.layers, 40, on_step=lambda _, loss: told.append(loss))
    assert told[-1] < 0.8 * told[0]  # .16 to .29 of it for five networks
    assert [layer.depth for layer in layers] == [2] * len(layers)
    for layer in layers:
        layer.to_depth(0)  # what it has learned is a weight of every depth


def test_a_step_changes_the_loss_about_as_much_as_one_of_a_dense_weight() -> None:
    """At first order a step of Adam changes it by the rate times the sum of the gradient's magnitudes."""
    torch.manual_seed(0)
    linear = nn.Linear(64, 64, bias=False)
    layer = STLLinear.from_linear(linear, random_encoder(2, 2, 2, 7))
    layer.to_unit_gain()
    assert layer.encoded_weight is not None
    x, upstream = torch.randn(256, 64), torch.randn(256, 64)
    (linear(x) * upstream).sum().backward()
    (layer(x) * upstream).sum().backward()
    assert linear.weight.grad is not None
    assert layer.encoded_weight.grad is not None
    ours = share_of_rate(layer) * float(layer.encoded_weight.grad.abs().sum())
    # Within a hundredth for five layers.
    assert 0.7 < ours / float(linear.weight.grad.abs().sum()) < 1.4
