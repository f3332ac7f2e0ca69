"""The static site: complete and self-contained on disk, and working in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from catalog import Catalog, Provenance
from catalog.encoder_file import pack
from catalog.naive import naive_error
from catalog.site.lineage import Lineage
from cli import catalog_command
from stl_algebra import Format, InvalidInput, Precision, Ring, TileEncoder, classical, kronecker, strassen

pytest.importorskip("jinja2")
from catalog.site import build

RandomEncoder = Callable[..., TileEncoder]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: More than the table shows at first.
FILLED = 200
HOSTILE = "<img src=x onerror=alert(1)></script>"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog with a lineage, every kind of ring, and text that would break a careless page."""
    catalog = Catalog(tmp_path_factory.mktemp("filled") / "catalog", shipped=False)
    parent = catalog.add(strassen(), Provenance("construction", details={"derivation": "Strassen's algorithm"}))
    catalog.add(kronecker(strassen(), strassen()), Provenance("construction", lineage=(parent.id, "f" * 64)))
    catalog.add(classical(Format(2, 3, 4)), Provenance(HOSTILE, details={HOSTILE: HOSTILE}))
    s = strassen()
    catalog.add(TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2), Provenance("import"))
    rng = np.random.default_rng(0)
    for seed in range(FILLED - 4):
        draw = 0.4 * rng.normal(size=(3, 3 + seed % 5, 4))
        encoder = TileEncoder(s.format, draw[0], draw[1], draw[2].T)
        path = catalog.directory / f"{encoder.digest}.safetensors"
        path.write_bytes(pack(encoder, Provenance("random", seed=seed)))  # as `add`, without waiting for the disk
    return catalog


def test_the_site_is_complete_and_names_no_other_place(filled: Catalog, tmp_path: Path) -> None:
    site = tmp_path / "site"
    result = CliRunner().invoke(
        catalog_command, ["site", str(site), "--catalog", str(filled.directory), "--no-shipped"]
    )
    assert result.exit_code == 0
    assert f"{FILLED} encoders written" in result.stdout
    ids = {entry.id for entry in filled.entries()}
    assert {p.stem for p in (site / "encoders").iterdir()} == {p.stem for p in (site / "files").iterdir()} == ids
    for entry in filled.entries()[:3]:
        assert (site / "files" / f"{entry.id}.safetensors").read_bytes() == entry.path.read_bytes()
    pages = [site / "index.html", *(site / "encoders").glob("*.html")]
    for path in [*pages, *(site / "assets").iterdir()]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "<img" not in text
    for path in pages:
        for link in re.findall(r'(?:href|src)="([^"#]+)"', path.read_text(encoding="utf-8")):
            assert link.startswith("data:") or (path.parent / link).exists(), f"{path} links to {link}"


def test_an_encoder_that_broke_meanwhile_is_left_out(catalog: Catalog, found: Provenance, tmp_path: Path) -> None:
    catalog.add(strassen(), found)
    entries = [*catalog.entries(), catalog.add(classical(Format(2, 2, 2)), found)]
    assert build(entries, tmp_path / "site") == 2
    (tmp_path / "site" / "encoders" / "mine.html").write_text("stays")
    fresh = catalog.entries()  # without the encoders that the old entries have read already
    fresh[0].path.write_bytes(b"broken")
    assert build(fresh, tmp_path / "site") == 1
    pages = sorted(path.name for path in (tmp_path / "site" / "encoders").iterdir())
    assert pages == sorted([f"{fresh[1].id}.html", "mine.html"])


def test_a_folder_that_cannot_be_written_is_one_sentence(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidInput, match="cannot be written"):
        build(catalog.entries(), tmp_path / "file")


def test_lineage_survives_files_that_claim_to_be_their_own_ancestors(
    catalog: Catalog, random_encoder: RandomEncoder
) -> None:
    first, second = random_encoder(1), random_encoder(2)
    catalog.add(first, Provenance("loop", lineage=(second.digest, first.digest)))
    catalog.add(second, Provenance("loop", lineage=(first.digest,)))
    alone = catalog.add(random_encoder(3), Provenance("alone"))
    lineage = Lineage(catalog.entries())
    for id in (first.digest, second.digest):
        drawing = lineage.around(id)
        assert drawing is not None
        assert {box.id for box in drawing.boxes} == {first.digest, second.digest}
    assert lineage.around(alone.id) is None


def test_lineage_puts_parents_above_children(filled: Catalog) -> None:
    child = filled.entries(4)[0]
    drawing = Lineage(filled.entries()).around(child.id)
    assert drawing is not None
    places = {box.id: box for box in drawing.boxes}
    assert len(places) == 3
    assert all(places[parent].y < places[child.id].y for parent in child.provenance.lineage)
    assert [places[id].known for id in ("f" * 64, strassen().digest)] == [False, True]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; the tests skip where it or Playwright is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=0)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def index(filled: Catalog, tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("site")
    build(filled.entries(), target)
    return (target / "index.html").as_uri()


def opened(browser: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """A page, and every complaint it makes: script errors, console errors, requests beyond the disk."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(0)  # what never comes is pytest-timeout's to name
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    page.goto(address)
    return page, complaints


def test_the_table_filters_and_sorts(browser: Any, index: str, filled: Catalog) -> None:
    page, complaints = opened(browser, index)
    rows = page.locator("#table tbody tr")
    assert f"{FILLED} of {FILLED}" in page.inner_text("#count")
    assert rows.count() < FILLED  # the rest is added when it is scrolled to
    page.fill("#filter", "4x4x4 rank<50")
    assert rows.count() == 1
    page.fill("#filter", "random rank>=6 error<1e9")
    assert {row.split("\t")[1] for row in rows.all_inner_texts()} == {"6", "7"}
    page.fill("#filter", "")
    page.check("#best")
    bf16 = Precision.parse("bf16")
    better = {  # leaving products out is no entry, but what errs more than that is not the best of its rank
        (one.format, one.rank)
        for one in filled.entries(real=True)
        if one.error_at(bf16) <= naive_error(one.format, one.rank, bf16) * (1 + 1e-12)
    }
    assert 0 < len(better) < len({(one.format, one.rank) for one in filled.entries(real=True)})
    assert page.inner_text("#count").startswith(f"{len(better)} of")
    page.uncheck("#best")
    page.click("#table th button >> text=growth")
    growths = [float(row.split("\t")[5]) for row in rows.all_inner_texts()]
    assert growths == sorted(growths)
    page.click("#table th button >> text=growth")
    assert page.locator("#table th[aria-sort=descending]").inner_text().startswith("growth")
    growths = [float(row.split("\t")[5]) for row in rows.all_inner_texts()]
    assert growths == sorted(growths, reverse=True)
    assert complaints == []


def test_rows_are_added_by_scrolling(browser: Any, index: str) -> None:
    page, _ = opened(browser, index)
    page.locator("#more").scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelectorAll('#table tbody tr').length === {FILLED}")
    assert page.locator("#more").is_hidden()


def test_the_plot_follows_precision_and_format(browser: Any, index: str) -> None:
    page, complaints = opened(browser, index)
    at_bf16 = page.get_attribute("#plot a >> nth=0", "aria-label")
    assert at_bf16.endswith("at bf16")
    page.select_option("#precision", "fp32")
    assert page.get_attribute("#plot a >> nth=0", "aria-label").endswith("at fp32")
    assert "error@fp32" in page.inner_text("#table thead")
    page.select_option("#scale", "linear")
    assert "0.2" in page.locator("#plot text").all_text_contents()
    page.click("#legend button >> text=2x2x2")
    assert page.input_value("#plot-format") == "2x2x2"
    assert {"naive", "best exact rank 7", "border rank 7"} <= set(page.locator("#plot text").all_text_contents())
    labels = [a.get_attribute("aria-label") for a in page.locator("#plot a").all()]
    assert labels
    assert all(label.startswith("2x2x2") for label in labels)
    assert complaints == []


def test_figures_are_those_of_the_catalog(browser: Any, index: str, filled: Catalog) -> None:
    page, _ = opened(browser, index)
    shown = page.evaluate("catalog.entries.map(e => [e.id, catalog.precisions.map(p => catalog.errorAt(e, p))])")
    precisions = page.evaluate("catalog.precisions")
    entries = {entry.id: entry for entry in filled.entries()}
    for id, errors in shown:
        assert errors == pytest.approx([entries[id].error_at(name) for name in precisions], rel=1e-12)


def test_keyboard_alone_reaches_an_encoder(browser: Any, index: str) -> None:
    page, complaints = opened(browser, index)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#filter")
    page.keyboard.type("4x4x4")
    page.focus("#table tbody a >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=4x4x4, rank 49")
    page.focus("canvas.map >> nth=1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expected = kronecker(strassen(), strassen()).encode_w[1, 1]
    assert page.inner_text("#readout") == f"E_W, product 2, entry 2: {expected:g}"
    assert complaints == []


def test_an_encoders_page_shows_its_matrices_formulas_and_lineage(browser: Any, index: str) -> None:
    address = index.replace("index.html", f"encoders/{kronecker(strassen(), strassen()).digest}.html")
    page, complaints = opened(browser, address)
    colours = page.evaluate(
        """[...document.querySelectorAll('canvas.map')].map(canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return [...new Set(Array.from({length: data.length / 4}, (_, i) => data.slice(4 * i, 4 * i + 4).join()))];
        })"""
    )
    assert all(len(found) == 4 for found in colours)  # positive, negative, zero, and the gap between
    assert page.locator("svg.lineage a").count() == 1
    page.click("details summary")
    assert "m49 = " in page.inner_text(".formulas")
    page.click("svg.lineage a")
    page.wait_for_selector("h1 >> text=2x2x2, rank 7")
    assert "m1 = (a11 + a22) * (b11 + b22)" in page.inner_text(".formulas")
    assert complaints == []


def test_hostile_text_stays_text(browser: Any, index: str) -> None:
    page, complaints = opened(browser, index)
    page.fill("#filter", "2x3x4 onerror")
    assert HOSTILE in page.inner_text("#table tbody")
    page.click("#table tbody a >> nth=0")
    page.wait_for_selector("h1 >> text=2x3x4")
    assert HOSTILE in page.inner_text("main")
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_colour_scheme(browser: Any, index: str, scheme: str) -> None:
    page, complaints = opened(browser, index, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    addresses = [index, index.replace("index.html", f"encoders/{kronecker(strassen(), strassen()).digest}.html")]
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        ink, paper = (
            np.array(re.findall(r"\d+", page.evaluate(f"getComputedStyle(document.body).{name}"))[:3], float)
            for name in ("color", "backgroundColor")
        )
        assert (paper.mean() > ink.mean()) == (scheme == "light")
        assert abs(paper.mean() - ink.mean()) > 150
    assert complaints == []
