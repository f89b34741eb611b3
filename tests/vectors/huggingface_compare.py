#!/usr/bin/env python3
"""Compares carrel's logits with those of transformers for many configurations of Hugging Face models.

    pip install torch transformers safetensors tokenizers gguf
    tests/vectors/huggingface_compare.py CARREL [NAME...]          (all of CASES)

Each case is a config.json as somebody could publish it, with seeded random weights in float32:
settings that are silent, null, said twice, or said in an old way, which the golden logits of
make_families.py do not have. transformers reads the file and says what it means; carrel computes
the same directory with KV in float. Right is an rms error of at most 1e-4 of the logits' standard
deviation, or a refusal where carrel does not compute what is asked (marked by REFUSED). What
transformers itself refuses is printed and counts for nothing. Not run by CI.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

import make_families

REFUSED = "refused"
BAR = 1e-4
IDS = [(i * 37 + i // 7) % make_families.N_VOCAB for i in range(200)]
SHAPE = {
    **make_families.SHAPE,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
}
del SHAPE["head_dim"]

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 128}
YARN = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64}
LONG = {"short_factor": [1 + 0.1 * i for i in range(8)],
        "long_factor": [1 + 1.5 * i for i in range(8)]}
DEEP = {"hidden_size": 96, "intermediate_size": 32}
FULL, NEAR = "full_attention", "sliding_attention"

# name: class in "architectures", and what differs from SHAPE (None as a name: left out).
CASES = {
    "llama": ("Llama", {}),
    "llama-biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-heads": ("Llama", {"head_dim": 24, "attention_bias": True}),
    "llama-null-kv-heads": ("Llama", {"num_key_value_heads": None}),
    "llama-no-kv-heads": ("Llama", {"-": ["num_key_value_heads"]}),
    "llama-one-kv-head": ("Llama", {"num_key_value_heads": 1}),
    "llama-tied": ("Llama", {"tie_word_embeddings": True}),
    "llama-linear": ("Llama", {"rope_scaling": {"type": "linear", "factor": 4.0}}),
    "llama-llama3": ("Llama", {"rope_theta": 500000.0, "rope_scaling": LLAMA3}),
    "llama-yarn": ("Llama", {"rope_scaling": YARN}),
    "llama-yarn-old": ("Llama", {"rope_scaling": {**YARN, "type": "yarn"}}),
    "llama-yarn-factor": ("Llama", {"rope_scaling": {
        **YARN, "attention_factor": 1.3, "beta_fast": 16, "beta_slow": 2}}),
    "llama-yarn-mscale": ("Llama", {"rope_scaling": {
        **YARN, "mscale": 1.0, "mscale_all_dim": 0.7}}),
    "llama-yarn-outside": ("Llama", {
        "original_max_position_embeddings": 128,
        "rope_scaling": {"rope_type": "yarn", "factor": 8.0}}),
    "llama-part": ("Llama", {"partial_rotary_factor": 0.5}, REFUSED),
    "mistral-silent-window": ("Mistral", {"max_position_embeddings": 8192}),
    "mistral-null-window": ("Mistral", {"sliding_window": None}),
    "mistral-window": ("Mistral", {"sliding_window": 33, "head_dim": 32}),
    "qwen2-window-off": ("Qwen2", {
        "use_sliding_window": False, "sliding_window": 40, "max_window_layers": 1}),
    "qwen2-window-null": ("Qwen2", {
        "use_sliding_window": True, "sliding_window": None, "max_window_layers": 1}),
    "qwen2-window-above": ("Qwen2", {
        "use_sliding_window": True, "sliding_window": 40, "max_window_layers": 3}),
    "qwen2-window-silent": ("Qwen2", {
        "use_sliding_window": True, "sliding_window": 40, "num_hidden_layers": 30, **DEEP},
        REFUSED),
    "qwen2-null-kv-heads": ("Qwen2", {"num_key_value_heads": None}),
    "qwen2-llama3": ("Qwen2", {"rope_scaling": LLAMA3}),
    "qwen2-longrope": ("Qwen2", {"rope_scaling": {
        "rope_type": "longrope", "factor": 8.0, "original_max_position_embeddings": 64, **LONG}},
        REFUSED),
    "qwen2-part": ("Qwen2", {"partial_rotary_factor": 0.5}, REFUSED),
    "qwen3-biases": ("Qwen3", {"attention_bias": True, "head_dim": 32}),
    "qwen3-silent-heads": ("Qwen3", {}),
    "qwen3-yarn": ("Qwen3", {"head_dim": 16, "rope_scaling": YARN}),
    "phi3": ("Phi3", {}),
    "phi3-yarn-is-longrope": ("Phi3", {
        "original_max_position_embeddings": 64, "rope_scaling": {"type": "yarn", **LONG}}),
    "phi3-longrope-silent": ("Phi3", {
        "max_position_embeddings": 16384, "rope_scaling": {"type": "longrope", **LONG}}),
    "phi3-part": ("Phi3", {"partial_rotary_factor": 0.5}),
    "phi3-part-inside": ("Phi3", {"rope_parameters": {
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}}),
    "gemma-old-name": ("Gemma", {"head_dim": 32, "attention_bias": True, "hidden_act": "gelu"}),
    "gemma-silent": ("Gemma", {"head_dim": 32}),
    "gemma-two-minds": ("Gemma", {
        "head_dim": 32, "hidden_act": "silu", "hidden_activation": "gelu_pytorch_tanh"}, REFUSED),
    "gemma2": ("Gemma2", {"head_dim": 32}),
    "gemma2-untied": ("Gemma2", {"head_dim": 32, "tie_word_embeddings": False}),
    "gemma2-no-caps": ("Gemma2", {
        "head_dim": 32, "query_pre_attn_scalar": 100, "sliding_window": 17,
        "attn_logit_softcapping": None, "final_logit_softcapping": None}),
    "gemma2-layers": ("Gemma2", {
        "head_dim": 32, "sliding_window": 17, "layer_types": [FULL, NEAR, NEAR]}),
    "gemma2-46-layers": ("Gemma2", {
        "head_dim": 32, "num_hidden_layers": 46, "query_pre_attn_scalar": 32,
        "sliding_window": 40, **DEEP}),
    "gemma3": ("Gemma3", {"head_dim": 32}),
    "gemma3-untied": ("Gemma3", {"head_dim": 32, "tie_word_embeddings": False}),
    "gemma3-silent": ("Gemma3", {
        "head_dim": 32, "-": ["num_attention_heads", "num_key_value_heads"]}),
    "gemma3-62-layers": ("Gemma3", {
        "head_dim": 32, "num_hidden_layers": 62, "query_pre_attn_scalar": 32,
        "sliding_window": 40, **DEEP}),
    "gemma3-cap": ("Gemma3", {"head_dim": 32, "final_logit_softcapping": 5.0}),
    "gemma3-cap-on-scores": ("Gemma3", {"head_dim": 32, "attn_logit_softcapping": 5.0}, REFUSED),
    "gemma3-pattern": ("Gemma3", {
        "head_dim": 32, "sliding_window": 20, "sliding_window_pattern": 2,
        "rope_local_base_freq": 5000.0, "rope_theta": 20000.0}),
    "gemma3-yarn": ("Gemma3", {
        "head_dim": 32, "sliding_window": 20, "sliding_window_pattern": 2,
        "rope_parameters": {
            FULL: {**YARN, "rope_theta": 1e6},
            NEAR: {"rope_type": "default", "rope_theta": 1e4}}}),
    "gemma3-near-linear": ("Gemma3", {
        "head_dim": 32, "sliding_window": 20, "sliding_window_pattern": 2,
        "rope_parameters": {
            FULL: {"rope_type": "default", "rope_theta": 1e6},
            NEAR: {"type": "linear", "factor": 4.0, "rope_theta": 1e4}}}, REFUSED),
}


def config_of(kind, differs):
    config = {**SHAPE, **differs, "architectures": [kind + "ForCausalLM"]}
    config["model_type"] = kind.lower() + ("_text" if kind == "Gemma3" else "")
    for key in config.pop("-", []):
        del config[key]
    return config


def reference(folder, text):
    """transformers' logits, and the weights beside config.json."""
    config = transformers.AutoConfig.from_pretrained(folder)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    make_families.fill(model, 5)
    with torch.no_grad():
        logits = model(torch.tensor([IDS]), use_cache=False).logits[0].numpy()
    model.save_pretrained(folder)
    (folder / "config.json").write_text(text)
    return logits


def computed(carrel, folder, shape):
    """carrel's logits, or the sentence that it refuses the model with."""
    tokens, out = folder / "tokens", folder / "logits"
    tokens.write_text(" ".join(map(str, IDS)))
    # LongRoPE goes by the context: that of transformers, which goes by the text
    command = [carrel, "eval", "logits", "-m", folder, "--kv-type", "f32", "--tokens", tokens,
               "--context", "4096", "--out", out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        return None, done.stderr.strip()
    return np.fromfile(out, np.float32).reshape(shape), ""


def compare(carrel, name, root):
    kind, differs, *wanted = CASES[name]
    folder = root / name
    folder.mkdir()
    text = json.dumps(config_of(kind, differs))
    (folder / "config.json").write_text(text)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(make_families.HERE / "llama" / file, folder / file)
    try:
        want = reference(folder, text)
    except (KeyError, TypeError, ValueError) as error:
        print(f"{name:24} transformers: {type(error).__name__}: {str(error)[:80]!r}")
        return True
    got, sentence = computed(carrel, folder, want.shape)
    if got is None:
        print(f"{name:24} refused: {sentence.split('config.json: ')[-1]}")
        return REFUSED in wanted
    error = np.sqrt(((got - want) ** 2).mean()) / want.std()
    print(f"{name:24} rms {error:.1e}{'' if error <= BAR else ' WRONG'}")
    return error <= BAR and REFUSED not in wanted


def main():
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    names = sys.argv[2:] or list(CASES)
    with tempfile.TemporaryDirectory() as root:
        wrong = [name for name in names if not compare(sys.argv[1], name, pathlib.Path(root))]
    print(f"{len(names)} configurations, {len(wrong)} wrong: {' '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
