"""Calibration: from real inputs to converted layers that lose less."""

from stl_nn.calibration.calibrate import CalibratedLayer, CalibrationReport, calibrate
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.calibration.channels import Channels
from stl_nn.calibration.gathering import gather_moments
from stl_nn.calibration.joint import refine
from stl_nn.calibration.layer import Calibrated, Level, calibrate_linear
from stl_nn.calibration.moments import InputMoments, MomentSums
from stl_nn.calibration.refit import refit
from stl_nn.calibration.sensitivity import sampled_likelihood, sampled_squares, sensitivities
from stl_nn.calibration.settings import Calibration, Precomputed
from stl_nn.calibration.tile_system import TileSystem
from stl_nn.calibration.weighted import weighted_encoders

__all__ = [
    "Calibrated",
    "CalibratedLayer",
    "CalibratedLinear",
    "Calibration",
    "CalibrationReport",
    "Channels",
    "InputMoments",
    "Level",
    "MomentSums",
    "Precomputed",
    "TileSystem",
    "calibrate",
    "calibrate_linear",
    "gather_moments",
    "refine",
    "refit",
    "sampled_likelihood",
    "sampled_squares",
    "sensitivities",
    "weighted_encoders",
]
