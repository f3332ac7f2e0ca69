"""The contract of a catalog: what goes in comes out, best is best, and ids name encoders."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import catalog.catalog
from catalog import Catalog, Entry, Provenance
from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, kronecker, strassen

RandomEncoder = Callable[..., TileEncoder]


def test_what_goes_in_comes_out(catalog: Catalog, found: Provenance, random_encoder: RandomEncoder) -> None:
    for encoder in (strassen(), kronecker(strassen(), strassen()), random_encoder(1), random_encoder(2, 7, (2, 3, 4))):
        entry = catalog.add(encoder, found)
        again = Catalog(catalog.directory, shipped=False).get(encoder.digest)
        assert again == entry
        assert again.provenance == found
        assert again.encoder == encoder
        assert again.encoder.ring is encoder.ring
        assert (again.relative_error, again.growth) == (encoder.relative_error, encoder.growth)


def test_adding_twice_changes_nothing(catalog: Catalog, found: Provenance) -> None:
    first = catalog.add(strassen(), found)
    stamp = first.path.stat().st_mtime_ns
    second = catalog.add(strassen(), Provenance("later"))
    assert second == first
    assert second.path.stat().st_mtime_ns == stamp
    assert len(catalog) == 1


def test_a_damaged_file_is_healed_by_adding_its_encoder_again(catalog: Catalog, found: Provenance) -> None:
    path = catalog.add(strassen(), found).path
    path.write_bytes(b"broken")
    assert len(catalog) == 0
    assert catalog.add(strassen(), found).encoder == strassen()
    assert catalog.failures() == {}


def test_best_has_the_least_error_at_the_precision(catalog: Catalog, found: Provenance) -> None:
    mild = kronecker(strassen(), strassen())
    x, w, d = mild.encode_x.copy(), mild.encode_w, mild.decode
    x[0, 0] += 1e-2  # nearly exact: better than the wild one in bf16, worse in fp32
    near = TileEncoder(mild.format, x, w, d)
    change = np.array([[1, 8], [0, 1]])
    skew = np.kron(change, change)
    inverse = np.rint(np.linalg.inv(skew))
    rows_x = mild.encode_x.reshape(-1, 4, 4) @ skew.T
    rows_w = np.einsum("ji,sjk->sik", inverse, mild.encode_w.reshape(-1, 4, 4))
    wild = TileEncoder.from_exact(
        mild.format,
        np.rint(rows_x.reshape(-1, 16)).astype(int),
        np.rint(rows_w.reshape(-1, 16)).astype(int),
        d.astype(int),
    )
    assert wild.growth > 100 * mild.growth
    for encoder in (wild, near):
        catalog.add(encoder, found)
    assert catalog.best(4, 49, "bf16") == near
    assert catalog.best(4, 49, "fp32") == wild
    assert catalog.best("4x4x4", 49, "bf16", exact=True) == wild
    assert catalog.best((4, 4, 4), None, "bf16", exact=False) == near
    assert [e.encoder for e in catalog.entries(4, best=True)] == [near]


def test_best_never_offers_an_encoder_over_gf2(catalog: Catalog, found: Provenance) -> None:
    s = strassen()
    modulo_2 = TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2)
    catalog.add(modulo_2, found)
    with pytest.raises(InvalidInput, match="no encoder of format 2x2x2 and rank 7"):
        catalog.best(2, 7)
    with pytest.raises(InvalidInput, match="no exact encoder"):
        catalog.best(2, 7, exact=True)
    assert [e.ring for e in catalog.entries(2)] == [Ring.GF2]
    assert catalog.entries(2, best=True) == []


def test_best_says_what_is_missing_and_what_is_there(catalog: Catalog, found: Provenance) -> None:
    catalog.add(strassen(), found)
    catalog.add(classical(Format(2, 2, 2)), found)
    with pytest.raises(
        InvalidInput, match=r"format 2x2x2 and rank 6 \(ranks known: 7–8\).*stl-search --tile 2x2x2 --rank 6"
    ):
        catalog.best(2, 6)
    with pytest.raises(InvalidInput, match="rank 9 does not fit"):
        catalog.best(2, 9)
    with pytest.raises(InvalidInput, match="is not a format"):
        catalog.best("4x", 9)
    with pytest.raises(InvalidInput, match="unknown precision"):
        catalog.best(2, 7, "bf17")


def test_best_passes_over_an_encoder_that_breaks_under_its_hands(catalog: Catalog, found: Provenance) -> None:
    s = strassen()
    good, better = (TileEncoder(s.format, s.encode_x * scale, s.encode_w, s.decode) for scale in (1.01, 1.001))
    path = catalog.add(better, found).path
    catalog.add(good, found)
    assert catalog.best(2, 7) == better
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the index cannot see this
    assert catalog.best(2, 7) == good
    assert [fault is None for _, fault in catalog.verify()].count(False) == 1


def test_prefixes_name_encoders(catalog: Catalog, found: Provenance, random_encoder: RandomEncoder) -> None:
    entries = [catalog.add(random_encoder(seed), found) for seed in range(3)]
    assert catalog.get(entries[1].id[:12]) == entries[1]
    assert catalog.get(entries[1].id[:12].upper()) == entries[1]
    for wrong, reason in (
        ("abc", "no encoder id"),
        ("xyz12345", "no encoder id"),
        ("0" * 64, "no encoder in"),
        ("", "no"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            catalog.get(wrong)


def test_a_shared_prefix_names_nobody(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(2):
        catalog.add(random_encoder(seed), found)
    rows = catalog._own.rows()
    alike = [dict(row, id=f"abcd{i}" + row["id"][5:]) for i, row in enumerate(rows)]
    monkeypatch.setattr(catalog._own, "rows", lambda *_: alike)
    with pytest.raises(InvalidInput, match="2 encoders have ids that start with abcd"):
        catalog.get("abcd")


def test_conditions_and_orders(catalog: Catalog, found: Provenance, random_encoder: RandomEncoder) -> None:
    catalog.add(strassen(), Provenance("construction"))
    catalog.add(classical(Format(2, 3, 4)), Provenance("construction"))
    catalog.add(random_encoder(3, 20, (2, 3, 4)), found)
    catalog.add(random_encoder(4, 6), found)

    def names(**conditions: object) -> list[tuple[str, int]]:
        return [(str(e.format), e.rank) for e in catalog.entries(**conditions)]  # type: ignore[arg-type]

    assert names() == [("2x2x2", 7), ("2x2x2", 6), ("2x3x4", 24), ("2x3x4", 20)]
    assert names(tile="2x3x4", rank=20) == [("2x3x4", 20)]
    assert names(rank=(7, 20)) == [("2x2x2", 7), ("2x3x4", 20)]
    assert names(ratio=(None, 0.8)) == [("2x2x2", 6)]
    assert names(exact=True) == names(strategy="construction") == names(ring="Z") == [("2x2x2", 7), ("2x3x4", 24)]
    assert names(error=(None, 0.5), precision="bf16") == [("2x2x2", 7), ("2x3x4", 24)]
    assert names(order="rank")[0] == ("2x2x2", 6)
    worst = max(catalog.entries(), key=lambda e: e.error_at("fp8-e4m3"))
    assert catalog.entries(order="error", precision="fp8-e4m3")[-1] == worst
    limit = worst.error_at("fp8-e4m3")
    assert worst in catalog.entries(error=(limit * 0.999, None), precision="fp8-e4m3")
    assert worst not in catalog.entries(error=(None, limit * 0.999), precision="fp8-e4m3")
    with pytest.raises(InvalidInput, match="unknown order"):
        catalog.entries(order="beauty")


def test_entries_speak_json(catalog: Catalog, found: Provenance) -> None:
    shown = catalog.add(strassen(), found).as_json("fp8")
    assert shown["format"] == "2x2x2"
    assert shown["precision"] == "fp8-e4m3"
    assert shown["error_at_precision"] == strassen().error_at("fp8-e4m3")
    promised = {"id", "format", "rank", "relative_error", "growth", "precision", "error_at_precision"}
    promised |= {"exact", "ring", "strategy", "seed", "seconds", "path"}
    assert promised <= set(shown)


def test_two_catalogs_are_read_as_one(tmp_path: Path, found: Provenance, random_encoder: RandomEncoder) -> None:
    both = Catalog(tmp_path / "own")
    shipped = len(both)
    assert shipped > 0
    assert not both.directory.exists()  # looking leaves no trace
    entry = both.add(random_encoder(1), found)
    assert (len(both), entry.shipped) == (shipped + 1, False)
    own_strassen = both.add(strassen(), found)
    assert not both.get(own_strassen.id).shipped
    assert len(both) == shipped + 1
    assert len(Catalog(tmp_path / "own", shipped=False)) == 2


def test_the_shipped_catalog_is_sound_and_stays_as_it_is(tmp_path: Path) -> None:
    before = sorted((p.name, p.stat().st_mtime_ns) for p in catalog.catalog.SHIPPED.iterdir())
    shipped = Catalog(tmp_path / "own")
    assert [fault for _, fault in shipped.verify() if fault] == []
    shipped.reindex()
    assert sorted((p.name, p.stat().st_mtime_ns) for p in catalog.catalog.SHIPPED.iterdir()) == before


def test_the_default_catalog_is_the_one_named_or_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Catalog.default().directory.is_relative_to(tmp_path / "data")
    monkeypatch.setenv("STL_CATALOG", str(tmp_path / "named"))
    assert Catalog.default(shipped=False).directory == tmp_path / "named"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, found: Provenance) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInput, match=r"catalog folder .*file.* cannot be written .*--catalog DIR"):
            Catalog(place, shipped=False).add(strassen(), found)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Catalog(tmp_path / "file", shipped=False).entries()


def test_a_warning_names_the_damaged_file_once(
    catalog: Catalog, found: Provenance, caplog: pytest.LogCaptureFixture
) -> None:
    path = catalog.add(strassen(), found).path
    catalog.add(classical(Format(2, 2, 2)), found)
    path.write_bytes(path.read_bytes()[:-8])
    with caplog.at_level(logging.WARNING, "catalog"):
        listed: list[Entry] = catalog.entries() + catalog.entries()
    assert [e.rank for e in listed] == [8, 8]
    assert [r.message for r in caplog.records if path.name in r.message] == [caplog.records[0].message]
    assert list(catalog.failures()) == [path]
