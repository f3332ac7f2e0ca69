"""The Triton path against the reference: on a GPU, or on a CPU in Triton's interpreter (TRITON_INTERPRET=1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from encoders import STRASSEN2, random_encoder, relative

from stl_algebra import TileEncoder
from stl_nn import EncoderTensors, encode_weight
from stl_nn.activation import ACTIVATIONS
from stl_nn.reference import reference_matmul
from stl_nn.tiling import decode_tiles, encode_tiles

pytest.importorskip("triton", reason="the extra 'triton' is not installed")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
runs = pytest.mark.skipif(
    not (torch.cuda.is_available() or INTERPRETED), reason="no GPU; set TRITON_INTERPRET=1 to interpret the kernels"
)
DEVICE = "cpu" if INTERPRETED else "cuda"

ENCODERS = [random_encoder(2, 3, 4, 11), random_encoder(4, 4, 4, 33), random_encoder(3, 1, 2, 5)]


@runs
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (1, 1), (7, 700)])
def test_encoding_and_decoding_agree(encoder: TileEncoder, rows: int, columns: int) -> None:
    from stl_nn.gpu.matmul import decode_on_gpu, encode_on_gpu

    n, m, _ = encoder.format
    enc = EncoderTensors.of(encoder, device=DEVICE)
    x = torch.randn(rows, columns, device=DEVICE)
    channels = encode_on_gpu(x, enc.encode_x, n, m)
    torch.testing.assert_close(channels, encode_tiles(x, enc.encode_x, n, m), atol=1e-5, rtol=1e-5)
    back = decode_on_gpu(channels, enc.encode_x.T, n, m, torch.empty_like(x))
    torch.testing.assert_close(
        back, decode_tiles(channels, enc.encode_x.T, n, m)[:rows, :columns], atol=1e-4, rtol=1e-5
    )


@runs
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_operator_agrees_with_the_reference(dtype: torch.dtype, activation: str) -> None:
    from stl_nn.gpu.matmul import matmul_on_gpu

    enc = EncoderTensors.of(STRASSEN2, device=DEVICE)
    x, w = torch.randn(21, 30).to(DEVICE, dtype), torch.randn(30, 19).to(DEVICE, dtype)
    bias, weight = torch.randn(19).to(DEVICE, dtype), encode_weight(w, enc)
    expected = reference_matmul(x, weight, enc, 19, bias=bias, activation=activation)
    for panel in (None, 8):
        y = matmul_on_gpu(x, weight, enc, 19, bias=bias, activation=activation, panel_rows=panel)
        assert y.dtype == dtype
        # Both round the encoded operands, and sums in another order may round one the other way. The interpreter
        # cuts bfloat16 off instead of rounding: twice the rms error.
        bound = {torch.float32: 1e-9, torch.bfloat16: 4 * STRASSEN2.error_at("bf16"), torch.float16: 1e-5}[dtype]
        assert relative(y, expected) < bound


@runs
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_strassens_scheme_in_the_channels_agrees_with_the_reference(dtype: torch.dtype, depth: int) -> None:
    from stl_nn.gpu.matmul import matmul_on_gpu

    enc = EncoderTensors.of(STRASSEN2, device=DEVICE, depth=depth)
    x, w, bias = (torch.randn(*shape).to(DEVICE, dtype) for shape in ((21, 30), (30, 19), (19,)))
    weight = encode_weight(w, enc)
    expected = reference_matmul(x, weight, enc, 19, bias=bias, activation="gelu")
    for panel in (None, enc.tile.n):
        y = matmul_on_gpu(x, weight, enc, 19, bias=bias, activation="gelu", panel_rows=panel)
        bound = {torch.float32: 1e-9, torch.bfloat16: 8 * 4**depth * STRASSEN2.error_at("bf16")}[dtype]
        assert relative(y, expected) < bound


@runs
def test_strided_and_empty_inputs() -> None:
    from stl_nn.gpu.matmul import encode_on_gpu, matmul_on_gpu

    enc = EncoderTensors.of(ENCODERS[1], device=DEVICE)
    x = torch.randn(20, 16, device=DEVICE)
    for view in (x.T, x[::2], x[:, 3:11]):
        expected = encode_tiles(view, enc.encode_x, 4, 4)
        torch.testing.assert_close(encode_on_gpu(view, enc.encode_x, 4, 4), expected, atol=1e-5, rtol=1e-5)
    weight = torch.randn(33, 4, 2, device=DEVICE)
    assert matmul_on_gpu(x[:0], weight, enc, 7, bias=None, activation="none").shape == (0, 7)


def test_panels_are_alike_and_hold_all_rows() -> None:
    from stl_nn.gpu import matmul

    weight = torch.empty(32, 1024, 1024, device="meta")
    for rows in (1, 4, 1000, 16384):
        taken = matmul._panel_tile_rows(torch.empty(rows, 4096, device="meta"), weight, 4)
        tile_rows = -(-rows // 4)
        assert taken <= max(tile_rows, 1)
        assert taken * -(-tile_rows // taken) - tile_rows < taken
        assert taken >= min(tile_rows, matmul.LEAST_TILE_ROWS) // 2


@pytest.mark.skipif(INTERPRETED, reason="TRITON_INTERPRET=1 replaces the compiler")
@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_the_kernels_compile_to_machine_code_without_a_gpu(dtype: str) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from stl_nn.gpu.kernels import decode_kernel, encode_kernel

    shape = {"HEIGHT": 4, "WIDTH": 4, "POSITIONS": 16, "BLOCK": 128, "GROUP": 32, "PRECISION": "tf32x3"}
    pointers = {"x": dtype, "weights": "fp32", "channels": "fp32", "bias": dtype, "out": dtype}
    for kernel, more in ((encode_kernel, {}), (decode_kernel, {"ACTIVATION": "gelu", "HAS_BIAS": True})):
        constants = {**shape, **more}
        signature = {
            name: "constexpr" if name in constants else f"*{pointers[name]}" if name in pointers else "i32"
            for name in kernel.arg_names
        }
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        built = triton.compile(source, target=GPUTarget("cuda", 90, 32))
        assert "mma" in built.asm["ptx"]  # tensor cores
        assert ".local" not in built.asm["ptx"]  # nothing spilled


@runs
def test_the_benchmark_measures_both_kinds_of_channels() -> None:
    from benchmarks.gpu_layer import measure

    found = measure(STRASSEN2, 32, torch.bfloat16, repeats=1, device=DEVICE)
    wide, reduced = found["float32_channels"], found["reduced_channels"]
    # Rounding the channels too adds half as much again.
    assert reduced["measured_error"] > wide["measured_error"]
    assert set(wide["seconds"]) >= {"dense", "chosen", "encode", "products", "decode", "panel_all"}


def test_the_benchmark_says_so_where_there_is_no_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    script = Path(__file__).parents[2] / "benchmarks" / "gpu_layer.py"
    outcome = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0
    assert "nothing recorded" in outcome.stdout
