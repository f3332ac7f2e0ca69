"""A tensor is recognised until it is changed, and not kept alive."""

from __future__ import annotations

import torch

from stl_nn.seen_tensor import SeenTensor


def test_what_is_freed_is_told_and_matches_nothing() -> None:
    freed: list[bool] = []
    x = torch.ones(3)
    seen = SeenTensor(x, when_freed=lambda: freed.append(True))
    assert seen.is_still(x)
    del x
    assert freed == [True]
    assert not seen.is_still(torch.ones(3))


def test_a_change_in_place_of_a_view_is_a_change() -> None:
    x = torch.ones(3)
    seen = SeenTensor(x)
    x[:2].zero_()
    assert not seen.is_still(x)
