"""What the catalog's tests share: catalogs in temporary folders, and random encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog, Provenance
from stl_algebra import Format, TileEncoder

#: The fuzzing harness instruments what it imports, so it is run in a process of its own (test_coverage_fuzz.py).
collect_ignore = ["coverage_fuzz.py"]

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
