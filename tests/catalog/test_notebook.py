"""What a catalog and its entries look like in a session."""

from __future__ import annotations

from html.parser import HTMLParser

from catalog import Catalog, Provenance
from stl_algebra import Format, classical, strassen


class _Cells(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] == "td":
            self.cells.append(data)


def test_a_repr_is_one_line(catalog: Catalog, found: Provenance) -> None:
    entry = catalog.add(strassen(), found)
    assert repr(entry) == f"Entry({entry.id[:10]}, 2x2x2, rank=7, ring=Z, relative_error=0, growth=32)"
    assert repr(catalog) == f"Catalog({str(catalog.directory)!r}, shipped=False)"


def test_notebooks_show_tables(catalog: Catalog) -> None:
    unsafe = Provenance("construction", details={"derivation": "<script>alert(1)</script>"})
    entry = catalog.add(strassen(), unsafe)
    catalog.add(classical(Format(2, 2, 2)), unsafe)
    table = _Cells(catalog._repr_html_())
    assert table.cells == ["2x2x2", "2", "7", "7"]
    shown = _Cells(entry._repr_html_())
    assert "script" not in shown.tags
    assert {entry.id, "2x2x2", "Constructed: <script>alert(1)</script>."} <= set(shown.cells)
    assert not shown.open


def test_a_catalog_iterates_over_its_entries(catalog: Catalog, found: Provenance) -> None:
    assert list(catalog) == []
    catalog.add(strassen(), found)
    assert [entry.rank for entry in catalog] == [7]
    assert len(list(catalog)) == len(catalog)
