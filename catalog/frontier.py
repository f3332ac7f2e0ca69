"""The frontier: which encoders no other of the same format beats in both rank and error."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.entry import Entry
from catalog.naive import with_naive
from stl_algebra.format import Format
from stl_algebra.precision import Precision


def frontiers(entries: Iterable[Entry], precision: str | Precision) -> dict[Format, list[Entry]]:
    """Find the real entries whose error at a precision no entry of the same or a lower rank matches.

    The classical algorithm with products left out is one of them if it errs least.

    Parameters
    ----------
    entries : iterable of Entry
        The entries; those over GF(2) are left out.
    precision : str or Precision
        The precision of the errors.

    Returns
    -------
    dict of Format to list of Entry
        For each format the frontier, which rises in rank and falls in error.
    """
    at = Precision.parse(precision)
    result: dict[Format, list[Entry]] = {}
    real = with_naive((entry for entry in entries if entry.is_real), at)
    for entry in sorted(real, key=lambda e: (e.format.products, e.format, e.rank, e.error_at(at), e.growth, e.id)):
        kept = result.setdefault(entry.format, [])
        if not kept or entry.error_at(at) < kept[-1].error_at(at):
            kept.append(entry)
    return result
