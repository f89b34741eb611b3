#!/usr/bin/env python3
"""How often carrel tells the encoding of a text: real texts (the translated manual pages and message
catalogues under /usr/share), written in each encoding of their language, whole and cut to 200 and
to 60 bytes, are right where they come back as they were.

usage: encoding_compare.py CARREL [ENCODING...]

Pure ASCII is left out: it is the same in all. More packages with translations make more texts.
"""
import collections
import gettext
import glob
import gzip
import os
import random
import re
import sys
import tempfile
import unicodedata

import shown

WESTERN = "da de es fi fr id it nl pt pt_BR sv nb is ca".split()
CENTRAL = "cs hr hu pl ro sk sl".split()
CYRILLIC = "ru uk bg sr be".split()
ENCODINGS = {
    "cp1252": WESTERN, "iso8859-1": WESTERN, "iso8859-15": WESTERN,
    "cp1250": CENTRAL, "iso8859-2": CENTRAL,
    "cp1251": CYRILLIC, "iso8859-5": CYRILLIC, "koi8-r": ["ru"], "koi8-u": ["uk"], "cp866": ["ru"],
    "cp1253": ["el"], "iso8859-7": ["el"], "cp1254": ["tr"], "cp1255": ["he"], "cp1256": ["ar"],
    "cp1257": ["et", "lt", "lv"], "tis-620": ["th"],
    "cp932": ["ja"], "euc-jp": ["ja"], "iso2022-jp": ["ja"], "euc-kr": ["ko"], "cp949": ["ko"],
    "gb18030": ["zh_CN"], "gbk": ["zh_CN"], "big5": ["zh_TW"],
    "utf-8": None, "utf-16-le": None, "utf-16-be": None, "utf-32-le": None,
}
LANGUAGES = sorted({name for names in ENCODINGS.values() if names for name in names})
SIZES = (None, 200, 60)
MOST_TEXTS = 40


def texts_of(language, draw):
    texts = []
    for path in sorted(glob.glob("/usr/share/man/%s/man*/*.gz" % language))[:25]:
        if os.path.islink(path):
            continue
        lines = gzip.open(path).read().decode("utf-8", "replace").split("\n")
        text = "\n".join(re.sub(r"\\f.|\\&|\\-|\\\(..|\\\[.*?\]", "", line)
                         for line in lines if line[:1] not in (".", "'"))
        if sum(ord(c) > 127 for c in text) > 20:
            texts.append(text[:20000])
    said = []
    for path in sorted(glob.glob("/usr/share/locale/%s/LC_MESSAGES/*.mo" % language)):
        with open(path, "rb") as file:
            try:
                catalogue = gettext.GNUTranslations(file)
            except (OSError, LookupError, ValueError):
                continue
        said += [text for key, text in catalogue._catalog.items()
                 if key and isinstance(text, str) and len(text) > 40]
    draw.shuffle(said)
    while said and len(texts) < MOST_TEXTS:
        text = ""
        while said and len(text) < 6000:
            text += said.pop() + "\n"
        texts.append(text)
    return texts


def cut(text, size, encoding, draw):
    """From anywhere in the text, at most so many bytes (twice as many in two-byte units)."""
    begin = draw.randrange(max(1, len(text) - size))
    piece = text[begin:begin + size]
    while len(piece.encode(encoding)) > size * (2 if encoding[:6] in ("utf-16", "utf-32") else 1):
        piece = piece[:-1]
    return piece


def folded(text):
    """As both sides can be compared: line ends, and how accents are composed."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").split("\n")
    return "\n".join(lines).rstrip("\n")


def compare(carrel, encoding, samples):
    """How many of [(size, text)] come back, by size."""
    right = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, (_, text) in enumerate(samples):
            names.append("%05d.txt" % i)
            with open(os.path.join(folder, names[-1]), "wb") as file:
                file.write(text.encode(encoding))
        found = shown.sources(carrel, names, folder)
    for name, (size, text) in zip(names, samples):
        right[size] += folded(found.get(name, "")) == folded(text)
    return right


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    carrel = os.path.abspath(sys.argv[1])
    draw = random.Random(1)
    corpus = {language: texts_of(language, draw) for language in LANGUAGES}
    print("%-12s %18s %18s %18s" % ("encoding", "whole texts", "200 bytes", "60 bytes"))
    all_right, all_tried = collections.Counter(), collections.Counter()
    for encoding, languages in ENCODINGS.items():
        if sys.argv[2:] and encoding not in sys.argv[2:]:
            continue
        samples = []
        for language in languages or LANGUAGES:
            for text in corpus[language]:
                text = "".join(c for c in text if c.encode(encoding, "ignore"))
                samples += [(size, cut(text, size, encoding, draw) if size else text)
                            for size in SIZES]
        samples = [(size, text) for size, text in samples if not text.isascii() and text.strip()]
        right = compare(carrel, encoding, samples) if samples else collections.Counter()
        tried = collections.Counter(size for size, _ in samples)
        all_right += right
        all_tried += tried
        report(encoding, right, tried)
    report("all", all_right, all_tried)


def report(name, right, tried):
    print("%-12s" % name, " ".join("%7d/%-5d %3.0f%%" % (
        right[size], tried[size], 100 * right[size] / max(1, tried[size])) for size in SIZES), flush=True)


if __name__ == "__main__":
    main()
