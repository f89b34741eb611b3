#!/usr/bin/env python3
"""Checks that carrel computes with a model file what PyTorch does, and tokenizes as Hugging Face.

usage: check_export.py --model reader.gguf --work WORK --carrel BUILD/cli/carrel

Logits: of one text, out of `carrel eval logits`, against model.py in f32 on the file's own weights,
dequantized. What is left in Q8_0 is carrel's rounding of activations to eight bits; a file that
export.py wrote with --type f32 leaves nothing but the order of summation.
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
from model import Config, Reader

# Root mean square of the error over the standard deviation of the logits: a little over what
# tests/unit/test_logits.c takes from the strongest peer; f32 as there.
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


def check_logits(carrel, path, ids):
    model, stored = read_model(path)
    with torch.no_grad():
        wanted = model(torch.tensor([ids]))[0].numpy().astype(numpy.float64)
    got = carrel_logits(carrel, path, ids)
    rms = float(numpy.sqrt(numpy.mean((got - wanted) ** 2)) / wanted.std())
    p, q = log_softmax(wanted), log_softmax(got)
    print("logits: %d ids, %s: rms error %.2g of the standard deviation (at most %.2g), mean KL "
          "%.2g, same first choice %.1f %%" % (
              len(ids), stored, rms, MAX_RMS[stored],
              float(numpy.mean((numpy.exp(p) * (p - q)).sum(axis=1))),
              100 * float(numpy.mean(p.argmax(axis=1) == q.argmax(axis=1)))))
    return rms <= MAX_RMS[stored]


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
