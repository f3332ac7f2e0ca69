"""Several threads call one model at once, and each gets what it would get alone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stl_nn import Calibration, STLLinear, convert, join_layers
from stl_nn import sharing as sharing_module
from stl_nn.cpu import scratch as scratch_module
from stl_nn.options import LayerOptions
from stl_nn.sharing import SharedResult
from tests.stl_nn.encoders import STRASSEN, STRASSEN2

THREADS, CALLS = 4, 25


class Attention(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.q(x) + 2 * self.k(x) + 3 * self.v(x)
        return y


def joined() -> nn.Module:
    model = Attention()
    assert join_layers(model, torch.randn(4, 16))
    return model


def joined_and_converted() -> nn.Module:
    model = joined()
    convert(model, STRASSEN)
    return model


def grouped() -> nn.Module:
    model = Attention()
    convert(model, STRASSEN)
    STLLinear.group([model.q, model.k, model.v])
    return model


def converted(dtype: torch.dtype = torch.float32, **options: Any) -> nn.Module:
    model = Attention().to(dtype)
    convert(model, STRASSEN2, LayerOptions(**options))
    return model


def calibrated() -> nn.Module:
    model = Attention()
    convert(model, STRASSEN, calibration=Calibration([torch.randn(64, 16)]))
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "joined": joined,
    "joined and converted": joined_and_converted,
    "grouped": grouped,
    "converted": converted,
    "in depth": lambda: converted(depth=1),
    "on the fly": lambda: converted(on_the_fly=True),
    "float16": lambda: converted(torch.float16),
    "bfloat16": lambda: converted(torch.bfloat16),
    "dense below some rows": lambda: converted(keep_dense=True, break_even_rows=6),
    "calibrated": calibrated,
}


@pytest.fixture
def often_switched() -> Iterator[None]:
    """Python takes turns among its threads as often as it can."""
    interval, threads = sys.getswitchinterval(), torch.get_num_threads()
    sys.setswitchinterval(1e-6)
    torch.set_num_threads(1)
    yield
    sys.setswitchinterval(interval)
    torch.set_num_threads(threads)


def in_threads(work: Callable[[int], None]) -> None:
    """Run work(0), work(1), … in threads that start at once, and raise what any of them raises."""
    ready, raised = Barrier(THREADS), list[BaseException]()

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


@pytest.mark.usefixtures("often_switched")
@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS)
def test_each_thread_gets_what_it_would_get_alone(made: Callable[[], nn.Module]) -> None:
    model = made().eval()
    dtype = next(model.parameters()).dtype
    inputs = [torch.randn(4 + number, 16).to(dtype) for number in range(THREADS)]
    with torch.no_grad():
        alone = [model(x) for x in inputs]
    assert all(y.isfinite().all() for y in alone)

    def serve(number: int) -> None:
        with torch.no_grad():
            for _ in range(CALLS):
                torch.testing.assert_close(model(inputs[number].clone()), alone[number])

    in_threads(serve)


@pytest.mark.usefixtures("often_switched")
@pytest.mark.parametrize("made", [joined, joined_and_converted, grouped])
def test_each_thread_gets_the_gradients_it_would_get_alone(made: Callable[[], nn.Module]) -> None:
    model = made()
    inputs = [torch.randn(4 + number, 16, requires_grad=True) for number in range(THREADS)]
    alone = [torch.autograd.grad(model(x).square().sum(), x)[0] for x in inputs]

    def train(number: int) -> None:
        for _ in range(CALLS):
            x = inputs[number].detach().clone().requires_grad_()
            torch.testing.assert_close(torch.autograd.grad(model(x).square().sum(), x)[0], alone[number])

    in_threads(train)


@pytest.mark.parametrize("made", [joined, joined_and_converted, grouped])
def test_a_call_of_another_thread_between_any_two_lines_changes_nothing(made: Callable[[], nn.Module]) -> None:
    model = made().eval()
    mine, other = torch.randn(4, 16), torch.randn(4, 16)
    parts = [model.get_submodule(name) for name in "qkv"]
    with torch.no_grad():
        alone, line = [part(mine) for part in parts], 0
        while True:
            found, reached = interrupted(lambda: [part(mine) for part in parts], line, lambda: parts[0](other))
            torch.testing.assert_close(found, alone)
            if not reached:
                break
            line += 1
    assert line > 10


def interrupted(work: Callable[[], list[Tensor]], line: int, by: Callable[[], object]) -> tuple[list[Tensor], bool]:
    """What work returns if another thread does something as it comes to its nth line of sharing.py, if it does."""
    count = 0

    @torch.no_grad()
    def interrupt() -> None:
        by()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != sharing_module.__file__:
            return None
        if event == "line":
            if count == line:
                thread = Thread(target=interrupt)
                thread.start()
                thread.join()
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return work(), count > line
    finally:
        sys.settrace(before)


def test_what_one_thread_frees_is_not_what_another_holds() -> None:
    shared, mine, others = SharedResult(2), torch.ones(1), [torch.ones(1)]
    result = shared.get("q", mine, lambda: mine + 1)
    first: list[Tensor | None] = []

    def elsewhere() -> None:
        shared.get("q", others[0], lambda: others[0] + 2)
        first.append(shared.held)

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert first[0] is not None
    assert shared.held is result
    others.clear()
    assert shared.get("k", mine, lambda: mine + 3) is result
    assert shared.held is None


def test_nothing_of_a_thread_is_left_once_it_ends() -> None:
    shared, x, freed = SharedResult(2), torch.ones(1), list[str]()

    class Result(Tensor):
        def __del__(self) -> None:
            freed.append("result")

    thread = Thread(target=lambda: shared.get("q", x, lambda: (x + 1).as_subclass(Result)))
    thread.start()
    thread.join()
    gc.collect()
    assert freed == ["result"]


@pytest.mark.usefixtures("often_switched")
def test_scratch_memory_in_use_is_never_shared() -> None:
    def write(number: int) -> None:
        for call in range(20 * CALLS):
            with scratch_module.scratch(256) as memory:
                mine = memory.take((32,), torch.float32)
                mine.fill_(number)
                for _ in range(call % 3):
                    with scratch_module.scratch(64) as inner:
                        inner.take((8,), torch.float32).fill_(-1)
                assert mine.eq(number).all()

    in_threads(write)
