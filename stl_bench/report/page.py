"""Writing the report: one self-contained page and a Markdown file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.durable import write_together
from stl_algebra import InvalidInput
from stl_bench.records import Record, of_benchmark, read_records, reading
from stl_bench.report.cost import shapes_of
from stl_bench.report.encoders import error_model_section, frontier_section, shipped_frontier
from stl_bench.report.glossary import glossary_section
from stl_bench.report.networks import networks_section
from stl_bench.report.one_layer import layer_section
from stl_bench.report.opening import opening_section
from stl_bench.report.others import others_section
from stl_bench.report.section import Section
from stl_bench.report.speed import speeds_of, timed_rows
from stl_bench.report.timing import timing_section
from stl_bench.report.tradeoff import tradeoff_section
from stl_bench.report.training import training_section

TITLE = "Strassen-tile layers: the evidence"


def sections_of(records: Sequence[Record]) -> list[Section]:
    """Make the sections of the report, in order.

    Parameters
    ----------
    records : sequence of Record
        All records.

    Returns
    -------
    list[Section]
        The sections.

    Raises
    ------
    InvalidInput
        If a record does not hold what its benchmark writes.
    """
    by = lambda name: of_benchmark(list(records), name)  # noqa: E731
    known = ("models", "train_vit", "wall_clock", "layer", "gpu_layer", "calibration", "error_model")
    used = {record.file for name in known for record in by(name)}
    rest = [record for record in records if record.file not in used]
    models, timing, gpu, front = by("models"), by("wall_clock"), by("gpu_layer"), shipped_frontier()
    speeds = speeds_of(timed_rows(timing))
    networks = networks_section(models, speeds)
    return [
        opening_section(models, speeds, timing, gpu, by("error_model"), front),
        networks,
        tradeoff_section(models, speeds),
        timing_section(timing, by("layer"), gpu),
        layer_section(by("calibration"), _shapes(models)),
        training_section(by("train_vit")),
        frontier_section(front),
        error_model_section(by("error_model")),
        others_section(rest),
        glossary_section(),
    ]


def write_report(results: Path, target: Path) -> list[Section]:
    """Write index.html and report.md into a folder.

    Parameters
    ----------
    results : Path
        The folder of recorded results.
    target : Path
        The folder to write into; it is made if it is missing.

    Returns
    -------
    list[Section]
        The sections.

    Raises
    ------
    InvalidInput
        If there are no results, one is damaged, or the folder cannot be written.
    """
    records = read_records(results)
    if not records:
        raise InvalidInput(f"{results} holds no recorded results; make some with: python benchmarks/models.py")
    sections = sections_of(records)
    page = _template().render(title=TITLE, sections=sections)
    words = f"# {TITLE}\n\n" + "\n".join(section.markdown() for section in sections)
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_together({target / "report.md": words.encode(), target / "index.html": page.encode()})
    except OSError as error:
        raise InvalidInput(f"the report cannot be written to {target} ({error.strerror})") from error
    return sections


def _shapes(models: Sequence[Record]) -> dict[str, tuple[int, int]]:
    """Collect the sides of the layers of all networks recorded."""
    shapes: dict[str, tuple[int, int]] = {}
    for record in models:
        with reading(record):
            shapes |= shapes_of(record.content["cells"])
    return shapes


def _template():  # type: ignore[no-untyped-def]  # jinja2 is optional
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise InvalidInput("the report needs Jinja2: pip install 'strassen-tile[site]'") from None
    loader = PackageLoader("stl_bench.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")
