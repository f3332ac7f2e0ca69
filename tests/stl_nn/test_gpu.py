"""The Triton path against the reference: on a GPU, or on a CPU in Triton's interpreter (TRITON_INTERPRET=1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stl_algebra import TileEncoder
from stl_nn import EncoderTensors, encode_weight
from stl_nn.activation import ACTIVATIONS
from stl_nn.recursion import DECODE, ENCODE_X, transposed
from stl_nn.reference import reference_matmul
from stl_nn.tiling import decode_tiles, encode_tiles
from tests.stl_nn.encoders import STRASSEN2, random_encoder, relative

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
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
def test_levels_of_strassens_scheme_agree_with_those_on_a_cpu(depth: int, gradient: bool) -> None:
    from stl_nn.cpu.matmul import decode_on_cpu, encode_on_cpu
    from stl_nn.gpu.matmul import decoded_on_gpu, encode_on_gpu

    down, up = (transposed(DECODE), transposed(ENCODE_X)) if gradient else (ENCODE_X, DECODE)
    x, matrix = torch.randn(9, 22), torch.randn(5, 6)
    encoded = encode_on_cpu(x, matrix, 2, 3, depth, down)
    found = encode_on_gpu(x.to(DEVICE), matrix.to(DEVICE), 2, 3, depth, gradient).cpu()
    torch.testing.assert_close(found, encoded, atol=1e-4, rtol=1e-4)
    expected = decode_on_cpu(encoded, matrix.T.contiguous(), 2, 3, torch.empty_like(x), depth, up)
    back = decoded_on_gpu(encoded.to(DEVICE), matrix.T.to(DEVICE), 2, 3, 9, 22, depth, gradient).cpu()
    torch.testing.assert_close(back, expected, atol=1e-3, rtol=1e-4)


@runs
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-12), (torch.float16, 1e-12), (torch.bfloat16, 1e-9)])
def test_narrow_operands_leave_coefficients_their_bits(dtype: torch.dtype, bound: float) -> None:
    from stl_nn.gpu.matmul import decode_on_gpu

    channels, decode = torch.randn(33, 3, 5).to(DEVICE, dtype), torch.randn(16, 33, device=DEVICE)
    found = decode_on_gpu(channels, decode, 4, 4, torch.empty(12, 20, device=DEVICE))
    # Coefficients rounded to the operands' dtype alone miss by 2e-8 in float16 and 1e-6 in bfloat16.
    assert relative(found, decode_tiles(channels.double(), decode.double(), 4, 4)) < bound


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


compiles = pytest.mark.skipif(INTERPRETED, reason="TRITON_INTERPRET=1 replaces the compiler")


def machine_code(kernel, pointers: dict[str, str], constants: dict, launch: int, folder: Path) -> tuple[str, str]:
    """(PTX, what a thread takes) of a kernel for sm_90, with pointers and sizes aligned as those of a network are."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from stl_nn.gpu.kernels import LAUNCHES

    config, names = LAUNCHES[launch], kernel.arg_names
    constants = {**constants, **config.kwargs}
    types = {**{name: f"*{kind}" for name, kind in pointers.items()}, **dict.fromkeys(constants, "constexpr")}
    signature = {name: types.get(name, "i32") for name in names}
    aligned = {*pointers, "rows", "columns", "tile_columns", "row_stride", "channel_stride"}
    attributes = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if name in aligned}
    source = ASTSource(fn=kernel.fn, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": config.num_warps, "num_stages": config.num_stages}
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm
    (folder / "kernel.cubin").write_bytes(built["cubin"])
    command = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", folder / "kernel.cubin"]
    return built["ptx"], subprocess.run(command, capture_output=True, text=True, check=True).stdout


@compiles
@pytest.mark.parametrize(
    ("height", "width", "rank", "dtype", "launch"),
    [
        (4, 4, 32, "bf16", 0),
        (4, 4, 40, "fp32", 0),
        (4, 4, 49, "bf16", 0),
        (4, 4, 49, "bf16", 1),
        (4, 4, 49, "fp32", 1),
        (4, 4, 49, "fp32", 2),
        (2, 4, 20, "bf16", 0),
        (2, 3, 20, "fp32", 0),
        (5, 5, 93, "fp32", 1),
    ],
)
def test_the_kernels_compile_to_machine_code_without_a_gpu(
    tmp_path: Path, height: int, width: int, rank: int, dtype: str, launch: int
) -> None:
    from stl_nn.gpu.kernels import decode_kernel, encode_kernel
    from stl_nn.gpu.matmul import _constants

    torch_dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
    # Channels of exact encoders are float32, those of others have the operands' dtype.
    for kernel, channels, more in (
        (encode_kernel, dtype, {}),
        (decode_kernel, "fp32", {"ACTIVATION": "gelu", "HAS_BIAS": True}),
        (decode_kernel, dtype, {"ACTIVATION": "none", "HAS_BIAS": False}),
    ):
        read = torch.float32 if channels == "fp32" else torch_dtype
        pointers = {"x": dtype, "weights": "fp32", "channels": channels, "bias": dtype, "out": dtype}
        constants = {**_constants(height, width, rank, 1024, read), **more}
        del constants["breadth"]
        ptx, taken = machine_code(kernel, pointers, constants, launch, tmp_path)
        assert "STACK:0 " in taken  # nothing spilled
        assert "mma.sync" in ptx  # tensor cores
        if height * width == 16:  # vectors of 16 bytes both ways
            stores = [line for line in ptx.splitlines() if "st.global" in line]
            assert stores
            assert all(".v4.b32" in line for line in stores)
            assert any("ld.global" in line and ".v4.b32" in line for line in ptx.splitlines()) or "cp.async.cg" in ptx


def imagine_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell Triton what it compiles for where there is no GPU to ask."""
    import triton
    from triton.backends.compiler import GPUTarget

    if not torch.cuda.is_available():
        h100 = SimpleNamespace(get_current_target=lambda: GPUTarget("cuda", 90, 32))
        monkeypatch.setattr(triton.runtime.driver, "_active", h100)


def graph_of(call, *tensors: torch.Tensor) -> list[str]:
    """The operations an AOT compiler is given of a call."""
    from torch._functorch.aot_autograd import aot_export_module

    class Module(torch.nn.Module):
        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor]:
            return (call(*given),)

    graph = aot_export_module(Module(), tensors, trace_joint=False)[0].graph
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


@compiles
@pytest.mark.skipif(torch.version.cuda is None, reason="a torch without CUDA cannot even imagine tensors on it")
def test_the_compiler_sees_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    import stl_nn.ops  # noqa: F401 - registers the operators
    from stl_nn.gpu import matmul
    from stl_nn.gpu.visible import _takes_apart

    imagine_a_gpu(monkeypatch)  # which of the arguments a kernel writes to is found by compiling it
    monkeypatch.setattr(matmul, "_panel_tile_rows", lambda *_: 256)
    ops, numbers = torch.ops.stl, {"device": "cuda", "dtype": torch.bfloat16}
    with FakeTensorMode(shape_env=ShapeEnv()) as mode:
        x, weight = torch.empty(3000, 64, **numbers), torch.empty(49, 16, 8, **numbers)
        encode, decode = torch.empty(49, 16, device="cuda"), torch.empty(16, 49, device="cuda")
        found = graph_of(lambda *given: ops.matmul(*given, None, [4, 4, 4], 32, "relu"), x, weight, encode, decode)
        assert found.count("triton_kernel_wrapper_functional") == 2 * 3  # three panels
        assert sum("bmm" in name for name in found) == 3
        # Y is written in place, panel by panel, and nothing else is written to.
        assert not any(word in name for name in found for word in ("scatter", "clone", "copy", "stl"))
        deep = torch.empty(49 * 7, 8, 4, **numbers)
        found = graph_of(
            lambda *given: ops.matmul(*given, None, [4, 4, 4], 32, "none", True, 1), x[:128], deep, encode, decode
        )
        assert found.count("triton_kernel_wrapper_functional") == 4  # Strassen's scheme on the way down and up
        for call, operands in (  # what gradients consist of
            (lambda *given: ops.encode_tiles(*given, 4, 4), (x, encode)),
            (lambda *given: ops.decode_tiles(*given, 4, 4, 64, 32), (torch.empty(49, 16, 8, **numbers), decode)),
        ):
            assert "triton_kernel_wrapper_functional" in graph_of(call, *operands)
        assert any("bmm" in name for name in graph_of(ops.multiply_channels, torch.empty(49, 5, 16, **numbers), weight))
        assert mode.shape_env is not None
        some = torch.empty(mode.shape_env.create_unbacked_symint(), 64, **numbers)
        assert _takes_apart([x, encode])
        assert not _takes_apart([some, encode])


def test_the_operators_need_no_triton() -> None:
    program = (
        "import sys; sys.modules['triton'] = None; import torch, stl_nn.ops; "
        "print(torch.ops.stl.encode_tiles(torch.ones(4, 4), torch.ones(7, 4), 2, 2).shape)"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr


def test_nothing_is_tuned_where_nothing_can_be_timed() -> None:
    from stl_nn.gpu.kernels import LAUNCHES, decode_kernel, encode_kernel

    for kernel in (encode_kernel, decode_kernel):
        assert kernel.configs == (LAUNCHES[:1] if INTERPRETED else LAUNCHES)


@compiles
def test_a_launch_is_tuned_once_for_what_it_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stl_nn.gpu.kernels import LAUNCHES, encode_kernel
    from stl_nn.gpu.matmul import encode_on_gpu

    timed, run = [], []

    def pretend(*_: object, config: object, **__: object) -> float:
        timed.append(config)
        return 1.0 if config is LAUNCHES[1] else 2.0

    def encode(rank: int, columns: int = 4096, dtype: torch.dtype = torch.bfloat16) -> int:
        timed.clear()
        encode_on_gpu(torch.zeros(64, columns, dtype=dtype), torch.zeros(rank, 16), 4, 4)
        return len(timed)

    imagine_a_gpu(monkeypatch)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(encode_kernel, "cache", {})
    monkeypatch.setattr(encode_kernel, "_bench", pretend)
    monkeypatch.setattr(encode_kernel.fn, "run", lambda *_, **given: run.append((given["BLOCK"], given["grid"](given))))
    every = len(LAUNCHES)
    assert [encode(49), encode(40), encode(32), encode(32, dtype=torch.float32)] == [every, 0, every, every]
    assert [encode(32, columns=512), encode(32, columns=768), encode(32, columns=8192)] == [every, 0, 0]
    # The fastest is run, a program for every 256 tiles of every tile row.
    assert [run[0], run[-1]] == [(256, (16 * 4,)), (256, (16 * 8,))]
    monkeypatch.setattr(encode_kernel, "cache", {})
    assert encode(49) == 0  # found on disk


@runs
def test_the_benchmark_measures_both_kinds_of_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import gpu_layer

    monkeypatch.setattr(gpu_layer, "encoder_to_time", lambda *_: (STRASSEN2, "constructed"))
    monkeypatch.setattr(gpu_layer, "PANELS", (None, 16, 64))
    path = tmp_path / "record.json"
    assert gpu_layer.run(["32:49"], "bf16", repeats=2, minutes=0, path=path, device=DEVICE) == []
    assert "32³ rank 49 is left out" in capsys.readouterr().out
    assert not path.exists()
    gpu_layer.run(["32:49"], "bf16", repeats=2, minutes=9, path=path, device=DEVICE)
    (found,) = json.loads(path.read_text(encoding="utf-8"))["results"]
    wide, reduced = found["float32_channels"], found["reduced_channels"]
    # Rounding the channels too adds half as much again.
    assert reduced["measured_error"] > wide["measured_error"]
    assert set(wide["seconds"]) == {"dense", "chosen", "encode", "products", "decode", "copy", "panel_all", "panel_16"}
    assert set(wide["speedups"]) == {"chosen", "panel_all", "panel_16"}
    assert wide["encode_of_copy_bandwidth"] > 0
    assert "32³ rank 49: " in capsys.readouterr().out


def test_the_benchmark_says_so_where_there_is_no_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    script = Path(__file__).parents[2] / "benchmarks" / "gpu_layer.py"
    outcome = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0
    assert "nothing recorded" in outcome.stdout
