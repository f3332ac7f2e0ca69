"""All evidence that a CPU can give, in one go: whole networks, training, time end to end, and the report on it.

    python benchmarks/evidence.py [--part time] [--part training] [--part networks] [--report report]

The quick parts come first. Recorded results are left alone, and the long benchmarks write every figure as soon as they
have it, so a second call goes on from where the first was stopped. Move benchmarks/results away to measure everything
again. How long each benchmark took, over all calls, is written to benchmarks/results/evidence.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from stl_bench.environment import environment
from stl_bench.programs import program
from stl_bench.records import write_record

HERE = Path(__file__).resolve().parent
#: How long they took.
SECONDS = HERE / "results" / "evidence.json"
#: The commands of each part: scripts of this folder with their options.
PARTS: dict[str, list[str]] = {
    "time": ["layer.py", "wall_clock.py"],
    "training": [
        "train_vit.py --rank 24",
        "train_vit.py --start algebraic --seeds 3",
        "train_vit.py --rank 24 --encoders learnable --seeds 3",
    ],
    "networks": ["calibration.py --record", "models.py --model minilm", "models.py --model smollm2"],
}
#: The file that a short one writes at its end: if it is there, the benchmark is done.
WRITTEN = {"layer.py": "layer-fp32.json", "calibration.py": "calibration.json"}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="Only this part.  [default: all]")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), default=Path("report"), show_default=True)
def main(parts: tuple[str, ...], report: Path) -> None:
    """Measure what is missing, and render the report."""
    began = time.monotonic()
    commands = [command for part in PARTS if part in (parts or PARTS) for command in PARTS[part]]
    commands = [command for command in commands if not _done(command)]
    failed = []
    for number, command in enumerate(commands, start=1):
        passed = (time.monotonic() - began) / 60
        click.secho(f"[{number}/{len(commands)}, {passed:.0f} min] {command}", bold=True, err=True)
        script, *options = command.split()
        started = time.monotonic()
        try:
            # In a process of its own: memory and threads of one part are nothing to the next. By its place in the
            # project, for that is what the records name.
            path = (HERE / script).relative_to(HERE.parent)
            code = subprocess.run([sys.executable, path, *options], check=False, cwd=HERE.parent).returncode
        finally:
            _took(command, time.monotonic() - started)
        if code:
            failed.append(command)
    total = sum(row["seconds"] for row in _seconds())
    click.secho(f"All of it took {total / 60:.0f} min so far, over all calls.", err=True)
    subprocess.run([*program("stl-bench"), "report", str(report)], check=True)
    if failed:
        raise click.ClickException(f"{', '.join(failed)} failed, see above; the report shows what is recorded")


def _done(command: str) -> bool:
    script = command.split(maxsplit=1)[0]
    return script in WRITTEN and (HERE / "results" / WRITTEN[script]).exists()


def _seconds() -> list[dict[str, Any]]:
    """By benchmark, in the order first called: its command, the seconds it has taken, and its calls."""
    return list(json.loads(SECONDS.read_text(encoding="utf-8"))["commands"]) if SECONDS.exists() else []


def _took(command: str, seconds: float) -> None:
    rows = {row["command"]: row for row in _seconds()}
    before = rows.get(command, {"seconds": 0.0, "calls": 0})
    rows[command] = {"command": command, "seconds": before["seconds"] + seconds, "calls": before["calls"] + 1}
    write_record(SECONDS, {"benchmark": "evidence", **environment(0), "commands": list(rows.values())})


if __name__ == "__main__":
    main()
