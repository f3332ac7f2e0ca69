"""Laurent polynomials in x as Benson and Ballard write them: 1, -x, x2 (a square), -2x2i (−2/x²), (x+-x4)."""

from __future__ import annotations

import re
from fractions import Fraction

from catalog.interchange.scheme import parse_rational
from stl_algebra.errors import InvalidInput

#: Exponent → coefficient; zero coefficients are left out.
Laurent = dict[int, Fraction]

MAX_EXPONENT = 64
_SIZE = r"\d+/\d+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?"
_TERM = re.compile(rf"\+?(-?)({_SIZE})?\*?(?:(x)(\d{{0,4}})(i?))?", re.ASCII)


def parse_laurent(text: str) -> Laurent:
    """Read one coefficient.

    Parameters
    ----------
    text : str
        The coefficient, such as -2x2i.

    Returns
    -------
    dict of int to Fraction
        The coefficients by power of x.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> parse_laurent("-2x2i")
    {-2: Fraction(-2, 1)}
    >>> parse_laurent("(x+-x4)") == {1: 1, 4: -1}
    True
    """
    body = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    result: Laurent = {}
    position = 0
    while position < len(body):
        match = _TERM.match(body, position)
        if match is None or (match[2] is None and match[3] is None) or (position and body[position] not in "+-"):
            raise InvalidInput(f"{text[:40]!r} is no coefficient; numbers, x, x2 (a power) and xi (an inverse) are")
        position = match.end()
        size = parse_rational(match[2]) if match[2] else Fraction(1)
        exponent = (int(match[4]) if match[4] else 1) * (-1 if match[5] else 1) if match[3] else 0
        if abs(exponent) > MAX_EXPONENT:
            raise InvalidInput(f"the power in {text[:40]!r} is above {MAX_EXPONENT}")
        result[exponent] = result.get(exponent, Fraction(0)) + (-size if match[1] else size)
    if not body:
        raise InvalidInput("a coefficient is missing")
    return {exponent: value for exponent, value in result.items() if value}


def format_laurent(value: Laurent) -> str:
    """Write one coefficient in the same grammar.

    Parameters
    ----------
    value : dict of int to Fraction
        The coefficients by power of x.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> format_laurent({-2: Fraction(-2), 1: Fraction(1)})
    '(-2x2i+x)'
    """
    terms = []
    for exponent, coefficient in sorted(value.items()):
        power = "" if exponent == 0 else "x" + (str(abs(exponent)) if abs(exponent) > 1 else "") + "i" * (exponent < 0)
        size = "" if power and abs(coefficient) == 1 else str(abs(coefficient))
        terms.append(("-" if coefficient < 0 else "") + size + power)
    if not terms:
        return "0"
    return terms[0] if len(terms) == 1 else f"({'+'.join(terms)})"
