"""Writing the site: one index, one page an encoder, the files themselves, and nothing from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.encoder_file import pack
from catalog.entry import Entry
from catalog.references import border_rank, exact_rank
from catalog.site.lineage import Lineage
from catalog.site.page import page
from stl_algebra.error import error_at_precision
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import PRECISIONS

if TYPE_CHECKING:
    from jinja2 import Environment

#: The folders of a site, whose files of earlier sites are written over or removed.
FOLDERS = ("encoders", "files", "assets")
ASSETS = Path(__file__).parent / "assets"
FIELDS = ("id", "n", "m", "p", "rank", "ring", "error", "growth", "strategy")


def build(entries: Sequence[Entry], target: Path, progress: Callable[[int], object] = lambda _: None) -> int:
    """Write the site of some entries into a folder.

    An entry that cannot be read any more is left out. index.html is written last, so a site that has one is complete.

    Parameters
    ----------
    entries : sequence of Entry
        The entries.
    target : pathlib.Path
        The folder.
    progress : callable
        Gets the number of pages after each.

    Returns
    -------
    int
        The number of encoder pages.

    Raises
    ------
    InvalidInput
        If the folder cannot be written, or Jinja2 is missing.
    """
    environment = _environment()
    try:
        for folder in FOLDERS:
            (target / folder).mkdir(parents=True, exist_ok=True)
        for asset in sorted(ASSETS.iterdir()):
            shutil.copyfile(asset, target / "assets" / asset.name)
        lineage = Lineage(entries)
        template = environment.get_template("encoder.html")
        written = []
        for entry in entries:
            try:
                content, file = template.render(page(entry, lineage)), pack(entry.encoder, entry.provenance)
            except InvalidInput:
                continue
            (target / "encoders" / f"{entry.id}.html").write_text(content, encoding="utf-8")
            (target / "files" / f"{entry.id}.safetensors").write_bytes(file)
            written.append(entry)
            progress(len(written))
        _drop_stale(target, {entry.id for entry in written})
        (target / "assets" / "data.js").write_text(_data(written), encoding="utf-8")
        index = environment.get_template("index.html").render(
            count=len(written), exact=sum(e.exact for e in written), formats=len({e.format for e in written})
        )
        (target / "index.html").write_text(index, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"the site folder {target} cannot be written ({error.strerror})") from error
    return len(written)


def _drop_stale(target: Path, ids: set[str]) -> None:
    """Remove what an earlier site in the same folder said of encoders that this one does not hold."""
    for path in (*(target / "encoders").iterdir(), *(target / "files").iterdir()):
        if re.fullmatch(r"[0-9a-f]{64}\.(html|safetensors)", path.name) and path.stem not in ids:
            path.unlink()


def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise InvalidInput("the site needs Jinja2: pip install 'strassen-tile[site]'") from None
    loader = PackageLoader("catalog.site")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _data(entries: Sequence[Entry]) -> str:
    """The table and the plot's data, as a script: pages opened from disk may not fetch."""
    rows = [[e.id, *e.format, e.rank, str(e.ring), e.relative_error, e.growth, e.provenance.strategy] for e in entries]
    unit = Format(1, 1, 1)
    slopes = {name: error_at_precision(unit, 0.0, 1.0, precision) for name, precision in PRECISIONS.items()}
    known = {str(f): [exact_rank(f), border_rank(f)] for f in sorted({e.format for e in entries})}
    data: dict[str, Any] = {"fields": FIELDS, "rows": rows, "slopes": slopes, "known": known}
    return "window.CATALOG = " + json.dumps(data, separators=(",", ":")).replace("<", "\\u003c") + ";\n"
