"""Converting a model's linear layers in one call, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING

from torch import nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.advisor import break_even_rows as measure_break_even
from stl_nn.encoder_tensors import check_encoder
from stl_nn.expected_error import PRECISION_OF_DTYPE, expected_error
from stl_nn.linear import STLLinear, check_weight
from stl_nn.pointwise import PointwiseConv, pointwise_from_linear
from stl_nn.recursion import whole_rank, whole_tile
from stl_nn.replacement import (
    FilterFn,
    Replacement,
    Skipped,
    as_replaced_kind,
    is_linear,
    put_in_place,
    replace_linears,
)
from stl_nn.report import ConversionReport, LayerReport

if TYPE_CHECKING:
    from stl_nn.calibration.settings import Calibration

#: Break-even is looked for up to this many rows; a layer that is no faster there stays dense in evaluation.
MOST_ROWS = 2048
ALWAYS_DENSE = sys.maxsize

#: One encoder for every layer, or the first of several whose name pattern (as of fnmatch) matches; None: leave it.
Encoders = TileEncoder | Mapping[str, TileEncoder | None] | Sequence[TileEncoder]


def convert(
    model: nn.Module,
    encoder: Encoders,
    filter_fn: FilterFn | None = None,
    calibration: Calibration | Iterable[object] | None = None,
    *,
    learnable: bool = False,
    on_the_fly: bool = False,
    keep_dense: bool = False,
    break_even_rows: int | None = None,
    depth: int = 0,
) -> ConversionReport:
    """Replace in place the linear layers of a model by STL layers; returns a report, layer by layer.

    filter_fn    `filter_fn(module, name)` chooses among nn.Linear, 1×1 convolutions and the Conv1D of transformers
    encoder      one for all, or a mapping from name patterns, first match first; for a calibration with a budget also
                 a sequence to choose from for each layer
    calibration  a loader of real inputs, or a `stl_nn.calibration.Calibration` that says how much it may cost, whether
                 it goes layer by layer, and under which budget; None: the same weights, encoded without data

    Options as of `STLLinear`; with `keep_dense` and without data, `break_even_rows` is measured, once for every shape,
    where it is not given. Layers that cannot gain are skipped, and the report says why. A conversion that fails leaves
    the model as it was.

    Raises InvalidInput for a model without linear layers, a filter that accepts none, a pattern that matches
    none, NaN in a weight, or what is no encoder over the reals.

    >>> from stl_algebra import strassen
    >>> convert(nn.Sequential(nn.Linear(8, 8)), strassen()).multiplications
    0.875
    """
    if calibration is not None:
        from stl_nn.calibration.conversion import convert_calibrated

        if learnable or on_the_fly:
            raise InvalidInput(
                "calibration fits encoded weights to frozen encoders: leave out learnable and on_the_fly"
            )
        return convert_calibrated(model, encoder, filter_fn, calibration, keep_dense, break_even_rows or 0, depth)
    if isinstance(encoder, list | tuple):
        raise InvalidInput(
            "several encoders to choose from need calibration with a budget; give one encoder, or a mapping of patterns"
        )
    encoders = checked_encoders(encoder, model)
    reports: dict[str, LayerReport] = {}
    measured: dict[tuple[object, ...], int] = {}

    def make(name: str, linear: nn.Linear) -> nn.Module:
        chosen = encoder_for(name, linear, encoders, depth)
        layer = STLLinear.from_linear(
            linear,
            chosen,
            learnable=learnable,
            on_the_fly=on_the_fly,
            keep_dense=keep_dense,
            break_even_rows=break_even_rows or 0,
            depth=depth,
        )
        if keep_dense and break_even_rows is None:
            weight = linear.weight
            shape = (weight.shape, weight.dtype, weight.device, chosen.digest)
            if shape not in measured:
                measured[shape] = _measured_break_even(linear, layer)
            layer.break_even_rows = measured[shape]
        reports[name] = _report(name, linear, layer)
        return layer

    done = replace_linears(model, make, filter_fn)
    return ConversionReport(
        tuple(_skipped(one) if one.replacement is None else replace(reports[one.name], kind=one.kind) for one in done)
    )


def revert(model: nn.Module) -> list[str]:
    """Put dense layers back in place of every `STLLinear` of a model; returns their names.

    The weights are those kept by `keep_dense` or `on_the_fly`, else recovered from the encoded ones, to rounding.
    Raises InvalidInput, the model untouched, where there is nothing to revert, a weight has been refitted, or the
    model is itself one such layer.

    >>> from stl_algebra import strassen
    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> _ = convert(model, strassen())
    >>> revert(model), type(model[0]).__name__
    (['0'], 'Linear')
    """
    from stl_nn.calibration.calibrated_linear import CalibratedLinear

    if isinstance(model, STLLinear | CalibratedLinear | PointwiseConv):
        raise InvalidInput(f"the model is itself one {type(model).__name__}; take what its to_linear returns")
    dense: list[tuple[str, nn.Module, nn.Module]] = []
    inside: set[int] = set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        inside.update(map(id, module.children()) if isinstance(module, CalibratedLinear) else ())
        if isinstance(module, PointwiseConv) and isinstance(module.linear, STLLinear | CalibratedLinear):
            inside.update(map(id, module.linear.modules()))
            linear = module.linear.to_linear()
            dense.append((name, module, pointwise_from_linear(linear, module.dimensions, module.stride)))
        elif isinstance(module, STLLinear | CalibratedLinear):
            dense.append((name, module, as_replaced_kind(module.to_linear(), module)))
    if not dense:
        raise InvalidInput(f"{type(model).__name__} has no STLLinear layers to revert")
    for _, old, new in dense:
        put_in_place(model, old, new)
    return [name for name, _, _ in dense]


def encoder_for(
    name: str, linear: nn.Linear, encoders: Mapping[str, TileEncoder | None], depth: int = 0
) -> TileEncoder:
    """The encoder mapped to a layer. Raises Skipped, with the reason, where it has none or could not gain by it."""
    pattern = next((pattern for pattern in encoders if fnmatchcase(name, pattern)), None)
    chosen = None if pattern is None else encoders[pattern]
    if chosen is None:
        raise Skipped("no encoder is mapped to its name" if pattern is None else f"the pattern {pattern!r} leaves it")
    check_weight(linear.weight, repr(name))
    if 0 in linear.weight.shape:
        raise Skipped("it has no inputs or no outputs")
    if multiplications(linear.in_features, linear.out_features, chosen, depth) >= 1 > chosen.ratio:
        tile = whole_tile(chosen.format, depth)
        raise Skipped(f"too small: filled up to whole {tile} tiles it saves no multiplication")
    return chosen


def multiplications(in_features: int, out_features: int, encoder: TileEncoder, depth: int = 0) -> float:
    """Scalar products a layer takes by tiles against dense, for many rows, zero padding included.

    >>> from stl_algebra import strassen
    >>> multiplications(4, 3, strassen())
    1.1666666666666667
    """
    n, m, p = whole_tile(encoder.format, depth)
    rank = whole_rank(encoder.rank, depth)
    return rank * ceil(in_features / m) * ceil(out_features / p) / (n * in_features * out_features)


def _measured_break_even(linear: nn.Linear, layer: STLLinear) -> int:
    # Timed in evaluation mode, but with the dense fallback still off: break_even_rows is 0.
    found = measure_break_even(linear, layer.eval(), most=MOST_ROWS)
    layer.train(linear.training)
    return ALWAYS_DENSE if found is None else found


def checked_encoders(encoder: Encoders, model: nn.Module) -> Mapping[str, TileEncoder | None]:
    if not isinstance(encoder, Mapping):
        return {"*": check_encoder(encoder)}
    for one in encoder.values():
        if one is not None:
            check_encoder(one)
    names = [name for name, module in model.named_modules() if is_linear(module)]
    for pattern in encoder:
        if names and not any(fnmatchcase(name, pattern) for name in names):
            raise InvalidInput(
                f"the pattern {pattern!r} matches no linear layer of {type(model).__name__}; mend or drop it"
            )
    return encoder


def _report(name: str, linear: nn.Linear, layer: STLLinear) -> LayerReport:
    precision = PRECISION_OF_DTYPE[linear.weight.dtype]
    encoder, whole = layer.encoder, layer.encoder_tensors()
    return LayerReport(
        name,
        "Linear",
        linear.in_features,
        linear.out_features,
        tile=str(whole.tile),
        rank=whole.channels,
        multiplications=multiplications(linear.in_features, linear.out_features, encoder, layer.depth),
        precision=precision.name,
        predicted_error=encoder.error_at(precision),
        expected_error=expected_error(linear.weight.T, encoder, precision),
        parameters_before=_size(linear),
        parameters_after=_size(layer),
        break_even_rows=layer.break_even_rows if layer.keep_dense else None,
    )


def _skipped(done: Replacement) -> LayerReport:
    if done.linear is None:
        return LayerReport(done.name, done.kind, reason=done.reason)
    return LayerReport(done.name, done.kind, done.linear.in_features, done.linear.out_features, reason=done.reason)


def _size(module: nn.Module) -> int:
    return sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
