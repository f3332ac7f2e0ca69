"""What holds for every test: one thread of BLAS and of torch, examples that no clock judges, places of its own.

pytest runs one process a core, and more threads crawl.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from hypothesis import HealthCheck, settings

from catalog import Catalog, Provenance
from stl_algebra import Format, TileEncoder

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch, which is not imported yet
_limits = threadpoolctl.threadpool_limits(limits=1)

#: A slow example is no failure, nor are examples that are slow to draw; a hang is pytest-timeout's to name.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", **UNTIMED)
settings.register_profile("ci", **UNTIMED, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

RandomEncoder = Callable[..., TileEncoder]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the index of the shipped encoders is kept, once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own catalog and cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("STL_CATALOG", raising=False)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """An empty catalog of its own, without the shipped encoders."""
    return Catalog(tmp_path / "catalog", shipped=False)


@pytest.fixture
def found() -> Provenance:
    """A provenance with every field set."""
    return Provenance("test", seed=5, seconds=1.5, precision="bf16", details={"trial": 3}, lineage=("ab" * 32,))


@pytest.fixture
def random_encoder() -> RandomEncoder:
    """Approximate encoders: the same arguments give the same encoder."""

    def make(seed: int, rank: int = 5, format: tuple[int, int, int] = (2, 2, 2), scale: float = 1.0) -> TileEncoder:
        rng = np.random.default_rng(seed)
        in_x, in_w, out = Format(*format).sizes
        x, w, d = (scale * rng.normal(size=shape) for shape in ((rank, in_x), (rank, in_w), (out, rank)))
        return TileEncoder(Format(*format), x, w, d)

    return make
