#!/usr/bin/env python3
"""Checks that carrel computes with a model file what PyTorch does, and tokenizes as Hugging Face.

usage: check_export.py --model reader.gguf --work WORK --carrel BUILD/cli/carrel

Logits: of one text, out of `carrel eval logits`, against model.py in f32 on the file's own weights,
dequantized. Where they are Q8_0, carrel rounds what it multiplies by them to eight bits, and so
does the reference; what that costs against exact activations is shown too. A file that export.py
wrote with --type f32 leaves nothing but the order of summation.
Ids: of --text-bytes of the corpus, out of `carrel tokenize`, against WORK/tokenizer.json.
Ends with status 1 where either differs by more than it may.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import gguf
import numpy
import torch
from tokenizers import Tokenizer

import export
import tokenizer as reader_tokenizer
from model import Config, Linear, Reader

# Root mean square of the error over the standard deviation of the logits. An untrained network lets
# a last bit grow from layer to layer (0.045 with Q8_0; trained 0.008); mistakes are far above.
MAX_RMS = {"Q8_0": 0.05, "F32": 1e-4}


def field(reader, key):
    return reader.get_field(key).contents()


def read_config(file):
    n_vocab, width = int(field(file, "llama.vocab_size")), field(file, "llama.embedding_length")
    return Config(
        vocab=n_vocab, d=width, layers=field(file, "llama.block_count"),
        heads=field(file, "llama.attention.head_count"),
        kv_heads=field(file, "llama.attention.head_count_kv"),
        head_dim=field(file, "llama.attention.key_length"),
        rot=field(file, "llama.rope.dimension_count"), ff=field(file, "llama.feed_forward_length"),
        rope_base=field(file, "llama.rope.freq_base"),
        eps=field(file, "llama.attention.layer_norm_rms_epsilon"),
        context=field(file, "llama.context_length"))


def read_model(path):
    """The network with the file's weights, and how its matrices are stored."""
    file = gguf.GGUFReader(path)
    config = read_config(file)
    tensors = {tensor.name: tensor for tensor in file.tensors}
    state = {}
    for name, (ours, shape) in export.shapes(config.to_dict()).items():
        values = gguf.quants.dequantize(tensors[name].data, tensors[name].tensor_type)
        state[ours] = torch.from_numpy(numpy.array(values, dtype=numpy.float32).reshape(shape))
    model = Reader(config)
    model.load_state_dict(state)
    return model.eval(), tensors["token_embd.weight"].tensor_type.name


def log_softmax(logits):
    top = logits.max(axis=1, keepdims=True)
    return logits - top - numpy.log(numpy.exp(logits - top).sum(axis=1, keepdims=True))


def carrel_logits(carrel, path, ids):
    with tempfile.TemporaryDirectory() as folder:
        id_file, out = os.path.join(folder, "ids"), os.path.join(folder, "logits")
        with open(id_file, "w") as file:
            file.write(" ".join(map(str, ids)) + "\n")
        subprocess.run([carrel, "eval", "logits", "-m", path, "--kv-type", "f32", "--tokens",
                        id_file, "--out", out], check=True)
        return numpy.fromfile(out, dtype="<f4").reshape(len(ids), -1).astype(numpy.float64)


def round_to_8_bits(x):
    """As Q8_0 has it: blocks of 32 along the last dimension, each with a scale."""
    blocks = x.reshape(-1, 32)
    scale = blocks.abs().amax(dim=1, keepdim=True) / 127
    return (torch.round(blocks / scale.clamp_min(1e-30)) * scale).reshape(x.shape)


def reference_logits(model, ids, rounds):
    """float64 [len(ids)][vocab]; `rounds`: the input of every product to eight bits."""
    hooks = []
    if rounds:
        hooks = [module.register_forward_pre_hook(lambda _, x: (round_to_8_bits(x[0]), *x[1:]))
                 for module in model.modules() if isinstance(module, Linear)]
    with torch.no_grad():
        hidden = model.hidden(torch.tensor([ids]), torch.float32)
        logits = model.logits(round_to_8_bits(hidden) if rounds else hidden, torch.float32)[0]
    for hook in hooks:
        hook.remove()
    return logits.numpy().astype(numpy.float64)


def compare(what, got, wanted):
    """Prints it and returns the rms error over the standard deviation."""
    rms = float(numpy.sqrt(numpy.mean((got - wanted) ** 2)) / wanted.std())
    p, q = log_softmax(wanted), log_softmax(got)
    kl = float(numpy.mean((numpy.exp(p) * (p - q)).sum(axis=1)))
    same = 100 * float(numpy.mean(p.argmax(axis=1) == q.argmax(axis=1)))
    print("logits, against %s: rms error %.2g of the standard deviation, mean KL %.2g, same first "
          "choice %.1f %%" % (what, rms, kl, same))
    return rms


def check_logits(carrel, path, ids):
    model, stored = read_model(path)
    got = carrel_logits(carrel, path, ids)
    exact = compare("exact activations", got, reference_logits(model, ids, rounds=False))
    if stored == "F32":
        return exact <= MAX_RMS[stored]
    rounded = reference_logits(model, ids, rounds=True)
    return compare("activations of 8 bits", got, rounded) <= MAX_RMS[stored]


def check_ids(carrel, path, tokenizer, texts):
    n_bytes = n_ids = mismatches = 0
    for start in range(0, len(texts), 200):
        # One text of many files: a process for each would take minutes.
        text = "".join(texts[start:start + 200])
        wanted = tokenizer.encode(text, add_special_tokens=False).ids
        got = subprocess.run([carrel, "tokenize", "-m", path, "-"], input=text.encode(),
                             stdout=subprocess.PIPE, check=True).stdout.split()
        mismatches += [int(id) for id in got] != wanted
        n_bytes, n_ids = n_bytes + len(text.encode()), n_ids + len(wanted)
    print("ids: %d mismatches in %.1f MB, %d tokens" % (mismatches, n_bytes / 1e6, n_ids))
    return n_ids and not mismatches


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True, help="where the pipeline keeps its files")
    parser.add_argument("--carrel", required=True)
    parser.add_argument("--text-bytes", type=int, default=5_000_000)
    parser.add_argument("--n-ids", type=int, default=512)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(os.path.join(arguments.work, "tokenizer.json"))
    corpus = os.path.join(arguments.work, "corpus", "train")
    texts = list(reader_tokenizer.sample(corpus, arguments.text_bytes))
    ids = tokenizer.encode(texts[len(texts) // 2], add_special_tokens=False).ids
    ids = [tokenizer.token_to_id(export.BOS)] + ids[:arguments.n_ids - 1]
    good = check_logits(arguments.carrel, arguments.model, ids)
    good = check_ids(arguments.carrel, arguments.model, tokenizer, texts) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
