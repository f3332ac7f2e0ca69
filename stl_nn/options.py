"""The options of an STL layer, as one object."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from stl_algebra import InvalidInput

#: As `break_even_rows`: any number of rows takes the dense weight.
ALWAYS_DENSE = sys.maxsize
#: A level halves the sides of the products: beyond this many none are left to halve.
MOST_DEPTH = 8


def check_depth(depth: object) -> int:
    """Return a number of levels of Strassen's scheme.

    Parameters
    ----------
    depth : object
        The number.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InvalidInput
        If it is no integer from 0 to 8.

    Examples
    --------
    >>> check_depth(2)
    2
    """
    if not isinstance(depth, int) or not 0 <= depth <= MOST_DEPTH:
        raise InvalidInput(f"a depth of {depth!r} cannot be; give a number of levels from 0 to {MOST_DEPTH}")
    return depth


@dataclass(frozen=True)
class LayerOptions:
    """How an `STLLinear` holds its weight and carries out its products. The defaults suit inference.

    Parameters
    ----------
    learnable : bool
        Train the encoder's coefficients along with the weights.
    on_the_fly : bool
        Keep the dense weight and encode it at every call: as few parameters as nn.Linear, at more time.
    keep_dense : bool
        Keep a frozen dense weight beside the encoded one. In evaluation mode, inputs of fewer than
        `break_even_rows` rows are multiplied by it, because encoding them would cost more than it saves.
    break_even_rows : int or None
        That number of rows; `ALWAYS_DENSE` stands for all of them. None lets `convert` measure it once for every
        shape of layer, if it converts without data; elsewhere None counts as 0.
    depth : int
        Levels of Strassen's scheme that carry out the products of channels, 0 to 8. Each level takes 7/8 of the
        multiplications and leaves the error as it is. At depth 1 the layer computes what it would with
        `kronecker(strassen(), encoder)`, whose tiles are twice as large.

    Raises
    ------
    InvalidInput
        If two options exclude each other, or one is out of its range.

    Examples
    --------
    >>> LayerOptions(depth=1)
    LayerOptions(depth=1)
    >>> LayerOptions(on_the_fly=True, keep_dense=True)
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: on_the_fly keeps the dense weight already; leave out keep_dense
    """

    learnable: bool = False
    on_the_fly: bool = False
    keep_dense: bool = False
    break_even_rows: int | None = None
    depth: int = 0

    def __post_init__(self) -> None:
        check_depth(self.depth)
        if self.on_the_fly and self.keep_dense:
            raise InvalidInput("on_the_fly keeps the dense weight already; leave out keep_dense")
        if self.break_even_rows is None:
            return
        if not isinstance(self.break_even_rows, int) or self.break_even_rows < 0:
            raise InvalidInput(f"break_even_rows={self.break_even_rows!r} is no number of rows; give 0 or more")
        if not self.keep_dense:
            raise InvalidInput("break_even_rows needs a dense weight to fall back on; add keep_dense=True")

    def __repr__(self) -> str:
        """Only what differs from the defaults, on one line."""
        given = [f"{name}={value!r}" for name, value in self._given().items()]
        return f"LayerOptions({', '.join(given)})"

    def _given(self) -> dict[str, Any]:
        fields = type(self).__dataclass_fields__
        return {name: getattr(self, name) for name, field in fields.items() if getattr(self, name) != field.default}


DEFAULT_OPTIONS = LayerOptions()


def check_options(options: object) -> LayerOptions:
    """Return the options of a layer.

    Parameters
    ----------
    options : object
        The options.

    Returns
    -------
    LayerOptions
        The options.

    Raises
    ------
    InvalidInput
        If they are something else, such as a filter function given in their place.

    Examples
    --------
    >>> check_options(LayerOptions()).depth
    0
    """
    if not isinstance(options, LayerOptions):
        raise InvalidInput(
            f"the options of a layer are {type(options).__name__}; give LayerOptions(...), "
            "and a filter or a calibration by its name: filter_fn=…, calibration=…"
        )
    return options
