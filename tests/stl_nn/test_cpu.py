"""The CPU path: bfloat16 in and out of the kernels, reduced channels, and scratch memory."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stl_algebra import Precision
from stl_nn import EncoderTensors, encode_weight, reduced, stl_matmul
from stl_nn.cpu import scratch as memory
from stl_nn.cpu.matmul import channel_products, decode_on_cpu, encode_on_cpu
from stl_nn.recursion import DECODE, ENCODE_X, decode_levels, encode_levels
from stl_nn.reduced import rounding_of_channels, tolerates_reduced, use_reduced
from stl_nn.tiling import decode_and_cut, encode_tiles, tile_count
from tests.stl_nn.encoders import STRASSEN2, product_by_definition, random_encoder, relative

BF16 = torch.bfloat16
CPU = torch.device("cpu")


def test_the_kernels_round_bfloat16_as_torch_does() -> None:
    # Coefficients and entries are powers of two: float32 sums are exact, so every rounding must agree, ties too.
    x = (torch.randn(9, 600).sign() * 2.0 ** torch.randint(-12, 12, (9, 600))).to(BF16)
    one, two = torch.eye(4), torch.tensor([[1.0, 1, 0, 0], [0, 1, 2, 0], [0, 0, 1, -1]])
    for matrix in (one, two):
        encoded = encode_on_cpu(x, matrix, 2, 2)
        expected = encode_on_cpu(x.float(), matrix, 2, 2)
        assert encoded.dtype == BF16
        assert torch.equal(encoded, expected.to(BF16))
        back = decode_on_cpu(encoded, matrix.T.contiguous(), 2, 2, torch.empty_like(x))
        wide = decode_on_cpu(encoded.float(), matrix.T.contiguous(), 2, 2, torch.empty(x.shape))
        assert torch.equal(back, wide.to(BF16))


@settings(max_examples=40)
@given(rows=st.integers(1, 70), columns=st.integers(1, 300), depth=st.integers(0, 3), rank=st.integers(1, 11))
def test_levels_of_strassens_scheme_are_those_taken_one_by_one(rows: int, columns: int, depth: int, rank: int) -> None:
    x, matrix = torch.randn(rows, columns, dtype=torch.float64), torch.randn(rank, 6, dtype=torch.float64)
    tiles = tile_count(rows, 2 * 2**depth), tile_count(columns, 3 * 2**depth)
    channels = encode_levels(encode_tiles(x, matrix, 2, 3), depth, ENCODE_X, tiles)
    found = encode_on_cpu(x, matrix, 2, 3, depth)
    torch.testing.assert_close(found, channels)
    shape = tile_count(rows, 2), tile_count(columns, 3)
    expected = decode_and_cut(decode_levels(channels, depth, DECODE, shape), matrix.T, 2, 3, rows, columns)
    back = decode_on_cpu(channels, matrix.T.contiguous(), 2, 3, torch.full_like(x, torch.nan), depth)
    torch.testing.assert_close(back, expected)


@pytest.mark.parametrize("depth", [1, 2])
def test_levels_round_bfloat16_once(depth: int) -> None:
    x, matrix = torch.randn(40, 90).to(BF16), torch.randn(7, 4)
    encoded = encode_on_cpu(x, matrix, 2, 2, depth)
    assert torch.equal(encoded, encode_on_cpu(x.float(), matrix, 2, 2, depth).to(BF16))
    back = decode_on_cpu(encoded, matrix.T.contiguous(), 2, 2, torch.empty_like(x), depth)
    wide = decode_on_cpu(encoded.float(), matrix.T.contiguous(), 2, 2, torch.empty(x.shape), depth)
    assert torch.equal(back, wide.to(BF16))


def test_what_is_not_finite_stays_so_in_bfloat16() -> None:
    x = torch.tensor([[torch.nan, torch.inf, -torch.inf, 3.3e38]]).to(BF16)
    found = encode_on_cpu(x, torch.ones(1, 1), 1, 1).flatten()
    assert torch.equal(found.isnan(), x[0].isnan())
    assert torch.equal(found[1:], x[0, 1:])


@pytest.mark.parametrize("shape", [(24, 32, 16), (7, 5, 3)])
def test_reduced_channels_add_what_the_error_model_says(monkeypatch: pytest.MonkeyPatch, shape) -> None:
    rows, inner, columns = (16 * size for size in shape)
    x, w = torch.randn(rows, inner).to(BF16), torch.randn(inner, columns).to(BF16)
    enc = EncoderTensors.of(STRASSEN2, BF16)
    errors = []
    for allowed in (False, True):
        monkeypatch.setattr(reduced, "allow_reduced_channels", allowed)
        y = stl_matmul(x, encode_weight(w, enc), STRASSEN2, out_features=columns, bias=torch.zeros(columns).to(BF16))
        # The result is rounded to bfloat16 in both, by a δ² of its own.
        errors.append(relative(y, x.double() @ w.double()))
    model = Precision.parse("bf16")
    assert errors[1] - errors[0] == pytest.approx(rounding_of_channels(STRASSEN2, model), rel=0.15)


def test_an_exact_encoder_keeps_its_channels_in_float32() -> None:
    coarse = random_encoder(4, 4, 4, 32)
    assert tolerates_reduced(coarse)
    assert not tolerates_reduced(STRASSEN2)
    assert not use_reduced(BF16, CPU, tolerates_reduced(STRASSEN2))
    assert not use_reduced(torch.float16, CPU, True)


@pytest.mark.parametrize("dtype", [torch.float32, BF16, torch.float16])
def test_channel_products_are_those_of_the_operands(dtype: torch.dtype) -> None:
    left, right = torch.randn(5, 9, 12).to(dtype), torch.randn(5, 12, 7).to(dtype)
    found = channel_products(left, right, reduced_channels=False)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, left.float() @ right.float())


def test_scratch_memory_is_used_again_and_given_back() -> None:
    memory._idle.clear()
    with memory.scratch(1000) as first:
        address = first.take((250,), torch.float32).data_ptr()
        assert address % 64 == 0
    with memory.scratch(900) as again:
        assert again.take((2,), torch.float32).data_ptr() == address
    with memory.scratch(memory.KEPT_BYTES + 1):
        pass
    assert len(memory._idle) <= 1
    memory._idle.clear()
    assert not memory._idle


def test_calls_from_several_threads_do_not_disturb_each_other() -> None:
    encoder = random_encoder(2, 3, 2, 9)
    weights = [torch.randn(12, 8, dtype=torch.float64) for _ in range(8)]
    x = torch.randn(30, 12, dtype=torch.float64)
    enc = EncoderTensors.of(encoder, torch.float64)

    def call(weight: torch.Tensor) -> torch.Tensor:
        return stl_matmul(x, encode_weight(weight, enc), encoder)

    with ThreadPoolExecutor(4) as pool:
        for weight, found in zip(weights, pool.map(call, weights), strict=True):
            torch.testing.assert_close(found, product_by_definition(x, weight, encoder))


def test_the_threads_of_torch_stay_as_many_as_asked_for() -> None:
    # In a process of its own: only the first call of a kernel starts threads.
    script = (
        "import torch; from stl_algebra import strassen; from stl_nn import STLLinear; torch.set_num_threads(1); "
        "STLLinear.from_linear(torch.nn.Linear(8, 8), strassen())(torch.ones(8, 8)); print(torch.get_num_threads())"
    )
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["1"]


def test_scratch_made_in_inference_mode_serves_training() -> None:
    encoder = random_encoder(2, 2, 2, 6)
    weight = encode_weight(torch.eye(4), EncoderTensors.of(encoder)).requires_grad_()
    with torch.inference_mode():
        stl_matmul(torch.ones(4, 4), weight, encoder)
    stl_matmul(torch.ones(4, 4), weight, encoder).sum().backward()
    assert weight.grad is not None
