"""The documents: their Python runs, their lists are whole, their tables and pictures come from what is recorded."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from catalog.interchange import ENDINGS
from search.strategies.names import NAMES, ON_REQUEST
from stl_bench.report.tables import tables
from stl_nn import LayerOptions

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"<!-- table: ([\w-]+) -->")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _snippets(page: Path) -> list[str]:
    return _PYTHON.findall(page.read_text(encoding="utf-8"))


def _bert() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    return BertModel(BertConfig(vocab_size=50, **sizes)), {"input_ids": torch.arange(10)[None]}


def _transformer_layer() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    return nn.TransformerEncoderLayer(32, 2, 64, batch_first=True), {"src": torch.randn(2, 10, 32)}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _snippets(page) and page.name != "README.md"], ids=lambda page: page.name
)
def test_the_python_of_a_page_runs(page: Path) -> None:
    # One namespace a page, as a reader would paste them. What stands below a guard of __main__ is only compiled.
    torch.manual_seed(0)
    namespace = {"__name__": "page"}
    for snippet in _snippets(page):
        exec(compile(snippet, str(page), "exec"), namespace)


@pytest.mark.parametrize("make", [_bert, _transformer_layer])
def test_the_three_lines_of_the_readme_convert(make) -> None:
    torch.manual_seed(0)
    model, batch = make()
    model.eval()
    with torch.no_grad():
        before = model(**batch)
        namespace = {"__name__": "page", "model": model}
        for snippet in _snippets(ROOT / "README.md"):
            exec(compile(snippet, "README.md", "exec"), namespace)
        after = model(**batch)
    if not isinstance(before, torch.Tensor):
        before, after = before.last_hidden_state, after.last_hidden_state
    assert namespace["report"].converted
    assert namespace["report"].multiplications == 0.75
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_documents_and_examples_import_from_the_public_face() -> None:
    files = [*PAGES, *sorted((ROOT / "examples").glob("*.py"))]
    against = [file.name for file in files if re.search(r"from (catalog|stl_nn)\b.* import", file.read_text("utf-8"))]
    assert against == []


def test_the_readme_is_a_page() -> None:
    assert len(_text("README.md").splitlines()) <= 110


def test_every_table_of_results_stands_on_a_page() -> None:
    shown = [name for page in PAGES for name in _TABLE.findall(page.read_text("utf-8"))]
    assert sorted(shown) == sorted(tables())


def test_the_hook_fills_tables_and_files() -> None:
    hook = runpy.run_path(str(DOCS / "hooks.py"))["on_page_markdown"]
    assert hook("a\n\n    <!-- table: frontier -->\n") == "a\n\n" + "".join(
        f"    {line}\n" if line else "\n" for line in tables()["frontier"]().splitlines()
    )
    overview = hook("<!-- file: README.md -->")
    assert "](docs/" not in overview
    assert "](contributing.md)" in overview


@pytest.mark.parametrize("place", ["<!-- table: of-contents -->", "<!-- file: LICENSE -->"])
def test_a_place_that_nothing_fills_is_an_error(place: str) -> None:
    from mkdocs.exceptions import PluginError

    with pytest.raises(PluginError, match="choose one of"):
        runpy.run_path(str(DOCS / "hooks.py"))["on_page_markdown"](place)


def test_the_picture_is_that_of_the_shipped_catalog(tmp_path: Path) -> None:
    import matplotlib as mpl

    kept = (DOCS / "frontier.svg").read_text(encoding="utf-8")
    if f"Matplotlib v{mpl.__version__}," not in kept:
        pytest.skip("docs/frontier.svg was drawn by another Matplotlib, which may place things differently")
    drawn = tmp_path / "frontier.svg"
    runpy.run_path(str(DOCS / "frontier.py"))["draw"](drawn)
    assert drawn.read_text(encoding="utf-8") == kept, "draw it again: python docs/frontier.py"


def test_the_readme_quotes_the_records() -> None:
    found = [float(cell[-2]) for cell in _cells(tables()["wall-clock"]()) if cell[:2] == ["minilm", "r=49"]]
    assert found
    assert f"at {min(found):.2f} to {max(found):.2f} times its dense speed" in " ".join(_text("README.md").split())


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_lists_of_the_pages_are_whole() -> None:
    extras = tomllib.loads(_text("pyproject.toml"))["project"]["optional-dependencies"]
    lists = {
        "docs/installation.md": extras,
        "docs/search.md": (*NAMES, *ON_REQUEST),
        "docs/networks.md": [field.name for field in dataclasses.fields(LayerOptions)],
        "docs/catalog.md": ENDINGS,
    }
    missing = {page: [name for name in names if f"`{name}`" not in _text(page)] for page, names in lists.items()}
    assert missing == {page: [] for page in lists}


def test_the_readme_quotes_the_record_of_rivals() -> None:
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in _text("README.md").splitlines()]
    quoted = {cells[0]: cells[1] for cells in rows if len(cells) == 3 and cells[1].endswith("×")}
    ways = {way["name"]: way["seconds"] for way in json.loads(_text("benchmarks/results/rivals.json"))["results"]}
    assert len(quoted) == 4
    assert quoted == {name: f"{ways['dense fp32, torch'] / ways[name]:.2f} ×" for name in quoted}


def test_the_citation_and_the_hooks_of_commits_parse() -> None:
    assert yaml.safe_load(_text("CITATION.cff"))["title"] == "strassen-tile"
    checked = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"], cwd=ROOT, check=False
    )
    assert checked.returncode == 0


@pytest.mark.slow
def test_all_pages_build_and_no_link_is_broken(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    everything = {file.name: file.read_text("utf-8") for file in (tmp_path / "site").rglob("*.html")}
    assert "strassen_tile.convert" in everything["strassen_tile.html"]
    assert "stl-catalog-replay" in everything["commands.html"]
    outside = re.compile(r"<(script|img|link)[^>]*(src|href)=.?https?:")
    fetched = [name for name, page in everything.items() if outside.search(page)]
    assert fetched == []
