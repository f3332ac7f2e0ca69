"""English text that comes with Python, cut into passages: one source to calibrate on, another held out."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from stl_algebra.errors import InvalidInput

#: A passage is closed once it holds this many words: about the length of an abstract.
PASSAGE_WORDS = 90


@cache
def topics() -> str:
    """Return the held-out text: the language reference in `pydoc_data.topics`, 79 chapters in alphabetical order.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> "Assert statements" in topics()
    True
    """
    from pydoc_data.topics import topics as chapters

    return "\n\n".join(chapters[name] for name in sorted(chapters))


@cache
def docstrings() -> str:
    """Return the calibration text: the docstrings of the standard library's modules, in order of file name.

    The sources are parsed, never imported. No chapter of `topics` is among them.

    Returns
    -------
    str
        The text.
    """
    library = Path(sysconfig.get_path("stdlib"))
    return "\n\n".join(text for file in sorted(library.glob("*.py")) for text in _docstrings_of(file))


def prose(text: str) -> list[str]:
    r"""Select the paragraphs of a text that read as English sentences. Code, tables, lists and repetitions drop out.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    list[str]
        The paragraphs, each on one line.

    Examples
    --------
    >>> prose("Heading\n\n>>> 1 + 1\n\nA paragraph is some words that end with a full stop,\nas these do.")
    ['A paragraph is some words that end with a full stop, as these do.']
    """
    lines = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return list(dict.fromkeys(line for line in lines if _reads_as_prose(line)))


def passages(paragraphs: Iterable[str], words: int = PASSAGE_WORDS) -> Iterator[str]:
    """Join consecutive paragraphs into passages.

    Parameters
    ----------
    paragraphs : Iterable[str]
        The paragraphs.
    words : int
        The least number of words of a passage; the last one may have fewer.

    Yields
    ------
    str
        The passages.

    Examples
    --------
    >>> list(passages(["one two", "three four", "five"], words=3))
    ['one two three four', 'five']
    """
    held: list[str] = []
    count = 0
    for paragraph in paragraphs:
        held.append(paragraph)
        count += len(paragraph.split())
        if count >= words:
            yield " ".join(held)
            held, count = [], 0
    if held:
        yield " ".join(held)


#: The sources by name.
SOURCES: dict[str, Callable[[], str]] = {"pydoc-topics": topics, "docstrings": docstrings}


def passages_of(source: str, limit: int) -> list[str]:
    """Return the first passages of a source.

    Parameters
    ----------
    source : str
        One of `SOURCES`.
    limit : int
        The number of passages, at least 1.

    Returns
    -------
    list[str]
        The passages, fewer if the source has fewer.

    Raises
    ------
    InvalidInput
        If the source is unknown, or the limit is below 1.
    """
    if source not in SOURCES:
        raise InvalidInput(f"unknown text {source!r}; choose one of {', '.join(SOURCES)}")
    if limit < 1:
        raise InvalidInput(f"{limit} passages are too few to measure on; give a limit of at least 1")
    return [passage for passage, _ in zip(passages(prose(SOURCES[source]())), range(limit), strict=False)]


def _reads_as_prose(line: str) -> bool:
    if line.startswith((">>>", "...", "|", "+", "#")) or "::=" in line or not line.endswith((".", "!", "?", ":")):
        return False
    letters = sum(character.isalpha() or character == " " for character in line)
    return len(line.split()) >= 8 and letters >= 0.88 * len(line)


def _docstrings_of(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text
