#!/usr/bin/env python3
"""Makes the small vocabularies and expected ids in tests/vectors/tokenizer/.

usage: tokenizer_vectors.py LLAMA3_TOKENIZER_JSON LLAMA_BPE_INP OUT_FOLDER
       (pip install tokenizers sentencepiece)

llama3-small: the first tokens of the real Llama 3 vocabulary with the merges between them.
gpt2-small, spm-small: trained here on the licence texts of /usr/share/common-licenses.
Each as tokenizer.json and as the metadata of a GGUF file without tensors. Expected ids come from
Hugging Face `tokenizers` (NAME.json.vec) and from `sentencepiece` itself (spm-small.gguf.vec); a
line is the text in hexadecimal, a colon, the ids.
"""
import glob
import io
import json
import os
import random
import struct
import sys

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokenizer_compare

SPECIALS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
            "<|eot_id|>", "<|eom_id|>", "<|python_tag|>"]
GPT2_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SPM_COUNT = 1500
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def corpus():
    text = []
    for path in sorted(glob.glob("/usr/share/common-licenses/*")):
        if not os.path.islink(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                text.append(f.read())
    text.append("Grüße aus Köln: naïve café, Ελληνικά, Русский текст, 日本語のテキスト, 한국어. " * 40)
    text.append("int main(void)\n{\n\tfor (int i = 0; i < 10; i++) {\n\t\tputs(\"hi\");\n\t}\n}\n" * 40)
    text.append("INST SYS start head system user assistant prompt " * 40)  # as real ones have them
    return text


def added(token, i, special=True):
    return {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special}


def llama3_small(path, n):
    with open(path, encoding="utf-8") as f:
        full = json.load(f)
    vocab = {t: i for t, i in full["model"]["vocab"].items() if i < n}
    merges = [m for m in full["model"]["merges"] if all(p in vocab for p in m.split(" ")) and
              m.replace(" ", "") in vocab]
    full["model"]["vocab"], full["model"]["merges"] = vocab, merges
    tokens = SPECIALS + ["<tool_call>"]
    full["added_tokens"] = [added(t, n + i, t != "<tool_call>") for i, t in enumerate(tokens)]
    return full


def gpt2_small(n, specials=tuple(GPT2_SPECIALS)):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=n, special_tokens=list(specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return json.loads(t.to_str())


def sentencepiece_small(n, controls=("<start_of_turn>", "<end_of_turn>")):
    model = io.BytesIO()
    lines = iter(line for text in corpus() for line in text.split("\n") if line)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, vocab_size=n, model_type="bpe",
        byte_fallback=True, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, character_coverage=0.9995,
        allow_whitespace_only_pieces=True, user_defined_symbols=["<tool>"],
        control_symbols=list(controls), minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def sentencepiece_tokens(sp):
    types = []
    for i in range(sp.vocab_size()):
        types.append(UNKNOWN if sp.is_unknown(i) else CONTROL if sp.is_control(i) else
                     BYTE if sp.is_byte(i) else UNUSED if sp.is_unused(i) else
                     USER_DEFINED if sp.id_to_piece(i) == "<tool>" else NORMAL)
    return [sp.id_to_piece(i) for i in range(sp.vocab_size())], types


def sentencepiece_json(sp):
    """As transformers converts Llama 2: all pairs that make a token, best score first."""
    pieces, types = sentencepiece_tokens(sp)
    vocab = {p: i for i, p in enumerate(pieces)}
    merges = []
    for piece, i in vocab.items():
        if types[i] == NORMAL:
            for k in range(1, len(piece)):
                left, right = piece[:k], piece[k:]
                if left in vocab and right in vocab:
                    merges.append((-sp.get_score(i), i, "%s %s" % (left, right)))
    merges = [m[2] for m in sorted(merges, key=lambda m: m[:2])]
    tokens = [(t, i) for t, i in vocab.items() if types[i] in (UNKNOWN, CONTROL, USER_DEFINED)]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(t, i, t != "<tool>") for t, i in tokens],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
                  "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges}}


def gguf(entries):
    """A GGUF v3 file of these (key, type, value) and no tensors."""
    def string(s):
        b = s.encode()
        return struct.pack("<Q", len(b)) + b
    one = {"u32": (4, lambda v: struct.pack("<I", v)), "i32": (5, lambda v: struct.pack("<i", v)),
           "f32": (6, lambda v: struct.pack("<f", v)), "bool": (7, lambda v: struct.pack("<B", v)),
           "str": (8, string)}
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    for key, kind, value in entries:
        number, pack = one[kind.strip("[]")]
        out += string(key)
        if kind[0] == "[":
            out += struct.pack("<IIQ", 9, number, len(value)) + b"".join(map(pack, value))
        else:
            out += struct.pack("<I", number) + pack(value)
    return out + bytes(-len(out) % 32)


def bpe_gguf(description, pre, ids):
    vocab = dict(description["model"]["vocab"])
    types = {}
    for token in description["added_tokens"]:
        vocab[token["content"]] = token["id"]
        types[token["id"]] = CONTROL if token["special"] else USER_DEFINED
    tokens = sorted(vocab, key=vocab.get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in description["model"]["merges"]]
    return gguf([("general.architecture", "str", "llama"), ("tokenizer.ggml.model", "str", "gpt2"),
                 ("tokenizer.ggml.pre", "str", pre), ("tokenizer.ggml.tokens", "[str]", tokens),
                 ("tokenizer.ggml.token_type", "[i32]",
                  [types.get(i, NORMAL) for i in range(len(tokens))]),
                 ("tokenizer.ggml.merges", "[str]", merges)] +
                [("tokenizer.ggml.%s_token_id" % k, "u32", vocab[t]) for k, t in ids.items()])


def sentencepiece_gguf(sp):
    pieces, types = sentencepiece_tokens(sp)
    return gguf([("general.architecture", "str", "llama"), ("tokenizer.ggml.model", "str", "llama"),
                 ("tokenizer.ggml.tokens", "[str]", pieces),
                 ("tokenizer.ggml.scores", "[f32]", [sp.get_score(i) for i in range(len(pieces))]),
                 ("tokenizer.ggml.token_type", "[i32]", types),
                 ("tokenizer.ggml.bos_token_id", "u32", sp.bos_id()),
                 ("tokenizer.ggml.eos_token_id", "u32", sp.eos_id())])


def strings(inp):
    with open(inp, newline="", encoding="utf-8") as f:
        out = f.read().split("\n__ggml_vocab_test__\n")
    rng = random.Random(7)
    out += [tokenizer_compare.string(rng).replace("\u2581", "_") for _ in range(300)]
    licence = corpus()[2]
    return out + [licence[i:i + 200] for i in range(0, 4000, 200)]


def write_vectors(path, texts, encode):
    with open(path, "w") as f:
        for text in texts:
            f.write("%s:%s\n" % (text.encode().hex(), " ".join(map(str, encode(text)))))


def main():
    llama3, inp, out = sys.argv[1:4]
    every = strings(inp)
    sp = sentencepiece_small(SPM_COUNT)
    small = {"llama3-small": llama3_small(llama3, 2500), "gpt2-small": gpt2_small(1500),
             "spm-small": sentencepiece_json(sp)}
    for name, description in small.items():
        texts = every
        path = os.path.join(out, name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(description, f, ensure_ascii=False, indent=None, separators=(",", ":"))
            f.write("\n")
        reference = Tokenizer.from_file(path)
        reference.encode_special_tokens = True
        # `tokenizers` puts the dummy prefix behind every added token too, SentencePiece does not.
        if name == "spm-small":
            texts = [text.replace("<tool>", "") for text in texts]
        write_vectors(path + ".vec", texts,
                      lambda s: reference.encode(s, add_special_tokens=False).ids)
    files = {
        "llama3-small.gguf": bpe_gguf(small["llama3-small"], "llama-bpe",
                                      {"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>",
                                       "eot": "<|eot_id|>", "eom": "<|eom_id|>"}),
        "gpt2-small.gguf": bpe_gguf(small["gpt2-small"], "gpt-2",
                                    {"bos": "<|endoftext|>", "eos": "<|endoftext|>"}),
        "spm-small.gguf": sentencepiece_gguf(sp)}
    for name, data in files.items():
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
    write_vectors(os.path.join(out, "spm-small.gguf.vec"), every, sp.encode)


if __name__ == "__main__":
    main()
