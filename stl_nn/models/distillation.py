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
    of STL layers are brought to `unit_gain` first, so that the rate that suits a dense weight suits an encoded one.

    rate     the highest learning rate, the network's own where left out; so is the number of batches a step
    sparse   weights that are zero stay zero: the mask of a pruned layer is held
    """
    for name in names:
        for layer in model.get_submodule(name).modules():
            if isinstance(layer, STLLinear):
                unit_gain(layer)
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


@torch.no_grad()
def unit_gain(layer: STLLinear) -> None:
    """Give each channel ‖E_X[s]‖ = ‖D[:,s]‖ = 1 and its encoded weight the rest, in place: the same operator.

    A channel whose products cancel against another's has large coefficients; a step that is small for a weight is a
    leap in its output then. Layers that encode on the fly, and channels that read or write nothing, stay as they are.

    >>> from stl_algebra import strassen
    >>> layer = STLLinear.from_linear(nn.Linear(4, 4), strassen())
    >>> unit_gain(layer); layer.decode.norm(dim=0).round(decimals=4).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if layer.encoded_weight is None:
        return
    x, d = layer.encode_x.norm(dim=1), layer.decode.norm(dim=0)
    used = (x > 0) & (d > 0)
    x, d = torch.where(used, x, 1.0), torch.where(used, d, 1.0)
    layer.encode_x.div_(x[:, None])
    layer.decode.div_(d)
    layer.encode_w.mul_((x * d)[:, None])
    # Below levels of Strassen's scheme the channels of the encoder lie next to each other, once for each of its own.
    times = len(layer.encoded_weight) // len(x)
    layer.encoded_weight.mul_((x * d).repeat(times)[:, None, None])


def _holding(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient * mask
