"""All evidence that a CPU can give, in one go: whole networks, training, time end to end, and the report on it.

    python benchmarks/evidence.py [--part time] [--part training] [--part networks] [--report report]

The quick parts come first. What is recorded is left alone and the long benchmarks write every figure as soon as they
have it, so a second call goes on where the first was stopped.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent

#: The commands of each part: scripts of this folder with their options.
PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "time": (("layer.py",), ("wall_clock.py",)),
    "training": (("train_vit.py", "--start", "algebraic"), ("train_vit.py", "--rank", "24", "--encoders", "learnable")),
    "networks": (
        ("calibration.py", "--record"),
        ("models.py", "--model", "minilm"),
        ("models.py", "--model", "smollm2"),
    ),
}
#: What the short ones write at their end; where it is there, they are done.
WRITTEN = {"layer.py": "layer-fp32.json", "calibration.py": "calibration.json"}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="Only this part.  [default: all]")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), default=Path("report"), show_default=True)
def main(parts: tuple[str, ...], report: Path) -> None:
    """Measure what is missing, and render the report."""
    began = time.monotonic()
    commands = [command for part in PARTS if part in (parts or PARTS) for command in PARTS[part]]
    commands = [command for command in commands if not _done(command[0])]
    failed = []
    for number, (script, *options) in enumerate(commands, start=1):
        passed = (time.monotonic() - began) / 60
        click.secho(f"[{number}/{len(commands)}, {passed:.0f} min] {script} {' '.join(options)}", bold=True, err=True)
        # In a process of its own: memory and threads of one part are nothing to the next.
        if subprocess.run([sys.executable, HERE / script, *options], check=False, cwd=HERE.parent).returncode:
            failed.append(script)
    bench = [sys.executable, "-c", "from cli import bench_command; bench_command()", "report", str(report)]
    subprocess.run(bench, check=True)
    if failed:
        raise click.ClickException(f"{', '.join(failed)} failed, see above; the report shows what is recorded")


def _done(script: str) -> bool:
    return script in WRITTEN and (HERE / "results" / WRITTEN[script]).exists()


if __name__ == "__main__":
    main()
