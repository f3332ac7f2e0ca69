"""What cannot be saved is told, and no file is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn import STLLinear, convert, save_converted
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, random_encoder
from tests.stl_nn.saving.plain_block import ROUGH, dense, joined, low_rank


def without_a_part(model: nn.Module) -> None:
    joined(model)
    model.k = nn.Linear(16, 8)


def without_the_first_part(model: nn.Module) -> None:
    joined(model)
    model.q = nn.Linear(16, 8)


def with_other_coefficients(model: nn.Module) -> None:
    convert(model, ROUGH)
    model.k.encode_x.mul_(2)


def with_nan(model: nn.Module) -> None:
    convert(model, ROUGH, LayerOptions(learnable=True))
    with torch.no_grad():
        model.k.decode.fill_(torch.nan)


def on_meta(model: nn.Module) -> None:
    convert(model, ROUGH)
    model.norm.to("meta")


def subclassed(model: nn.Module) -> None:
    model.q = type("Mine", (STLLinear,), {}).from_linear(model.q, ROUGH)


def fractional_rows(model: nn.Module) -> None:
    convert(model, ROUGH, LayerOptions(keep_dense=True, break_even_rows=4))
    model.q.break_even_rows = 4.5


def with_buffer(tensor: Tensor) -> Callable[[nn.Module], object]:
    return lambda model: (convert(model, ROUGH), model.register_buffer("other", tensor))


REFUSED: dict[str, Callable[[nn.Module], object]] = {
    "has no STL layers; convert it first": lambda _: None,
    "layer 'out' is a LowRankLinear": low_rank,
    "parts of the layer joined at 'q' are no longer in the model": without_a_part,
    "layer 'k' is part of a joined layer that the model no longer holds": without_the_first_part,
    "encode_x of layer 'k' is not that of its encoder": with_other_coefficients,
    "layer 'k' holds no encoder: decode has an entry that is not finite": with_nan,
    "'norm.bias' is on the meta device|'norm.weight' is on the meta device": on_meta,
    "layer 'q' is a Mine": subclassed,
    r"expected `int \| null`, got `float`.*break_even_rows": fractional_rows,
    "no type for torch.complex128": with_buffer(torch.zeros(1, dtype=torch.complex128)),
    "'other' is a sparse tensor": with_buffer(torch.eye(3).to_sparse()),
    "format 2x2x2 with rank 9 is larger": lambda model: convert(model, random_encoder(2, 2, 2, 9)),
}


@pytest.mark.parametrize(("message", "change"), REFUSED.items(), ids=[f"refused{i}" for i in range(len(REFUSED))])
def test_what_cannot_be_saved_is_told(message: str, change: Callable[[nn.Module], object], file: Path) -> None:
    model = dense()
    change(model)
    with pytest.raises(InvalidInput, match=message):
        save_converted(model, file)
    assert not file.exists()


def test_state_that_is_no_tensor_is_refused(file: Path) -> None:
    class Odd(nn.Linear):
        def get_extra_state(self) -> dict[str, int]:
            return {"a": 1}

    model = nn.Sequential(nn.Linear(8, 8), Odd(8, 8))
    convert(model, STRASSEN)
    with pytest.raises(InvalidInput, match=r"to .*'1\._extra_state' of its state is no parameter"):
        save_converted(model, file)


def test_one_layer_by_itself_is_no_model(file: Path) -> None:
    with pytest.raises(InvalidInput, match="the model is itself one layer"):
        save_converted(STLLinear(4, 4, STRASSEN), file)


@pytest.mark.parametrize("path", ["nowhere/model", "."])
def test_places_that_cannot_be_written_are_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        save_converted(nn.Sequential(STLLinear(4, 4, STRASSEN)), tmp_path / path)
    assert os.listdir(tmp_path) == []
