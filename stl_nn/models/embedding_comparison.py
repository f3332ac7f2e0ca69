"""A sentence encoder against its converted copies: layer errors and what becomes of the embeddings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from stl_nn.models.layer_errors import layer_errors
from stl_nn.models.minilm import SentenceEncoder
from stl_nn.replacement import is_linear


@dataclass(frozen=True)
class EmbeddingResult:
    """What one method does to the embeddings and to the layers.

    multiplications         of the converted layers, against dense
    layer_error_mean        mean over layers of the relative output error, on the dense network's inputs
    layer_error_max         the same, of the worst layer
    cosine_mean, cosine_min between dense and converted embeddings of the same text
    embedding_error         Σ‖ê − e‖² / Σ‖e‖²
    agreement_at_10         share of each text's ten nearest other texts that stay among its ten nearest
    """

    method: str
    multiplications: float
    layer_error_mean: float
    layer_error_max: float
    cosine_mean: float
    cosine_min: float
    embedding_error: float
    agreement_at_10: float


@dataclass(frozen=True)
class EmbeddingComparison:
    """The results by method, and the relative output error by layer and then by method."""

    results: tuple[EmbeddingResult, ...]
    layers: dict[str, dict[str, float]]
    shapes: dict[str, tuple[int, int]]
    tokens: int

    def as_json(self) -> dict[str, object]:
        """Plain numbers and strings, for json.dumps."""
        layers = [
            {"name": name, "in_features": self.shapes[name][0], "out_features": self.shapes[name][1], "errors": errors}
            for name, errors in self.layers.items()
        ]
        return {"tokens": self.tokens, "methods": [asdict(one) for one in self.results], "layers": layers}


#: Converts a model in place and returns its share of the multiplications.
Convert = Callable[[nn.Module], float]


def compare_embeddings(
    encoder: SentenceEncoder, texts: Sequence[str], conversions: Mapping[str, Convert]
) -> EmbeddingComparison:
    """Convert a copy of the encoder by every method and measure all of them on the same texts.

    Layer errors are measured on the inputs the *dense* network makes, embeddings end to end.
    """
    converted: dict[str, nn.Module] = {}
    shares: dict[str, float] = {}
    for method, convert in conversions.items():
        converted[method] = copy.deepcopy(encoder.model)
        shares[method] = convert(converted[method])
    linears = {name: module for name, module in encoder.model.named_modules() if is_linear(module)}
    stand_ins = {name: {method: model.get_submodule(name) for method, model in converted.items()} for name in linears}
    kept: list[Tensor] = []
    errors = layer_errors(encoder.model, stand_ins, lambda model: kept.append(encoder.embed(texts, model)))
    dense = kept[0]
    results = []
    for method, model in converted.items():
        embeddings = encoder.embed(texts, model)
        ours = [by_method[method] for by_method in errors.values()]
        cosines = (dense * embeddings).sum(dim=1)
        results.append(
            EmbeddingResult(
                method,
                shares[method],
                sum(ours) / len(ours),
                max(ours),
                float(cosines.mean()),
                float(cosines.min()),
                float((embeddings - dense).square().sum() / dense.square().sum()),
                agreement_at(10, dense, embeddings),
            )
        )
    shapes = {name: (layer.in_features, layer.out_features) for name, layer in linears.items()}
    return EmbeddingComparison(tuple(results), errors, shapes, sum(encoder.tokens(text).shape[1] for text in texts))


def agreement_at(k: int, first: Tensor, second: Tensor) -> float:
    """The mean share of each row's k nearest other rows by cosine that two sets of unit vectors (rows, d) agree on.

    With fewer than k + 1 rows, k is all the others.

    >>> agreement_at(1, torch.eye(3), torch.eye(3))
    1.0
    """
    k = min(k, len(first) - 1)
    if k < 1:
        return 1.0
    near = []
    for vectors in (first, second):
        likeness = (vectors @ vectors.T).fill_diagonal_(-torch.inf)
        near.append(torch.zeros_like(likeness).scatter_(1, likeness.topk(k, dim=1).indices, 1.0))
    return float((near[0] * near[1]).sum(dim=1).mean() / k)
