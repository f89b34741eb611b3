#!/usr/bin/env python3
"""Writes engine/token/wordpiece_class.c: what BERT's tokenizer makes of every character.

usage: wordpiece_class.py > wordpiece_class.c        (pip install tokenizers==0.23.3)

Asked of Hugging Face `tokenizers` itself, character by character: its tables are of several versions
of Unicode (marks and controls 8.0, decompositions 9.0, lower case that of its compiler), and its
ranges of ideographs have a slip of the pen; models were trained on texts that went through exactly
these. wordpiece_compare.py holds whole texts against it.
"""
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

PUNCTUATION, WHITE, DROPPED, SPACE, IDEOGRAPH, MARK, HANGUL, MAPPED = (1 << i for i in range(8))
PER_LINE = 8


def kind_of(cp, uncased, cased, splitter, mapped):
    ch = chr(cp)
    pieces = [piece for piece, _ in splitter.pre_tokenize_str("a" + ch + "a")]
    kind = {("a", ch, "a"): PUNCTUATION, ("a", "a"): WHITE}.get(tuple(pieces), 0)
    kept, lower = cased.normalize_str(ch), uncased.normalize_str(ch)
    kind |= {ch: 0, "": DROPPED, " ": SPACE, " " + ch + " ": IDEOGRAPH}[kept]
    if lower == kept:
        return kind
    if lower == "":
        return kind | MARK
    if 0xAC00 <= cp < 0xAC00 + 11172:
        return kind | HANGUL
    mapped[cp] = [ord(c) for c in lower.strip(" ")]
    assert " " not in lower.strip(" ") and len(mapped[cp]) <= 3
    return kind | MAPPED


def rows(items):
    for i in range(0, len(items), PER_LINE):
        print("\t" + " ".join(items[i:i + PER_LINE]))


def main():
    if tokenizers.__version__ != "0.23.3":
        sys.exit("wordpiece_class.py: needs tokenizers 0.23.3, this is " + tokenizers.__version__)
    uncased = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    cased = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    splitter, mapped, ranges = pre_tokenizers.BertPreTokenizer(), {}, []
    for cp in range(0x110000):
        if not 0xD800 <= cp < 0xE000:
            kind = kind_of(cp, uncased, cased, splitter, mapped)
            if not ranges or ranges[-1][1] != kind:
                ranges.append((cp, kind))
    print("/* Made by wordpiece_class.py with tokenizers %s; do not edit. */" %
          tokenizers.__version__)
    print('#include "engine/token/wordpiece.h"\n\n// clang-format off')
    print("/* from this character to the next one's: enum wordpiece_kind */")
    print("const struct wordpiece_range wordpiece_range[] = {")
    rows(["{0x%x, %d}," % item for item in ranges])
    print("};\nconst size_t wordpiece_range_count = %d;\n" % len(ranges))
    print("/* a character, and what becomes of it */")
    print("const struct wordpiece_map wordpiece_map[] = {")
    rows(["{0x%x, {%s}}," % (cp, ", ".join("0x%x" % c for c in to)) for cp, to in mapped.items()])
    print("};\nconst size_t wordpiece_map_count = %d;" % len(mapped))


if __name__ == "__main__":
    main()
