#!/usr/bin/env python3
"""Compares the text of PDFs as carrel shows it with that of pdftotext (poppler-utils), page by page:
the same words in the same order.

usage: pdf_compare.py CARREL FILE.pdf...

Prints a line for each file, and one for all; exits 1 where a file has fewer than 99.5 % of its pages
equal. A page that carrel leaves out, and says so, is compared as a page without words.
"""
import re
import subprocess
import sys

BAR = 99.5


def words(text):
    return text.split()


def of_pdftotext(path):
    run = subprocess.run(["pdftotext", path, "-"], capture_output=True)
    pages = run.stdout.decode("utf-8", "replace").split("\f")
    return [words(page) for page in pages[:-1]]


def of_carrel(carrel, path):
    """Pages by number, and what is said on stderr."""
    run = subprocess.run([carrel, "count", "--show", path], capture_output=True)
    pages = {}
    own = None
    for line in run.stdout.decode("utf-8", "replace").split("\n"):
        head = re.fullmatch(r'<page n="(\d+)"(?: label="[^"]*")?>', line)
        if head:
            own = pages.setdefault(int(head.group(1)), [])
        elif line == "</page>":
            own = None
        elif own is not None:
            # The pack's escape: a tag in the text has one backslash more.
            own.append(re.sub(r"<(\\*)\\(/?(?:source|file|page|tree|text|update))", r"<\1\2", line))
    return {n: words("\n".join(lines)) for n, lines in pages.items()}, run.stderr.decode("utf-8", "replace")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    equal_all = pages_all = below = refused = 0
    for path in sys.argv[2:]:
        theirs = of_pdftotext(path)
        ours, said = of_carrel(sys.argv[1], path)
        if not theirs or not any(theirs):
            refused += 1
            print("   no text  %s: %s" % (path, said.strip().split("\n")[0]))
            continue
        different = [i + 1 for i, page in enumerate(theirs) if ours.get(i + 1, []) != page]
        equal = len(theirs) - len(different)
        share = 100 * equal / len(theirs)
        below += share < BAR
        equal_all += equal
        pages_all += len(theirs)
        note = " (page %s)" % ", ".join(map(str, different[:8])) if different else ""
        print("%7.2f %%  %5d of %5d pages  %s%s" % (share, equal, len(theirs), path, note), flush=True)
        if different and said:
            print("           %s" % said.strip().split("\n")[0])
    if pages_all:
        print("%7.2f %%  %5d of %5d pages in all; %d without any text" % (
            100 * equal_all / pages_all, equal_all, pages_all, refused))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
