"""Converted models as files: saved, and loaded into the dense architecture to the last bit."""

from stl_nn.saving.load import load_converted
from stl_nn.saving.save import save_converted

__all__ = ["load_converted", "save_converted"]
