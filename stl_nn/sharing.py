"""What layers that read the same input make of it together, made once: q, k and v, or gate and up."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from stl_nn.linear import STLLinear


class SharedResult:
    """What a group of layers makes of one input, made once: handed to each of them that is called with the tensor.

    Held until every member has taken it, the input is freed or changed in place, or another input comes; so a model's
    forward need not change. A member that takes it a second time has it made anew: weights may have changed. Valid for
    one autograd mode at a time. Where a compiler traces a forward, changes in place between two members are not seen.

    >>> shared, x = SharedResult(members=2), torch.ones(2, 2)
    >>> first = shared.get("q", x, lambda: x + 1)
    >>> shared.get("k", x, lambda: x + 2) is first
    True
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.clear()

    def clear(self) -> None:
        """Forget the result held."""
        self._key: tuple[object, ...] | None = None
        self._input: weakref.ref[Tensor] | None = None
        self._traced: Tensor | None = None
        self._result: Tensor | None = None
        self._taken: set[object] = set()

    def get(self, member: Hashable, x: Tensor, make: Callable[[], Tensor], maker: nn.Module | None = None) -> Tensor:
        """The result for x: the one held where x is the input it was made of, else a new one by `make`.

        Of a module that makes it no parameter or buffer may have changed meanwhile.
        """
        held, key = self._held(x, maker)
        if held is x and self._key == key and self._result is not None and member not in self._taken:
            result = self._result
        else:
            result = make()
            self.clear()
            self._key, self._result = key, result
            if torch.compiler.is_compiling():
                self._traced = x
            else:
                self._input = weakref.ref(x, lambda _: self.clear())
        self._taken.add(member)
        if len(self._taken) == self.members:
            self.clear()
        return result

    def _held(self, x: Tensor, maker: nn.Module | None) -> tuple[Tensor | None, tuple[object, ...]]:
        """The input of the result held, and what it must have in common with x besides."""
        if torch.compiler.is_compiling():  # which traces neither weak references nor versions
            return self._traced, ()
        held = None if self._input is None else self._input()
        weights = () if maker is None else tuple(map(version_of, (*maker.parameters(), *maker.buffers())))
        return held, (version_of(x), weights, torch.is_grad_enabled(), torch.is_autocast_enabled(x.device.type))

    def __deepcopy__(self, memo: dict[int, object]) -> SharedResult:
        copied = SharedResult(self.members)
        memo[id(self)] = copied
        return copied

    def __getstate__(self) -> dict[str, int]:
        return {"members": self.members}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["members"])  # type: ignore[misc]


def version_of(x: Tensor) -> int:
    """What changes whenever a tensor is changed in place, but for one made in inference mode, which does not tell.

    >>> x = torch.ones(1)
    >>> before = version_of(x)
    >>> version_of(x.add_(1)) == before
    False
    """
    return 0 if x.is_inference() else x._version


def can_share(layers: Sequence[STLLinear]) -> str:
    """Why layers cannot share an encoded X; empty where they can."""
    first = layers[0]
    for other in layers[1:]:
        if other.in_features != first.in_features:
            return f"one has {first.in_features} input features and another {other.in_features}"
        if other.learnable or first.learnable or other.encoder != first.encoder:
            return "they must have one frozen encoder"
        if other.depth != first.depth:
            return f"one has a depth of {first.depth} and another of {other.depth}"
        if other.encode_x.device != first.encode_x.device:
            return f"one is on {first.encode_x.device} and another on {other.encode_x.device}"
        mine, theirs = first.permutation, other.permutation
        if (mine is None) != (theirs is None) or (mine is not None and theirs is not None and not mine.equal(theirs)):
            return "they order their input channels differently"
    return ""
