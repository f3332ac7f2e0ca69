"""Growth annealing: the growth is held down again at a minimum, much and then less, which leads to a deeper one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from search.local.refinement import solve_in_stages
from search.numerics.cp_model import CPModel
from search.numerics.levenberg_marquardt import Point
from search.problem import Problem
from search.stop import Stop
from stl_algebra import TileEncoder

#: The penalty scale rises by this many decades and comes down in steps of this many decades. The noise is a part of the
#: typical entry: without any, and with a little, some of the best known encoders came down by percents in seconds.
UP, DOWN, NOISE = (0.7, 4.0), (0.5, 1.5), (0.0, 0.0, 0.03, 0.1, 0.3)
#: After this many iterations the annealing is given up if it is worse than where it came from by this factor.
SHORT, MARGIN = 60, 1.02


def random_growth_annealing(rng: np.random.Generator) -> dict[str, Any]:
    """Return random options of a growth annealing, as JSON can hold them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the options.

    Returns
    -------
    dict[str, Any]
        "emphases", the penalty scales in turn, of which the last is 1; and "noise", as a part of typical entries.

    Examples
    --------
    >>> random_growth_annealing(np.random.default_rng(0))["emphases"][-1]
    1.0
    """
    penalty_scales, decades = [], float(rng.uniform(*UP))
    while decades > 0.1:
        penalty_scales.append(float(f"{10**decades:.3g}"))
        decades -= float(rng.uniform(*DOWN))
    # The keys are those that recipes store.
    return {"emphases": [*penalty_scales, 1.0], "noise": float(rng.choice(NOISE))}


def anneal_growth(
    problem: Problem, encoder: TileEncoder, options: Mapping[str, Any], rng: np.random.Generator, stop: Stop
) -> Point:
    """Anneal the growth of an encoder and return the point that this leads to.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    encoder : TileEncoder
        Where to start: an encoder of the problem's format and rank.
    options : Mapping[str, Any]
        "emphases" and "noise", as `random_growth_annealing` gives them.
    rng : numpy.random.Generator
        Draws the noise.
    stop : Stop
        When to stop.

    Returns
    -------
    Point
        The factors, in the coordinates of the objective.
    """
    factors = problem.factors(encoder)
    if noise := options["noise"]:
        u, v, w = (f + noise * np.sqrt(np.mean(f**2)) * rng.standard_normal(f.shape) for f in factors)
        factors = u, v, w
    penalty_scales = tuple(options["emphases"])
    point = solve_in_stages(CPModel, problem, factors, stop, penalty_scales=penalty_scales, iterations=SHORT)
    u, v, w = point
    if problem.objective().error((u, v, w)) < MARGIN * problem.error(encoder):
        point = solve_in_stages(CPModel, problem, point, stop, penalty_scales=(1.0,))
    return point
