"""Converting a whole model with calibration: a loader of real inputs in, calibrated layers in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import islice
from time import perf_counter
from typing import Any

from torch import nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.calibration.groups import Run, chunked, execution_groups, input_moments
from stl_nn.calibration.layer import Calibrated, Level, calibrate_linear
from stl_nn.calibration.moments import Moments, gather_moments
from stl_nn.conversion import multiplications
from stl_nn.replacement import FilterFn, is_linear, replace_linears

#: Bytes of moments held at once; what does not fit is gathered in another pass over the loader.
MOMENT_BYTES = 1_000_000_000


@dataclass(frozen=True)
class CalibratedLayer:
    """One layer of a calibrated model; errors are relative output errors on the calibration inputs."""

    name: str
    in_features: int
    out_features: int
    tile: str
    rank: int
    multiplications: float
    expected_error: float
    seconds: float


@dataclass(frozen=True)
class CalibrationReport:
    """The calibrated layers in the order they run, rows of calibration input seen, and the time it all took."""

    layers: tuple[CalibratedLayer, ...]
    rows: int
    seconds: float

    @property
    def multiplications(self) -> float:
        """Scalar products of the converted layers against what they took dense."""
        dense = sum(layer.in_features * layer.out_features for layer in self.layers)
        return sum(x.multiplications * x.in_features * x.out_features for x in self.layers) / dense

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings, for json.dumps."""
        return {**asdict(self), "multiplications": self.multiplications}


def calibrate(
    model: nn.Module,
    encoder: TileEncoder | Mapping[str, TileEncoder],
    batches: Iterable[object],
    run: Run | None = None,
    *,
    level: Level | str = Level.REFIT,
    sequential: bool = False,
    filter_fn: FilterFn | None = None,
    seed: int = 0,
    on_layer: Callable[[CalibratedLayer], None] | None = None,
) -> CalibrationReport:
    """Replace in place the linear layers of a model by STL layers calibrated on what a loader feeds them.

    encoder     one for all layers, or a mapping from name patterns, first match first; unmatched layers stay dense
    batches     an iterable that can be gone over again (a list, a DataLoader)
    run         feeds a batch to the model: `model(batch)` where left out
    level       how much calibration may cost, see `Level`
    sequential  layer by layer in the order they run, each on the inputs that the network converted so far makes;
                else all on the inputs of the dense network. With `joint`, encoders start from those of the last
                layer of the same shape, which suit it better than data-free ones.
    on_layer    is told of each layer as it is done

    Only second moments are held, never activations, and at most about a gigabyte of them. Raises InvalidInput for
    a loader that yields nothing or NaN, and for a model or filter without linear layers.

    >>> import torch; from stl_algebra import strassen
    >>> model = nn.Sequential(nn.Linear(4, 4))
    >>> calibrate(model, strassen(), [torch.randn(50, 4)]).layers[0].expected_error < 1e-6
    True
    """
    began, level = perf_counter(), Level(level)
    feed: Run = run if run is not None else lambda model, batch: model(batch)
    chosen = _chosen(model, encoder, filter_fn)
    first = list(islice(batches, 1))
    if not first:
        raise InvalidInput("the calibration loader yields nothing; give it at least one batch")
    groups = execution_groups(model, list(chosen), first[0], feed)
    layers = {name: model.get_submodule(name) for name in chosen}
    made: dict[str, Calibrated] = {}
    reports: list[CalibratedLayer] = []
    learned: dict[tuple[int, int], TileEncoder] = {}
    rows = 0

    def do(name: str, moments: Moments) -> None:
        nonlocal rows
        linear, start = layers[name], chosen[name]
        assert isinstance(linear, nn.Linear)
        shape = (linear.in_features, linear.out_features)
        if level is Level.JOINT and not isinstance(encoder, Mapping):
            start = learned.get(shape, start)
        made[name] = calibrate_linear(linear, start, moments, level, seed)
        learned[shape] = made[name].layer.encoder
        rows = moments.count
        reports.append(_report(name, linear, made[name]))
        if on_layer is not None:
            on_layer(reports[-1])

    lags = max(one.format.n for one in chosen.values())
    if sequential:
        for group in groups:
            moments = input_moments(model, group[0], batches, feed, lags)
            for name in group:
                do(name, moments)
            _put(model, {name: made[name].layer for name in group})
    else:
        for chunk in chunked(groups, lambda name: 16 * lags * _features(layers[name]) ** 2, MOMENT_BYTES):
            gathered = gather_moments(
                {group[0]: layers[group[0]] for group in chunk}, batches, lambda batch: feed(model, batch), lags
            )
            for group in chunk:
                for name in group:
                    do(name, gathered[group[0]])
        _put(model, {name: one.layer for name, one in made.items()})
    return CalibrationReport(tuple(reports), rows, perf_counter() - began)


def _chosen(
    model: nn.Module, encoder: TileEncoder | Mapping[str, TileEncoder], filter_fn: FilterFn | None
) -> dict[str, TileEncoder]:
    """The encoder to start from, by layer name. Only nn.Linear: other kinds have no rows in order to gather."""
    patterns = encoder if isinstance(encoder, Mapping) else {"*": encoder}
    chosen = {}
    for name, module in model.named_modules():
        if type(module) is nn.Linear and is_linear(module) and (filter_fn is None or filter_fn(module, name)):
            match = next((pattern for pattern in patterns if fnmatchcase(name, pattern)), None)
            if match is not None:
                chosen[name] = patterns[match]
    if not chosen:
        raise InvalidInput(f"{type(model).__name__} has no nn.Linear layers that the filter and the patterns accept")
    return chosen


def _put(model: nn.Module, stand_ins: Mapping[str, nn.Module]) -> None:
    replace_linears(model, lambda name, _: stand_ins[name], lambda _, name: name in stand_ins)


def _features(layer: nn.Module) -> int:
    assert isinstance(layer, nn.Linear)
    return layer.in_features


def _report(name: str, linear: nn.Linear, done: Calibrated) -> CalibratedLayer:
    encoder = done.layer.encoder
    share = multiplications(linear.in_features, linear.out_features, encoder.format, encoder.rank)
    return CalibratedLayer(
        name,
        linear.in_features,
        linear.out_features,
        str(encoder.format),
        encoder.rank,
        share,
        done.expected_error,
        done.seconds,
    )
