"""Which linear layers run in which order, and which of them are fed the same tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stl_nn.pointwise import row_layout
from stl_nn.sharing import version_of

#: Feeds one batch to a model.
Run = Callable[[nn.Module, object], object]


def call(model: nn.Module, batch: Any) -> Any:
    """Feed a batch as loaders give it: a mapping as keywords, a tuple or list as arguments, anything else as one.

    >>> call(nn.Identity(), [3])
    3
    """
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple | list) else model(batch)


def execution_groups(model: nn.Module, names: Sequence[str], batch: object, run: Run) -> list[list[str]]:
    """The named layers in order of their first call; layers called on the very same tensor (q, k, v) are one group.

    Layers that are never called are in none.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    >>> execution_groups(model, ["0", "1"], torch.ones(1, 2), call)
    [['0'], ['1']]
    """
    groups: list[tuple[Tensor, int, list[str]]] = []
    seen: set[str] = set()

    def listen(name: str, x: Tensor) -> None:
        if name not in seen:
            seen.add(name)
            now = version_of(x)
            fits = (group for fed, then, group in groups if fed is x and then == now and alike(name, group[0]))
            if (same := next(fits, None)) is None:
                groups.append((x, now, [name]))
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
    return [group for _, _, group in groups]
