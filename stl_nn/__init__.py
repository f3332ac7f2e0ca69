"""Using encoders in networks: the STL operator, the layer, and converting a model in one call.

Names are imported as they are first used, so that importing the package does not import torch. To read the package,
go from the operator upwards:

    tiling, reference     the operator by reshape and matmul: a page that says all it computes
    encoder_tensors       an encoder as torch tensors; recursion: levels of Strassen's scheme in its channels
    matmul, encoded, ops  the operator as a function, and in torch's operator library with kernels (cpu, gpu)
    linear                STLLinear, on weight_module (its weight) and encoder_module (its encoder); options
    replacement           the walk over a model that every conversion shares; pointwise, joining, fast_path
    conversion            `convert` and `revert`; assignment, break_even, report
    calibration           layers fitted to real inputs: settings, calibrate, layer, then what these use
    saving                converted models as files
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stl_nn.calibration.settings import Calibration
    from stl_nn.conversion import convert, revert
    from stl_nn.encoder_tensors import EncoderTensors
    from stl_nn.joining import join_layers, separate_layers
    from stl_nn.linear import STLLinear
    from stl_nn.matmul import stl_matmul
    from stl_nn.options import LayerOptions
    from stl_nn.reference import encode_weight
    from stl_nn.replacement import Skipped, replace_linears
    from stl_nn.report import ConversionReport, LayerReport
    from stl_nn.saving import load_converted, save_converted

_HOMES = {
    "Calibration": "calibration.settings",
    "ConversionReport": "report",
    "EncoderTensors": "encoder_tensors",
    "LayerOptions": "options",
    "LayerReport": "report",
    "STLLinear": "linear",
    "Skipped": "replacement",
    "convert": "conversion",
    "encode_weight": "reference",
    "join_layers": "joining",
    "load_converted": "saving",
    "replace_linears": "replacement",
    "revert": "conversion",
    "save_converted": "saving",
    "separate_layers": "joining",
    "stl_matmul": "matmul",
}

__all__ = [
    "Calibration",
    "ConversionReport",
    "EncoderTensors",
    "LayerOptions",
    "LayerReport",
    "STLLinear",
    "Skipped",
    "convert",
    "encode_weight",
    "join_layers",
    "load_converted",
    "replace_linears",
    "revert",
    "save_converted",
    "separate_layers",
    "stl_matmul",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
