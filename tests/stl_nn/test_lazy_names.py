"""The package's names are all there, and asking for the commands does not import torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

import stl_nn


@pytest.mark.parametrize("name", stl_nn.__all__)
def test_every_public_name_resolves_to_what_bears_it(name: str) -> None:
    assert getattr(stl_nn, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stl_nn.nothing


def test_commands_import_no_torch() -> None:
    code = "import stl_bench.commands.model, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
