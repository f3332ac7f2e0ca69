"""Converting a model's linear layers in one call, and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_nn.assignment import Encoders, checked_encoders, choices, encoder_for, multiplications
from stl_nn.break_even import break_even_rows as measure_break_even
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.calibration.conversion import convert_calibrated
from stl_nn.calibration.settings import Calibration
from stl_nn.expected_error import PRECISION_OF_DTYPE, expected_error
from stl_nn.linear import STLLinear
from stl_nn.options import ALWAYS_DENSE, DEFAULT_OPTIONS, LayerOptions, check_options
from stl_nn.pointwise import PointwiseConv, pointwise_from_linear
from stl_nn.replacement import FilterFn, Skipped, as_replaced_kind, put_in_place, replace_linears
from stl_nn.report import ConversionReport, LayerReport, count_numbers, skipped_layer

#: Break-even is looked for up to this many rows; a layer that is no faster there stays dense in evaluation.
MOST_ROWS = 2048


def convert(
    model: nn.Module,
    encoder: Encoders,
    options: LayerOptions = DEFAULT_OPTIONS,
    *,
    calibration: Calibration | Iterable[object] | None = None,
    filter_fn: FilterFn | None = None,
) -> ConversionReport:
    """Replace the linear layers of a model by STL layers, in place.

    Layers that cannot gain by it are skipped, and the report says why. If none is converted, a warning says so. A
    conversion that fails leaves the model as it was.

    Parameters
    ----------
    model : nn.Module
        The model. Its linear layers are nn.Linear, 1×1 convolutions, and the Conv1D of transformers.
    encoder : TileEncoder, Entry, mapping or sequence
        One for all layers: a tile encoder, or an entry of a catalog. Or a mapping from name patterns as of fnmatch to
        encoders, of which the first that matches counts; None leaves a layer as it is. For a calibration with a
        budget also a sequence to choose from for each layer.
    options : LayerOptions
        How the layers hold their weights and multiply. With `keep_dense` and without data, `break_even_rows` is
        measured, once for every shape, if it is not given.
    calibration : Calibration or iterable of object or None
        A loader of real inputs, or a `Calibration` that also says what may be fitted to them, in which order, and
        under which budget; None encodes the same weights without data.
    filter_fn : callable or None
        ``filter_fn(module, name)`` accepts layers; None accepts all.

    Returns
    -------
    ConversionReport
        What became of each layer; `print` shows it as a table.

    Raises
    ------
    InvalidInput
        If the model has no linear layers, the filter accepts none, a pattern matches none, a weight holds NaN, an
        encoder is none over the reals, or rounding to a layer's precision makes it worse than leaving products out.

    See Also
    --------
    revert : The way back.
    STLLinear : The layer.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> convert(nn.Sequential(nn.Linear(8, 8)), strassen()).multiplications
    0.875
    """
    options = check_options(options)
    if calibration is None:
        report = _convert_without_data(model, encoder, options, filter_fn)
    elif options.learnable or options.on_the_fly:
        raise InvalidInput("calibration fits encoded weights to frozen encoders: leave out learnable and on_the_fly")
    else:
        report = convert_calibrated(model, encoder, Calibration.of(calibration), options, filter_fn)
    if not report.converted:
        warnings.warn(f"{type(model).__name__} is as it was: {report.why_none_converted()}", stacklevel=2)
    return report


def revert(model: nn.Module) -> list[str]:
    """Put dense layers back in place of every STL layer of a model.

    Their weights are those kept by `keep_dense` or `on_the_fly`, else those recovered from the encoded ones, to
    rounding.

    Parameters
    ----------
    model : nn.Module
        The converted model.

    Returns
    -------
    list of str
        The names of the layers put back.

    Raises
    ------
    InvalidInput
        If there is nothing to revert, a weight has been refitted, or the model is itself one such layer. The model
        is untouched then.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> _ = convert(model, strassen())
    >>> revert(model), type(model[0]).__name__
    (['0'], 'Linear')
    """
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


def _convert_without_data(
    model: nn.Module, encoder: Encoders, options: LayerOptions, filter_fn: FilterFn | None
) -> ConversionReport:
    if choices(encoder) is not None:
        raise InvalidInput(
            "several encoders to choose from need calibration with a budget; give one encoder, or a mapping of patterns"
        )
    encoders = checked_encoders(encoder, model)
    reports: dict[str, LayerReport] = {}
    measured: dict[tuple[object, ...], int] = {}

    def make(name: str, linear: nn.Linear) -> nn.Module:
        chosen = encoder_for(name, linear, encoders, options.depth)
        layer = STLLinear.from_linear(linear, chosen, options)
        if linear.weight.dtype == torch.float16 and not layer.effective_weight().isfinite().all():
            raise Skipped("its weights leave the range of float16 once they are encoded")
        if options.keep_dense and options.break_even_rows is None:
            weight = linear.weight
            shape = (weight.shape, weight.dtype, weight.device, chosen.digest)
            if shape not in measured:
                measured[shape] = _measured_break_even(linear, layer)
            layer.break_even_rows = measured[shape]
        reports[name] = _report(name, linear, layer)
        return layer

    done = replace_linears(model, make, filter_fn)
    return ConversionReport(
        tuple(
            skipped_layer(one) if one.replacement is None else replace(reports[one.name], kind=one.kind) for one in done
        )
    )


def _measured_break_even(linear: nn.Linear, layer: STLLinear) -> int:
    # Timed in evaluation mode, but with the dense fallback still off: break_even_rows is 0.
    found = measure_break_even(linear, layer.eval(), most=MOST_ROWS)
    layer.train(linear.training)
    return ALWAYS_DENSE if found is None else found


def _report(name: str, linear: nn.Linear, layer: STLLinear) -> LayerReport:
    precision = PRECISION_OF_DTYPE[linear.weight.dtype]
    encoder, composed = layer.encoder, layer.encoder_tensors()
    return LayerReport(
        name,
        "Linear",
        linear.in_features,
        linear.out_features,
        tile=str(composed.tile),
        rank=composed.channels,
        multiplications=multiplications(linear.in_features, linear.out_features, encoder, layer.depth),
        precision=precision.name,
        predicted_error=encoder.error_at(precision),
        expected_error=expected_error(linear.weight.T, encoder, precision),
        parameters_before=count_numbers(linear),
        parameters_after=count_numbers(layer),
        break_even_rows=layer.break_even_rows if layer.keep_dense else None,
    )
