"""The baselines by name, and converting a model by one of them: the same shape as `stl_nn.convert`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_nn.baselines.block_sparse import block_sparse
from stl_nn.baselines.column_row import column_row_sampling
from stl_nn.baselines.count_sketch import count_sketch
from stl_nn.baselines.low_rank import activation_aware_svd, svd
from stl_nn.baselines.monarch import monarch
from stl_nn.baselines.pruning24 import magnitude24, wanda24
from stl_nn.baselines.sparsegpt import sparsegpt24
from stl_nn.calibration.moments import Moments
from stl_nn.replacement import FilterFn, Replacement, Skipped, replace_linears


@dataclass(frozen=True)
class Baseline:
    """A way to make a linear layer cheaper that is not STL.

    approximate    (linear, ratio, moments or None, generator) → module of the same shapes
    needs_moments  whether it looks at inputs
    fixed_ratio    its share of the multiplications where it has no choice, else None
    """

    title: str
    approximate: Callable[[nn.Linear, float, Moments | None, torch.Generator], nn.Module]
    needs_moments: bool = False
    fixed_ratio: float | None = None


def _needed(moments: Moments | None) -> Moments:
    assert moments is not None  # `make_baseline` has checked
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
    moments: Mapping[str, Moments] | None = None,
    seed: int = 0,
) -> list[Replacement]:
    """Replace in place the linear layers of a model by what `method` makes of them; layers it cannot take are skipped.

    ratio    share of the multiplications each layer may keep, in (0, 1]; 2:4 methods keep half whatever it is
    moments  by layer name, from `gather_moments`: what the activation-aware methods look at
    seed     for the methods that sample

    Raises InvalidInput for an unknown method, a ratio out of range, missing moments, or a model without
    linear layers.

    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> _ = convert_baseline(model, "svd")
    >>> type(model[0]).__name__
    'LowRankLinear'
    """
    baseline = baseline_of(method)
    if not 0 < ratio <= 1:
        raise InvalidInput(f"ratio {ratio} is no share of the multiplications; give one above 0 and at most 1")
    generator = torch.Generator().manual_seed(seed)

    def make(name: str, linear: nn.Linear) -> nn.Module:
        seen = None if moments is None else moments.get(name)
        if baseline.needs_moments and seen is None:
            raise InvalidInput(f"{baseline.title} needs the moments of layer {name!r}; gather them with gather_moments")
        try:
            made = baseline.approximate(_on_cpu(linear), ratio, seen, generator)
        except InvalidInput as reason:
            raise Skipped(str(reason)) from reason
        return made.to(linear.weight.device).requires_grad_(linear.weight.requires_grad)

    return replace_linears(model, make, filter_fn)


def _on_cpu(linear: nn.Linear) -> nn.Linear:
    """The layer where moments and random numbers are."""
    return linear if linear.weight.device.type == "cpu" else copy.deepcopy(linear).cpu()


def multiplications(method: str, replacements: Sequence[Replacement]) -> float:
    """The scalar products a converted model's linear layers take for one row, against dense; skipped ones count whole.

    Every matrix a stand-in holds is multiplied by once; of a 2:4 matrix, half.

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
    """The baseline of a name. Raises InvalidInput for an unknown one."""
    if method not in BASELINES:
        raise InvalidInput(f"unknown method {method!r}; choose one of {', '.join(BASELINES)}")
    return BASELINES[method]
