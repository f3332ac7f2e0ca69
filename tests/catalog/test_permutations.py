"""An encoder counts for every order of its dimensions: listed, chosen and found by id, without being stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from catalog import Catalog, Provenance
from catalog.equivalence import products_key, same_products
from catalog.image_ids import ImageIds, Images
from catalog.origin import origin, why_not_replayed
from cli import catalog_command
from stl_algebra import (
    Format,
    InvalidInput,
    Precision,
    TileEncoder,
    balance,
    classical,
    direct_sum,
    strassen,
    transpose,
)
from stl_algebra.schemes.orientation import orientations, reorient
from strassen_tile.starts import problem_from

RUN = CliRunner()
SCHEME = direct_sum(strassen(), classical(Format(1, 2, 2)), "n")  # 3x2x2 with 11 products
ORDERS = [(3, 2, 2), (2, 3, 2), (2, 2, 3)]


def test_the_best_of_a_format_may_be_stored_in_another_order(catalog: Catalog) -> None:
    stored = catalog.add(SCHEME, Provenance("flip", seed=3, recipe={"kind": "walk"}))
    for order in ORDERS:
        best = catalog.best(order, 11, exact=True)
        assert (best.format, best.rank, best.exact) == (order, 11, True)
        (entry,) = catalog.entries(order, rank=11, strategy="flip", exact=True)
        assert entry.encoder == best
        assert catalog.get(entry.id).encoder == best
        assert catalog.get(entry.id[:10]).encoder == best
    assert (entry.rank, entry.growth, entry.relative_error) == (11, stored.growth, 0.0)
    assert origin(entry) == f"From {stored.id[:10]} by permuting the dimensions. Found by flip with seed 3."
    assert entry.provenance.lineage == (stored.id,)
    assert (
        why_not_replayed(entry, catalog) == f"{entry.id[:10]} was made by permuting {stored.id[:10]}: replay that one"
    )
    assert len(catalog) == len(catalog.entries()) == 1  # no file holds the others


def test_another_process_finds_an_image_by_its_id(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(SCHEME, Provenance("flip"))
    (entry,) = catalog.entries((2, 2, 3))
    assert Catalog(catalog.directory, shipped=False).get(entry.id).encoder == entry.encoder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))  # where no image was made before
    again = Catalog(catalog.directory, shipped=False).get(entry.id)
    assert again.encoder == entry.encoder
    ancestor = Catalog(catalog.directory, shipped=False).ancestor(entry.id)
    assert ancestor is not None
    assert ancestor.encoder == entry.encoder


@pytest.mark.parametrize("second", range(6))
def test_what_is_stored_in_several_orders_is_listed_once(catalog: Catalog, second: int) -> None:
    """Whatever the order and scaling of products in the second file."""
    catalog.add(SCHEME, Provenance("flip"))
    order = list(permutations((3, 2, 2)))[second]
    images = orientations(SCHEME, Format(*order))
    image = images[second % len(images)]
    turned = np.random.default_rng(second).permutation(11)
    shuffled = TileEncoder.from_exact(
        image.format, -image.encode_x[turned], image.encode_w[turned], -image.decode[:, turned]
    )
    catalog.add(shuffled, Provenance("import"))
    for sides in ORDERS:
        stored = [entry for entry in catalog if entry.format == sides]
        found = catalog.entries(sides)
        assert len(found) == max(len(stored), 1)
        assert {entry.id for entry in stored} <= {entry.id for entry in found}


def test_encoders_that_differ_are_all_listed(catalog: Catalog, random_encoder: Callable[..., TileEncoder]) -> None:
    for seed in range(3):
        catalog.add(random_encoder(seed, 9, (2, 3, 2)), Provenance("lm"))
    catalog.add(random_encoder(5, 9, (2, 2, 3)), Provenance("lm"))
    assert [len(catalog.entries(order)) for order in ORDERS] == [4, 4, 4]
    assert len(catalog.entries((2, 2, 2))) == 0


def test_conditions_hold_for_images_too(catalog: Catalog) -> None:
    catalog.add(SCHEME, Provenance("flip"))
    assert catalog.entries((2, 2, 3), rank=10) == []
    assert catalog.entries((2, 2, 3), strategy="lm") == []
    assert catalog.entries((2, 2, 3), exact=False) == []
    assert [entry.rank for entry in catalog.entries((2, 2, 3), best=True)] == [11]


def test_a_search_starts_from_images(catalog: Catalog) -> None:
    catalog.add(SCHEME, Provenance("flip"))
    problem, starts = problem_from(catalog, Format(2, 2, 3), (11, 11), Precision.parse("bf16"))
    assert [encoder.format for encoder in problem.known] == [(2, 2, 3)]
    made = catalog.add(balance(problem.known[0]), Provenance("hop", lineage=(starts[0].id,), recipe={"kind": "hop"}))
    assert catalog.descent(made).keys() == {starts[0].id}


def test_a_damaged_source_has_no_images(catalog: Catalog) -> None:
    stored = catalog.add(SCHEME, Provenance("flip"))
    (entry,) = catalog.entries((2, 2, 3))
    stored.path.unlink()
    assert catalog.entries((2, 2, 3)) == []
    with pytest.raises(InvalidInput):
        catalog.get(entry.id)
    assert catalog.ancestor(entry.id) is None


def test_the_commands_take_the_id_of_an_image(catalog: Catalog) -> None:
    stored = catalog.add(SCHEME, Provenance("flip"))
    place = ["--no-shipped", "--catalog", str(catalog.directory)]
    listed = RUN.invoke(catalog_command, ["list", "--tile", "2x2x3", "--json", *place])
    (row,) = json.loads(listed.stdout)
    assert (row["format"], row["path"], row["lineage"]) == ("2x2x3", None, [stored.id])
    shown = RUN.invoke(catalog_command, ["show", row["id"][:8], *place]).stdout
    assert f"From {stored.id[:10]} by permuting the dimensions." in shown
    assert "none, it is made on demand" in shown
    target = catalog.directory / "out.json"
    assert RUN.invoke(catalog_command, ["export", row["id"], str(target), *place]).exit_code == 0
    removed = RUN.invoke(catalog_command, ["remove", row["id"], "--yes", *place])
    assert removed.exit_code == 1
    assert f"in no file: {stored.id[:10]} permuted" in " ".join(removed.stderr.split())


def test_shipped_formats_have_the_ranks_of_their_permutations() -> None:
    catalog = Catalog("no-such-directory")
    for sides, rank in (((3, 4, 5), 47), ((2, 4, 5), 32)):
        for order in permutations(sides):
            assert min(entry.rank for entry in catalog.entries(order, exact=True, real=True)) == rank
            assert catalog.best(order, rank, exact=True).format == order


def test_the_file_of_image_ids_may_break_or_be_unusable(tmp_path: Path) -> None:
    place = tmp_path / "images.sqlite"
    place.write_bytes(b"no database" * 100)
    format = Format(2, 2, 3)
    ids = ImageIds(place)
    ids.put("a", format, Images(["b", "c"], "k"))
    assert ids.known(format) == {"a": Images(["b", "c"], "k")}
    fresh = ImageIds(place)  # the broken file is gone
    assert fresh.known(format) == {}
    fresh.put("a", format, Images(["b"], "k"))
    assert ImageIds(place).sources("b") == [("b", "a", format)]
    (tmp_path / "file").touch()
    assert ImageIds(tmp_path / "file" / "below").known(format) == {}


def test_a_wrong_image_id_is_refused(catalog: Catalog) -> None:
    catalog.add(SCHEME, Provenance("flip"))
    catalog._permutations._ids.put(SCHEME.digest, Format(2, 3, 2), Images(["ee" * 32], "k"))
    with pytest.raises(InvalidInput, match="has no image eeeeeeeeee"):
        catalog.get("ee" * 32).encoder  # noqa: B018
    assert catalog.ancestor("ee" * 32) is None


@given(st.permutations((2, 3, 4)), st.permutations((2, 3, 4)), st.integers(0, 2**31))
def test_every_image_has_the_same_images(first: list[int], second: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    in_x, in_w, out = Format(*first).sizes
    x, w, d = (rng.normal(size=shape) for shape in ((3, in_x), (3, in_w), (out, 3)))
    encoder = TileEncoder(Format(*first), x, w, d)
    (image,) = orientations(encoder, Format(*second))
    assert image == reorient(encoder, Format(*second))
    for order in permutations((2, 3, 4)):
        assert orientations(image, Format(*order)) == orientations(encoder, Format(*order))


@given(st.sampled_from([(5, 2, 2), (2, 5, 2), (2, 2, 5)]), st.integers(0, 1))
def test_two_equal_dimensions_give_two_images(order: tuple[int, int, int], which: int) -> None:
    encoder = direct_sum(SCHEME, strassen(), "n")
    images = orientations(encoder, Format(*order))
    assert len(images) == 2
    assert orientations(images[which], Format(*order)) == images
    assert transpose(encoder) in orientations(images[which], Format(2, 2, 5))


@given(st.integers(0, 2**31))
def test_the_key_of_products_tells_what_the_comparison_tells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    order, signs = rng.permutation(7), rng.choice([-1, 1, 2, -4], (2, 7, 1))
    x, w, d = (factor[order] for factor in strassen().factors)
    other = TileEncoder.from_exact(Format(2, 2, 2), x * signs[0], w / signs[1], (d * (signs[1] / signs[0])).T)
    assert same_products(strassen(), other)
    assert products_key(strassen()) == products_key(other)
    assert products_key(strassen()) != products_key(transpose(strassen())) or same_products(
        strassen(), transpose(strassen())
    )
