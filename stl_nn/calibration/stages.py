"""Going on with a pass through a network from where the last one ended, instead of from its beginning."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from stl_nn.calibration.gathering import Reached, gather_moments
from stl_nn.calibration.moments import InputMoments
from stl_nn.execution import Run


@dataclass
class _Call:
    """What a module is called with; the first argument is what the module before it gave.

    A module that is called with it gets a copy, as it may add to its input in place, or to a cache.
    """

    entering: Tensor
    others: tuple[Any, ...]
    named: dict[str, Any]

    def through(self, module: nn.Module) -> Tensor:
        given = copy.deepcopy(self)
        return _given(module(given.entering, *given.others, **given.named))


class Stages:
    """The inputs of a network's layers in the order they run, if those before them may be replaced meanwhile.

    If the blocks of the network stand in a list and each takes what the one before it gives, as in transformers, what
    enters the block in turn is held for all batches, and nothing before it is computed again. All 210 layers of a
    network that stays as it is take one pass, and 120 that are replaced one by one take four instead of sixty. In other
    networks, and before and after the blocks, every call of `moments` takes a pass of its own. Whether the blocks can
    be run by themselves, and again and again, is tried on the first batch, not assumed.

    Parameters
    ----------
    model : nn.Module
        The network.
    layers : sequence of str
        The names of the layers.
    batches : iterable of object
        The inputs.
    run : callable
        Feeds one batch to the network.
    repeated : collection of str
        The names of layers that one pass calls more than once, see `Execution`: a pass does not end with their first
        call.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> stages = Stages(model, ["0", "1"], [torch.ones(3, 2)], lambda model, x: model(x))
    >>> stages.blocks, stages.moments(["1"], lags=1)["1"].count
    (('0', '1'), 3)
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Sequence[str],
        batches: Iterable[object],
        run: Run,
        repeated: Collection[str] = (),
    ) -> None:
        self._model, self._batches, self._run, self._repeated = model, batches, run, frozenset(repeated)
        with torch.no_grad():
            self.blocks = _blocks(model, layers, next(iter(batches)), run)
        self._held: list[_Call] = []
        self._at = -1

    def place(self, layer: str) -> int:
        """The number of the block that a layer is in, -1 if it is in none.

        Parameters
        ----------
        layer : str
            Its name.

        Returns
        -------
        int
            The number of the block.
        """
        return next((i for i, block in enumerate(self.blocks) if _within(layer, block)), -1)

    def moments(self, layers: Sequence[str], lags: int, leave: bool = False) -> dict[str, InputMoments]:
        """The moments of what now enters some layers of one place.

        Parameters
        ----------
        layers : sequence of str
            Their names; the layers, and the calls, must be in the order they run.
        lags : int
            Of the moments.
        leave : bool
            Whether these are the last layers of a block that stays as it is: the pass that they are listened to in then
            goes on to what enters the next block.

        Returns
        -------
        dict
            The moments by name.
        """
        place = self.place(layers[0])
        listened = {layer: self._model.get_submodule(layer) for layer in layers}
        once = self._repeated.isdisjoint(layers)
        if place < max(self._at, 0):
            return gather_moments(listened, self._batches, lambda batch: self._run(self._model, batch), lags, once)
        with torch.no_grad():
            self._go_to(place)
        if not leave:
            return gather_moments(listened, self._held, self._through, lags, once)
        found = gather_moments(listened, self._held, self._go_on, lags)
        self._at += 1
        return found

    def _through(self, call: object) -> Tensor:
        assert isinstance(call, _Call)
        return call.through(self._model.get_submodule(self.blocks[self._at]))

    def _go_on(self, call: object) -> None:
        assert isinstance(call, _Call)
        call.entering = self._through(call)

    def _go_to(self, place: int) -> None:
        if self._at < 0:
            self._held = _entering(self._model, self.blocks[0], self._batches, self._run)
            self._at = 0
        while self._at < place:
            for call in self._held:
                self._go_on(call)
            self._at += 1


def _blocks(model: nn.Module, layers: Sequence[str], batch: object, run: Run) -> tuple[str, ...]:
    """The names of the blocks with the layers, in order: those of the list with most, if they run by themselves."""
    lists: list[tuple[int, tuple[str, ...]]] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList | nn.Sequential):
            blocks = tuple(f"{name}.{child}" if name else child for child, _ in module.named_children())
            lists.append((sum(any(_within(layer, block) for layer in layers) for block in blocks), blocks))
    number, blocks = max(lists, key=lambda one: one[0], default=(0, ()))
    return blocks if number > 1 and _run_by_themselves(model, blocks, batch, run) else ()


def _run_by_themselves(model: nn.Module, blocks: Sequence[str], batch: object, run: Run) -> bool:
    """Whether the blocks one after another, each with the first one's other arguments, give what the network's do.

    They do not if a block is left out or run twice, takes what only it is given, drops at random, remembers earlier
    calls, takes from a cache what the blocks before it put there, or runs under a context that the call of the network
    sets up.
    """
    last: list[Tensor] = []
    hook = model.get_submodule(blocks[-1]).register_forward_hook(lambda *call: last.append(_given(call[2]).clone()))
    # Whatever a block that is called out of its place may raise: then it does not run by itself.
    try:
        with suppress(Exception):
            run(model, batch)
            hook.remove()
            [call] = _entering(model, blocks[0], [batch], run)
            for block in map(model.get_submodule, blocks):
                given, again = call.through(block), call.through(block)
                if not torch.equal(given, again):
                    return False
                call.entering = given
            return len(last) == 1 and torch.equal(call.entering, last[0])
    finally:
        hook.remove()
    return False


def _entering(model: nn.Module, block: str, batches: Iterable[object], run: Run) -> list[_Call]:
    """What a block is called with, for every batch; every pass ends there."""
    calls: list[_Call] = []

    def listen(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        calls.append(_Call(args[0], args[1:], named))
        raise Reached

    hook = model.get_submodule(block).register_forward_pre_hook(listen, with_kwargs=True)
    try:
        for batch in batches:
            with suppress(Reached):
                run(model, batch)
    finally:
        hook.remove()
    return calls


def _given(output: Any) -> Tensor:
    """What a block gives to the next: its output, or the first of several."""
    given: Tensor = output if isinstance(output, Tensor) else output[0]
    return given


def _within(layer: str, block: str) -> bool:
    return layer == block or layer.startswith(f"{block}.")
