"""Ridges: what is added to a diagonal so that a matrix can be factored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor

#: How often a ridge is raised tenfold, at most.
MOST_RAISES = 12

Ridge = TypeVar("Ridge", float, Tensor)


def rising(ridge: Ridge) -> Iterator[Ridge]:
    """A ridge, and what it is raised to as long as it does not do: ten times as much each time, twelve times at most.

    Parameters
    ----------
    ridge : Ridge
        The first to try.

    Yields
    ------
    float or Tensor
        The next ridge to try.

    Examples
    --------
    >>> list(rising(1.0))[:3]
    [1.0, 10.0, 100.0]
    """
    for raised in range(MOST_RAISES + 1):
        yield 10**raised * ridge


def ridge_of(diagonal: Tensor, share: float) -> Tensor:
    """The ridge for a matrix, as a share of its diagonal.

    Padding leaves zeros on the diagonal, which must not stay; nor must what rounding leaves below zero make the ridge
    negative, too, as no multiple of that would do.

    Parameters
    ----------
    diagonal : Tensor
        Of the matrix, (U,).
    share : float
        The share of it.

    Returns
    -------
    Tensor
        (U,), positive.

    Examples
    --------
    >>> ridge_of(torch.tensor([1.0, 1.0]), 0.1)
    tensor([0.1001, 0.1001])
    """
    diagonal = diagonal.clamp_min(0)
    return share * (diagonal + 1e-3 * diagonal.mean().clamp_min(torch.finfo(diagonal.dtype).tiny))
