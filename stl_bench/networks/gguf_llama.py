"""Reading a Llama-shaped network and its byte-pair tokenizer from a GGUF file, dequantised to float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput

#: Names of a block's tensors in GGUF and in transformers.
_IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def load_llama(path: Path) -> tuple[nn.Module, Any]:
    """Read a Llama-shaped network and its tokenizer from a GGUF file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    model
        A LlamaForCausalLM in float32, in evaluation mode.
    tokenizer
        A tokenizers.Tokenizer.

    Raises
    ------
    InvalidInput
        If the file is damaged, or holds another architecture or tokenizer.

    References
    ----------
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    from gguf import GGUFReader
    from transformers import LlamaConfig, LlamaForCausalLM

    try:
        reader = GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise InvalidInput(f"{path.name} is not a readable GGUF file: {error}") from error
    kind, words = fields.get("general.architecture"), fields.get("tokenizer.ggml.model")
    if (kind, words) != ("llama", "gpt2"):
        raise InvalidInput(
            f"{path.name} holds a {kind} network with a {words} tokenizer; only llama with gpt2 can be read"
        )
    heads, kv_heads = fields["llama.attention.head_count"], fields["llama.attention.head_count_kv"]
    names = {tensor.name for tensor in reader.tensors}
    config = LlamaConfig(
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=fields["llama.embedding_length"],
        intermediate_size=fields["llama.feed_forward_length"],
        num_hidden_layers=fields["llama.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=fields["llama.context_length"],
        rms_norm_eps=fields["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": fields["llama.rope.freq_base"]},
        tie_word_embeddings="output.weight" not in names,
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    state = {_name(tensor.name): _values(tensor, heads, kv_heads) for tensor in reader.tensors}
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InvalidInput(f"the tensors of {path.name} do not fit the network it describes") from error
    return model.eval(), _tokenizer(fields)


def interleaved_to_halves(weight: Tensor, heads: int) -> Tensor:
    """Reorder the rows of a query or key weight from GGUF's order of rotary pairs to that of transformers.

    GGUF keeps the two channels of a rotation next to each other, transformers half a head apart.

    Parameters
    ----------
    weight : Tensor
        (heads·d, K).
    heads : int
        The number of heads.

    Returns
    -------
    Tensor
        (heads·d, K), reordered.

    Examples
    --------
    >>> interleaved_to_halves(torch.arange(4.0)[:, None], 1).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def _name(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "blk" and len(parts) == 4 and parts[2] in _IN_BLOCK:
        return f"model.layers.{int(parts[1])}.{_IN_BLOCK[parts[2]]}.{parts[3]}"
    if parts[0] in _OUTSIDE and len(parts) == 2:
        return f"{_OUTSIDE[parts[0]]}.{parts[1]}"
    raise InvalidInput(f"the GGUF file holds a tensor {name!r}, which no Llama has")


def _values(tensor: Any, heads: int, kv_heads: int) -> Tensor:
    from gguf.quants import dequantize

    values = torch.tensor(dequantize(tensor.data, tensor.tensor_type), dtype=torch.float32)
    values = values.reshape(*map(int, reversed(tensor.shape)))
    if ".attn_q." in tensor.name:
        return interleaved_to_halves(values, heads)
    if ".attn_k." in tensor.name:
        return interleaved_to_halves(values, kv_heads)
    return values


def _tokenizer(fields: dict[str, Any]) -> Any:
    """Byte-level byte-pair encoding; digits stand alone, as the pre-tokenizer named smollm has it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    words = {token: i for i, token in enumerate(fields["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=merges))
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if fields.get("tokenizer.ggml.pre") == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, bytewise])
    else:
        tokenizer.pre_tokenizer = bytewise
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
