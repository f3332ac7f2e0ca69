"""A measured network's layers that read the same input are converted as one, and figures are told layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from stl_algebra import strassen
from stl_bench.compression.bench import bench, measure_method
from stl_bench.compression.conversions import Converter, Method
from stl_nn.calibration import layer
from stl_nn.calibration.weighted import weighted_encoders
from stl_nn.linear import STLLinear
from tests.stl_bench.small_network import SmallNetwork
from tests.stl_nn.encoders import random_encoder


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(16, 32), nn.Linear(16, 24, bias=False), nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(self.gate(x)[..., :24].sigmoid() * self.up(x))
        return y


def gated_network() -> SmallNetwork:
    torch.manual_seed(0)
    return SmallNetwork(Gated())


@pytest.mark.parametrize("calibration", ["none", "moments", "refit", "sequential"])
def test_one_stl_layer_stands_for_gate_and_up(calibration: str) -> None:
    network = gated_network()
    converter = Converter(network, random_encoder(2, 2, 2, 6), 0.75)
    found = measure_method(converter, Method("stl", calibration))
    assert found["joined"] == {"gate.joined": ["gate", "up"]}
    assert list(found["layers"]) == ["gate", "up", "down"]
    done = converter.convert(Method("stl", calibration))
    assert sum(isinstance(module, STLLinear) for module in done.model.modules()) == 2
    assert not any("joined" in name for name, _ in network.model.named_modules())


def test_what_is_known_of_the_parts_serves_the_joined_layer() -> None:
    network = gated_network()
    told, found = (Converter(network, random_encoder(2, 2, 2, 6), 0.75) for _ in range(2))
    told.moments(2)
    measured = [measure_method(one, Method("stl", "refit"))["error"] for one in (told, found)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-3)


def test_a_refit_takes_the_encoders_that_moments_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network, encoder = gated_network(), random_encoder(2, 2, 2, 6)
    alone = measure_method(Converter(network, encoder, 0.75), Method("stl", "refit"))["error"]
    converter = Converter(network, encoder, 0.75)
    measure_method(converter, Method("stl", "moments"))
    after = Converter(network, encoder, 0.75, before=converter, depth=1)
    searches: list[object] = []
    monkeypatch.setattr(layer, "weighted_encoders", lambda *told: searches.append(told) or weighted_encoders(*told))
    assert measure_method(after, Method("stl", "refit"))["error"] == pytest.approx(alone, rel=1e-4)
    assert not searches
    measure_method(Converter(network, encoder, 0.75, before=converter, join=False), Method("stl", "refit"))
    assert searches


def test_a_budget_ranks_joined_layers_and_training_goes_on_with_them() -> None:
    network = gated_network()
    network.held_out = network.calibration
    offered = [random_encoder(2, 2, 2, rank) for rank in (4, 5, 6, 7)]
    converter = Converter(network, offered, 0.8, budget=0.8)
    before = measure_method(converter, Method("stl", "moments"))
    assert set(before["ranks"]) == {"gate.joined", "down"}
    assert before["multiplications"] <= 0.8
    after = measure_method(converter, Method("stl", "moments", 30))
    assert after["error"] < before["error"]


def test_apart_they_are_converted_as_they_are() -> None:
    outcome = bench(gated_network(), strassen(), [Method("stl"), Method("svd")], join=False)
    assert "joined" not in outcome["methods"][0]
    together = bench(gated_network(), strassen(), [Method("stl"), Method("svd")])
    assert "joined" in together["methods"][0]
    assert "joined" not in together["methods"][1]
    assert [row["name"] for row in together["layers"]] == [row["name"] for row in outcome["layers"]]
