#!/usr/bin/env python3
"""Compares carrel's splitters with the pre-tokenizers of Hugging Face `tokenizers`.

usage: splitter_compare.py SPLITTER_PIPE [COUNT [SEED]]
       splitter_compare.py SPLITTER_PIPE --classes
       splitter_compare.py SPLITTER_PIPE --store OUT [COUNT]

SPLITTER_PIPE is tests/bench/splitter_pipe of a build; it says what the steps of each splitter are,
and each spelling of each is made here out of the pre-tokenizers of `tokenizers` (0.23) and given
COUNT random strings (100000). --classes compares the class table with the engine behind them, for
every code point. --store writes COUNT strings (in all) and their cuts for test_splitter.c. Not run
by CI, which has what --store stored.

The falcons' "Digits" comes behind ByteLevel and looks at bytes spelled as characters, six of which
(the alphabet's superscripts and fractions) look like numbers. We leave out the cuts that come from
these (splitter_gpt2.c says why): for these two, cuts beside such a byte are not compared.
"""
import random
import struct
import subprocess
import sys

from tokenizers import Regex, pre_tokenizers

NUMBER_LIKE = frozenset(b"\xb2\xb3\xb9\xbc\xbd\xbe")

CLASSES = {
    "ascii": [(0x20, 0x7E)],
    "lower": [(0x61, 0x7A)],
    "upper": [(0x41, 0x5A), (0xC0, 0xDE), (0x1C4, 0x1CC), (0x1F88, 0x1F8F), (0x391, 0x3A9)],
    "case": [(0x41, 0x5A), (0x61, 0x7A), (0x2B0, 0x2C1), (0x4E00, 0x4E20), (0x300, 0x305)],
    "controls": [(0x00, 0x1F), (0x7F, 0xA0), (0x200B, 0x200F), (0xE000, 0xE010), (0xFFF0, 0xFFFD)],
    "spaces": [(0x20, 0x20), (0x09, 0x0D), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680),
               (0x2000, 0x200D), (0x2028, 0x202F), (0x205F, 0x2060), (0x3000, 0x3000),
               (0x180E, 0x180E), (0xFEFF, 0xFEFF)],
    "blanks": [(0x20, 0x20), (0x20, 0x20), (0x09, 0x09), (0x3000, 0x3000), (0x2003, 0x2003)],
    "newlines": [(0x0A, 0x0A), (0x0D, 0x0D), (0x20, 0x20), (0x09, 0x09), (0x2F, 0x2F)],
    "digits": [(0x30, 0x39)],
    "numbers": [(0x30, 0x39), (0x660, 0x669), (0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE),
                (0x2160, 0x2188), (0x3007, 0x3007), (0x3021, 0x3029), (0x2460, 0x2490),
                (0x11DE0, 0x11DE9)],
    "latin": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)],
    "marks": [(0x300, 0x36F), (0x20D0, 0x20F0), (0xFE00, 0xFE0F), (0x0903, 0x0903),
              (0x16FF0, 0x16FF1), (0x3099, 0x309A)],
    "scripts": [(0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1100, 0x11FF)],
    "cjk": [(0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3)],
    "han": [(0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3400, 0x3420), (0x9FA0, 0x9FB0),
            (0x20000, 0x20010), (0xF900, 0xF910), (0x4E00, 0x4E10)],
    "signs": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xFF01, 0xFF5E),
              (0x2018, 0x201F), (0x3000, 0x3003), (0xA1, 0xBF)],
    "wide": [(0x7F0, 0x810), (0x3000, 0x3002), (0x2003, 0x2003), (0x20, 0x20), (0x2C00, 0x2C02),
             (0x61, 0x63), (0xFF41, 0xFF43), (0xFF01, 0xFF02), (0xD7F0, 0xD7FF), (0x1D00, 0x1D02)],
    "stops": [(0x20, 0x20), (0x21, 0x21), (0x28, 0x2E), (0x3F, 0x3F), (0x5B, 0x5D), (0x7C, 0x7C),
              (0x2026, 0x2026), (0x3001, 0x3002), (0x964, 0x964), (0x6D4, 0x6D4), (0x60C, 0x60C)],
    "symbols": [(0x21, 0x2F), (0x2010, 0x2027), (0x2030, 0x205E), (0x2190, 0x23FF),
                (0x1F300, 0x1F6FF), (0x24, 0x2B), (0x3C, 0x3E)],
    "any": [(0x00, 0xD7FF), (0xE000, 0x10FFFF)],
    "astral": [(0x10000, 0x1FFFF)],
}
WORDS = ["'s", "'S", "'T", "'t", "'re", "'RE", "'rE", "'VE", "'m", "'M", "'Ll", "'ll", "'d", "'D",
         "'\u017f", "'\ufb06", "'\u017fa", "'l", "'r", "don't", "HAND'S", " the", "Hello", " World",
         "\n\n", "\r\n", "    ", "\t\t", "123", "1234567", "http://", "int main(void)\n{", "\u00e9",
         "e\u0301", "\u0130", "\u1e9e", "...", "!!!", "--", "==", "\u3000", "\ufeff", "aB", "ABc",
         "AbC", "\u01c5", "\U0001f469\u200d\U0001f680", "\u0e01\u0e33", "<|endoftext|>",
         "\U0001d7d8", "\u2029\n", "\r\r\n \n", " \u00a0 ", "\n/", "/\n//", "\u30fb", "!abc", "\u3002\u3000",
         "\u3000a", "\u3000\uff41", " \u3000", "\u2028", "0", "00", "000"]


def string(rng):
    out = []
    for _ in range(rng.randint(1, 6)):
        if rng.random() < 0.3:
            out.append(rng.choice(WORDS))
            continue
        kinds = [CLASSES[rng.choice(list(CLASSES))] for _ in range(rng.randint(1, 2))]
        n = rng.randint(1, 4 if len(kinds) > 1 else 12)
        if rng.random() < 0.02:
            n = rng.randint(50, 300)
        one = chr(rng.randint(*rng.choice(kinds[0]))) if rng.random() < 0.2 else None
        out.extend(one or chr(rng.randint(*rng.choice(rng.choice(kinds)))) for _ in range(n))
    return "".join(out)


def step(line):
    """The pre-tokenizer for a line of struct splitter's steps."""
    word, _, regex = line.partition(" ")
    if word == "split":
        return pre_tokenizers.Split(Regex(regex), "isolated")
    if word == "match":
        return pre_tokenizers.Split(Regex(regex), "removed", invert=True)
    return {"digits": lambda: pre_tokenizers.Digits(individual_digits=True),
            "digit runs": lambda: pre_tokenizers.Digits(individual_digits=False),
            "punctuation runs": lambda: pre_tokenizers.Punctuation("contiguous"),
            "gpt2": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            }[line]()


def spellings(program):
    name, steps, out = None, [], []
    text = subprocess.run([program, "--list"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in text.split("\n"):
        if line.startswith("\t"):
            steps.append(line[1:])
            continue
        if steps:
            out.append((name, steps))
        name, steps = line, []
    return out


def alphabet():
    """ByteLevel's character to its byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    out = {chr(b): b for b in printable}
    out.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in printable)})
    return out


BYTE_OF = alphabet()


def cuts(pre, steps, text):
    """Where pieces end, in bytes."""
    spelled = steps[0] == "gpt2" or "gpt2" in steps
    out, at = [], 0
    for piece, _ in pre.pre_tokenize_str(text):
        at += len(piece) if spelled else len(piece.encode())
        out.append(at)
    return out


def carrel_cuts(program, name, strings):
    records = b"".join(struct.pack("<I", len(s)) + s for s in strings)
    out = subprocess.run([program, name], input=records, stdout=subprocess.PIPE, check=True).stdout
    ends, at = [], 0
    while at < len(out):
        n, = struct.unpack_from("<I", out, at)
        ends.append(list(struct.unpack_from("<%dI" % n, out, at + 4)))
        at += 4 + 4 * n
    return ends


def compared(steps, data, ends):
    if "punctuation runs" not in steps:
        return ends
    return [e for e in ends if e == len(data) or
            (data[e - 1] not in NUMBER_LIKE and data[e] not in NUMBER_LIKE)]


def compare(program, count, seed):
    total = 0
    for name, steps in spellings(program):
        rng = random.Random(seed)
        pre = pre_tokenizers.Sequence([step(line) for line in steps])
        strings = [string(rng) for _ in range(count)]
        data = [s.encode() for s in strings]
        mismatches = 0
        for text, raw, ends in zip(strings, data, carrel_cuts(program, name, data)):
            want = cuts(pre, steps, text)
            assert want[-1] == len(raw)
            if compared(steps, raw, ends) != compared(steps, raw, want):
                mismatches += 1
                if mismatches <= 3:
                    print(ascii(text), "\n  carrel", ends, "\n  theirs", want)
        print("%-15s %d strings, %d characters, %d mismatches  (%.60s)" % (
            name, count, sum(map(len, strings)), mismatches, " / ".join(steps)), flush=True)
        total += mismatches
    return total


def members(pre, cps):
    """The code points that a step which removes its matches removes."""
    out = set(cps)
    for _, (first, last) in pre.pre_tokenize_str("".join(map(chr, cps))):
        out.difference_update(cps[first:last])
    return out


def classes(program):
    raw = subprocess.run([program, "--traits"], stdout=subprocess.PIPE, check=True).stdout
    traits = struct.unpack("<%dI" % (len(raw) // 4), raw)
    cps = [cp for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]
    regexes = {0: r"[\p{Lu}\p{Lt}]", 1: r"\p{Ll}", 2: r"[\p{Lm}\p{Lo}]", 3: r"\p{M}", 4: r"\p{N}",
               5: r"\p{P}", 6: r"\p{S}", 7: r"\s", 9: r"[\r\n]", 10: r"\p{Han}",
               17: "[(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]"}
    for name, steps in spellings(program):
        if name == "deepseek-llm":
            regexes.update({13: steps[1].split("?")[1].rstrip("+"),
                            14: steps[2].split("?", 1)[1].rstrip("+"),
                            15: steps[4].split(" ")[1].rstrip("+")})
        elif name == "deepseek-v3":
            regexes[16] = steps[1].split(" ")[1].rstrip("+")
    sets = {bit: members(pre_tokenizers.Split(Regex("(?:%s)+" % r), "removed"), cps)
            for bit, r in regexes.items()}
    digits = pre_tokenizers.Digits(individual_digits=True)
    sets[11] = {ord(s) for s, _ in digits.pre_tokenize_str("aa".join(map(chr, cps)))
                if len(s) == 1 and s != "a"}
    sets[12] = members(pre_tokenizers.Punctuation("removed"), cps)
    wrong = 0
    for bit, want in sorted(sets.items()):
        have = {cp for cp in cps if traits[cp] >> bit & 1}
        wrong += len(have ^ want)
        print("%-40.40s %6d characters, %d mismatches" % (regexes.get(bit, "a step's own"),
                                                         len(want), len(have ^ want)))
    return wrong


def store(program, path, count):
    """A line: name, text in hexadecimal, the pieces' lengths in bytes."""
    rows = spellings(program)
    first = [row for i, row in enumerate(rows) if i == 0 or rows[i - 1][0] != row[0]]
    rng = random.Random(5)
    with open(path, "w") as out:
        for name, steps in first:
            pre = pre_tokenizers.Sequence([step(line) for line in steps])
            written = 0
            while written < count // len(first):
                text = string(rng)
                raw = text.encode()
                # As it is compared, so as it is stored: nothing beside the bytes in question.
                if len(raw) > 48 or ("punctuation runs" in steps and NUMBER_LIKE & set(raw)):
                    continue
                ends = cuts(pre, steps, text)
                lengths = [b - a for a, b in zip([0] + ends, ends)]
                out.write("%s %s %s\n" % (name, raw.hex(), ",".join(map(str, lengths))))
                written += 1


def main():
    program = sys.argv[1]
    if sys.argv[2:3] == ["--classes"]:
        return classes(program) != 0
    if sys.argv[2:3] == ["--store"]:
        return store(program, sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 5000)
    return compare(program, int(sys.argv[2]) if len(sys.argv) > 2 else 100000,
                   int(sys.argv[3]) if len(sys.argv) > 3 else 1) != 0


if __name__ == "__main__":
    sys.exit(main())
