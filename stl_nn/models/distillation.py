"""Fine-tuning a converted network by distillation from its dense self."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor, nn

from stl_nn.linear import STLLinear
from stl_nn.models.network import Network


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
    """Train the converted layers `names` of a model in place so that its outputs come near the dense network's.

    Only floating-point parameters of these layers learn; the rest of the network stays as it is. A step is AdamW on
    the mean distance over some calibration batches, taken in turn; the learning rate falls along a cosine. Channels
    of STL layers are brought to unit gain first, so that the rate that suits a dense weight suits an encoded one.

    rate     the highest learning rate, the network's own where left out; so is the number of batches a step
    sparse   weights that are zero stay zero: the mask of a pruned layer is held
    """
    for name in names:
        for layer in model.get_submodule(name).modules():
            if isinstance(layer, STLLinear):
                layer.to_unit_gain()
    learning = [p for name in names for p in model.get_submodule(name).parameters() if p.is_floating_point()]
    frozen = {id(p) for p in learning}
    state = [(p, p.requires_grad) for p in model.parameters()]
    for p in model.parameters():
        p.requires_grad_(id(p) in frozen)
    hooks = [p.register_hook(_holding((p != 0).detach())) for p in learning if sparse and p.dim() > 1]
    peak = rate or network.rate
    optimiser = torch.optim.AdamW(learning, lr=peak, betas=(0.9, 0.95), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    taken = batches or network.batches_a_step
    inputs = cycle(network.calibration)
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


def _holding(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient * mask
