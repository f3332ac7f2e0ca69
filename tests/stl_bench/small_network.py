"""A network of a few layers on random inputs, measured like a large one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from stl_bench.networks.network import Network


class SmallNetwork(Network):
    """A model of x (…, 16) with random inputs; its figure is the mean squared error."""

    name, unit, limit, text, calibration_text = "small", "batches", 2, "random", "random"
    headline = ("error", "error", False)
    rate = 1e-2

    def __init__(self, model: nn.Module) -> None:
        generator = torch.Generator().manual_seed(0)
        self.model = model.eval()
        self.calibration = list(torch.randn(8, 40, 16, generator=generator))
        self.held_out = list(torch.randn(2, 40, 16, generator=generator))

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
