"""Breathing: from a minimum the growth is held down again, more and then less, which leads to one that lies deeper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from search.cp_model import CPModel
from search.finish import solve_in_stages
from search.levenberg_marquardt import Point
from search.strategy import Problem, Stop
from stl_algebra import TileEncoder

#: The decades that the emphasis on growth goes up and those it comes down by, and the noise: without any, and with a
#: little, some of the best known encoders came down by percents in seconds.
UP, DOWN, NOISE = (0.7, 4.0), (0.5, 1.5), (0.0, 0.0, 0.03, 0.1, 0.3)
#: Iterations after which a breath is given up, if it is so much worse than the encoder it came from.
SHORT, MARGIN = 60, 1.02


def random_breath(rng: np.random.Generator) -> dict[str, Any]:
    """Options of a breath, as JSON can hold them: the emphases on growth, and noise as a part of typical entries.

    >>> random_breath(np.random.default_rng(0))["emphases"][-1]
    1.0
    """
    emphases, decades = [], float(rng.uniform(*UP))
    while decades > 0.1:
        emphases.append(float(f"{10**decades:.3g}"))
        decades -= float(rng.uniform(*DOWN))
    return {"emphases": [*emphases, 1.0], "noise": float(rng.choice(NOISE))}


def breathed(
    problem: Problem, encoder: TileEncoder, options: Mapping[str, Any], rng: np.random.Generator, stop: Stop
) -> Point:
    """The point that a breath with these options leads to."""
    factors = problem.factors(encoder)
    if noise := options["noise"]:
        u, v, w = (f + noise * np.sqrt(np.mean(f**2)) * rng.standard_normal(f.shape) for f in factors)
        factors = u, v, w
    emphases = tuple(options["emphases"])
    point = solve_in_stages(CPModel, problem, factors, stop, emphases=emphases, iterations=SHORT)
    u, v, w = point
    if problem.objective().error((u, v, w)) < MARGIN * problem.error(encoder):
        point = solve_in_stages(CPModel, problem, point, stop, emphases=(1.0,))
    return point
