"""Where the layers of a converted model stand: read off a model, and built for the dense one they are to stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import nn

from stl_algebra import InvalidInput
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.joining import JoinedPart
from stl_nn.linear import STLLinear
from stl_nn.pointwise import CONVOLUTIONS, PointwiseConv, is_pointwise
from stl_nn.replacement import Skipped, is_linear, replace_linears, stands_in_for_dense
from stl_nn.saving.blueprint import BUILD_ANEW, Part, PlacedBlueprint
from stl_nn.saving.layer_blueprint import DenseBlueprint, Encoders, describe
from stl_nn.sharing import SharedResult

#: By the id of a layer of the dense model: itself, what is to stand there, and its weights as an nn.Linear.
StandIns = Mapping[int, tuple[nn.Module, nn.Module, nn.Linear]]


def placed_layers(model: nn.Module) -> dict[str, PlacedBlueprint]:
    """The layers of a model that stand where dense ones stood.

    Parameters
    ----------
    model : nn.Module
        The converted model.

    Returns
    -------
    dict
        Their blueprints by name.

    Raises
    ------
    InvalidInput
        If there are none, or one cannot be written down.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> placed_layers(nn.Sequential(STLLinear(2, 2, strassen())))["0"].replaces
    'Linear'
    """
    if stands_in_for_dense(model):
        raise InvalidInput("the model is itself one layer; wrap it in nn.Sequential")
    parts: dict[int, list[tuple[str, JoinedPart]]] = {}
    for name, module in model.named_modules():
        if isinstance(module, JoinedPart):
            parts.setdefault(id(module.first), []).append((name, module))
    layers: dict[str, PlacedBlueprint] = {}
    inside: set[int] = set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        leaf, leaf_name, replaces, stride, joined = module, name, "Linear", tuple[int, ...](), tuple[Part, ...]()
        if isinstance(module, PointwiseConv):
            leaf, replaces, stride = module.linear, CONVOLUTIONS[module.dimensions].__name__, module.stride
        elif isinstance(module, JoinedPart):
            if module.first is not module:
                _check_has_first(name, module, parts)
                continue
            leaf, leaf_name, joined = module.joined, f"{name}.joined", _checked_parts(name, parts[id(module)])
        elif isinstance(module, STLLinear | CalibratedLinear):
            replaces = "Conv1D" if getattr(module, "_replaces_hf_conv1d", False) else "Linear"
        elif not stands_in_for_dense(module):
            continue
        inside.update(map(id, leaf.modules()))
        layers[leaf_name] = PlacedBlueprint(describe(leaf, leaf_name), replaces, stride, joined)
    if all(isinstance(placed.layer, DenseBlueprint) for placed in layers.values()):
        raise InvalidInput("it has no STL layers; convert it first, or save its state_dict")
    return layers


def build_layers(model: nn.Module, layers: Mapping[str, PlacedBlueprint], encoders: Encoders) -> StandIns:
    """Build layers on the meta device for those of a dense model that they are to replace. The model stays as it is.

    Parameters
    ----------
    model : nn.Module
        The dense model.
    layers : mapping
        Blueprints by name.
    encoders : TileEncoder, Entry, mapping or sequence
        Encoders by digest.

    Returns
    -------
    dict
        By the id of a layer of the model: itself, what is to stand there, and its weights as an nn.Linear.

    Raises
    ------
    InvalidInput
        By name, if the model has no such layers, or no layer has a blueprint.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv1d(4, 8, 1))
    >>> placed = PlacedBlueprint(DenseBlueprint(4, 8, True), "Conv1d", (1,), ())
    >>> [type(new).__name__ for _, new, _ in build_layers(model, {"0": placed}, {}).values()]
    ['PointwiseConv']
    """
    dense = _dense_layers(model, [site for name, placed in layers.items() for site in placed.sites(name)])
    stand_ins: dict[int, tuple[nn.Module, nn.Module, nn.Linear]] = {}
    for name, placed in layers.items():
        sites = placed.sites(name)
        if sum(sites.values()) != placed.layer.out_features:
            raise InvalidInput(f"the parts of {name!r} do not make up its {placed.layer.out_features} output features")
        for site, outputs in sites.items():
            _check_fits(site, placed, outputs, *dense[site])
        _, like = dense[next(iter(sites))]
        try:
            layer = placed.layer.build(encoders, like)
        except InvalidInput as error:
            raise InvalidInput(f"layer {name!r} cannot be built: {error}") from None
        for site, made in zip(sites, _placed_as(placed, layer), strict=True):
            old, linear = dense[site]
            stand_ins[id(old)] = old, made, linear
    return stand_ins


def _placed_as(placed: PlacedBlueprint, layer: nn.Module) -> list[nn.Module]:
    """What stands in the model for each of the layers that a layer replaces."""
    if placed.stride:
        return [PointwiseConv(layer, len(placed.stride), placed.stride)]
    if placed.replaces == "Conv1D":
        layer._replaces_hf_conv1d = True  # type: ignore[assignment]
    if not placed.parts:
        return [layer]
    made: list[JoinedPart] = []
    start, shared = 0, SharedResult(len(placed.parts))
    for part in placed.parts:
        made.append(JoinedPart(made[0] if made else None, start, part.out_features, shared))
        start += part.out_features
    made[0].joined = layer
    return list(made)


def _dense_layers(model: nn.Module, sites: list[str]) -> dict[str, tuple[nn.Module, nn.Linear]]:
    """The linear layers of the model that are to be replaced, and their weights as an nn.Linear, by name."""
    modules = dict(model.named_modules())
    for name, module in modules.items():
        if stands_in_for_dense(module):
            raise InvalidInput(f"layer {name!r} is converted already; revert the model, or build it afresh")
    if twice := [site for site, count in Counter(sites).items() if count > 1]:
        raise InvalidInput(f"it replaces layer {twice[0]!r} twice")
    for site in sites:
        if site not in modules:
            raise InvalidInput(f"the model has no layer {site!r}; {BUILD_ANEW}")
        if not is_linear(modules[site]):
            kind = type(modules[site]).__name__
            raise InvalidInput(f"layer {site!r} of the model is a {kind} and no linear layer; {BUILD_ANEW}")
    found: dict[str, nn.Linear] = {}

    def look(name: str, linear: nn.Linear) -> nn.Module:
        found[name] = linear
        raise Skipped("only looked at")

    for one in replace_linears(model, look, lambda _, name: name in sites):
        if one.name not in found:
            raise InvalidInput(f"layer {one.name!r} of the model cannot be replaced: {one.reason}")
    return {site: (modules[site], found[site]) for site in sites}


def _check_fits(site: str, placed: PlacedBlueprint, outputs: int, module: nn.Module, linear: nn.Linear) -> None:
    stride = tuple(module.stride) if is_pointwise(module) else ()
    there = f"{type(module).__name__}({linear.in_features}, {linear.out_features})", stride
    saved = f"{placed.replaces}({placed.layer.in_features}, {outputs})", placed.stride
    if there != saved:
        saying = [text + (f" of stride {steps}" if steps else "") for text, steps in (saved, there)]
        raise InvalidInput(f"layer {site!r} replaced a {saying[0]} and is a {saying[1]} here; {BUILD_ANEW}")


def _check_has_first(name: str, part: JoinedPart, parts: Mapping[int, list[tuple[str, JoinedPart]]]) -> None:
    if not any(other is part.first for _, other in parts[id(part.first)]):
        raise InvalidInput(f"layer {name!r} is part of a joined layer that the model no longer holds")


def _checked_parts(name: str, parts: list[tuple[str, JoinedPart]]) -> tuple[Part, ...]:
    """All parts of a joined layer in order."""
    given = sorted(parts, key=lambda one: one[1].start)
    end = 0
    for _, part in given:
        if part.start != end:
            break
        end += part.out_features
    if end != parts[0][1].first.joined.out_features:
        raise InvalidInput(f"parts of the layer joined at {name!r} are no longer in the model; separate it first")
    return tuple(Part(name, part.out_features) for name, part in given)
