"""Minimising the error numerically: objective, Levenberg–Marquardt, alternating least squares, scoring."""
