#!/usr/bin/env python3
"""Compares carrel's ids with the .inp/.out pairs of public test suites.

usage: tokenizer_pairs.py TOKENIZER_PIPE FOLDER... [-v]

A pair NAME.gguf.inp and NAME.gguf.out (llama.cpp's models folder has them) is texts with a line
__ggml_vocab_test__ between them, and a line of ids for each. Its vocabulary is NAME.gguf beside it,
or a tokenizer.json where the folder has one. Prints a row for each pair; the exit status is 1 if
any ids differ. The vocabularies are megabytes each, so CI does not run this.
"""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tokenizer_compare import carrel_ids


def vocabulary(path):
    near = os.path.join(os.path.dirname(path), "tokenizer.json")
    return path if os.path.exists(path) else near if os.path.exists(near) else None


def pair(program, base, verbose):
    with open(base + ".inp", newline="", encoding="utf-8") as f:
        texts = f.read().split("\n__ggml_vocab_test__\n")
    with open(base + ".out", encoding="utf-8") as f:
        wants = [list(map(int, line.split())) for line in f.read().splitlines()]
    name = os.path.basename(base).replace("ggml-vocab-", "").replace(".gguf", "")
    tokenizer = vocabulary(base)
    if not tokenizer:
        print("%-16s %4d strings, no vocabulary at hand" % (name, len(texts)))
        return 0
    try:
        ids = carrel_ids(program, tokenizer, [t.encode() for t in texts])
    except subprocess.CalledProcessError:
        print("%-16s %4d strings, refused" % (name, len(texts)))
        return 0
    wrong = [i for i, want in enumerate(wants) if ids[i] != want]
    print("%-16s %4d strings, %d mismatches" % (name, len(texts), len(wrong)))
    for i in wrong if verbose else []:
        print("  %a\n    carrel %s\n    theirs %s" % (texts[i], ids[i], wants[i]))
    assert len(texts) >= len(wants)
    return len(wrong)


def main():
    verbose = "-v" in sys.argv
    program, *folders = [a for a in sys.argv[1:] if a != "-v"]
    bases = sorted(p[:-4] for folder in folders for p in glob.glob(os.path.join(folder, "*.inp")))
    return sum(pair(program, base, verbose) for base in bases) != 0


if __name__ == "__main__":
    sys.exit(main())
