"""Calibrating one layer, in rising cost: channels, refit, encoders of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import torch
from torch import Tensor, nn

from stl_algebra import TileEncoder
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.calibration.channels import Channels
from stl_nn.calibration.joint import refine
from stl_nn.calibration.moments import Moments
from stl_nn.calibration.refit import refit
from stl_nn.calibration.tile_system import TileSystem
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.linear import check_weight
from stl_nn.reference import encode_weight


class Level(StrEnum):
    """How much calibration may cost.

    moments  channels centred, scaled and ordered; weights encoded as ever: no linear algebra
    refit    encoded weights by least squares as well: one Cholesky factorisation of size K·r/m
    joint    encoders of the layer's own as well: some hundred factorisations of a sample, then a refit
    """

    MOMENTS = "moments"
    REFIT = "refit"
    JOINT = "joint"


@dataclass(frozen=True)
class Calibrated:
    """A calibrated layer, the relative output error its moments predict, and the seconds it took."""

    layer: CalibratedLinear
    expected_error: float
    seconds: float


@torch.no_grad()
def calibrate_linear(
    linear: nn.Linear, encoder: TileEncoder, moments: Moments, level: Level | str = Level.JOINT, seed: int = 0
) -> Calibrated:
    """The STL layer of a dense one, calibrated on the moments of its inputs (with as many lags as tiles have rows).

    Raises InvalidInput where the moments have too few lags, or the weight is not finite.

    >>> from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(100, 4))
    >>> calibrate_linear(nn.Linear(4, 4), strassen(), sums.result(), "moments").expected_error < 1e-6
    True
    """
    began, level = perf_counter(), Level(level)
    weight = check_weight(linear.weight, f"Linear({linear.in_features}, {linear.out_features})").detach().cpu().T
    channels = Channels.balanced(moments, weight, encoder.format.m)
    mapped = channels.weight(weight)
    system = TileSystem.of(encoder.format, channels.moments(moments), mapped)
    prior = None
    if level is Level.JOINT:
        encoder = refine(system, encoder, seed=seed)
    tensors = EncoderTensors.of(encoder, torch.float64)
    encoded = encode_weight(mapped, tensors)
    if level is not Level.MOMENTS:
        prior = encoded if level is Level.REFIT else None
        encoded = refit(system, tensors.encode_x, tensors.decode, prior)
    error = system.error(tensors.encode_x, tensors.decode, encoded)
    layer = CalibratedLinear.assemble(linear, encoder, channels, encoded)
    return Calibrated(layer, error * _centred_share(moments, weight), perf_counter() - began)


def _centred_share(moments: Moments, weight: Tensor) -> float:
    """E‖(x − E x)W‖² / E‖xW‖²: errors are quoted against the whole output, not the part that varies."""
    dense = weight.double()
    whole = torch.sum(dense * (moments.second @ dense))
    varying = torch.sum(dense * (moments.centred().second @ dense))
    return float(varying / whole) if whole > 0 else 0.0
