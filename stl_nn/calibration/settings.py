"""What a calibration is told: on which inputs, how much it may cost, in which order, under which budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stl_algebra import InvalidInput
from stl_nn.calibration.layer import Level
from stl_nn.calibration.sensitivity import Probe, usual_probe
from stl_nn.execution import Run, call


@dataclass(frozen=True)
class Calibration:
    """How to calibrate a model, for `convert(…, calibration=…)`.

    batches     inputs as the model meets them, an iterable that can be gone over again: a list, a DataLoader
    level       "permutation", "moments", "refit" or "joint", in rising cost, see `Level`
    sequential  layer by layer, each on the inputs that the network converted so far makes
    budget      multiplications of all converted layers together against dense, in (0, 1]: for each layer the encoder
                is chosen among those given, by what its error does to the network's output
    run         feeds one batch to the model; see `execution.call` for what is done where it is left out
    seed        of moves, probes and samples
    on_layer    is told of each `CalibratedLayer` as it is done
    probe       of the network's output, whose gradients tell what it feels of an error, see `sensitivities`: output
                channels count by it, and a budget is spent by it; `usual_probe` where it is left out, None: all
                channels and layers count alike, and no gradient is asked for

    Raises InvalidInput for a level, budget or loader that cannot be.

    >>> Calibration([1]).level
    <Level.REFIT: 'refit'>
    """

    batches: Iterable[object]
    level: Level | str = Level.REFIT
    sequential: bool = False
    budget: float | None = None
    run: Run = call
    seed: int = 0
    on_layer: Callable[[Any], None] | None = None
    probe: Probe | None = usual_probe

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", check_level(self.level))
        check_again(self.batches)
        if self.budget is not None and not 0 < self.budget <= 1:
            raise InvalidInput(f"a budget of {self.budget} is no part of the multiplications; give one in (0, 1]")


def check_level(level: Level | str) -> Level:
    """The level of a name. Raises InvalidInput where there is none.

    >>> check_level("joint")
    <Level.JOINT: 'joint'>
    """
    if level not in list(Level):
        raise InvalidInput(f"unknown calibration level {str(level)!r}; choose one of {', '.join(Level)}")
    return Level(level)


def check_again(batches: Iterable[object]) -> None:
    """Raise InvalidInput for what cannot be gone over, only once, or not by batches."""
    if not isinstance(batches, Iterable):
        raise InvalidInput(f"{type(batches).__name__} is no calibration loader; give a list of batches or a DataLoader")
    if isinstance(batches, Mapping | str | bytes):
        kind = type(batches).__name__
        raise InvalidInput(f"a {kind} is one batch at most, no calibration loader; put it in a list: [batch]")
    if isinstance(batches, Iterator):
        raise InvalidInput("the calibration loader can be gone over only once; give a list of batches or a DataLoader")
