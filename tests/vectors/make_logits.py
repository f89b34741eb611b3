#!/usr/bin/env python3
"""Makes golden logits with Hugging Face transformers: NAME.gguf and NAME.npy in tests/vectors/logits.

    pip install torch transformers gguf
    tests/vectors/make_logits.py [NAME...]          (all of MODELS)

Each model has random weights, float32 in the file; the logits come from transformers' own
implementation in float64 (its rotary angles are float32), without a KV cache, for the ids in ids.txt.
The vocabulary is that of llama-f32.gguf. Tests use the stored files only.
"""
import pathlib
import sys

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent / "logits"
VOCABULARY = HERE / "llama-f32.gguf"

SHAPE = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,  # not hidden_size / heads, so that a reader that divides is found out
    "intermediate_size": 160,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 16384,
    "tie_word_embeddings": True,
    "attn_implementation": "eager",
}

# What differs from SHAPE. The scaling parameters are chosen so that 96 positions show them.
MODELS = {
    "rope-linear": {"rope": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}},
    "rope-llama3": {
        "rope": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
            "rope_theta": 10000.0,
        }
    },
    "rope-yarn": {
        "rope": {
            "rope_type": "yarn",
            "factor": 8.0,
            "original_max_position_embeddings": 2048,
            "rope_theta": 10000.0,
        }
    },
    "bias": {"attention_bias": True, "mlp_bias": True},
    "mqa-untied": {"num_key_value_heads": 1, "tie_word_embeddings": False},
}


def make_model(name, seed):
    changes = dict(MODELS[name])
    rope = changes.pop("rope", {"rope_type": "default", "rope_theta": 10000.0})
    config = LlamaConfig(**{**SHAPE, **changes}, rope_parameters=rope)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "norm" in key:
                weight.copy_(1 + 0.1 * torch.randn_like(weight))
            elif key.endswith("bias"):
                weight.copy_(0.3 * torch.randn_like(weight))
            elif "embed" in key or "lm_head" in key:
                weight.copy_(0.25 * torch.randn_like(weight))
            else:
                scale = 2.0 if "q_proj" in key or "k_proj" in key else 1.5
                weight.copy_(scale * torch.randn_like(weight) / weight.shape[-1] ** 0.5)
    return config, rope, model


def permute(rows, n_head):
    """From the halves that transformers rotates to the neighbouring pairs that GGUF's llama does."""
    return rows.reshape(n_head, 2, rows.shape[0] // n_head // 2, *rows.shape[1:]).swapaxes(
        1, 2
    ).reshape(rows.shape)


NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(key):
    """model.layers.0.self_attn.q_proj.weight -> blk.0.attn_q.weight"""
    stem, kind = key.rsplit(".", 1)
    if stem.startswith("model.layers."):
        _, _, layer, rest = stem.split(".", 3)
        return f"blk.{layer}.{NAMES[rest]}.{kind}"
    return f"{NAMES[stem]}.{kind}"


def add_tensors(writer, config, model):
    for key, weight in model.named_parameters():
        data = weight.detach().numpy().astype(np.float32)
        if "q_proj" in key:
            data = permute(data, config.num_attention_heads)
        if "k_proj" in key:
            data = permute(data, config.num_key_value_heads)
        writer.add_tensor(gguf_name(key), np.ascontiguousarray(data))


def add_rope(writer, config, rope):
    """The scaling, as llama.cpp's converter writes it."""
    kind = rope["rope_type"]
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(rope["rope_theta"])
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif kind == "llama3":
        turns = rope["original_max_position_embeddings"] / (
            2 * np.pi * rope["rope_theta"] ** (np.arange(0, config.head_dim, 2) / config.head_dim)
        )
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = np.clip((turns - low) / (high - low), 0, 1)
        divisor = 1 / ((1 - smooth) / rope["factor"] + smooth)
        writer.add_tensor("rope_freqs.weight", divisor.astype(np.float32))


def add_vocabulary(writer):
    fields = gguf.GGUFReader(VOCABULARY).fields
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(fields["tokenizer.ggml.pre"].contents())
    writer.add_token_list(fields["tokenizer.ggml.tokens"].contents())
    writer.add_token_types(fields["tokenizer.ggml.token_type"].contents())
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    writer.add_bos_token_id(fields["tokenizer.ggml.bos_token_id"].contents())
    writer.add_eos_token_id(fields["tokenizer.ggml.eos_token_id"].contents())


def write_model(name, config, rope, model):
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", "llama")
    writer.add_name(name)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    add_vocabulary(writer)
    add_rope(writer, config, rope)
    add_tensors(writer, config, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    ids = [int(word) for word in (HERE / "ids.txt").read_text().split()]
    for seed, name in enumerate(MODELS):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        config, rope, model = make_model(name, seed)
        write_model(name, config, rope, model)
        with torch.no_grad():
            logits = model.double()(torch.tensor([ids]), use_cache=False).logits[0]
        np.save(HERE / f"{name}.npy", logits.numpy().astype(np.float32))
        plain = np.load(HERE / f"{name}.npy")
        print(f"{name}: logits of standard deviation {plain.std():.2f}")


main()
