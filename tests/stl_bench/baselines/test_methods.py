"""One contract for every baseline: shapes, budget, bias, determinism, and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_bench.baselines import BASELINES, convert_baseline, multiplications
from stl_nn.calibration import InputMoments, gather_moments


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64, bias=False))


def _calibrated(model: nn.Module) -> dict[str, InputMoments]:
    torch.manual_seed(1)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return gather_moments(layers, [torch.randn(400, 64) for _ in range(2)], model)


@pytest.mark.parametrize("method", BASELINES)
def test_every_method_keeps_shapes_and_budget_and_repeats_itself(method: str) -> None:
    model = _model()
    moments = _calibrated(model)
    first, second = copy.deepcopy(model), copy.deepcopy(model)
    done = convert_baseline(first, method, 0.5, moments=moments, seed=3)
    convert_baseline(second, method, 0.5, moments=moments, seed=3)
    assert all(one.replacement is not None for one in done)
    taken = multiplications(method, done)
    assert 0.35 < taken <= 0.5
    x = torch.randn(2, 5, 64)
    assert first(x).shape == (2, 5, 64)
    assert torch.equal(first(x), second(x))
    assert not torch.equal(first(x), model(x))


@pytest.mark.parametrize("method", BASELINES)
def test_every_method_takes_what_a_linear_layer_does(method: str) -> None:
    model = _model()
    moments = _calibrated(model)
    model.requires_grad_(False)
    convert_baseline(model, method, 0.5, moments=moments)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model(torch.zeros(0, 5, 64)).shape == (0, 5, 64)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(torch.randn(3, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize("method", BASELINES)
def test_the_model_is_untouched_where_moments_are_missing(method: str) -> None:
    model = _model()
    if BASELINES[method].needs_moments:
        with pytest.raises(InvalidInput, match="gather_moments"):
            convert_baseline(model, method)
        assert type(model[0]) is nn.Linear
    else:
        convert_baseline(model, method)


def test_layers_that_do_not_fit_are_left_and_counted_whole() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))
    done = convert_baseline(model, "magnitude24")
    assert "needs a multiple of 4 input features" in done[0].reason
    assert multiplications("magnitude24", done) == (24 + 8) / 40


def test_unknown_methods_and_ratios_are_refused() -> None:
    with pytest.raises(InvalidInput, match="choose one of svd"):
        convert_baseline(_model(), "magic")
    with pytest.raises(InvalidInput, match="above 0"):
        convert_baseline(_model(), "svd", 0.0)
