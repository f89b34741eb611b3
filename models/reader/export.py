#!/usr/bin/env python3
"""Writes a checkpoint of the reader as a model file: GGUF, the matrices in Q8_0, the norms in F32.

usage: export.py --checkpoint FILE.pt --work WORK --out reader.gguf [--type q8_0|f32]

WORK/tokenizer.json is the vocabulary that the checkpoint was trained on, WORK/corpus/manifest.json
what it was trained from. The same inputs make the same bytes: nothing in the file is of the day or
the place. The layout is llama's as ggml has it: model.py turns interleaved pairs, so no row moves.
"""
import argparse
import hashlib
import json
import os
import sys

import gguf
import numpy
import torch

PACK_VERSION = 1  # of the prompts in training (session/pack.h)
BOS, END = "<|begin_of_text|>", "<|end|>"
TYPES = {  # of the matrices: of a tensor, of the file
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
}
NAMES = {  # of a layer's parameters: the checkpoint's and GGUF's
    "norm_attn": "attn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
    "norm_ffn": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}


def shapes(config):
    """GGUF name -> (the checkpoint's name, its shape), in the file's order."""
    d, ff = config["d"], config["ff"]
    q, kv = config["heads"] * config["head_dim"], config["kv_heads"] * config["head_dim"]
    of = {"norm_attn": (d,), "q": (q, d), "k": (kv, d), "v": (kv, d), "o": (d, q),
          "norm_ffn": (d,), "gate": (ff, d), "up": (ff, d), "down": (d, ff)}
    result = {"token_embd.weight": ("embed.weight", (config["vocab"], d)),
              "output_norm.weight": ("norm.weight", (d,))}
    for i in range(config["layers"]):
        for ours, theirs in NAMES.items():
            result["blk.%d.%s.weight" % (i, theirs)] = ("layers.%d.%s.weight" % (i, ours), of[ours])
    return result


def check_state(config, state):
    wanted = {name: shape for name, shape in shapes(config).values()}
    for name in sorted(wanted.keys() ^ state.keys()):
        sys.exit("export.py: the checkpoint %s %s" % ("lacks" if name in wanted else "has", name))
    for name, shape in wanted.items():
        if tuple(state[name].shape) != shape:
            sys.exit("export.py: %s is %s, not %s" % (name, tuple(state[name].shape), shape))
        if not torch.isfinite(state[name]).all():
            sys.exit("export.py: %s holds what is not a finite number" % name)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def add_shape(writer, config, file_type):
    writer.add_name("carrel reader")
    writer.add_license("gpl-3.0-or-later")
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config["vocab"])
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["d"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["ff"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["kv_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["eps"])
    writer.add_rope_freq_base(config["rope_base"])
    writer.add_rope_dimension_count(config.get("rot", config["head_dim"]))


def add_training(writer, checkpoint, work):
    writer.add_uint32("carrel.reader.pack_version", PACK_VERSION)
    writer.add_uint64("carrel.reader.steps", int(checkpoint["step"]))
    writer.add_uint64("carrel.reader.tokens_seen", int(checkpoint["tokens"]))
    if "seed" in checkpoint:
        writer.add_uint64("carrel.reader.seed", int(checkpoint["seed"]))
    writer.add_string("carrel.reader.tokenizer_sha256",
                      digest(os.path.join(work, "tokenizer.json")))
    manifest = os.path.join(work, "corpus", "manifest.json")
    if os.path.exists(manifest):
        writer.add_string("carrel.reader.corpus_manifest_sha256", digest(manifest))


def add_tokenizer(writer, path, n_vocab):
    with open(path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    text_of = {id: text for text, id in tokenizer["model"]["vocab"].items()} | special
    if sorted(text_of) != list(range(n_vocab)):
        sys.exit("export.py: %s: not the %d tokens of the checkpoint" % (path, n_vocab))
    id_of = {text: id for id, text in special.items()}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list([text_of[i] for i in range(n_vocab)])
    writer.add_token_types([gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL
                            for i in range(n_vocab)])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(id_of[BOS])
    writer.add_eos_token_id(id_of[END])
    writer.add_eot_token_id(id_of[END])
    writer.add_add_bos_token(True)
    template = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_template.jinja")
    with open(template, encoding="utf-8") as file:
        writer.add_chat_template(file.read().rstrip("\n"))


def add_weights(writer, config, state, dtype):
    for name, (ours, shape) in shapes(config).items():
        weight = numpy.ascontiguousarray(state[ours].to(torch.float32).numpy())
        if len(shape) == 1 or dtype == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(name, weight)
        else:
            # gguf rounds as ggml does: half away from zero, by the reciprocal of the block's scale
            writer.add_tensor(name, gguf.quants.quantize(weight, dtype), raw_dtype=dtype)


def export(checkpoint, work, out, type_name):
    dtype, file_type = TYPES[type_name]
    config = checkpoint["config"]
    state = {name.removeprefix("_orig_mod."): weight for name, weight in
             checkpoint["state"].items()}
    check_state(config, state)
    writer = gguf.GGUFWriter(out + ".part", "llama")
    add_shape(writer, config, file_type)
    add_training(writer, checkpoint, work)
    add_tokenizer(writer, os.path.join(work, "tokenizer.json"), config["vocab"])
    add_weights(writer, config, state, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(out + ".part", out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--work", required=True, help="where the pipeline keeps its files")
    parser.add_argument("--out", required=True)
    parser.add_argument("--type", choices=TYPES, default="q8_0", help="of the matrices")
    arguments = parser.parse_args()
    checkpoint = torch.load(arguments.checkpoint, map_location="cpu", weights_only=True)
    export(checkpoint, arguments.work, arguments.out, arguments.type)
    print("%s: %.1f million parameters, %.1f MB" % (
        arguments.out, sum(weight.numel() for weight in checkpoint["state"].values()) / 1e6,
        os.path.getsize(arguments.out) / 1e6))


if __name__ == "__main__":
    main()
