#!/usr/bin/env python3
"""Compares manual pages as carrel reads them with what groff prints: the same words in the same order,
without hyphenation and page breaks.

usage: man_compare.py CARREL [N [SEED]]

Takes N pages (300) at random from /usr/share/man. Prints how many of groff's words are there, over all
and in the worst pages. Needs groff-base.
"""
import difflib
import glob
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

import shown

# What terminals show in several ways, and the lines of tables.
SAME = str.maketrans({
    "‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‐": "-", "´": "'",
    "⟨": "<", "⟩": ">", "\u00ad": None, "\u00a0": " ", "ˆ": "^", "˜": "~", "·": "•",
    "│": " ", "─": " ", "┼": " ", "┌": " ", "┐": " ", "└": " ", "┘": " ", "├": " ", "┤": " ",
    "┬": " ", "┴": " ", "|": " "})
GROFF = ("zcat -f %s | preconv | tbl | groff -mandoc -Tutf8 -P-cbou -rLL=2000n -rLT=2000n -rHY=0 "
         "-dAD=l 2>/dev/null")


def words(text):
    return text.translate(SAME).split()


def of_groff(path):
    run = subprocess.run(GROFF % shlex.quote(path), shell=True, capture_output=True, timeout=60,
                         cwd="/usr/share/man")
    return words(run.stdout.decode("utf-8", "replace"))


def missing(theirs, ours):
    """How many words of `theirs` are not in `ours`, in order."""
    equal = difflib.SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks()
    return len(theirs) - sum(block.size for block in equal)


def draw(n, seed):
    """Pages at random, no more of a family (git-*, perl*) than of a page that stands alone."""
    families = {}
    for path in sorted(glob.glob("/usr/share/man/man*/*")):
        if not os.path.islink(path):
            family = re.split(r"[-_:.]", os.path.basename(path))[0]
            families.setdefault(family, []).append(path)
    random.seed(seed)
    chosen = random.sample(sorted(families), min(n, len(families)))
    return [random.choice(families[family]) for family in chosen]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    carrel = os.path.abspath(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    pages = draw(n, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with tempfile.TemporaryDirectory() as folder:
        names = {"%05d-%s" % (i, os.path.basename(path)): path for i, path in enumerate(pages)}
        for name, path in names.items():
            os.symlink(path, os.path.join(folder, name))
        found = shown.sources(carrel, list(names), folder)
    pages = []
    for name, path in names.items():
        theirs = of_groff(path)
        if theirs:
            lost = missing(theirs, words(found.get(name, "")))
            pages.append((100 * (1 - lost / len(theirs)), lost, len(theirs), path))
    if not pages:
        sys.exit("no pages: are groff and manual pages installed?")
    pages.sort()
    shares = [page[0] for page in pages]
    total = sum(page[2] for page in pages)
    print("%d pages, words of groff's that are there: median %.2f %%, 5th percentile %.2f %%, "
          "worst %.2f %%" % (len(pages), shares[len(pages) // 2], shares[len(pages) // 20], shares[0]))
    print("%d words, %.3f %% missing" % (total, 100 * sum(page[1] for page in pages) / total))
    for share, lost, size, path in pages[:5]:
        print("%6.2f %%  %5d of %5d missing  %s" % (share, lost, size, path))


if __name__ == "__main__":
    main()
