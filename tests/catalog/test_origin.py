"""What is told of where an encoder came from."""

from __future__ import annotations

from pathlib import Path

from catalog import Catalog, Provenance
from catalog.origin import particulars
from stl_algebra import strassen


def test_particulars_begin_with_words_and_unfold_what_is_nested(tmp_path: Path) -> None:
    details = {
        "maps": [{"group": "D4", "alpha": [1, 2, 3]}, 7],
        "trial": 3,
        "derivation": "told elsewhere",
        "words": "maps into D4",
    }
    entry = Catalog(tmp_path, shipped=False).add(strassen(), Provenance("group", details=details))
    lines = particulars(entry)
    assert lines[0] == "maps into D4."
    assert sorted(lines[1:]) == sorted(["maps:", "  group: D4", "  alpha: 1 2 3", "maps:", "  also: 7", "trial: 3"])
    assert lines.index("  group: D4") > lines.index("maps:")


def test_text_from_files_loses_its_control_characters(tmp_path: Path) -> None:
    provenance = Provenance("lm", details={"note\x1b[2J": ["a\x07", {"b\n": "c\x1b"}]})
    entry = Catalog(tmp_path, shipped=False).add(strassen(), provenance)
    assert all(character.isprintable() for line in particulars(entry) for character in line)
