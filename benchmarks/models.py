"""Every method on MiniLM-L6 and SmolLM2-135M at equal multiplications: one table, made in one go on a CPU.

    python benchmarks/models.py [--model minilm] [--rank 35 --depth 1] [--only stl --only asvd] [--fresh] [--json]

Held-out text is the language reference of Python, calibration text the docstrings of its library. Every finished cell
is written at once to benchmarks/results/models.json with its command, seed, date and machine; a second call measures
what is missing. Cheap cells come first. What is measured is what `stl-bench report` compares.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from itertools import count, groupby
from multiprocessing import get_context
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import click

from search.running.worker import end_with_parent
from stl_bench.environment import environment
from stl_bench.records import write_record
from stl_bench.report.methods import label
from stl_bench.report.planned import expected, family, identity

if TYPE_CHECKING:
    from stl_bench.compression.conversions import Converter

RESULTS = Path(__file__).parent / "results" / "models.json"
MODELS = ("minilm", "smollm2")
#: Held-out and calibration batches: passages of about 150 tokens, windows of 512.
LIMITS = {"minilm": (64, 128), "smollm2": (4, 96)}


def command_of(cell: dict[str, Any], limits: tuple[int, int], seed: int) -> str:
    """The command that measures this one cell by itself."""
    method = "" if cell["method"] == "dense" else f" --method {cell['method']}"
    rank = "" if cell["rank"] is None else f" --rank {cell['rank']}"
    level = "" if cell["calibration"] == "none" else f" --calibrate {cell['calibration']}"
    level += f" --budget {cell['budget']}" if cell.get("budget") else ""
    level += f" --depth {cell['depth']}" if cell.get("depth") else ""
    level += f" --finetune {cell['finetune']}" if cell.get("finetune") else ""
    limit, calibration = limits
    return (
        f"stl-bench model --model {cell['model']}{method}{rank}{level} "
        f"--limit {limit} --calibration-limit {calibration} --seed {seed} --json"
    )


def measure_all(
    model: str,
    wanted: Sequence[dict[str, Any]],
    limits: tuple[int, int],
    seed: int,
    jobs: int,
    on_cell: Callable[[dict[str, Any]], None],
) -> None:
    """Measure cells by `jobs` processes at once, and hand over each cell with its figures as soon as it has them.

    Fine-tuning goes on from the cell before it, and a refit from what was looked for before, so that the process that
    made that one does it.
    """
    groups = SimpleQueue[list[dict[str, Any]]]()
    for _, group in groupby(wanted, family):
        groups.put(list(group))
    begun, one_by_one = (model, limits, seed, max(1, (os.cpu_count() or 1) // jobs)), Lock()
    failed = Event()

    def work() -> None:
        # Spawned: a copy of a process whose BLAS has started its threads may hang.
        with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as process:
            while not failed.is_set():
                try:
                    for cell in groups.get_nowait():
                        found = process.submit(_measured, begun, cell).result()
                        with one_by_one:
                            on_cell(found)
                except Empty:
                    return
                except BaseException:
                    failed.set()  # the others end too
                    raise

    with ThreadPoolExecutor(jobs) as lanes:
        for lane in [lanes.submit(work) for _ in range(jobs)]:
            lane.result()


class Lane:
    """A process's copy of a network, and what it has gathered of it: moments and sensitivities serve all cells."""

    def __init__(self, model: str, limits: tuple[int, int], seed: int) -> None:
        from stl_bench.compression.bench import network_of

        self._limits, self._seed, self._network = limits, seed, network_of(model, *limits)
        self._converter: Converter | None = None
        self._made_for: tuple[Any, ...] | None = None

    def measure(self, cell: dict[str, Any]) -> dict[str, Any]:
        """A cell with its figures."""
        from stl_bench.compression.bench import layer_rows, measure_method
        from stl_bench.compression.conversions import Method

        began, network = time.perf_counter(), self._network
        figures: dict[str, Any]
        if cell["method"] == "dense":
            figures = {"multiplications": 1.0, **network.measure(network.model), "layers": []}
        else:
            converter, encoder = self._converter_for(cell)
            figures = measure_method(converter, Method(cell["method"], cell["calibration"], cell["finetune"]))
            figures["layers"] = layer_rows(network.model, {"error": figures["layers"]})
            figures["encoder"] = encoder if cell["method"] == "stl" else None
        return {
            **figures,
            **cell,
            "text": {"source": network.text, "tokens": network.rows(network.held_out)},
            "calibration_text": {"source": network.calibration_text, "tokens": network.rows(network.calibration)},
            "seconds": time.perf_counter() - began,
            **environment(self._seed),
            "command": command_of(cell, self._limits, self._seed),
        }

    def _converter_for(self, cell: dict[str, Any]) -> tuple[Converter, dict[str, Any] | None]:
        """What converts the network at the size of a cell, and words about its encoder, if all layers have one."""
        from catalog import Catalog
        from stl_algebra import Format
        from stl_bench.baselines import BASELINES
        from stl_bench.compression.bench import about
        from stl_bench.compression.conversions import Converter
        from stl_bench.compression.ladder import ladder

        budget, depth, catalog = cell["budget"], cell["depth"], Catalog.default()
        encoder = None if budget else catalog.best(4, cell["rank"], "bf16")
        if (size := (cell["rank"], depth, budget)) != self._made_for:
            offered = encoder or ladder(catalog, Format(4, 4, 4), budget)
            share = encoder.ratio if encoder else budget
            before = self._converter
            self._converter = Converter(self._network, offered, share, self._seed, _say, before, budget, depth)
            self._made_for = size
        assert self._converter is not None
        needs = cell["method"] != "stl" and cell["method"] != "dense" and BASELINES[cell["method"]].needs_moments
        if needs or cell["calibration"] in ("moments", "refit", "joint"):
            self._converter.moments(4)  # once for all of them, with the lags that STL needs
        return self._converter, about(encoder) if encoder else None


@cache
def _lane(model: str, limits: tuple[int, int], seed: int, threads: int) -> Lane:
    """The lane of this process, which computes with `threads` threads."""
    # The variables set the threads of libraries that are loaded later, the calls below those of libraries loaded now.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads)))
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)
    return Lane(model, limits, seed)


def _measured(begun: tuple[str, tuple[int, int], int, int], cell: dict[str, Any]) -> dict[str, Any]:
    return _lane(*begun).measure(cell)


def _say(line: str) -> None:
    click.echo(f"  {line}", err=True)


def table(record: list[dict[str, Any]]) -> str:
    """The cells of each model for a person, by multiplications and then by the model's first figure."""
    lines = []
    figures = {"minilm": ("cosine_mean", "agreement_at_10"), "smollm2": ("perplexity", "divergence")}
    for model in dict.fromkeys(cell["model"] for cell in record):
        first, second = figures[model]
        ours = sorted(
            (c for c in record if c["model"] == model), key=lambda c: (c["multiplications"] // 0.05, c[second])
        )
        lines += ["", f"{model:<24}{'mults':>8}{first:>16}{second:>18}{'layer error':>14}"]
        for cell in ours:
            name = label(cell)
            error = f"{cell['layer_error_mean']:.4f}" if "layer_error_mean" in cell else ""
            lines.append(
                f"{name:<24}{cell['multiplications']:>8.3f}{cell[first]:>16.4f}{cell[second]:>18.4f}{error:>14}"
            )
    return "\n".join(lines)


@click.command()
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, help="[default: both]")
@click.option("--rank", "ranks", type=int, multiple=True, help="Only 4×4×4 encoders of these ranks.")
@click.option("--depth", "depths", type=int, multiple=True, help="Only these depths.")
@click.option("--only", multiple=True, help="Only these methods; several may be given.")
@click.option("--calibrate", "levels", multiple=True, help="Only these levels of calibration for STL.")
@click.option("--limit", type=click.IntRange(2), help="Held-out batches.  [default: 64 passages, 4 windows]")
@click.option("--calibration-limit", type=click.IntRange(1), help="[default: 128 passages, 96 windows]")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Cells measured at once, each by a process of its own: of SmolLM2 it takes up to 12 GB.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--results", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
@click.option("--fresh", is_flag=True, help="Measure again what is recorded already.")
@click.option("--json", "as_json", is_flag=True)
def main(
    models: tuple[str, ...],
    ranks: tuple[int, ...],
    depths: tuple[int, ...],
    only: tuple[str, ...],
    levels: tuple[str, ...],
    limit: int | None,
    calibration_limit: int | None,
    jobs: int,
    seed: int,
    results: Path,
    fresh: bool,
    as_json: bool,
) -> None:
    """Measure every method on whole networks at equal multiplications."""
    from stl_algebra import InvalidInput

    began = time.perf_counter()
    try:
        for model in models or MODELS:
            limits = (limit or LIMITS[model][0], calibration_limit or LIMITS[model][1])
            wanted = [{"model": model, **cell} for cell in expected(model) if not only or cell["method"] in only]
            wanted = [cell for cell in wanted if not levels or cell["method"] != "stl" or cell["calibration"] in levels]
            wanted = [cell for cell in wanted if not ranks or cell["rank"] in ranks]
            wanted = [cell for cell in wanted if not depths or cell["depth"] in depths]
            record = _read(results)
            missing = [cell for cell in wanted if fresh or not any(_same(cell, done, limits, seed) for done in record)]
            click.echo(f"{model}: {len(wanted) - len(missing)} of {len(wanted)} cells are recorded", err=True)
            if not missing:
                continue
            done = count(1)

            def keep(cell: dict[str, Any], done: Iterator[int] = done, number: int = len(missing)) -> None:
                _write(results, [old for old in _read(results) if not _same(cell, old, None, seed)] + [cell])
                passed = time.perf_counter() - began
                click.echo(f"[{next(done)}/{number}, {passed:.0f} s] {_words(cell)}", err=True)

            measure_all(model, missing, limits, seed, jobs, keep)
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error
    except BrokenProcessPool as error:
        raise click.ClickException(
            "a process that measured cells was killed, as happens when memory runs out; what was measured is kept, "
            "so call again, with --jobs 1"
        ) from error
    record = [cell for cell in _read(results) if cell["model"] in (models or MODELS)]
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else table(record))


def _same(cell: dict[str, Any], done: dict[str, Any], limits: tuple[int, int] | None, seed: int) -> bool:
    """Whether a recorded cell is the one wanted; with limits, also measured on as much."""
    same = cell["model"] == done["model"] and identity(cell) == identity(done)
    return same and (limits is None or done["command"] == command_of(cell, limits, seed))


def _words(cell: dict[str, Any]) -> str:
    keys = ("multiplications", "perplexity", "divergence", "cosine_mean", "agreement_at_10", "layer_error_mean")
    figures = ", ".join(f"{key} {cell[key]:.4g}" for key in keys if key in cell)
    return f"{cell['model']}, {label(cell)}: {figures} ({cell['seconds']:.0f} s)"


def _read(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"]) if path.exists() else []


def _write(path: Path, record: list[dict[str, Any]]) -> None:
    write_record(path, {"benchmark": "models", "cells": record})


if __name__ == "__main__":
    main()
