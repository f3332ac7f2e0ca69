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
    """The language reference in `pydoc_data.topics`, 79 chapters in alphabetical order: the held-out text.

    >>> "Assert statements" in topics()
    True
    """
    from pydoc_data.topics import topics as chapters

    return "\n\n".join(chapters[name] for name in sorted(chapters))


@cache
def docstrings() -> str:
    """The docstrings of the standard library's modules, in order of file name: the calibration text.

    Sources are parsed, never imported. Shares no chapter with `topics`.
    """
    library = Path(sysconfig.get_path("stdlib"))
    return "\n\n".join(text for file in sorted(library.glob("*.py")) for text in _docstrings_of(file))


def prose(text: str) -> list[str]:
    """The paragraphs of a text that read as English sentences, each on one line.

    Code, tables, lists and repetitions drop out.

    >>> prose("Heading\\n\\n>>> 1 + 1\\n\\nA paragraph is some words that end with a full stop,\\nas these do.")
    ['A paragraph is some words that end with a full stop, as these do.']
    """
    lines = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return list(dict.fromkeys(line for line in lines if _reads_as_prose(line)))


def passages(paragraphs: Iterable[str], words: int = PASSAGE_WORDS) -> Iterator[str]:
    """Join consecutive paragraphs into passages of at least `words` words; the last may be shorter.

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
    """The first `limit` passages of a source. Raises InvalidInput for an unknown source or a limit below 1."""
    if source not in SOURCES:
        raise InvalidInput(f"unknown text {source!r}; choose one of {', '.join(SOURCES)}")
    if limit < 1:
        raise InvalidInput(f"{limit} passages are nothing to measure on; give a limit of at least 1")
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
