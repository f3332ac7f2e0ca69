"""`convert` with calibration: the same call and the same report, from a loader of real inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from stl_algebra import TileEncoder
from stl_nn.calibration.calibrate import CalibratedLayer, calibrate
from stl_nn.calibration.settings import Calibration
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.linear import STLLinear
from stl_nn.memory_use import peak_memory
from stl_nn.replacement import FilterFn
from stl_nn.report import ConversionReport, LayerReport


def convert_calibrated(
    model: nn.Module,
    encoder: TileEncoder | Mapping[str, TileEncoder | None] | Sequence[TileEncoder],
    filter_fn: FilterFn | None,
    calibration: Calibration | Iterable[object],
    keep_dense: bool = False,
    break_even_rows: int = 0,
    depth: int = 0,
) -> ConversionReport:
    """Convert as `stl_nn.convert` does, each layer calibrated on what the loader feeds it."""
    told = calibration if isinstance(calibration, Calibration) else Calibration(calibration)
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    sizes = {name: _size(module) for name, module in model.named_modules()}
    done = calibrate(
        model,
        encoder,
        told.batches,
        told.run,
        level=told.level,
        sequential=told.sequential,
        budget=told.budget,
        filter_fn=filter_fn,
        seed=told.seed,
        keep_dense=keep_dense,
        break_even_rows=break_even_rows,
        on_layer=told.on_layer,
        depth=depth,
        probe=told.probe,
    )
    after = dict(model.named_modules())
    reports = [
        _report(layer, kinds[layer.name], sizes[layer.name], after[layer.name], keep_dense) for layer in done.layers
    ]
    for one in done.skipped:
        shape: tuple[Any, Any] = (one.linear.in_features, one.linear.out_features) if one.linear else (None, None)
        reports.append(LayerReport(one.name, one.kind, *shape, reason=one.reason))
    order = {name: place for place, name in enumerate(kinds)}
    reports.sort(key=lambda report: order[report.name])
    return ConversionReport(tuple(reports), done.rows, done.seconds, peak_memory())


def _report(layer: CalibratedLayer, kind: str, before: int, module: nn.Module, keep_dense: bool) -> LayerReport:
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
        parameters_after=_size(module),
        break_even_rows=stl.break_even_rows if keep_dense else None,
    )


def _size(module: nn.Module) -> int:
    return sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
