"""Calibrating one layer, in rising cost: channels, an encoder of its own, refit, both together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stl_algebra import Format, TileEncoder
from stl_nn.assignment import multiplications
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.calibration.channels import BLOCK, Channels
from stl_nn.calibration.joint import refine
from stl_nn.calibration.moments import InputMoments
from stl_nn.calibration.orientation import orientations, oriented
from stl_nn.calibration.outputs import Outputs
from stl_nn.calibration.refit import shrunken_refit
from stl_nn.calibration.tile_system import TileSystem
from stl_nn.calibration.weighted import nearly_weighted_encoder, weighted_encoders
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.options import DEFAULT_OPTIONS, LayerOptions
from stl_nn.reference import encode_weight
from stl_nn.weight_check import check_weight


class Level(StrEnum):
    """How much calibration may cost.

    Attributes
    ----------
    PERMUTATION
        Channels are centred, scaled and ordered by importance. The encoder is turned to the orientation that suits them
        best. Weights are as without data.
    MOMENTS
        Blocks of channels get a basis of their own, and the layer an encoder of its own, the best for its second
        moments. Weights are encoded by it.
    REFIT
        Encoded weights are fitted by least squares as well, as far as there are rows enough: one Cholesky factorisation
        of size K·r/m.
    JOINT
        The encoder is refined for the refitted weights: some hundred factorisations of a sample, then a refit.
    """

    PERMUTATION = "permutation"
    MOMENTS = "moments"
    REFIT = "refit"
    JOINT = "joint"


#: Moves from the best minimum, if all starts know nothing of the layer, and if one was made for a layer like it.
COLD, WARM = 12, 2
#: Orientations of an encoder, and sweeps of alternating least squares of each, that an error is predicted from. By the
#: one orientation that suits a layer best before any sweep, ranks would come out by a tenth or two too good or too bad.
PREDICTED, PREDICTED_SWEEPS = 24, 50


@dataclass(frozen=True)
class Calibrated:
    """A calibrated layer.

    Parameters
    ----------
    layer : CalibratedLinear
        The layer.
    expected_error : float
        The relative output error that its moments predict; with a sensitivity, that of the sensitivity-weighted
        outputs.
    seconds : float
        That calibrating it took.
    """

    layer: CalibratedLinear
    expected_error: float
    seconds: float


@torch.no_grad()
def calibrate_linear(
    linear: nn.Linear,
    encoder: TileEncoder,
    moments: InputMoments,
    level: Level | str = Level.JOINT,
    options: LayerOptions = DEFAULT_OPTIONS,
    *,
    seed: int = 0,
    learned: TileEncoder | None = None,
    sensitivity: Tensor | None = None,
    own: TileEncoder | None = None,
) -> Calibrated:
    """The STL layer of a dense one, calibrated on the moments of its inputs.

    An encoder of the layer's own is looked for from `encoder` in every orientation, and from the one `learned` for a
    layer like this one, if there is one: then not as long.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K to N features.
    encoder : TileEncoder
        The encoder to start from.
    moments : InputMoments
        Those of its inputs, with as many lags as tiles have rows.
    level : Level or str
        How much calibration may cost.
    options : LayerOptions
        How the layer holds its weight.
    seed : int
        Of all random choices.
    learned : TileEncoder or None
        An encoder found before for a layer of the same shape, or None.
    sensitivity : Tensor or None
        That of the network to each output channel, (N,), see `sensitivities`; None lets all channels count alike.
    own : TileEncoder or None
        The encoder that was found before for this layer by the same moments, taken as it is; or None.

    Returns
    -------
    Calibrated
        The layer, and the error that is left.

    Raises
    ------
    InvalidInput
        If the moments have too few lags, or the weight is not finite.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(100, 4))
    >>> calibrate_linear(nn.Linear(4, 4), strassen(), sums.result(), "moments").expected_error < 1e-6
    True
    """
    began, level = perf_counter(), Level(level)
    outputs, channels, mapped, system = _prepared(linear, moments, encoder.format, level, sensitivity)
    starts = _encoders(system, encoder, level, seed, learned) if own is None else [own]
    # The best as it is: the best once refitted to a sample of the layer leaves more of the whole, refitted, than this.
    fits = [min((_as_encoded(system, mapped, one) for one in starts), key=lambda fit: fit.error)]
    if level is Level.JOINT and not fits[0].encoder.exact:
        # Refined on a sample of the layer: better on the whole of it almost always, but not by necessity.
        fits.append(_as_encoded(system, mapped, refine(system, starts, seed=seed)))
    if level in (Level.REFIT, Level.JOINT):
        fits = [_refitted(system, fit) for fit in fits]
    error, encoder, encoded = min(fits, key=lambda fit: fit.error)
    layer = CalibratedLinear.assemble(linear, encoder, channels, encoded, outputs, options)
    whole, varying = _energies(linear, moments, outputs)
    return Calibrated(layer, error * varying / whole if whole > 0 else 0.0, perf_counter() - began)


@torch.no_grad()
def predicted_changes(
    linear: nn.Linear,
    encoders: Sequence[TileEncoder],
    moments: InputMoments,
    level: Level | str = Level.REFIT,
    sensitivity: Tensor | None = None,
) -> list[float]:
    """About what a layer calibrated with each of some encoders would change in the output of the network.

    The prediction takes some sweeps towards an encoder of the layer's own, for its mean tiles. What the tiles of the
    layer have to do with one another is measured with one encoder of a format and taken to be the same for all. No
    weight is refitted.

    Parameters
    ----------
    linear : nn.Linear
        As of `calibrate_linear`.
    encoders : sequence of TileEncoder
        The encoders.
    moments : InputMoments
        As of `calibrate_linear`.
    level : Level or str
        As of `calibrate_linear`.
    sensitivity : Tensor or None
        That of the network to each output channel, (N,). Without it a change is the relative error of the layer's own
        output.

    Returns
    -------
    list of float
        The change by each encoder.

    Raises
    ------
    InvalidInput
        As `calibrate_linear` does.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(100, 4))
    >>> predicted_changes(nn.Linear(4, 4), [strassen()], sums.result())[0] < 1e-4
    True
    """
    level = Level(level)
    prepared: dict[Format, tuple[Tensor, TileSystem, float]] = {}
    scales: dict[Format, float] = {}
    found = []
    for encoder in encoders:
        if encoder.format not in prepared:
            outputs, _, mapped, system = _prepared(linear, moments, encoder.format, level, sensitivity)
            whole, varying = _energies(linear, moments, outputs)
            scale = float(sensitivity.mean()) if sensitivity is not None else 1 / whole if whole > 0 else 0.0
            prepared[encoder.format] = mapped, system, varying * scale
        mapped, system, weight = prepared[encoder.format]
        if (tiles := system.tile_moments) is None:
            found.append(0.0)
            continue
        own = _nearly_calibrated(system, encoder, level)
        error = tiles.error_at(own, "bf16")
        if not own.exact and encoder.format not in scales:
            scales[encoder.format] = _as_encoded(system, mapped, own).error / error
        found.append(scales.get(encoder.format, 1.0) * error * weight)
    return found


def _prepared(
    linear: nn.Linear, moments: InputMoments, format: Format, level: Level, sensitivity: Tensor | None
) -> tuple[Outputs, Channels, Tensor, TileSystem]:
    """Output and input channels of a layer made ready for tiles, its weight (K, N) in them, and their system."""
    weight = check_weight(linear.weight, f"Linear({linear.in_features}, {linear.out_features})").detach().cpu().T
    if sensitivity is None:
        outputs = Outputs.identity(linear.out_features)
    else:
        dense = weight.double()
        outputs = Outputs.weighted(
            sensitivity.cpu(), torch.sum(dense * (moments.covariance() @ dense), dim=0), format.p
        )
    scaled = outputs.mapped(weight)
    channels = Channels.balanced(moments, scaled, format.m, block_of(linear, level))
    mapped = channels.weight(scaled)
    return outputs, channels, mapped, TileSystem.of(format, channels.moments(moments), mapped)


class _Fit(NamedTuple):
    """An encoder with encoded weights (r, K/m, N/p), and the relative output error that they leave."""

    error: float
    encoder: TileEncoder
    encoded: Tensor


def _encoders(
    system: TileSystem, encoder: TileEncoder, level: Level, seed: int, learned: TileEncoder | None
) -> list[TileEncoder]:
    """The encoders to choose from at a level."""
    if level is Level.PERMUTATION:
        return _oriented(system, encoder)
    if encoder.ring.is_exact_for_reals:
        return [encoder]  # its orientations would be computed exactly, too
    known = [] if learned is None else [learned]
    return weighted_encoders(system, [encoder, *orientations(encoder), *known], WARM if known else COLD, seed)


def _as_encoded(system: TileSystem, mapped: Tensor, encoder: TileEncoder) -> _Fit:
    tensors = EncoderTensors.of(encoder, torch.float64)
    encoded = encode_weight(mapped, tensors)
    return _Fit(system.error(tensors.encode_x, tensors.decode, encoded), encoder, encoded)


def _refitted(system: TileSystem, fit: _Fit) -> _Fit:
    tensors = EncoderTensors.of(fit.encoder, torch.float64)
    encoded, error = shrunken_refit(system, tensors.encode_x, tensors.decode, fit.encoded, fit.error)
    return _Fit(error, fit.encoder, encoded)


def _nearly_calibrated(system: TileSystem, encoder: TileEncoder, level: Level) -> TileEncoder:
    """About the encoder that calibration will find."""
    if level is Level.PERMUTATION:
        return _oriented(system, encoder)[0]
    return nearly_weighted_encoder(system, _oriented(system, encoder, PREDICTED), PREDICTED_SWEEPS)


def _oriented(system: TileSystem, encoder: TileEncoder, number: int = 1) -> list[TileEncoder]:
    """The orientations of least error on the mean tiles; the encoder itself if all of their products are zero."""
    moments = system.tile_moments
    return [encoder] if moments is None else oriented(encoder, moments, number=number)


def block_of(linear: nn.Linear, level: Level | str) -> int:
    """The channels of a block that a level gives a basis of its own; as many multiplications for each number of a row.

    Parameters
    ----------
    linear : nn.Linear
        The layer, K to N features.
    level : Level or str
        How much calibration may cost.

    Returns
    -------
    int
        A divisor of K, at most BLOCK, and at most a 32nd of N, so that the basis takes no more than 3 % of the dense
        product.

    Examples
    --------
    >>> block_of(nn.Linear(12, 1024), "refit"), block_of(nn.Linear(12, 16), "refit")
    (12, 1)
    """
    most = 1 if level == Level.PERMUTATION else min(BLOCK, linear.out_features // 32)
    return next(size for size in range(max(most, 1), 0, -1) if linear.in_features % size == 0)


def calibrated_multiplications(linear: nn.Linear, encoder: TileEncoder, level: Level | str, depth: int = 0) -> float:
    """Scalar products of a calibrated layer as a share of the dense one's: those of the tiles, and those of the basis.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, and how it is calibrated.
    encoder : TileEncoder
        The dense layer, and how it is calibrated.
    level : Level or str
        The dense layer, and how it is calibrated.
    depth : int
        Levels of Strassen's scheme.

    Returns
    -------
    float
        The share; above 1 it takes more than the dense layer.
    """
    share = multiplications(linear.in_features, linear.out_features, encoder, depth)
    block = block_of(linear, level)
    return share + (block / linear.out_features if block > 1 else 0)


def _energies(linear: nn.Linear, moments: InputMoments, outputs: Outputs) -> tuple[float, float]:
    """E‖xW'‖² and E‖(x − E x)W'‖²: errors are quoted against the whole output, not the part that varies."""
    dense = outputs.mapped(linear.weight.detach().cpu().T)
    whole = torch.sum(dense * (moments.second @ dense))
    return float(whole), float(torch.sum(dense * (moments.covariance() @ dense)))
