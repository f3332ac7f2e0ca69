"""The baselines by name, and converting a model by one of them: the same shape as `stl_nn.convert`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_bench.baselines.block_sparse import block_sparse
from stl_bench.baselines.column_row import column_row_sampling
from stl_bench.baselines.count_sketch import count_sketch
from stl_bench.baselines.low_rank import activation_aware_svd, svd
from stl_bench.baselines.monarch import monarch
from stl_bench.baselines.pruning24 import magnitude24, wanda24
from stl_bench.baselines.sparsegpt import sparsegpt24
from stl_nn.calibration.moments import InputMoments
from stl_nn.replacement import FilterFn, Replacement, Skipped, replace_linears


@dataclass(frozen=True)
class Baseline:
    """A method other than STL that makes a linear layer cheaper.

    Parameters
    ----------
    title : str
        The method in words.
    approximate : callable
        Maps (linear, ratio, moments or None, generator) to a module of the same shapes.
    needs_moments : bool
        Whether the method looks at the layer's inputs.
    fixed_ratio : float or None
        The share of the multiplications that the method always takes; None if the caller chooses it.
    """

    title: str
    approximate: Callable[[nn.Linear, float, InputMoments | None, torch.Generator], nn.Module]
    needs_moments: bool = False
    fixed_ratio: float | None = None


def _needed(moments: InputMoments | None) -> InputMoments:
    assert moments is not None  # `convert_baseline` has checked
    return moments


BASELINES: dict[str, Baseline] = {
    "svd": Baseline("SVD", lambda linear, ratio, _m, _g: svd(linear, ratio)),
    "asvd": Baseline(
        "activation-aware SVD",
        lambda linear, ratio, moments, _g: activation_aware_svd(linear, ratio, _needed(moments)),
        needs_moments=True,
    ),
    "magnitude24": Baseline("2:4 magnitude", lambda linear, _r, _m, _g: magnitude24(linear), fixed_ratio=0.5),
    "wanda24": Baseline(
        "2:4 Wanda",
        lambda linear, _r, moments, _g: wanda24(linear, _needed(moments)),
        needs_moments=True,
        fixed_ratio=0.5,
    ),
    "sparsegpt24": Baseline(
        "2:4 SparseGPT",
        lambda linear, _r, moments, _g: sparsegpt24(linear, _needed(moments)),
        needs_moments=True,
        fixed_ratio=0.5,
    ),
    "block": Baseline("block-sparse", lambda linear, ratio, _m, _g: block_sparse(linear, ratio)),
    "monarch": Baseline("Monarch", lambda linear, ratio, _m, _g: monarch(linear, ratio)),
    "sampling": Baseline(
        "column-row sampling",
        lambda linear, ratio, moments, generator: column_row_sampling(linear, ratio, _needed(moments), generator),
        needs_moments=True,
    ),
    "countsketch": Baseline("CountSketch", lambda linear, ratio, _m, generator: count_sketch(linear, ratio, generator)),
}


def convert_baseline(
    model: nn.Module,
    method: str,
    ratio: float = 0.5,
    filter_fn: FilterFn | None = None,
    *,
    moments: Mapping[str, InputMoments] | None = None,
    seed: int = 0,
) -> list[Replacement]:
    """Replace the linear layers of a model in place, each by what a method makes of it.

    The method skips layers that it cannot take.

    Parameters
    ----------
    model : nn.Module
        The model.
    method : str
        One of `BASELINES`.
    ratio : float
        The share of the multiplications that each layer may keep, in (0, 1]. Methods of 2:4 sparsity keep half,
        whatever it is.
    filter_fn : FilterFn or None
        Maps a module and its name to whether the module is replaced; None replaces all linear layers.
    moments : Mapping[str, InputMoments] or None
        Moments by layer name, from `gather_moments`; activation-aware methods need them.
    seed : int
        The seed of the methods that sample.

    Returns
    -------
    list[Replacement]
        One entry for each linear layer that the filter accepts.

    Raises
    ------
    InvalidInput
        If the method is unknown, the ratio is out of range, moments are missing, or no linear layer is accepted.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> _ = convert_baseline(model, "svd")
    >>> type(model[0]).__name__
    'LowRankLinear'
    """
    baseline = baseline_of(method)
    if not 0 < ratio <= 1:
        raise InvalidInput(f"the ratio {ratio} is not a share of the multiplications; give one above 0 and at most 1")
    generator = torch.Generator().manual_seed(seed)

    def make(name: str, linear: nn.Linear) -> nn.Module:
        known = None if moments is None else moments.get(name)
        if baseline.needs_moments and known is None:
            raise InvalidInput(f"{baseline.title} needs the moments of layer {name!r}; gather them with gather_moments")
        try:
            made = baseline.approximate(_on_cpu(linear), ratio, known, generator)
        except InvalidInput as reason:
            raise Skipped(str(reason)) from reason
        return made.to(linear.weight.device).requires_grad_(linear.weight.requires_grad)

    return replace_linears(model, make, filter_fn)


def _on_cpu(linear: nn.Linear) -> nn.Linear:
    """Put the layer where moments and random numbers are."""
    return linear if linear.weight.device.type == "cpu" else copy.deepcopy(linear).cpu()


def multiplications(method: str, replacements: Sequence[Replacement]) -> float:
    """Count the scalar products that the linear layers of a converted model take for one row, against dense.

    Each matrix that a stand-in holds is multiplied by once, a 2:4 matrix by half. Skipped layers count as dense.

    Parameters
    ----------
    method : str
        One of `BASELINES`.
    replacements : sequence of Replacement
        What `convert_baseline` returned.

    Returns
    -------
    float
        The share of the dense multiplications.

    Raises
    ------
    InvalidInput
        If the method is unknown.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> multiplications("svd", convert_baseline(model, "svd"))
    0.5
    """
    share = baseline_of(method).fixed_ratio or 1.0
    taken = dense = 0.0
    for one in replacements:
        if one.linear is None:
            continue
        size = one.linear.weight.numel()
        held = () if one.replacement is None else one.replacement.parameters()
        dense += size
        taken += size if one.replacement is None else share * sum(p.numel() for p in held if p.dim() > 1)
    return taken / dense if dense else 1.0


def baseline_of(method: str) -> Baseline:
    """Look up a baseline by name.

    Parameters
    ----------
    method : str
        One of `BASELINES`.

    Returns
    -------
    Baseline
        The baseline.

    Raises
    ------
    InvalidInput
        If the method is unknown.
    """
    if method not in BASELINES:
        raise InvalidInput(f"unknown method {method!r}; choose one of {', '.join(BASELINES)}")
    return BASELINES[method]
