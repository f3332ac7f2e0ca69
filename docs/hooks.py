"""A hook of MkDocs that fills places in the pages.

A line `<!-- table: NAME -->` becomes that table of results. The names are those of `python -m
stl_bench.report.tables`. A table is computed from the recorded results or from the shipped catalog when the pages are
built, so that nobody types its figures.

A line `<!-- file: NAME -->` becomes a file of the repository's root, such as the README, with its links to pages made
links between pages.

A line `<!-- code: PATH -->` becomes the Python file at that path from the root, as a block of code.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).parent.parent
#: Files of the root that are pages, and the names of those.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}

_PLACE = re.compile(r"^( *)<!-- (table|file|code): ([\w./-]+) -->$", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?:docs/)?([\w./-]+)(?=[)#])")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the places of a page.

    Parameters
    ----------
    markdown : str
        The page.

    Returns
    -------
    str
        The page with its tables and files.

    Raises
    ------
    mkdocs.exceptions.PluginError
        If there is no table or file of that name, or the record of a table is missing.
    """
    fill = {"table": _table, "file": _file, "code": _code}
    return _PLACE.sub(lambda place: indent(fill[place[2]](place[3]).rstrip("\n"), place[1]), markdown)


def _table(name: str) -> str:
    from stl_algebra import InvalidInput
    from stl_bench.report.tables import tables

    known = tables()
    if name not in known:
        raise PluginError(f"there is no table {name!r}; choose one of {', '.join(known)}")
    try:
        return known[name]()
    except InvalidInput as error:
        raise PluginError(f"the table {name} cannot be made: {error}") from error


def _file(name: str) -> str:
    if name not in PAGES:
        raise PluginError(f"{name} is no page; choose one of {', '.join(PAGES)}")
    text = (ROOT / name).read_text(encoding="utf-8")
    return _LINK.sub(lambda link: PAGES.get(link[1], link[1]), text)


def _code(path: str) -> str:
    file = ROOT / path
    if not file.is_file():
        raise PluginError(f"there is no file {path} to show")
    return f"```python\n{file.read_text(encoding='utf-8')}```"
