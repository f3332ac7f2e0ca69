"""A converted model comes back from its file to the last bit."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn import Calibration, STLLinear, convert, join_layers, load_converted, revert, save_converted, weight_module
from stl_nn import linear as linear_module
from stl_nn.calibration import CalibratedLinear
from stl_nn.pointwise import PointwiseConv
from stl_nn.saving import file as file_module
from tests.stl_nn.encoders import STRASSEN, STRASSEN2
from tests.stl_nn.saving.saved_models import (
    CHANGES,
    ROUGH,
    Block,
    calibrated,
    channels_last,
    check_same,
    converted,
    dense,
    grouped,
    images,
    in_dtype,
    make_converted,
    outputs,
    rows,
    trained,
)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("change", ["data-free", "dense weight kept", "refit", "joined", "grouped", "bfloat16"])
def test_layers_go_where_those_are_that_they_replace(change: str, file: Path) -> None:
    model = make_converted(CHANGES[change])
    save_converted(model.cuda(), file)
    again = dense(seed=1).cuda()
    load_converted(again, file)
    x = rows(64).cuda()
    assert torch.equal(outputs(again, x), outputs(model, x))
    elsewhere = dense(seed=1)
    load_converted(elsewhere, file)
    check_same(elsewhere, model.cpu(), [rows()])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_model_comes_back_to_the_last_bit(change: Callable[[nn.Module], object], file: Path) -> None:
    model = make_converted(change)
    save_converted(model, file)
    again = dense(seed=1)
    names = load_converted(again, str(file))
    assert set(names) == {
        name.removesuffix(".linear")
        for name, module in model.named_modules()
        if (isinstance(module, STLLinear | CalibratedLinear) and not name.endswith(".stl")) or name.endswith(".joined")
    }
    check_same(again, model, [rows(count) for count in (1, 9, 64)])
    save_converted(again, file.with_name("again"))
    assert file.with_name("again").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "change",
    [converted(), converted(keep_dense=True, break_even_rows=4), channels_last],
    ids=["data-free", "dense weight kept", "channels last"],
)
def test_convolutions_come_back(change: Callable[[nn.Module], object], file: Path) -> None:
    x = rows(2 * 8 * 6, 6).reshape(2, 8, 6, 6)
    model = make_converted(change, images)
    save_converted(model, file)
    again = dense(images, seed=1)
    assert load_converted(again, file) == [name for name, one in model.named_children() if type(one) is PointwiseConv]
    check_same(again, model, [x, x[:1, :, :1, :1], x.contiguous(memory_format=torch.channels_last)])


def test_calibrated_convolutions_come_back(file: Path) -> None:
    x = rows(40 * 8 * 4, 4).reshape(40, 8, 4, 4)
    model = make_converted(lambda model: convert(model, ROUGH, calibration=[x]), images)
    save_converted(model, file)
    again = dense(images, seed=1)
    assert load_converted(again, file) == ["0", "2"]
    check_same(again, model, [x])


@pytest.mark.parametrize("options", [{}, {"keep_dense": True, "break_even_rows": 20}, {"on_the_fly": True}])
def test_the_conv1d_of_transformers_comes_back(options: dict[str, Any], file: Path) -> None:
    conv1d = pytest.importorskip("transformers.pytorch_utils", reason="the extra 'models' is not installed").Conv1D

    def make() -> nn.Module:
        return nn.Sequential(conv1d(12, 16), nn.Tanh(), nn.Linear(12, 8))

    model = make_converted(converted(STRASSEN, **options), make)
    save_converted(model, file)
    again = dense(make, seed=1)
    load_converted(again, file)
    check_same(again, model, [rows(), rows(64)])
    assert revert(again) == ["0", "2"]
    assert type(again[0]) is conv1d
    with pytest.raises(InvalidInput, match=r"layer '0' replaced a Conv1D\(16, 12\) and is a Linear\(16, 12\) here"):
        load_converted(nn.Sequential(nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 8)), file)


class Tied(nn.Module):
    """A layer at two places, an output tied to an embedding, a recurrent layer that holds its weights twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(16, 16), nn.Linear(16, 16, bias=False)
        self.head.weight = self.embed.weight
        self.first = nn.Linear(16, 16)
        self.second = self.first
        self.other = nn.Linear(16, 16)
        self.lstm = nn.LSTM(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.lstm(self.other(self.second(self.first(self.embed(x.argmax(-1))).relu())))
        logits: Tensor = self.head(y)
        return logits


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_is_tied_in_a_model_stays_tied(device: str, file: Path) -> None:
    model = make_converted(lambda model: convert(model, ROUGH), Tied)
    save_converted(model, file)
    assert sum("embed" in name or "head" in name for name in load_file(file)) == 1
    with torch.device(device):
        again = dense(Tied, seed=1)
    assert load_converted(again, file) == ["first", "other"]
    check_same(again, model, [rows()])
    assert again.first is again.second
    assert again.head.weight is again.embed.weight
    assert again.lstm._flat_weights[0] is again.lstm.weight_ih_l0


def test_what_is_one_tensor_in_a_file_is_its_own_in_each_layer(file: Path) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    convert(model, STRASSEN)
    model[1].encoded_weight = model[0].encoded_weight
    save_converted(model, file)
    assert "1.encoded_weight" not in load_file(file)
    again = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    load_converted(again, file)
    assert torch.equal(again[1].encoded_weight, model[0].encoded_weight)
    assert again[1].encoded_weight is not again[0].encoded_weight


@pytest.mark.parametrize("change", [converted(), calibrated(joined=True), in_dtype(torch.bfloat16)])
def test_a_model_on_the_meta_device_comes_to_life(change: Callable[[nn.Module], object], file: Path) -> None:
    model = make_converted(change)
    save_converted(model, file)
    with torch.device("meta"):
        again = Block().eval()
    load_converted(again, file)
    check_same(again, model, [rows()])


def test_a_network_of_transformers_comes_back(file: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra 'models' is not installed")
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=32, tie_word_embeddings=True,
    )  # fmt: skip
    tokens = torch.arange(12).reshape(2, 6)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    join_layers(model, tokens)
    convert(model, ROUGH, filter_fn=lambda _, name: "down" not in name, calibration=Calibration([tokens]))
    convert(model, STRASSEN2)
    model.bfloat16()
    save_converted(model, file)
    again = transformers.AutoModelForCausalLM.from_config(config).eval()
    names = load_converted(again, file)
    assert "model.layers.0.self_attn.q_proj.joined" in names
    with torch.no_grad():
        assert torch.equal(again(tokens).logits, model(tokens).logits)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    assert again.dtype == torch.bfloat16


def test_what_learns_is_what_learned_in_the_model_loaded_into(file: Path) -> None:
    save_converted(make_converted(converted(keep_dense=True, break_even_rows=4)), file)
    again = dense()
    again.q.requires_grad_(False)
    again.norm.requires_grad_(False)
    again.k.weight.requires_grad_(False)
    load_converted(again.train(), file)
    learns = {name for name, parameter in again.named_parameters() if parameter.requires_grad}
    assert learns == {"k.bias", "v.bias", "out.bias"}
    assert all(module.training for module in again.modules())
    revert(again)
    learns = {name for name, parameter in again.named_parameters() if parameter.requires_grad}
    assert learns == {"k.bias", "v.bias", "v.weight", "out.bias", "out.weight"}


def test_a_loaded_model_trains_and_converts_on(file: Path) -> None:
    model = make_converted(trained)
    save_converted(model, file)
    again = dense(seed=1)
    load_converted(again, file)
    again(rows()).square().sum().backward()
    assert again.q.encode_x.grad is not None
    assert again.norm.weight.grad is not None


def test_a_group_encodes_its_input_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_converted(make_converted(grouped), file)
    again = dense()
    load_converted(again, file)
    assert again.q._shared is again.k._shared
    assert (again.k._member, again.q._member, again.v._shared) == (0, 1, None)
    calls: list[int] = []
    encode = linear_module.encode_input
    monkeypatch.setattr(linear_module, "encode_input", lambda *args: calls.append(1) or encode(*args))
    outputs(again, rows())
    assert len(calls) == 1


def test_encoders_are_written_once_and_nothing_is_encoded_in_loading(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_converted(make_converted(converted(STRASSEN2)), file)
    with safe_open(file, "pt") as opened:
        assert list(opened.metadata()) == ["stl"]
        assert sum(name.startswith(".encoder.") for name in opened.keys()) == 3  # noqa: SIM118
    encoded: list[str] = []
    encode = weight_module.encode_weight
    monkeypatch.setattr(
        weight_module, "encode_weight", lambda weight, _: encoded.append(weight.device.type) or encode(weight, _)
    )
    again = dense()
    before = torch.get_rng_state()
    load_converted(again, file)
    assert set(encoded) == {"meta"}
    assert torch.equal(torch.get_rng_state(), before)


def test_a_buffer_of_its_own_size_stays_that_of_the_model(file: Path) -> None:
    save_converted(make_converted(converted()), file)
    again = dense()
    again.table = torch.zeros(1)
    load_converted(again, file)
    assert torch.equal(again.table, torch.zeros(1))


def test_files_are_replaced_whole_and_readable_by_others(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_converted(converted())
    old = os.umask(0o022)
    try:
        save_converted(model, file)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    before = file.read_bytes()

    def fails(_: object, path: Path, *__: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_module, "save_file", fails)
    with pytest.raises(InvalidInput, match=r"cannot be saved to .* cannot be written: No space left"):
        save_converted(model, file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]
