"""The digits transformer as a network to measure: accuracy on held-out digits. Trained on the spot the first time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_nn.calibration.sensitivity import sampled_likelihood
from stl_nn.models.images import digits, resized
from stl_nn.models.network import Network
from stl_nn.models.t2t_vit import T2TViT, ViTShape, in_backbone
from stl_nn.models.training import Recipe, logits, train

BATCH = 64


class ImageNetwork(Network):
    """Batches of digits in, logits out; figures on the held-out half of scikit-learn's digits:

    accuracy    share of images whose largest logit is that of their label
    agreement   share of images whose largest logit is the dense network's
    divergence  mean KL(dense ‖ model), in nats

    The dense network takes half a minute to train; its weights are kept in `cache`, the user's cache directory where
    left out.
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
        self._seen = resized(images.train, self.shape.image)
        self.calibration = self._seen[: calibration or len(self._seen)].split(BATCH)
        self.model = _trained(self.shape, self.recipe, cache)

    @property
    def training(self) -> Sequence[Tensor]:
        return self._seen.split(BATCH)

    def accepts(self, module: nn.Module, name: str) -> bool:
        return in_backbone(module, name)

    def run(self, model: nn.Module, batch: Any) -> Tensor:
        found: Tensor = model(batch)
        return found

    def distance(self, ours: Tensor, dense: Tensor) -> Tensor:
        """KL(dense ‖ ours), mean over images."""
        first, second = torch.log_softmax(dense, dim=-1), torch.log_softmax(ours, dim=-1)
        return functional.kl_div(second, first, log_target=True, reduction="batchmean")

    def probe(self, output: Tensor, generator: torch.Generator) -> Tensor:
        return sampled_likelihood(output, generator)

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        ours = torch.cat([self.run(model, batch) for batch in self.held_out])
        return {
            "accuracy": float((ours.argmax(dim=1) == self.labels).double().mean()),
            "agreement": float((ours.argmax(dim=1) == self._dense.argmax(dim=1)).double().mean()),
            "divergence": max(float(self.distance(ours, self._dense)), 0.0),  # rounding may make it negative
        }

    def rows(self, batches: Sequence[Any]) -> int:
        return sum(len(batch) for batch in batches) * self.shape.grid**2

    @cached_property
    def _dense(self) -> Tensor:
        return torch.cat([logits(self.model, self.shape.image, batch) for batch in self.held_out])


def _trained(shape: ViTShape, recipe: Recipe, cache: Path | None) -> T2TViT:
    """The dense network of a recipe, from the cache where it holds it."""
    import platformdirs
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

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
        temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
        save_file(model.state_dict(), temporary)
        temporary.replace(file)
    return model.eval()
