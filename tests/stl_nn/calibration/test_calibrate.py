"""Whole models: dense or converted inputs, patterns, budgets, and loaders that are no good."""

from __future__ import annotations

import copy
from importlib import import_module
from itertools import product

import pytest
import torch
from torch import nn

from stl_algebra import Format, InvalidInput, TileEncoder, classical, kronecker, strassen
from stl_nn.calibration import (
    CalibratedLayer,
    CalibratedLinear,
    Calibration,
    InputMoments,
    Level,
    Precomputed,
    calibrate,
    calibrate_linear,
    gather_moments,
)
from stl_nn.calibration.budget import comparable, spend, tradeoff
from stl_nn.conversion import convert
from tests.stl_nn.calibration.cases import inputs, truncated_strassen


class Block(nn.Module):
    """Two branches on one input, a nonlinearity, and a way out."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(8, 16), nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.down(torch.relu(self.gate(x)) * self.up(x))
        return y


@pytest.fixture
def model() -> Block:
    torch.manual_seed(0)
    return Block()


def _batches(seed: int = 0) -> list[torch.Tensor]:
    return [inputs(1500, 8, seed=seed + i) for i in range(3)]


def _error(converted: nn.Module, dense: nn.Module, seed: int = 50) -> float:
    x = inputs(3000, 8, seed=seed)
    return float(((converted(x) - dense(x)).square().sum() / dense(x).square().sum()).detach())


@pytest.mark.parametrize("sequential", [False, True])
def test_calibration_gains_end_to_end(model: Block, sequential: bool) -> None:
    free, done = copy.deepcopy(model), copy.deepcopy(model)
    convert(free, truncated_strassen())
    report = calibrate(done, truncated_strassen(), Calibration(_batches(), level="refit", sequential=sequential))
    assert [layer.name for layer in report.layers] == ["gate", "up", "down"]
    assert report.rows == 4500
    assert report.multiplications == 6 / 8
    assert isinstance(done.down, CalibratedLinear)
    assert _error(done, model) < 0.85 * _error(free, model)


@pytest.mark.parametrize("most", [0, 1 << 40])  # bytes of moments at once: one layer, all that a block has
def test_a_network_of_blocks_is_calibrated_on_the_inputs_of_the_dense_one(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(import_module("stl_nn.calibration.calibrate"), "MOMENT_BYTES", most)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Sequential(Block(), Block()), nn.Linear(8, 8))
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    moments = gather_moments(dict(layers), _batches(), model, lags=2)
    report = calibrate(copy.deepcopy(model), truncated_strassen(), Calibration(_batches(), level="refit"))
    ours = {layer.name: layer.expected_error for layer in report.layers}
    known = calibrate(
        model, truncated_strassen(), Calibration(_batches(), level="refit"), precomputed=Precomputed(moments=moments)
    )
    assert ours == {layer.name: pytest.approx(layer.expected_error, rel=1e-3) for layer in known.layers}


def test_sequential_layers_see_what_the_converted_network_makes(model: Block) -> None:
    done = copy.deepcopy(model)
    calibrate(done, truncated_strassen(), Calibration(_batches(), level="moments", sequential=True))
    seen: list[torch.Tensor] = []
    done.down.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        for batch in _batches():
            done(batch)
    torch.testing.assert_close(done.down.mean, torch.cat(seen).mean(dim=0), rtol=1e-3, atol=1e-3)


def test_patterns_choose_encoders_and_leave_the_rest(model: Block) -> None:
    report = calibrate(model, {"up": strassen(), "d*": truncated_strassen()}, Calibration(_batches(), level="joint"))
    assert {layer.name: layer.rank for layer in report.layers} == {"up": 7, "down": 6}
    assert type(model.gate) is nn.Linear


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize(
    ("batches", "words"), [([], "yields nothing"), ([torch.full((4, 8), torch.nan)], "NaN or infinity")]
)
def test_a_bad_loader_leaves_the_model_as_it_was(
    model: Block, batches: list[torch.Tensor], words: str, sequential: bool
) -> None:
    with pytest.raises(InvalidInput, match=words):
        calibrate(model, strassen(), Calibration(batches, sequential=sequential))
    assert all(type(layer) is nn.Linear for layer in (model.gate, model.up, model.down))
    assert not model.gate._forward_pre_hooks


def test_a_model_without_linear_layers_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no linear layers"):
        calibrate(nn.Sequential(nn.ReLU()), strassen(), [torch.ones(1, 1)])


def test_a_layer_that_never_runs_is_named(model: Block) -> None:
    model.spare = nn.Linear(8, 8)
    with pytest.raises(InvalidInput, match="'spare' never runs"):
        calibrate(model, strassen(), _batches())


class Experts(nn.Module):
    """The sign of the input chooses between two layers, called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.low(input=x) if x.sum() < 0 else self.high(input=x))


@pytest.mark.parametrize("sequential", [False, True])
def test_a_layer_that_a_later_batch_reaches_is_calibrated_on_that(sequential: bool) -> None:
    model, x = Experts(), inputs(300, 8).abs()
    report = calibrate(model, truncated_strassen(), Calibration([x, -2 * x], sequential=sequential))
    assert {layer.name for layer in report.layers} == {"low", "high"}
    assert isinstance(model.low, CalibratedLinear)
    assert isinstance(model.high, CalibratedLinear)
    torch.testing.assert_close(model.low.mean, -2 * x.mean(dim=0))
    torch.testing.assert_close(model.high.mean, x.mean(dim=0))


def test_batches_may_reach_none_of_the_layers() -> None:
    model, x = Experts(), inputs(300, 8).abs()
    report = calibrate(model, truncated_strassen(), [x, -x], filter_fn=lambda _, name: name == "low")
    assert report.rows == 300


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_layers_that_are_once_fed_the_same_need_not_always_be(apart: bool, sequential: bool) -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self.q(x) + self.k(y))

    model, x, y = Pair(), inputs(300, 8), inputs(300, 8) * 3 + 2
    calibrate(model, truncated_strassen(), Calibration([(x, x), (x, y if apart else x)], sequential=sequential))
    assert isinstance(model.k, CalibratedLinear)
    torch.testing.assert_close(model.k.mean, torch.cat([x, y if apart else x]).mean(dim=0))


@pytest.mark.parametrize("sequential", [False, True])
def test_every_call_of_a_layer_counts(sequential: bool) -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(3):
                x = torch.tanh(self.down(torch.tanh(self.up(x))))
            return x

    assert calibrate(Loop(), truncated_strassen(), Calibration([inputs(100, 8)], sequential=sequential)).rows == 300


@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_calibrated_in_evaluation_mode(training: bool) -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(8, 8), nn.BatchNorm1d(8).eval(), nn.Linear(8, 8)).train(training)
    model[3].train(not training)
    before, x = copy.deepcopy(model.state_dict()), inputs(300, 8)
    calibrate(model, truncated_strassen(), Calibration([x], sequential=True))
    assert isinstance(model[1], CalibratedLinear)
    torch.testing.assert_close(model[1].mean, x.mean(dim=0))
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in before if key.startswith("2."))
    modes = [{inside.training for inside in module.modules()} for module in model]
    assert modes == [{training}, {training}, {training}, {not training}]


@pytest.mark.parametrize("sequential", [False, True])
def test_an_error_on_the_way_leaves_the_model_as_it_was(sequential: bool) -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Flatten(), nn.Linear(32, 8))
    model.again = model[2]  # type: ignore[assignment]
    before = dict(model.named_modules(remove_duplicate=False))

    def stop(layer: CalibratedLayer) -> None:
        if layer.name == "2":
            raise KeyboardInterrupt

    run = lambda model, x: model[2](model[1](model[0](x)))  # noqa: E731
    with pytest.raises(KeyboardInterrupt):
        calibrate(
            model,
            truncated_strassen(),
            Calibration([torch.randn(40, 8, 2, 2)], run=run, sequential=sequential, on_layer=stop),
        )
    after = dict(model.named_modules(remove_duplicate=False))
    assert before.keys() == after.keys()
    assert all(after[name] is module for name, module in before.items())
    assert all(module.training for module in after.values())


def test_moments_of_the_dense_network_are_no_use_for_a_sequential_calibration(model: Block) -> None:
    with pytest.raises(InvalidInput, match="leave out moments"):
        calibrate(
            model,
            strassen(),
            Calibration(_batches(), sequential=True),
            precomputed=Precomputed(moments=_moments(model)[1]),
        )


@pytest.mark.parametrize("swapped", [False, True])
def test_layers_are_skipped_that_all_encoders_are_refused_for(swapped: bool) -> None:
    twice = kronecker(strassen(), strassen())
    offered = [twice, strassen()] if swapped else [strassen(), twice]
    model = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 6), nn.Linear(6, 1))
    report = calibrate(model, offered, Calibration([inputs(300, 16)], level="permutation", budget=1.0))
    assert {layer.name: layer.tile for layer in report.layers}["1"] == "2x2x2"
    (skipped,) = report.skipped
    assert skipped.name == "2"
    assert ("4x4x4" if swapped else "2x2x2") in skipped.reason


def test_a_budget_counts_all_layers_alike_where_nothing_is_known_of_sensitivity(model: Block) -> None:
    layers, moments = _moments(model)
    encoders: list[TileEncoder] = [truncated_strassen(), strassen()]
    zeros = {name: torch.zeros(layer.out_features) for name, layer in layers.items()}
    chosen = choose_encoders(layers, encoders, moments, 0.82)
    assert choose_encoders(layers, encoders, moments, 0.82, sensitivity=zeros) == chosen
    with pytest.raises(InvalidInput, match=r"'up' .* so a budget cannot weigh it"):
        choose_encoders(layers, encoders, moments, 0.82, sensitivity={"gate": torch.ones(16), "down": torch.ones(8)})


def choose_encoders(
    layers: dict[str, nn.Linear],
    encoders: list[TileEncoder],
    moments: dict[str, InputMoments],
    budget: float,
    sensitivity: dict[str, torch.Tensor] | None = None,
) -> dict[str, TileEncoder]:
    known = comparable(layers, sensitivity or {})
    curves = {
        name: tradeoff(linear, encoders, moments[name], Level.PERMUTATION, sensitivity=known.get(name))
        for name, linear in layers.items()
    }
    return spend(curves, budget * sum(linear.weight.numel() for linear in layers.values()))


def _moments(model: Block) -> tuple[dict[str, nn.Linear], dict[str, InputMoments]]:
    layers = {"gate": model.gate, "up": model.up, "down": model.down}
    return layers, gather_moments(dict(layers), _batches(), model, lags=2)


@pytest.mark.parametrize("budget", [0.8, 0.9, 0.95, 1.0])
def test_the_budget_is_kept_and_well_spent(model: Block, budget: float) -> None:
    layers, moments = _moments(model)
    encoders: list[TileEncoder] = [truncated_strassen(), strassen(), classical(Format(2, 2, 2))]
    chosen = choose_encoders(layers, encoders, moments, budget)

    def cost(choice: dict[str, TileEncoder]) -> float:
        return sum(choice[n].ratio * layer.weight.numel() for n, layer in layers.items()) / 384

    errors = {
        (name, encoder): calibrate_linear(layer, encoder, moments[name], "permutation").expected_error
        for name, layer in layers.items()
        for encoder in encoders
    }

    def error(choice: dict[str, TileEncoder]) -> float:
        return sum(errors[one] for one in choice.items())

    affordable = [
        choice
        for picks in product(encoders, repeat=3)
        if cost(choice := dict(zip(layers, picks, strict=True))) <= budget + 1e-12
    ]
    assert cost(chosen) <= budget
    # Three layers of one size and two useful encoders: here the greedy choice is the best there is.
    assert error(chosen) == pytest.approx(min(map(error, affordable)), abs=1e-6)


def test_a_budget_below_the_cheapest_is_refused(model: Block) -> None:
    layers, moments = _moments(model)
    with pytest.raises(InvalidInput, match="raise the budget"):
        choose_encoders(layers, [strassen()], moments, 0.5)
