"""Converting a copy of a network by any method there is, calibrated and fine-tuned as asked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.baselines import BASELINES, convert_baseline, multiplications
from stl_nn.calibration import CalibratedLinear, Moments, calibrate, gather_moments, sensitivities
from stl_nn.conversion import convert
from stl_nn.joining import join_layers
from stl_nn.models.distillation import distill
from stl_nn.models.network import Network
from stl_nn.replacement import is_linear

Say = Callable[[str], None]


@dataclass(frozen=True)
class Method:
    """A way to convert a network.

    name         "stl" or one of BASELINES
    calibration  of STL: "none", a Level, or "sequential" (refit) and "joint-sequential": layer by layer, each on
                 what the network converted so far makes
    finetune     steps of distillation afterwards
    """

    name: str
    calibration: str = "none"
    finetune: int = 0

    @property
    def label(self) -> str:
        """Words for tables.

        >>> Method("stl", "joint", 200).label
        'stl joint + 200 steps'
        """
        words = self.name if self.calibration == "none" else f"{self.name} {self.calibration}"
        return f"{words} + {self.finetune} steps" if self.finetune else words


@dataclass(frozen=True)
class Converted:
    """A converted copy of a network's model, its share of the multiplications, and the names of its new layers.

    ranks  of STL layers whose encoders were chosen under a budget
    parts  of layers that stand for several of the network's, the names of these
    """

    model: nn.Module
    multiplications: float
    layers: tuple[str, ...]
    ranks: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Converter:
    """Makes converted copies of one network; moments and sensitivities of its layers are gathered once, when needed.

    encoder  for STL: one for all layers, or, with a budget, several to choose from for each layer
    ratio    what baselines may take of the multiplications
    depth    of STL layers, levels of Strassen's scheme in their channels
    budget   what calibrated STL layers may take together, the rank of each by how sensitive the network is to it
    join     whether layers that read the same input become one STL layer, see `join_layers`
    before   another converter of the same network, whose moments and sensitivities are taken over, and the encoders of
             layers' own, which the levels moments and refit have in common
    """

    def __init__(
        self,
        network: Network,
        encoder: TileEncoder | Sequence[TileEncoder],
        ratio: float,
        seed: int = 0,
        say: Say | None = None,
        before: Converter | None = None,
        budget: float | None = None,
        depth: int = 0,
        join: bool = True,
    ) -> None:
        self.network, self.encoder, self.ratio, self.seed = network, encoder, ratio, seed
        self._budget, self.depth, self._join = budget, depth, join
        self._say: Say = say or (lambda _: None)
        self.known_moments: Mapping[str, Moments] | None = before.known_moments if before else None
        self.known_sensitivity: Mapping[str, Tensor] | None = before.known_sensitivity if before else None
        self.known_encoders: dict[tuple[str, bool], Mapping[str, TileEncoder]] = before.known_encoders if before else {}
        self._latest: tuple[Method, Converted] | None = None

    def convert(self, method: Method) -> Converted:
        """A converted copy. Raises InvalidInput where the method does not apply.

        Fine-tuning goes on with the copy before it, where that was made by the same method without: the very one, for
        two of a large network, beside what training takes, do not fit into memory.
        """
        plain = replace(method, finetune=0)
        if self._latest is None or self._latest[0] != plain:
            self._latest = None  # or two copies would be held beside the one that is made
            self._latest = plain, self._converted(plain)
        done = self._latest[1]
        if not method.finetune:
            return done
        self._latest = None
        distill(
            self.network,
            done.model,
            done.layers,
            method.finetune,
            sparse=method.name.endswith("24"),
            on_step=lambda step, loss: self._say(f"fine-tuning: step {step} of {method.finetune}, loss {loss:.4f}"),
        )
        done.model.eval()
        return done

    def _converted(self, method: Method) -> Converted:
        if method.calibration != "none" and method.name != "stl":
            raise InvalidInput(f"{method.name} has no levels of calibration; leave out --calibrate for it")
        model, network = copy.deepcopy(self.network.model), self.network
        if method.name != "stl":
            seen = self.moments() if BASELINES[method.name].needs_moments else None
            ratio = min(self.ratio, 1.0)
            done = convert_baseline(model, method.name, ratio, network.accepts, moments=seen, seed=self.seed)
            share = multiplications(method.name, done)
            return Converted(model.eval(), share, tuple(one.name for one in done if one.replacement is not None))
        parts = join_layers(model, network.calibration[0], network.run, network.accepts) if self._join else {}
        if method.calibration != "none":
            return self._calibrated(model, method.calibration, parts)
        if not isinstance(self.encoder, TileEncoder):
            raise InvalidInput("ranks are chosen by measured sensitivity: with a budget give a level of calibration")
        report = convert(model, self.encoder, network.accepts, depth=self.depth)
        names = tuple(layer.name for layer in report.converted)
        return Converted(model.eval(), report.multiplications, names, parts=parts)

    def moments(self, lags: int = 1) -> Mapping[str, Moments]:
        """The moments, with so many lags, of what enters each layer that is converted, on the calibration batches."""
        if self._known_lags() < lags:
            network = self.network
            self.known_moments = gather_moments(
                self._layers(), network.calibration, lambda batch: network.run(network.model, batch), lags
            )
        assert self.known_moments is not None
        return self.known_moments

    def sensitivity(self) -> Mapping[str, Tensor]:
        """What the dense network feels of errors in the output channels of each layer that is converted."""
        if self.known_sensitivity is None:
            network = self.network
            self.known_sensitivity = sensitivities(
                network.model, self._layers(), network.calibration, network.run, network.probe, seed=self.seed
            )
        return self.known_sensitivity

    def _layers(self) -> dict[str, nn.Linear]:
        model, accepts = self.network.model, self.network.accepts
        return {name: m for name, m in model.named_modules() if is_linear(m) and accepts(m, name)}

    def _known_lags(self) -> int:
        return min((len(one.lagged) for one in (self.known_moments or {}).values()), default=0)

    def _calibrated(self, model: nn.Module, calibration: str, parts: Mapping[str, tuple[str, ...]]) -> Converted:
        sequential, level = calibration.endswith("sequential"), calibration.removesuffix("-sequential")
        most = max(one.format.n for one in ([self.encoder] if isinstance(self.encoder, TileEncoder) else self.encoder))
        felt, seen = dict(self.sensitivity()), dict(self.known_moments or {})
        for name, joined in parts.items():
            if all(part in felt for part in joined):
                felt[name] = torch.cat([felt[part] for part in joined])
            if joined[0] in seen:
                seen[name] = seen[joined[0]]
        # What is looked for in the moments of a layer is the same, whether its weights are refitted afterwards or not.
        alike = None
        if isinstance(self.encoder, TileEncoder) and self._budget is None and calibration in ("moments", "refit"):
            alike = self.encoder.digest, self._join
        report = calibrate(
            model,
            self.encoder,
            self.network.calibration,
            self.network.run,
            level="refit" if level == "sequential" else level,
            sequential=sequential,
            budget=self._budget,
            filter_fn=self.network.accepts,
            seed=self.seed,
            depth=self.depth,
            sensitivity=felt,
            moments=seen if self._known_lags() >= most and not sequential else None,
            on_layer=lambda layer: self._say(f"calibrated {layer.name}: error {layer.expected_error:.4f}"),
            own=None if alike is None else self.known_encoders.get(alike),
        )
        if alike is not None:
            made = model.named_modules()
            self.known_encoders[alike] = {n: one.encoder for n, one in made if isinstance(one, CalibratedLinear)}
        ranks = {} if self._budget is None else {layer.name: layer.rank for layer in report.layers}
        names = tuple(layer.name for layer in report.layers)
        return Converted(model.eval(), report.multiplications, names, ranks, parts)
