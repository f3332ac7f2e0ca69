"""Writing an encoder in the formats of other collections, chosen by the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from catalog.durable import write_together
from catalog.encoder_file import pack
from catalog.entry import Entry
from catalog.interchange import alphatensor, benson_ballard, exp, maple, mathematica, perminov, plinopt
from catalog.interchange.scheme import Scheme
from stl_algebra.errors import InvalidInput
from stl_algebra.ring import Ring

#: What the endings of a file's name mean.
ENDINGS = {
    ".safetensors": "the catalog's own file",
    ".json": "FastMatrixMultiplication JSON",
    ".txt": "FastMatrixMultiplication text",
    ".npz": "AlphaTensor npz",
    ".sms": "PLinOpt: three files NAME_L.sms, NAME_R.sms and NAME_P.sms",
    ".exp": "flip-graph text",
    ".m": "Mathematica lists",
    ".mpl": "Maple triads of the fmm catalogue",
    ".coef": "Benson–Ballard coefficients",
}


def export(entry: Entry, target: Path) -> list[Path]:
    """Write an encoder to a file in the format that its name's ending means, whole or not at all.

    Parameters
    ----------
    entry : Entry
        The encoder.
    target : pathlib.Path
        The file; see ENDINGS.

    Returns
    -------
    list of pathlib.Path
        The files written: three for .sms, else one.

    Raises
    ------
    InvalidInput
        If the ending is unknown, the format cannot hold the encoder, or the folder cannot be written.
    """
    if target.suffix not in ENDINGS:
        known = "; ".join(f"{ending} ({meaning})" for ending, meaning in ENDINGS.items())
        raise InvalidInput(f"the ending of {target} names no known format; use one of {known}")
    if os.path.isdir(target):
        raise InvalidInput(f"{target} is a folder; name a file in it")
    contents = _contents(entry, target)
    try:
        write_together(contents)
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written ({error.strerror})") from error
    return list(contents)


def _contents(entry: Entry, target: Path) -> dict[Path, bytes]:
    encoder = entry.encoder
    if target.suffix == ".safetensors":
        return {target: pack(encoder, entry.provenance)}
    scheme = Scheme.of(encoder)
    if target.suffix == ".sms":
        parts = plinopt.write(scheme)
        return {target.with_name(f"{target.stem}_{letter}.sms"): parts[letter] for letter in "LRP"}
    writers: dict[str, Callable[[], bytes]] = {
        ".json": lambda: perminov.write_json(scheme, modulo_2=encoder.ring is Ring.GF2),
        ".txt": lambda: perminov.write_text(scheme),
        ".npz": lambda: alphatensor.write({",".join(map(str, encoder.format)): scheme}),
        ".exp": lambda: exp.write(scheme),
        ".m": lambda: mathematica.write(scheme),
        ".mpl": lambda: maple.write(scheme),
        ".coef": lambda: benson_ballard.write(scheme),
    }
    return {target: writers[target.suffix]()}
