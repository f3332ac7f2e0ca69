"""One encoder of the catalog: its figures at hand, its coefficients when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from catalog.provenance import Provenance
from stl_algebra.encoder import TileEncoder
from stl_algebra.error import error_at_precision
from stl_algebra.format import Format
from stl_algebra.known_ranks import KnownRank, border_rank, known_rank
from stl_algebra.precision import Precision
from stl_algebra.ring import Ring

if TYPE_CHECKING:
    from stl_algebra.quality import Figures

#: What figures are quoted at where nobody says otherwise.
DEFAULT_PRECISION = "bf16"
#: The path of what is in no file.
NOWHERE = Path()


@dataclass(frozen=True, repr=False)
class Entry:
    """An encoder in a catalog: figures and provenance at hand, the encoder read on demand.

    Figures are those of the index. `encoder` reads the file, recomputes them and proves the encoder.

    Parameters
    ----------
    id : str
        The encoder's digest, 64 hexadecimal digits.
    format : Format
        ⟨n,m,p⟩.
    rank : int
        The number of products r.
    ring : Ring
        Where the Brent equations hold; R for an approximate encoder.
    relative_error : float
        E‖Ŷ−Y‖² / E‖Y‖² without rounding, for independent zero-mean entries of one variance.
    growth : float
        What the error of rounding is proportional to (see `TileEncoder.growth`).
    provenance : Provenance
        Where it came from.
    path : pathlib.Path
        The file that holds it; NOWHERE if it is in memory alone, as it could not be written.
    shipped : bool
        Whether it came with the program.
    _load : callable
        Reads and proves the encoder.
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
    _load: Callable[[], TileEncoder] = field(compare=False, kw_only=True)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], path: Path, *, shipped: bool, load: Callable[[], TileEncoder]) -> Self:
        """Make the entry of an index row.

        Parameters
        ----------
        row : mapping
            The row, by the names of `catalog.index.COLUMNS`.
        path : pathlib.Path
            The file that holds the encoder.
        shipped : bool
            Whether it came with the program.
        load : callable
            What reads and proves the encoder.

        Returns
        -------
        Entry
            The entry.

        Raises
        ------
        ValueError, TypeError
            If no encoder can have that row.
        """
        return cls(
            id=row["id"],
            format=Format(row["n"], row["m"], row["p"]),
            rank=int(row["rank"]),
            ring=Ring(row["ring"]),
            relative_error=float(row["relative_error"]),
            growth=float(row["growth"]),
            provenance=Provenance.from_json(json.loads(row["provenance"])),
            path=path,
            shipped=shipped,
            _load=load,
        )

    @classmethod
    def unwritten(cls, encoder: TileEncoder, provenance: Provenance) -> Self:
        """Make the entry of an encoder that is in no file.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder.
        provenance : Provenance
            Where it came from.

        Returns
        -------
        Entry
            The entry, whose path is NOWHERE.
        """
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
        """The encoder itself, proved.

        Raises
        ------
        InvalidInput
            If its file was damaged or removed since the entry was listed.
        """
        return self._load()

    @cached_property
    def figures(self) -> Figures:
        """Additions, nonzeros and stability figures, computed from the encoder: this takes seconds for large ones.

        Raises
        ------
        InvalidInput
            If its file was damaged or removed since the entry was listed.
        """
        from stl_algebra.quality import figures

        return figures(self.encoder)

    @property
    def exact(self) -> bool:
        """Whether the Brent equations are proved, in `ring`."""
        return self.ring.is_exact

    @property
    def ratio(self) -> float:
        """The multiplications against the classical algorithm: r / (n·m·p)."""
        return self.rank / self.format.products

    @property
    def is_real(self) -> bool:
        """Whether it is meant for real numbers: everything but GF(2)."""
        return self.ring is not Ring.GF2

    @property
    def best_known(self) -> KnownRank | None:
        """The least exact rank known over its ring with the source; over Q if it is approximate."""
        return known_rank(self.format, self.ring)

    def error_at(self, precision: str | Precision) -> float:
        """Give the relative error when the encoded operands are rounded to a precision.

        Parameters
        ----------
        precision : str or Precision
            The precision, such as "bf16".

        Returns
        -------
        float
            E‖Ŷ−Y‖² / E‖Y‖², by the closed form of `stl_algebra.error_at_precision`.
        """
        return error_at_precision(self.format, self.relative_error, self.growth, Precision.parse(precision))

    def __repr__(self) -> str:
        return (
            f"Entry({self.id[:10]}, {self.format}, rank={self.rank}, ring={self.ring}, "
            f"relative_error={self.relative_error:.6g}, growth={self.growth:.4g})"
        )

    def _repr_html_(self) -> str:
        from catalog.notebook import entry_table

        return entry_table(self)

    def as_json(self, precision: str | Precision = DEFAULT_PRECISION, *, figures: bool = False) -> dict[str, Any]:
        """Give the figures as a JSON object.

        Parameters
        ----------
        precision : str or Precision
            The precision of "error_at_precision".
        figures : bool
            Whether to compute `figures` as well.

        Returns
        -------
        dict
            Figures, provenance and path.
        """
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
            "best_known_rank": None if self.best_known is None else self.best_known.rank,
            "border_rank": border_rank(self.format),
            "strategy": self.provenance.strategy,
            "seed": self.provenance.seed,
            "seconds": self.provenance.seconds,
            "path": None if self.path == NOWHERE else str(self.path),
            "shipped": self.shipped,
            "lineage": list(self.provenance.lineage),
            "recipe": self.provenance.recipe,
            "details": dict(self.provenance.details),
        } | ({"figures": self.figures.as_json()} if figures else {})
