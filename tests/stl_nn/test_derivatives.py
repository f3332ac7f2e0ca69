"""Derivatives of the operators and layers in every mode, and batches of them, as dense layers have them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from stl_nn import STLLinear, convert, join_layers
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, random_encoder

ENCODER = random_encoder(2, 3, 2, 5)
FORMAT = list(ENCODER.format)
ACTIVATIONS = ["none", "relu", "silu", "gelu", "gelu_tanh"]
#: Levels of Strassen's scheme, and whether they are those of gradients.
LEVELS = [(0, False), (1, False), (1, True)]

check_first: Callable[..., bool] = partial(
    gradcheck, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True
)
check_second: Callable[..., bool] = partial(gradgradcheck, check_fwd_over_rev=True, check_rev_over_rev=True)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def operator(name: str, depth: int, gradient: bool) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    tiles = (2, 1) if depth else (3, 2)
    rank = 5 * 7**depth
    if name == "encode_tiles":
        given = random(5, 4), random(5, 6)
        return lambda *tensors: torch.ops.stl.encode_tiles(*tensors, 2, 3, depth, gradient), given
    if name == "decode_tiles":
        given = random(rank, *tiles), random(6, 5)
        return lambda *tensors: torch.ops.stl.decode_tiles(*tensors, 2, 3, 5, 4, depth, gradient), given
    return torch.ops.stl.multiply_channels, (random(2, 3, 2), random(2, 2, 4))


OPERATORS = [*((name, *levels) for name in ("encode_tiles", "decode_tiles") for levels in LEVELS)]
OPERATORS += [("multiply_channels", 0, False)]


@pytest.mark.parametrize(("name", "depth", "gradient"), OPERATORS)
def test_each_pass_has_first_and_second_derivatives_in_every_mode(name: str, depth: int, gradient: bool) -> None:
    call, given = operator(name, depth, gradient)
    assert check_first(call, given, fast_mode=depth > 0)
    assert check_second(call, given, fast_mode=True)


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_product_has_first_and_second_derivatives_in_every_mode(activation: str, depth: int) -> None:
    tiles = (1, 1) if depth else (2, 2)
    given = random(3, 4), random(5 * 7**depth, *tiles), random(5, 6), random(4, 5), random(3)

    def call(*tensors: Tensor) -> Tensor:
        y: Tensor = torch.ops.stl.matmul(*tensors, FORMAT, 3, activation, False, depth)
        return y

    assert check_first(call, given, fast_mode=True)
    if activation != "relu":  # its second derivative is zero, which finite differences see but for the kinks
        assert check_second(call, given, fast_mode=True)


@pytest.mark.parametrize(("name", "depth", "gradient"), OPERATORS)
@pytest.mark.parametrize("batched", [0, 1])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_a_batch_of_either_operand_is_one_call_for_each(
    name: str, depth: int, gradient: bool, batched: int, dim: int
) -> None:
    call, given = operator(name, depth, gradient)
    many = torch.randn(3, *given[batched].shape, dtype=torch.float64).movedim(0, dim)
    both: Any = [one.detach() for one in given]
    both[batched] = many
    found = vmap(call, in_dims=tuple(dim if i == batched else None for i in range(2)))(*both)
    for i, one in enumerate(many.unbind(dim)):
        both[batched] = one
        torch.testing.assert_close(found[i], call(*both))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.q(x).sin() * self.k(x)
        return y


def layers(kind: str) -> tuple[nn.Module, nn.Module]:
    """A dense network in float64, and an exact converted one."""

    dense = Attention().double()
    model: Any = copy.deepcopy(dense)
    if kind == "joined":
        assert join_layers(model, torch.randn(2, 4, dtype=torch.float64))
    convert(model, STRASSEN, OPTIONS.get(kind, LayerOptions()))
    if kind == "grouped":
        STLLinear.group([model.q, model.k])
    return dense, model


OPTIONS = {
    "on the fly": LayerOptions(on_the_fly=True),
    "learnable": LayerOptions(learnable=True),
    "in depth": LayerOptions(depth=1),
}


def tangent(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with forward_ad.dual_level():
        found: Tensor | None = forward_ad.unpack_dual(f(forward_ad.make_dual(x, torch.ones_like(x)))).tangent
    assert found is not None
    return found


KINDS = ["plain", "joined", "grouped", *OPTIONS]
TRANSFORMS: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]] = {
    "jvp": lambda f, x: jvp(f, (x,), (torch.ones_like(x),))[1],
    "vjp": lambda f, x: vjp(f, x)[1](torch.ones_like(x))[0],
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "jacrev": lambda f, x: jacrev(f)(x),
    "grad": lambda f, x: grad(lambda x: f(x).square().sum())(x),
    "hessian": lambda f, x: hessian(lambda x: f(x).square().sum())(x),
    "hessian by reverse mode": lambda f, x: jacrev(jacrev(lambda x: f(x).square().sum()))(x),
    "third derivatives": lambda f, x: jacfwd(jacfwd(jacrev(lambda x: f(x).pow(3).sum())))(x),
    "vmap": lambda f, x: vmap(f)(torch.stack([x, 2 * x])),
    "vmap over the last axis": lambda f, x: vmap(f, in_dims=-1)(torch.stack([x, 2 * x], -1)),
    "vmap of vmap": lambda f, x: vmap(vmap(f))(torch.stack([x, 2 * x])),
    "gradient of each row": lambda f, x: vmap(grad(lambda row: f(row).square().sum()))(x),
    "forward mode": tangent,
    "torch.autograd's jacobian": lambda f, x: torch.autograd.functional.jacobian(f, x, vectorize=True),
    "torch.autograd's forward jacobian": lambda f, x: torch.autograd.functional.jacobian(
        f, x, strategy="forward-mode", vectorize=True
    ),
    "torch.autograd's hessian": lambda f, x: torch.autograd.functional.hessian(lambda x: f(x).square().sum(), x),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_layer_transforms_as_the_dense_one(kind: str, transform: Callable[..., Tensor]) -> None:
    dense, model = layers(kind)
    x = torch.randn(3, 4, dtype=torch.float64)
    torch.testing.assert_close(transform(model, x), transform(dense, x))
    torch.testing.assert_close(model(x), dense(x))  # nothing of the transform is left


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_weights_for_each_sample(kind: str) -> None:
    _, model = layers(kind)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    samples = torch.randn(3, 2, 4, dtype=torch.float64)

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(model, weights, (x,)).square().sum()

    found = vmap(grad(loss), in_dims=(None, 0))(weights, samples)
    for i, x in enumerate(samples):
        model.zero_grad()
        model(x).square().sum().backward()
        for name, weight in model.named_parameters():
            torch.testing.assert_close(found[name][i], weight.grad)


def test_an_ensemble_of_models_is_one_call() -> None:
    models = [layers("plain")[1] for _ in range(3)]
    weights, buffers = torch.func.stack_module_state(models)
    x = torch.randn(2, 4, dtype=torch.float64)
    found = vmap(lambda w, b: functional_call(models[0], (w, b), (x,)))(weights, buffers)
    torch.testing.assert_close(found, torch.stack([model(x) for model in models]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tangents_in_low_precision_are_near_those_of_float64(dtype: torch.dtype) -> None:
    dense, model = layers("plain")
    x, v = torch.randn(2, 3, 4, dtype=torch.float64).unbind()
    expected = jvp(dense, (x,), (v,))[1]
    found = jvp(model.to(dtype), (x.to(dtype),), (v.to(dtype),))[1]
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=0.1, atol=0.1)


def test_compiled_transforms_are_those_of_the_dense_layer() -> None:
    dense, model = layers("plain")
    x = torch.randn(3, 4, dtype=torch.float64)
    compiled = torch.compile(grad(lambda x: model(x).square().sum()), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), grad(lambda x: dense(x).square().sum())(x))
