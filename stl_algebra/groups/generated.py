"""The group that hashable elements generate under a product."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import MAX_ORDER, FiniteGroup

T = TypeVar("T", bound=Hashable)


def generated_group(name: str, identity: T, generators: Iterable[T], product: Callable[[T, T], T]) -> FiniteGroup:
    """Build the group of all products of some generators.

    Elements are numbered breadth first from the identity, which is 0.

    Parameters
    ----------
    name : str
        The name of the group.
    identity : hashable
        The identity element.
    generators : iterable of hashable
        The generators.
    product : callable
        Multiplies two elements.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If the generators generate more than MAX_ORDER elements, or `product` is not the product of a group.

    Examples
    --------
    >>> generated_group("C4", 0, [1], lambda a, b: (a + b) % 4).order
    4
    """
    generators = list(generators)
    number = {identity: 0}
    elements = [identity]
    steps: list[tuple[int, int]] = [(0, 0)]  # element = elements[parent] · generators[step]
    images: list[list[int]] = [[] for _ in generators]
    for parent, element in enumerate(elements):  # grows while it is walked
        for step, generator in enumerate(generators):
            image = product(element, generator)
            if image not in number:
                if len(elements) == MAX_ORDER:
                    raise InvalidInput(f"group {name} has more than {MAX_ORDER} elements; give smaller generators")
                number[image] = len(elements)
                elements.append(image)
                steps.append((parent, step))
            images[step].append(number[image])
    right = np.array(images, dtype=np.int64).reshape(len(generators), len(elements))
    table = np.empty((len(elements), len(elements)), dtype=np.int64)
    table[:, 0] = np.arange(len(elements))
    for column, (parent, step) in enumerate(steps[1:], start=1):
        table[:, column] = right[step, table[:, parent]]  # x·(parent·g) = (x·parent)·g
    return FiniteGroup(name, table)
