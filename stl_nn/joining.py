"""One layer in place of several that read the same input: q, k and v, or gate and up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.execution import Run, call, execution_groups
from stl_nn.replacement import FilterFn, Skipped, put_in_place, replace_linears
from stl_nn.sharing import SharedResult


class JoinedPart(nn.Module):
    """A drop-in for one of several nn.Linear that became one: x (..., K) to y (..., N), some of its output channels.

    All parts of a layer that are called with the same tensor have it computed once, so that their gradients are asked
    for together, too. What each returns is a view of that, not contiguous.

    Parameters
    ----------
    first : JoinedPart or None
        The part that the joined layer is a child of; None for that part itself.
    start : int
        The first of its output channels in the joined layer.
    out_features : int
        The number of them, N.
    shared : SharedResult
        What the parts share of one call.

    Attributes
    ----------
    joined : nn.Module
        Of the first part: the layer with the outputs of all parts.
    """

    stands_in_for_dense = True

    joined: nn.Module

    def __init__(self, first: JoinedPart | None, start: int, out_features: int, shared: SharedResult) -> None:
        super().__init__()
        # Not a child: the layer stands in the model once.
        object.__setattr__(self, "_first", first)
        self.start, self.out_features, self._shared = start, out_features, shared

    @property
    def first(self) -> JoinedPart:
        """The part that the joined layer is a child of."""
        first: JoinedPart | None = self.__dict__["_first"]
        return self if first is None else first

    @property
    def in_features(self) -> int:
        """K."""
        return int(self.first.joined.in_features)  # type: ignore[arg-type]

    @property
    def weight(self) -> Tensor | None:
        """(N, K), a view of that of the joined layer if it has a dense one, else None."""
        weight: object = self.first.joined.weight
        return weight[self._outputs] if isinstance(weight, Tensor) else None

    @property
    def bias(self) -> Tensor | None:
        """(N,), a view of that of the joined layer, or None."""
        bias: object = self.first.joined.bias
        return bias[self._outputs] if isinstance(bias, Tensor) else None

    def forward(self, input: Tensor) -> Tensor:
        """Compute y (..., N) of an input x (..., K).

        Parameters
        ----------
        input : Tensor
            x, (..., K).

        Returns
        -------
        Tensor
            y, (..., N).
        """
        joined = self.first.joined
        part: Tensor = self._shared.get(self.start, input, lambda: joined(input), joined)[..., self._outputs]
        return part

    @property
    def _outputs(self) -> slice:
        return slice(self.start, self.start + self.out_features)

    def extra_repr(self) -> str:
        """What `repr` says of the part.

        Returns
        -------
        str
            On one line.
        """
        return f"outputs {self.start} to {self.start + self.out_features}"


def join_layers(
    model: nn.Module, batch: object, run: Run = call, filter_fn: FilterFn | None = None
) -> dict[str, tuple[str, ...]]:
    """Make one layer, in place, of all nn.Linear that a model calls with the very same tensor: q, k and v, say.

    The model's forward stays as it is, and so does what it computes, to rounding. Converted afterwards, the layers
    encode their input once and multiply it by all of their weights at once. Calibrated, they have one basis and one
    encoder for as much, and of the channels of all of them those that the network is most sensitive to get the more
    exact products. If a forward calls them with different tensors after all, each computes the whole for its part.

    Left alone are layers whose weight stands elsewhere, too, layers that have hooks, and layers that differ in dtype,
    device, training mode or whether they learn. `separate_layers` is the way back.

    Parameters
    ----------
    model : nn.Module
        The model.
    batch : object
        An example that is run once to find the layers.
    run : callable
        Feeds it to the model; `stl_nn.execution.call` if left out.
    filter_fn : callable or None
        ``filter_fn(module, name)`` accepts layers, as for `convert`.

    Returns
    -------
    dict
        The names of the parts by that of their joined layer, ``"….q_proj.joined"``; empty if there is nothing to join.

    Raises
    ------
    InvalidInput
        If the model has no linear layers, or the filter accepts none.

    Examples
    --------
    >>> class Gated(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.gate, self.up = nn.Linear(4, 8), nn.Linear(4, 8)
    ...     def forward(self, x):
    ...         return self.gate(x).sigmoid() * self.up(x)
    >>> join_layers(Gated(), torch.ones(3, 4))
    {'gate.joined': ('gate', 'up')}
    """
    layers = _plain_layers(model, filter_fn)
    found: dict[str, tuple[str, ...]] = {}
    parts: dict[str, nn.Module] = {}
    for group in execution_groups(model, list(layers), batch, run):
        for alike in _alike({name: layers[name] for name in group}):
            parts |= _joined(alike)
            first = next(iter(alike))
            found[f"{first}.joined"] = tuple(alike)
    if parts:
        replace_linears(model, lambda name, _: parts[name], lambda _, name: name in parts)
    return found


def separate_layers(model: nn.Module) -> list[str]:
    """Put the layers back that `join_layers` made one.

    Parameters
    ----------
    model : nn.Module
        The model.

    Returns
    -------
    list of str
        The names of the layers.

    Raises
    ------
    InvalidInput
        If none is joined, or a joined layer is no nn.Linear: `revert` a conversion first. The model is untouched then.

    Examples
    --------
    >>> model = nn.ModuleDict({"q": nn.Linear(4, 4), "k": nn.Linear(4, 2)})
    >>> _ = join_layers(model, torch.ones(1, 4), lambda model, x: (model["q"](x), model["k"](x)))
    >>> separate_layers(model), model["k"]
    (['q', 'k'], Linear(in_features=4, out_features=2, bias=True))
    """
    parts = [(name, module) for name, module in model.named_modules() if isinstance(module, JoinedPart)]
    if not parts:
        raise InvalidInput(f"{type(model).__name__} has no joined layers to separate")
    for name, part in parts:
        if not isinstance(part.first.joined, nn.Linear):
            kind = type(part.first.joined).__name__
            raise InvalidInput(f"{name!r} is part of a {kind}; revert the conversion first, then separate")
    for _, part in parts:
        put_in_place(model, part, _separated(part))
    return [name for name, _ in parts]


def _plain_layers(model: nn.Module, filter_fn: FilterFn | None) -> dict[str, nn.Linear]:
    """The nn.Linear that the filter accepts and that may be replaced."""
    layers: dict[str, nn.Linear] = {}

    def look(name: str, linear: nn.Linear) -> nn.Module:
        if model.get_submodule(name) is linear:
            layers[name] = linear
        raise Skipped("only looked at")

    replace_linears(model, look, filter_fn)
    return layers


def _alike(layers: Mapping[str, nn.Linear]) -> Iterable[dict[str, nn.Linear]]:
    """Those of a group that one layer can stand for, two or more at a time."""
    kinds: dict[tuple[object, ...], dict[str, nn.Linear]] = {}
    for name, linear in layers.items():
        weight = linear.weight
        kind = weight.dtype, weight.device, weight.requires_grad, linear.training, linear.in_features
        kinds.setdefault(kind, {})[name] = linear
    return (alike for alike in kinds.values() if len(alike) > 1)


@torch.no_grad()
def _joined(layers: Mapping[str, nn.Linear]) -> dict[str, nn.Module]:
    """The parts, by name, of one layer in place of several."""
    given = list(layers.values())
    weight = torch.cat([linear.weight for linear in given])
    joined = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta", dtype=weight.dtype)
    joined.weight = nn.Parameter(weight, requires_grad=given[0].weight.requires_grad)
    if any(linear.bias is not None for linear in given):
        biases = [one.weight.new_zeros(one.out_features) if one.bias is None else one.bias.data for one in given]
        learns = any(one.bias is not None and one.bias.requires_grad for one in given)
        joined.bias = nn.Parameter(torch.cat(biases), requires_grad=learns)
    shared, parts = SharedResult(len(layers)), dict[str, nn.Module]()
    first, start = None, 0
    for name, linear in layers.items():
        part = JoinedPart(first, start, linear.out_features, shared)
        if first is None:
            first = part
            first.joined = joined.train(linear.training)
        parts[name] = part
        start += linear.out_features
    return parts


@torch.no_grad()
def _separated(part: JoinedPart) -> nn.Linear:
    joined = part.first.joined
    assert isinstance(joined, nn.Linear)
    ours = part._outputs
    linear = nn.Linear(
        joined.in_features, part.out_features, joined.bias is not None, device="meta", dtype=joined.weight.dtype
    )
    linear.weight = nn.Parameter(joined.weight[ours].clone(), requires_grad=joined.weight.requires_grad)
    if joined.bias is not None:
        linear.bias = nn.Parameter(joined.bias[ours].clone(), requires_grad=joined.bias.requires_grad)
    return linear.train(part.training)
