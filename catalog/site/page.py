"""What one encoder's page says."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from catalog.entry import Entry
from catalog.figures import number
from catalog.formulas import output_formulas, product_formulas
from catalog.origin import origin, plain
from catalog.references import border_rank, exact_rank
from catalog.site.lineage import BOX_HEIGHT, BOX_WIDTH, Lineage
from stl_algebra.precision import PRECISIONS

#: Larger exact encoders are not written out as formulas.
LONGEST_RANK = 128


def page(entry: Entry, lineage: Lineage) -> dict[str, Any]:
    """Collect what one encoder's page says.

    Parameters
    ----------
    entry : Entry
        The entry.
    lineage : Lineage
        The graph of all entries.

    Returns
    -------
    dict
        The template's variables.

    Raises
    ------
    InvalidInput
        If the encoder's file is damaged.
    """
    encoder = entry.encoder
    n, m, p = entry.format
    matrices = [
        {"name": name, "rows": len(f), "columns": f.shape[1], "content": _encoded(f), "of": of}
        for name, f, of in zip(
            ("E_X", "E_W", "Dᵀ"),
            encoder.factors,
            (f"an {n}×{m} tile of X", f"an {m}×{p} tile of W", f"an {n}×{p} tile of Y"),
            strict=True,
        )
    ]
    products: list[str] = []
    outputs: list[str] = []
    if encoder.exact and entry.rank <= LONGEST_RANK:
        x, w, d = encoder.exact_coefficients()
        products = product_formulas(entry.format, x, w)
        outputs = output_formulas(entry.format, [list(column) for column in zip(*d, strict=True)])
    errors = [(name, number(entry.error_at(name))) for name in PRECISIONS] if entry.is_real else []
    return {
        "entry": entry,
        "ratio": f"{entry.ratio:.4f}",
        "relative_error": number(entry.relative_error) if entry.is_real else "exact modulo 2 only",
        "growth": number(entry.growth),
        "errors": errors,
        "known": exact_rank(entry.format),
        "border": border_rank(entry.format),
        "origin": origin(entry),
        "details": [(plain(k), plain(v)) for k, v in entry.provenance.details.items()],
        "matrices": matrices,
        "products": products,
        "outputs": outputs,
        "drawing": lineage.around(entry.id),
        "box": (BOX_WIDTH, BOX_HEIGHT),
    }


def _encoded(factor: np.ndarray) -> str:
    """The entries as base64 of little-endian float32, row-major: what the heat maps are drawn from."""
    return base64.b64encode(np.ascontiguousarray(factor, dtype="<f4").tobytes()).decode("ascii")
