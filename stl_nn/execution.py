"""Which linear layers run in which order, which of them are fed the same tensor, and listening to them meanwhile."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from stl_algebra import InvalidInput
from stl_nn.pointwise import row_layout
from stl_nn.seen_tensor import SeenTensor

#: Feeds one batch to a model.
Run = Callable[[nn.Module, object], object]


def call(model: nn.Module, batch: Any) -> Any:
    """Feed a batch to a model as loaders give it.

    Parameters
    ----------
    model : nn.Module
        The model.
    batch : object
        A mapping is fed as keywords, a tuple or list as arguments, anything else as one argument.

    Returns
    -------
    object
        What the model returns.

    Examples
    --------
    >>> call(nn.Identity(), [3])
    3
    """
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple | list) else model(batch)


@dataclass(frozen=True)
class Execution:
    """How a network ran its layers on some batches.

    Parameters
    ----------
    groups : list of list of str
        Names of the layers, in order of their first call. Layers called on the very same tensor (q, k, v) are one
        group, which another batch may still tell apart.
    repeated : frozenset[str]
        Names of the layers that a pass called more than once.
    """

    groups: list[list[str]]
    repeated: frozenset[str]


def execution(model: nn.Module, names: Sequence[str], batches: Iterable[object], run: Run) -> Execution:
    """How some layers of a model run on the first of the batches, as many as it takes until every layer has run.

    A layer that only a later batch reaches, such as an expert, stands behind the one that ran before it there. Layers
    that no batch reaches are in no group.

    Parameters
    ----------
    model : nn.Module
        The model.
    names : sequence of str
        The names of the layers.
    batches : iterable of object
        The batches.
    run : callable
        Feeds one to the model.

    Returns
    -------
    Execution
        Groups of layers, and which were called again.

    Raises
    ------
    InvalidInput
        If there is no batch.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    >>> execution(model, ["0", "1"], [torch.ones(1, 2)], call).groups
    [['0'], ['1']]
    """
    groups: list[list[str]] | None = None
    repeated: set[str] = set()
    for batch in batches:
        found, calls = _one_pass(model, names, batch, run)
        repeated.update(name for name, count in calls.items() if count > 1)
        groups = _merged(groups or [], found)
        if sum(map(len, groups)) == len(names):
            break
    if groups is None:
        raise InvalidInput("the calibration loader yields nothing; give it at least one batch")
    return Execution(groups, frozenset(repeated))


def execution_groups(model: nn.Module, names: Sequence[str], batch: object, run: Run) -> list[list[str]]:
    """The groups of an `Execution` on one batch.

    Parameters
    ----------
    model : nn.Module
        As of `execution`.
    names : sequence of str
        As of `execution`.
    batch : object
        The batch.
    run : callable
        As of `execution`.

    Returns
    -------
    list of list of str
        Names of the layers of each group.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    >>> execution_groups(model, ["0", "1"], torch.ones(1, 2), call)
    [['0'], ['1']]
    """
    return execution(model, names, [batch], run).groups


def _one_pass(
    model: nn.Module, names: Sequence[str], batch: object, run: Run
) -> tuple[list[list[str]], Mapping[str, int]]:
    """The groups of one batch, and how often each layer was called."""
    groups: list[tuple[SeenTensor, list[str]]] = []
    calls: Counter[str] = Counter()
    layers = {name: model.get_submodule(name) for name in names}

    def hear(name: str, x: Tensor) -> None:
        calls[name] += 1
        if calls[name] == 1:
            layout = row_layout(layers[name])
            alike = (group for seen, group in groups if seen.is_still(x) and row_layout(layers[group[0]]) == layout)
            if (same := next(alike, None)) is None:
                groups.append((SeenTensor(x), [name]))
            else:
                same.append(name)

    with torch.no_grad(), listening(layers, hear):
        run(model, batch)
    return [group for _, group in groups], calls


def _merged(known: Sequence[list[str]], found: Sequence[list[str]]) -> list[list[str]]:
    """The groups known, and layers of those found that are new, each behind what it was found behind.

    >>> _merged([["router"], ["a"], ["out"]], [["router"], ["b"], ["out"]])
    [['router'], ['b'], ['a'], ['out']]
    """
    merged, before = list(known), {name for group in known for name in group}
    place = 0
    for group in found:
        if new := [name for name in group if name not in before]:
            merged.insert(place, new)
        inside = [i for i, other in enumerate(merged) if not set(group).isdisjoint(other)]
        place = max(inside) + 1
    return merged


def input_of(args: tuple[Any, ...], named: Mapping[str, Any]) -> Tensor:
    """What a layer of one input is called with, by place or by keyword.

    Parameters
    ----------
    args : tuple of object
        The arguments of the call.
    named : mapping
        The arguments of the call.

    Returns
    -------
    Tensor
        The input.

    Examples
    --------
    >>> input_of((), {"input": torch.ones(2)})
    tensor([1., 1.])
    """
    x: Tensor = args[0] if args else next(iter(named.values()))
    return x


def listening(layers: Mapping[str, nn.Module], hear: Callable[[str, Tensor], None]) -> AbstractContextManager[None]:
    """A context in which a function hears what each layer is called with, before the layer runs.

    Parameters
    ----------
    layers : mapping
        The layers by name.
    hear : callable
        Called as ``hear(name, x)``.

    Returns
    -------
    AbstractContextManager[None]
        The context.

    Examples
    --------
    >>> layer, heard = nn.Linear(2, 1), []
    >>> with listening({"one": layer}, lambda name, x: heard.append(name)):
    ...     _ = layer(input=torch.ones(2))
    >>> heard
    ['one']
    """

    def hook(name: str) -> Callable[..., None]:
        return lambda _, args, named: hear(name, input_of(args, named))

    return _hooked(layer.register_forward_pre_hook(hook(name), with_kwargs=True) for name, layer in layers.items())


def answering(
    layers: Mapping[str, nn.Module], answer: Callable[[str, Tensor, Tensor], Tensor]
) -> AbstractContextManager[None]:
    """A context in which each layer that makes y of x returns what a function answers instead.

    Parameters
    ----------
    layers : mapping
        The layers by name.
    answer : callable
        Called as ``answer(name, x, y)``.

    Returns
    -------
    AbstractContextManager[None]
        The context.
    """

    def hook(name: str) -> Callable[..., Tensor]:
        return lambda _, args, named, y: answer(name, input_of(args, named), y)

    return _hooked(layer.register_forward_hook(hook(name), with_kwargs=True) for name, layer in layers.items())


@contextmanager
def _hooked(hooks: Iterable[RemovableHandle]) -> Iterator[None]:
    """Hooks for as long as it lasts, and nothing that would go past them.

    Compiled code knows of no hook that came after it, so it runs as it was written. The fast path of torch's
    transformer encoders calls no layer, so it is closed.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    # Without its module, which takes seconds to import, nothing has been compiled.
    as_written = torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
    held = list(hooks)
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        with as_written:
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for hook in held:
            hook.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which a model is in evaluation mode; afterwards every module is in the mode it was in.

    A module that took another's place meanwhile is then in that one's mode.

    Parameters
    ----------
    model : nn.Module
        The model.

    Yields
    ------
    None
        While the model is in evaluation mode.

    Examples
    --------
    >>> model = nn.Sequential(nn.Dropout(), nn.Linear(2, 2).eval())
    >>> with evaluating(model): model[0].training
    False
    >>> [module.training for module in model]
    [True, False]
    """
    before = {name: module.training for name, module in model.named_modules()}
    # Only those that are not in it: some modules merge weights, or take them apart, as their mode is set.
    for module in model.modules():
        if module.training:
            module.eval()
    try:
        yield
    finally:
        for name, module in model.named_modules():
            mode = before.setdefault(name, before[name.rpartition(".")[0]])
            if module.training != mode:
                module.train(mode)
