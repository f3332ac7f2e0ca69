"""The functional operator against its definition, in all dtypes, shapes and paddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stl_algebra import Format, InvalidInput, Ring, TileEncoder
from stl_nn import EncoderTensors, encode_weight, stl_matmul
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, product_by_definition, random_encoder, relative


@pytest.mark.parametrize(("rows", "inner", "columns"), [(8, 12, 8), (1, 1, 1), (7, 10, 5), (2, 3, 9)])
@pytest.mark.parametrize("encoder", [random_encoder(2, 3, 4, 20), random_encoder(4, 4, 4, 9, seed=1), STRASSEN])
def test_it_is_the_defined_operator(encoder: TileEncoder, rows: int, inner: int, columns: int) -> None:
    x, w = torch.randn(rows, inner, dtype=torch.float64), torch.randn(inner, columns, dtype=torch.float64)
    enc = EncoderTensors.of(encoder, torch.float64)
    y = stl_matmul(x, encode_weight(w, enc), encoder, out_features=columns)
    torch.testing.assert_close(y, product_by_definition(x, w, encoder))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-28), (torch.float32, 1e-11), (torch.bfloat16, 2e-4)])
def test_an_exact_encoder_multiplies(dtype: torch.dtype, bound: float) -> None:
    x, w = torch.randn(3, 10, 30).to(dtype), torch.randn(30, 17).to(dtype)
    enc = EncoderTensors.of(STRASSEN2, dtype)
    y = stl_matmul(x, encode_weight(w, enc), enc, out_features=17)
    assert y.shape == (3, 10, 17)
    assert y.dtype == dtype
    assert relative(y, x.double() @ w.double()) < bound


@pytest.mark.parametrize(("dtype", "name"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")])
@pytest.mark.parametrize("encoder", [STRASSEN2, random_encoder(4, 4, 4, 40)])
def test_the_error_is_the_one_the_model_predicts(encoder: TileEncoder, dtype: torch.dtype, name: str) -> None:
    x, w = torch.randn(512, 512, dtype=torch.float64), torch.randn(512, 512, dtype=torch.float64)
    enc = EncoderTensors.of(encoder, dtype)
    # Operands that dtype holds exactly: the model leaves their own rounding out.
    x, w = x.to(dtype), w.to(dtype)
    y = stl_matmul(x, encode_weight(w, enc), enc)
    assert relative(y, x.double() @ w.double()) == pytest.approx(encoder.error_at(name), rel=0.1)


def test_bias_and_activation_come_after_decoding() -> None:
    x, w, bias = torch.randn(6, 8), torch.randn(8, 4), torch.randn(4)
    enc = EncoderTensors.of(STRASSEN)
    for name, function in (("relu", torch.relu), ("silu", torch.nn.functional.silu), ("gelu", torch.nn.GELU())):
        y = stl_matmul(x, encode_weight(w, enc), enc, bias=bias, activation=name)
        torch.testing.assert_close(y, function(x @ w + bias), atol=1e-5, rtol=1e-5)


def test_gradients_are_right_in_every_operand() -> None:
    encoder = EncoderTensors.of(random_encoder(2, 3, 2, 5), torch.float64)
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 2, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    factors = [tensor.requires_grad_() for tensor in encoder[1:4]]

    def call(x, weight, bias, *factors):
        tensors = EncoderTensors(encoder.format, *factors)
        on_the_fly = encode_weight(torch.eye(5, 3, dtype=torch.float64), tensors)
        return stl_matmul(x, weight + on_the_fly, tensors, out_features=3, bias=bias, activation="silu")

    assert torch.autograd.gradcheck(call, (x, weight, bias, *factors), fast_mode=True)


def test_strided_and_empty_inputs_work() -> None:
    enc = EncoderTensors.of(STRASSEN)
    weight = encode_weight(torch.eye(4), enc)
    x = torch.randn(4, 20, 6)
    for view in (x.transpose(0, 2)[..., :4], x[:, ::2, 1:5], x[0, :, :4].expand(6, 20, 4)):
        torch.testing.assert_close(stl_matmul(view, weight, enc), view, atol=1e-5, rtol=1e-5)
    assert stl_matmul(torch.zeros(0, 4), weight, enc).shape == (0, 4)
    assert stl_matmul(torch.zeros(2, 0, 4), weight, enc).shape == (2, 0, 4)


GOOD = torch.zeros(7, 2, 2)


@pytest.mark.parametrize(
    ("x", "weight", "words"),
    [
        (torch.zeros(2, 4, dtype=torch.int64), GOOD, "dtype int64 cannot be encoded"),
        (torch.zeros(2, 4, dtype=torch.complex64), GOOD, "dtype complex64 cannot be encoded"),
        (torch.zeros(2, 4, dtype=torch.float64), GOOD, "float64 and the weight float32"),
        (torch.zeros(2, 5), GOOD, "last axis must hold the input features"),
        (torch.zeros(2, 4), torch.zeros(8, 2, 2), "does not fit an encoder of rank 7"),
        (torch.zeros(2, 4), GOOD.to("meta"), "move one of them"),
    ],
)
def test_operands_that_do_not_fit_are_named(x: torch.Tensor, weight: torch.Tensor, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        stl_matmul(x, weight, STRASSEN)


def test_an_encoder_over_gf2_is_refused() -> None:
    # 1·1·1 with every coefficient 1 holds modulo 2 too; as GF(2) it proves nothing about real numbers.
    one = np.ones((1, 1))
    encoder = TileEncoder(Format(1, 1, 1), one, one, one, Ring.GF2)
    with pytest.raises(InvalidInput, match="over the reals"):
        stl_matmul(torch.zeros(1, 1), torch.zeros(1, 1, 1), encoder)
