"""Searches end to end, as a user runs them: stl-search into an empty catalog, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any

from search.flip_graph.measure import seconds_to_rank
from search.running.worker import prepare_worker
from stl_algebra import Format, InvalidInput, Ring
from stl_bench.programs import program
from stl_bench.search_speed.steps import Figure

#: Arguments of stl-search beside --no-shipped, and the error at the precision that is asked for.
SEARCHES: tuple[tuple[str, float | None], ...] = (
    ("--tile 4 --rank 40 --budget 10s --jobs 2", 0.155),
    ("--tile 4 --rank 40 --budget 60s --jobs 2", 0.145),
    ("--tile 3 --rank 23 --budget 10s --jobs 2", None),
    ("--tile 3 --rank 20 --budget 60s --jobs 2", None),
    ("--tile 2x3x4 --rank 20 --budget 30s --jobs 2", None),
    ("--tile 4 --rank 32 --budget 60s --jobs 2 --precision fp8", 0.36),
)
#: The number of searches that run by default; the others need --all.
USUAL = 2
_KEPT = ("rank", "relative_error", "growth", "precision", "error_at_precision", "exact", "ring", "strategy")


def run_search(arguments: str, at_most: float | None, seed: int) -> tuple[Figure, dict[str, Any]]:
    """Run stl-search from constructions alone, into an empty catalog.

    Parameters
    ----------
    arguments : str
        The arguments of stl-search, beside --seed, --no-shipped, --catalog and --json.
    at_most : float or None
        The error that is asked for, or None.
    seed : int
        The seed of the search.

    Returns
    -------
    figure
        The error reached at the precision.
    found
        What the command printed of it, with its wall-clock seconds.

    Raises
    ------
    InvalidInput
        If the command fails; the message is the command's own.
    """
    with tempfile.TemporaryDirectory() as catalog:
        command = [*program("stl-search"), *arguments.split()]
        command += ["--seed", str(seed), "--no-shipped", "--catalog", catalog, "--json"]
        started = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - started
    if result.returncode:
        raise InvalidInput(f"stl-search {arguments} failed: {result.stderr.strip().splitlines()[-1]}")
    found = json.loads(result.stdout)
    shown = f"stl-search {arguments} --seed {seed} --no-shipped --json"
    figure = Figure("search", round(found["error_at_precision"], 6), "error", shown, at_most=at_most)
    kept = {key: found[key] for key in _KEPT}
    return figure, {"command": shown, **kept, "found_after_s": found["seconds"], "wall_s": round(wall, 2)}


def rank_47_over_gf2(seed: int, jobs: int = 2, limit: float = 3600.0) -> Figure:
    """Measure the CPU seconds until one of several walks has ⟨4,4,4⟩ over GF(2) at 47 products.

    Parameters
    ----------
    seed : int
        The seed of the first walk; each next one has one more.
    jobs : int
        The number of walks, a core each.
    limit : float
        Seconds after which a walk gives up.

    Returns
    -------
    Figure
        The seconds; its value is None if no walk comes there within the limit.
    """
    how = f"the first of {jobs} walks from the classical algorithm, seeds {seed}–{seed + jobs - 1}, a core each"
    executor = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=prepare_worker)
    try:
        walks = {
            executor.submit(seconds_to_rank, Format(4, 4, 4), 47, Ring.GF2, seed + job, limit=limit)
            for job in range(jobs)
        }
        while walks:
            done, walks = wait(walks, return_when=FIRST_COMPLETED)
            for seconds, scheme in (walk.result() for walk in done):
                if scheme is not None:
                    return Figure("rank_47_gf2", round(seconds, 1), "s", how, at_most=3600.0)
        return Figure("rank_47_gf2", None, "s", f"{how}: none within {limit:g} s")
    finally:
        for process in list((getattr(executor, "_processes", None) or {}).values()):
            process.terminate()
        executor.shutdown(wait=False, cancel_futures=True)
