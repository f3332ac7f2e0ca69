"""A measured network's layers that read the same input are converted as one, and figures are told layer by layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from encoders import random_encoder
from torch import Tensor, nn

from stl_algebra import strassen
from stl_nn.linear import STLLinear
from stl_nn.models.bench import bench, measure_method
from stl_nn.models.conversions import Converter, Method
from stl_nn.models.network import Network


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(16, 32), nn.Linear(16, 24, bias=False), nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(self.gate(x)[..., :24].sigmoid() * self.up(x))
        return y


class GatedNetwork(Network):
    name, unit, limit, text, calibration_text = "gated", "batches", 2, "random", "random"
    headline = ("error", "error", False)
    rate = 1e-2

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = Gated().eval()
        self.calibration = list(torch.randn(8, 60, 16))
        self.held_out = list(torch.randn(2, 60, 16))

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        found: Tensor = model(batch)
        return found

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        return (ours - dense).square().mean()

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        apart = [self.distance(self.run(model, x), self.run(self.model, x)) for x in self.held_out]
        return {"error": float(torch.stack(apart).mean())}

    def rows(self, batches: Any) -> int:
        return sum(len(batch) for batch in batches)


@pytest.mark.parametrize("calibration", ["none", "moments", "refit", "sequential"])
def test_one_stl_layer_stands_for_gate_and_up(calibration: str) -> None:
    network = GatedNetwork()
    converter = Converter(network, random_encoder(2, 2, 2, 6), 0.75)
    found = measure_method(converter, Method("stl", calibration))
    assert found["joined"] == {"gate.joined": ["gate", "up"]}
    assert list(found["layers"]) == ["gate", "up", "down"]
    done = converter.convert(Method("stl", calibration))
    assert sum(isinstance(module, STLLinear) for module in done.model.modules()) == 2
    assert not any("joined" in name for name, _ in network.model.named_modules())


def test_what_is_known_of_the_parts_serves_the_joined_layer() -> None:
    network = GatedNetwork()
    told, found = (Converter(network, random_encoder(2, 2, 2, 6), 0.75) for _ in range(2))
    told.moments(2)
    measured = [measure_method(one, Method("stl", "refit"))["error"] for one in (told, found)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-3)


def test_a_budget_ranks_joined_layers_and_training_goes_on_with_them() -> None:
    network = GatedNetwork()
    network.held_out = network.calibration
    offered = [random_encoder(2, 2, 2, rank) for rank in (4, 5, 6, 7)]
    converter = Converter(network, offered, 0.8, budget=0.8)
    before = measure_method(converter, Method("stl", "moments"))
    assert set(before["ranks"]) == {"gate.joined", "down"}
    assert before["multiplications"] <= 0.8
    after = measure_method(converter, Method("stl", "moments", 30))
    assert after["error"] < before["error"]


def test_apart_they_are_converted_as_they_are() -> None:
    outcome = bench(GatedNetwork(), strassen(), [Method("stl"), Method("svd")], join=False)
    assert "joined" not in outcome["methods"][0]
    together = bench(GatedNetwork(), strassen(), [Method("stl"), Method("svd")])
    assert "joined" in together["methods"][0]
    assert "joined" not in together["methods"][1]
    assert [row["name"] for row in together["layers"]] == [row["name"] for row in outcome["layers"]]
