"""What an error in the output of a layer does to the output of the network, by a few backward passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.groups import Run
from stl_nn.pointwise import entering_rows, leaving_rows

#: A random scalar of a network's output y whose gradient g has E g gᵀ = M, with δᵀ M δ the square of how far apart
#: y and y + δ are.
Probe = Callable[[Any, torch.Generator], Tensor]
#: Rows of input after which sensitivities are told well enough, and probes of each batch.
ROWS, PROBES = 4096, 4


def sampled_likelihood(logits: Tensor, generator: torch.Generator) -> Tensor:
    """The log-likelihood of labels drawn from the predictions themselves, logits (..., classes): M is Fisher's.

    To second order δᵀMδ is twice the Kullback–Leibler divergence.
    """
    rows = logits.flatten(0, -2).float()
    drawn = torch.multinomial(rows.detach().softmax(-1).cpu(), 1, generator=generator).to(rows.device)
    return rows.log_softmax(-1).gather(1, drawn).sum()


def sampled_squares(output: Tensor, generator: torch.Generator) -> Tensor:
    """The output times a standard normal tensor: M is the identity, and δᵀMδ the squared distance."""
    return (output * torch.randn(output.shape, generator=generator).to(output)).sum()


def usual_probe(output: Any, generator: torch.Generator) -> Tensor:
    """Of the likelihood where the output has `logits`, else of squares of its first tensor.

    Raises InvalidInput for an output without a tensor of floating-point numbers.
    """
    if isinstance(logits := getattr(output, "logits", None), Tensor):
        return sampled_likelihood(logits, generator)
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else [output]
    first = next((part for part in parts if isinstance(part, Tensor) and part.is_floating_point()), None)
    if first is None:
        raise InvalidInput(
            f"the model's output, {type(output).__name__}, holds no tensor that a budget can be spent by"
        )
    return sampled_squares(first, generator)


def sensitivities(
    model: nn.Module,
    layers: Mapping[str, nn.Linear],
    batches: Iterable[object],
    run: Run,
    probe: Probe = usual_probe,
    rows: int = ROWS,
    seed: int = 0,
) -> dict[str, float]:
    """By how much the network's output changes, squared and a row, for a relative error of 1 in each layer.

    An STL layer errs as a layer with another weight would, W + ΔW: by (x − E x) ΔW, for rows of one sequence alike, so
    that errors add up where rows are averaged. With independent entries of variance proportional to the square of the
    row of W they are in, and G = Σ_t (x_t − E x) g_tᵀ for the gradients g_t of a probe, the output changes by
    Σ_kj G_kj² Var ΔW_kj, to first order: an error e changes it by e times as much, as long as it is small.

    model, layers  the modules of these names in the model, with the weights as linear layers
    rows           so many are read of the batches, about

    Raises InvalidInput where the run lets no gradient through.

    >>> model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    >>> with torch.no_grad(): _ = model[1].weight.zero_()
    >>> layers = {"0": model[0], "1": model[1]}
    >>> sensitivities(model, layers, [torch.randn(9, 4)], lambda model, x: model(x))  # nothing comes through the second
    {'0': 0.0, '1': 0.0}

    Source: LeCun, Denker, Solla, Optimal brain damage, 1989; Martens, Grosse, Optimizing neural networks with
    Kronecker-factored approximate curvature, 2015 (gradients of sampled labels).
    """
    generator = torch.Generator().manual_seed(seed)
    modules = {name: model.get_submodule(name) for name in layers}
    sums = {name: _Sums(linear) for name, linear in layers.items()}
    entered: list[tuple[str, Tensor, Tensor]] = []

    def listen(name: str, x: Tensor, y: Tensor) -> Tensor:
        kept = y if y.requires_grad else y.detach().requires_grad_()
        entered.append((name, x.detach(), kept))
        return kept.clone()  # what is done in place afterwards is done to the copy

    hooks = [
        module.register_forward_hook(lambda _, args, y, name=name: listen(name, args[0], y))
        for name, module in modules.items()
    ]
    try:
        for batch in batches:
            entered.clear()
            with torch.enable_grad():
                output = run(model, batch)
            inputs = [entering_rows(modules[name], x).flatten(0, -2) for name, x, _ in entered]
            for (name, *_), x in zip(entered, inputs, strict=True):
                sums[name].read(x)
            outputs = [y for *_, y in entered]
            for _ in range(PROBES):
                for (name, *_), x, g in zip(
                    entered, inputs, _gradients(probe, output, outputs, generator), strict=True
                ):
                    sums[name].feel(x, leaving_rows(modules[name], g).flatten(0, -2))
            if max(one.rows for one in sums.values()) >= rows:
                break
    finally:
        for hook in hooks:
            hook.remove()
    return {name: one.sensitivity for name, one in sums.items()}


def _gradients(probe: Probe, output: Any, outputs: list[Tensor], generator: torch.Generator) -> tuple[Tensor, ...]:
    with torch.enable_grad():
        value = probe(output, generator)
    if not value.requires_grad:
        raise InvalidInput(
            "a budget is spent by gradients, and the run of this calibration lets none through; "
            "take torch.no_grad() out of it"
        )
    return torch.autograd.grad(value, outputs, retain_graph=True, materialize_grads=True)


class _Sums:
    """Over the rows seen of one layer, float64: what becomes of errors of its weight when the mean is known.

    rows              of input
    energy            Σ ‖x W‖²
    first, second     (K,)  Σ x and Σ x²
    alone, with_mean  (K,)  Σ A_k² and Σ A_k·b, for A = Σ x_t g_tᵀ and b = Σ g_t of each batch and probe
    mean_alone              Σ b²
    """

    def __init__(self, linear: nn.Linear) -> None:
        self._weight = linear.weight.detach()
        self._squares = self._weight.double().square().mean(dim=0)  # of each row of W (K, N)
        self.rows, self.energy, self.mean_alone = 0, 0.0, 0.0
        self.first, self.second, self.alone, self.with_mean = torch.zeros_like(self._squares).repeat(4, 1)

    def read(self, x: Tensor) -> None:
        """Take the inputs (T, K) of a batch."""
        self.rows += len(x)
        self.energy += float((x @ self._weight.T).square().sum(dtype=torch.float64))
        self.first += x.sum(dim=0, dtype=torch.float64)
        self.second += x.double().square().sum(dim=0)

    def feel(self, x: Tensor, gradient: Tensor) -> None:
        """Take the gradients (T, N) of one probe of these inputs."""
        together, mean = (x.T @ gradient).double(), gradient.sum(dim=0, dtype=torch.float64)
        self.alone += together.square().sum(dim=1)
        self.with_mean += together @ mean
        self.mean_alone += float(mean @ mean)

    @property
    def sensitivity(self) -> float:
        mean = self.first / max(self.rows, 1)
        deviation = len(self._weight) * float((self.second - self.rows * mean.square()).clamp_min(0) @ self._squares)
        changed = (self.alone - 2 * mean * self.with_mean + mean.square() * self.mean_alone).clamp_min(0)
        if not deviation > 0:
            return 0.0
        return float(changed @ self._squares) / PROBES / deviation * self.energy / self.rows
