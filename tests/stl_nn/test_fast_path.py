"""Torch's transformer encoders: their feed-forward layers are converted, and no fast path goes past them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn import Calibration, LayerOptions, STLLinear, convert, load_converted, revert, save_converted
from tests.stl_nn.encoders import STRASSEN, random_encoder, relative

ROUGH = random_encoder(2, 2, 2, 5)


def block(activation: str = "relu") -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 16, activation=activation, batch_first=True).eval()


def called(model: nn.Module, run: Callable[[], Tensor]) -> set[str]:
    """The names of the STL layers that a run calls."""
    names: set[str] = set()
    for name, layer in model.named_modules():
        if isinstance(layer, STLLinear):
            before = layer.forward
            layer.forward = lambda x, name=name, before=before: (names.add(name), before(x))[1]  # a hook would show
    run()
    for layer in model.modules():
        layer.__dict__.pop("forward", None)
    return names


@torch.no_grad()
@pytest.mark.parametrize("options", [LayerOptions(), LayerOptions(keep_dense=True, break_even_rows=1)])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_encoder_layer_is_converted_as_it_is(activation: str, options: LayerOptions) -> None:
    model, x = block(activation), torch.randn(3, 5, 8)
    expected = model(x)
    report = convert(model, STRASSEN, options)
    assert [layer.name for layer in report.converted] == ["linear1", "linear2"]
    assert "MultiheadAttention reads its weight" in report.skipped[0].reason
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)
    assert called(model, lambda: model(x)) == {"linear1", "linear2"}
    revert(model)
    torch.testing.assert_close(model(x), expected, atol=1e-4, rtol=1e-4)
    assert model.activation_relu_or_gelu == block(activation).activation_relu_or_gelu


@torch.no_grad()
@pytest.mark.parametrize("number", [0, 1])
def test_padded_inputs_of_an_encoder_reach_whichever_layer_is_converted(number: int) -> None:
    model, x = nn.TransformerEncoder(block(), 2).eval(), torch.randn(3, 5, 8)
    padding = torch.arange(5) >= torch.tensor([5, 3, 2])[:, None]
    expected = model(x, src_key_padding_mask=padding)
    fast = model.use_nested_tensor
    convert(model, STRASSEN, filter_fn=lambda _, name: name.startswith(f"layers.{number}.linear"))
    assert called(model, lambda: model(x, src_key_padding_mask=padding)) == {
        f"layers.{number}.linear1",
        f"layers.{number}.linear2",
    }
    found = model(x, src_key_padding_mask=padding)
    torch.testing.assert_close(found[~padding], expected[~padding], atol=1e-4, rtol=1e-4)
    revert(model)
    assert model.use_nested_tensor == fast
    torch.testing.assert_close(model(x, src_key_padding_mask=padding), expected)


@torch.no_grad()
def test_an_encoder_is_calibrated_and_saved(tmp_path) -> None:
    model = nn.TransformerEncoder(block(), 2).eval()
    dense, batches = copy.deepcopy(model), [torch.randn(20, 5, 8) for _ in range(3)]
    convert(model, ROUGH, calibration=Calibration(batches))
    assert torch.backends.mha.get_fastpath_enabled()
    x = torch.randn(20, 5, 8)
    free = copy.deepcopy(dense)
    convert(free, ROUGH)
    assert relative(model(x), dense(x)) < relative(free(x), dense(x))
    save_converted(model, tmp_path / "model.safetensors")
    load_converted(dense, tmp_path / "model.safetensors")
    assert torch.equal(dense(x), model(x))


def test_a_bert_is_converted_as_it_is() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    model = transformers.BertModel(config).eval()
    report = convert(model, STRASSEN)
    assert len(report.converted) == 13
    assert report.skipped == ()
    ids = torch.arange(8).reshape(2, 4)
    assert torch.isfinite(model(ids).last_hidden_state).all()
    revert(model)
    with pytest.raises(InvalidInput, match=r"accepts none .* named 'encoder\.layer\.0\.attention\.self\.query'"):
        convert(model, STRASSEN, filter_fn=lambda _, name: "mlp" in name)
