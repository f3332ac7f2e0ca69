"""Recognising a tensor that was seen before and has not been changed since."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from torch import Tensor


class SeenTensor:
    """A tensor as it was when it was seen, without keeping it alive.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    when_freed : callable or None
        Called once the tensor is freed.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(1)
    >>> seen = SeenTensor(x)
    >>> seen.is_still(x), seen.is_still(x.clone()), seen.is_still(x.add_(1))
    (True, False, False)
    """

    def __init__(self, tensor: Tensor, when_freed: Callable[[], object] | None = None) -> None:
        freed = None if when_freed is None else lambda _: when_freed()
        self._tensor, self._version = weakref.ref(tensor, freed), version_of(tensor)

    def is_still(self, tensor: Tensor) -> bool:
        """Whether this is the very tensor that was seen, and nothing has changed it in place since.

        Parameters
        ----------
        tensor : Tensor
            A tensor.

        Returns
        -------
        bool
            Whether it is.
        """
        return self._tensor() is tensor and self._version == version_of(tensor)


def version_of(tensor: Tensor) -> int:
    """A number that changes whenever a tensor is changed in place.

    A tensor made in inference mode does not record changes; its number is always 0.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.

    Returns
    -------
    int
        The number.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(1)
    >>> before = version_of(x)
    >>> version_of(x.add_(1)) == before
    False
    """
    return 0 if tensor.is_inference() else tensor._version
