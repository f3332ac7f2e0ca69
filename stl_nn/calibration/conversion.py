"""`convert` with calibration: the same call and the same report, from a loader of real inputs."""

from __future__ import annotations

from torch import nn

from stl_nn.assignment import Encoders
from stl_nn.calibration.calibrate import CalibratedLayer, calibrate
from stl_nn.calibration.settings import Calibration
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.linear import STLLinear
from stl_nn.memory_use import peak_memory
from stl_nn.options import LayerOptions
from stl_nn.replacement import FilterFn
from stl_nn.report import ConversionReport, LayerReport, count_numbers, skipped_layer


def convert_calibrated(
    model: nn.Module,
    encoder: Encoders,
    calibration: Calibration,
    options: LayerOptions,
    filter_fn: FilterFn | None,
) -> ConversionReport:
    """Convert as `stl_nn.convert` does, each layer calibrated on what the loader feeds it.

    Parameters
    ----------
    model : nn.Module
        As of `stl_nn.convert`.
    encoder : TileEncoder, Entry, mapping or sequence
        As of `stl_nn.convert`.
    calibration : Calibration
        As of `stl_nn.convert`.
    options : LayerOptions
        As of `stl_nn.convert`.
    filter_fn : callable or None
        As of `stl_nn.convert`.

    Returns
    -------
    ConversionReport
        What became of each layer.
    """
    modules = dict(model.named_modules())
    kinds = {name: type(module).__name__ for name, module in modules.items()}
    sizes = {name: count_numbers(module) for name, module in modules.items()}
    done = calibrate(model, encoder, calibration, options, filter_fn=filter_fn)
    after = dict(model.named_modules())
    reports = [_report(layer, kinds[layer.name], sizes[layer.name], after[layer.name]) for layer in done.layers]
    reports += map(skipped_layer, done.skipped)
    order = {name: place for place, name in enumerate(kinds)}
    reports.sort(key=lambda report: order[report.name])
    return ConversionReport(tuple(reports), done.rows, done.seconds, peak_memory())


def _report(layer: CalibratedLayer, kind: str, before: int, module: nn.Module) -> LayerReport:
    stl = next(one for one in module.modules() if isinstance(one, STLLinear))
    precision = PRECISION_OF_DTYPE[stl.effective_weight().dtype]
    return LayerReport(
        layer.name,
        kind,
        layer.in_features,
        layer.out_features,
        tile=layer.tile,
        rank=layer.rank,
        multiplications=layer.multiplications,
        precision=precision.name,
        predicted_error=layer.predicted_error,
        calibrated_error=layer.expected_error,
        seconds=layer.seconds,
        parameters_before=before,
        parameters_after=count_numbers(module),
        break_even_rows=stl.break_even_rows if stl.keep_dense else None,
    )
