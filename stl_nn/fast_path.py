"""The fast path of torch's transformer encoder, which reads the weights of linear layers without calling them.

In evaluation, nn.TransformerEncoderLayer hands the weights of `linear1` and `linear2` to one fused operator, and
nn.TransformerEncoder packs padded inputs into nested tensors that this operator alone takes. A layer that stands in
for a dense one would be bypassed, so both must take their ordinary path as soon as they hold one.
"""

from __future__ import annotations

from typing import Any

from torch import nn

#: The attribute of a module under which the value is kept that its switch has with dense layers.
KEPT = "_fast_path_when_dense"


def settle_fast_paths(model: nn.Module) -> None:
    """Close the fast path of every transformer encoder in a model that holds a replaced layer; open the others again.

    Parameters
    ----------
    model : nn.Module
        The model, after layers were replaced or put back.

    Examples
    --------
    >>> block = nn.TransformerEncoderLayer(4, 2, 8)
    >>> block.linear1 = nn.Identity()
    >>> settle_fast_paths(block); block.activation_relu_or_gelu
    0
    >>> block.linear1 = nn.Linear(4, 8)
    >>> settle_fast_paths(block); block.activation_relu_or_gelu
    1
    """
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            _settle(module, "activation_relu_or_gelu", 0, _holds_replaced(module))
        elif isinstance(module, nn.TransformerEncoder):
            _settle(module, "use_nested_tensor", False, any(map(_holds_replaced, module.layers)))


def _holds_replaced(block: nn.Module) -> bool:
    layers = [getattr(block, name, None) for name in ("linear1", "linear2")]
    return any(layer is not None and not isinstance(layer, nn.Linear) for layer in layers)


def _settle(module: nn.Module, switch: str, closed_value: Any, closed: bool) -> None:
    """Give the switch of a module its closed value, or the one it had before."""
    if closed and KEPT not in vars(module):
        vars(module)[KEPT] = getattr(module, switch, closed_value)
        setattr(module, switch, closed_value)
    elif not closed and KEPT in vars(module):
        setattr(module, switch, vars(module).pop(KEPT))
