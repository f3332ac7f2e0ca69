"""Using encoders in networks: the STL operator, the layer, and converting a model in one call."""

from stl_nn.conversion import convert, revert
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.linear import STLLinear
from stl_nn.matmul import stl_matmul
from stl_nn.reference import encode_weight
from stl_nn.replacement import Skipped, replace_linears
from stl_nn.report import ConversionReport, LayerReport

__all__ = [
    "ConversionReport",
    "EncoderTensors",
    "LayerReport",
    "STLLinear",
    "Skipped",
    "convert",
    "encode_weight",
    "replace_linears",
    "revert",
    "stl_matmul",
]
