"""Reading files of any known format: the encoders in them, verified."""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.ancestors import Ancestors, descent
from catalog.encoder_file import MAX_FILE_BYTES, Stored, unpack
from catalog.folder import Folder
from catalog.interchange import alphatensor, benson_ballard, exp, maple, mathematica, perminov, plinopt, reduced
from catalog.interchange.border import BorderScheme
from catalog.interchange.detecting import Unrecognised, detect
from catalog.interchange.listing import READ, Source, companions, sources_of
from catalog.interchange.scheme import Scheme
from catalog.pack_file import is_pack, read_records
from catalog.packs import Packs
from catalog.provenance import Provenance
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import Precision

#: What a file holds, by name: schemes, and what is wrong with one among others.
Schemes = Iterator[tuple[str, Scheme | BorderScheme | InvalidInput]]

#: No scheme in another collection's format is larger: what it unfolds to in memory stays in proportion.
MAX_FOREIGN_BYTES = 1 << 24
#: Raise this when readers learn to read what they refused, or read it otherwise: earlier imports are then not skipped.
READERS = 1

_READERS: dict[str, Callable[[bytes], Schemes]] = {
    "alphatensor": alphatensor.read,
    "npy": alphatensor.read_array,
    "perminov-json": perminov.read_json,
    "perminov-reduced": reduced.read,
    "perminov-txt": perminov.read_text,
    "exp": exp.read,
    "mathematica": mathematica.read,
    "maple": maple.read,
    "benson-ballard": lambda content: iter([("", benson_ballard.read(content))]),
}


@dataclass(frozen=True)
class Options:
    """How approximate schemes are read.

    Parameters
    ----------
    precision : Precision
        The precision whose error counts.
    x : float or None
        The x at which schemes in x are evaluated; None takes the best for the precision.
    approximate : bool
        Whether schemes that are exact nowhere are kept.
    """

    precision: Precision
    x: float | None = None
    approximate: bool = False


@dataclass(frozen=True)
class Reading:
    """One encoder found in a file, or what is wrong with the file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kind : str
        The format it was recognised as.
    encoder : TileEncoder or None
        The encoder, proved.
    provenance : Provenance or None
        Where it came from.
    fault : str or None
        What is wrong with the file.
    ancestors : tuple of Stored
        What the encoder descends from, each after its own parents, if the folder of its file has that.
    fingerprint : str
        What identifies the content of the file and the way it was read; "" if it could not be read.
    skipped : bool
        Whether it was not read again, as its fingerprint is known.
    """

    path: Path
    kind: str
    encoder: TileEncoder | None = None
    provenance: Provenance | None = None
    fault: str | None = None
    ancestors: tuple[Stored, ...] = ()
    fingerprint: str = ""
    skipped: bool = False


def read_files(paths: Iterable[Path], options: Options, kind: str | None = None) -> Iterator[Reading]:
    """Read every encoder in some files, each verified; a file that cannot be read gives its fault instead.

    Folders stand for the files in them whose names end as those of schemes do, or that have no ending and hold a
    scheme. The three matrices of a PLinOpt scheme are read together, wherever in its folder the other two are.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files and folders.
    options : Options
        How approximate schemes are read.
    kind : str or None
        The format of all of them; None tells it by their content.

    Yields
    ------
    Reading
        One encoder, or one fault.
    """
    for source in sources_of(paths):
        yield from read_source(source, options, kind)


def read_source(
    source: Source, options: Options, kind: str | None = None, known: Container[str] = frozenset()
) -> list[Reading]:
    """Read every encoder in one file.

    Parameters
    ----------
    source : Source
        The file.
    options : Options
        How approximate schemes are read.
    kind : str or None
        Its format; None tells it by its content.
    known : container of str
        The fingerprints of what need not be read again.

    Returns
    -------
    list of Reading
        Its encoders and faults; none for a file without an ending, found in a folder, that holds no scheme.
    """
    path, found = source.path, kind or "unknown"
    try:
        if os.path.isdir(path):
            raise InvalidInput(f"the folder holds no file named {' or '.join(sorted(READ, key=_usual))}")
        contents = {"": _content(path)}
        found = kind or detect(contents[""])
        if found == "plinopt":
            matrices = companions(source)
            path = matrices["L"]
            contents = {letter: _content(matrices[letter]) for letter in "LRP"}
        for content in contents.values():
            if found != "safetensors" and len(content) > MAX_FOREIGN_BYTES:
                raise InvalidInput(f"it has {len(content)} bytes; schemes of at most {MAX_FOREIGN_BYTES} are read")
        fingerprint = _fingerprint(path.name, found, contents, options)
        if fingerprint in known:
            return [Reading(path, found, fingerprint=fingerprint, skipped=True)]
        if found == "plinopt":
            scheme = plinopt.read(*contents.values())
            readings = [_verified(path, found, "", scheme, options)]
        else:
            readings = list(_readings(path, found, contents[""], options))
        return [replace(reading, fingerprint=fingerprint) for reading in readings]
    except InvalidInput as error:
        if source.passed_over and isinstance(error, Unrecognised):
            return []
        return [Reading(path, found, fault=str(error))]


def _readings(path: Path, kind: str, content: bytes, options: Options) -> Iterator[Reading]:
    if kind == "safetensors" and is_pack(path.name):
        yield from _packed(path)
        return
    if kind == "safetensors":
        stored = unpack(content)
        known = Ancestors(Folder(path.parent, read_only=True))
        ancestors = tuple(descent(stored.provenance, known.load).values())
        yield Reading(path, kind, stored.encoder, stored.provenance, ancestors=ancestors)
        return
    for name, scheme in _READERS[kind](content):
        try:
            if isinstance(scheme, InvalidInput):
                raise scheme
            yield _verified(path, kind, name, scheme, options)
        except InvalidInput as error:
            yield Reading(path, kind, fault=f"{name}: {error}" if name else str(error))


def _packed(path: Path) -> Iterator[Reading]:
    """Every encoder of a pack. Raises InvalidInput where its header is damaged."""
    packs = Packs(path.parent, read_only=True)
    known = Ancestors(packs)
    for id in read_records(path):
        try:
            stored = packs.load(id)
        except InvalidInput as error:
            yield Reading(path, "safetensors", fault=f"encoder {id[:10]}: {error}")
        else:
            ancestors = tuple(descent(stored.provenance, known.load).values())
            yield Reading(path, "safetensors", stored.encoder, stored.provenance, ancestors=ancestors)


def _verified(path: Path, kind: str, name: str, scheme: Scheme | BorderScheme, options: Options) -> Reading:
    """The encoder of a scheme, proved; its provenance names the file, not where it lay."""
    details: dict[str, object] = {"file": path.name, "collection": kind}
    if name:
        details["entry"] = name
    if isinstance(scheme, BorderScheme):
        x = scheme.best_x(options.precision) if options.x is None else options.x
        details |= {"x": x, "error_degree": scheme.error_degree, "border_rank_bound": scheme.rank}
        precision = options.precision.name if options.x is None else None
        return Reading(path, kind, scheme.at(x), Provenance("import", precision=precision, details=details))
    encoder, other_order = _understood(scheme, approximate=options.approximate)
    if other_order:
        details["third_factor"] = "read in the order that its collection does not use"
    return Reading(path, kind, encoder, Provenance("import", details=details | dict(scheme.details)))


def _understood(scheme: Scheme, *, approximate: bool) -> tuple[TileEncoder, bool]:
    """The encoder of a scheme, and whether its third factor had to be read for C instead of Cᵀ, or the other way."""
    if (proved := scheme.proved()) is not None:
        return proved, False
    others = scheme.in_other_orders()
    for other in others:
        if (proved := other.proved()) is not None:
            return proved, True
    encoder = scheme.encoder(approximate=approximate)
    swapped = min((other.encoder(approximate=True) for other in others), key=lambda one: one.relative_error)
    return (swapped, True) if swapped.relative_error < encoder.relative_error else (encoder, False)


def _fingerprint(name: str, kind: str, contents: dict[str, bytes], options: Options) -> str:
    digest = hashlib.sha256(f"{READERS} {name!r} {kind} {options}".encode("utf-8", "surrogatepass"))
    for content in contents.values():
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _usual(ending: str) -> tuple[bool, bool, str]:
    """Endings in an order for people: the catalog's own first."""
    return ending != ".safetensors", ending != ".json", ending


def _content(path: Path) -> bytes:
    """A file's bytes. Raises InvalidInput where it cannot be read or is larger than any scheme."""
    try:
        if not path.is_file():
            raise InvalidInput("there is no such file" if not path.exists() else "it is no regular file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"it cannot be read ({error.strerror})") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(f"it has more than {MAX_FILE_BYTES} bytes, so it is no scheme")
    return content.removeprefix(BOM_UTF8)
