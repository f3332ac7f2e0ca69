"""How a model is calibrated: on which inputs, at which cost, in which order, under which budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.calibration.layer import Level
from stl_nn.calibration.moments import InputMoments
from stl_nn.calibration.sensitivity import Probe, usual_probe
from stl_nn.execution import Run, call


@dataclass(frozen=True)
class Calibration:
    """How to calibrate a model, for ``convert(…, calibration=…)``.

    Parameters
    ----------
    batches : iterable of object
        Inputs as the model meets them, an iterable that can be gone over again: a list, a DataLoader.
    level : Level or str
        "permutation", "moments", "refit" or "joint", in rising cost, see `Level`.
    sequential : bool
        Whether layers are calibrated one after the other in the order they run, each on the inputs that the network
        converted so far makes; else all on those of the dense network.
    budget : float or None
        Multiplications of all converted layers together as a share of the dense ones, in (0, 1]. The encoder of each
        layer is chosen among those given, by what its error does to the network's output.
    run : callable
        ``run(model, batch)`` feeds one batch to the model; `stl_nn.execution.call` if left out.
    seed : int
        Of all random choices.
    on_layer : callable or None
        Called with each `CalibratedLayer` as it is done.
    probe : callable or None
        A random scalar of the network's output whose gradients tell how sensitive the network is to an error, see
        `sensitivities`. Errors of output channels are weighted by it, and a budget is spent by it. None asks for no
        gradient: all channels and layers count alike then.

    Raises
    ------
    InvalidInput
        If the level, the budget or the loader cannot be.

    Examples
    --------
    >>> Calibration([1], level="moments", budget=0.6)
    Calibration(list of 1 batches, level='moments', budget=0.6)
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
        check_loader(self.batches)
        if self.budget is not None and not 0 < self.budget <= 1:
            raise InvalidInput(f"a budget of {self.budget} is no part of the multiplications; give one in (0, 1]")

    @classmethod
    def of(cls, calibration: Calibration | Iterable[object]) -> Calibration:
        """A calibration as it is, or that of a loader with everything else left to the defaults.

        Parameters
        ----------
        calibration : Calibration or iterable of object
            A calibration or a loader.

        Returns
        -------
        Calibration
            The calibration.

        Examples
        --------
        >>> Calibration.of([1]).level
        <Level.REFIT: 'refit'>
        """
        return calibration if isinstance(calibration, Calibration) else cls(calibration)

    def __repr__(self) -> str:
        kind = type(self.batches).__name__
        loader = f"{kind} of {len(self.batches)} batches" if isinstance(self.batches, Sized) else kind
        given = [f"level={str(self.level)!r}"]
        given += ["sequential=True"] * self.sequential
        given += [] if self.budget is None else [f"budget={self.budget}"]
        given += ["probe=None"] * (self.probe is None)
        return f"Calibration({', '.join([loader, *given])})"


@dataclass(frozen=True)
class Precomputed:
    """What is known already of a dense network on the calibration inputs, so that it need not be computed anew.

    Parameters
    ----------
    moments : mapping or None
        Those of what enters each layer, by name, with as many lags as tiles have rows; None if they are not known. A
        sequential calibration has no use for them.
    sensitivity : mapping
        That of the network to each output channel of each layer, by name, (N,) each, see `sensitivities`; empty if it
        is not known.
    encoders : mapping
        Encoders that layers were given by a calibration on the same inputs, by name. They are taken as they are, as a
        refit may take what the level `moments` found.

    Examples
    --------
    >>> Precomputed().moments is None
    True
    """

    moments: Mapping[str, InputMoments] | None = None
    sensitivity: Mapping[str, Tensor] = field(default_factory=dict)
    encoders: Mapping[str, TileEncoder] = field(default_factory=dict)


def check_level(level: Level | str) -> Level:
    """The level of a name.

    Parameters
    ----------
    level : Level or str
        The level or its name.

    Returns
    -------
    Level
        The level.

    Raises
    ------
    InvalidInput
        If there is none.

    Examples
    --------
    >>> check_level("joint")
    <Level.JOINT: 'joint'>
    """
    if level not in list(Level):
        raise InvalidInput(f"unknown calibration level {str(level)!r}; choose one of {', '.join(Level)}")
    return Level(level)


def check_loader(batches: Iterable[object]) -> None:
    """Check a calibration loader.

    Parameters
    ----------
    batches : iterable of object
        The loader.

    Raises
    ------
    InvalidInput
        If it cannot be gone over, only once, or not by batches.

    Examples
    --------
    >>> check_loader([1])
    """
    if not isinstance(batches, Iterable):
        raise InvalidInput(f"{type(batches).__name__} is no calibration loader; give a list of batches or a DataLoader")
    if isinstance(batches, Mapping | str | bytes):
        kind = type(batches).__name__
        raise InvalidInput(f"a {kind} is one batch at most, no calibration loader; put it in a list: [batch]")
    if isinstance(batches, Iterator):
        raise InvalidInput("the calibration loader can be gone over only once; give a list of batches or a DataLoader")
