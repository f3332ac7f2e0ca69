"""One sum for several layers, for as long as they are fed the same."""

from __future__ import annotations

import copy
from collections.abc import Collection

from torch import Tensor

from stl_nn.calibration.moments import MomentSums
from stl_nn.seen_tensor import SeenTensor


class SharedSums:
    """The sums of what some layers have been fed, call by call the very same tensors: q, k and v.

    A call is summed up once all of them have made it. A layer that is fed something else instead, or nothing until the
    end of a pass, goes on by itself, with a copy of the sums so far.

    Parameters
    ----------
    sums : MomentSums
        Those of the calls that all of the layers have made.
    layout : tuple of int
        Which rows of their input the layers take, see `row_layout`.
    """

    def __init__(self, sums: MomentSums, layout: tuple[int, ...]) -> None:
        self.sums, self.layout = sums, layout
        self._made: dict[str, int] = {}  # calls, by layer
        self._summed = 0
        self._first: SeenTensor | None = None
        # Calls that some of the layers have made; the rows are copies, as a network may change what it has used.
        self._open: list[tuple[SeenTensor, Tensor]] = []

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of those that share it."""
        return tuple(self._made)

    def begun_with(self, x: Tensor, layout: tuple[int, ...]) -> bool:
        """Whether the rows of a tensor are all that has been summed up, so that a layer that has just got it may join.

        Parameters
        ----------
        x : Tensor
            The tensor, and which rows of it the layer takes.
        layout : tuple of int
            The tensor, and which rows of it the layer takes.

        Returns
        -------
        bool
            Whether a layer may join.
        """
        return self._summed == 1 and self._first is not None and self._first.is_still(x) and self.layout == layout

    def join(self, name: str) -> None:
        """Let a layer join whose calls have been those summed up.

        Parameters
        ----------
        name : str
            Of the layer.
        """
        self._made[name] = self._summed

    def take(self, name: str, x: Tensor, rows: Tensor) -> SharedSums:
        """Count one call of a layer.

        Parameters
        ----------
        name : str
            Of the layer.
        x : Tensor
            What it was called with.
        rows : Tensor
            The rows (..., K) of it that the layer takes.

        Returns
        -------
        SharedSums
            The sums that the layer has part in from now on.
        """
        place = self._made[name] - self._summed
        if place < len(self._open) and not self._open[place][0].is_still(x):
            return self._part([name]).take(name, x, rows)
        if place == len(self._open):
            self._open.append((SeenTensor(x), rows.clone() if len(self._made) > 1 else rows))
        self._made[name] += 1
        self._sum_up()
        return self

    def parts(self) -> list[SharedSums]:
        """At the end of a pass: these sums, and those of layers that were called less often.

        Returns
        -------
        list of SharedSums
            Sums that no two layers of different calls share.
        """
        most = max(self._made.values())
        behind = [name for name, made in self._made.items() if made < most]
        return [self, *self._part(behind).parts()] if behind else [self]

    def _part(self, names: Collection[str]) -> SharedSums:
        """Sums of their own for some of the layers."""
        other = SharedSums(copy.deepcopy(self.sums), self.layout)
        other._made = {name: self._made.pop(name) for name in names}
        other._summed, other._first, other._open = self._summed, self._first, list(self._open)
        for one in (self, other):
            one._sum_up()
        return other

    def _sum_up(self) -> None:
        least, most = min(self._made.values()), max(self._made.values())
        del self._open[most - self._summed :]  # what only those that left have been fed
        while self._summed < least:
            fed, rows = self._open.pop(0)
            self.sums.add(rows)
            self._summed += 1
            if self._summed == 1:
                self._first = fed
