"""Sensitivity: what an error in the output of a layer does to the output of the network, by a few backward passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import column_sums
from stl_nn.execution import Run, answering
from stl_nn.pointwise import entering_rows, leaving_rows

#: A random scalar of a network's output y whose gradient g has E g gᵀ = M, with δᵀ M δ the square of how far apart
#: y and y + δ are.
Probe = Callable[[Any, torch.Generator], Tensor]
#: Channels of a block that inputs are made white in, at most; and a ridge, as a share of their mean variance.
BLOCK, RIDGE = 512, 1e-2
#: What is wrong if there are no gradients at all.
NO_GRADIENTS = (
    "sensitivity is measured by gradients, and the run of this calibration lets none through; "
    "take torch.no_grad() out of it, or give probe=None"
)
#: Rows of input that measure sensitivities well enough, and probes of each batch.
ROWS, PROBES = 4096, 4


def sampled_likelihood(logits: Tensor, generator: torch.Generator) -> Tensor:
    """The log-likelihood of labels drawn from the predictions themselves: M is Fisher's.

    To second order δᵀMδ is twice the Kullback–Leibler divergence.

    Parameters
    ----------
    logits : Tensor
        (..., classes).
    generator : Generator
        Draws the labels.

    Returns
    -------
    Tensor
        A scalar.
    """
    rows = logits.flatten(0, -2).float()
    drawn = torch.multinomial(rows.detach().softmax(-1).cpu(), 1, generator=generator).to(rows.device)
    return rows.log_softmax(-1).gather(1, drawn).sum()


def sampled_squares(output: Tensor, generator: torch.Generator) -> Tensor:
    """The output times a standard normal tensor: M is the identity, and δᵀMδ the squared distance.

    Parameters
    ----------
    output : Tensor
        Of any shape.
    generator : Generator
        Draws the tensor.

    Returns
    -------
    Tensor
        A scalar.
    """
    return (output * torch.randn(output.shape, generator=generator).to(output)).sum()


def usual_probe(output: Any, generator: torch.Generator) -> Tensor:
    """The probe that suits an output.

    Parameters
    ----------
    output : object
        What a network returned. If it has `logits` of several classes, the probe is `sampled_likelihood`; if its logits
        are one number each, as of a regression, `sampled_squares` of them; else `sampled_squares` of its first tensor.
    generator : Generator
        Of the random numbers.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    InvalidInput
        If the output holds no tensor of floating-point numbers.
    """
    if isinstance(logits := getattr(output, "logits", None), Tensor):
        several = logits.dim() > 1 and logits.shape[-1] > 1  # of one class the likelihood is always one
        return (sampled_likelihood if several else sampled_squares)(logits, generator)
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else [output]
    first = next((part for part in parts if isinstance(part, Tensor) and part.is_floating_point()), None)
    if first is None:
        kind = type(output).__name__
        raise InvalidInput(
            f"the model's output, {kind}, holds no tensor to measure errors by; give a probe, or probe=None"
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
) -> dict[str, Tensor]:
    """How sensitive the network's output is to errors in each output channel of each layer.

    Parameters
    ----------
    model : nn.Module
        The network.
    layers : mapping
        Linear layers with the weights of the modules of these names in the network.
    batches : iterable of object
        Inputs.
    run : callable
        Feeds one batch to the network.
    probe : callable
        A random scalar of its output, see `Probe`.
    rows : int
        Rows of input to read, about; they are read twice, and then on until every layer has run.
    seed : int
        Of the probes.

    Returns
    -------
    dict
        By layer (N,), float64: by how much the output changes, squared and for one row, at a mean squared error of 1 in
        each channel. Layers that run without gradients, such as those of a part that torch.no_grad() freezes, are left
        out.

    Raises
    ------
    InvalidInput
        If no gradient comes through the run at all.

    Notes
    -----
    An STL layer errs as a layer with another weight would, W + ΔW: by (x − E x) ΔW, for rows of one sequence alike, so
    that errors add up where rows are averaged. Calibration leaves errors that are as large in one direction that inputs
    vary in as in another: with x̃ = L⁻¹ (x − E x), LLᵀ the second moments of x − E x within blocks of channels, and g_t
    the gradients of a probe, the output then changes by ‖Σ_t x̃_t g_t‖² for each channel, to first order.

    Held is what a backward pass through the network takes for one batch; beside that the inputs of all layers once
    more, in single precision, and their outputs twice; and 8·K·b bytes for each layer, b being the largest divisor of K
    up to 512.

    References
    ----------
    LeCun, Denker, Solla, Optimal brain damage, 1989; Martens, Grosse, Optimizing neural networks with
    Kronecker-factored approximate curvature, 2015 (gradients of sampled labels).

    Examples
    --------
    >>> model, x = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), torch.randn(9, 4)
    >>> with torch.no_grad(): _ = model[1].weight[:, 1:].zero_()
    >>> found = sensitivities(model, {"0": model[0]}, [x], lambda model, x: model(x))["0"]
    >>> (found > 0).tolist()  # the second layer takes the first channel alone
    [True, False, False, False]
    """
    modules = {name: model.get_submodule(name) for name in layers}
    sums = {name: _Sums(linear) for name, linear in layers.items()}
    with torch.no_grad():
        for seen in _seen(model, modules, batches, run, rows):
            for name, x, _ in seen.entered:
                sums[name].read(x)
    generator = torch.Generator().manual_seed(seed)
    heard, reached = False, set[str]()
    with torch.enable_grad():
        for seen in _seen(model, modules, batches, run, rows):
            # A shuffled loader may reach a layer now that it has not reached before.
            entered = [one for one in seen.entered if one[2].requires_grad and sums[one[0]].rows]
            heard = heard or bool(seen.entered)
            if not entered:
                continue
            reached.update(name for name, *_ in entered)
            whitened = [sums[name].whitened(x) for name, x, _ in entered]
            for _ in range(PROBES):
                gradients = _gradients(probe, seen.output, entered, generator)
                for (name, *_), x, gradient in zip(entered, whitened, gradients, strict=True):
                    leaving = leaving_rows(modules[name], gradient)
                    sums[name].add_gradients(x, leaving.reshape(-1, leaving.shape[-1]).to(x.dtype))
    if heard and not reached:
        raise InvalidInput(NO_GRADIENTS)
    return {name: sums[name].sensitivity for name in layers if name in reached}


def _gradients(probe: Probe, output: Any, entered: list[_Call], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Of a probe, with respect to the output of each call."""
    value = probe(output, generator)
    if not value.requires_grad:
        raise InvalidInput(NO_GRADIENTS)
    with _advised():
        return torch.autograd.grad(value, [y for *_, y in entered], retain_graph=True, materialize_grads=True)


@contextmanager
def _advised() -> Iterator[None]:
    """Turns what PyTorch says of gradients that cannot be into an InvalidInput, with the way out.

    Without gradients the network ran: what it lacks is memory for them, or they pass through what has none.
    """
    try:
        yield
    except RuntimeError as error:
        if not torch.is_grad_enabled():
            raise
        raise InvalidInput(
            f"the network does not run with gradients ({error}); do without them by probe=None"
        ) from error


#: Of a call of a layer: its name, the rows (T, K) that entered, and its output.
_Call = tuple[str, Tensor, Tensor]


class _Seen(NamedTuple):
    """A network's output, and the calls of layers that it came from."""

    output: Any
    entered: list[_Call]


def _seen(
    model: nn.Module, modules: Mapping[str, nn.Module], batches: Iterable[object], run: Run, rows: int
) -> Iterator[_Seen]:
    """The calls of the layers for each of the first batches, until enough rows were read and every layer has run."""
    entered: list[_Call] = []
    read = dict.fromkeys(modules, 0)

    def answer(name: str, x: Tensor, y: Tensor) -> Tensor:
        kept = y if y.requires_grad or not torch.is_grad_enabled() else y.detach().requires_grad_()
        inputs = entering_rows(modules[name], x.detach())
        inputs = inputs.reshape(-1, inputs.shape[-1])
        entered.append((name, inputs, kept))
        read[name] += len(inputs)
        return kept.clone()  # what is done in place afterwards is done to the copy

    for batch in batches:
        entered.clear()
        with _advised(), answering(modules, answer):
            output = run(model, batch)
        yield _Seen(output, entered)
        if max(read.values()) >= rows and all(read.values()):
            return


class _Sums:
    """Over the rows seen of one layer: in which directions its inputs vary, and what becomes of errors.

    first    (K,)       Σ x, float64
    second   (B, b, b)  Σ xᵀx for B blocks of b channels, float64
    energy   Σ ‖x̃‖² of the inputs as `whitened`
    changed  (N,)       Σ ‖Σ_t x̃_t g_t‖² over batches and probes, float64
    """

    def __init__(self, linear: nn.Linear) -> None:
        features = linear.in_features
        size = next(size for size in range(min(features, BLOCK), 0, -1) if features % size == 0)
        self.rows, self.energy = 0, 0.0
        self.first = linear.weight.new_zeros(features, dtype=torch.float64)
        self.second = self.first.new_zeros(features // size, size, size)
        self.changed = self.first.new_zeros(len(linear.weight))

    def read(self, x: Tensor) -> None:
        """Take the inputs (T, K) of a call."""
        self.rows += len(x)
        self.first += column_sums(x)
        blocks = self._blocks(x.double())
        self.second += blocks.mT @ blocks

    def whitened(self, x: Tensor) -> Tensor:
        """x̃ (T, K), float32, of inputs x: from their mean on, of variance one in all directions of a block."""
        centred = self._blocks((x.double() - self._mean).float())
        found = torch.linalg.solve_triangular(self._factor, centred.mT, upper=False).flatten(0, 1).T
        self.energy += float(found.square().sum(dtype=torch.float64))
        return found

    def add_gradients(self, whitened: Tensor, gradient: Tensor) -> None:
        """Take the gradients (T, N) of one probe of inputs."""
        self.changed += (whitened.T @ gradient).double().square().sum(dim=0)

    @property
    def sensitivity(self) -> Tensor:
        return self.changed / PROBES / self.energy if self.energy > 0 else torch.zeros_like(self.changed)

    @property
    def _mean(self) -> Tensor:
        return self.first / max(self.rows, 1)

    @cached_property
    def _factor(self) -> Tensor:
        mean, second = self._blocks(self._mean[None]), self.second / max(self.rows, 1)
        moments = second - mean.mT @ mean
        # Of inputs that do not vary rounding is left, of either sign.
        rounding = 1e-12 * _mean_diagonal(second) + torch.finfo(torch.float32).tiny
        ridge = RIDGE * _mean_diagonal(moments).clamp_min(0) + rounding
        identity = torch.eye(moments.shape[-1], dtype=moments.dtype, device=moments.device)
        return torch.linalg.cholesky(moments + ridge[:, None, None] * identity).float()

    def _blocks(self, x: Tensor) -> Tensor:
        """(B, T, b) of (T, K)."""
        return x.unflatten(1, self.second.shape[:2]).transpose(0, 1)


def _mean_diagonal(blocks: Tensor) -> Tensor:
    return blocks.diagonal(dim1=1, dim2=2).mean(dim=1)
