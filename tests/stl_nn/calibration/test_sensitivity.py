"""Sensitivities of layers: against closed forms, against what noise does, and what they leave untouched."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from stl_algebra import InvalidInput, strassen
from stl_nn.calibration import Calibration, sampled_likelihood, sampled_squares, sensitivities
from stl_nn.calibration.sensitivity import usual_probe
from stl_nn.conversion import convert
from tests.stl_nn.calibration.cases import inputs, truncated_strassen


def _run(model: nn.Module, batch: Any) -> Any:
    return model(batch)


def _linears(model: nn.Module) -> dict[str, nn.Linear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}


@pytest.fixture
def classifier() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 12, bias=False), nn.ReLU(inplace=True), nn.Linear(12, 5)
    )


def test_squares_of_a_linear_network_have_the_closed_form() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 4, bias=False))
    batches = [inputs(100, 6, seed=seed).float() for seed in range(100)]
    found = sensitivities(model, _linears(model), batches, _run, sampled_squares, rows=10_000)
    columns = model[1].weight.detach().double().square().sum(dim=0)
    torch.testing.assert_close(found["0"], columns, rtol=0.15, atol=0)
    # The last layer is the output: an error in it is the error.
    torch.testing.assert_close(found["1"], torch.ones(4, dtype=torch.float64), rtol=0.15, atol=0)


def test_they_foretell_the_divergence_that_another_weight_makes(classifier: nn.Sequential) -> None:
    batches, error = [inputs(100, 8, seed=seed).float() for seed in range(100)], 1e-4
    found = sensitivities(classifier, _linears(classifier), batches, _run, sampled_likelihood, rows=10_000)
    batch = torch.cat(batches)
    with torch.no_grad():
        before = classifier(batch).log_softmax(1)
        for name, layer in _linears(classifier).items():
            for channel in (0, layer.out_features - 1):

                def noisy(_: nn.Module, args: tuple[Tensor], y: Tensor, at: int = channel) -> Tensor:
                    made = _white(args[0]) @ torch.randn(args[0].shape[1])
                    y = y.clone()
                    y[:, at] += (error / made.square().mean()).sqrt() * made
                    return y

                hook = layer.register_forward_hook(noisy)
                after = [classifier(batch).log_softmax(1) for _ in range(50)]
                hook.remove()
                apart = [functional.kl_div(one, before, log_target=True, reduction="batchmean") for one in after]
                foretold = float(found[name][channel])
                assert 2 * float(torch.stack(apart).mean()) / error == pytest.approx(foretold, rel=0.25), name


def _white(x: Tensor) -> Tensor:
    """Inputs (T, K) in coordinates in which they are alike in all directions, but for those they hardly vary in."""
    centred = x - x.mean(0)
    second = centred.T @ centred / len(x)
    factor = torch.linalg.cholesky(second + 1e-2 * second.diagonal().mean() * torch.eye(len(second)))
    return torch.linalg.solve_triangular(factor, centred.T, upper=False).T


@pytest.mark.parametrize("alike", [True, False])
def test_errors_of_rows_that_are_averaged_add_up_where_the_rows_are_alike(alike: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 4))
    batches = [torch.randn(1, 8).expand(50, 8) if alike else torch.randn(50, 8) for _ in range(80)]
    found = sensitivities(model, _linears(model), batches, lambda model, x: model(x).mean(dim=0, keepdim=True))["0"]
    # Of 50 rows alike nothing is averaged away, of independent ones all but a 50th.
    assert 50 * float(found.mean()) == pytest.approx(1 if alike else 1 / 50, rel=0.3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_they_hardly_depend_on_the_precision_of_the_network(classifier: nn.Sequential, dtype: torch.dtype) -> None:
    batches = [inputs(100, 8, seed=seed).float() + 3 for seed in range(5)]
    wide = sensitivities(classifier, _linears(classifier), batches, _run, sampled_squares)
    other = copy.deepcopy(classifier).to(dtype)
    found = sensitivities(other, _linears(other), [batch.to(dtype) for batch in batches], _run, sampled_squares)
    for name, value in wide.items():
        torch.testing.assert_close(found[name], value, rtol=0.1, atol=0.02 * float(value.max()))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
def test_inputs_that_do_not_vary_are_borne(classifier: nn.Sequential, constant: float) -> None:
    found = sensitivities(classifier, _linears(classifier), [torch.full((50, 8), constant)], _run)
    assert all(bool(torch.isfinite(value).all()) for value in found.values())


@pytest.mark.parametrize("frozen", [False, True])
def test_the_model_is_left_as_it_was(classifier: nn.Sequential, frozen: bool) -> None:
    classifier.requires_grad_(not frozen)
    before = copy.deepcopy(classifier.state_dict())
    found = sensitivities(classifier, _linears(classifier), [inputs(50, 8).float()], _run)
    assert all((value > 0).all() for value in found.values())
    assert all(torch.equal(before[key], value) for key, value in classifier.state_dict().items())
    assert all(p.grad is None and p.requires_grad is not frozen for p in classifier.parameters())
    assert not any(module._forward_hooks for module in classifier.modules())


def test_batches_are_read_until_there_are_rows_enough(classifier: nn.Sequential) -> None:
    read = []

    def run(model: nn.Module, batch: Tensor) -> Tensor:
        read.append(len(batch))
        return _run(model, batch)

    sensitivities(classifier, _linears(classifier), [inputs(10, 8).float()] * 9, run, rows=25)
    assert read == 2 * [10, 10, 10]  # once for the mean, once for the gradients


def test_a_run_without_gradients_is_refused_with_the_way_out(classifier: nn.Sequential) -> None:
    told = Calibration([inputs(50, 8).float()], budget=0.9, run=torch.no_grad()(_run))
    with pytest.raises(InvalidInput, match=r"take torch\.no_grad\(\) out of it"):
        convert(classifier, [truncated_strassen(), strassen()], calibration=told)
    assert not any(module._forward_hooks for module in classifier.modules())


class PartlyFrozen(nn.Module):
    """A layer that runs without gradients before one that has them."""

    def __init__(self, mode: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.frozen, self.felt, self.mode = nn.Linear(8, 8), nn.Linear(8, 8), mode

    def forward(self, x: Tensor) -> Tensor:
        with self.mode():
            x = self.frozen(x)
        return self.felt(x)


def test_layers_that_run_without_gradients_are_left_out() -> None:
    model = PartlyFrozen(torch.no_grad)
    assert set(sensitivities(model, _linears(model), [inputs(50, 8).float()], _run)) == {"felt"}
    report = convert(copy.deepcopy(model), truncated_strassen(), calibration=[inputs(400, 8).float()])
    assert [layer.rank for layer in report] == [6, 6]
    told = Calibration([inputs(50, 8).float()], budget=0.9)
    with pytest.raises(InvalidInput, match=r"'frozen' runs without gradients.*probe=None"):
        convert(model, [truncated_strassen(), strassen()], calibration=told)


def test_a_network_that_cannot_run_with_gradients_says_how_to_do_without() -> None:
    model, x = PartlyFrozen(torch.inference_mode), inputs(400, 8).float()
    with pytest.raises(InvalidInput, match="do without them by probe=None"):
        convert(model, truncated_strassen(), calibration=[x])
    assert not any(module._forward_hooks for module in model.modules())
    report = convert(model, truncated_strassen(), calibration=Calibration([x], probe=None))
    assert [layer.rank for layer in report] == [6, 6]


class Experts(nn.Module):
    """The sign of the input chooses between two layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.low, self.high = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.low(input=x) if x.sum() < 0 else self.high(x))


def test_batches_are_read_until_every_layer_has_run_and_may_reach_none() -> None:
    model, x = Experts(), torch.rand(50, 8)
    assert set(sensitivities(model, _linears(model), [x, x, -x, x], _run, rows=50)) == {"low", "high"}
    assert set(sensitivities(model, {"high": model.high}, [-x, x], _run)) == {"high"}


def test_a_layer_that_the_pass_for_gradients_alone_reaches_is_not_known() -> None:
    class Shuffled:
        """Another order each time."""

        def __init__(self, *orders: list[Tensor]) -> None:
            self.orders = iter(orders)

        def __iter__(self) -> Iterator[Tensor]:
            return iter(next(self.orders))

    model, x = Experts(), torch.rand(50, 8)
    batches = Shuffled([x, x], [x, -x])
    assert set(sensitivities(model, _linears(model), batches, _run)) == {"high"}


def test_single_rows_may_come_without_an_axis_for_them(classifier: nn.Sequential) -> None:
    rows = inputs(40, 8).float()
    apart = sensitivities(classifier, _linears(classifier), list(rows), _run, sampled_squares)
    along = sensitivities(classifier, _linears(classifier), list(rows[:, None]), _run, sampled_squares)
    for name, value in along.items():
        torch.testing.assert_close(apart[name], value)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_gradients_that_checkpoints_do_not_let_through_are_refused_with_the_way_out() -> None:
    class Checkpointed(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return torch.as_tensor(checkpoint(super().forward, x, use_reentrant=True))

    model = nn.Sequential(nn.Linear(8, 8), Checkpointed(nn.Linear(8, 8)))
    with pytest.raises(InvalidInput, match="do without them by probe=None"):
        sensitivities(model, _linears(model), [inputs(40, 8).float()], _run)


def test_a_compiled_network_that_has_run_is_felt_as_the_one_it_was_made_of(classifier: nn.Sequential) -> None:
    batch = inputs(100, 8).float()
    compiled = torch.compile(classifier, backend="eager")
    compiled(batch)
    found = sensitivities(classifier, _linears(classifier), [batch], lambda _, x: compiled(x))
    for name, value in sensitivities(classifier, _linears(classifier), [batch], _run).items():
        torch.testing.assert_close(found[name], value)


class Aside(nn.Module):
    """A network whose first output has nothing of one layer, as of an unused pooler."""

    def __init__(self) -> None:
        super().__init__()
        self.felt, self.aside = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.felt(x), self.aside(x)


def test_a_layer_that_the_probe_feels_nothing_of_gets_the_cheapest_encoder() -> None:
    model, x = Aside(), inputs(300, 8).float()
    assert not sensitivities(model, _linears(model), [x], _run)["aside"].any()
    told = Calibration([x], level="permutation", budget=0.85)
    report = convert(model, [truncated_strassen(), strassen()], calibration=told)
    assert {layer.name: layer.rank for layer in report} == {"felt": 7, "aside": 6}


def test_where_the_probe_feels_nothing_at_all_layers_count_alike() -> None:
    def blind(output: tuple[Tensor, Tensor], _: torch.Generator) -> Tensor:
        return 0 * output[0].sum()

    ranks = []
    for probe in (blind, None):
        torch.manual_seed(0)
        told = Calibration([inputs(300, 8).float()], level="permutation", budget=0.82, probe=probe)
        report = convert(Aside(), [truncated_strassen(), strassen()], calibration=told)
        ranks.append([layer.rank for layer in report])
    assert ranks[0] == ranks[1]


@pytest.mark.parametrize("shape", [(6, 1), (6,)])
def test_logits_of_one_class_are_numbers(shape: tuple[int, ...]) -> None:
    logits = torch.zeros(shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(usual_probe(SimpleNamespace(logits=logits), torch.Generator()), logits)
    assert bool(gradient.all())


@pytest.mark.parametrize("place", [0, 1])
def test_a_budget_goes_where_errors_are_felt(place: int) -> None:
    class Branches(nn.Module):
        """Two layers alike; the output feels one of them ten times as much."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = nn.Linear(8, 8)
            self.second = copy.deepcopy(self.first)

        def forward(self, x: Tensor) -> Tensor:
            felt, hardly = (self.first, self.second) if place == 0 else (self.second, self.first)
            return torch.cat([10 * felt(x), hardly(x)], dim=-1)

    told = Calibration([inputs(400, 8).float()], level="permutation", budget=0.82)
    report = convert(Branches(), [truncated_strassen(), strassen()], calibration=told)
    assert [layer.rank for layer in report] == ([7, 6] if place == 0 else [6, 7])


def test_the_probe_follows_the_kind_of_output() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3)
    assert usual_probe(SimpleNamespace(logits=logits), generator) < 0  # a log-likelihood
    for output in (logits, (torch.ones(2, dtype=torch.int64), logits), {"states": logits}):
        assert usual_probe(output, generator).shape == ()
    with pytest.raises(InvalidInput, match="holds no tensor to measure errors by; give a probe, or probe=None"):
        usual_probe("words", generator)
