"""Fine-tuning a converted network by distillation from its dense self."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor, nn

from stl_bench.networks.network import Network
from stl_nn.linear import STLLinear


def distill(
    network: Network,
    model: nn.Module,
    names: Sequence[str],
    steps: int,
    *,
    sparse: bool = False,
    rate: float | None = None,
    batches: int | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> None:
    """Train the converted layers of a model in place, so that its outputs come near the dense network's.

    Only floating-point parameters of these layers learn. A step is AdamW on the mean distance over some training
    batches, taken in turn from a shuffled order, the same every time. The learning rate falls along a cosine. Levels
    of Strassen's scheme are taken off before and put back at the end: without them a layer has fewer weights, and a
    step takes less time.

    Parameters
    ----------
    network : Network
        The network.
    model : nn.Module
        The converted copy.
    names : sequence of str
        The names of its converted layers.
    steps : int
        The number of steps.
    sparse : bool
        Whether weights that are zero stay zero, as the mask of a pruned layer asks.
    rate : float or None
        The highest learning rate of a dense weight, or None for the network's own. Encoded weights take
        `share_of_rate` of it, once their channels are brought to unit gain.
    batches : int or None
        Batches of a step, or None for the network's own number.
    on_step : callable or None
        Called with the number of steps done and the loss, or None.
    """
    shares: dict[int, float] = {}  # of encoded weights, by their identity
    depths: dict[STLLinear, int] = {}
    for name in names:
        for layer in model.get_submodule(name).modules():
            if isinstance(layer, STLLinear) and layer.encoded_weight is not None:
                depths[layer] = layer.depth
                layer.to_depth(0)
                layer.to_unit_gain()
                shares[id(layer.encoded_weight)] = share_of_rate(layer)
    learning = [p for name in names for p in model.get_submodule(name).parameters() if p.is_floating_point()]
    frozen = {id(p) for p in learning}
    state = [(p, p.requires_grad) for p in model.parameters()]
    for p in model.parameters():
        p.requires_grad_(id(p) in frozen)
    hooks = [p.register_hook(_holding((p != 0).detach())) for p in learning if sparse and p.dim() > 1]
    peak = rate or network.rate
    groups = [{"params": [p], "lr": peak * shares.get(id(p), 1.0)} for p in learning]
    optimiser = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    taken = batches or network.batches_a_step
    inputs = cycle(random.Random(0).sample(network.training, len(network.training)))
    try:
        for step in range(steps):
            optimiser.zero_grad(set_to_none=True)
            total = 0.0
            for batch in islice(inputs, taken):
                with torch.no_grad():
                    dense = network.run(network.model, batch)
                loss = network.distance(network.run(model, batch), dense) / taken
                loss.backward()
                total += float(loss.detach())
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            schedule.step()
            if on_step is not None:
                on_step(step + 1, total)
    finally:
        for hook in hooks:
            hook.remove()
        for p, learns in state:
            p.requires_grad_(learns)
        for layer, depth in depths.items():
            layer.to_depth(depth)


def share_of_rate(layer: STLLinear) -> float:
    """Return the share of a dense weight's learning rate at which an encoded weight changes the loss as much.

    Parameters
    ----------
    layer : STLLinear
        An STL layer at depth 0.

    Returns
    -------
    float
        The share, at most 1.

    Notes
    -----
    Adam moves every entry by about the rate, whatever its gradient: at first order a step changes the loss by the rate
    times the sum of the gradient's magnitudes. That sum is about √(P·G) times as large for an encoded weight as for
    the dense one: it has P = r/(m·p) as many entries, and its channels have the gains ‖E_X[s]‖·‖D[:,s]‖, of mean
    square G = Σ_s ‖E_X[s]‖²·‖D[:,s]‖² / (n·m·p) over the products of a tile.

    Examples
    --------
    >>> from stl_algebra import Format, classical
    >>> round(share_of_rate(STLLinear(8, 8, classical(Format(2, 2, 2)))), 4)  # twice the entries, every gain 1
    0.7071
    """
    assert layer.encoded_weight is not None
    entries = layer.encoded_weight.numel() / (layer.in_features * layer.out_features)
    gains = layer.encode_x.norm(dim=1) * layer.decode.norm(dim=0)
    return min(1.0, (entries * float(gains.square().sum()) / layer.format.products) ** -0.5)


def _holding(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient * mask
