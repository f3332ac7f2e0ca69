"""Which files are to be read: those named, and those in folders that may hold schemes; and a matrix's companions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.ancestors import NAME as ANCESTORS
from catalog.folder import INDEX, SUFFIX
from catalog.interchange.writing import ENDINGS
from catalog.pack_file import is_pack
from catalog.store import DAMAGED
from stl_algebra.errors import InvalidInput

#: The endings that schemes are read from; Benson and Ballard's files have none.
READ = {*ENDINGS, ".npy"}
_ENTRY = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
_LETTER = re.compile(r"(.*[_.\-])?([LRP])(\.sms)?", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A file to be read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    root : pathlib.Path or None
        The folder that it was found in; None if it was named itself.
    """

    path: Path
    root: Path | None = None

    @property
    def passed_over(self) -> bool:
        """Whether it is passed over in silence if its content is in no known format: its name has no ending."""
        return self.root is not None and not self.path.suffix


def sources_of(paths: Iterable[Path]) -> Iterator[Source]:
    """List the files that some paths stand for, those in folders in the order of their names.

    Of the three matrices of a PLinOpt scheme in one folder the first stands for all. A link that leads out of the
    folder is not followed.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files and folders.

    Yields
    ------
    Source
        A file; a folder itself if it holds no scheme.
    """
    matrices: set[tuple[Path, str]] = set()
    for path in paths:
        found = [Source(path)]
        if os.path.isdir(path):
            found = [Source(one, path) for one in sorted(_schemes_in(path))] or found
        for source in found:
            match = _LETTER.fullmatch(source.path.name)
            if match is not None and match[3]:
                key = source.path.parent, (match[1] or "").lower()
                if key in matrices:
                    continue
                matrices.add(key)
            yield source


def companions(source: Source) -> dict[str, Path]:
    """Find the matrices L, R and P that belong to one of them: files of its folder whose names differ in the letter.

    Parameters
    ----------
    source : Source
        One of them.

    Returns
    -------
    dict of str to pathlib.Path
        The three files by letter.

    Raises
    ------
    InvalidInput
        If the name of the file has no letter, or a companion is missing.
    """
    match = _LETTER.fullmatch(source.path.name)
    if match is None:
        raise InvalidInput("its name does not end in L, R or P, so its place in the scheme is unknown")
    found = {match[2].upper(): source.path}
    try:
        names = sorted(os.listdir(source.path.parent))
    except OSError:
        names = []
    for name in names:
        other = _LETTER.fullmatch(name)
        same = other is not None and (other[1], other[3]) == (match[1], match[3])
        if other is not None and same and _stays(source.path.parent / name, source.root or source.path.parent):
            found.setdefault(other[2].upper(), source.path.parent / name)
    if missing := {"L", "R", "P"} - found.keys():
        raise InvalidInput(f"its companion {' and '.join(sorted(missing))} is not in its folder")
    return found


def _schemes_in(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders that may hold schemes.

    What a catalog keeps in subfolders of its own is none of its entries: ancestors come with what descends from them.
    """
    for place, subfolders, names in os.walk(folder):
        if INDEX in names or any(_ENTRY.fullmatch(name) or is_pack(name) for name in names):
            subfolders[:] = [name for name in subfolders if name not in (ANCESTORS, DAMAGED)]
        subfolders[:] = [name for name in subfolders if name[0] != "."]
        for name in names:
            ending = Path(name).suffix.lower()
            if name[0] != "." and (ending in READ or not ending) and _stays(path := Path(place, name), folder):
                yield path


def _stays(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder even if it is a link; any other link is not followed."""
    if not path.is_symlink():
        return True
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
