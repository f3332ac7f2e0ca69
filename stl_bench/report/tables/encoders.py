"""Tables of the shipped encoders; every figure is computed from their coefficients."""

from __future__ import annotations

from functools import cache
from itertools import combinations_with_replacement

from catalog import Catalog
from catalog.entry import Entry
from catalog.references import naive_error
from stl_algebra import PRECISIONS, Format
from stl_bench.report.encoders import FORMAT, tile_words
from stl_bench.report.section import Table
from stl_bench.report.subjects import plain
from stl_bench.report.tables.markdown import with_sources

#: The ranks of the frontier that are shown.
RANKS = (49, 48, 47, 46, 45, 44, 42, 40, 38, 36, 32, 28, 24, 20, 16)
#: Formats whose errors one and two products below the exact rank are shown.
RECTANGULAR = (Format(2, 3, 4), Format(2, 4, 4), Format(2, 4, 5), Format(3, 4, 4))
BELOW = (1, 2)
COARSE = "bf16"


def frontier() -> str:
    """Tabulate the least error of the shipped encoders of ⟨4,4,4⟩ by rank and precision.

    Returns
    -------
    str
        Markdown. `mults` is the share of the multiplications that the channel products take. The error that leaving
        products out of the classical algorithm costs stands beside those of the encoders.
    """
    rows = []
    for rank in RANKS:
        found = [entry for entry in _shipped() if entry.format == FORMAT and entry.rank == rank]
        if found:
            share = found[0].ratio
            errors = [_error(found, precision) for precision in PRECISIONS]
            rows.append((str(rank), f"{share:.3f}", f"{naive_error(share):.3f}", *errors))
    head = ("rank", "mults", "leaving products out", *(f"error in {precision}" for precision in PRECISIONS))
    table = Table(f"Least error of the shipped encoders of {tile_words(FORMAT)}", head, tuple(rows), words=0)
    return with_sources([table], [_computed(f"stl-catalog list --tile {FORMAT} --best --precision P")])


def near_exact() -> str:
    """Tabulate the errors one and two products below the exact ranks of rectangular formats.

    Returns
    -------
    str
        Markdown. The last column is what each product left out of the exact scheme costs.
    """
    rows = []
    for format in RECTANGULAR:
        ours = [entry for entry in _shipped() if entry.format == format]
        exact = min(entry.rank for entry in ours if entry.exact)
        errors = [_error([one for one in ours if one.rank == exact - below], COARSE) for below in BELOW]
        rows.append((tile_words(format), str(exact), *errors, f"{1 / format.products:.3f}"))
    head = ("format", "exact rank", *(f"error at {below} less" for below in BELOW), "a product left out")
    table = Table(f"Errors in {COARSE} below the exact rank", head, tuple(rows))
    return with_sources([table], [_computed(f"stl-catalog list --tile NxMxP --best --precision {COARSE}")])


def tile_sizes() -> str:
    """Tabulate what larger tiles gain: the least error at half of the multiplications, by the size of a square tile.

    Returns
    -------
    str
        Markdown. Each rank is the largest one shipped that takes at most half of the multiplications.
    """
    rows = []
    for format in sorted({entry.format for entry in _shipped() if len(set(entry.format)) == 1}):
        half = [entry for entry in _shipped() if entry.format == format and entry.ratio <= 1 / 2]
        if half:
            rank = max(entry.rank for entry in half)
            found = [entry for entry in half if entry.rank == rank]
            rows.append((tile_words(format), str(rank), f"{found[0].ratio:.3f}", _error(found, COARSE)))
    head = ("format", "rank", "mults", f"error in {COARSE}")
    table = Table("Least error of square tiles at half of the multiplications", head, tuple(rows))
    return with_sources([table], [_computed(f"stl-catalog list --tile N --best --precision {COARSE}")])


def exact_ranks() -> str:
    """Tabulate the least exact rank that is shipped for every format up to ⟨5,5,5⟩.

    Returns
    -------
    str
        Markdown: the rank, that of the classical algorithm, the least growth and the rings of the coefficients.
    """
    rows = []
    for sides in combinations_with_replacement(range(2, 6), 3):
        exact = [one for one in _shipped() if tuple(one.format) == sides and one.exact and one.is_real]
        if exact:
            rank = min(one.rank for one in exact)
            best = [one for one in exact if one.rank == rank]
            rings = ", ".join(sorted({str(one.ring) for one in best}))
            growth = min(one.growth for one in best)
            rows.append((tile_words(Format(*sides)), str(best[0].format.products), str(rank), f"{growth:,.0f}", rings))
    head = ("format", "classical rank", "shipped rank", "least growth", "coefficients in")
    table = Table("Exact encoders", head, tuple(rows), remarks=1)
    return with_sources([table], [_computed("stl-catalog verify", "Every one is proved in exact arithmetic")])


def _error(entries: list[Entry], precision: str) -> str:
    """Write the least error of some entries of one rank; "exact" if rounding is all that is left of it."""
    if not entries:
        return "–"
    if any(entry.exact for entry in entries):
        return "exact"
    return plain(min(entry.error_at(precision) for entry in entries), ".3g")


@cache
def _shipped() -> tuple[Entry, ...]:
    """List the real entries that come with the program."""
    return tuple(entry for entry in Catalog.default().entries(real=True) if entry.shipped)


def _computed(command: str, words: str = "Computed from the shipped encoders") -> str:
    return f"{words} by `{command}`, the same on any machine."
