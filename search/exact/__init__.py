"""Rounding solutions to exact encoders, and exact encoders to start from."""
