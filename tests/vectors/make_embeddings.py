#!/usr/bin/env python3
"""Makes the golden embeddings of each model family: tests/vectors/families/NAME-embedding.npy.

    pip install torch transformers safetensors
    tests/vectors/make_embeddings.py [NAME...]          (all of them)

The models are those of make_families.py, read as Hugging Face publishes models. An embedding is the mean
over all positions of ids.txt of the residual stream behind half of the layers, of length 1:
transformers' own, in float64 (its rotary angles are float32). Tests use the stored files only.
"""
import pathlib
import sys

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).parent / "families"


def embedding_of(name, ids):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        HERE / name, attn_implementation="eager", dtype=torch.float64)
    with torch.no_grad():
        out = model.eval()(torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    states = out.hidden_states[model.config.num_hidden_layers // 2][0].double().numpy()
    mean = states.mean(axis=0)
    return (mean / np.linalg.norm(mean))[None].astype(np.float32)


def main():
    ids = [int(word) for word in (HERE / "ids.txt").read_text().split()]
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.gguf"))
    for name in names:
        np.save(HERE / f"{name}-embedding.npy", embedding_of(name, ids))


main()
