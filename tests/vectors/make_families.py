#!/usr/bin/env python3
"""Makes the golden logits of each model family: tests/vectors/families.

    pip install torch transformers safetensors tokenizers gguf
    tests/vectors/make_families.py [NAME...]          (all of MODELS)

Each model has seeded random weights that half precision holds exactly. It is stored twice: NAME/ as
Hugging Face publishes models (config.json, model.safetensors, tokenizer.json) and NAME.gguf by the
rules of llama.cpp's converter (tensor names, Llama's rows permuted, Gemma's norms plus one). The
logits NAME.npy [row][vocabulary] are transformers' own, in float32, without a KV cache, of every
fifth position of the ids in ids.txt. Printed beside each: how far they move (rms / standard
deviation) when a feature is left out, so that a test which passes has seen it. Tests use the stored
files only.
"""
import json
import pathlib
import shutil
import sys

import gguf
import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent / "families"

N_TOK, STEP = 160, 5
N_VOCAB = 272
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

SHAPE = {
    "vocab_size": N_VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,  # not hidden_size / heads, so that a reader that divides is found out
    "intermediate_size": 64,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 4096,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 1024,
}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.75,
    "original_max_position_embeddings": 128,
    "short_factor": [1.0, 1.1, 1.25, 1.5, 1.75, 2.0],
    "long_factor": [1.0, 2.0, 4.5, 9.0, 20.0, 32.0],
}
GEMMA = {"hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True}
GEMMA3_ROPE = {
    "sliding_attention": PLAIN,
    "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
}

# architecture in GGUF, configuration, what differs from SHAPE, and what can be left out. Windows are
# smaller than the text and begin inside of pages; scaling is chosen so that 160 positions show it.
MODELS = {
    "llama": (
        "llama",
        transformers.LlamaConfig,
        {"rope_parameters": LLAMA3, "tie_word_embeddings": False},
        {"factors": {"rope_parameters": PLAIN}},
    ),
    "mistral": (
        "llama",
        transformers.MistralConfig,
        {"rope_parameters": PLAIN, "sliding_window": 40, "tie_word_embeddings": False},
        {"window": {"sliding_window": None}, "one token of it": {"sliding_window": 41}},
    ),
    "qwen2": (
        "qwen2",
        transformers.Qwen2Config,
        {"rope_parameters": YARN, "tie_word_embeddings": True},
        {"yarn": {"rope_parameters": PLAIN}},
    ),
    "qwen3": (
        "qwen3",
        transformers.Qwen3Config,
        {"rope_parameters": PLAIN, "tie_word_embeddings": False, "num_key_value_heads": 1},
        {},
    ),
    "gemma": (
        "gemma",
        transformers.GemmaConfig,
        {**GEMMA, "rope_parameters": PLAIN, "num_key_value_heads": 1},
        {"gelu": {"hidden_act": "silu"}},
    ),
    "gemma2": (
        "gemma2",
        transformers.Gemma2Config,
        {
            **GEMMA,
            "rope_parameters": PLAIN,
            "num_hidden_layers": 3,
            "sliding_window": 24,
            "query_pre_attn_scalar": 16,
            "attn_logit_softcapping": 4.0,
            "final_logit_softcapping": 3.0,
        },
        {
            "windows": {"sliding_window": 4096},
            "cap on scores": {"attn_logit_softcapping": None},
            "cap on logits": {"final_logit_softcapping": None},
        },
    ),
    "gemma3": (
        "gemma3",
        transformers.Gemma3TextConfig,
        {
            **GEMMA,
            "rope_parameters": GEMMA3_ROPE,
            "num_hidden_layers": 7,
            "sliding_window": 40,
            "query_pre_attn_scalar": 16,
        },
        {
            "windows": {"sliding_window": 4096},
            "pattern": {"layer_types": ["sliding_attention"] * 7},
            "linear scaling": {
                "rope_parameters": {
                    "sliding_attention": PLAIN,
                    "full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
                }
            },
            "local base": {
                "rope_parameters": {
                    "sliding_attention": {"rope_type": "default", "rope_theta": 1000000.0},
                    "full_attention": GEMMA3_ROPE["full_attention"],
                }
            },
        },
    ),
    # as Phi-3-mini-4k: a window, no GQA, its own output matrix
    "phi3": (
        "phi3",
        transformers.Phi3Config,
        {
            "rope_parameters": {**PLAIN, "partial_rotary_factor": 1.0},
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "sliding_window": 70,
            "tie_word_embeddings": False,
        },
        {"window": {"sliding_window": None}},
    ),
    # as Phi-4-mini: LongRoPE on three quarters of a head, tied; 160 tokens are "long"
    "phi4-mini": (
        "phi3",
        transformers.Phi3Config,
        {
            "rope_parameters": LONGROPE,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "original_max_position_embeddings": 128,
            "sliding_window": None,
            "tie_word_embeddings": True,
        },
        {
            "factors": {"rope_parameters": {**PLAIN, "partial_rotary_factor": 0.75}},
            "partial rotary": {
                "rope_parameters": {
                    **LONGROPE,
                    "partial_rotary_factor": 1.0,
                    "short_factor": LONGROPE["short_factor"] + [2.0, 2.0],
                    "long_factor": LONGROPE["long_factor"] + [32.0, 32.0],
                }
            },
        },
    ),
}


def make_config(name, changes):
    _, kind, differs, _ = MODELS[name]
    settings = {**SHAPE, **differs, **changes}
    if kind is transformers.Phi3Config:
        del settings["head_dim"]  # it has no such thing
    config = kind(**json.loads(json.dumps(settings)))
    config._attn_implementation = "eager"
    return config


def fill(model, seed):
    """Random weights, also in norms, that float16 holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    plus_one = "Gemma" in type(model).__name__
    with torch.no_grad():
        for key, weight in sorted(model.named_parameters()):
            value = torch.randn(weight.shape, generator=generator)
            if "norm" in key:  # Gemma's are stored less one: exact with it and without
                value = (1 + 0.3 * value).half().float() - (1 if plus_one else 0)
            elif key.endswith("bias"):
                value = 0.3 * value
            elif "embed" in key or "lm_head" in key:
                value = 0.4 * value
            elif "q_proj" in key or "k_proj" in key or "qkv_proj" in key:
                value = 1.4 * value / weight.shape[-1] ** 0.5
            else:
                value = 1.5 * value / weight.shape[-1] ** 0.5
            weight.copy_(value.half().float())


def logits_of(name, ids, changes=None, weights=None):
    model = transformers.AutoModelForCausalLM.from_config(make_config(name, changes or {}))
    model = model.float().eval()
    if weights is None:
        fill(model, 1 + list(MODELS).index(name))
    else:
        model.load_state_dict(weights)
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    return model, logits.numpy()[STEP - 1 :: STEP]


# ---- as Hugging Face publishes it ----


def published_config(name, config):
    """config.json in the form that the published models of the family have: rope_theta and
    rope_scaling beside each other. Qwen 3's stays in the form of transformers 5 (rope_parameters)."""
    out = json.loads(config.to_json_string(use_diff=False))
    out = {key: value for key, value in out.items() if key in KEYS and value is not None}
    out["architectures"] = [type(config).__name__.replace("Text", "").replace(
        "Config", "ForCausalLM")]
    out["model_type"] = config.model_type
    out["torch_dtype"] = "float16"
    rope = json.loads(json.dumps(config.rope_parameters))
    if name == "qwen3":
        return {**out, "rope_parameters": rope}
    if name == "gemma3":
        out["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        out["sliding_window_pattern"] = 6
        rope = rope["full_attention"]
    out["rope_theta"] = rope.pop("rope_theta")
    partial = rope.pop("partial_rotary_factor", 1.0)
    if partial != 1.0:
        out["partial_rotary_factor"] = partial
    if name.startswith("phi"):
        out["original_max_position_embeddings"] = config.original_max_position_embeddings
    if rope["rope_type"] == "longrope":
        del rope["original_max_position_embeddings"]
        rope["type"] = rope.pop("rope_type")  # as Phi's own files spell it
    out["rope_scaling"] = None if rope.get("rope_type") == "default" else rope
    if name == "mistral" or name.startswith("phi"):
        out["sliding_window"] = config.sliding_window
    if name == "qwen2":
        out.update(use_sliding_window=False, sliding_window=4096, max_window_layers=2)
    return out


KEYS = set(SHAPE) | {
    "hidden_act",
    "hidden_activation",
    "tie_word_embeddings",
    "sliding_window",
    "query_pre_attn_scalar",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "attention_bias",
    "mlp_bias",
    "initializer_range",
}


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=N_VOCAB,
        special_tokens=SPECIALS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(["the ring is built where the rest of the thing is in"] * 9, trainer)
    assert tokenizer.get_vocab_size() == N_VOCAB
    return tokenizer


def write_directory(name, config, model, tokenizer):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(folder)
    model.float()
    (folder / "generation_config.json").unlink(missing_ok=True)
    text = json.dumps(published_config(name, config), indent=2)
    (folder / "config.json").write_text(text + "\n")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    text = json.dumps(
        {
            "bos_token": SPECIALS[0],
            "eos_token": SPECIALS[2],
            "add_bos_token": False,
            "model_max_length": config.max_position_embeddings,
            "tokenizer_class": "GPT2Tokenizer",
        },
        indent=2,
    )
    (folder / "tokenizer_config.json").write_text(text + "\n")


# ---- as GGUF ----

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
SANDWICH = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def gguf_name(architecture, key):
    """model.layers.0.self_attn.q_proj.weight -> blk.0.attn_q.weight"""
    names = {**NAMES, **(SANDWICH if architecture in ("gemma2", "gemma3") else {})}
    stem, kind = key.rsplit(".", 1)
    if stem.startswith("model.layers."):
        _, _, layer, rest = stem.split(".", 3)
        return f"blk.{layer}.{names[rest]}.{kind}"
    return f"{names[stem]}.{kind}"


def permute(rows, n_head):
    """From the halves that transformers rotates to the neighbouring pairs that GGUF's llama does."""
    return rows.reshape(n_head, 2, rows.shape[0] // n_head // 2, *rows.shape[1:]).swapaxes(
        1, 2
    ).reshape(rows.shape)


def add_tensors(writer, architecture, config, model):
    for key, weight in model.named_parameters():
        data = weight.detach().numpy().astype(np.float32)
        if architecture == "llama" and "q_proj" in key:
            data = permute(data, config.num_attention_heads)
        if architecture == "llama" and "k_proj" in key:
            data = permute(data, config.num_key_value_heads)
        if architecture.startswith("gemma") and key.endswith("norm.weight"):
            data = data + 1
        if data.ndim == 2:
            data = data.astype(np.float16)
        writer.add_tensor(gguf_name(architecture, key), np.ascontiguousarray(data))


def add_rope(writer, architecture, config, rope, head_dim):
    """With the keys that converters write; what is absent has a default that every reader knows."""
    kind = rope["rope_type"]
    if architecture in ("llama", "phi3"):
        writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1)))
    if architecture not in ("gemma", "gemma2"):
        writer.add_rope_freq_base(rope["rope_theta"])
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif kind == "longrope":
        original = rope["original_max_position_embeddings"]
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_attn_factors((1 + np.log(scale) / np.log(original)) ** 0.5)
        for length in ("long", "short"):
            factors = np.array(rope[f"{length}_factor"], dtype=np.float32)
            writer.add_tensor(f"rope_factors_{length}.weight", factors)
    elif kind == "llama3":
        turns = rope["original_max_position_embeddings"] / (
            2 * np.pi * rope["rope_theta"] ** (np.arange(0, head_dim, 2) / head_dim)
        )
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = np.clip((turns - low) / (high - low), 0, 1)
        divisor = 1 / ((1 - smooth) / rope["factor"] + smooth)
        writer.add_tensor("rope_freqs.weight", divisor.astype(np.float32))


def add_vocabulary(writer, tokenizer):
    data = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(data["vocab"], key=data["vocab"].get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["merges"]]
    control = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if t in SPECIALS else gguf.TokenType.NORMAL for t in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)


def write_gguf(name, config, model, tokenizer):
    architecture = MODELS[name][0]
    head_dim = getattr(config, "head_dim", None) or (
        config.hidden_size // config.num_attention_heads
    )
    rope = config.rope_parameters
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", architecture)
    writer.add_name(name)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    if architecture != "phi3":
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if architecture != "qwen2" and architecture != "qwen3" and hasattr(config, "sliding_window"):
        writer.add_sliding_window(config.sliding_window or 0)
    if architecture == "phi3":
        writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    add_vocabulary(writer, tokenizer)
    add_rope(writer, architecture, config, rope.get("full_attention", rope), head_dim)
    add_tensors(writer, architecture, config, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make(name, ids, tokenizer):
    model, logits = logits_of(name, ids)
    config = make_config(name, {})
    write_gguf(name, config, model, tokenizer)
    write_directory(name, config, model, tokenizer)
    np.save(HERE / f"{name}.npy", logits)
    if name == "phi4-mini":  # a shorter text has other factors from its first token on
        short = ids[: LONGROPE["original_max_position_embeddings"]]
        _, short_logits = logits_of(name, short, weights=model.state_dict())
        np.save(HERE / f"{name}-short.npy", short_logits)
    moves = []
    for feature, changes in MODELS[name][3].items():
        _, other = logits_of(name, ids, changes, model.state_dict())
        moves.append(f"{feature} {np.sqrt(np.mean((other - logits) ** 2)) / logits.std():.2g}")
    print(f"{name}: standard deviation {logits.std():.2f}; without {', '.join(moves) or '-'}")


def main():
    transformers.utils.logging.disable_progress_bar()
    HERE.mkdir(exist_ok=True)
    rng = np.random.default_rng(4)
    ids = [int(i) for i in rng.integers(3, N_VOCAB, N_TOK)]
    (HERE / "ids.txt").write_text(" ".join(map(str, ids)) + "\n")
    tokenizer = make_tokenizer()
    for name in MODELS:
        if not sys.argv[1:] or name in sys.argv[1:]:
            make(name, ids, tokenizer)


main()
