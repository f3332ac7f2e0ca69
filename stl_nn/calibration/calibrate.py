"""Converting a whole model with calibration: a loader of real inputs in, calibrated layers in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.calibration.budget import Point, comparable, spend, tradeoff
from stl_nn.calibration.chunks import chunked
from stl_nn.calibration.layer import Calibrated, Level, calibrate_linear, calibrated_multiplications
from stl_nn.calibration.moments import Moments, moment_bytes
from stl_nn.calibration.sensitivity import Probe, sensitivities, usual_probe
from stl_nn.calibration.settings import check_again, check_level
from stl_nn.calibration.stages import Stages
from stl_nn.conversion import checked_encoders, encoder_for
from stl_nn.execution import Run, call, evaluating, execution
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.replacement import FilterFn, Replacement, Skipped, put_in_place, replace_linears

#: Bytes of sums of moments held at once; what does not fit is gathered in another pass over the loader.
MOMENT_BYTES = 1_700_000_000


@dataclass(frozen=True)
class CalibratedLayer:
    """One layer of a calibrated model, with relative output errors.

    predicted_error  for independent inputs and weights, by the encoder given
    expected_error   on the calibration inputs, as calibrated
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
    """The calibrated layers in the order they run, what was skipped and why, and what it all took.

    rows     rows of calibration input that the layer last done has seen
    skipped  (name, kind, reason) of each linear layer that the filter accepts and that stays dense
    """

    layers: tuple[CalibratedLayer, ...]
    rows: int
    seconds: float
    skipped: tuple[Replacement, ...] = ()

    @property
    def multiplications(self) -> float:
        """Scalar products of the converted layers against what they took dense."""
        dense = sum(layer.in_features * layer.out_features for layer in self.layers)
        return sum(x.multiplications * x.in_features * x.out_features for x in self.layers) / dense

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings, for json.dumps."""
        return {
            "layers": [asdict(layer) for layer in self.layers],
            "rows": self.rows,
            "seconds": self.seconds,
            "skipped": {one.name: one.reason for one in self.skipped},
            "multiplications": self.multiplications,
        }


def calibrate(
    model: nn.Module,
    encoder: TileEncoder | Mapping[str, TileEncoder | None] | Sequence[TileEncoder],
    batches: Iterable[object],
    run: Run | None = None,
    *,
    level: Level | str = Level.REFIT,
    sequential: bool = False,
    budget: float | None = None,
    filter_fn: FilterFn | None = None,
    seed: int = 0,
    keep_dense: bool = False,
    break_even_rows: int = 0,
    on_layer: Callable[[CalibratedLayer], None] | None = None,
    depth: int = 0,
    moments: Mapping[str, Moments] | None = None,
    probe: Probe | None = usual_probe,
    sensitivity: Mapping[str, Tensor] | None = None,
    own: Mapping[str, TileEncoder] | None = None,
) -> CalibrationReport:
    """Replace in place the linear layers of a model by STL layers calibrated on what a loader feeds them.

    encoder     one for all layers, or a mapping from name patterns, first match first, or, with a budget, several to
                choose from; layers that cannot gain by theirs stay dense
    batches     an iterable that can be gone over again (a list, a DataLoader)
    run         feeds a batch to the model, see `execution.call` for what is done where it is left out
    level       how much calibration may cost, see `Level`
    sequential  layer by layer in the order they run, each on the inputs that the network converted so far makes;
                else all on the inputs of the dense network
    budget      multiplications of all converted layers together against dense; spent where errors change the output of
                the network most
    on_layer    is told of each layer as it is done
    depth       as of `STLLinear`
    moments     of what enters each layer of the dense network, by name, with as many lags as tiles have rows, where
                they are known already; a sequential calibration has no use for them
    probe       of the network's output: by it each output channel of a layer counts as the network feels it, see
                `sensitivities`, and a budget is spent; None: all channels count alike
    sensitivity of the channels of each layer, by name, where it is known already
    own         the encoders that layers were given before on the same inputs, by name: they are taken as they are, as a
                refit may take what `moments` found

    The network runs in evaluation mode meanwhile, and is then in the mode it was in; a compiled one runs as it was
    written. Encoders of a layer's own are looked for at length once for each shape of layer, and from there on from
    those of the last layer of the shape as well.

    Held are the second moments of one block of the network, at most 1.7 gigabytes of them as long as layers that are
    once fed the same tensor always are, and the activations that enter the block; of a network that is no list of
    blocks, the moments of as many layers as fit, and no activations. Before that, unless the sensitivity is known or
    there is no probe, what `sensitivities` takes, with gradients of the whole network.

    Raises InvalidInput for a loader that yields nothing or NaN, for a layer that no batch reaches, and for a model or
    filter without linear layers. Whatever is raised, the model is as it was.

    >>> import torch; from stl_algebra import strassen
    >>> model = nn.Sequential(nn.Linear(4, 4))
    >>> calibrate(model, strassen(), [torch.randn(50, 4)]).layers[0].expected_error < 1e-6
    True
    """
    began, level = perf_counter(), check_level(level)
    check_again(batches)
    feed: Run = call if run is None else run
    if sequential and moments is not None:
        raise InvalidInput(
            "a sequential calibration gathers moments of what the network converted so far makes; leave out moments"
        )
    offered = _offered(encoder, model, budget)
    layers, chosen, skipped = _plan(model, offered, filter_fn, depth)
    lags = max(one.format.n for some in offered for one in some.values() if one is not None)
    made: dict[str, Calibrated] = {}
    reports: list[CalibratedLayer] = []
    learned: dict[tuple[int, int, str], TileEncoder] = {}
    rows = 0

    def gathered() -> Iterator[tuple[str, Moments]]:
        """The layers' moments on the dense network's inputs, in the order they run, by as many passes as it takes."""
        if moments is not None:
            yield from ((name, moments[name]) for group in groups for name in group)
            return
        stages = Stages(model, list(chosen), batches, feed, order.repeated)
        sizes = {name: moment_bytes(linear.in_features, lags) for name, linear in layers.items()}
        for _, inside in groupby(groups, lambda group: stages.place(group[0])):
            chunks = list(chunked(list(inside), sizes.__getitem__, MOMENT_BYTES))
            for chunk in chunks:
                names = [name for group in chunk for name in group]
                found = stages.moments(names, lags, leave=chunk is chunks[-1])
                yield from ((name, found[name]) for name in names)

    def do(name: str, seen: Moments) -> None:
        nonlocal rows
        linear, given = layers[name], chosen[name]
        shape = (linear.in_features, linear.out_features, given.digest)
        done = calibrate_linear(
            linear,
            given,
            seen,
            level,
            seed,
            learned.get(shape),
            keep_dense=keep_dense,
            break_even_rows=break_even_rows,
            depth=depth,
            sensitivity=felt.get(name),
            own=None if own is None else own.get(name),
        )
        made[name], learned[shape] = done, done.layer.encoder
        rows = seen.count
        reports.append(_report(name, linear, given, done, level))
        if on_layer is not None:
            on_layer(reports[-1])

    with evaluating(model), _wholly_or_not_at_all(model, chosen):
        order = execution(model, list(chosen), batches, feed)
        groups = order.groups
        if silent := chosen.keys() - {name for group in groups for name in group}:
            raise InvalidInput(f"layer {min(silent)!r} never runs on the calibration inputs; filter it out")
        felt = sensitivity or ({} if probe is None else sensitivities(model, layers, batches, feed, probe, seed=seed))
        if budget is not None:
            chosen = _within(budget, offered, layers, gathered(), level, depth, felt)
        if sequential:
            stages = Stages(model, list(chosen), batches, feed, order.repeated)
            for group in groups:
                entering = stages.moments(group, lags)
                for name in group:
                    do(name, entering[name])
                _put(model, {name: made[name].layer for name in group})
        else:
            for name, seen in gathered():
                do(name, seen)
            _put(model, {name: one.layer for name, one in made.items()})
    return CalibrationReport(tuple(reports), rows, perf_counter() - began, tuple(skipped))


@contextmanager
def _wholly_or_not_at_all(model: nn.Module, names: Iterable[str]) -> Iterator[None]:
    """Puts back the modules of these names whatever is raised before all is done."""
    before = {name: model.get_submodule(name) for name in names}
    try:
        yield
    except BaseException:
        for name, module in before.items():
            if (other := model.get_submodule(name)) is not module:
                put_in_place(model, other, module)
        raise


def _offered(
    encoder: TileEncoder | Mapping[str, TileEncoder | None] | Sequence[TileEncoder],
    model: nn.Module,
    budget: float | None,
) -> list[Mapping[str, TileEncoder | None]]:
    """The mappings from name patterns to encoders there are to choose from; without a budget just one."""
    several = list(encoder) if isinstance(encoder, list | tuple) else [encoder]
    if not several:
        raise InvalidInput("there are no encoders to choose from")
    if len(several) > 1 and budget is None:
        raise InvalidInput("several encoders to choose from need a budget, such as budget=0.6; or give one encoder")
    return [checked_encoders(one, model) for one in several]


def _plan(
    model: nn.Module,
    offered: Sequence[Mapping[str, TileEncoder | None]],
    filter_fn: FilterFn | None,
    depth: int,
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


def _usable(
    name: str, linear: nn.Linear, offered: Sequence[Mapping[str, TileEncoder | None]], depth: int
) -> list[TileEncoder]:
    """The encoders offered that a layer can gain by."""
    usable = []
    for encoders in offered:
        with suppress(Skipped):
            usable.append(encoder_for(name, linear, encoders, depth))
    return usable


def _within(
    budget: float,
    offered: Sequence[Mapping[str, TileEncoder | None]],
    layers: Mapping[str, nn.Linear],
    gathered: Iterable[tuple[str, Moments]],
    level: Level,
    depth: int,
    felt: Mapping[str, Tensor],
) -> dict[str, TileEncoder]:
    """An encoder for each layer, all within the budget, by what errors on the layers' moments do to the output."""
    known = comparable(layers, felt)
    curves: dict[str, list[Point]] = {}
    for name, moments in gathered:
        usable = _usable(name, layers[name], offered, depth)
        curves[name] = tradeoff(layers[name], usable, moments, level, depth, known.get(name))
    return spend(curves, budget * sum(linear.weight.numel() for linear in layers.values()))


def _put(model: nn.Module, stand_ins: Mapping[str, nn.Module]) -> None:
    replace_linears(model, lambda name, _: stand_ins[name], lambda _, name: name in stand_ins)


def _report(name: str, linear: nn.Linear, given: TileEncoder, done: Calibrated, level: Level) -> CalibratedLayer:
    encoder, whole = done.layer.encoder, done.layer.stl.encoder_tensors()
    return CalibratedLayer(
        name,
        linear.in_features,
        linear.out_features,
        str(whole.tile),
        whole.channels,
        calibrated_multiplications(linear, encoder, level, done.layer.stl.depth),
        given.error_at(PRECISION_OF_DTYPE[linear.weight.dtype]),
        done.expected_error,
        done.seconds,
    )
