"""The encoders that a budget chooses from: the best of a format, over a range of ranks."""

from __future__ import annotations

from catalog import Catalog
from stl_algebra import Format, InvalidInput, TileEncoder


def ladder(catalog: Catalog, tile: Format, budget: float) -> list[TileEncoder]:
    """Choose encoders of a format from which each layer gets its rank under a budget.

    Their ranks are about a sixteenth of all products apart, from half the budget up.

    Parameters
    ----------
    catalog : Catalog
        The catalog.
    tile : Format
        The format.
    budget : float
        The share of the multiplications.

    Returns
    -------
    list[TileEncoder]
        The best encoder of each rank, in rising rank.

    Raises
    ------
    InvalidInput
        If the catalog holds none of that format within the budget.
    """
    found: dict[int, TileEncoder] = {}
    for entry in catalog.entries(tile, real=True, precision="bf16", order="error"):
        found.setdefault(entry.rank, entry.encoder)
    size = tile.products
    first, step = round(budget * size / 2), max(1, size // 16)
    steps = range(first, size + 1, step)
    chosen = {max((r for r in found if r <= most), default=0) for most in steps} - {0}
    if not chosen or min(chosen) > budget * size:
        raise InvalidInput(
            f"the catalog holds no {tile} encoders within {budget:g} of the multiplications; raise the budget"
        )
    return [found[rank] for rank in sorted(chosen)]
