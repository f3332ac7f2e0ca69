"""Going on from where the last pass ended gives the moments of whole passes, and falls back where it would not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stl_nn.calibration.gathering import gather_moments
from stl_nn.calibration.moments import InputMoments
from stl_nn.calibration.stages import Stages

WIDTH = 4


class Block(nn.Module):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.up, self.down = nn.Linear(WIDTH, 6), nn.Linear(6, WIDTH)

    def forward(self, x: Tensor, scale: Tensor, *, shift: float = 0.0) -> tuple[Tensor, str]:
        return x + scale * self.down(torch.relu(self.up(x) + shift)), "weights"


class InPlaceBlock(Block):
    """It changes its input in place, before its layers run."""

    def forward(self, x: Tensor, scale: Tensor, *, shift: float = 0.0) -> tuple[Tensor, str]:
        return super().forward(x.mul_(1.5), scale, shift=shift)


class CountingBlock(Block):
    """From its third call on it does something else."""

    calls = 0

    def forward(self, x: Tensor, scale: Tensor, *, shift: float = 0.0) -> tuple[Tensor, str]:
        self.calls += 1
        return super().forward(x, scale, shift=shift + max(self.calls - 2, 0))


class CachingBlock(Block):
    """It adds to what it finds in its place in a cache."""

    def forward(self, x: Tensor, scale: Any, *, shift: float = 0.0) -> tuple[Tensor, str]:
        cache: dict[int, Tensor] = scale
        cache[self.number] = cache.get(self.number, torch.zeros(())) + self.up(x)
        return x + self.down(torch.relu(cache[self.number] + shift)), "weights"


class Network(nn.Module):
    """Blocks in a list, with a layer before and one behind them."""

    block = Block

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(2, WIDTH), nn.Linear(WIDTH, 3)
        self.blocks = nn.ModuleList(self.block(i) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        h, scale = self.embed(x), x.mean()
        for i, block in enumerate(self.blocks):
            h = self.step(i, block, h, scale)
        return torch.as_tensor(self.head(h))

    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        return torch.as_tensor(block(h, scale, shift=0.5)[0])


class InPlace(Network):
    block = InPlaceBlock


class Counting(Network):
    block = CountingBlock


class OwnCache(Network):
    """Each block has a place of its own in the cache that they are given, which is empty at first."""

    block = CachingBlock

    def forward(self, x: Tensor) -> Tensor:
        h, cache = self.embed(x), dict[int, Tensor]()
        for block in self.blocks:
            h = block(h, cache)[0]
        return torch.as_tensor(self.head(h))


class ByNumber(Network):
    """Each block is told its number: what the first one is given is not what the second one needs."""

    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:
        return torch.as_tensor(block(h, scale, shift=float(i))[0])


class Twice(Network):
    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        return torch.as_tensor(block(block(h, scale)[0], scale)[0])


class Between(Network):
    """Something happens between the blocks."""

    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        return torch.as_tensor(block(h, scale)[0]) * 1.5


class ByName(Network):
    """The blocks are called by keyword alone."""

    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        return torch.as_tensor(block(x=h, scale=scale)[0])


class Dropping(Network):
    def step(self, i: int, block: nn.Module, h: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        return torch.nn.functional.dropout(torch.as_tensor(block(h, scale)[0]), 0.5)


class Caching(Network):
    """Each block takes in what earlier calls left in a list that the call of the network makes."""

    def forward(self, x: Tensor) -> Tensor:
        h, cache = self.embed(x), list[Tensor]()
        for block in self.blocks:
            cache.append(h)
            h = block(h, torch.stack(cache).mean())[0]
        return torch.as_tensor(self.head(h))


def _run(model: nn.Module, x: object) -> object:
    return model(x)


def _whole_pass(model: nn.Module, name: str, batches: list[Tensor], lags: int) -> InputMoments:
    return gather_moments({name: model.get_submodule(name)}, batches, model, lags, once=True)[name]


def _layers(model: Network) -> list[str]:
    inside = (f"blocks.{i}.{half}" for i in range(len(model.blocks)) for half in ("up", "down"))
    return ["embed", *inside, "head"]


def _check_against_whole_passes(model: Network, stages: Stages, batches: list[Tensor]) -> None:
    """Every layer in turn, the layers before it changed meanwhile as they are when they are replaced."""
    for name in _layers(model):
        ours = stages.moments([name], lags=2)[name]
        whole = _whole_pass(model, name, batches, lags=2)
        assert ours.count == whole.count
        torch.testing.assert_close(ours.lagged, whole.lagged)
        module = model.get_submodule(name)
        changed = nn.Linear(module.in_features, module.out_features)
        model.get_submodule(name.rpartition(".")[0]).register_module(name.rpartition(".")[2], changed)


@pytest.mark.parametrize("kind", [Network, InPlace, OwnCache])
@torch.no_grad()
def test_every_layer_has_the_inputs_of_the_network_as_it_is_by_then(kind: type[Network]) -> None:
    model, batches = kind().eval(), [torch.randn(5, 2), torch.randn(2, 3, 2)]
    stages = Stages(model, _layers(model), batches, _run)
    assert stages.blocks == ("blocks.0", "blocks.1", "blocks.2")
    _check_against_whole_passes(model, stages, batches)


@pytest.mark.parametrize("kind", [ByNumber, Twice, Between, ByName, Caching])
@torch.no_grad()
def test_blocks_that_do_not_run_by_themselves_are_passed_through_from_the_beginning(kind: type[Network]) -> None:
    model, batches = kind().eval(), [torch.randn(5, 2)] * 2
    stages = Stages(model, _layers(model), batches, _run)
    assert stages.blocks == ()
    _check_against_whole_passes(model, stages, batches)


@pytest.mark.parametrize("kind", [Dropping, Counting])
def test_what_a_call_draws_at_random_or_remembers_does_not_run_by_itself(kind: type[Network]) -> None:
    model = kind()
    assert Stages(model, _layers(model), [torch.randn(5, 2)], _run).blocks == ()


def test_a_context_that_the_caller_sets_up_does_not_get_lost() -> None:
    def run(model: nn.Module, x: object) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return model(x)

    model = Network().eval()
    assert Stages(model, _layers(model), [torch.randn(5, 2)], run).blocks == ()


def test_nothing_before_a_block_is_computed_again() -> None:
    model, calls = Network().eval(), Counter[str]()
    stages = Stages(model, _layers(model), [torch.randn(5, 2)], _run)
    for name, block in model.blocks.named_children():
        block.register_forward_pre_hook(lambda *_, name=name: calls.update([name]))
    for name in _layers(model)[1:-1]:
        stages.moments([name], lags=1)
    # Once to enter it, once for each of the two layers in it and once to leave it.
    assert calls == {"0": 4, "1": 3, "2": 2}


@pytest.mark.parametrize("kind", [Network, InPlace, OwnCache])
@torch.no_grad()
def test_a_network_that_stays_as_it_is_takes_one_pass(kind: type[Network]) -> None:
    model, batches, calls = kind().eval(), [torch.randn(5, 2), torch.randn(2, 3, 2)], Counter[str]()
    stages = Stages(model, _layers(model), batches, _run)
    for name, block in model.blocks.named_children():
        block.register_forward_hook(lambda *_, name=name: calls.update([name]))
    found: dict[str, InputMoments] = {}
    asked = [("blocks.0.up", False), ("blocks.0.down", True), ("blocks.2.up", False), ("blocks.2.down", True)]
    for layer, leave in asked:
        found |= stages.moments([layer], lags=2, leave=leave)
    assert calls == {"0": 2, "1": 2, "2": 2}  # to the end, for either batch
    for name, ours in (found | stages.moments(["blocks.1.up"], lags=2)).items():  # that one has been left behind
        torch.testing.assert_close(ours.lagged, _whole_pass(model, name, batches, lags=2).lagged)


def test_the_list_with_most_of_the_layers_is_taken() -> None:
    body = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(4)))
    model = nn.Sequential(nn.Linear(2, 2), body, nn.Linear(2, 2))
    layers = ["0", *(f"1.{i}.0" for i in range(4)), "2"]
    assert Stages(model, layers, [torch.randn(3, 2)], _run).blocks == ("1.0", "1.1", "1.2", "1.3")


@torch.no_grad()
def test_layers_that_a_pass_calls_again_are_listened_to_until_its_end() -> None:
    model, batches = Twice().eval(), [torch.randn(5, 2)]
    repeated = [name for name in _layers(model) if name.startswith("blocks")]
    stages = Stages(model, _layers(model), batches, _run, repeated)
    assert stages.moments(["blocks.0.up"], lags=1)["blocks.0.up"].count == 10


def test_it_leaves_no_hooks_behind() -> None:
    for model in (Network(), Twice()):
        stages = Stages(model, _layers(model), [torch.randn(5, 2)], _run)
        stages.moments(["blocks.0.up"], lags=1)
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
