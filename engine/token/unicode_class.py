#!/usr/bin/env python3
"""Writes engine/token/unicode_class.c: letter, number and white space of every character.

usage: unicode_class.py > unicode_class.c

The regex engine of Hugging Face `tokenizers` (Oniguruma) knows Unicode 16.0, and tokenizer.json is
what we follow, so the table is made from that version: the `unicodedata2` package pinned to 16.0.0,
or any Python whose own unicodedata is of that version. `--any-version` makes it from whatever there
is; the file says what it was made from.
"""
import sys

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

BLOCK = 256
OTHER, LETTER, NUMBER, SPACE = range(4)
# Oniguruma's \s is the property White_Space: not U+180E, not U+200B, not U+001C..U+001F.
WHITE_SPACE = [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
               0x2028, 0x2029, 0x202F, 0x205F, 0x3000]


def class_of(cp):
    if cp in WHITE_SPACE:
        return SPACE
    if 0xD800 <= cp < 0xE000:
        return OTHER
    return {"L": LETTER, "N": NUMBER}.get(unicodedata.category(chr(cp))[0], OTHER)


def rows(values, per_line):
    for i in range(0, len(values), per_line):
        print("\t" + ", ".join("%d" % v for v in values[i:i + per_line]) + ",")


def main():
    if unicodedata.unidata_version != "16.0.0" and "--any-version" not in sys.argv:
        sys.exit("unicode_class.py: needs Unicode 16.0.0, this is %s" % unicodedata.unidata_version)
    blocks, index = [], []
    for start in range(0, 0x110000, BLOCK):
        c = [class_of(cp) for cp in range(start, start + BLOCK)]
        packed = tuple(c[i] | c[i + 1] << 2 | c[i + 2] << 4 | c[i + 3] << 6
                       for i in range(0, BLOCK, 4))
        if packed not in blocks:
            blocks.append(packed)
        index.append(blocks.index(packed))
    assert len(blocks) <= 256
    print("/* Made by unicode_class.py from Unicode %s; do not edit. */" % unicodedata.unidata_version)
    print('#include "engine/token/unicode_class.h"\n')
    print("// clang-format off")
    print('const char unicode_class_version[] = "%s";\n' % unicodedata.unidata_version)
    print("/* cp >> 8: which block */")
    print("const uint8_t unicode_class_block[%d] = {" % len(index))
    rows(index, 24)
    print("};\n")
    print("/* [block][cp >> 2 & 63]: four classes of two bits */")
    print("const uint8_t unicode_class_bits[%d][64] = {" % len(blocks))
    for b in blocks:
        print("\t{")
        rows(list(b), 16)
        print("\t},")
    print("};")


if __name__ == "__main__":
    main()
