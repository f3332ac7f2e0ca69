"""Make the shared helpers of this folder importable, and the random numbers repeatable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    """The compiler counts how often it compiled one function anew over all tests of a process."""
    yield
    torch.compiler.reset()
