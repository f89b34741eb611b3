#!/usr/bin/env python3
"""Writes engine/token/unicode_class.c: what the splitters' patterns ask of every character.

usage: unicode_class.py > unicode_class.c

The regex engine of Hugging Face `tokenizers` 0.23 (Oniguruma) knows Unicode 16.0, and tokenizer.json
is what we follow, so the table is made from that version: the `unicodedata2` package pinned to
16.0.0, or any Python whose own unicodedata is of that version. Two steps of `tokenizers` do not ask
the regex engine: "Digits" asks the Rust standard library, which knows Unicode 17.0, and
"Punctuation" asks the crate unicode_categories, which knows Unicode 8.0. Where they differ from
16.0 is listed below. `splitter_compare.py --classes` holds all of it against `tokenizers` itself.
"""
import sys

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

BLOCK = 256

# \s of Oniguruma is the property White_Space: not U+180E, not U+200B, not U+001C..U+001F.
WHITE_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# The script, Unicode 16.0 Scripts.txt.
HAN = ("\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf"
       "\u4e00-\u9fff\uf900-\ufa6d\ufa70-\ufad9\U00016fe2\U00016fe3\U00016ff0\U00016ff1"
       "\U00020000-\U0002a6df\U0002a700-\U0002b739\U0002b740-\U0002b81d\U0002b820-\U0002cea1"
       "\U0002ceb0-\U0002ebe0\U0002ebf0-\U0002ee5d\U0002f800-\U0002fa1d\U00030000-\U0003134a"
       "\U00031350-\U000323af")
# Numeric in Unicode 17.0 and unassigned in 16.0.
DIGITS_17 = "\U00011de0-\U00011de9\U00016ff4-\U00016ff6"
# Punctuation in 8.0 that 16.0 counts elsewhere, and what became punctuation later.
PUNCTUATION_8 = "\u166d\U000111c9"
PUNCTUATION_SINCE_8 = (
    "\u061d\u09fd\u0a76\u0c77\u0c84\u1b4e\u1b4f\u1b7d-\u1b7f\u2e43-\u2e4f\u2e52-\u2e5d"
    "\U00010d6e\U00010ead\U00010f55-\U00010f59\U00010f86-\U00010f89\U000113d4\U000113d5\U000113d7"
    "\U000113d8\U0001144b-\U0001144f\U0001145a\U0001145b\U0001145d\U00011660-\U0001166c\U000116b9"
    "\U0001183b\U00011944-\U00011946\U000119e2\U00011a3f-\U00011a46\U00011a9a-\U00011a9c"
    "\U00011a9e-\U00011aa2\U00011b00-\U00011b09\U00011be1\U00011c41-\U00011c45\U00011c70\U00011c71"
    "\U00011ef7\U00011ef8\U00011f43-\U00011f4f\U00011fff\U00012ff1\U00012ff2\U00016d6d-\U00016d6f"
    "\U00016e97-\U00016e9a\U00016fe2\U0001e5ff\U0001e95e\U0001e95f")
# The character classes that single patterns spell out.
DEEPSEEK_LETTER = (
    "A-Za-z\xb5\xc0-\xd6\xd8-\xf6\xf8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-"
    "\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5"
    "\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-"
    "\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20"
    "-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc"
    "\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6"
    "-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-"
    "\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-"
    "\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-"
    "\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-"
    "\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-"
    "\U000118df\U0001e900-\U0001e943")
DEEPSEEK_SIGN = "!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002"
DEEPSEEK_WIDE = "\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff"
DEEPSEEK_CJK = "\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff"
BLOOM_STOP = "(|).,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c" + WHITE_SPACE


def members(ranges):
    out, i = set(), 0
    while i < len(ranges):
        last = ranges[i + 2] if ranges[i + 1:i + 2] == "-" and i + 2 < len(ranges) else ranges[i]
        out.update(range(ord(ranges[i]), ord(last) + 1))
        i += 3 if last != ranges[i] else 1
    return out


SETS = {name: members(globals()[name]) for name in (
    "WHITE_SPACE", "HAN", "DIGITS_17", "PUNCTUATION_8", "PUNCTUATION_SINCE_8", "DEEPSEEK_LETTER",
    "DEEPSEEK_SIGN", "DEEPSEEK_WIDE", "DEEPSEEK_CJK", "BLOOM_STOP")}
ASCII_PUNCTUATION = set(b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

TRAITS = ["UPPER", "LOWER", "UNCASED", "MARK", "NUMBER", "PUNCTUATION", "SYMBOL", "SPACE", "REST",
          "NEWLINE", "HAN", "STEP_DIGIT", "STEP_PUNCTUATION", "DEEPSEEK_LETTER", "DEEPSEEK_SIGN",
          "DEEPSEEK_WIDE", "DEEPSEEK_CJK", "BLOOM_STOP"]


def traits_of(cp):
    category = "Cs" if 0xD800 <= cp < 0xE000 else unicodedata.category(chr(cp))
    one = {"Lu": "UPPER", "Lt": "UPPER", "Ll": "LOWER", "Lm": "UNCASED", "Lo": "UNCASED"}.get(
        category) or {"M": "MARK", "N": "NUMBER", "P": "PUNCTUATION", "S": "SYMBOL"}.get(
        category[0], "REST")
    out = {"SPACE" if cp in SETS["WHITE_SPACE"] else one}
    out |= {name for name in ("HAN", "DEEPSEEK_LETTER", "DEEPSEEK_SIGN", "DEEPSEEK_WIDE",
                              "DEEPSEEK_CJK", "BLOOM_STOP") if cp in SETS[name]}
    if cp in (0x0A, 0x0D):
        out.add("NEWLINE")
    if one == "NUMBER" or cp in SETS["DIGITS_17"]:
        out.add("STEP_DIGIT")
    if (one == "PUNCTUATION" and cp not in SETS["PUNCTUATION_SINCE_8"]) or \
            cp in SETS["PUNCTUATION_8"] or cp in ASCII_PUNCTUATION:
        out.add("STEP_PUNCTUATION")
    return sum(1 << TRAITS.index(name) for name in out)


def rows(values, per_line, form="%d"):
    for i in range(0, len(values), per_line):
        print("\t" + ", ".join(form % v for v in values[i:i + per_line]) + ",")


def main():
    version = unicodedata.unidata_version
    if version != "16.0.0":
        sys.exit("unicode_class.py: needs Unicode 16.0.0, this is %s" % version)
    traits = [traits_of(cp) for cp in range(0x110000)]
    kinds = sorted(set(traits))
    blocks, index = [], []
    for start in range(0, 0x110000, BLOCK):
        block = tuple(kinds.index(t) for t in traits[start:start + BLOCK])
        if block not in blocks:
            blocks.append(block)
        index.append(blocks.index(block))
    assert len(blocks) <= 256 and len(kinds) <= 256
    print("/* Made by unicode_class.py from Unicode %s; do not edit. */" % version)
    print('#include "engine/token/unicode_class.h"\n')
    print("// clang-format off")
    print('const char unicode_class_version[] = "%s";\n' % version)
    print("const uint32_t unicode_ascii_traits[256] = {")
    rows(traits[:128], 12, "0x%x")
    print("};\n")
    print("/* kind to traits */")
    print("const uint32_t unicode_kind_traits[%d] = {" % len(kinds))
    rows(kinds, 12, "0x%x")
    print("};\n")
    print("/* cp >> 8: which block */")
    print("const uint8_t unicode_class_block[%d] = {" % len(index))
    rows(index, 24)
    print("};\n")
    print("/* [block][cp & 255]: kind */\nconst uint8_t unicode_class_kind[%d][%d] = {" % (
        len(blocks), BLOCK))
    for b in blocks:
        print("\t{")
        rows(list(b), 32)
        print("\t},")
    print("};")


if __name__ == "__main__":
    main()
