"""An encoder's three matrices as characters: one line a product, E_X | E_W | Dᵀ side by side."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder

LEGEND_EXACT = "· 0   + 1   - −1   digits: other integers, sign left out   / a fraction"
LEGEND_REAL = "+ - at least a third of the row's largest entry   ' , smaller, positive and negative   · below 1 %"


def picture(encoder: TileEncoder) -> list[str]:
    """Draw an encoder's three matrices as characters.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    list of str
        One line a product: its rows of E_X, E_W and Dᵀ. The legends say what the characters mean.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> picture(strassen())[0]
    '+··+ +··+ +··+'
    """
    symbols = _exact if encoder.exact else _real
    products = zip(*encoder.factors, strict=True)
    return [" ".join("".join(symbols(row)) for row in product) for product in products]


def _exact(row: np.ndarray) -> list[str]:
    simple = {0.0: "·", 1.0: "+", -1.0: "-"}
    return [simple.get(v) or (f"{abs(v):.0f}"[-1] if float(v).is_integer() and abs(v) < 10 else "/") for v in row]


def _real(row: np.ndarray) -> list[str]:
    peak = np.abs(row).max() or 1.0
    levels = np.abs(row) / peak
    large, small = np.where(row > 0, "+", "-"), np.where(row > 0, "'", ",")
    return list(np.where(levels < 0.01, "·", np.where(levels < 1 / 3, small, large)))
