"""The naive construction: the classical algorithm with products left out.

Every encoder is measured against it. It is in no file: it is made on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from catalog.entry import Entry
from catalog.provenance import Provenance
from stl_algebra.classical import left_out
from stl_algebra.error import error_at_precision
from stl_algebra.format import Format
from stl_algebra.precision import Precision


def with_naive(entries: Iterable[Entry], at: Precision, fits: Callable[[Entry], bool] = lambda _: True) -> list[Entry]:
    """Add the naive construction of each format and rank among some entries at which it errs less than they do.

    It grows little: in fp8, and at low ranks, it beats encoders that were made for another precision. It is in no file.

    Parameters
    ----------
    entries : iterable of Entry
        The entries.
    at : Precision
        The precision at which errors are compared.
    fits : callable
        Tells of a construction whether it is wanted.

    Returns
    -------
    list of Entry
        The entries, then the constructions.
    """
    found = list(entries)
    least: dict[tuple[Format, int], float] = {}
    for entry in found:
        if entry.is_real:
            place = entry.format, entry.rank
            least[place] = min(least.get(place, float("inf")), entry.error_at(at))
    better = (place for place, error in least.items() if naive_error(*place, at) < error)
    return [*found, *filter(fits, (naive_entry(*place) for place in better))]


def naive_error(format: Format, rank: int, at: Precision) -> float:
    """Give the error of the naive construction at a precision, by its closed form.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    rank : int
        The number r of products that are kept, from 1 to n·m·p.
    at : Precision
        The precision.

    Returns
    -------
    float
        E‖Ŷ−Y‖² / E‖Y‖².

    Notes
    -----
    Each of the n·m·p products has the same share of the output's variance, so those left out cost 1 − r / (n·m·p). Each
    factor has one entry 1 for each product, so the growth is r.

    Examples
    --------
    >>> round(naive_error(Format(4, 4, 4), 15, Precision.parse("fp8")), 4)
    0.766
    """
    return error_at_precision(format, 1 - rank / format.products, float(rank), at)


def naive_entry(format: Format, rank: int) -> Entry:
    """Make the naive construction of a format and rank as an entry.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    rank : int
        The number of products that are kept, from 1 to n·m·p.

    Returns
    -------
    Entry
        The entry, which is in no file.

    Raises
    ------
    InvalidInput
        If the rank does not fit the format.

    Examples
    --------
    >>> entry = naive_entry(Format(2, 2, 2), 6)
    >>> entry.relative_error, entry.growth, entry.provenance.details["derivation"]
    (0.25, 6.0, '6 of the 8 products of the classical algorithm')
    """
    words = f"{rank} of the {format.products} products of the classical algorithm"
    return Entry.unwritten(left_out(format, rank), Provenance("construction", details={"derivation": words}))


def naive_entries(places: Iterable[tuple[Format, int]], prefix: str) -> Iterator[Entry]:
    """Find the naive constructions whose ids start with some digits.

    Parameters
    ----------
    places : iterable of (Format, int)
        The formats and ranks to look at.
    prefix : str
        The first digits, in lower case.

    Returns
    -------
    iterator of Entry
        The constructions, made one by one.
    """
    return (entry for place in places if (entry := naive_entry(*place)).id.startswith(prefix))
