"""What objects show: a repr of one line, a table of escaped figures in notebooks, the public names for completion."""

from __future__ import annotations

import importlib.resources
from xml.etree import ElementTree

import numpy as np
import pytest

import stl_algebra
from stl_algebra import PRECISIONS, Format, Ring, TileEncoder, TileMoments, balance, classical, strassen
from stl_algebra.group_encoders import GroupMaps
from stl_algebra.groups import symmetric
from stl_algebra.representations import QUATERNIONS, character_table, real_irreducibles, wedderburn
from stl_algebra.schemes import best_composed, bini
from stl_algebra.symmetry import Symmetry, named_subgroups, orbit_types, orbits, parametrise

SQUARE = Format(2, 2, 2)
Z3 = named_subgroups(SQUARE)["Z3"]
S3 = symmetric(3)

SHOWN = [
    SQUARE,
    Ring.DYADIC,
    PRECISIONS["bf16"],
    strassen(),
    strassen().factors,
    TileMoments(SQUARE, np.eye(4), np.eye(4), source="line 1\nline 2"),
    bini(),
    best_composed(Format(4, 4, 4)),
    S3,
    GroupMaps.from_subsets(S3, [0, 1], [0, 2], [0, 5]),
    QUATERNIONS,
    QUATERNIONS.algorithm,
    character_table(S3),
    real_irreducibles(S3)[2],
    wedderburn(S3),
    Symmetry.of(SQUARE, rotation=1),
    orbits(strassen(), Z3)[0],
    orbit_types(Z3)[0],
    parametrise(Z3, [(orbit_types(Z3)[0], 2)]),
]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: type(shown).__name__)
def test_a_repr_is_one_short_line(shown: object) -> None:
    assert "\n" not in repr(shown)
    assert len(repr(shown)) <= 120
    assert repr(shown).lstrip("<").startswith(type(shown).__name__)


def _figures(html: str) -> dict[str, str]:
    table = ElementTree.fromstring(html)
    return {row[0].text or "": row[1].text or "" for row in table.iter("tr")}


@pytest.mark.parametrize("encoder", [strassen(), balance(strassen()), classical(Format(1, 2, 3))], ids=repr)
def test_an_encoder_shows_its_figures(encoder: TileEncoder) -> None:
    figures = _figures(encoder._repr_html_())
    assert figures["format"] == str(encoder.format)
    assert figures["rank"] == f"{encoder.rank} of {encoder.format.products}"
    assert figures["ring"].startswith(str(encoder.ring))
    assert ("approximate" in figures["ring"]) is not encoder.exact
    assert float(figures["growth"]) == pytest.approx(encoder.growth, rel=1e-5)
    assert encoder.digest.startswith(figures["digest"])


def test_moments_show_their_figures_and_escape_their_source() -> None:
    mean = np.array([1.0, 0.0, 0.0, 0.0])
    moments = TileMoments(SQUARE, np.eye(4) + np.outer(mean, mean), np.eye(4), mean, source="<script>&")
    assert "<script>" not in moments._repr_html_()
    figures = _figures(moments._repr_html_())
    assert figures["source"] == "<script>&"
    assert float(figures["mean square of X that its mean explains"]) == pytest.approx(1 / 5)
    assert float(figures["mean square of W that its mean explains"]) == 0
    assert float(figures["condition number of Σ_X"]) == pytest.approx(2)


SUBPACKAGES = ["group_encoders", "groups", "quality", "representations", "schemes", "symmetry"]


@pytest.mark.parametrize("name", ["stl_algebra", *(f"stl_algebra.{name}" for name in SUBPACKAGES)])
def test_completion_lists_the_public_names(name: str) -> None:
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, public) for public in package.__all__)


def test_type_checkers_may_rely_on_the_types() -> None:
    assert (importlib.resources.files(stl_algebra) / "py.typed").is_file()
