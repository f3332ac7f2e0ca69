"""Which linear layers run in which order, and which of them are fed the same tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.pointwise import row_layout

#: Feeds one batch to a model.
Run = Callable[[nn.Module, object], object]


def execution_groups(model: nn.Module, names: Sequence[str], batch: object, run: Run) -> list[list[str]]:
    """The named layers in order of their first call; layers called on the very same tensor (q, k, v) are one group.

    Raises InvalidInput where a layer is never called.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    >>> execution_groups(model, ["0", "1"], torch.ones(1, 2), lambda model, x: model(x))
    [['0'], ['1']]
    """
    groups: list[tuple[Tensor, list[str]]] = []
    seen: set[str] = set()

    def listen(name: str, x: Tensor) -> None:
        if name not in seen:
            seen.add(name)
            same = next((group for fed, group in groups if fed is x and alike(name, group[0])), None)
            if same is None:
                groups.append((x, [name]))
            else:
                same.append(name)

    def alike(name: str, other: str) -> bool:
        return row_layout(model.get_submodule(name)) == row_layout(model.get_submodule(other))

    hooks = [
        model.get_submodule(name).register_forward_pre_hook(lambda _, args, name=name: listen(name, args[0]))
        for name in names
    ]
    try:
        with torch.no_grad():
            run(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    silent = [name for name in names if name not in seen]
    if silent:
        raise InvalidInput(f"layer {silent[0]!r} never runs on the calibration inputs; filter it out")
    return [group for _, group in groups]


def chunked(groups: Sequence[list[str]], size_of: Callable[[str], int], limit: int) -> Iterator[list[list[str]]]:
    """Consecutive groups whose sizes, of one layer each, stay within a limit together; one alone may exceed it.

    >>> list(chunked([["a"], ["b"], ["c"]], lambda name: 2, 4))
    [[['a'], ['b']], [['c']]]
    """
    held: list[list[str]] = []
    total = 0
    for group in groups:
        size = size_of(group[0])
        if held and total + size > limit:
            yield held
            held, total = [], 0
        held.append(group)
        total += size
    if held:
        yield held
