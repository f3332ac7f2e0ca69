"""Break-even: the least number of rows from which on a layer stays ahead of the dense one."""

from __future__ import annotations

import pytest
from torch import nn

from stl_nn import STLLinear, break_even
from stl_nn.break_even import break_even_rows
from tests.stl_nn.encoders import STRASSEN


def test_break_even_is_where_the_layer_stays_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = nn.Linear(8, 8)
    layer = STLLinear.from_linear(linear, STRASSEN)

    def pretend(pays_from: int):
        return lambda *given: {"dense": 1.0, "stl": 0.5 if len(given[2]) >= pays_from else 2.0}

    monkeypatch.setattr(break_even, "against_dense", pretend(100))
    assert break_even_rows(linear, layer, most=1000) == 128
    monkeypatch.setattr(break_even, "against_dense", pretend(10**6))
    assert break_even_rows(linear, layer, most=1000) is None
    monkeypatch.setattr(break_even, "against_dense", pretend(1))
    assert break_even_rows(linear, layer, most=1000) == 16
