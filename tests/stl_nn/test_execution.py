"""Layers in the order they run, grouped by the tensor they are fed; passes that end where they may."""

from __future__ import annotations

import torch
from torch import nn

from stl_nn.calibration.chunks import chunked
from stl_nn.calibration.moments import gather_moments
from stl_nn.execution import call, execution_groups


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out, self.v, self.k, self.q = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.out(self.q(x) * self.k(x) + self.v(x))
        return y


def test_groups_follow_execution_not_registration() -> None:
    model = Attention()
    groups = execution_groups(model, ["out", "v", "k", "q"], torch.randn(3, 4), call)
    assert groups == [["q", "k", "v"], ["out"]]


def test_a_pass_ends_at_the_layer_that_is_listened_to() -> None:
    model, ran = Attention(), []
    model.out.register_forward_hook(lambda *_: ran.append("out"))
    moments = gather_moments({"v": model.v}, [torch.randn(3, 4)] * 2, model, lags=2, last="v")
    assert moments["v"].count == 6
    assert ran == []
    assert not model.v._forward_pre_hooks


class ChangedInPlace(nn.Module):
    """Two layers fed one tensor, which is doubled between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        y: torch.Tensor = self.first(x) + self.second(x.mul_(2))
        return y


def test_a_tensor_that_is_changed_in_place_is_another() -> None:
    model, x = ChangedInPlace(), torch.randn(8, 4)
    assert execution_groups(model, ["first", "second"], x, call) == [["first"], ["second"]]
    moments = gather_moments({"first": model.first, "second": model.second}, [x], model)
    torch.testing.assert_close(moments["second"].second, 4 * moments["first"].second)


def test_chunks_keep_their_limit_and_lose_nothing() -> None:
    groups = [[str(size), "shares"] for size in (3, 3, 9, 1, 1, 1)]
    chunks = list(chunked(groups, int, 4))
    assert [group for chunk in chunks for group in chunk] == groups
    assert [[int(group[0]) for group in chunk] for chunk in chunks] == [[3], [3], [9], [1, 1, 1]]
