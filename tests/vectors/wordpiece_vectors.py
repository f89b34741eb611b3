#!/usr/bin/env python3
"""WordPiece against Hugging Face `tokenizers`.

usage: wordpiece_vectors.py OUT_FOLDER
       wordpiece_vectors.py --compare TOKENIZER_PIPE VOCAB_TXT [COUNT]

Makes the small vocabularies wordpiece-small (uncased) and wordpiece-cased-small in
tests/vectors/tokenizer/, trained on the licence texts, as the metadata of GGUF files, and their
expected ids NAME.gguf.vec. Or holds a build (tests/bench/tokenizer_pipe) against a vocabulary as
BERT's was published (vocab.txt), on COUNT random strings. Needs `pip install tokenizers
sentencepiece`. CI has the stored vectors.
"""
import os
import random
import sys
import tempfile

from tokenizers import BertWordPieceTokenizer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokenizer_compare
import tokenizer_vectors as common

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["[CLS]", "[SEP] ", "[unused1]", "##ing", "\u00c5ngstr\u00f6m", "\ud55c\uad6d\uc5b4", "na\u00efve caf\u00e9",
         "\u1fc3\u0345", "\u037e", "\uf900\u4e2d", "\u01c5", "\u2581x", "a" * 99, "b" * 101, "\ufffd", "\x00x", "\u0344", "\u00ad",
         "\U0001e900", "\u0130I\u0131", "\u1e9e\u00df", "\ufb01", "tokenization unbelievably", "U.S.A.", "e\u0323\u0301x", "\u302e\u0316\u302f"]


def string(rng):
    return "".join(rng.choice(WORDS) if rng.random() < 0.3 else tokenizer_compare.string(rng)
                   for _ in range(rng.randint(1, 3)))


def gguf(tokens):
    """By the rules of llama.cpp's converter: U+2581 begins a word, what goes on stands bare."""
    def spell(token):
        if token.startswith("[") and token.endswith("]"):
            return token
        return token[2:] if token.startswith("##") else "\u2581" + token
    ids = {"unknown": "[UNK]", "seperator": "[SEP]", "padding": "[PAD]", "cls": "[CLS]",
           "mask": "[MASK]"}
    return common.gguf(
        [("general.architecture", "str", "bert"), ("tokenizer.ggml.model", "str", "bert"),
         ("tokenizer.ggml.token_type_count", "u32", 2),
         ("tokenizer.ggml.tokens", "[str]", [spell(t) for t in tokens]),
         ("tokenizer.ggml.token_type", "[i32]",
          [common.CONTROL if t in SPECIALS else common.NORMAL for t in tokens])] +
        [("tokenizer.ggml.%s_token_id" % k, "u32", tokens.index(t)) for k, t in ids.items()])


def reference(vocab, lowercase):
    out = BertWordPieceTokenizer(vocab, lowercase=lowercase)
    out._tokenizer.encode_special_tokens = True
    return lambda text: out.encode(text, add_special_tokens=False).ids


def train(n, lowercase):
    tokenizer = BertWordPieceTokenizer(lowercase=lowercase)
    tokenizer.train_from_iterator(common.corpus(), vocab_size=n, special_tokens=SPECIALS,
                                  show_progress=False, min_frequency=1)
    vocab = tokenizer.get_vocab()
    return sorted(vocab, key=vocab.get)


def make(folder):
    rng = random.Random(11)
    texts = [string(rng) for _ in range(300)]
    texts += [common.corpus()[2][i:i + 200] for i in range(0, 4000, 200)]
    for name, lowercase in (("wordpiece-small", True), ("wordpiece-cased-small", False)):
        tokens = train(1500, lowercase)
        with open(os.path.join(folder, name + ".gguf"), "wb") as f:
            f.write(gguf(tokens))
        encode = reference({t: i for i, t in enumerate(tokens)}, lowercase)
        common.write_vectors(os.path.join(folder, name + ".gguf.vec"), texts, encode)


def compare(pipe, path, count):
    with open(path, encoding="utf-8") as f:
        tokens = f.read().rstrip("\n").split("\n")
    lowercase = not any(c.isascii() and c.isupper() for t in tokens for c in t
                        if not t.startswith("["))
    encode = reference({t: i for i, t in enumerate(tokens)}, lowercase)
    rng, bad = random.Random(3), 0
    strings = [string(rng) for _ in range(count)]
    with tempfile.NamedTemporaryFile(suffix=".gguf") as f:
        f.write(gguf(tokens))
        f.flush()
        mine = tokenizer_compare.carrel_ids(pipe, f.name, [s.encode() for s in strings])
    assert len(mine) == count
    for text, ids in zip(strings, mine):
        want = encode(text)
        if ids != want:
            bad += 1
            if bad <= 10:
                print(ascii(text), "\n  carrel", ids, "\n  theirs", want)
    print("%s, %d tokens: %d strings, %d characters, %d mismatches" % (
        "uncased" if lowercase else "cased", len(tokens), count, sum(map(len, strings)), bad))
    return bad != 0


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        sys.exit(compare(sys.argv[2], sys.argv[3], int(sys.argv[4]) if sys.argv[4:] else 100000))
    make(sys.argv[1])
