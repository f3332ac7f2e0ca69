"""What layers that read the same input make of it together, made once: q, k and v, or gate and up."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import local

import torch
from torch import Tensor, nn

from stl_nn.seen_tensor import SeenTensor


class SharedResult:
    """A result that a group of layers makes of one input, made once and handed to each layer called with that tensor.

    The result is held until every member has taken it, the input is freed or changed in place, or another input
    comes; so a model's forward need not change. A member that asks a second time has it made anew, because weights
    may have changed. A result is valid for one autograd mode. Each thread holds a result of its own, so several
    threads may call one model. While a compiler traces a forward, it does not see changes in place between two
    members.

    Parameters
    ----------
    members : int
        The number of layers in the group.

    Examples
    --------
    >>> shared, x = SharedResult(members=2), torch.ones(2, 2)
    >>> first = shared.get("q", x, lambda: x + 1)
    >>> shared.get("k", x, lambda: x + 2) is first
    True
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self._of_thread = _OfThread()

    @property
    def held(self) -> Tensor | None:
        """The result that the calling thread holds, if any."""
        held = self._of_thread.held
        return None if held is None else held.result

    def get(self, member: Hashable, x: Tensor, make: Callable[[], Tensor], maker: nn.Module | None = None) -> Tensor:
        """The result for an input: the one held if it was made of this very tensor, else a new one.

        Parameters
        ----------
        member : Hashable
            Which layer of the group asks.
        x : Tensor
            The input.
        make : callable
            Makes the result.
        maker : nn.Module or None
            The module that makes it, if any: a held result counts only while its parameters and buffers are the
            ones that made it, unchanged.

        Returns
        -------
        Tensor
            The result.
        """
        tracing = torch.compiler.is_compiling()  # it traces neither weak references nor versions
        sources = [x] if tracing or maker is None else [x, *maker.parameters(), *maker.buffers()]
        modes = () if tracing else _modes(x)
        held = self._of_thread.held
        result = None if held is None or member in held.taken or held.modes != modes else held.result_of(sources)
        if held is None or result is None:
            result = make()
            held = self._of_thread.held = _Held(result, modes, sources, tracing)
        held.taken.add(member)
        if len(held.taken) == self.members:
            held.forget()
            self._of_thread.held = None
        return result

    def __deepcopy__(self, memo: dict[int, object]) -> SharedResult:
        copied = SharedResult(self.members)
        memo[id(self)] = copied
        return copied

    def __getstate__(self) -> dict[str, int]:
        return {"members": self.members}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["members"])  # type: ignore[misc]


class _Held:
    """A result, the tensors it was made of, and the members that have taken it."""

    def __init__(self, result: Tensor, modes: tuple[object, ...], sources: list[Tensor], traced: bool) -> None:
        self.result: Tensor | None = result
        self.modes = modes
        self.taken: set[Hashable] = set()
        self._traced: Tensor | None = sources[0] if traced else None
        # Whichever thread frees the input, this very result goes and no other.
        self._seen = [] if traced else [SeenTensor(sources[0], self.forget), *map(SeenTensor, sources[1:])]

    def result_of(self, sources: list[Tensor]) -> Tensor | None:
        """The result, if it was made of these tensors and none has changed since."""
        if self._traced is not None:
            return self.result if self._traced is sources[0] else None
        same = len(self._seen) == len(sources)
        same = same and all(seen.is_still(one) for seen, one in zip(self._seen, sources, strict=True))
        return self.result if same else None

    def forget(self) -> None:
        """Let go of everything."""
        self.result = self._traced = None
        self._seen = []


class _OfThread(local):
    """What each thread holds, nothing at first."""

    def __init__(self) -> None:
        self.held: _Held | None = None


def _modes(x: Tensor) -> tuple[object, ...]:
    """The modes of torch that a result depends on."""
    kind = x.device.type
    casts = torch.is_autocast_enabled(kind)
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), casts and torch.get_autocast_dtype(kind)
