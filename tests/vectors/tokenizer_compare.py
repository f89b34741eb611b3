#!/usr/bin/env python3
"""Compares carrel's ids with Hugging Face `tokenizers` on random strings.

usage: tokenizer_compare.py CARREL_TOKENIZE TOKENIZER_JSON [COUNT] [SEED]

CARREL_TOKENIZE is tests/bench/tokenizer_pipe of a build: it reads records (u32 length, bytes) and
writes (u32 count, u32 ids). Needs `pip install tokenizers`. Not run by CI: CI has the vectors that
tokenizer_vectors.py stored.
"""
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer

CLASSES = {
    "ascii": [(0x20, 0x7E)],
    "controls": [(0x00, 0x1F), (0x7F, 0xA0)],
    "spaces": [(0x20, 0x20), (0x09, 0x0D), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680),
               (0x2000, 0x200D), (0x2028, 0x202F), (0x205F, 0x2060), (0x3000, 0x3000),
               (0x180E, 0x180E), (0xFEFF, 0xFEFF)],
    "newlines": [(0x0A, 0x0A), (0x0D, 0x0D), (0x20, 0x20), (0x09, 0x09)],
    "digits": [(0x30, 0x39), (0x660, 0x669), (0xB2, 0xB3), (0xBC, 0xBE), (0x2160, 0x2188)],
    "latin": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)],
    "marks": [(0x300, 0x36F), (0x20D0, 0x20F0), (0xFE00, 0xFE0F), (0x0903, 0x0903)],
    "scripts": [(0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1100, 0x11FF)],
    "cjk": [(0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3)],
    "symbols": [(0x21, 0x2F), (0x2010, 0x2027), (0x2030, 0x205E), (0x2190, 0x23FF),
                (0x1F300, 0x1F6FF)],
    "any": [(0x00, 0xD7FF), (0xE000, 0x10FFFF)],
}
WORDS = ["'s", "'T", "'re", "'VE", "'m", "'Ll", "'d", "'\u017f", "'\ufb06", "don't", " the", "Hello",
         " World", "\n\n", "\r\n", "    ", "\t\t", "123", "1234567", "http://", "int main(void)\n{",
         "\u00e9", "e\u0301", "\u0130", "\u1e9e", "...", "!!!", "--", "==", "\u3000", "\ufeff",
         "\U0001f469\u200d\U0001f680", "\u0e01\u0e33", "[INST]", "<0x0A>", "<s>x", "<tool>", "<tool_call>", "a<tool", "<|endoftext|>",
         "<|eot_id|>", "\U0001d7d8", "\u2029\n", "\r\r\n \n", " \u00a0 "]


def character(rng, ranges):
    low, high = rng.choice(ranges)
    return chr(rng.randint(low, high))


def string(rng):
    out = []
    for _ in range(rng.randint(1, 6)):
        if rng.random() < 0.35:
            out.append(rng.choice(WORDS))
            continue
        ranges = CLASSES[rng.choice(list(CLASSES))]
        one = character(rng, ranges) if rng.random() < 0.2 else None
        out.extend(one or character(rng, ranges) for _ in range(rng.randint(1, 12)))
    return "".join(out)


def carrel_ids(program, path, strings):
    records = b"".join(struct.pack("<I", len(s)) + s for s in strings)
    out = subprocess.run([program, path], input=records, stdout=subprocess.PIPE, check=True).stdout
    ids, at = [], 0
    while at < len(out):
        n, = struct.unpack_from("<I", out, at)
        ids.append(list(struct.unpack_from("<%dI" % n, out, at + 4)))
        at += 4 + 4 * n
    return ids


def main():
    program, path = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    reference = Tokenizer.from_file(path)
    # Special tokens in text are text; and U+2581 is a space to SentencePiece, a character to us.
    reference.encode_special_tokens = True
    strings = [string(rng).replace("\u2581", "_") for _ in range(count)]
    # Its "Prepend" puts the dummy prefix behind every added token too, SentencePiece does not.
    if "Prepend" in str(reference.normalizer):
        strings = [text.replace("<tool>", "") for text in strings]
    mine = carrel_ids(program, path, [s.encode() for s in strings])
    assert len(mine) == count
    mismatches = 0
    for text, ids in zip(strings, mine):
        want = reference.encode(text, add_special_tokens=False).ids
        if ids != want:
            mismatches += 1
            if mismatches <= 10:
                print(ascii(text), "\n  carrel", ids, "\n  theirs", want)
    print("%d strings, %d characters, %d mismatches" % (count, sum(map(len, strings)), mismatches))
    return mismatches != 0


if __name__ == "__main__":
    sys.exit(main())
