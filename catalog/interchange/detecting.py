"""Which format a file's content has; and of a file that has none, which it nearly has and what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable

from catalog.interchange import alphatensor, benson_ballard, exp, maple, mathematica, perminov, plinopt, reduced
from catalog.interchange.expressions import parse_product
from stl_algebra.errors import InvalidInput

#: The formats by name: whether a file's content is of it. PLinOpt's matrices come in threes; see `read_files`.
FORMATS: dict[str, Callable[[bytes], bool]] = {
    "safetensors": lambda content: content[8:9] == b"{" and content[1:8].count(0) >= 4,
    "alphatensor": alphatensor.recognises,
    "npy": alphatensor.recognises_array,
    "perminov-json": perminov.recognises_json,
    "perminov-reduced": reduced.recognises,
    "perminov-txt": perminov.recognises_text,
    "plinopt": plinopt.recognises,
    "exp": exp.recognises,
    "mathematica": mathematica.recognises,
    "maple": maple.recognises,
    "benson-ballard": benson_ballard.recognises,
}


class Unrecognised(InvalidInput):
    """A file in no known format, or in more than one."""


def detect(content: bytes) -> str:
    """Tell the one format that a file's content has.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    str
        Its name in FORMATS.

    Raises
    ------
    Unrecognised
        If there is none, or more than one. If a format nearly fits, the text says what is missing.

    Examples
    --------
    >>> detect(b"(a11)*(b11)*(c11)")
    'exp'
    """
    kinds = [kind for kind, recognises in FORMATS.items() if recognises(content)]
    if len(kinds) == 1:
        return kinds[0]
    found = f"looks like {' and like '.join(kinds)}" if kinds else "is in no known format"
    nearly = "" if kinds else _nearly(content)
    raise Unrecognised(f"it {found}{nearly}; name one with --from: {', '.join(FORMATS)}")


def _nearly(content: bytes) -> str:
    """What a file lacks of the format that it nearly has, in brackets; "" if it has nearly none."""
    hints = (
        hint
        for lacks in (_lacks_keys, _lacks_numbers, _lacks_brackets, _lacks_blocks, _lacks_factors)
        if (hint := lacks(content))
    )
    hint = next(hints, "")
    return f" ({hint})" if hint else ""


def _lacks_keys(content: bytes) -> str:
    if content[:256].lstrip()[:1] != b"{" or not re.search(rb'"[nmuvw]"', content):
        return ""
    missing = [key for key in ("n", "u", "v", "w") if f'"{key}"'.encode() not in content]
    return f"a JSON scheme holds n, u, v and w; it has no {' and no '.join(missing)}" if missing else ""


def _lacks_numbers(content: bytes) -> str:
    if (counts := perminov.text_counts(content)) is None:
        return ""
    return f"its first line n1 n2 n3 r calls for {counts[0]} numbers after it; {counts[1]} follow"


def _lacks_brackets(content: bytes) -> str:
    if re.match(rb"\{\s*\{", content[:256].lstrip()):
        return "a list of products, each three matrices, opens with four braces"
    if b"TriadSet" in content or re.search(rb"Matrix\s?\(", content):
        return "a Maple scheme holds Triad([Matrix(…), Matrix(…), Matrix(…)])"
    return ""


def _lacks_blocks(content: bytes) -> str:
    lines = [line.strip() for line in content[: 1 << 16].decode("utf-8", "replace").splitlines()]
    text = "\n".join("#" if line.startswith("#") else line for line in lines)
    blocks = [block for block in text.split("#") if block.strip()]
    if len(blocks) != 2 or not set(text) <= set("0123456789+-/.xi() \t\n#"):
        return ""
    return "coefficients come in three blocks between # lines; it has two"


def _lacks_factors(content: bytes) -> str:
    lines = [line for line in content[: 1 << 16].decode("utf-8", "replace").lower().splitlines() if line.strip()]
    if not lines or not re.search(r"\b[abc]_?\d", lines[0]):
        return ""
    try:
        parse_product(lines[0].strip())
    except InvalidInput as error:
        return str(error)
    return ""
