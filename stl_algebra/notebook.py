"""Tables of figures for notebooks, which show the `_repr_html_` of an object."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def figures_table(title: str, figures: Mapping[str, object]) -> str:
    """Write a small table of figures as HTML, every text escaped.

    Parameters
    ----------
    title : str
        The caption of the table.
    figures : mapping of str to object
        The name and value of each row.

    Returns
    -------
    str
        A ``<table>`` element.

    Examples
    --------
    >>> figures_table("a < b", {"rank": 7})
    '<table><caption>a &lt; b</caption><tr><th>rank</th><td>7</td></tr></table>'
    """
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in figures.items())
    return f"<table><caption>{escape(title)}</caption>{''.join(rows)}</table>"
