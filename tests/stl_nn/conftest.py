"""Random numbers that repeat, and a compiler that starts afresh in every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    """The compiler counts how often it compiled one function anew over all tests of a process."""
    yield
    torch.compiler.reset()
