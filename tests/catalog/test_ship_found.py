"""Taking the frontier of a catalog into another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog import Catalog, Provenance, Stored
from catalog.ship_found import ship_found
from stl_algebra import Format, TileEncoder, classical, strassen

FORMAT = Format(2, 2, 2)


def _approximate(seed: int, size: float) -> TileEncoder:
    rng = np.random.default_rng(seed)
    u, v, w = (size * rng.standard_normal((5, 4)) for _ in range(3))
    return TileEncoder(FORMAT, u, v, w.T)


def _ids(directory: Path) -> set[str]:
    return {entry.id for entry in Catalog(directory, shipped=False).entries()}


def test_the_best_at_each_precision_are_taken_and_the_beaten_removed(tmp_path: Path) -> None:
    source, shipped = tmp_path / "source", tmp_path / "shipped"
    found = Provenance("lm", seed=1)
    good, bad, later = _approximate(0, 0.3), _approximate(1, 2.0), _approximate(2, 0.01)
    assert later.relative_error < good.relative_error < bad.relative_error
    for encoder in (good, bad):
        Catalog(source, shipped=False).add(encoder, found)
    assert ship_found(source, shipped) == (1, 0)
    assert [path.name for path in shipped.iterdir()] == ["2x2x2.pack.safetensors"]
    assert _ids(shipped) == {good.digest}
    assert ship_found(source, shipped) == (0, 0)
    Catalog(source, shipped=False).add(later, found)
    assert ship_found(source, shipped) == (1, 1)
    assert _ids(shipped) == {later.digest}


def test_constructions_stay_and_need_no_equal(tmp_path: Path) -> None:
    source, shipped = tmp_path / "source", tmp_path / "shipped"
    Catalog(shipped, shipped=False, packed=True).add(strassen(), Provenance("construction"))
    Catalog(source, shipped=False).add(_approximate(3, 0.2), Provenance("orbit"))
    u, v, w = strassen().factors
    permuted = TileEncoder(FORMAT, -u, -v, w.T, strassen().ring)  # the same in other signs: exact, found
    Catalog(source, shipped=False).add(permuted, Provenance("lm"))
    ship_found(source, shipped)
    assert strassen().digest in _ids(shipped)
    assert permuted.digest in _ids(shipped)  # the best exact one that was found is kept as such
    assert len(_ids(shipped)) == 3


def test_products_left_out_are_taken_where_nothing_is_better(tmp_path: Path) -> None:
    source, shipped = tmp_path / "source", tmp_path / "shipped"
    u, v, w = classical(FORMAT).factors
    naive = {rank: TileEncoder(FORMAT, u[:rank], v[:rank], w[:rank].T) for rank in (1, 5)}
    for encoder in naive.values():
        Catalog(source, shipped=False).add(encoder, Provenance("construction"))
    better = TileEncoder(FORMAT, u[:5], v[:5], (1.001 * w[:5]).T)
    assert better.relative_error > naive[5].relative_error
    Catalog(source, shipped=False).add(better, Provenance("lm"))
    ship_found(source, shipped)
    assert _ids(shipped) == {naive[1].digest, naive[5].digest}


def test_ancestors_come_with_what_is_shipped_and_go_with_it(tmp_path: Path) -> None:
    source, shipped = tmp_path / "source", tmp_path / "shipped"
    parent, good, better = _approximate(4, 1.0), _approximate(0, 0.3), _approximate(2, 0.01)
    found = Provenance("lm", seed=1, lineage=(parent.digest,), recipe={"seed": 1})
    Catalog(source, shipped=False).add(good, found, [Stored(parent, Provenance("lm", recipe={"seed": 0}))])
    ship_found(source, shipped)
    catalog = Catalog(shipped, shipped=False)
    assert list(catalog.descent(catalog.get(good.digest))) == [parent.digest]
    assert _ids(shipped) == {good.digest}
    Catalog(source, shipped=False).add(better, Provenance("als"))
    assert ship_found(source, shipped) == (1, 1)
    assert catalog.ancestor(parent.digest) is None
