"""One encoder of the catalog: its figures at hand, its coefficients when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from catalog.provenance import Provenance
from stl_algebra.encoder import TileEncoder
from stl_algebra.error import error_at_precision
from stl_algebra.format import Format
from stl_algebra.precision import Precision
from stl_algebra.ring import Ring

#: What figures are quoted at where nobody says otherwise.
DEFAULT_PRECISION = "bf16"
#: The path of what is in no file.
NOWHERE = Path()


@dataclass(frozen=True)
class Entry:
    """An encoder in a catalog: figures recomputed from its file, provenance, and the encoder read on demand.

    `id` is the encoder's digest; `shipped` tells whether it came with the program. `encoder` reads and
    proves the file again, and raises InvalidInput where it was damaged meanwhile. Where it could
    not be written, `path` is NOWHERE and the encoder is in memory alone.
    """

    id: str
    format: Format
    rank: int
    ring: Ring
    relative_error: float
    growth: float
    provenance: Provenance
    path: Path
    shipped: bool = False
    _load: Callable[[], TileEncoder] = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def from_row(
        cls, row: Mapping[str, Any], directory: Path, *, shipped: bool, load: Callable[[], TileEncoder]
    ) -> Self:
        """The entry of an index row. Raises ValueError or TypeError where the row is not one of an encoder."""
        return cls(
            id=row["id"],
            format=Format(row["n"], row["m"], row["p"]),
            rank=int(row["rank"]),
            ring=Ring(row["ring"]),
            relative_error=float(row["relative_error"]),
            growth=float(row["growth"]),
            provenance=Provenance.from_json(json.loads(row["provenance"])),
            path=directory / row["name"],
            shipped=shipped,
            _load=load,
        )

    @classmethod
    def unwritten(cls, encoder: TileEncoder, provenance: Provenance) -> Self:
        """The entry of an encoder that is in no file."""
        return cls(
            id=encoder.digest,
            format=encoder.format,
            rank=encoder.rank,
            ring=encoder.ring,
            relative_error=encoder.relative_error,
            growth=encoder.growth,
            provenance=provenance,
            path=NOWHERE,
            _load=lambda: encoder,
        )

    @cached_property
    def encoder(self) -> TileEncoder:
        """The encoder itself."""
        return self._load()

    @property
    def exact(self) -> bool:
        """Whether the Brent equations are proved, in `ring`."""
        return self.ring.is_exact

    @property
    def ratio(self) -> float:
        """r / (n·m·p): multiplications against the classical algorithm."""
        return self.rank / self.format.products

    @property
    def is_real(self) -> bool:
        """Whether it is meant for real numbers: everything but GF(2)."""
        return self.ring is not Ring.GF2

    def error_at(self, precision: str | Precision) -> float:
        """The relative error when the encoded operands are rounded to a precision."""
        return error_at_precision(self.format, self.relative_error, self.growth, Precision.parse(precision))

    def as_json(self, precision: str | Precision = DEFAULT_PRECISION) -> dict[str, Any]:
        """The figures as a JSON object, with the error at one precision."""
        name = Precision.parse(precision).name
        return {
            "id": self.id,
            "format": str(self.format),
            "rank": self.rank,
            "ratio": self.ratio,
            "relative_error": self.relative_error,
            "growth": self.growth,
            "precision": name,
            "error_at_precision": self.error_at(name),
            "exact": self.exact,
            "ring": str(self.ring),
            "strategy": self.provenance.strategy,
            "seed": self.provenance.seed,
            "seconds": self.provenance.seconds,
            "path": None if self.path == NOWHERE else str(self.path),
            "shipped": self.shipped,
            "lineage": list(self.provenance.lineage),
            "recipe": self.provenance.recipe,
            "details": dict(self.provenance.details),
        }
