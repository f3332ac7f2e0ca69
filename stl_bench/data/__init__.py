"""Texts and images that networks are calibrated and judged on."""
