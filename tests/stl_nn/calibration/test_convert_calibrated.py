"""`convert` with calibration: all kinds of layers, settings, reports, the way back, and what cannot be."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput, strassen
from stl_nn import Calibration, convert, revert
from stl_nn.calibration import CalibratedLinear
from stl_nn.options import LayerOptions
from stl_nn.pointwise import PointwiseConv
from tests.stl_nn.calibration.cases import inputs, truncated_strassen


def images(seed: int = 0) -> torch.Tensor:
    return inputs(64 * 36, 8, seed=seed).reshape(64, 6, 6, 8).movedim(3, 1)


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    head = nn.Linear(72, 4)
    return nn.Sequential(nn.Conv2d(8, 16, 1, stride=2), nn.ReLU(), nn.Conv2d(16, 8, 1), nn.Flatten(), head).eval()


def _error(converted: nn.Module, dense: nn.Module, x: torch.Tensor) -> float:
    with torch.no_grad():
        y = dense(x)
        return float((converted(x) - y).square().sum() / (y - y.mean(dim=0)).square().sum())


def test_convolutions_and_linear_layers_are_calibrated_alike(network: nn.Sequential) -> None:
    free, done = copy.deepcopy(network), copy.deepcopy(network)
    convert(free, truncated_strassen())
    report = convert(done, truncated_strassen(), calibration=[images(seed) for seed in range(4)])
    assert isinstance(done[0], PointwiseConv)
    assert _error(done, network, images(9)) < 0.6 * _error(free, network, images(9))
    assert [layer.name for layer in report] == ["0", "2", "4"]
    assert [layer.kind for layer in report] == ["Conv2d", "Conv2d", "Linear"]
    assert all(0 < layer.calibrated_error < 0.2 and layer.seconds >= 0 for layer in report)
    assert report.seconds > 0
    assert report.peak_memory > 1e6
    assert report.rows == 4 * 64  # of the last layer
    assert "calibrated on 256 rows" in str(report)
    assert report.as_json()["layers"][0]["calibrated_error"] == report.layers[0].calibrated_error


def test_the_conv1d_of_transformers_is_calibrated() -> None:
    conv1d = pytest.importorskip("transformers.pytorch_utils", reason="the extra 'models' is not installed").Conv1D
    model = nn.Sequential(conv1d(16, 8))
    nn.init.normal_(model[0].weight)
    dense = copy.deepcopy(model)
    convert(
        model,
        truncated_strassen(),
        LayerOptions(keep_dense=True),
        calibration=Calibration([inputs(500, 8)], level="moments"),
    )
    assert _error(model, dense, inputs(200, 8, seed=3)) < 0.15
    revert(model)
    assert type(model[0]) is conv1d
    torch.testing.assert_close(model[0].weight, dense[0].weight)


@pytest.mark.parametrize("bias", [True, False])
def test_a_calibrated_model_can_be_reverted_where_the_weight_was_kept(bias: bool) -> None:
    model = nn.Sequential(nn.Linear(8, 12, bias=bias), nn.ReLU(), nn.Linear(12, 4, bias=bias)).eval()
    dense, x = copy.deepcopy(model), inputs(300, 8)
    convert(model, truncated_strassen(), LayerOptions(keep_dense=True), calibration=Calibration([x], level="refit"))
    assert _error(model, dense, x) > 1e-3
    assert revert(model) == ["0", "2"]
    assert (model[0].bias is None) == (not bias)
    torch.testing.assert_close(model(x), dense(x), rtol=1e-4, atol=1e-4)


def test_a_refitted_model_without_it_cannot() -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    convert(model, truncated_strassen(), calibration=[inputs(300, 8)])
    with pytest.raises(InvalidInput, match="keep_dense=True"):
        revert(model)
    assert isinstance(model[0], CalibratedLinear)


def test_a_budget_chooses_among_encoders(network: nn.Sequential) -> None:
    told = Calibration([images()], level="permutation", budget=0.8)
    report = convert(network, [truncated_strassen(), strassen()], calibration=told)
    assert report.multiplications <= 0.8
    assert {layer.rank for layer in report} == {6, 7}


def test_what_is_skipped_is_in_the_report_with_its_reason(network: nn.Sequential) -> None:
    network.append(nn.Linear(4, 1))
    report = convert(network, truncated_strassen(), calibration=[images()])
    (skipped,) = report.skipped
    assert (skipped.name, skipped.in_features) == ("5", 4)
    assert "saves no multiplication" in skipped.reason


def test_batches_are_fed_as_loaders_give_them() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.layer(x + shift)
            return y

    x = inputs(200, 8)
    for batch in ([x, x], (x, x), {"x": x, "shift": x}):
        report = convert(Two(), strassen(), calibration=[batch])
        assert report.rows == 200


def _once() -> Iterator[torch.Tensor]:
    yield images()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"calibration": []}, "yields nothing"),
        ({"calibration": [images().fill_(torch.nan)]}, "NaN or infinity"),
        ({"calibration": _once()}, "only once"),
        ({"calibration": 3}, "int is no calibration loader"),
        ({"calibration": {"input": images()}}, r"a dict is one batch at most.*\[batch\]"),
        ({"calibration": "train"}, "a str is one batch at most"),
        ({"calibration": [images()], "options": LayerOptions(on_the_fly=True)}, "leave out learnable and on_the_fly"),
        ({"calibration": [images()], "filter_fn": lambda *_: False}, "accepts none"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(network: nn.Sequential, options: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        convert(network, truncated_strassen(), **options)
    assert [type(layer) for layer in network] == [nn.Conv2d, nn.ReLU, nn.Conv2d, nn.Flatten, nn.Linear]


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"level": "perfect"}, "'perfect'; choose one of permutation"), ({"budget": 1.5}, r"one in \(0, 1\]")],
)
def test_settings_that_cannot_be_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Calibration([1], **settings)


def test_several_encoders_need_a_budget(network: nn.Sequential) -> None:
    for options in ({}, {"calibration": [images()]}):
        with pytest.raises(InvalidInput, match="budget"):
            convert(network, [truncated_strassen(), strassen()], **options)


def test_inputs_that_are_no_numbers_to_compute_with_are_refused() -> None:
    model = nn.Sequential(nn.Linear(8, 8))
    convert(model, strassen(), calibration=[inputs(100, 8)])
    for wrong, words in ((torch.int64, "int64"), (torch.complex64, "complex64")):
        with pytest.raises(InvalidInput, match=words):
            model(torch.zeros(2, 8, dtype=wrong))
    with pytest.raises(InvalidInput, match="8 input features"):
        model(torch.zeros(2, 1))
    assert model(torch.zeros(0, 8)).shape == (0, 8)


@pytest.mark.parametrize("sequential", [False, True])
def test_inputs_far_from_zero_are_calibrated_as_those_near_it(sequential: bool) -> None:
    x, dense = torch.randn(2000, 16) * 0.5, nn.Sequential(nn.Linear(16, 16))
    errors = []
    for shift in (0, 1000):
        model = copy.deepcopy(dense)
        convert(model, truncated_strassen(), calibration=Calibration([x + shift], sequential=sequential, probe=None))
        errors.append(_error(model.double(), copy.deepcopy(dense).double(), (x + shift).double()))
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


def test_a_compiled_network_is_calibrated() -> None:
    model, x = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)), inputs(300, 8).float()
    compiled, plain = torch.compile(copy.deepcopy(model), backend="eager"), copy.deepcopy(model)
    compiled(x)
    for one in (compiled, plain):
        convert(one, truncated_strassen(), calibration=[x])
    torch.testing.assert_close(compiled(x), plain(x))
