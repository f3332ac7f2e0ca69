"""The digits transformer as a network to measure: accuracy on held-out digits. Trained on the spot the first time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from catalog.durable import write_atomically
from stl_bench.data.images import digits, resized
from stl_bench.networks.network import Network
from stl_bench.networks.t2t_vit import T2TViT, ViTShape, in_backbone
from stl_bench.networks.vit_training import Recipe, logits, train
from stl_nn.calibration.sensitivity import sampled_likelihood

BATCH = 64


class ImageNetwork(Network):
    """The digits transformer: batches of digits in, logits out, measured on the held-out half of scikit-learn's digits.

    The figures are `accuracy`, the share of images whose largest logit is that of their label; `agreement`, the share
    of images whose largest logit is the dense network's; and `divergence`, the mean KL(dense ‖ model) in nats.

    Parameters
    ----------
    limit : int or None
        The number of held-out images, or None for all.
    calibration : int or None
        The number of calibration images, or None for all.
    recipe : Recipe or None
        How the dense network is trained, or None for 400 steps. It takes half a minute.
    cache : Path or None
        The folder that keeps the trained weights, or None for the user's cache directory.
    """

    name, unit, limit = "digits-vit", "images", 899
    text, calibration_text = "digits, the half held out", "digits, the half trained on"
    headline = ("accuracy", "accuracy", True)
    rate = 5e-4

    def __init__(
        self,
        limit: int | None = None,
        calibration: int | None = None,
        recipe: Recipe | None = None,
        cache: Path | None = None,
    ) -> None:
        self.shape, self.recipe = ViTShape(), recipe or Recipe(steps=400)
        images = digits()
        count = limit or self.limit
        self.labels = images.test_labels[:count]
        self.held_out = resized(images.test[:count], self.shape.image).split(BATCH)
        self._images = resized(images.train, self.shape.image)
        self.calibration = self._images[: calibration or len(self._images)].split(BATCH)
        self.model = _trained(self.shape, self.recipe, cache)

    @property
    def training(self) -> Sequence[Tensor]:
        """All images of the half to train on, in batches."""
        return self._images.split(BATCH)

    def accepts(self, module: nn.Module, name: str) -> bool:
        """Return whether a layer is converted: those of the embedding and the backbone are.

        Parameters
        ----------
        module : nn.Module
            The module.
        name : str
            Its name in the model.

        Returns
        -------
        bool
            Whether it is converted.
        """
        return in_backbone(module, name)

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        """Run a model on a batch of images.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.
        batch : object
            A batch, as `held_out` holds them.

        Returns
        -------
        Tensor
            (images, classes), the logits.
        """
        found: Tensor = model(batch)
        return found

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """Measure KL(dense ‖ ours), the mean over images.

        Parameters
        ----------
        ours : Tensor
            What the converted model makes of a batch.
        dense : Tensor
            What the dense model makes of it.

        Returns
        -------
        Tensor
            A scalar, in nats.
        """
        first, second = torch.log_softmax(dense, dim=-1), torch.log_softmax(ours, dim=-1)
        return functional.kl_div(second, first, log_target=True, reduction="batchmean")

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a label of each image from the model's own distribution, and return its log-likelihood.

        Parameters
        ----------
        output : Tensor
            What the model makes of a batch.
        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        Tensor
            A scalar.
        """
        return sampled_likelihood(output, generator)

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Compute accuracy, agreement and divergence.

        Parameters
        ----------
        model : nn.Module
            The model: the dense one or a converted copy.

        Returns
        -------
        dict[str, float]
            The figures by name.
        """
        ours = torch.cat([self.run(model, batch) for batch in self.held_out])
        return {
            "accuracy": float((ours.argmax(dim=1) == self.labels).double().mean()),
            "agreement": float((ours.argmax(dim=1) == self._dense.argmax(dim=1)).double().mean()),
            "divergence": max(float(self.distance(ours, self._dense)), 0.0),  # rounding may make it negative
        }

    def rows(self, batches: Sequence[Any]) -> int:
        """Count the tokens in the backbone.

        Parameters
        ----------
        batches : sequence of object
            Batches, as `held_out` holds them.

        Returns
        -------
        int
            The number of rows.
        """
        return sum(len(batch) for batch in batches) * self.shape.grid**2

    @cached_property
    def _dense(self) -> Tensor:
        return torch.cat([logits(self.model, self.shape.image, batch) for batch in self.held_out])


def _trained(shape: ViTShape, recipe: Recipe, cache: Path | None) -> T2TViT:
    """Load the dense network of a recipe from the cache, or train it and write it there."""
    import platformdirs
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save

    folder = cache or platformdirs.user_cache_path("strassen-tile")
    file = folder / f"digits-vit-{recipe.steps}x{recipe.batch}-seed{recipe.seed}.safetensors"
    torch.manual_seed(recipe.seed)
    model = T2TViT(shape).eval()
    try:
        model.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError):
        for _ in train(model, shape.image, digits(), recipe):
            pass
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, save(model.state_dict()))
    return model.eval()
