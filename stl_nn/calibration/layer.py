"""Calibrating one layer, in rising cost: channels, an encoder of its own, refit, both together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import torch
from torch import Tensor, nn

from stl_algebra import TileEncoder
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.calibration.channels import Channels
from stl_nn.calibration.joint import best_refitted, refine
from stl_nn.calibration.moments import Moments
from stl_nn.calibration.refit import refit
from stl_nn.calibration.tile_system import TileSystem
from stl_nn.calibration.weighted import weighted_encoders
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.linear import check_weight
from stl_nn.reference import encode_weight


class Level(StrEnum):
    """How much calibration may cost.

    permutation  channels centred, scaled and ordered by importance; encoder and weights as without data
    moments      an encoder of the layer's own as well, the best for its second moments; weights encoded by it
    refit        encoded weights by least squares as well: one Cholesky factorisation of size K·r/m
    joint        the encoder refined for the refitted weights: some hundred factorisations of a sample, then a refit
    """

    PERMUTATION = "permutation"
    MOMENTS = "moments"
    REFIT = "refit"
    JOINT = "joint"


#: Random starts tried beside the encoder given.
RANDOM_STARTS = {Level.MOMENTS: 7, Level.REFIT: 7, Level.JOINT: 15}


@dataclass(frozen=True)
class Calibrated:
    """A calibrated layer, the relative output error its moments predict, and the seconds it took."""

    layer: CalibratedLinear
    expected_error: float
    seconds: float


@torch.no_grad()
def calibrate_linear(
    linear: nn.Linear,
    encoder: TileEncoder,
    moments: Moments,
    level: Level | str = Level.JOINT,
    seed: int = 0,
    random_starts: int | None = None,
    keep_dense: bool = False,
    break_even_rows: int = 0,
) -> Calibrated:
    """The STL layer of a dense one, calibrated on the moments of its inputs (with as many lags as tiles have rows).

    An encoder of the layer's own is looked for from `encoder` and from `random_starts` random ones, by default as
    many as RANDOM_STARTS says for the level: what is best without data is not what can be refitted best.

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
    if level is not Level.PERMUTATION:
        more = RANDOM_STARTS[level] if random_starts is None else random_starts
        starts = weighted_encoders(system, encoder, more, seed=seed)
        if level is Level.JOINT:
            encoder = refine(system, starts, seed=seed)
        else:
            encoder = best_refitted(system, starts, seed) if level is Level.REFIT else starts[0]
    tensors = EncoderTensors.of(encoder, torch.float64)
    encoded = encode_weight(mapped, tensors)
    if level in (Level.REFIT, Level.JOINT):
        prior = encoded if level is Level.REFIT else None
        encoded = refit(system, tensors.encode_x, tensors.decode, prior)
    error = system.error(tensors.encode_x, tensors.decode, encoded)
    layer = CalibratedLinear.assemble(
        linear, encoder, channels, encoded, keep_dense=keep_dense, break_even_rows=break_even_rows
    )
    return Calibrated(layer, error * _centred_share(moments, weight), perf_counter() - began)


def _centred_share(moments: Moments, weight: Tensor) -> float:
    """E‖(x − E x)W‖² / E‖xW‖²: errors are quoted against the whole output, not the part that varies."""
    dense = weight.double()
    whole = torch.sum(dense * (moments.second @ dense))
    varying = torch.sum(dense * (moments.centred().second @ dense))
    return float(varying / whole) if whole > 0 else 0.0
