"""The registered operators against the reference path: values, gradients, opcheck, compiler, export, FLOP count."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.library import opcheck
from torch.utils.flop_counter import FlopCounterMode

from stl_algebra import InvalidInput, TileEncoder
from stl_nn import EncoderTensors, STLLinear, convert, encode_weight, stl_matmul
from stl_nn.cpu import matmul as cpu_matmul
from stl_nn.options import LayerOptions
from stl_nn.tiling import decode_tiles, encode_tiles
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder, relative

#: Levels of Strassen's scheme, and whether they are those of gradients.
LEVELS = [(0, False), (1, False), (1, True)]
ENCODERS = [random_encoder(2, 3, 4, 11), random_encoder(4, 4, 4, 32), random_encoder(3, 1, 2, 5)]


def operands(encoder: TileEncoder, rows: int, inner: int, columns: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    weight = encode_weight(torch.randn(inner, columns).to(dtype), EncoderTensors.of(encoder, dtype))
    return torch.randn(rows, inner).to(dtype), weight


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize(("rows", "inner", "columns"), [(8, 12, 8), (1, 1, 1), (7, 1500, 70), (130, 30, 600)])
def test_the_kernels_agree_with_the_reference(encoder: TileEncoder, rows: int, inner: int, columns: int) -> None:
    x, weight = operands(encoder, rows, inner, columns, torch.float64)
    bias = torch.randn(columns, dtype=torch.float64)
    found, expected = (
        stl_matmul(x, weight, encoder, out_features=columns, bias=bias, activation="gelu_tanh", backend=backend)
        for backend in ("kernels", "reference")
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_kernels_round_where_the_reference_does(dtype: torch.dtype) -> None:
    x, weight = operands(STRASSEN2, 64, 128, 64, dtype)
    found, expected = (stl_matmul(x, weight, STRASSEN2, backend=backend) for backend in ("kernels", "reference"))
    assert found.dtype == dtype
    # Sums in another order may round an encoded operand the other way once in a while; float32 has no such rounding.
    bound = (
        1e-12
        if dtype == torch.float32
        else 0.1 * STRASSEN2.error_at({torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype])
    )
    assert relative(found, expected) < bound


def test_panels_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ENCODERS[1]
    x, weight = operands(encoder, 39, 64, 32, torch.float64)
    whole = stl_matmul(x, weight, encoder)
    monkeypatch.setattr(cpu_matmul, "PANEL_BYTES", 20000)
    assert cpu_matmul.panel_height(39, 4, 32 * 24 * 8) == 12
    torch.testing.assert_close(stl_matmul(x, weight, encoder), whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ["none", "relu", "silu", "gelu", "gelu_tanh"])
def test_gradients_of_the_kernels(activation: str) -> None:
    encoder = EncoderTensors.of(ENCODERS[0], torch.float64)
    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)
    encode_x, decode = encoder.encode_x.requires_grad_(), encoder.decode.requires_grad_()

    def call(*args: Tensor) -> Tensor:
        return torch.ops.stl.matmul(*args, [2, 3, 4], 6, activation)

    assert torch.autograd.gradcheck(call, (x, weight, encode_x, decode, bias), fast_mode=activation != "none")


@pytest.mark.parametrize(("depth", "gradient"), LEVELS)
def test_gradients_of_encoding_and_decoding(depth: int, gradient: bool) -> None:
    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    encode = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    encoded = partial(torch.ops.stl.encode_tiles, height=2, width=3, depth=depth, gradient=gradient)
    assert torch.autograd.gradcheck(encoded, (x, encode))
    channels = encoded(x, encode).detach().requires_grad_()
    decode = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    size = {"height": 2, "width": 3, "rows": 5, "columns": 7}
    decoded = partial(torch.ops.stl.decode_tiles, **size, depth=depth, gradient=gradient)
    assert torch.autograd.gradcheck(decoded, (channels, decode))


@pytest.mark.parametrize(("depth", "gradient"), LEVELS)
def test_encoding_and_decoding_are_adjoint(depth: int, gradient: bool) -> None:
    encode, x = torch.randn(5, 6, dtype=torch.float64), torch.randn(7, 20, dtype=torch.float64)
    encoded = torch.ops.stl.encode_tiles(x, encode, 2, 3, depth, gradient)
    y = torch.randn_like(encoded)
    decoded = torch.ops.stl.decode_tiles(y, encode.T.contiguous(), 2, 3, 7, 20, depth, not gradient)
    torch.testing.assert_close((encoded * y).sum(), (x * decoded).sum())


def test_encoding_and_decoding_are_those_of_the_reference() -> None:
    encode, x, y = torch.randn(5, 6), torch.randn(4, 9), torch.randn(5, 2, 3)
    left = (torch.ops.stl.encode_tiles(x, encode, 2, 3) * y).sum()
    right = (x * torch.ops.stl.decode_tiles(y, encode.T.contiguous(), 2, 3, 4, 9)).sum()
    torch.testing.assert_close(left, right)
    torch.testing.assert_close(torch.ops.stl.encode_tiles(x, encode, 2, 3), encode_tiles(x, encode, 2, 3))
    torch.testing.assert_close(torch.ops.stl.decode_tiles(y, encode.T, 2, 3, 4, 9), decode_tiles(y, encode.T, 2, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck_is_clean(dtype: torch.dtype) -> None:
    encoder = EncoderTensors.of(ENCODERS[0])
    x, weight = operands(ENCODERS[0], 5, 7, 6, dtype)
    x.requires_grad_()
    weight.requires_grad_()
    bias = torch.randn(6).to(dtype)
    for activation, b in (("none", bias), ("gelu", None)):
        opcheck(torch.ops.stl.matmul, (x, weight, encoder.encode_x, encoder.decode, b, [2, 3, 4], 6, activation))
    for depth, gradient in LEVELS:
        opcheck(torch.ops.stl.encode_tiles, (x, encoder.encode_x, 2, 3, depth, gradient))
        tiles = (3, 2) if depth == 0 else (2, 1)
        channels = torch.randn(11 * 7**depth, *tiles).to(dtype).requires_grad_()
        opcheck(torch.ops.stl.decode_tiles, (channels, encoder.decode, 2, 4, 5, 6, depth, gradient))


def test_flops_are_those_of_the_channels_and_the_two_transforms() -> None:
    layer = STLLinear(64, 32, STRASSEN2)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(torch.randn(40, 64))
    channels = 2 * 49 * 10 * 16 * 8
    assert counter.get_total_flops() == channels + 2 * 49 * 16 * 10 * 16 + 2 * 16 * 49 * 10 * 8


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("options", [{}, {"on_the_fly": True}, {"depth": 1}])
def test_it_compiles_in_one_graph_with_gradients(backend: str, options: dict) -> None:
    layer = STLLinear(12, 8, random_encoder(4, 4, 4, 30), LayerOptions(**options))
    layer.backend = backend
    x = torch.randn(6, 12)
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager", dynamic=True)
    for rows in (6, 7):
        expected, found = layer(x[:rows]), compiled(x[:rows])
        torch.testing.assert_close(found, expected)
    layer(x).sum().backward()
    compiled(x).sum().backward()
    name = "weight" if options.get("on_the_fly") else "encoded_weight"
    gradients = layer.get_parameter(name).grad, compiled._orig_mod.get_parameter(name).grad
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("depth", [0, 1])
def test_export_needs_nothing_of_this_project(depth: int) -> None:
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 8)).eval()
    convert(model, STRASSEN, LayerOptions(depth=depth))
    program = torch.export.export(model, (torch.randn(6, 12),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    assert not any("stl" in str(node.target) for node in program.graph.nodes)
    for given in (1, 4, 11):
        x = torch.randn(given, 12)
        torch.testing.assert_close(program.module()(x), model(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("depth", [0, 1])
def test_onnx_runs_elsewhere(tmp_path, depth: int) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
    pytest.importorskip("onnxscript", reason="the extra 'onnx' is not installed")
    model, x = (
        nn.Sequential(STLLinear(12, 8, random_encoder(4, 4, 4, 30), LayerOptions(depth=depth))).eval(),
        torch.randn(6, 12),
    )
    path = tmp_path / "layer.onnx"
    rows = torch.export.Dim("rows", min=1, max=1024)
    torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=({0: rows},), verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for rows_given in (6, 9):
        x = torch.randn(rows_given, 12)
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), model(x).detach(), atol=1e-5, rtol=1e-5)


def test_kernels_that_are_not_there_are_refused() -> None:
    x = torch.zeros(2, 4, device="meta")
    with pytest.raises(InvalidInput, match="no kernels for meta"):
        stl_matmul(
            x, torch.zeros(7, 2, 2, device="meta"), EncoderTensors.of(STRASSEN, device="meta"), backend="kernels"
        )
    with pytest.raises(InvalidInput, match="unknown backend"):
        stl_matmul(torch.zeros(2, 4), torch.zeros(7, 2, 2), STRASSEN, backend="cublas")
