"""Calibration: from real inputs to converted layers that lose less."""

from stl_nn.calibration.moments import Moments, MomentSums, gather_moments

__all__ = ["MomentSums", "Moments", "gather_moments"]
