"""Timing layers: where the time goes, and which encoders gain."""
