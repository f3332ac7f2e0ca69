"""Layers in the order they run, grouped by the tensor they are fed; passes that end where they may."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_nn.calibration.chunks import chunked
from stl_nn.calibration.gathering import gather_moments
from stl_nn.execution import answering, call, evaluating, execution, execution_groups, listening


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
    moments = gather_moments({"v": model.v}, [torch.randn(3, 4)] * 2, model, lags=2, once=True)
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


class Experts(nn.Module):
    """The sign of the input chooses between two layers; the one after them runs twice where it is negative."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.low, self.high = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = bool(x.sum() < 0)
        y: torch.Tensor = self.out(self.low(input=x) if low else self.high(input=x))
        return torch.as_tensor(self.out(y)) if low else y


def test_batches_are_read_until_all_layers_have_run() -> None:
    model, x, read = Experts(), torch.ones(2, 4), []

    def run(model: nn.Module, batch: object) -> object:
        read.append(batch)
        return call(model, batch)

    found = execution(model, ["out", "low", "high"], [x, x, -x, x], run)
    assert found.groups == [["low"], ["high"], ["out"]]  # each before what it runs before
    assert found.repeated == {"out"}
    assert len(read) == 3
    assert execution(model, ["out", "low", "high"], [x], run).groups == [["high"], ["out"]]
    with pytest.raises(InvalidInput, match="yields nothing"):
        execution(model, ["out"], [], run)


@pytest.mark.parametrize("whole", [True, False])
def test_compiled_layers_are_listened_to(whole: bool) -> None:
    model, x, heard = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)), torch.ones(2, 4), []
    compiled = torch.compile(model, backend="eager")
    if not whole:
        model[2].compile(backend="eager")
    used = compiled if whole else model
    used(x)
    layers = {"first": model[0], "second": model[2]}
    with listening(layers, lambda name, _: heard.append(name)):
        used(x)
    assert heard == ["first", "second"]
    with answering(layers, lambda _, x, y: 2 * x.sum() + 0 * y):
        torch.testing.assert_close(used(x), torch.full((2, 4), 2 * 8 * float(torch.tanh(torch.tensor(16.0)))))
    torch.testing.assert_close(used(x), model(x))
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers.values())


def test_every_module_is_back_in_its_mode_also_after_an_error() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval(), nn.Linear(2, 2))

    @evaluating(model)
    def fail() -> None:
        assert not any(module.training for module in model.modules())
        model[2] = nn.Sequential(nn.Linear(2, 2)).eval()
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [module.training for module in model] == [True, False, True]
    assert not model[1][1].training
    assert model[2][0].training  # what stands where another stood is in its mode
