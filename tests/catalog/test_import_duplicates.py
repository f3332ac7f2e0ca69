"""An encoder that is there already, whatever the order, scaling and signs of its products, is not stored again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.interchange.writing import export
from cli import catalog_command
from stl_algebra import Ring, TileEncoder, strassen


def _file(encoder: TileEncoder, folder: Path) -> Path:
    """The encoder in a file of another collection's format where it is exact, in one of ours where not."""
    entry = Catalog(folder / encoder.digest, shipped=False).add(encoder, Provenance("lm"))
    return export(entry, folder / f"{encoder.digest}{'.json' if encoder.exact else '.safetensors'}")[0]


def _imported(catalog: Path, *files: Path) -> list[dict[str, Any]]:
    options = ["--catalog", str(catalog), "--no-shipped", "--approximate", "--json"]
    result = CliRunner().invoke(catalog_command, ["import", *map(str, files), *options])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def _reordered() -> TileEncoder:
    """Strassen's products in another order, with signs and a scaling by 2 that cancel out."""
    u, v, w = strassen().factors
    order = np.array([3, 0, 6, 2, 1, 5, 4])
    signs = np.array([1, -1, 1, -1, 1, 2, 1])[:, None]
    return TileEncoder.from_exact(strassen().format, (signs * u)[order], v[order], (w / signs)[order].T)


def test_a_second_copy_is_not_stored(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    assert _reordered() != strassen()
    first, second, third = _imported(catalog, *(_file(e, tmp_path) for e in (strassen(), _reordered(), strassen())))
    assert [r["status"] for r in (first, second, third)] == ["new", "same products: not stored again", "known"]
    assert first["id"] == second["id"] == third["id"] == strassen().digest
    assert [entry.id for entry in Catalog(catalog, shipped=False).entries()] == [strassen().digest]


def test_a_proof_of_what_was_approximate_is_stored(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    u, v, w = strassen().factors
    approximate = TileEncoder(strassen().format, u, v, w.T)
    assert [r["status"] for r in _imported(catalog, _file(approximate, tmp_path))] == ["new"]
    assert [r["status"] for r in _imported(catalog, _file(_reordered(), tmp_path))] == ["new"]
    again = _imported(catalog, _file(approximate, tmp_path))
    assert again[0]["status"] != "new"
    assert len(Catalog(catalog, shipped=False).entries()) == 2


@pytest.mark.parametrize("first", [0, 1])
def test_what_holds_modulo_2_is_another_thing(tmp_path: Path, first: int) -> None:
    u, v, w = (f % 2 for f in strassen().factors)
    both = [strassen(), TileEncoder(strassen().format, u, v, w.T, Ring.GF2)]
    for encoder in (both[first], both[1 - first]):
        assert _imported(tmp_path / "catalog", _file(encoder, tmp_path))[0]["status"] == "new"
