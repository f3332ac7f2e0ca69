"""Models converted in every way there is, and what makes two of them the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from stl_nn import Calibration, STLLinear, convert, join_layers
from stl_nn.options import LayerOptions
from tests.stl_nn.encoders import STRASSEN, STRASSEN2, random_encoder

ROUGH = random_encoder(2, 2, 2, 5)
MIXED = {"k": ROUGH, "v": random_encoder(1, 2, 4, 6), "*": STRASSEN}


class Block(nn.Module):
    """q, k and v of one input, a norm and a table by which the model computes without having it in its state."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(16, 8, bias=bias) for _ in range(3))
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(8, 16)
        self.register_buffer("table", torch.linspace(0, 1, 16), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(self.norm(self.q(x) * self.k(x).sigmoid() + self.v(x))) + self.table.to(x.dtype)
        return y


def images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(8, 16, 1, stride=2), nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 8, 1, bias=False)
    )


def rows(count: int = 9, features: int = 16) -> Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(5))


def calibrated(encoder: Any = ROUGH, joined: bool = False, **options: Any) -> Callable[[nn.Module], object]:
    def change(model: nn.Module) -> None:
        given = {name: options.pop(name) for name in ("keep_dense", "depth") if name in options}
        if joined:
            join_layers(model, rows())
        convert(model.eval(), encoder, LayerOptions(**given), calibration=Calibration([rows(200)], **options))

    return change


def trained(model: nn.Module) -> None:
    convert(model, ROUGH, LayerOptions(learnable=True))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(rows()).square().sum().backward()
    optimizer.step()


def to_unit_gain(model: nn.Module) -> None:
    convert(model, ROUGH)
    for layer in (model.q, model.out):
        layer.to_unit_gain()


def by_hand(model: nn.Module) -> None:
    """What only attributes and `from_linear` give."""
    model.q = STLLinear.from_linear(model.q, ROUGH, activation="silu", permutation=torch.randperm(16))
    model.k = STLLinear.from_linear(model.k, STRASSEN2)
    model.k.backend = "reference"


def grouped(model: nn.Module) -> None:
    convert(model, ROUGH)
    STLLinear.group([model.k, model.q])


def left_by_its_group(model: nn.Module) -> None:
    grouped(model)
    model.q.to_depth(1)


def joined_in_part(model: nn.Module) -> None:
    """The joined layer stays dense."""
    join_layers(model, rows())
    convert(model, ROUGH, filter_fn=lambda _, name: name == "out")


def joined(model: nn.Module) -> None:
    join_layers(model, rows())
    convert(model, ROUGH)


def channels_last(model: nn.Module) -> None:
    convert(model.to(memory_format=torch.channels_last), ROUGH, filter_fn=lambda _, name: name == "0")


def converted(encoder: Any = ROUGH, filter_fn: Any = None, **options: Any) -> Callable[[nn.Module], object]:
    return lambda model: convert(model, encoder, LayerOptions(**options), filter_fn=filter_fn)


def in_dtype(dtype: torch.dtype, **options: Any) -> Callable[[nn.Module], object]:
    return lambda model: (convert(model, ROUGH, LayerOptions(**options)), model.to(dtype))


CHANGES: dict[str, Callable[[nn.Module], object]] = {
    "data-free": converted(),
    "exact": converted(STRASSEN2),
    "different encoders": converted(MIXED),
    "some layers": converted(filter_fn=lambda _, name: name in ("q", "out")),
    "learnable": converted(learnable=True),
    "learnable, trained": trained,
    "on the fly": converted(on_the_fly=True),
    "learnable on the fly": converted(learnable=True, on_the_fly=True),
    "dense weight kept": converted(keep_dense=True, break_even_rows=10),
    "always dense": converted(keep_dense=True, break_even_rows=sys.maxsize),
    "depth": converted(STRASSEN, depth=2),
    "unit gain": to_unit_gain,
    "by hand": by_hand,
    "bfloat16": in_dtype(torch.bfloat16),
    "bfloat16, learnable": in_dtype(torch.bfloat16, learnable=True),
    "float16": in_dtype(torch.float16),
    "float64": in_dtype(torch.float64),
    "converted in float64": lambda model: convert(model.double(), ROUGH),
    "permutation": calibrated(level="permutation"),
    "moments": calibrated(level="moments"),
    "refit": calibrated(level="refit"),
    "joint": calibrated(level="joint"),
    "calibrated at depth": calibrated(keep_dense=True, depth=1),
    "calibrated, all channels alike": calibrated(probe=None),
    "calibrated layer by layer": calibrated(sequential=True),
    "budget": calibrated([ROUGH, STRASSEN, random_encoder(2, 2, 2, 3)], budget=0.7),
    "calibrated, bfloat16": lambda model: (calibrated()(model), model.bfloat16()),
    "joined": joined,
    "joined and calibrated": calibrated(joined=True),
    "joined, left dense": joined_in_part,
    "grouped": grouped,
    "left by its group": left_by_its_group,
}


def dense(make: Callable[[], nn.Module] = Block, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return make().eval()


def make_converted(change: Callable[[nn.Module], object], make: Callable[[], nn.Module] = Block) -> nn.Module:
    model = dense(make)
    change(model)
    return model.eval()


def outputs(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = model(x.to([*model.parameters()][-1].dtype))  # the first may be coefficients
    return y


def check_same(again: nn.Module, model: nn.Module, inputs: list[Tensor]) -> None:
    """Layers, encoders, state and outputs are the same, to the last bit."""
    for x in inputs:
        assert torch.equal(outputs(again, x), outputs(model, x))
    assert repr(again) == repr(model)
    expected, found = model.state_dict(), again.state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype, name
        assert found[name].stride() == tensor.stride(), name
    for name, module in model.named_modules():
        other = again.get_submodule(name)
        assert type(other) is type(module)
        if isinstance(module, STLLinear):
            assert other.encoder == module.encoder
            assert other.encoder.ring is module.encoder.ring
            assert other.encoder_tensors()[4:] == module.encoder_tensors()[4:]
            for attribute in ("learnable", "on_the_fly", "keep_dense", "break_even_rows", "activation", "backend"):
                assert getattr(other, attribute) == getattr(module, attribute)
            assert (other._shared is None) == (module._shared is None)
            for parameter, tensor in other.named_parameters():
                assert tensor.requires_grad == module.get_parameter(parameter).requires_grad, parameter
