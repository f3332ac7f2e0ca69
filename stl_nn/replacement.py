"""Replacing the linear layers of a model: the walk that every conversion and baseline shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from stl_algebra import InvalidInput
from stl_nn.fast_path import settle_fast_paths
from stl_nn.pointwise import PointwiseConv, is_pointwise, sharing

FilterFn = Callable[[nn.Module, str], bool]


class Skipped(Exception):
    """Raised by a factory for a layer that it cannot or should not replace. The message is the reason."""


#: Makes the replacement of a layer, given its name and an nn.Linear that shares its weights.
Factory = Callable[[str, nn.Linear], nn.Module]


@dataclass(frozen=True)
class Replacement:
    """What became of one layer.

    Parameters
    ----------
    name, kind : str
        The layer's name in the model and the name of its type.
    linear : nn.Linear or None
        Its weights as an nn.Linear; None if it has none that a factory could take.
    replacement : nn.Module or None
        What stands in its place now; None if it was skipped.
    reason : str
        Why it was skipped.
    """

    name: str
    kind: str
    linear: nn.Linear | None
    replacement: nn.Module | None
    reason: str = ""


def replace_linears(model: nn.Module, make: Factory, filter_fn: FilterFn | None = None) -> list[Replacement]:
    """Replace linear layers of a model in place.

    Linear layers are nn.Linear, 1×1 convolutions and the Conv1D of transformers. All replacements are made before the
    first is put in place: if `make` raises anything but `Skipped`, the model is untouched. A layer that stands at
    several places is replaced by one layer at all of them. A layer that shares a parameter with another module, such as
    an output layer tied to an embedding, is left. Transformer encoders of torch take their ordinary path from then on,
    see `stl_nn.fast_path`.

    Parameters
    ----------
    model : nn.Module
        The model. It must not itself be a linear layer, as it cannot be replaced.
    make : callable
        ``make(name, linear)`` returns what is to stand there, or raises `Skipped`.
    filter_fn : callable or None
        ``filter_fn(module, name)`` accepts layers; None accepts all.

    Returns
    -------
    list of Replacement
        What became of each layer that the filter accepts.

    Raises
    ------
    InvalidInput
        If the model has no linear layer, or the filter accepts none.

    Examples
    --------
    >>> def make(name, linear):
    ...     return nn.Identity()
    >>> replace_linears(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), make)[0].name
    '0'
    """
    if is_linear(model):
        raise InvalidInput(
            f"the model is itself one {type(model).__name__}; wrap it in nn.Sequential, or use STLLinear.from_linear"
        )
    found = [(name, module) for name, module in model.named_modules() if is_linear(module)]
    if not found:
        raise InvalidInput(f"{type(model).__name__} has no linear layers to convert")
    chosen = [(name, module) for name, module in found if filter_fn is None or filter_fn(module, name)]
    if not chosen:
        raise InvalidInput(
            f"the filter accepts none of the {len(found)} linear layers of {type(model).__name__}, which are named "
            f"{examples_of([name for name, _ in found])}; accept some of these, or leave out filter_fn to take them all"
        )
    fragile = _tied(model) | _read_by_attention(model)
    replacements = [_replace_one(name, module, make, fragile.get(id(module), "")) for name, module in chosen]
    places = _places(model)
    for (_, module), replaced in zip(chosen, replacements, strict=True):
        if replaced.replacement is not None:
            for parent, attribute in places[id(module)]:
                setattr(parent, attribute, replaced.replacement)
    settle_fast_paths(model)
    return replacements


def is_linear(module: nn.Module) -> bool:
    """Whether a module is a linear layer that can be replaced: nn.Linear, a 1×1 convolution, transformers' Conv1D.

    Parameters
    ----------
    module : nn.Module
        Any module; subclasses of nn.Linear count.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> is_linear(nn.Conv2d(3, 4, 1)), is_linear(nn.Conv2d(3, 4, 3))
    (True, False)
    """
    return isinstance(module, nn.Linear) or is_pointwise(module) or _is_hf_conv1d(module)


def stands_in_for_dense(module: nn.Module) -> bool:
    """Whether a module replaces a dense layer, so that it belongs to a converted model.

    A class of such modules declares it by ``stands_in_for_dense = True``. Only the layers of `convert` and
    `join_layers` can be saved; for any other `save_converted` raises InvalidInput instead of leaving it out.

    Parameters
    ----------
    module : nn.Module
        A module of any class.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
    >>> class LowRank(nn.Module):
    ...     stands_in_for_dense = True
    >>> stands_in_for_dense(LowRank()), stands_in_for_dense(nn.Linear(2, 2))
    (True, False)
    """
    return getattr(type(module), "stands_in_for_dense", False) is True


def examples_of(names: Sequence[str], number: int = 3) -> str:
    """A few of some layers' names, for a message: those of different kinds first, layers of one list being of one kind.

    Parameters
    ----------
    names : sequence of str
        The names, at least one.
    number : int
        How many of them to show.

    Returns
    -------
    str
        The names, quoted.

    Examples
    --------
    >>> examples_of(["blocks.0.mlp", "blocks.1.mlp", "blocks.0.out", "head"])
    "'blocks.0.mlp', 'blocks.0.out', 'head'"
    >>> examples_of(["0", "1", "2", "3"])
    "'0', '1', '2', …"
    """
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(re.sub(r"\d+", "#", name), name)
    shown = list(dict.fromkeys([*kinds.values(), *names]))[:number]
    left_out = len(kinds) > number if len(kinds) > 1 else len(names) > number
    return ", ".join(map(repr, shown)) + (", …" if left_out else "")


def put_in_place(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a module wherever another stands in a model.

    Parameters
    ----------
    model : nn.Module
        The model.
    old, new : nn.Module
        The module that stands there, and the one that is to.
    """
    for parent, attribute in _places(model).get(id(old), []):
        setattr(parent, attribute, new)
    settle_fast_paths(model)


def as_replaced_kind(linear: nn.Linear, replacement: nn.Module) -> nn.Module:
    """A dense layer in the type that its replacement once replaced.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer.
    replacement : nn.Module
        The layer that is to give way to it.

    Returns
    -------
    nn.Module
        transformers' Conv1D if the replacement replaced one, else `linear` itself.
    """
    if not getattr(replacement, "_replaces_hf_conv1d", False):
        return linear
    from transformers.pytorch_utils import Conv1D

    conv: nn.Module = Conv1D(linear.out_features, linear.in_features)
    conv.weight = nn.Parameter(linear.weight.detach().T.contiguous(), requires_grad=linear.weight.requires_grad)
    if linear.bias is not None:
        conv.bias = linear.bias
    return conv.train(linear.training)


def _replace_one(name: str, module: nn.Module, make: Factory, fragile: str) -> Replacement:
    kind = type(module).__name__
    try:
        if fragile:
            raise Skipped(fragile)
        linear = _as_linear(module)
    except Skipped as reason:
        return Replacement(name, kind, None, None, str(reason))
    try:
        made = make(name, linear)
    except Skipped as reason:
        return Replacement(name, kind, linear, None, str(reason))
    if is_pointwise(module):
        assert isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        made = PointwiseConv(made, len(module.kernel_size), module.stride)
    elif _is_hf_conv1d(module):
        made._replaces_hf_conv1d = True  # type: ignore[assignment]
    made.train(module.training)
    return Replacement(name, kind, linear, made)


def _as_linear(module: nn.Module) -> nn.Linear:
    """An nn.Linear that shares the weights of a linear layer. Raises Skipped if its forward does more."""
    hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    if any(hooks):
        raise Skipped("it has hooks, which a replacement would lose; remove them first")
    if "forward" in vars(module):
        raise Skipped("its forward is wrapped by another, which a replacement would lose; unwrap it first")
    if is_pointwise(module):
        return sharing(module, module.weight.flatten(1))
    if _is_hf_conv1d(module):
        return sharing(module, module.weight.T)  # type: ignore[arg-type]
    if type(module) is not nn.Linear:
        raise Skipped(f"{type(module).__name__} is a subclass of nn.Linear that may do more than multiply")
    if not module.weight.is_floating_point():
        raise Skipped(f"its weight is {module.weight.dtype}: quantized layers are left as they are")
    return module


def _is_hf_conv1d(module: nn.Module) -> bool:
    """Whether it is transformers' Conv1D, known without importing it: y = x W + b with W (K, N)."""
    return type(module).__name__ == "Conv1D" and type(module).__module__ == "transformers.pytorch_utils"


def _read_by_attention(model: nn.Module) -> dict[int, str]:
    """Linear layers whose weight nn.MultiheadAttention reads by itself, by id, with the reason to leave them."""
    reason = "nn.MultiheadAttention reads its weight without calling it"
    return {id(parent.out_proj): reason for parent in model.modules() if isinstance(parent, nn.MultiheadAttention)}


def _tied(model: nn.Module) -> dict[int, str]:
    """Linear layers that share a parameter with another module, by id, with the reason to leave them."""
    owners: dict[int, list[tuple[str, nn.Module]]] = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append((name, module))
    tied = {}
    for several in owners.values():
        for name, module in several:
            others = [other for other, _ in several if other != name]
            if others and is_linear(module):
                tied[id(module)] = f"it shares a parameter with {others[0]!r}, which it would lose; untie them first"
    return tied


def _places(model: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """Every (parent, attribute) at which a module stands, by the module's id."""
    places: dict[int, list[tuple[nn.Module, str]]] = {}
    for parent, attribute, child in _edges(model):
        places.setdefault(id(child), []).append((parent, attribute))
    return places


def _edges(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for parent in model.modules():
        for attribute, child in parent._modules.items():
            if child is not None:
                yield parent, attribute, child
