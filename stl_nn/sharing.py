"""One encoded X for several layers that read the same input: q, k and v, or gate and up."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from stl_nn.linear import STLLinear


class SharedEncoding:
    """The last encoded input of a group of layers, handed to those that are called with the same tensor again.

    Holds the encoding until every member has taken it, the input is freed or changed in place, or another input
    comes; so a model's forward need not change. Valid for one autograd mode at a time.

    >>> cache, x = SharedEncoding(members=2), torch.ones(2, 2)
    >>> first = cache.get(x, lambda: x + 1)
    >>> cache.get(x, lambda: x + 2) is first
    True
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.clear()

    def clear(self) -> None:
        """Forget the encoding held."""
        self._key: tuple[object, ...] | None = None
        self._input: weakref.ref[Tensor] | None = None
        self._encoded: Tensor | None = None
        self._left = 0

    def get(self, x: Tensor, encode: Callable[[], Tensor]) -> Tensor:
        """The encoding of x: the one held where x is the input it was made of, else a new one by `encode`."""
        key = (
            x._version if not x.is_inference() else 0,
            torch.is_grad_enabled(),
            torch.is_autocast_enabled(x.device.type),
        )
        if self._encoded is not None and self._input is not None and self._input() is x and self._key == key:
            encoded = self._encoded
        else:
            encoded = encode()
            self._key, self._encoded, self._left = key, encoded, self.members
            self._input = weakref.ref(x, lambda _: self.clear())
        self._left -= 1
        if self._left <= 0:
            self.clear()
        return encoded

    def __deepcopy__(self, memo: dict[int, object]) -> SharedEncoding:
        copied = SharedEncoding(self.members)
        memo[id(self)] = copied
        return copied

    def __getstate__(self) -> dict[str, int]:
        return {"members": self.members}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["members"])  # type: ignore[misc]


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
