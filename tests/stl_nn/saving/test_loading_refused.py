"""What cannot be loaded is told, and no file harms the model it is loaded into."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from stl_algebra import InvalidInput
from stl_nn import Calibration, STLLinear, convert, join_layers, load_converted, save_converted
from stl_nn.calibration import CalibratedLinear
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN
from tests.stl_nn.saving.plain_block import ROUGH, dense, joined, low_rank

MISSING = object()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Joined and calibrated layers, a group, an encoder of its own for each."""
    torch.manual_seed(0)
    model = dense()
    convert(
        model,
        ROUGH,
        LayerOptions(keep_dense=True),
        filter_fn=lambda _, name: name == "out",
        calibration=Calibration([torch.randn(200, 16)]),
    )
    convert(model, STRASSEN)
    STLLinear.group([model.q, model.k])
    path = tmp_path_factory.mktemp("sound") / "model.safetensors"
    save_converted(model, path)
    return path


@pytest.fixture
def untouched() -> Iterator[nn.Module]:
    """A model that has to be afterwards what it was."""
    model = dense(seed=1)
    modules, state = dict(model.named_modules()), {name: one.clone() for name, one in model.state_dict().items()}
    tensors = [*model.parameters(), *model.buffers()]
    yield model
    assert dict(model.named_modules()) == modules
    assert all(one is other for one, other in zip(tensors, [*model.parameters(), *model.buffers()], strict=True))
    assert all(torch.equal(one, state[name]) for name, one in model.state_dict().items())


def rewritten(sound: Path, file: Path, value: Any, *, tensor: str = "", entry: str = "") -> Path:
    """The file with one tensor or one entry of its record another, a function of what it was, or left out."""
    with safe_open(sound, "pt") as opened:
        record = json.loads(opened.metadata()["stl"])
    tensors: dict[str, Any] = load_file(sound)
    *above, key = [tensor] if tensor else entry.split("/")
    place: dict[str, Any] = tensors if tensor else record
    for step in above:
        place = place[step]
    new = value(place.get(key)) if callable(value) else value
    if new is MISSING:
        del place[key]
    else:
        place[key] = new
    save_file(tensors, file, {"stl": json.dumps(record)})
    return file


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda layers: {new if name == old else name: one for name, one in layers.items()}


def parts(**sizes: int) -> list[dict[str, Any]]:
    return [{"kind": "Part", "name": name, "out_features": size} for name, size in sizes.items()]


LAYERS, Q, OUT = "model/layers", "model/layers/q/layer", "model/layers/out/layer"
ENCODER = f"model/encoders/{STRASSEN.digest}"

#: An entry of the record, what it is made, and what is said of that.
ENTRIES: list[tuple[str, Any, str]] = [
    ("version", 2, "written in version 2, newer than 1; update"),
    ("version", 0, "its version 0 is not 1"),
    ("version", True, r"expected `int`, got `bool` - at `\$\.version`"),
    ("version", MISSING, "missing required field `version`"),
    ("more", 1, "unknown field `more`"),
    ("kind", "Other", "invalid value 'Other'"),
    ("model", [], r"expected `object`, got `array` - at `\$\.model`"),
    (f"{Q}/kind", "EvilLinear", "invalid value 'EvilLinear'"),
    (f"{Q}/kind", MISSING, "missing required field `kind`"),
    (f"{Q}/kind", "DenseBlueprint", "unknown field"),
    (f"{Q}/in_features", 16.0, "expected `int`, got `float`.*in_features"),
    (f"{Q}/in_features", 10**30, r"layer 'q' replaced a Linear\(10{30}, 8\)"),
    (f"{Q}/out_features", -8, r"replaced a Linear\(16, -8\) and is a Linear\(16, 8\) here; build the model"),
    (f"{Q}/depth", 9, "layer 'q' cannot be built: a depth of 9 cannot be"),
    (f"{Q}/depth", 1, r"'q.encoded_weight' is float32\[7, 8, 4\] in the file and float32\[49, 4, 2\]"),
    (f"{Q}/activation", "exec", "layer 'q' cannot be built: unknown activation 'exec'"),
    (f"{Q}/backend", "os.system", "layer 'q' cannot be built: its backend 'os.system' is unknown"),
    (f"{Q}/encoder", "nothing", "layer 'q' cannot be built: its encoder 'nothing' is not in the file"),
    (f"{Q}/bias", False, "no place for its tensor 'q.bias'"),
    (f"{Q}/permuted", True, "holds no tensor 'q.permutation'"),
    (f"{Q}/on_the_fly", True, "holds no tensor 'q.weight'"),
    (f"{OUT}/block", 0, "layer 'out' cannot be built: blocks of 0 channels"),
    (f"{OUT}/block", 3, "layer 'out' cannot be built: blocks of 3 channels"),
    (f"{OUT}/stl/on_the_fly", True, "layer 'out' cannot be built: on_the_fly keeps the dense weight"),
    (f"{OUT}/mapped", False, "no place for its tensor 'out.factor'"),
    (LAYERS, renamed("q", "p"), "the model has no layer 'p'; build the model"),
    (LAYERS, renamed("q", "norm"), "layer 'norm' of the model is a BatchNorm1d and no linear layer"),
    (f"{LAYERS}/q", MISSING, "holds no tensor 'q.weight'"),
    (f"{LAYERS}/q/replaces", "Conv1D", r"replaced a Conv1D\(16, 8\) and is a Linear"),
    (f"{LAYERS}/q/stride", [1, 1], r"replaced a Linear\(16, 8\) of stride \(1, 1\)"),
    (f"{LAYERS}/q/parts", parts(q=8, norm=8), "layer 'norm' of the model is"),
    (f"{LAYERS}/q/parts", parts(v=8), "it replaces layer 'v' twice"),
    (f"{LAYERS}/q/parts", parts(q=16, p=-8), "the model has no layer 'p'"),
    (f"{LAYERS}/q/parts", parts(q=16), "the parts of 'q' do not make up its 8 output features"),
    ("model/groups", [["q", "out"]], "group of 'q', 'out' is not all of STLLinear"),
    ("model/groups", [["q", "out.stl"]], "cannot share an encoded input"),
    ("model/groups", [[]], "a group needs at least one layer"),
    ("tied", {"q.bias": "v.bias"}, "says that 'q.bias' is 'v.bias', which its tensors contradict"),
    ("tied", {"q.bias": "nothing"}, "says that 'q.bias' is 'nothing'"),
    ("tied", {"other": "v.bias"}, "no place for its tensor 'other'"),
    ("layouts", {"q.bias": [1]}, r"the axes \[1\] of 'q.bias' are no order of 1 axes"),
    ("layouts", {"q.encoded_weight": [0, 0, 1]}, "are no order of 3 axes"),
    (f"{ENCODER}/format", [2, 2], "is damaged, its format and denominators"),
    (f"{ENCODER}/format", [2, 2, 10**9], "larger than a catalog takes"),
    (f"{ENCODER}/format", [2, 2, 3], "is damaged, encode_w has shape"),
    (f"{ENCODER}/format", [2, 2, 0], "is damaged, tile dimension p = 0"),
    (f"{ENCODER}/ring", "C", "is damaged, unknown ring 'C'"),
    (f"{ENCODER}/ring", "Q", "is damaged, ring Q does not match"),
    (f"{ENCODER}/denominators", [1, 1, 0], "is damaged, denominators"),
    (f"{ENCODER}/denominators", [2, 1, 1], "is damaged, ring Z does not match"),
]

#: A tensor, what it is made, and what is said of that.
TENSORS: list[tuple[str, Any, str]] = [
    (f".encoder.{STRASSEN.digest}.encode_x", lambda x: 3 * x, "is damaged, the Brent equations"),
    (f".encoder.{STRASSEN.digest}.encode_x", lambda x: x * torch.nan, "is damaged, encode_x has an entry that is not"),
    (f".encoder.{STRASSEN.digest}.encode_x", lambda x: x.half(), "its encode_x is no float64 matrix"),
    (f".encoder.{STRASSEN.digest}.encode_x", MISSING, "its encode_x is no float64 matrix"),
    ("q.encoded_weight", MISSING, "holds no tensor 'q.encoded_weight'"),
    ("norm.weight", MISSING, "holds no tensor 'norm.weight'"),
    ("evil", torch.ones(1), "no place for its tensor 'evil'"),
    ("q.bias", torch.ones(9), r"'q.bias' is float32\[9\] in the file and float32\[8\] in the model"),
    ("q.bias", torch.ones(8).long(), r"'q.bias' is int64\[8\] in the file"),
    ("q.bias", torch.ones(8).to(torch.float8_e5m2), r"'q.bias' is float8_e5m2\[8\] in the file"),
    ("norm.num_batches_tracked", torch.tensor(1.0), r"'norm.num_batches_tracked' is float32\[\] in the file and int64"),
    ("q.encode_w", lambda w: 2 * w, "the encode_w of layer 'q' is not that of its encoder"),
    ("q.encode_w", lambda w: w * torch.inf, "the encode_w of layer 'q' is not that of its encoder"),
    ("out.stl.permutation", torch.zeros_like, "layer 'out.stl' orders its 8 channels by what is no order"),
    ("out.place", lambda place: place + 100, "layer 'out' orders its 16 channels by what is no order"),
]


def numbered(cases: list[tuple[str, Any, str]]) -> list[Any]:
    return [pytest.param(*case, id=f"{place}-{case[0].replace('/', '-')[-24:]}") for place, case in enumerate(cases)]


@pytest.mark.parametrize(("entry", "value", "message"), numbered(ENTRIES))
def test_a_broken_record_is_told(
    entry: str, value: Any, message: str, sound: Path, untouched: nn.Module, file: Path
) -> None:
    with pytest.raises(InvalidInput, match=f"{file.name} cannot be loaded into Block: .*{message}"):
        load_converted(untouched, rewritten(sound, file, value, entry=entry))


@pytest.mark.parametrize(("tensor", "value", "message"), numbered(TENSORS))
def test_a_broken_tensor_is_told(
    tensor: str, value: Any, message: str, sound: Path, untouched: nn.Module, file: Path
) -> None:
    with pytest.raises(InvalidInput, match=f"{file.name} cannot be loaded into Block: .*{message}"):
        load_converted(untouched, rewritten(sound, file, value, tensor=tensor))


CONTENTS = {
    "nothing": b"",
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
    "long header": (1 << 62).to_bytes(8, "little") + b"{}",
    "no record": (2).to_bytes(8, "little") + b"{}",
    "no JSON": (3).to_bytes(8, "little") + b"{]}",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_files_of_another_kind_are_told(content: bytes, untouched: nn.Module, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be loaded into Block: it "):
        load_converted(untouched, file)


@pytest.mark.parametrize("text", ["", "[", "NaN", "[" * 100_000, "null", "3", '{"version": 1}'])
def test_records_that_are_none_are_told(text: str, untouched: nn.Module, file: Path) -> None:
    save_file({"q": torch.ones(1)}, file, {"stl": text})
    with pytest.raises(InvalidInput, match="cannot be loaded into Block: its record"):
        load_converted(untouched, file)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path, untouched: nn.Module) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InvalidInput, match="cannot be loaded into Block: it cannot be read: No such"):
            load_converted(untouched, path)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_loaded_but_never_half(sound: Path, data: st.DataObject) -> None:
    content = bytearray(sound.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    damaged = sound.with_name("damaged")
    damaged.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) - 1, header, header // 2]))])
    model = dense()
    try:
        load_converted(model, damaged)
    except InvalidInput:
        assert not any(isinstance(module, STLLinear | CalibratedLinear) for module in model.modules())


VALUES = [None, True, False, -1, 0, 1, 2, 3, 7, 8, 16, 2**63, 10**30, 1.5, "", "q", "out", "relu", "reference", ".", {}]
VALUES += [[], [0], [1, 0], [2, 2, 2], [["v", "k"]], [["v"], ["v"]], {"q.bias": "v.bias"}, parts(q=4, v=4)]


def entries(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from entries(value[key], (*path, key))


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_record_is_refused_or_that_of_a_model_that_runs(sound: Path, data: st.DataObject) -> None:
    with safe_open(sound, "pt") as opened:
        record = json.loads(opened.metadata()["stl"])
    for _ in range(data.draw(st.integers(1, 2))):
        *above, key = data.draw(st.sampled_from(list(entries(record))))
        place = record
        for step in above:
            place = place[step]
        place[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
    changed = sound.with_name("changed")
    save_file(load_file(sound), changed, {"stl": json.dumps(record)})
    model = dense()
    try:
        load_converted(model, changed)
    except InvalidInput:
        assert not any(isinstance(module, STLLinear | CalibratedLinear) for module in model.modules())
    assert model(torch.randn(9, 16)).shape == (9, 16)


def test_models_of_another_shape_are_told(sound: Path) -> None:
    wide = dense()
    wide.q = nn.Linear(16, 12)
    with pytest.raises(InvalidInput, match=r"layer 'q' replaced a Linear\(16, 8\) and is a Linear\(16, 12\) here"):
        load_converted(wide, sound)
    hooked = dense()
    hooked.q.register_forward_hook(lambda *_: None)
    with pytest.raises(InvalidInput, match="layer 'q' of the model cannot be replaced: it has hooks"):
        load_converted(hooked, sound)
    normed = dense()
    normed.norm = nn.BatchNorm1d(9)
    with pytest.raises(InvalidInput, match=r"'norm.weight' is float32\[8\] in the file and float32\[9\] in the model"):
        load_converted(normed, sound)
    with pytest.raises(InvalidInput, match="the model has no layer 'q'"):
        load_converted(nn.Linear(3, 3), sound)
    tied = dense()
    tied.norm.bias = tied.norm.weight
    with pytest.raises(InvalidInput, match=r"'norm\.weight' and 'norm\.bias' are one tensor in the model and two in"):
        load_converted(tied, sound)
    assert all(not isinstance(one, STLLinear) for model in (wide, hooked, normed, tied) for one in model.modules())


def test_a_model_that_is_converted_already_is_told(sound: Path) -> None:
    for change in (joined, lambda model: join_layers(model, torch.randn(9, 16)), low_rank):
        model = dense()
        change(model)
        state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with pytest.raises(InvalidInput, match="is converted already; revert the model, or build it afresh"):
            load_converted(model, sound)
        assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_strides_of_convolutions_must_agree(file: Path) -> None:
    model, other = (nn.Sequential(nn.Conv2d(8, 16, 1, stride=stride)) for stride in (2, 1))
    convert(model, ROUGH)
    save_converted(model, file)
    with pytest.raises(InvalidInput, match=r"of stride \(2, 2\) and is a Conv2d\(8, 16\) of stride \(1, 1\) here"):
        load_converted(other, file)
