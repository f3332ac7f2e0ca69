"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

#: Precisions a layer can be timed in, as torch names them.
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

Command = Callable[..., Any]

#: Bounds as of `stl_nn.encoder_tensors.check_depth`, spelled out so that --help does not import torch.
depth_option = click.option(
    "--depth",
    type=click.IntRange(0, 8),
    default=0,
    show_default=True,
    help="Levels of Strassen's scheme in the channels: 7/8 of the multiplications and tiles twice as large each.",
)


def timing_options(command: Command) -> Command:
    """--precision, --device, --threads, --repeats and --seed, in this order."""
    for option in reversed(
        (
            click.option(
                "--precision",
                type=click.Choice(list(DTYPES)),
                default="fp32",
                show_default=True,
                help="Compute in this.",
            ),
            click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
            click.option("--threads", type=click.IntRange(1), help="Threads on a CPU.  [default: torch's choice]"),
            click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Timed runs of each."),
            click.option("--seed", type=int, default=0, show_default=True, help="Of the random data."),
        )
    ):
        command = option(command)
    return command
