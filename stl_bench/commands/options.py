"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

#: Precisions a layer can be timed in, as torch names them.
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

Command = Callable[..., Any]

#: The bounds of `stl_nn.encoder_tensors.check_depth`, written out so that --help does not import torch.
depth_option = click.option(
    "--depth",
    type=click.IntRange(0, 8),
    default=0,
    show_default=True,
    help="Levels of Strassen's scheme in the channels; each takes 7/8 of the multiplications and doubles the tiles.",
)


def timing_options(command: Command) -> Command:
    """Add --precision, --device, --threads, --repeats and --seed to a command, in this order.

    Parameters
    ----------
    command : Command
        The command.

    Returns
    -------
    Command
        The command with these options.
    """
    for option in reversed(
        (
            click.option(
                "--precision",
                type=click.Choice(list(DTYPES)),
                default="fp32",
                show_default=True,
                help="Precision of operands and result.",
            ),
            click.option("--device", default="cpu", show_default=True, help="Device to time on: cpu or cuda."),
            click.option("--threads", type=click.IntRange(1), help="Threads on a CPU.  [default: torch's choice]"),
            click.option(
                "--repeats",
                type=click.IntRange(1),
                default=5,
                show_default=True,
                help="Timed runs of each candidate; their median counts.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random data."),
        )
    ):
        command = option(command)
    return command
