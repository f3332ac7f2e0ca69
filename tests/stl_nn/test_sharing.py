"""Layers that read the same input encode it once, and nothing else changes."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn import STLLinear
from stl_nn import linear as linear_module
from stl_nn.options import LayerOptions
from stl_nn.sharing import SharedResult
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one entry for every encoding of an input."""
    count: list[int] = []
    original = linear_module.encode_input

    def counted(*args, **kwargs):
        count.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(linear_module, "encode_input", counted)
    return count


def group_of_three(encoder=STRASSEN2, **options) -> list[STLLinear]:
    return [STLLinear.from_linear(nn.Linear(16, out), encoder, LayerOptions(**options)) for out in (16, 8, 5)]


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_encoding_serves_the_group(encodings: list[int], backend: str, dtype: torch.dtype) -> None:
    layers, x = group_of_three(), torch.randn(2, 7, 16).to(dtype)
    for layer in layers:
        layer.backend = backend
        layer.to(dtype)
    expected = [layer(x) for layer in layers]
    STLLinear.group(layers)
    for found, alone in zip([layer(x) for layer in layers], expected, strict=True):
        torch.testing.assert_close(found, alone)
    assert len(encodings) == 1
    for layer in layers:
        layer(x)
    assert len(encodings) == 2  # every member had its share, so the first was let go


def test_another_or_changed_input_is_encoded_anew(encodings: list[int]) -> None:
    layers, x = group_of_three(), torch.randn(4, 16)
    STLLinear.group(layers)
    layers[0](x)
    x.add_(1)
    torch.testing.assert_close(layers[1](x), copy.deepcopy(layers[1])(x))
    assert len(encodings) == 3
    layers[0](x.clone())
    with torch.no_grad():
        layers[1](x)
    assert len(encodings) == 5


def test_other_weights_make_another_result() -> None:
    shared, x, layer = SharedResult(2), torch.randn(4, 16), nn.Linear(16, 16)
    other = {name: torch.randn_like(weight) for name, weight in layer.named_parameters()}
    shared.get("q", x, lambda: layer(x), layer)

    class Second(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return shared.get("k", x, lambda: layer(x), layer)

    expected = torch.func.functional_call(layer, other, x)
    found = torch.func.functional_call(Second(), {f"layer.{name}": one for name, one in other.items()}, x)
    torch.testing.assert_close(found, expected)


def test_a_result_counts_in_its_mode_alone() -> None:
    layers, x = group_of_three(), torch.randn(4, 16)
    STLLinear.group(layers)
    dtypes = []
    for layer, dtype in zip(layers, (torch.bfloat16, torch.float16, torch.bfloat16), strict=True):
        with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
            dtypes.append(layer(x).dtype)
    assert dtypes == [torch.bfloat16, torch.float16, torch.bfloat16]
    with torch.inference_mode():
        layers[0](x)
    with torch.no_grad():
        assert not layers[1](x).is_inference()
        assert not layers[1]._shared.held.is_inference()


def test_gradients_flow_through_the_shared_encoding() -> None:
    layers, x = group_of_three(), torch.randn(4, 16, requires_grad=True)
    sum(layer(x).sum() for layer in layers).backward()
    alone, x.grad = x.grad, None
    STLLinear.group(layers)
    sum(layer(x).sum() for layer in layers).backward()
    torch.testing.assert_close(x.grad, alone)


def test_nothing_is_held_once_the_input_is_gone() -> None:
    layers = group_of_three()
    STLLinear.group(layers)
    x = torch.randn(4, 16)
    with torch.no_grad():
        layers[0](x)
    shared = layers[0]._shared
    assert shared.held is not None
    del x
    gc.collect()
    assert shared.held is None


def test_copies_of_a_model_share_among_themselves() -> None:
    model = nn.ModuleList(group_of_three())
    STLLinear.group(list(model))
    other = copy.deepcopy(model)
    assert other[0]._shared is other[2]._shared
    assert other[0]._shared is not model[0]._shared


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (lambda: STLLinear(12, 8, STRASSEN), "16 input features and another 12"),
        (lambda: STLLinear(16, 8, random_encoder(4, 4, 4, 49)), "one frozen encoder"),
        (lambda: STLLinear(16, 8, STRASSEN, LayerOptions(learnable=True)), "one frozen encoder"),
        (lambda: STLLinear.from_linear(nn.Linear(16, 8), STRASSEN, permutation=torch.randperm(16)), "differently"),
    ],
)
def test_layers_that_do_not_encode_alike_are_refused(second, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        STLLinear.group([STLLinear(16, 8, STRASSEN), second()])
