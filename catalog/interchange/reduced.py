"""Addition-reduced schemes of the FastMatrixMultiplication collection: JSON with the sums that products share.

`u_fresh`, `v_fresh` and `w_fresh` define sums; the rows of `u` and `v` are products over entries and sums, the rows of
`w` are the entries of Cᵀ over products and sums.

Source: A. Perminov, github.com/dronperminov/FastMatrixMultiplication.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from catalog.encoder_file import check_size
from catalog.interchange.perminov import json_fields
from catalog.interchange.programs import Program, Sum, kept
from catalog.interchange.scheme import Scheme, parse_rational, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.tensor import MAX_PRODUCTS


def recognises(content: bytes) -> bool:
    """Whether a file is a JSON object with the keys of an addition-reduced scheme.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it is.
    """
    return content[:256].lstrip()[:1] == b"{" and b'"n"' in content and b'"u_fresh"' in content


def read(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a file; its programs go with it as details.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    name : str
        "".
    scheme : Scheme
        The scheme.

    Raises
    ------
    InvalidInput
        If it is none, or a sum is defined by itself.
    """
    fields, format = json_fields(content)
    products = fields.get("m", len(fields["u"]) if isinstance(fields.get("u"), list) else 0)
    if type(products) is not int or not 0 < products <= MAX_PRODUCTS:
        raise InvalidInput(f"it says m = {str(products)[:40]}, which is no number of products")
    check_size(format, products)
    in_x, in_w, out = format.sizes
    programs = {
        name: Program(inputs, _sums(fields, f"{name}_fresh", None), _sums(fields, name, rows))
        for name, inputs, rows in (("u", in_x, products), ("v", in_w, products), ("w", products, out))
    }
    u, v, w = (program.expanded(name) for name, program in programs.items())
    columns = [list(column) for column in zip(*w, strict=True)]
    yield "", Scheme(format, u, v, transposed(columns, format.n, format.p), details=kept(programs))


def _sums(fields: dict[str, Any], name: str, count: int | None) -> list[Sum]:
    """The sums under a key, of which there must be so many. Raises InvalidInput where it holds something else."""
    if name not in fields:
        raise InvalidInput(f"it has no {name}")
    sums = fields[name]
    if not isinstance(sums, list) or not all(isinstance(one, list) for one in sums):
        raise InvalidInput(f"its {name} is no list of sums")
    if count is not None and len(sums) != count:
        raise InvalidInput(f"its {name} holds {len(sums)} sums, not {count}")
    return [_sum(name, one) for one in sums]


def _sum(name: str, terms: list[Any]) -> Sum:
    total: dict[int, Fraction] = {}
    for term in terms:
        if not isinstance(term, dict) or type(term.get("index")) is not int or "value" not in term:
            raise InvalidInput(f"its {name} holds {str(term)[:40]!r} where an index and a value are due")
        total[term["index"]] = total.get(term["index"], Fraction(0)) + parse_rational(term["value"])
    return total
