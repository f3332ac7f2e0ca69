"""A small reader of products of linear forms: (2*(a11 - a1_12)) b31 (c11 + c22)/3, with bounds on all that can grow.

A tokeniser and a recursive descent; nothing is evaluated but sums, products and quotients of exact numbers.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from catalog.interchange.scheme import LIMIT, parse_rational
from stl_algebra.errors import InvalidInput

MAX_DIMENSION = 64
#: How deep parentheses and signs may be nested.
MAX_NESTING = 32

#: A number that is written as an expression is not longer.
MAX_NUMBER = 1 << 14
#: Powers of numbers are not higher.
MAX_POWER = 64

#: The coefficients of a linear form by its entries' two indices.
Entries = dict[tuple[int, int], Fraction]

_TOKEN = re.compile(
    r"\s*(?:(?P<entry>[abc](?:_?\d{1,4}(?:[_,]\d{1,3})?|\[\s?\d{1,3}\s?,\s?\d{1,3}\s?\])(?![\d_,]))"
    r"|(?P<number>\d{1,40}(?:\.\d{1,40})?(?!\d))|(?P<mark>\*\*|[-+*/()^]))",
    re.ASCII,
)
_INDEX = re.compile(r"\d+", re.ASCII)
_ONE = Fraction(1)


class NotAProduct(InvalidInput):
    """Text that is no product of linear forms at all."""


class Product:
    """A number times linear forms in different letters, at most one in each.

    Parameters
    ----------
    scale : Fraction
        The number.
    forms : dict of str to dict
        The linear forms by letter, each as its coefficients by indices.
    """

    __slots__ = ("forms", "scale")

    def __init__(self, scale: Fraction, forms: dict[str, Entries]) -> None:
        self.scale = scale
        self.forms = forms

    def scaled_form(self, letter: str) -> Entries:
        """Give the linear form in a letter, multiplied by the number.

        Parameters
        ----------
        letter : str
            The letter.

        Returns
        -------
        dict of (int, int) to Fraction
            The coefficients by indices.

        Raises
        ------
        InvalidInput
            If one becomes too large.
        """
        form = self.forms[letter]
        return form if self.scale is _ONE else {index: _times(self.scale, value) for index, value in form.items()}


def parse_product(line: str) -> tuple[Entries, Entries, Entries]:
    """Read a line that is a product of linear forms in a, b and c.

    Numbers may scale sums and products, a division by a number may follow, and two factors that stand beside each
    other are multiplied. The whole number goes into the form in c.

    Parameters
    ----------
    line : str
        The line, in lower case.

    Returns
    -------
    a, b, c : dict of (int, int) to Fraction
        The coefficients of each form by indices.

    Raises
    ------
    InvalidInput
        If it is no such product, or an index or number is too large.

    Examples
    --------
    >>> a, b, c = parse_product("(2*(a11+a22)) b12 (c11)/2")
    >>> a == {(1, 1): 1, (2, 2): 1}, b == {(1, 2): 1}, c == {(1, 1): 1}
    (True, True, True)
    """
    product = _Reader(line).read()
    for letter in "abc":
        if letter not in product.forms:
            raise NotAProduct(f"its line {line[:60]!r} is no product of three sums: one in {letter} is missing")
    return product.forms["a"], product.forms["b"], product.scaled_form("c")


def parse_number(text: str) -> Fraction:
    """Read a number that may be written as sums, products and quotients, such as -(1*0 - 1)/2.

    Parameters
    ----------
    text : str
        The number, of at most MAX_NUMBER characters.

    Returns
    -------
    Fraction
        Its value.

    Raises
    ------
    InvalidInput
        If it is none, or a number in it is too large.

    Examples
    --------
    >>> parse_number("-(1*0 - 1)/2")
    Fraction(1, 2)
    """
    if len(text) <= MAX_NUMBER:
        try:
            product = _Reader(text).read()
        except NotAProduct:
            product = Product(_ONE, {"a": {}})
        if not product.forms:
            return product.scale
    raise InvalidInput(f"{text[:40]!r} is no coefficient; numbers and fractions such as -1/2 are")


class _Reader:
    """A recursive descent through the tokens of one line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position, end = 0, len(line.rstrip())
        while position < end:
            match = _TOKEN.match(line, position)
            if match is None:
                raise self._no_token(line[position:].lstrip())
            self._tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            position = match.end()
        self._tokens.append(("end", ""))

    def read(self) -> Product:
        product = self._sum(0)
        while self._peek(")"):  # a slip that published files have; the proof tells whether the line was meant so
            self._at += 1
        if self._tokens[self._at][0] != "end":
            raise self._fault("a parenthesis too many")
        return product

    def _sum(self, depth: int) -> Product:
        total = self._term(depth)
        while not depth and (self._peek("+") or self._peek("-")):
            # On a line (a11 - a12) -b11 c11 the sign belongs to the next factor: a line is one product.
            sign, start = self._take(), self._at
            term = self._term(depth)
            if not total.forms or not term.forms or total.forms.keys() & term.forms.keys():
                self._at = start - 1
                break
            scale = _bounded(total.scale * (-term.scale if sign == "-" else term.scale))
            total = Product(scale, total.forms | term.forms)
        if not (self._peek("+") or self._peek("-")):
            return total
        letter = self._only_letter(total)
        entries = dict(total.scaled_form(letter)) if letter else {}
        scale = total.scale
        while self._peek("+") or self._peek("-"):
            negative = self._take() == "-"
            term = self._term(depth)
            if self._only_letter(term) != letter:
                names = letter or "a number", self._only_letter(term) or "a number"
                raise self._fault(f"it adds {names[1]} to {names[0]}")
            if not letter:
                scale = _bounded(scale - term.scale if negative else scale + term.scale)
                continue
            for index, value in term.scaled_form(letter).items():
                entries[index] = _bounded(entries.get(index, 0) + (-value if negative else value))
        return Product(_ONE, {letter: entries}) if letter else Product(scale, {})

    def _term(self, depth: int) -> Product:
        product = self._power(depth)
        while True:
            if self._peek("/"):
                self._at += 1
                divisor = self._power(depth)
                if divisor.forms or not divisor.scale:
                    raise self._fault("it divides by something else than a number that is not zero")
                product = Product(_bounded(product.scale / divisor.scale), product.forms)
                continue
            if self._peek("*"):
                self._at += 1
            elif not (self._tokens[self._at][0] in ("entry", "number") or self._peek("(")):
                return product
            factor = self._power(depth)
            if twice := product.forms.keys() & factor.forms.keys():
                missing = next((letter for letter in "abc" if letter not in product.forms), "a number")
                raise InvalidInput(f"{self._line[:60]!r} holds {min(twice)} where {missing} is due")
            product = Product(_times(product.scale, factor.scale), product.forms | factor.forms)

    def _power(self, depth: int) -> Product:
        factor = self._factor(depth)
        if not (self._peek("**") or self._peek("^")):
            return factor
        self._at += 1
        kind, text = self._tokens[self._at]
        self._at += 1
        if factor.forms or kind != "number" or not (text.isdigit() and int(text) <= MAX_POWER):
            raise self._fault(f"only numbers have powers, with exponents up to {MAX_POWER}")
        scale = _ONE
        for _ in range(int(text)):
            scale = _times(scale, factor.scale)
        return Product(scale, {})

    def _factor(self, depth: int) -> Product:
        if depth > MAX_NESTING:
            raise InvalidInput(f"its line {self._line[:60]!r} is nested more than {MAX_NESTING} deep")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "entry":
            return Product(_ONE, {text[0]: {_indices(text): _ONE}})
        if kind == "number":
            return Product(_number(text), {})
        if text in ("-", "+"):
            factor = self._factor(depth + 1)
            return Product(-factor.scale, factor.forms) if text == "-" else factor
        if text != "(":
            raise self._fault("")
        inner = self._sum(depth + 1)
        if not self._peek(")"):
            raise self._fault("a parenthesis is not closed")
        self._at += 1
        return inner

    def _only_letter(self, product: Product) -> str:
        """The letter of a linear form, "" for a number. Raises InvalidInput for a product of forms."""
        if len(product.forms) > 1:
            raise self._fault("it adds products; one product stands on each line")
        return next(iter(product.forms), "")

    def _peek(self, mark: str) -> bool:
        return self._tokens[self._at][1] == mark

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _no_token(self, rest: str) -> InvalidInput:
        if re.match(r"[abc](?:_?\d|\[)", rest):
            return self._fault(f"the indices in {rest[:20]!r} are not two digits; write a1_10 above 9")
        if re.match(r"\d{41}", rest):
            return InvalidInput(f"the number {rest[:40]}… is too large: numerator and denominator stay below 2^53")
        return self._fault("")

    def _fault(self, reason: str) -> InvalidInput:
        about = f": {reason}" if reason else ""
        return NotAProduct(f"its line {self._line[:60]!r} is no product of three sums{about}")


@lru_cache(maxsize=1 << 14)
def _indices(text: str) -> tuple[int, int]:
    """The two indices of an entry: a12, a0112, a1_12, a_1_12, a1,12 or a[1,12]."""
    numbers = _INDEX.findall(text)
    if len(numbers) == 1:
        digits = numbers[0]
        if len(digits) not in (2, 4):
            raise NotAProduct(f"the indices in {text!r} are not two digits; write a1_10 above 9")
        numbers = [digits[: len(digits) // 2], digits[len(digits) // 2 :]]
    i, j = map(int, numbers)
    if max(i, j) > MAX_DIMENSION:
        raise InvalidInput(f"the index {i},{j} is not between 1 and {MAX_DIMENSION}")
    return i, j


_number = lru_cache(maxsize=1 << 14)(parse_rational)


def _times(a: Fraction, b: Fraction) -> Fraction:
    """The product, bounded; most factors are 1."""
    if a is _ONE:
        return b
    return a if b is _ONE else _bounded(a * b)


def _bounded(value: Fraction) -> Fraction:
    """The value, refused where it leaves what can be verified."""
    if abs(value.numerator) >= LIMIT or value.denominator >= LIMIT:
        raise InvalidInput("a coefficient is too large: numerator and denominator stay below 2^53")
    return value
