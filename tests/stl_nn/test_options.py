"""The options of a layer: what excludes each other is refused, and what is given is shown."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from torch import nn

from stl_algebra import InvalidInput
from stl_nn import Calibration, LayerOptions, STLLinear
from stl_nn.options import check_options
from tests.stl_nn.encoders import STRASSEN


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_the_fly": True, "keep_dense": True}, "leave out keep_dense"),
        ({"break_even_rows": 5}, "add keep_dense=True"),
        ({"keep_dense": True, "break_even_rows": -1}, "give 0 or more"),
        ({"keep_dense": True, "break_even_rows": 1.5}, "no number of rows"),
        ({"depth": 9}, "a depth of 9 cannot be"),
        ({"depth": -1}, "from 0 to 8"),
        ({"depth": 1.0}, "a depth of 1.0 cannot be"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        LayerOptions(**options)


@pytest.mark.parametrize("given", [{}, {"learnable": True}, {"keep_dense": True, "break_even_rows": sys.maxsize}])
def test_a_layer_is_as_its_options_say(given: dict[str, Any]) -> None:
    layer = STLLinear.from_linear(nn.Linear(4, 4), STRASSEN, LayerOptions(**given))
    assert {name: getattr(layer, name) for name in given} == given
    assert repr(LayerOptions(**given)) == f"LayerOptions({', '.join(f'{k}={v!r}' for k, v in given.items())})"


def test_keywords_of_options_belong_into_options() -> None:
    with pytest.raises(TypeError, match="depth"):
        STLLinear(4, 4, STRASSEN, depth=1)  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="the options of a layer are bool"):
        check_options(True)


def test_a_calibration_is_shown_in_one_line() -> None:
    assert repr(Calibration([1, 2], "joint", sequential=True, probe=None)) == (
        "Calibration(list of 2 batches, level='joint', sequential=True, probe=None)"
    )
