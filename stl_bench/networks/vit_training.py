"""Training a classifier of images: a loop that can be stopped at any step and goes on as if it had not been."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from catalog.durable import write_atomically
from stl_algebra import InvalidInput
from stl_bench.data.images import Images, augmented, resized


@dataclass(frozen=True)
class Recipe:
    """How to train: AdamW, linear warm-up, cosine decay, label smoothing, augmentation.

    Parameters
    ----------
    steps : int
        Steps of `batch` images each.
    batch : int
        Images of a step.
    rate : float
        The highest learning rate.
    decay : float
        Weight decay of what multiplies.
    warmup : float
        The share of the steps in which the learning rate rises.
    smoothing : float
        Label smoothing.
    every : int
        Steps between two points of the learning curve, and between two checkpoints.
    flip : bool
        Whether augmentation mirrors images.
    seed : int
        The seed of the order of images and of the augmentation. The model's own weights are drawn by its maker.
    """

    steps: int = 900
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.05
    warmup: float = 0.1
    smoothing: float = 0.1
    every: int = 50
    flip: bool = False
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            The step, from 0.

        Returns
        -------
        float
            The learning rate.

        Examples
        --------
        >>> Recipe(steps=100, rate=1.0).rate_at(0), Recipe(steps=100, rate=1.0).rate_at(10)
        (0.1, 1.0)
        """
        rising = max(1, round(self.warmup * self.steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * (1 + cos(pi * (step - rising) / max(1, self.steps - rising))) / 2


@dataclass(frozen=True)
class Point:
    """One point of a learning curve.

    Parameters
    ----------
    step : int
        Steps done.
    loss : float
        The mean training loss since the last point.
    accuracy : float
        The accuracy on held-out images.
    """

    step: int
    loss: float
    accuracy: float


def train(
    model: nn.Module, side: int, images: Images, recipe: Recipe, checkpoint: Path | None = None
) -> Iterator[Point]:
    """Train a model in place, and yield its learning curve as it grows.

    With a checkpoint, everything is written there at every point of the curve. A run that finds the checkpoint goes on
    from it: it yields the points that are there again, and its result is the same as of a run without a break.

    Parameters
    ----------
    model : nn.Module
        The model.
    side : int
        Pixels a side at which the model sees them.
    images : Images
        The images and labels.
    recipe : Recipe
        How to train.
    checkpoint : Path or None
        The file of the checkpoint, or None.

    Yields
    ------
    Point
        The points of the learning curve.

    Raises
    ------
    InvalidInput
        If the checkpoint is of another model or recipe.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(_groups(model, recipe.decay), lr=recipe.rate, betas=(0.9, 0.98))
    curve: list[Point] = []
    done, order = 0, torch.empty(0, dtype=torch.int64)
    if checkpoint is not None and checkpoint.exists():
        done, order, curve = _resume(checkpoint, model, optimiser, generator, recipe)
        yield from curve
    train_images, labels = images.train.to(device), images.train_labels.to(device)
    losses: list[Tensor] = []
    model.train()
    for step in range(done, recipe.steps):
        if len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(len(labels), generator=generator)])
        chosen, order = order[: recipe.batch].to(device), order[recipe.batch :]
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step)
        inputs = augmented(train_images[chosen], side, generator, recipe.flip)
        loss = functional.cross_entropy(model(inputs), labels[chosen], label_smoothing=recipe.smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.detach())
        if (step + 1) % recipe.every == 0 or step + 1 == recipe.steps:
            right = accuracy(model, side, images.test, images.test_labels)
            curve.append(Point(step + 1, float(torch.stack(losses).mean()), right))
            losses.clear()
            model.train()
            if checkpoint is not None:
                _save(checkpoint, model, optimiser, generator, recipe, step + 1, order, curve)
            yield curve[-1]
    model.eval()


@torch.no_grad()
def logits(model: nn.Module, side: int, images: Tensor, batch: int = 256) -> Tensor:
    """Run a model on images, without augmentation.

    Parameters
    ----------
    model : nn.Module
        The model: the dense one or a converted copy.
    side : int
        Pixels a side at which the model sees them.
    images : Tensor
        Images (count, channels, side, side) with values in [0, 1].
    batch : int
        Images at a time.

    Returns
    -------
    Tensor
        (count, classes), on the CPU.
    """
    device = next(model.parameters()).device
    model.eval()
    return torch.cat([model(resized(part.to(device), side)).cpu() for part in images.split(batch)])


def accuracy(model: nn.Module, side: int, images: Tensor, labels: Tensor) -> float:
    """Compute the share of images whose largest logit is that of their label.

    Parameters
    ----------
    model : nn.Module
        The model: the dense one or a converted copy.
    side : int
        Pixels a side at which the model sees them.
    images : Tensor
        Images (count, channels, side, side) with values in [0, 1].
    labels : Tensor
        (count,).

    Returns
    -------
    float
        The share.
    """
    return float((logits(model, side, images).argmax(dim=1) == labels).double().mean())


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for what multiplies; none for biases, norms and positions."""
    matrices = [p for name, p in model.named_parameters() if p.requires_grad and p.dim() > 1 and name != "position"]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def _save(
    path: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    recipe: Recipe,
    done: int,
    order: Tensor,
    curve: list[Point],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "recipe": asdict(recipe),
        "done": done,
        "order": order,
        "curve": [asdict(point) for point in curve],
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state(),
    }
    content = BytesIO()
    torch.save(state, content)
    write_atomically(path, content.getvalue())


def _resume(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator, recipe: Recipe
) -> tuple[int, Tensor, list[Point]]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = state["recipe"]
        if theirs == asdict(recipe):
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            generator.set_state(state["generator"])
            return state["done"], state["order"], [Point(**point) for point in state["curve"]]
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InvalidInput(f"the checkpoint {path} does not fit this model; remove it to start again") from error
    raise InvalidInput(f"the checkpoint {path} belongs to another recipe; remove it, or train by that recipe")
