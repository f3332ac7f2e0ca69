"""Converting a copy of a network by any method there is, calibrated and fine-tuned as asked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_bench.baselines import BASELINES, convert_baseline, multiplications
from stl_bench.compression.distillation import distill
from stl_bench.networks.network import Network
from stl_nn.calibration import (
    CalibratedLinear,
    Calibration,
    InputMoments,
    Precomputed,
    calibrate,
    gather_moments,
    sensitivities,
)
from stl_nn.conversion import convert
from stl_nn.joining import join_layers
from stl_nn.options import LayerOptions
from stl_nn.replacement import is_linear

Say = Callable[[str], None]


@dataclass(frozen=True)
class Method:
    """A way to convert a network.

    Parameters
    ----------
    name : str
        "stl" or one of `BASELINES`.
    calibration : str
        How STL is calibrated: "none", a level, or "sequential" (refit) and "joint-sequential", which calibrate layer
        by layer, each on the inputs that the network converted so far makes.
    finetune : int
        Steps of distillation afterwards.
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
    """A converted copy of a network's model.

    Parameters
    ----------
    model : nn.Module
        The copy.
    multiplications : float
        Its share of the multiplications of the layers that were converted or could have been.
    layers : tuple[str, ...]
        The names of its new layers.
    ranks : Mapping[str, int]
        The rank of each STL layer whose encoder was chosen under a budget.
    parts : Mapping[str, tuple[str, ...]]
        For each layer that stands for several of the network's, the names of these.
    """

    model: nn.Module
    multiplications: float
    layers: tuple[str, ...]
    ranks: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Converter:
    """Makes converted copies of one network. It gathers the moments and sensitivities of the layers once, when needed.

    Parameters
    ----------
    network : Network
        The network.
    encoder : TileEncoder or sequence of TileEncoder
        The encoder of all STL layers; with a budget, several to choose from for each layer.
    ratio : float
        The share of the multiplications that baselines may take.
    seed : int
        The seed of the methods that sample.
    say : Say or None
        Called with each line of progress, or None.
    before : Converter or None
        Another converter of the same network. Its moments and sensitivities are taken over, and the encoders of
        layers' own that the levels moments and refit have in common.
    budget : float or None
        The share of the multiplications that calibrated STL layers may take together, each by how sensitive the
        network is to it; or None.
    depth : int
        Levels of Strassen's scheme in the channels of STL layers.
    join : bool
        Whether layers that read the same input become one STL layer, see `join_layers`.
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
        self.known_moments: Mapping[str, InputMoments] | None = before.known_moments if before else None
        self.known_sensitivity: Mapping[str, Tensor] | None = before.known_sensitivity if before else None
        self.known_encoders: dict[tuple[str, bool], Mapping[str, TileEncoder]] = before.known_encoders if before else {}
        self._latest: tuple[Method, Converted] | None = None

    def convert(self, method: Method) -> Converted:
        """Make a converted copy.

        Fine-tuning goes on with the copy made before by the same method without it, and changes that one: two copies
        of a large network do not fit into memory beside what training takes.

        Parameters
        ----------
        method : Method
            The method.

        Returns
        -------
        Converted
            The copy.

        Raises
        ------
        InvalidInput
            If the method does not apply.
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
            raise InvalidInput(f"{method.name} has no levels of calibration; leave --calibrate out for it")
        model, network = copy.deepcopy(self.network.model), self.network
        if method.name != "stl":
            moments = self.moments() if BASELINES[method.name].needs_moments else None
            ratio = min(self.ratio, 1.0)
            done = convert_baseline(model, method.name, ratio, network.accepts, moments=moments, seed=self.seed)
            share = multiplications(method.name, done)
            return Converted(model.eval(), share, tuple(one.name for one in done if one.replacement is not None))
        parts = join_layers(model, network.calibration[0], network.run, network.accepts) if self._join else {}
        if method.calibration != "none":
            return self._calibrated(model, method.calibration, parts)
        if not isinstance(self.encoder, TileEncoder):
            raise InvalidInput("a budget chooses ranks by measured sensitivity; give a level of calibration with it")
        report = convert(model, self.encoder, LayerOptions(depth=self.depth), filter_fn=network.accepts)
        names = tuple(layer.name for layer in report.converted)
        return Converted(model.eval(), report.multiplications, names, parts=parts)

    def moments(self, lags: int = 1) -> Mapping[str, InputMoments]:
        """Gather the moments of the inputs of each layer that is converted, on the calibration batches.

        Parameters
        ----------
        lags : int
            The number of lags that the moments need.

        Returns
        -------
        Mapping[str, InputMoments]
            The moments by layer name.
        """
        if self._known_lags() < lags:
            network = self.network
            self.known_moments = gather_moments(
                self._layers(), network.calibration, lambda batch: network.run(network.model, batch), lags
            )
        assert self.known_moments is not None
        return self.known_moments

    def sensitivity(self) -> Mapping[str, Tensor]:
        """Measure how sensitive the dense network is to errors in the output channels of each layer that is converted.

        Returns
        -------
        Mapping[str, Tensor]
            (N,) by layer name.
        """
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
        sensitivity, moments = dict(self.sensitivity()), dict(self.known_moments or {})
        for name, joined in parts.items():
            if all(part in sensitivity for part in joined):
                sensitivity[name] = torch.cat([sensitivity[part] for part in joined])
            if joined[0] in moments:
                moments[name] = moments[joined[0]]
        # What is looked for in the moments of a layer is the same, whether its weights are refitted afterwards or not.
        alike = None
        if isinstance(self.encoder, TileEncoder) and self._budget is None and calibration in ("moments", "refit"):
            alike = self.encoder.digest, self._join
        report = calibrate(
            model,
            self.encoder,
            Calibration(
                self.network.calibration,
                run=self.network.run,
                level="refit" if level == "sequential" else level,
                sequential=sequential,
                budget=self._budget,
                seed=self.seed,
                on_layer=lambda layer: self._say(f"calibrated {layer.name}: error {layer.expected_error:.4f}"),
            ),
            LayerOptions(depth=self.depth),
            filter_fn=self.network.accepts,
            precomputed=Precomputed(
                moments=moments if self._known_lags() >= most and not sequential else None,
                sensitivity=sensitivity,
                encoders={} if alike is None else self.known_encoders.get(alike, {}),
            ),
        )
        if alike is not None:
            made = model.named_modules()
            self.known_encoders[alike] = {n: one.encoder for n, one in made if isinstance(one, CalibratedLinear)}
        ranks = {} if self._budget is None else {layer.name: layer.rank for layer in report.layers}
        names = tuple(layer.name for layer in report.layers)
        return Converted(model.eval(), report.multiplications, names, ranks, parts)
