"""A small model of four layers and a norm, for files that are refused."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_bench.baselines.methods import convert_baseline
from stl_nn import convert, join_layers
from tests.stl_nn.encoders import random_encoder

ROUGH = random_encoder(2, 2, 2, 5)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = nn.Linear(16, 8), nn.Linear(16, 8), nn.Linear(16, 8), nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.norm(self.q(x) * self.k(x) + self.v(x)))
        return y


def dense(seed: int = 0) -> Block:
    torch.manual_seed(seed)
    return Block().eval()


def low_rank(model: nn.Module) -> None:
    convert(model, ROUGH, filter_fn=lambda _, name: name == "q")
    convert_baseline(model, "svd", filter_fn=lambda _, name: name == "out")


def joined(model: nn.Module) -> None:
    join_layers(model, torch.randn(9, 16))
    convert(model, ROUGH)
