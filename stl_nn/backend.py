"""By what an operand is multiplied: compiled kernels, or torch's own operations."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from stl_algebra import InvalidInput

BACKENDS = ("auto", "kernels", "reference")


def choose_backend(x: Tensor, backend: str = "auto") -> str:
    """The backend that multiplies an operand.

    Parameters
    ----------
    x : Tensor
        The operand; its device and dtype decide.
    backend : str
        "kernels", "reference", or "auto" for kernels if there are any and nothing is being exported.

    Returns
    -------
    str
        "kernels" or "reference".

    Raises
    ------
    InvalidInput
        If the backend is unknown, or kernels are asked for that do not exist.

    Examples
    --------
    >>> choose_backend(torch.ones(1)), choose_backend(torch.ones(1, device="meta"))
    ('kernels', 'reference')
    """
    if backend not in BACKENDS:
        raise InvalidInput(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if backend == "reference" or (backend == "auto" and torch.compiler.is_exporting()):
        return "reference"
    # The Triton kernels sum in float32, so float64 takes the reference path on CUDA.
    found = x.device.type == "cpu" or (x.device.type == "cuda" and x.dtype != torch.float64 and has_triton())
    if backend == "kernels" and not found:
        raise InvalidInput(f"there are no kernels for {x.device}; leave the backend at auto")
    return "kernels" if found else "reference"


@cache
def has_triton() -> bool:
    """Whether Triton is installed."""
    return find_spec("triton") is not None
