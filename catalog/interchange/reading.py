"""Reading files of any known format: which it is, and the encoders in it, verified."""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.ancestors import NAME as ANCESTORS
from catalog.ancestors import Ancestors, descent
from catalog.encoder_file import MAX_FILE_BYTES, Stored, unpack
from catalog.folder import DAMAGED, INDEX, SUFFIX, Folder
from catalog.interchange import alphatensor, benson_ballard, exp, perminov, plinopt
from catalog.interchange.border import BorderScheme
from catalog.interchange.scheme import Scheme
from catalog.interchange.writing import ENDINGS
from catalog.provenance import Provenance
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import Precision

#: What a file holds, by name: schemes, and what is wrong with one among others.
Schemes = Iterator[tuple[str, Scheme | BorderScheme | InvalidInput]]

#: The formats by name: whether a file's content is of it. PLinOpt's matrices come in threes; see `read_files`.
FORMATS: dict[str, Callable[[bytes], bool]] = {
    "safetensors": lambda content: content[8:9] == b"{" and content[1:8].count(0) >= 4,
    "alphatensor": alphatensor.recognises,
    "perminov-json": perminov.recognises_json,
    "perminov-txt": perminov.recognises_text,
    "plinopt": plinopt.recognises,
    "exp": exp.recognises,
    "benson-ballard": benson_ballard.recognises,
}
#: No scheme in another collection's format is larger: what it unfolds to in memory stays in proportion.
MAX_FOREIGN_BYTES = 1 << 24
_ENTRY = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
_LETTER = re.compile(r"(.*[_.\-])?([LRP])(\.sms)?", re.IGNORECASE)


@dataclass(frozen=True)
class Options:
    """How approximate schemes are read: at which x (None: the best for the precision), and whether at all."""

    precision: Precision
    x: float | None = None
    approximate: bool = False


@dataclass(frozen=True)
class Reading:
    """One encoder found in a file, or what is wrong with the file."""

    path: Path
    kind: str
    encoder: TileEncoder | None = None
    provenance: Provenance | None = None
    fault: str | None = None
    #: What it descends from, each after its own parents, where the folder of its file has that.
    ancestors: tuple[Stored, ...] = ()


def detect(content: bytes) -> str:
    """The one format a file's content has. Raises InvalidInput where there is none, or more than one.

    >>> detect(b"(a11)*(b11)*(c11)")
    'exp'
    """
    kinds = [kind for kind, recognises in FORMATS.items() if recognises(content)]
    if len(kinds) == 1:
        return kinds[0]
    found = f"looks like {' and like '.join(kinds)}" if kinds else "is in no known format"
    raise InvalidInput(f"it {found}; name one with --from: {', '.join(FORMATS)}")


def read_files(paths: Iterable[Path], options: Options, kind: str | None = None) -> Iterator[Reading]:
    """Every encoder in the files, each verified; a file that cannot be read gives its fault instead.

    Folders stand for the files in them whose names end as those of schemes do. The three matrices of a PLinOpt scheme
    are read together.
    """
    matrices: dict[tuple[Path, str], dict[str, tuple[Path, bytes]]] = {}
    files: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
        elif inside := sorted(_schemes_in(path)):
            files += inside
        else:
            yield Reading(path, kind or "unknown", fault=f"the folder holds no file named {' or '.join(ENDINGS)}")
    for path in files:
        try:
            content = _content(path)
            found = kind or detect(content)
            if found != "safetensors" and len(content) > MAX_FOREIGN_BYTES:
                raise InvalidInput(f"it has {len(content)} bytes; schemes of at most {MAX_FOREIGN_BYTES} are read")
            if found != "plinopt":
                yield from _readings(path, found, content, options)
                continue
            match = _LETTER.fullmatch(path.name)
            if match is None:
                raise InvalidInput("its name does not end in L, R or P, so its place in the scheme is unknown")
            matrices.setdefault((path.parent, match[1] or ""), {})[match[2].upper()] = (path, content)
        except InvalidInput as error:
            yield Reading(path, kind or "unknown", fault=str(error))
    for parts in matrices.values():
        first = next(iter(parts.values()))[0]
        try:
            if missing := {"L", "R", "P"} - parts.keys():
                raise InvalidInput(f"its companion {' and '.join(sorted(missing))} is not among the files")
            scheme = plinopt.read(*(parts[letter][1] for letter in "LRP"))
            yield _verified(parts["L"][0], "plinopt", "", scheme, options)
        except InvalidInput as error:
            yield Reading(first, "plinopt", fault=str(error))


def _readings(path: Path, kind: str, content: bytes, options: Options) -> Iterator[Reading]:
    if kind == "safetensors":
        stored = unpack(content)
        known = Ancestors(Folder(path.parent, read_only=True))
        ancestors = tuple(descent(stored.provenance, known.load).values())
        yield Reading(path, kind, stored.encoder, stored.provenance, ancestors=ancestors)
        return
    readers: dict[str, Callable[[bytes], Schemes]] = {
        "alphatensor": alphatensor.read,
        "perminov-json": perminov.read_json,
        "perminov-txt": perminov.read_text,
        "exp": exp.read,
        "benson-ballard": lambda text: iter([("", benson_ballard.read(text))]),
    }
    for name, scheme in readers[kind](content):
        try:
            if isinstance(scheme, InvalidInput):
                raise scheme
            yield _verified(path, kind, name, scheme, options)
        except InvalidInput as error:
            yield Reading(path, kind, fault=f"{name}: {error}" if name else str(error))


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
    return Reading(path, kind, encoder, Provenance("import", details=details))


def _understood(scheme: Scheme, *, approximate: bool) -> tuple[TileEncoder, bool]:
    """The encoder of a scheme, and whether its third factor had to be read for C instead of Cᵀ, or the other way."""
    other = scheme.in_other_order()
    for one in (scheme, other):
        if (proved := one.proved()) is not None:
            return proved, one is other
    encoder, swapped = scheme.encoder(approximate=approximate), other.encoder(approximate=True)
    return (swapped, True) if swapped.relative_error < encoder.relative_error else (encoder, False)


def _schemes_in(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders that may hold schemes.

    What a catalog keeps in subfolders of its own is none of its entries: ancestors come with what descends from them.
    """
    for place, subfolders, names in os.walk(folder):
        if INDEX in names or any(_ENTRY.fullmatch(name) for name in names):
            subfolders[:] = [name for name in subfolders if name not in (ANCESTORS, DAMAGED)]
        yield from (Path(place, name) for name in names if Path(name).suffix.lower() in ENDINGS and name[0] != ".")


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
