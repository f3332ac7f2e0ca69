"""What notebooks show of a catalog and of its entries: small HTML tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from catalog.figures import number
from catalog.origin import origin
from stl_algebra.precision import PRECISIONS

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry


def catalog_table(catalog: Catalog) -> str:
    """Show a catalog: one row a format, with the least rank of any encoder and of an exact one.

    Parameters
    ----------
    catalog : Catalog
        The catalog.

    Returns
    -------
    str
        HTML.
    """
    rows = []
    for format, group in groupby(catalog, key=lambda entry: entry.format):
        real = [entry for entry in group if entry.is_real]
        exact = min((entry.rank for entry in real if entry.exact), default=None)
        least = min((entry.rank for entry in real), default=None)
        rows.append((str(format), str(len(real)), str(least or "–"), str(exact or "–")))
    title = f"{escape(repr(catalog))}: {sum(int(row[1]) for row in rows)} encoders"
    return f"<p>{title}</p>{html_table(('format', 'encoders', 'least rank', 'exact rank'), rows)}"


def entry_table(entry: Entry) -> str:
    """Show the figures of an entry, and where it came from.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    str
        HTML.
    """
    rows = [
        ("id", entry.id),
        ("format", str(entry.format)),
        ("rank", f"{entry.rank} (ratio {entry.ratio:.4f})"),
        ("ring", str(entry.ring)),
        ("growth", number(entry.growth)),
        ("origin", origin(entry)),
    ]
    if entry.is_real:
        errors = [(f"error at {name}", number(entry.error_at(name))) for name in PRECISIONS]
        rows[4:4] = [("relative error", number(entry.relative_error)), *errors]
    return html_table((), rows)


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; text is escaped.

    Parameters
    ----------
    head : sequence of str
        The names of the columns; none: no head.
    rows : iterable of sequence of str
        The cells.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> html_table(["a"], [["<"]])
    '<table><tr><th>a</th></tr><tr><td>&lt;</td></tr></table>'
    """
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{cells}</tr>' if head else ''}{body}</table>"
