"""Converted sentence encoders against the dense one: exact ones lose nothing, others what the layers lose."""

from __future__ import annotations

import pytest
import torch

from stl_algebra import InvalidInput, kronecker, strassen
from stl_bench.compression.bench import bench, network_of
from stl_bench.compression.conversions import Converter, Method
from stl_bench.networks.minilm import SentenceEncoder
from stl_bench.networks.sentence_network import SentenceNetwork, agreement_at


def test_an_exact_encoder_changes_nothing_and_pruning_something(minilm: SentenceEncoder) -> None:
    network = SentenceNetwork(3, 2, minilm)
    before = {name: tensor.clone() for name, tensor in minilm.model.state_dict().items()}
    outcome = bench(network, kronecker(strassen(), strassen()), [Method("stl"), Method("magnitude24")], seed=7)
    ours, theirs = outcome["methods"]
    assert (ours["multiplications"], theirs["multiplications"]) == (49 / 64, 0.5)
    assert ours["layer_error_max"] < 1e-9
    assert ours["cosine_min"] > 1 - 1e-5
    assert ours["agreement_at_10"] == 1.0
    assert theirs["layer_error_mean"] > 0.01
    assert theirs["cosine_mean"] < 1 - 1e-3
    assert (outcome["dense"]["cosine_mean"], outcome["seed"]) == (pytest.approx(1.0), 7)
    layer = next(layer for layer in outcome["layers"] if layer["name"] == "encoder.layer.1.output.dense")
    assert (layer["in_features"], layer["out_features"]) == (1536, 384)
    assert set(layer["errors"]) == {"stl", "magnitude24"}
    assert len(outcome["layers"]) == 12
    assert all(torch.equal(tensor, before[name]) for name, tensor in minilm.model.state_dict().items())


def test_calibration_sees_another_text_than_the_one_measured_on(minilm: SentenceEncoder) -> None:
    network = SentenceNetwork(3, 5, minilm)
    assert (len(network.held_out), len(network.calibration)) == (3, 5)
    assert network.training[:5] == network.calibration
    assert len(network.training) > 5
    assert not set(network.held_out) & set(network.training)


def test_moments_are_gathered_once(minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    network = SentenceNetwork(2, 2, minilm)
    converter = Converter(network, strassen(), 0.5)
    converter.convert(Method("wanda24"))
    monkeypatch.setattr(network, "calibration", ())  # a second pass would find nothing and say so
    assert converter.convert(Method("asvd")).multiplications <= 0.5


def test_levels_belong_to_stl_and_networks_have_names(minilm: SentenceEncoder) -> None:
    with pytest.raises(InvalidInput, match="wanda24 has no levels of calibration"):
        Converter(SentenceNetwork(2, 2, minilm), strassen(), 0.5).convert(Method("wanda24", "refit"))
    with pytest.raises(InvalidInput, match="unknown network 'bert'"):
        network_of("bert")


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 2 / 3), (10, 1.0)])
def test_agreement_counts_shared_neighbours(k: int, expected: float) -> None:
    angles = torch.tensor([0.0, 0.1, 1.0, 1.3])
    first = torch.stack([angles.cos(), angles.sin()], dim=1)
    swapped = first[[2, 0, 1, 3]]
    near = []
    for vectors in (first, swapped):
        similarity = (vectors @ vectors.T).fill_diagonal_(-9)
        near.append([set(row.topk(min(k, 3)).indices.tolist()) for row in similarity])
    by_hand = sum(len(a & b) for a, b in zip(*near, strict=True)) / (4 * min(k, 3))
    assert agreement_at(k, first, swapped) == pytest.approx(by_hand)
    if k == 10:
        assert by_hand == expected
