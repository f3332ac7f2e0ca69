"""convert and revert: what is replaced, what is skipped and why, and that failures leave the model alone."""

from __future__ import annotations

import copy
import json
import sys

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_nn import Calibration, ConversionReport, LayerReport, STLLinear, conversion, convert, replace_linears, revert
from stl_nn.options import LayerOptions
from stl_nn.pointwise import PointwiseConv
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder, relative


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Sequential(nn.Linear(32, 16, bias=False)), nn.Linear(16, 3))


def test_every_linear_layer_is_replaced_and_reported() -> None:
    model, x = network(), torch.randn(5, 16)
    before = model(x)
    report = convert(model, STRASSEN2)
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=1e-4)
    assert [layer.name for layer in report.converted] == ["0", "2.0"]
    assert isinstance(model[2][0], STLLinear)
    first = report.layers[0]
    assert (first.in_features, first.out_features, first.tile, first.rank) == (16, 32, "4x4x4", 49)
    assert first.multiplications == pytest.approx(49 / 64)
    assert first.parameters_before == 16 * 32 + 32
    assert first.parameters_after == 49 * 4 * 8 + 32 + 3 * 49 * 16
    assert first.predicted_error == STRASSEN2.error_at("fp32")
    assert "saves no multiplication" in report.skipped[0].reason
    assert "too small" in str(report)
    assert json.loads(json.dumps(report.as_json()))["converted"] == 2


class CatalogEntry:
    """What stands for an encoder."""

    encoder = STRASSEN


def test_an_entry_of_a_catalog_stands_for_its_encoder() -> None:
    for given in (CatalogEntry(), {"0": CatalogEntry(), "*": None}):
        assert convert(network(), given).layers[0].rank == 7
    assert STLLinear(8, 8, CatalogEntry()).encoder == STRASSEN
    offered = [CatalogEntry(), random_encoder(2, 2, 2, 6)]
    report = convert(network(), offered, calibration=Calibration([torch.randn(80, 16)], "permutation", budget=0.9))
    assert {layer.rank for layer in report.converted} <= {6, 7}


def test_a_filter_in_the_place_of_the_options_is_told() -> None:
    with pytest.raises(InvalidInput, match="the options of a layer are function; give LayerOptions"):
        convert(network(), STRASSEN, lambda *_: True)


def test_the_report_is_one_line_by_itself() -> None:
    assert repr(convert(network(), STRASSEN2)).startswith("ConversionReport(2 layers converted, 1 skipped; 77% of the")


def test_the_report_is_a_table_in_a_notebook() -> None:
    html = convert(network(), STRASSEN2)._repr_html_()
    assert html.count("<tr>") == 4
    assert '<td colspan="6">skipped: too small' in html
    assert "2 layers converted, 1 skipped" in html
    named = ConversionReport((LayerReport("<b>", "Linear", reason="a & b"),))._repr_html_()
    assert "&lt;b&gt;" in named
    assert "a &amp; b" in named


def test_the_filter_and_patterns_choose() -> None:
    model = network()
    report = convert(model, STRASSEN, filter_fn=lambda module, name: module.in_features == 16 and name != "3")
    assert [layer.name for layer in report] == ["0"]
    other = random_encoder(4, 4, 4, 40)
    report = convert(network(), {"0": STRASSEN, "2.*": other, "*": None})
    assert [layer.rank for layer in report] == [7, 40, None]
    assert "leaves it" in report.layers[2].reason
    assert "no encoder is mapped" in convert(network(), {"0": STRASSEN}).layers[1].reason


@pytest.mark.parametrize("keep_dense", [False, True])
def test_revert_brings_the_weights_back(keep_dense: bool) -> None:
    model, x = network(), torch.randn(5, 16)
    original = copy.deepcopy(model)
    convert(
        model,
        random_encoder(4, 4, 4, 50),
        LayerOptions(keep_dense=keep_dense, break_even_rows=1 if keep_dense else None),
    )
    assert relative(model(x), original(x)) > 0.01
    assert revert(model) == ["0", "2.0"]
    for name, parameter in original.named_parameters():
        atol = 0 if keep_dense else 1e-5
        torch.testing.assert_close(model.get_parameter(name), parameter, atol=atol, rtol=0)
    with pytest.raises(InvalidInput, match="no STLLinear layers"):
        revert(model)


def test_break_even_is_measured_once_for_every_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def pretend(linear: nn.Linear, layer: STLLinear, most: int) -> int | None:
        asked.append((linear.in_features, most))
        assert not layer.training
        return 64 if linear.in_features == 16 else None

    monkeypatch.setattr(conversion, "measure_break_even", pretend)
    model = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 16), nn.Linear(16, 8))
    report = convert(model, STRASSEN, LayerOptions(keep_dense=True))
    assert asked == [(16, 2048), (8, 2048)]
    assert [layer.break_even_rows for layer in report] == [64, sys.maxsize, 64]
    assert model[1].eval().uses_dense(10**6)
    assert model[1].training is False
    assert model[0].training
    assert "64 rows" in str(report)
    assert "any rows" in str(report)
    convert(network(), STRASSEN, LayerOptions(keep_dense=True, break_even_rows=5))
    assert len(asked) == 2


def test_the_expected_error_is_that_of_white_inputs_on_this_weight() -> None:
    linear = nn.Linear(64, 64, bias=False)
    with torch.no_grad():
        linear.weight *= torch.tensor([0.1, 1, 2, 4]).repeat(16)  # positions of unequal size: not the average weight
    model = nn.Sequential(copy.deepcopy(linear))
    (layer,) = convert(model, random_encoder(4, 4, 4, 20))
    x = torch.randn(40000, 64)
    assert relative(model(x), linear(x)) == pytest.approx(layer.expected_error, rel=0.02)
    assert layer.expected_error != pytest.approx(layer.predicted_error, rel=0.02)


def test_pointwise_convolutions_become_layers_over_channels() -> None:
    model = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2), nn.Conv2d(12, 4, 3), nn.Conv1d(4, 8, 1, groups=2))
    x = torch.randn(2, 8, 9, 7)
    expected = model[0](x)
    report = convert(model, STRASSEN)
    assert [layer.name for layer in report] == ["0"]
    assert isinstance(model[0], PointwiseConv)
    torch.testing.assert_close(model[0](x), expected, atol=1e-4, rtol=1e-4)
    assert revert(model) == ["0"]
    assert type(model[0]) is nn.Conv2d
    torch.testing.assert_close(model[0](x), expected, atol=1e-4, rtol=1e-4)


def test_the_transposed_layer_of_transformers_is_known() -> None:
    utils = pytest.importorskip("transformers.pytorch_utils")
    model, x = nn.Sequential(utils.Conv1D(12, 8)), torch.randn(3, 8)
    nn.init.normal_(model[0].weight)
    expected = model(x)
    assert convert(model, STRASSEN).layers[0].out_features == 12
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)
    revert(model)
    assert type(model[0]) is utils.Conv1D
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)


def test_layers_others_rely_on_are_skipped_with_the_reason() -> None:
    attention = nn.MultiheadAttention(8, 2)
    model = nn.ModuleDict({"self_attn": attention, "hooked": nn.Linear(8, 8), "odd": nn.Bilinear(2, 2, 2)})
    model["hooked"].register_forward_hook(lambda *_: None)
    with pytest.warns(UserWarning, match=r"ModuleDict is as it was: no .* converted; 'self_attn\.out_proj'"):
        report = convert(model, STRASSEN)
    reasons = {layer.name: layer.reason for layer in report.skipped}
    assert set(reasons) == {"self_attn.out_proj", "hooked"}
    assert "hooks" in reasons["hooked"]
    assert "MultiheadAttention" in reasons["self_attn.out_proj"]


def test_a_layer_at_two_places_stays_one_layer() -> None:
    shared = nn.Linear(8, 8)
    model = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared)})
    assert len(convert(model, STRASSEN)) == 1
    assert model["a"] is model["b"][0]
    assert isinstance(model["a"], STLLinear)


def test_training_state_and_frozen_weights_carry_over() -> None:
    model = network().eval()
    model[0].weight.requires_grad_(False)
    convert(model, STRASSEN2)
    assert not model[0].training
    assert not model[0].encoded_weight.requires_grad
    assert model[2][0].encoded_weight.requires_grad


def _leave(_: nn.Sequential) -> None:
    pass


def _poison(model: nn.Sequential) -> None:
    with torch.no_grad():
        model[2][0].weight[0, 0] = torch.nan


@pytest.mark.parametrize(
    ("spoil", "encoder", "filter_fn", "words"),
    [
        (_poison, STRASSEN, None, "weight of '2.0' holds NaN"),
        (_leave, STRASSEN, lambda *_: False, "accepts none of the 3"),
        (_leave, {"nowhere.*": STRASSEN}, None, "'nowhere.*' matches no linear layer"),
        (_leave, "strassen", None, "str is no tile encoder"),
        (lambda model: model.to("meta"), STRASSEN, None, "meta device"),
    ],
)
def test_a_conversion_that_fails_changes_nothing(spoil, encoder, filter_fn, words: str) -> None:
    model = network()
    spoil(model)
    modules = list(model.modules())
    with pytest.raises(InvalidInput, match=words):
        convert(model, encoder, filter_fn=filter_fn)
    assert all(now is then for now, then in zip(model.modules(), modules, strict=True))


def test_models_without_linear_layers_are_named() -> None:
    with pytest.raises(InvalidInput, match="Sequential has no linear layers"):
        convert(nn.Sequential(nn.ReLU()), STRASSEN)
    with pytest.raises(InvalidInput, match="itself one Linear"):
        convert(nn.Linear(4, 4), STRASSEN)


def test_baselines_share_the_walk() -> None:
    model = network()
    made = replace_linears(model, lambda _, linear: nn.Linear(linear.in_features, linear.out_features))
    assert [one.kind for one in made] == ["Linear"] * 3
    assert model[3] is made[2].replacement
