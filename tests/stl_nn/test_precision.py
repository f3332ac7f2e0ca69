"""What a layer promises at its precision: an encoder that fits it, and numbers within its range."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from catalog import Catalog
from stl_algebra import InvalidInput, TileEncoder
from stl_nn import Calibration, STLLinear, convert, stl_matmul
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder, relative


def of_large_growth(scale: float = 1000.0) -> TileEncoder:
    """Strassen's scheme twice, and two large products that cancel: exact, and only as good as its precision."""
    x, w, d = STRASSEN2.encode_x, STRASSEN2.encode_w, STRASSEN2.decode
    one = np.full((2, 16), scale)
    return TileEncoder(STRASSEN2.format, np.vstack([x, one]), np.vstack([w, one]), np.hstack([d, [[1, -1]] * 16]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("calibration", [None, Calibration([torch.randn(64, 16)])])
def test_an_encoder_for_a_higher_precision_is_refused(dtype: torch.dtype, calibration: Calibration | None) -> None:
    model = nn.Sequential(nn.Linear(16, 16))
    encoder, name = of_large_growth(), {torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    assert convert(copy.deepcopy(model), encoder).converted
    before = copy.deepcopy(model.to(dtype).state_dict())
    way_out = rf'best\(tile=4, rank=51, precision="{name}"\)'
    with pytest.raises(
        InvalidInput, match=rf"'0' is a layer in {name}, .* leaving products out errs by 0.203; .*{way_out}"
    ):
        convert(model, encoder, calibration=calibration)
    assert all(torch.equal(before[key], one) for key, one in model.state_dict().items())


@pytest.mark.parametrize("rank", [36, 40, 44, 47])
def test_the_encoder_that_the_refusal_names_is_taken(rank: int) -> None:
    model = nn.Sequential(nn.Linear(16, 16)).bfloat16()
    with pytest.raises(InvalidInput) as refused:
        convert(copy.deepcopy(model), Catalog.default().best(tile=4, rank=rank, precision="fp32"))
    assert f'best(tile=4, rank={rank}, precision="bf16")' in str(refused.value)
    assert convert(model, Catalog.default().best(tile=4, rank=rank, precision="bf16")).converted


def test_a_rectangular_format_is_named_as_the_catalog_reads_it() -> None:
    encoder = random_encoder(2, 3, 4, 20)
    scaled = TileEncoder(encoder.format, 1e3 * encoder.encode_x, 1e3 * encoder.encode_w, encoder.decode)
    with pytest.raises(InvalidInput, match=r'best\(tile="2x3x4", rank=20, precision="bf16"\)'):
        convert(nn.Sequential(nn.Linear(12, 12)).bfloat16(), scaled)


@pytest.mark.parametrize("encoder", [STRASSEN, random_encoder(4, 4, 4, 32)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_what_rounding_does_not_spoil_is_taken(encoder: TileEncoder, dtype: torch.dtype) -> None:
    assert convert(nn.Sequential(nn.Linear(16, 16)).to(dtype), encoder).converted


BEST = {rank: Catalog.default().best(tile=4, rank=rank, precision="fp16") for rank in (32, 36, 40, 44, 47)}


def finite_where_dense_is(options: LayerOptions, encoder: TileEncoder, backend: str) -> tuple[nn.Linear, STLLinear]:
    dense = nn.Linear(16, 16).half()
    dense.weight.data /= 16  # so that the outputs stay in range
    layer = STLLinear.from_linear(dense, encoder, options)
    layer.backend = backend
    return dense, layer


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("rank", BEST)
@pytest.mark.parametrize(
    "options", [LayerOptions(), LayerOptions(depth=1), LayerOptions(on_the_fly=True), LayerOptions(learnable=True)]
)
@pytest.mark.parametrize("largest", [1.0, 16000.0, 30000.0, 65504.0])
def test_float16_is_finite_wherever_the_dense_layer_is(
    backend: str, rank: int, options: LayerOptions, largest: float
) -> None:
    dense, layer = finite_where_dense_is(options, BEST[rank], backend)
    x = largest * torch.randn(24, 16).sign().half()
    assert dense(x).isfinite().all()
    assert layer(x).isfinite().all()
    assert layer.input_range(torch.float16) == torch.finfo(torch.float16).max
    assert relative(layer(x), dense(x)) < 0.5


@pytest.mark.parametrize("grouped", [False, True])
def test_a_scaled_layer_computes_what_it_did(grouped: bool) -> None:
    layers = [finite_where_dense_is(LayerOptions(), BEST[47], "auto")[1] for _ in range(2)]
    x = torch.randn(24, 16).half()
    unscaled = [one.encoder_tensors()._replace(bounded=True) for one in layers]
    expected = [
        stl_matmul(x, one.encoded_weight, own, bias=one.bias) for one, own in zip(layers, unscaled, strict=True)
    ]
    if grouped:
        STLLinear.group(layers)
    for layer, y in zip(layers, expected, strict=True):
        assert layer.encoder_tensors_within(x.dtype).encode_x.abs().sum(1).max() <= 1
        torch.testing.assert_close(layer(x), y, rtol=2e-3, atol=2e-3)


def test_gradients_in_float16_have_the_range_of_the_dense_layer() -> None:
    for rank, encoder in BEST.items():
        dense, layer = finite_where_dense_is(LayerOptions(learnable=True), encoder, "auto")
        x = torch.randn(8, 16).half().requires_grad_()
        (to_x,) = torch.autograd.grad(dense(x), x, torch.full((8, 16), 30000.0).half())
        found = torch.autograd.grad(layer(x), (x, layer.encode_x), torch.full((8, 16), 30000.0).half())
        assert to_x.isfinite().all()
        assert all(one.isfinite().all() for one in found), rank


def test_gradients_in_float16_are_those_of_float32() -> None:
    layer = STLLinear(16, 16, BEST[47], LayerOptions(learnable=True, depth=1))
    x, grad = torch.randn(24, 16), torch.randn(24, 16)
    whole = torch.autograd.grad(layer(x), list(layer.parameters()), grad)
    half = layer.half()
    found = torch.autograd.grad(half(x.half()), list(half.parameters()), grad.half())
    for one, expected in zip(found, whole, strict=True):
        assert relative(one, expected) < 1e-2


def test_what_is_kept_follows_the_coefficients() -> None:
    _, layer = finite_where_dense_is(LayerOptions(), BEST[47], "auto")
    x = 20000 * torch.randn(8, 16).sign().half()
    with torch.inference_mode():
        layer(x)
    first = layer.encoder_tensors_within(torch.float16)
    assert layer.encoder_tensors_within(torch.float16) is first
    assert not first.decode.is_inference()
    layer.encode_x.mul_(4)
    assert layer.encoder_tensors_within(torch.float16) is not first
    layer.encode_x.div_(4)
    layer.to_depth(1)
    assert layer(x).isfinite().all()
    torch.testing.assert_close(copy.deepcopy(layer)(x), layer(x))
    assert layer.float()(x.float()).isfinite().all()
    assert "kept" not in " ".join(layer.state_dict())


def test_the_range_of_other_dtypes_is_that_of_the_encoder() -> None:
    layer = STLLinear(4, 4, STRASSEN)
    assert layer.input_range(torch.float32) == torch.finfo(torch.float32).max / 2
    assert layer.input_range(torch.bfloat16) == pytest.approx(torch.finfo(torch.bfloat16).max / 2)


def test_weights_that_leave_float16_once_encoded_are_refused() -> None:
    model = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 16)).half()
    model[0].weight.data.fill_(60000)
    report = convert(model, STRASSEN2)
    assert isinstance(model[0], nn.Linear)
    assert isinstance(model[1], STLLinear)
    assert "float16" in str(report)
