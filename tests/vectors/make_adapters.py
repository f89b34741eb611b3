#!/usr/bin/env python3
"""Makes LoRA adapters with PEFT, and the logits of the same models with merged weights.

    pip install torch transformers peft gguf
    tests/vectors/make_adapters.py [NAME...]        (all of CASES)

The bases are models of make_logits.py, read from their GGUF files, and of make_families.py, read from
their folders. An adapter is saved by PEFT itself
(a folder), or written with gguf-py as llama.cpp's converter writes one. The reference, NAME.npy, is
what transformers computes in float64 for the first 24 ids of ids.txt after W + scale * B A was merged
in float64 into every weight. Tests use the stored files only.
"""
import json
import pathlib
import shutil
import sys

import gguf
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
LOGITS = HERE / "logits"
OUT = HERE / "adapters"
N_TOK = 24

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
ALL = ATTENTION + ["gate_proj", "up_proj", "down_proj"]
FUSED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]

# An adapter: its base, what PEFT is told, the type it is stored in; .gguf is written by gguf-py.
ADAPTERS = {
    "all": {
        "base": "mqa-untied",
        "peft": {
            "r": 8,
            "lora_alpha": 16,
            "target_modules": ALL + ["lm_head"],
            "rank_pattern": {"q_proj": 4, "layers.1.mlp.down_proj": 40},
            "alpha_pattern": {"k_proj": 5, "^model.layers.0.self_attn.o_proj": 30},
        },
        "dtype": torch.float32,
    },
    "stabilised": {
        "base": "bias",
        "peft": {"r": 3, "lora_alpha": 2, "use_rslora": True, "target_modules": ["q_proj", "v_proj"]},
        "dtype": torch.bfloat16,
    },
    "half.gguf": {
        "base": "rope-llama3",
        "peft": {"r": 33, "lora_alpha": 20, "target_modules": ALL},
        "dtype": torch.float16,
    },
    "mistral": {
        "base": "families/mistral",
        "peft": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "o_proj"]},
        "dtype": torch.float32,
    },
    "qwen2": {
        "base": "families/qwen2",
        "peft": {"r": 3, "lora_alpha": 5, "target_modules": ALL},
        "dtype": torch.float32,
    },
    "qwen3": {
        "base": "families/qwen3",
        "peft": {"r": 2, "lora_alpha": 4, "target_modules": ATTENTION + ["lm_head"]},
        "dtype": torch.bfloat16,
    },
    "gemma3": {
        "base": "families/gemma3",
        "peft": {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "k_proj", "down_proj"]},
        "dtype": torch.float32,
    },
    "phi3": {
        "base": "families/phi3",
        "peft": {"r": 4, "lora_alpha": 8, "target_modules": FUSED},
        "dtype": torch.float32,
    },
    "phi4-mini": {
        "base": "families/phi4-mini",
        "peft": {"r": 2, "lora_alpha": 6, "use_rslora": True, "target_modules": FUSED},
        "dtype": torch.float16,
    },
    "extra.gguf": {
        "base": "mqa-untied",
        "peft": {"r": 2, "lora_alpha": 3, "target_modules": ["k_proj", "down_proj", "lm_head"]},
        "dtype": torch.float32,
    },
}

# A reference: adapters of one base, and the user's scale of each.
CASES = {
    "all": {"all": 1.0},
    "stabilised": {"stabilised": 1.0},
    "half": {"half.gguf": 0.75},
    "two": {"all": 0.5, "extra.gguf": -1.25},
    "mistral": {"mistral": 1.0},
    "qwen2": {"qwen2": 1.0},
    "qwen3": {"qwen3": 1.0},
    "gemma3": {"gemma3": 1.0},
    "phi3": {"phi3": 1.0},
    "phi4-mini": {"phi4-mini": 1.0},
}

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
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
GGUF_NAMES = {there: here for here, there in NAMES.items()}


def their_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("blk."):
        _, layer, rest = stem.split(".", 2)
        return f"model.layers.{layer}.{NAMES[rest]}.{kind}"
    return f"{NAMES[stem]}.{kind}"


def our_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("model.layers."):
        _, _, layer, rest = stem.split(".", 3)
        return f"blk.{layer}.{GGUF_NAMES[rest]}.{kind}"
    return f"{GGUF_NAMES[stem]}.{kind}"


def to_halves(rows, n_head):
    return rows.reshape(n_head, rows.shape[0] // n_head // 2, 2, *rows.shape[1:]).swapaxes(
        1, 2
    ).reshape(rows.shape)


def to_pairs(rows, n_head):
    return rows.reshape(n_head, 2, rows.shape[0] // n_head // 2, *rows.shape[1:]).swapaxes(
        1, 2
    ).reshape(rows.shape)


def heads_of(config, name):
    return (
        config.num_attention_heads
        if "q_proj" in name
        else config.num_key_value_heads
        if "k_proj" in name
        else 0
    )


def load_base(name):
    """The model of a GGUF file, or of a folder, as transformers has it."""
    if "/" in name:
        return AutoModelForCausalLM.from_pretrained(
            HERE / name, dtype=torch.float32, attn_implementation="eager"
        )
    reader = gguf.GGUFReader(LOGITS / f"{name}.gguf")
    value = lambda key: reader.fields[f"llama.{key}"].contents()
    tensors = {t.name: np.array(t.data).reshape(tuple(reversed(t.shape))) for t in reader.tensors}
    rope = {"rope_type": "default", "rope_theta": float(value("rope.freq_base"))}
    if "rope_freqs.weight" in tensors:  # as make_logits.py has it
        rope.update(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=64,
        )
        del tensors["rope_freqs.weight"]
    config = LlamaConfig(
        vocab_size=tensors["token_embd.weight"].shape[0],
        hidden_size=value("embedding_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=value("attention.head_count"),
        num_key_value_heads=value("attention.head_count_kv"),
        head_dim=value("attention.key_length"),
        intermediate_size=value("feed_forward_length"),
        rms_norm_eps=float(value("attention.layer_norm_rms_epsilon")),
        max_position_embeddings=value("context_length"),
        tie_word_embeddings="output.weight" not in tensors,
        attention_bias="blk.0.attn_q.bias" in tensors,
        mlp_bias="blk.0.ffn_up.bias" in tensors,
        rope_parameters=rope,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config)
    state = {}
    for name_here, data in tensors.items():
        name = their_name(name_here)
        n_head = heads_of(config, name)
        state[name] = torch.tensor(to_halves(data, n_head) if n_head else data)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("lm_head" in key for key in missing), (missing, unexpected)
    model.tie_weights()
    return model


def make_adapter(name, seed):
    spec = ADAPTERS[name]
    torch.manual_seed(100 + seed)
    model = load_base(spec["base"])
    wrapped = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **spec["peft"])
    )
    with torch.no_grad():
        for key, weight in wrapped.named_parameters():
            if "lora_" in key:  # strong enough that every tensor of it shows in the logits
                weight.copy_(torch.randn_like(weight) / weight.shape[-1] ** 0.5)
    wrapped = wrapped.to(spec["dtype"])
    wrapped.peft_config["default"].base_model_name_or_path = spec["base"]
    folder = OUT / name.replace(".gguf", "-folder")
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    if name.endswith(".gguf"):
        write_gguf(OUT / name, folder, model.config)


def read_folder(folder):
    """{ "model.layers.0.self_attn.q_proj.weight": (A, B) } as stored, and the config."""
    from safetensors.torch import load_file

    pairs = {}
    for key, value in load_file(folder / "adapter_model.safetensors").items():
        name = key.removeprefix("base_model.model.").replace(".lora_A", "").replace(".lora_B", "")
        pairs.setdefault(name, [None, None])["lora_B" in key] = value
    return pairs, json.loads((folder / "adapter_config.json").read_text())


def write_gguf(path, folder, config):
    pairs, settings = read_folder(folder)
    assert not settings["rank_pattern"] and not settings["alpha_pattern"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(path.stem)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(settings["lora_alpha"]))
    for name, (a, b) in pairs.items():
        n_head = heads_of(config, name)
        b = b.numpy()
        writer.add_tensor(our_name(name) + ".lora_a", a.numpy())
        writer.add_tensor(
            our_name(name) + ".lora_b", np.ascontiguousarray(to_pairs(b, n_head) if n_head else b)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def scale_of(settings, name, rank):
    """As PEFT's documentation has it; patterns match the end of a module's name."""
    module = name.removesuffix(".weight")
    alpha = settings["lora_alpha"]
    for pattern, value in settings["alpha_pattern"].items():
        if module == pattern.removeprefix("^") or (
            not pattern.startswith("^") and module.endswith("." + pattern)
        ):
            alpha = value
            break
    return alpha / (rank**0.5 if settings["use_rslora"] else rank)


def check_against_peft(name, ids, merged):
    """PEFT's own forward pass of the same folder: our reading of its settings is PEFT's."""
    model = PeftModel.from_pretrained(load_base(ADAPTERS[name]["base"]), OUT / name).double()
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
    assert np.abs(logits - merged).max() < 1e-4 * merged.std(), np.abs(logits - merged).max()


def make_reference(name):
    adapters = CASES[name]
    base = ADAPTERS[next(iter(adapters))]["base"]
    folder = HERE / "families" if "/" in base else LOGITS
    ids = [int(word) for word in (folder / "ids.txt").read_text().split()][:N_TOK]
    model = load_base(base).double()
    weights = dict(model.named_parameters())
    with torch.no_grad():
        plain = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
        for adapter, user_scale in adapters.items():
            pairs, settings = read_folder(OUT / adapter.replace(".gguf", "-folder"))
            for target, (a, b) in pairs.items():
                scale = user_scale * scale_of(settings, target, a.shape[0])
                weights[target] += scale * (b.double() @ a.double())
        logits = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
    if list(adapters.values()) == [1.0] and not next(iter(adapters)).endswith(".gguf"):
        check_against_peft(name, ids, logits)
    np.save(OUT / f"{name}.npy", logits.astype(np.float32))
    print(f"{name}: standard deviation {logits.std():.2f}, rms change {(logits - plain).std():.2f}")


def main():
    wanted = sys.argv[1:]
    for seed, name in enumerate(ADAPTERS):
        if not wanted or any(name in CASES[case] for case in wanted):
            make_adapter(name, seed)
    for name in wanted or CASES:
        make_reference(name)
    for folder in OUT.glob("*-folder"):
        shutil.rmtree(folder)


main()
