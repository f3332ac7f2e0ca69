"""Converting a whole model with calibration: a loader of real inputs in, calibrated layers in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.assignment import Assignment, Encoders, checked_encoders, choices, encoder_for
from stl_nn.calibration.budget import Point, comparable, spend, tradeoff
from stl_nn.calibration.chunks import chunked
from stl_nn.calibration.layer import Calibrated, Level, calibrate_linear, calibrated_multiplications
from stl_nn.calibration.moments import InputMoments, moment_bytes
from stl_nn.calibration.sensitivity import sensitivities
from stl_nn.calibration.settings import Calibration, Precomputed
from stl_nn.calibration.stages import Stages
from stl_nn.execution import evaluating, execution
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.options import DEFAULT_OPTIONS, LayerOptions, check_options
from stl_nn.replacement import FilterFn, Replacement, Skipped, put_in_place, replace_linears

#: Bytes of sums of moments held at once; what does not fit is gathered in another pass over the loader.
MOMENT_BYTES = 1_700_000_000
NOTHING_KNOWN = Precomputed()


@dataclass(frozen=True)
class CalibratedLayer:
    """One layer of a calibrated model.

    Parameters
    ----------
    name : str
        The layer's name in the model.
    in_features, out_features : int
        K and N.
    tile : str
        Of its encoder, with its depth.
    rank : int
        Of its encoder, with its depth.
    multiplications : float
        Scalar products as a share of those of the dense layer.
    predicted_error : float
        Relative output error for independent inputs and weights, by the encoder given.
    expected_error : float
        Relative output error on the calibration inputs, as calibrated.
    seconds : float
        That calibrating it took.
    """

    name: str
    in_features: int
    out_features: int
    tile: str
    rank: int
    multiplications: float
    predicted_error: float
    expected_error: float
    seconds: float


@dataclass(frozen=True)
class CalibrationReport:
    """The calibrated layers in the order they run, and what it all took.

    Parameters
    ----------
    layers : tuple of CalibratedLayer
        The calibrated layers.
    rows : int
        Rows of calibration input that the layer done last has seen.
    seconds : float
        That it took in all.
    skipped : tuple of Replacement
        Each linear layer that the filter accepts and that stays dense.
    """

    layers: tuple[CalibratedLayer, ...]
    rows: int
    seconds: float
    skipped: tuple[Replacement, ...] = ()

    @property
    def multiplications(self) -> float:
        """Scalar products of the converted layers as a share of those they took dense."""
        dense = sum(layer.in_features * layer.out_features for layer in self.layers)
        return sum(x.multiplications * x.in_features * x.out_features for x in self.layers) / dense

    def __repr__(self) -> str:
        return f"CalibrationReport({len(self.layers)} layers calibrated on {self.rows:,} rows in {self.seconds:.1f} s)"

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings, for json.dumps.

        Returns
        -------
        dict
            The report.
        """
        return {
            "layers": [asdict(layer) for layer in self.layers],
            "rows": self.rows,
            "seconds": self.seconds,
            "skipped": {one.name: one.reason for one in self.skipped},
            "multiplications": self.multiplications,
        }


def calibrate(
    model: nn.Module,
    encoder: Encoders,
    calibration: Calibration | Iterable[object],
    options: LayerOptions = DEFAULT_OPTIONS,
    *,
    filter_fn: FilterFn | None = None,
    precomputed: Precomputed = NOTHING_KNOWN,
) -> CalibrationReport:
    """Replace the linear layers of a model in place by STL layers calibrated on what a loader feeds them.

    The network runs in evaluation mode meanwhile, and is then in the mode it was in; a compiled one runs as it was
    written. Encoders of a layer's own are looked for at length once for each shape of layer, and from there on from
    those of the last layer of the shape as well.

    Parameters
    ----------
    model : nn.Module
        The model.
    encoder : TileEncoder, Entry, mapping or sequence
        As of `stl_nn.convert`; layers that cannot gain by theirs stay dense.
    calibration : Calibration or iterable of object
        A loader, or how to calibrate.
    options : LayerOptions
        How the layers hold their weights; they can neither be learnable nor encode on the fly.
    filter_fn : callable or None
        ``filter_fn(module, name)`` accepts layers; None accepts all.
    precomputed : Precomputed
        What is known of the dense network on these inputs.

    Returns
    -------
    CalibrationReport
        The layers, and what they took.

    Raises
    ------
    InvalidInput
        If the loader yields nothing or NaN, no batch reaches a layer, or the model or the filter is without linear
        layers. Whatever is raised, the model is as it was.

    Notes
    -----
    Held are the second moments of one block of the network, at most 1.7 gigabytes of them as long as layers that are
    once fed the same tensor always are, and the activations that enter the block. Of a network that is no list of
    blocks, they are the moments of as many layers as fit, and no activations. Before that, unless the sensitivity is
    known or there is no probe, `sensitivities` holds gradients of the whole network.

    Examples
    --------
    >>> import torch; from stl_algebra import strassen
    >>> model = nn.Sequential(nn.Linear(4, 4))
    >>> calibrate(model, strassen(), [torch.randn(50, 4)]).layers[0].expected_error < 1e-6
    True
    """
    began, calibration, options = perf_counter(), Calibration.of(calibration), check_options(options)
    if calibration.sequential and precomputed.moments is not None:
        raise InvalidInput(
            "a sequential calibration gathers moments of what the network converted so far makes; leave out moments"
        )
    offered = _offered(encoder, model, calibration.budget)
    layers, chosen, skipped = _plan(model, offered, filter_fn, options.depth)
    with evaluating(model), _wholly_or_not_at_all(model, chosen):
        work = _Work(model, layers, offered, calibration, options, precomputed)
        if calibration.budget is not None:
            chosen = work.within_budget(calibration.budget)
        if calibration.sequential:
            work.one_after_the_other(chosen)
        else:
            work.on_dense_inputs(chosen)
    return CalibrationReport(tuple(work.reports), work.rows, perf_counter() - began, tuple(skipped))


class _Work:
    """A calibration under way: the layers of a model, how it runs them, and those that are done."""

    def __init__(
        self,
        model: nn.Module,
        layers: Mapping[str, nn.Linear],
        offered: Sequence[Assignment],
        calibration: Calibration,
        options: LayerOptions,
        precomputed: Precomputed,
    ) -> None:
        self._model, self._layers, self._offered = model, layers, offered
        self._calibration, self._options, self._known = calibration, options, precomputed
        self._level = Level(calibration.level)
        self._lags = max(one.format.n for some in offered for one in some.values() if one is not None)
        self._order = execution(model, list(layers), calibration.batches, calibration.run)
        if silent := layers.keys() - {name for group in self._order.groups for name in group}:
            raise InvalidInput(f"layer {min(silent)!r} never runs on the calibration inputs; filter it out")
        self._sensitivity = precomputed.sensitivity or self._measured_sensitivity()
        self._learned: dict[tuple[int, int, str], TileEncoder] = {}
        self.reports: list[CalibratedLayer] = []
        self.rows = 0

    def within_budget(self, budget: float) -> dict[str, TileEncoder]:
        """An encoder for each layer, all within the budget, by what errors on the layers' moments do to the output."""
        known = comparable(self._layers, self._sensitivity)
        curves: dict[str, list[Point]] = {}
        depth = self._options.depth
        for name, moments in self._gathered():
            usable = _usable(name, self._layers[name], self._offered, depth)
            curves[name] = tradeoff(self._layers[name], usable, moments, self._level, depth, known.get(name))
        return spend(curves, budget * sum(linear.weight.numel() for linear in self._layers.values()))

    def one_after_the_other(self, chosen: Mapping[str, TileEncoder]) -> None:
        """Calibrate and replace layer by layer, each on the inputs that the network converted so far makes."""
        stages = self._stages()
        for group in self._order.groups:
            entering = stages.moments(group, self._lags)
            _put(self._model, {name: self._calibrated(name, chosen[name], entering[name]) for name in group})

    def on_dense_inputs(self, chosen: Mapping[str, TileEncoder]) -> None:
        """Calibrate all layers on the inputs of the dense network, then replace them."""
        made = {name: self._calibrated(name, chosen[name], moments) for name, moments in self._gathered()}
        _put(self._model, made)

    def _calibrated(self, name: str, given: TileEncoder, moments: InputMoments) -> nn.Module:
        linear = self._layers[name]
        shape = (linear.in_features, linear.out_features, given.digest)
        done = calibrate_linear(
            linear,
            given,
            moments,
            self._level,
            self._options,
            seed=self._calibration.seed,
            learned=self._learned.get(shape),
            sensitivity=self._sensitivity.get(name),
            own=self._known.encoders.get(name),
        )
        self._learned[shape], self.rows = done.layer.encoder, moments.count
        self.reports.append(_report(name, linear, given, done, self._level))
        if self._calibration.on_layer is not None:
            self._calibration.on_layer(self.reports[-1])
        return done.layer

    def _measured_sensitivity(self) -> Mapping[str, Tensor]:
        how = self._calibration
        if how.probe is None:
            return {}
        return sensitivities(self._model, self._layers, how.batches, how.run, how.probe, seed=how.seed)

    def _stages(self) -> Stages:
        how = self._calibration
        return Stages(self._model, list(self._layers), how.batches, how.run, self._order.repeated)

    def _gathered(self) -> Iterator[tuple[str, InputMoments]]:
        """The layers' moments on the dense network's inputs, in the order they run, by as many passes as it takes."""
        if (known := self._known.moments) is not None:
            yield from ((name, known[name]) for group in self._order.groups for name in group)
            return
        stages = self._stages()
        sizes = {name: moment_bytes(linear.in_features, self._lags) for name, linear in self._layers.items()}
        for _, inside in groupby(self._order.groups, lambda group: stages.place(group[0])):
            chunks = list(chunked(list(inside), sizes.__getitem__, MOMENT_BYTES))
            for chunk in chunks:
                names = [name for group in chunk for name in group]
                found = stages.moments(names, self._lags, leave=chunk is chunks[-1])
                yield from ((name, found[name]) for name in names)


@contextmanager
def _wholly_or_not_at_all(model: nn.Module, names: Iterable[str]) -> Iterator[None]:
    """Put the modules of these names back whatever is raised before all is done."""
    before = {name: model.get_submodule(name) for name in names}
    try:
        yield
    except BaseException:
        for name, module in before.items():
            if (other := model.get_submodule(name)) is not module:
                put_in_place(model, other, module)
        raise


def _offered(encoder: Encoders, model: nn.Module, budget: float | None) -> list[Assignment]:
    """The mappings from name patterns to encoders there are to choose from; without a budget just one."""
    several = choices(encoder)
    if several is None:
        return [checked_encoders(encoder, model)]
    if not several:
        raise InvalidInput("there are no encoders to choose from")
    if len(several) > 1 and budget is None:
        raise InvalidInput("several encoders to choose from need a budget, such as budget=0.6; or give one encoder")
    return [checked_encoders(one, model) for one in several]


def _plan(
    model: nn.Module, offered: Sequence[Assignment], filter_fn: FilterFn | None, depth: int
) -> tuple[dict[str, nn.Linear], dict[str, TileEncoder], list[Replacement]]:
    """(layers, the first encoder of each, what is skipped): the walk of a conversion, with nothing replaced yet.

    A layer is skipped that every encoder offered is refused for, for the reason of the first.
    """
    layers: dict[str, nn.Linear] = {}
    chosen: dict[str, TileEncoder] = {}

    def look(name: str, linear: nn.Linear) -> nn.Module:
        usable = _usable(name, linear, offered, depth)
        chosen[name] = usable[0] if usable else encoder_for(name, linear, offered[0], depth)
        layers[name] = linear
        raise Skipped("calibrated")

    skipped = [one for one in replace_linears(model, look, filter_fn) if one.name not in chosen]
    if not chosen:
        raise InvalidInput(f"there is no layer to calibrate: {skipped[0].name!r} is skipped, {skipped[0].reason}")
    return layers, chosen, skipped


def _usable(name: str, linear: nn.Linear, offered: Sequence[Assignment], depth: int) -> list[TileEncoder]:
    """The encoders offered that a layer can gain by."""
    usable = []
    for encoders in offered:
        with suppress(Skipped):
            usable.append(encoder_for(name, linear, encoders, depth))
    return usable


def _put(model: nn.Module, stand_ins: Mapping[str, nn.Module]) -> None:
    replace_linears(model, lambda name, _: stand_ins[name], lambda _, name: name in stand_ins)


def _report(name: str, linear: nn.Linear, given: TileEncoder, done: Calibrated, level: Level) -> CalibratedLayer:
    encoder, composed = done.layer.encoder, done.layer.stl.encoder_tensors()
    return CalibratedLayer(
        name,
        linear.in_features,
        linear.out_features,
        str(composed.tile),
        composed.channels,
        calibrated_multiplications(linear, encoder, level, done.layer.stl.depth),
        given.error_at(PRECISION_OF_DTYPE[linear.weight.dtype]),
        done.expected_error,
        done.seconds,
    )
