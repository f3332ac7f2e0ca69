"""Write the exact encoders that constructions give into the shipped catalog: python -m catalog.ship_constructions.

Running it again changes nothing: the files depend on the constructions alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.catalog import SHIPPED, Catalog
from catalog.provenance import Provenance
from stl_algebra import Format, TileEncoder, classical, kronecker, strassen


def constructions() -> Iterator[tuple[TileEncoder, Provenance]]:
    """Encoders and how they are derived, parents first.

    >>> [encoder.rank for encoder, _ in constructions()]
    [1, 8, 27, 64, 125, 7, 49]
    """
    for size in range(1, 6):
        yield classical(Format(size, size, size)), _derived("the classical algorithm")
    source = "V. Strassen, Gaussian elimination is not optimal, Numer. Math. 13 (1969)"
    yield strassen(), _derived("Strassen's algorithm", source=source)
    squared = kronecker(strassen(), strassen())
    yield squared, _derived("the Kronecker product of Strassen's algorithm with itself", parents=[strassen()])


def ship(directory: Path = SHIPPED) -> list[Path]:
    """Add every construction to a directory; returns their files."""
    catalog = Catalog(directory, shipped=False)
    return [catalog.add(encoder, provenance).path for encoder, provenance in constructions()]


def _derived(derivation: str, *, source: str | None = None, parents: list[TileEncoder] | None = None) -> Provenance:
    details = {"derivation": derivation} | ({"source": source} if source else {})
    return Provenance("construction", details=details, lineage=tuple(parent.digest for parent in parents or []))


if __name__ == "__main__":
    for path in ship():
        print(path)
