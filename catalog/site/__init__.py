"""The catalog as a static site: self-contained files that open from disk, without a network."""

from catalog.site.build import build

__all__ = ["build"]
