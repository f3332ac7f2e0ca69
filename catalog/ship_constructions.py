"""Write the encoders that constructions give into the shipped catalog: python -m catalog.ship_constructions.

Running it again changes nothing: the packs depend on the constructions alone, and on the exact encoders found by
search that the shipped catalog already holds, which compositions start from as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from catalog.catalog import SHIPPED, Catalog
from catalog.provenance import Provenance
from stl_algebra import PRECISIONS, Format, Ring, TileEncoder, balance, classical
from stl_algebra.schemes import Derivation, best_composed, bini, schonhage
from stl_algebra.symmetry import least_growth

#: Every format with sides up to this has an exact encoder shipped.
LARGEST_SIDE = 5

SOURCES = {
    "Strassen": "V. Strassen, Gaussian elimination is not optimal, Numer. Math. 13, 1969",
    "Hopcroft–Kerr": "J. Hopcroft, L. Kerr, On minimizing the number of multiplications, SIAM J. Appl. Math. 20, 1971",
    "Laderman": "J. Laderman, A noncommutative algorithm for multiplying 3×3 matrices, Bull. AMS 82, 1976",
    "Benson–Ballard": "A. Benson, G. Ballard, A framework for practical parallel fast matrix multiplication, 2015",
    "Bini": "D. Bini et al., O(n^2.7799) complexity for n×n approximate matrix multiplication, 1979",
    "Schönhage": "A. Schönhage, Partial and total matrix multiplication, SIAM J. Comput. 10, 1981",
}


def constructions(
    seeds: Sequence[TileEncoder] = (), largest: int = LARGEST_SIDE
) -> Iterator[tuple[TileEncoder, Provenance]]:
    """Make encoders from constructions, and say how they are derived, parents before what is made of them.

    These are the classical algorithm, the best composition over Z, Z[1/2] and Q for every format with sides up to
    `largest`, and the approximate families at their best parameter for each precision.

    Parameters
    ----------
    seeds : sequence of TileEncoder
        Further exact encoders that compositions may use.
    largest : int
        The largest side of a format.

    Yields
    ------
    encoder : TileEncoder
        The encoder.
    provenance : Provenance
        How it is derived.

    Examples
    --------
    >>> list(dict.fromkeys(str(encoder.format) for encoder, _ in constructions(largest=2)))[:4]
    ['1x1x1', '1x1x2', '1x2x1', '1x2x2']
    """
    for sides in product(range(1, largest + 1), repeat=3):
        yield classical(Format(*sides)), _provenance("the classical algorithm")
        for ring in (Ring.Z, Ring.DYADIC, Ring.Q) if sides != (1, 1, 1) else ():
            allowed = [seed for seed in seeds if ring is Ring.Q or seed.ring in (Ring.Z, ring)]
            derivation = best_composed(Format(*sides), allowed, ring)
            yield from _tree(derivation)
            if ring is Ring.DYADIC:
                yield _in_better_bases(derivation)
    for name, family in (("Bini", bini()), ("Schönhage", schonhage())):
        for precision in PRECISIONS:
            epsilon = family.best_epsilon(precision)
            details = {
                "derivation": f"the approximate algorithm of {name} at its best ε for {precision}",
                "epsilon": epsilon,
            }
            yield (
                balance(family.at(epsilon)),
                Provenance("construction", precision=precision, details=details | {"source": SOURCES[name]}),
            )


def _in_better_bases(derivation: Derivation) -> tuple[TileEncoder, Provenance]:
    """A derivation's encoder in bases of nearly the least growth, or itself where it has that."""
    words = f"{_words(derivation)}, in bases of nearly the least growth, multiples of 1/8"
    encoder = least_growth(derivation.encoder, 8)
    return encoder, _provenance(words, parents=[derivation.encoder.digest])


def ship(directory: Path = SHIPPED, largest: int = LARGEST_SIDE) -> list[str]:
    """Add every construction to the packs in a directory.

    Parameters
    ----------
    directory : pathlib.Path
        The directory.
    largest : int
        The largest side of a format.

    Returns
    -------
    list of str
        Their ids, each once.
    """
    catalog = Catalog(directory, shipped=False, packed=True)
    found = [e for e in catalog.entries(exact=True, real=True) if e.provenance.strategy != "construction"]
    seeds = [entry.encoder for entry in sorted(found, key=lambda entry: entry.id)]
    return list(dict.fromkeys(catalog.add(*construction).id for construction in constructions(seeds, largest)))


def _tree(derivation: Derivation) -> Iterator[tuple[TileEncoder, Provenance]]:
    """A derivation's encoder after those of its parts."""
    for part in derivation.parts:
        yield from _tree(part)
    parents = [part.encoder.digest for part in derivation.parts]
    name = derivation.name
    source = next((text for author, text in SOURCES.items() if author in name), None)
    yield derivation.encoder, _provenance(_words(derivation), source, parents)


def _words(derivation: Derivation) -> str:
    """One step in words."""
    rule, name = derivation.rule, derivation.name
    parts = [f"{part.format}:{part.rank}" for part in derivation.parts]
    if rule == "kronecker":
        return f"the Kronecker product of {parts[0]} and {parts[1]}"
    if rule.startswith("sum-"):
        return f"the direct sum of {parts[0]} and {parts[1]} along {rule[-1]}"
    if rule == "classical":
        return "the classical algorithm"
    if rule == "projection":
        return f"a projection {name}, rows or columns left out"
    return f"the scheme of {name}, turned to this format"


def _provenance(derivation: str, source: str | None = None, parents: Sequence[str] = ()) -> Provenance:
    details = {"derivation": derivation} | ({"source": source} if source else {})
    return Provenance("construction", details=details, lineage=tuple(dict.fromkeys(parents)))


if __name__ == "__main__":
    print(f"{len(ship())} encoders from constructions in {SHIPPED}")
