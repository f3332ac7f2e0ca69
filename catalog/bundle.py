"""A bundle: encoder files with a model card, as model hubs expect a folder to look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from catalog.durable import write_atomically
from catalog.encoder_file import pack
from catalog.entry import Entry
from catalog.origin import origin
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import PRECISIONS

#: What every card starts with, which tells it from other people's.
FRONT = '---\nlibrary_name: "strassen-tile"\n'
CARD = """\
# {title}

{summary} Each file holds three float64 matrices that multiply a tile of X by a tile of W with r products:

    vec(XW) ≈ decode · ((encode_x · vec X) ∘ (encode_w · vec W)),   vec row-major

`encode_x` is (r, n·m), `encode_w` (r, m·p), `decode` (n·p, r). The metadata key `stl` holds a JSON record: format,
rank, ring, relative error, growth, error at each precision and provenance. The relative error is
E‖Ŷ−Y‖² / E‖Y‖² for independent zero-mean inputs of one variance; encoders over a ring are exact there.

## Encoders

{table}

## Use

```python
from safetensors.numpy import load_file
encoder = load_file("{example}")        # encode_x, encode_w, decode
```

With strassen-tile, `stl-catalog import .` in this folder recomputes every figure, proves every exact encoder
again and adds them to the catalog.

## Where they came from

{origins}
"""


def write_bundle(entries: Sequence[Entry], target: Path) -> list[Path]:
    """Write encoders and a model card (README.md) into a folder; the card is written last.

    Parameters
    ----------
    entries : sequence of Entry
        The encoders.
    target : pathlib.Path
        The folder: a new one, an empty one, or that of an earlier bundle of the same encoders.

    Returns
    -------
    list of pathlib.Path
        The files, the card last.

    Raises
    ------
    InvalidInput
        If there is nothing to write, or the folder holds other files or cannot be written.
    """
    if not entries:
        raise InvalidInput("there is no encoder to bundle; name some by id")
    names = {file_name(entry): entry for entry in entries}
    readme = target / "README.md"
    try:
        target.mkdir(parents=True, exist_ok=True)
        strangers = sorted(
            path.name for path in target.iterdir() if path.name not in names and path.name != "README.md"
        )
        if strangers:
            raise InvalidInput(f"the folder {target} holds other files ({strangers[0]}); name an empty one")
        if readme.exists() and not readme.read_bytes().startswith(FRONT.encode()):
            raise InvalidInput(f"{readme} is not a bundle's; name an empty folder, or move it away")
        for name, entry in names.items():
            write_atomically(target / name, pack(entry.encoder, entry.provenance))
        write_atomically(readme, card(names).encode())
    except OSError as error:
        raise InvalidInput(f"the bundle {target} cannot be written ({error.strerror})") from error
    return [*(target / name for name in names), readme]


def file_name(entry: Entry) -> str:
    """Name the file of an entry so that a person can read it: 4x4x4-r49-7cac239da0.safetensors.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    str
        The name, unique by the id's first digits.
    """
    return f"{entry.format}-r{entry.rank}-{entry.id[:10]}.safetensors"


def card(names: dict[str, Entry]) -> str:
    """Write the model card: YAML front matter, then Markdown.

    Parameters
    ----------
    names : dict of str to Entry
        The entries by the names of their files.

    Returns
    -------
    str
        The card.
    """
    entries = list(names.values())
    formats = sorted({str(entry.format) for entry in entries})
    exact = sum(entry.exact for entry in entries)
    header = {
        "license": "mit",
        "tags": ["matrix-multiplication", "bilinear-algorithms", "tile-encoder", "strassen"],
        "formats": formats,
        "ranks": sorted({entry.rank for entry in entries}),
    }
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in header.items())  # JSON is YAML
    title = f"Tile encoders for {', '.join(formats[:6])}{' …' if len(formats) > 6 else ''}"
    summary = f"{len(entries)} encoder{'s' * (len(entries) > 1)} for matrix multiplication, {exact} of them exact."
    columns = (
        "file",
        "format",
        "rank",
        "ring",
        "relative error",
        "growth",
        *(f"error at {name}" for name in PRECISIONS),
    )
    rows = [columns, ("---",) * len(columns), *(_row(name, entry) for name, entry in names.items())]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    origins = "\n".join(f"* `{name}`: {_markdown(origin(entry))}" for name, entry in names.items())
    text = CARD.format(title=title, summary=summary, table=table, example=next(iter(names)), origins=origins)
    return f"{FRONT}{front}\n---\n\n{text}"


def _row(name: str, entry: Entry) -> tuple[str, ...]:
    figures = [f"{entry.relative_error:.6g}", f"{entry.growth:.6g}"]
    errors = [f"{entry.error_at(precision):.4g}" for precision in PRECISIONS]
    if not entry.is_real:
        figures, errors = ["mod 2", figures[1]], ["mod 2"] * len(PRECISIONS)
    return (f"`{name}`", str(entry.format), str(entry.rank), str(entry.ring), *figures, *errors)


def _markdown(text: str) -> str:
    """Text from files, with what Markdown and HTML would act on taken out of service."""
    return "".join("\\" + c if c in "\\`*_[]<>|" else c for c in text)
