#!/usr/bin/env python3
"""Compares carrel's ids with `sentencepiece` and Hugging Face `tokenizers`: Unigram, and Gemma's BPE.

usage: sentencepiece_compare.py TOKENIZER_PIPE [COUNT] [SEED]
       sentencepiece_compare.py --store OUT_FOLDER      (the small vectors that CI reads)

TOKENIZER_PIPE is tests/bench/tokenizer_pipe of a build. Needs `pip install sentencepiece protobuf
tokenizers`; small models are trained here, on the licence texts of /usr/share/common-licenses.

`sentencepiece` adds scores as floats, so which of two nearly equal ways it takes depends on how it
rounds; here its scores are multiples of 1/256, whose sums are exact in floats too: then ties are
ties, and both must break them alike. `tokenizers` adds doubles, and keeps the trained scores.
"""
import io
import json
import os
import random
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokenizer_compare
import tokenizer_vectors
from tokenizer_vectors import (BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, added, gguf)

SPACE = "\u2581"
RUNS = [SPACE * n for n in range(2, 17)] + ["\n" * n for n in range(1, 6)] + ["\t", "\t\t"]
FORMS = {
    "unigram": dict(model_type="unigram", byte_fallback=True, add_dummy_prefix=True,
                    user_defined_symbols=["<tool>"], split_digits=True),
    "unigram-unk": dict(model_type="unigram", byte_fallback=False, add_dummy_prefix=False,
                        user_defined_symbols=["<tool>"], split_by_whitespace=False),
    "gemma": dict(model_type="bpe", byte_fallback=True, add_dummy_prefix=False,
                  user_defined_symbols=["<tool>"] + RUNS, split_digits=True),
}


def train(form, count=1500):
    model = io.BytesIO()
    lines = iter(line for text in tokenizer_vectors.corpus() for line in text.split("\n") if line)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, vocab_size=count,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
        character_coverage=0.9995, allow_whitespace_only_pieces=True, num_threads=1,
        minloglevel=2, **FORMS[form])
    return model.getvalue()


def rounded(model):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model)
    for piece in proto.pieces:
        piece.score = round(piece.score * 256) / 256
    return proto.SerializeToString()


def types_of(sp, form):
    own = set(FORMS[form]["user_defined_symbols"])
    return [UNKNOWN if sp.is_unknown(i) else CONTROL if sp.is_control(i) else
            BYTE if sp.is_byte(i) else UNUSED if sp.is_unused(i) else
            USER_DEFINED if sp.id_to_piece(i) in own else NORMAL for i in range(sp.vocab_size())]


def to_gguf(sp, form):
    n = range(sp.vocab_size())
    return gguf([("general.architecture", "str", "llama"),
                 ("tokenizer.ggml.model", "str", "t5" if "unigram" in form else "llama"),
                 ("tokenizer.ggml.tokens", "[str]", [sp.id_to_piece(i) for i in n]),
                 ("tokenizer.ggml.scores", "[f32]", [sp.get_score(i) for i in n]),
                 ("tokenizer.ggml.token_type", "[i32]", types_of(sp, form)),
                 ("tokenizer.ggml.add_space_prefix", "bool", FORMS[form]["add_dummy_prefix"]),
                 ("tokenizer.ggml.unknown_token_id", "u32", sp.unk_id()),
                 ("tokenizer.ggml.bos_token_id", "u32", sp.bos_id()),
                 ("tokenizer.ggml.eos_token_id", "u32", sp.eos_id())])


def to_json(sp, form, split):
    types = types_of(sp, form)
    tokens = [(sp.id_to_piece(i), i) for i, t in enumerate(types)
              if t in (UNKNOWN, CONTROL, USER_DEFINED)]
    prefix = "always" if FORMS[form]["add_dummy_prefix"] else "never"
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(t, i, t != "<tool>") for t, i in tokens],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": prefix,
                          "split": split},
        "post_processor": None, "decoder": None,
        "model": {"type": "Unigram", "unk_id": sp.unk_id(),
                  "byte_fallback": FORMS[form]["byte_fallback"],
                  "vocab": [[sp.id_to_piece(i), sp.get_score(i)] for i in range(sp.vocab_size())]}}


def gemma_json(sp, form):
    """As transformers converts Gemma: runs of spaces are merged, other runs are added tokens."""
    types = types_of(sp, form)
    vocab = {sp.id_to_piece(i): i for i in range(sp.vocab_size())}
    user = [p for p in FORMS[form]["user_defined_symbols"] if SPACE not in p]
    merges = []
    for piece, i in vocab.items():
        if types[i] == NORMAL or SPACE * 2 in piece:
            merges += [(-sp.get_score(i), i, [piece[:k], piece[k:]]) for k in range(1, len(piece))
                       if piece[:k] in vocab and piece[k:] in vocab]
    special = [p for p, i in vocab.items() if types[i] in (UNKNOWN, CONTROL)]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": sorted([added(t, vocab[t]) for t in special] +
                               [added(t, vocab[t], False) for t in user], key=lambda t: t["id"]),
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "},
                          "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "byte_fallback": True, "ignore_merges": False, "vocab": vocab,
                  "merges": [m[2] for m in sorted(merges, key=lambda m: m[:2])]}}


def for_tokenizers(text, prefix):
    """Its Unigram takes the spelling of any token for that token, where text is only text here;
    and Metaspace puts the prefix behind every added token, SentencePiece only in front."""
    for spelling in ("<0x0A>", "<s>", "</s>", "<unk>") + (("<tool>",) if prefix else ()):
        text = text.replace(spelling, "")
    return text


def cases():
    """(name of the file, its bytes, its reference, a filter of the texts)"""
    for form in FORMS:
        model = train(form)
        sp = sentencepiece.SentencePieceProcessor(model_proto=rounded(model))
        yield form + "-small.gguf", to_gguf(sp, form), sp.encode, lambda s: s
        exact = sentencepiece.SentencePieceProcessor(model_proto=model)
        variants = ({"": gemma_json(exact, form)} if form == "gemma" else
                    {"": to_json(exact, form, False), "-split": to_json(exact, form, True)})
        for name, description in variants.items():
            data = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
            reference = Tokenizer.from_str(data)
            reference.encode_special_tokens = True
            prefix = FORMS[form]["add_dummy_prefix"]
            yield (form + name + "-small.json", data.encode() + b"\n",
                   lambda s, r=reference: r.encode(s, add_special_tokens=False).ids,
                   lambda s, p=prefix: for_tokenizers(s, p))


def compare(program, count, seed):
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, data, encode, clean in cases():
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(data)
            rng = random.Random(seed)
            texts = [clean(tokenizer_compare.string(rng).replace(SPACE, "_"))
                     for _ in range(count)]
            # Runs and words of the vocabulary itself: where ways are many and ties are found.
            for i in range(0, count, 4):
                texts[i] = "".join(rng.choice(("the", "a", "aa", " ", "  ", "ree", "on", "\n", "s",
                                               "GNU", "license", "1", "t", "e", " of", "aaa"))
                                   for _ in range(rng.randint(1, 40)))
            mine = tokenizer_compare.carrel_ids(program, path, [s.encode() for s in texts])
            mismatches = 0
            for text, ids in zip(texts, mine):
                want = encode(text)
                if ids != want:
                    mismatches += 1
                    if mismatches <= 3:
                        print(ascii(text), "\n  carrel", ids, "\n  theirs", want)
            print("%-26s %d strings, %d mismatches" % (name, len(texts), mismatches), flush=True)
            bad += mismatches
    return bad != 0


def store(out):
    rng = random.Random(7)
    every = [tokenizer_compare.string(rng).replace(SPACE, "_") for _ in range(300)]
    licence = tokenizer_vectors.corpus()[2]
    every += ["aaaa", "a" * 50, "   the   end\n\n\n"]
    every += [licence[i:i + 200] for i in range(0, 4000, 200)]
    for name, data, encode, clean in cases():
        if "split" in name:
            continue
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
        tokenizer_vectors.write_vectors(os.path.join(out, name + ".vec"), map(clean, every), encode)


def main():
    if sys.argv[1] == "--store":
        return store(sys.argv[2])
    return compare(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000,
                   int(sys.argv[3]) if len(sys.argv) > 3 else 1)


if __name__ == "__main__":
    sys.exit(main())
