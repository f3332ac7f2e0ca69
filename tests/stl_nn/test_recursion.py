"""Strassen's scheme in the channels: the layer of the composed encoder, at every depth, size and precision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.library import opcheck
from torch.utils.flop_counter import FlopCounterMode

from stl_algebra import InvalidInput, TileEncoder, kronecker
from stl_nn import EncoderTensors, STLLinear, convert, encode_weight, revert, stl_matmul
from stl_nn.calibration import Calibration
from stl_nn.conversion import multiplications
from stl_nn.cpu import matmul as cpu_matmul
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder, relative

sizes = st.integers(1, 21)


def composed(encoder: TileEncoder, depth: int) -> TileEncoder:
    for _ in range(depth):
        encoder = kronecker(STRASSEN, encoder)
    return encoder


@settings(max_examples=25)
@given(
    rows=sizes, inner=sizes, columns=sizes, depth=st.integers(0, 2), backend=st.sampled_from(["kernels", "reference"])
)
def test_it_is_the_layer_of_the_composed_encoder(rows: int, inner: int, columns: int, depth: int, backend: str) -> None:
    linear, x = nn.Linear(inner, columns, dtype=torch.float64), torch.randn(rows, inner, dtype=torch.float64)
    encoder = random_encoder(2, 3, 1, 5)
    layer = STLLinear.from_linear(linear, encoder, LayerOptions(depth=depth))
    whole = STLLinear.from_linear(linear, composed(encoder, depth))
    layer.backend = backend
    torch.testing.assert_close(layer.encoded_weight, whole.encoded_weight)
    torch.testing.assert_close(layer(x), whole(x))


@pytest.mark.parametrize("depth", [1, 2])
def test_gradients_are_those_of_the_composed_encoder(depth: int) -> None:
    linear, x = nn.Linear(9, 7, dtype=torch.float64), torch.randn(11, 9, dtype=torch.float64)
    encoder = random_encoder(2, 2, 3, 7)
    gradients = []
    for layer in (
        STLLinear.from_linear(linear, encoder, LayerOptions(depth=depth), activation="gelu"),
        STLLinear.from_linear(linear, composed(encoder, depth), activation="gelu"),
    ):
        entered = x.clone().requires_grad_()
        layer(entered).square().sum().backward()
        gradients.append((entered.grad, layer.encoded_weight.grad, layer.bias.grad))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_learnable_encoder_gets_its_gradient(backend: str) -> None:
    layer = STLLinear(
        6, 5, random_encoder(2, 2, 2, 6), LayerOptions(learnable=True, on_the_fly=True, depth=1), dtype=torch.float64
    )
    layer.backend = backend
    x = torch.randn(7, 6, dtype=torch.float64)

    def loss(*factors: torch.Tensor) -> torch.Tensor:
        tensors = EncoderTensors(layer.format, *factors, depth=1)
        weight = encode_weight(layer.weight.detach().T, tensors)
        return stl_matmul(x, weight, tensors, out_features=5, backend=backend)

    factors = [tensor.detach().requires_grad_() for tensor in (layer.encode_x, layer.encode_w, layer.decode)]
    assert torch.autograd.gradcheck(loss, factors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_panels_and_precisions(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    linear, x = nn.Linear(40, 24).to(dtype), torch.randn(70, 40, dtype=dtype)
    layer = STLLinear.from_linear(linear, STRASSEN2, LayerOptions(depth=1))
    whole = layer(x)
    assert relative(whole, linear(x)) < (1e-9 if dtype == torch.float32 else 1e-3)
    monkeypatch.setattr(cpu_matmul, "PANEL_BYTES", 20000)
    assert relative(layer(x), whole) < 1e-5


def test_opcheck_compiler_and_flops() -> None:
    layer, x = STLLinear.from_linear(nn.Linear(12, 8), STRASSEN, LayerOptions(depth=1)), torch.randn(10, 12)
    tensors = layer.encoder_tensors()
    args = (x, layer.encoded_weight.detach(), tensors.encode_x, tensors.decode, None, [2, 2, 2], 8, "none", False, 1)
    opcheck(torch.ops.stl.matmul.default, args)
    compiled = torch.compile(layer, fullgraph=True)
    for rows in (10, 3):
        torch.testing.assert_close(compiled(x[:rows]), layer(x[:rows]))
    whole = STLLinear.from_linear(nn.Linear(12, 8), composed(STRASSEN, 1))
    with FlopCounterMode(display=False) as ours:
        layer(x)
    with FlopCounterMode(display=False) as theirs:
        whole(x)
    assert ours.get_total_flops() < theirs.get_total_flops()


def test_layers_that_read_one_input_share_its_channels() -> None:
    first, second = (nn.Linear(16, size) for size in (8, 12))
    layers = [STLLinear.from_linear(linear, STRASSEN, LayerOptions(depth=2)) for linear in (first, second)]
    STLLinear.group(layers)
    x = torch.randn(9, 16)
    for linear, layer in zip((first, second), layers, strict=True):
        torch.testing.assert_close(layer(x), linear(x), atol=1e-4, rtol=1e-4)
    with pytest.raises(InvalidInput, match="a depth of 2 and another of 1"):
        STLLinear.group([layers[0], STLLinear(16, 8, STRASSEN, LayerOptions(depth=1))])


def test_conversion_reports_the_whole_tile_and_goes_back() -> None:
    model = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 8))
    x, weight = torch.randn(40, 32), model[0].weight.detach().clone()
    expected = model(x)
    report = convert(model, STRASSEN, LayerOptions(depth=2))
    assert [(layer.tile, layer.rank, layer.multiplications) for layer in report.converted] == [
        ("8x8x8", 343, (7 / 8) ** 3)
    ] * 2
    assert report.multiplications == multiplications(32, 16, STRASSEN, 2) == (7 / 8) ** 3
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)
    assert "2 levels of Strassen" in repr(model)
    revert(model)
    torch.testing.assert_close(model[0].weight, weight, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("level", ["moments", "refit"])
def test_calibration_does_not_see_the_depth(level: str) -> None:
    torch.manual_seed(0)
    inputs, encoder = torch.randn(600, 16), random_encoder(2, 2, 2, 6)
    models = [nn.Sequential(nn.Linear(16, 8)) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    reports = [
        convert(model, encoder, LayerOptions(depth=depth), calibration=Calibration([inputs], level))
        for model, depth in zip(models, (0, 1), strict=True)
    ]
    torch.testing.assert_close(models[0](inputs), models[1](inputs), atol=1e-4, rtol=1e-4)
    flat, deep = (report.converted[0] for report in reports)
    assert deep.calibrated_error == pytest.approx(flat.calibrated_error, rel=1e-6)
    assert (flat.tile, deep.tile) == ("2x2x2", "4x4x4")
    assert deep.multiplications == pytest.approx(flat.multiplications * 7 / 8)


@settings(max_examples=20)
@given(inner=sizes, columns=sizes, before=st.integers(0, 2), after=st.integers(0, 2))
def test_a_layer_is_the_same_at_every_depth(inner: int, columns: int, before: int, after: int) -> None:
    linear, x = nn.Linear(inner, columns, dtype=torch.float64), torch.randn(9, inner, dtype=torch.float64)
    encoder = random_encoder(2, 3, 1, 4)
    layer = STLLinear.from_linear(linear, encoder, LayerOptions(depth=0))
    layer.encoded_weight.data.normal_()  # the encoding of no dense weight
    expected = layer(x)
    for depth in (before, after):
        layer.to_depth(depth)
        assert (
            layer.encoded_weight.shape
            == STLLinear(inner, columns, encoder, LayerOptions(depth=depth)).encoded_weight.shape
        )
        torch.testing.assert_close(layer(x), expected)


def test_a_weight_trained_at_a_depth_is_of_no_other() -> None:
    layer = STLLinear(16, 16, STRASSEN, LayerOptions(depth=1))
    layer.encoded_weight.data.normal_()
    with pytest.raises(InvalidInput, match="trained at its depth of 1"):
        layer.to_depth(0)
    assert layer.depth == 1
    frozen = STLLinear(16, 16, STRASSEN, LayerOptions(keep_dense=True))
    frozen.to_depth(1)
    assert not frozen.encoded_weight.requires_grad
    with pytest.raises(InvalidInput, match="a depth of -1"):
        frozen.to_depth(-1)


def test_a_layer_of_another_depth_leaves_its_group() -> None:
    linears = [nn.Linear(16, size) for size in (8, 12)]
    layers = [STLLinear.from_linear(linear, STRASSEN, LayerOptions(depth=2)) for linear in linears]
    STLLinear.group(layers)
    layers[0].to_depth(0)
    x = torch.randn(9, 16)
    for linear, layer in zip(linears, layers, strict=True):
        torch.testing.assert_close(layer(x), linear(x), atol=1e-4, rtol=1e-4)


def test_the_state_of_another_depth_is_refused() -> None:
    state = STLLinear(8, 8, STRASSEN, LayerOptions(depth=1)).state_dict()
    with pytest.raises(InvalidInput, match="at another depth than its 0"):
        STLLinear(8, 8, STRASSEN).load_state_dict(state)


@pytest.mark.parametrize("depth", [-1, 9, 1.0, "1", None])
def test_what_is_no_depth_is_refused(depth: object) -> None:
    with pytest.raises(InvalidInput, match=f"a depth of {depth!r} cannot be"):
        STLLinear(8, 8, STRASSEN, LayerOptions(depth=depth))
