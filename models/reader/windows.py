"""The documents of a corpus, and cuts out of them."""

import os
import pickle
import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

import entries

MAX_FILE_CHARS = 400_000
INDEX_VERSION = 5  # of what entries.py finds (for drawing: an older one does no harm)


@dataclass
class File:
    package: str
    path: str  # below the package
    text: str
    family: str  # code, config or text
    index: dict  # kind -> where its entries begin, for drawing


@dataclass
class Window:
    """A cut of a file, as it is shown as (part of) a source."""

    file: File
    text: str
    name: str  # the path that is shown
    title: str  # how people call what it is about
    entries: list


def _family(path, text):
    suffix = os.path.splitext(path)[1].lower()
    if suffix in entries.CODE_SUFFIXES or text.startswith("#!"):
        return "code"
    return "config" if suffix in entries.CONFIG_SUFFIXES or "/etc/" in path else "text"


def _is_readable(text):
    """Prose or code, not data: lines of a usual length, few characters that are not ASCII."""
    n_lines = text.count("\n") + 1
    letters = sum(map(str.isalpha, text[:4000]))
    return (
        len(text) > 300
        and len(text) / n_lines < 250
        and letters > 0.4 * len(text[:4000])
        and sum(ord(c) > 127 for c in text[:4000]) < 200
    )


def _read_package(root, package):
    files = []
    folder = os.path.join(root, package)
    for path in sorted(os.path.join(d, name) for d, _, names in os.walk(folder) for name in names):
        if os.path.getsize(path) < 300:
            continue
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            text = file.read(MAX_FILE_CHARS)
        if "\0" in text or "\r" in text or text.count("\ufffd") > 3 or not _is_readable(text):
            continue
        name = os.path.relpath(path, folder)
        family = _family("/" + name, text)
        files.append(File(package, name, text, family, _index(text, family, "/" + name)))
    return files


def _index(text, family, path):
    """kind -> where its entries begin."""
    where = {}
    for entry in entries.find_entries(text, path, family):
        where.setdefault(entry.kind, []).append(entry.start)
    return {kind: np.array(sorted(starts), np.int32) for kind, starts in where.items()}


def load_files(work, split):
    """The files of a split; each package's index is made once and kept."""
    root, kept = os.path.join(work, "corpus", split), os.path.join(
        work, f"index-{INDEX_VERSION}", split
    )
    os.makedirs(kept, exist_ok=True)
    files = []
    for package in sorted(os.listdir(root)):
        files += _load_package(root, kept, package)
    return files


def _load_package(root, kept, package):
    cache = os.path.join(kept, package + ".pkl")
    stamp = os.stat(os.path.join(root, package)).st_mtime_ns
    try:
        with open(cache, "rb") as file:
            if pickle.load(file) == stamp:
                return pickle.load(file)
    except (OSError, EOFError, pickle.UnpicklingError):
        pass
    files = _read_package(root, package)
    partial = f"{cache}.{os.getpid()}"
    with open(partial, "wb") as file:
        pickle.dump(stamp, file)
        pickle.dump(files, file)
    os.replace(partial, cache)
    return files


_DULL = re.compile(r"change-?log|changes|news|control|copyright|config\.h|makefile", re.IGNORECASE)


def _weight(file, kind):
    """How often a file is drawn for a kind: those that are much alike, seldom."""
    dull = _DULL.match(file.path.rsplit("/", 1)[-1]) is not None
    return len(file.index[kind]) ** 0.6 * (0.1 if dull else 1.0)


class Windows:
    """Draws windows that are dense in entries of a wanted kind."""

    SHARES = {
        "option": 20,
        "setting": 9,
        "variable": 8,
        "status": 7,
        "number": 6,
        "step": 4,
        "error": 5,
        "signal": 2,
        "command": 10,
        "term": 12,
        "is": 3,
        "section": 9,
        "program": 5,
        "fact": 8,
        "heading": 3,
        "function": 10,
        "macro": 4,
        "constant": 4,
        "class": 3,
        "struct": 2,
        "field": 2,
        "purpose": 4,
    }

    def __init__(self, files, rng):
        self.rng = rng
        self.by_kind = {}
        for kind in self.SHARES:
            chosen = [f for f in files if kind in f.index]
            bounds = list(accumulate(_weight(f, kind) for f in chosen))
            if chosen:
                self.by_kind[kind] = (chosen, bounds)

    def kind(self):
        kinds = list(self.by_kind)
        return self.rng.choices(kinds, [self.SHARES[k] for k in kinds])[0]

    def file(self, kind):
        files, bounds = self.by_kind[kind]
        return files[min(bisect_left(bounds, self.rng.random() * bounds[-1]), len(files) - 1)]

    def best(self, kind, n_chars, family, candidates=4):
        """Of some candidates the one with most entries of the kind."""
        drawn = []
        for attempt in range(4 * candidates):
            file = self.file(kind)
            if file.family == family or attempt > 3 * candidates:
                at = int(self.rng.choice(file.index[kind]))
                drawn.append((self._n_entries(file, kind, at, n_chars), -len(drawn), file, at))
            if len(drawn) == candidates:
                break
        _, _, file, at = max(drawn, key=lambda d: d[:2])
        return self.cut(file, n_chars, at)

    @staticmethod
    def _n_entries(file, kind, at, n_chars):
        starts = file.index[kind]
        return int(np.searchsorted(starts, at + n_chars) - np.searchsorted(starts, at))

    def cut(self, file, n_chars, at):
        """About n_chars of a file, with what stands at `at` near the beginning."""
        text, start = file.text, 0
        if len(text) > n_chars and at > 200:
            back = self.rng.randrange(n_chars // 2)
            start = self._line_start(text, max(0, at - back), at)
        end = len(text)
        if start + n_chars < len(text):
            end = text.rfind("\n", start, start + n_chars) + 1
            blank = text.rfind("\n\n", start + n_chars * 4 // 5, end)
            end = blank + 1 if blank > start else end
        if end <= start:
            end = start + n_chars
        cut = text[start:end]
        name = self._name(file)
        found = entries.find_entries(cut, "/" + file.path, file.family)
        title = next((e.anchor for e in found if e.kind == "program"), None)
        return Window(file, cut, name, title or _title(name), found)

    @staticmethod
    def _line_start(text, at, before):
        """The beginning of a paragraph if there is one up to `before`, else of a line."""
        blank = text.find("\n\n", at, before)
        if blank >= 0:
            at = blank + 1
            while at < len(text) and text[at] == "\n":
                at += 1
            return at
        return text.rfind("\n", 0, before) + 1

    _STEMS = [
        "notes",
        "manual",
        "readme",
        "guide",
        "chapter",
        "page",
        "doc",
        "input",
        "report",
        "text",
        "reference",
        "part",
        "draft",
        "memo",
        "handbook",
        "tool",
        "main",
        "util",
        "lib",
        "file",
        "help",
        "intro",
        "faq",
        "usage",
        "sample",
        "core",
        "data",
        "base",
        "log",
        "misc",
    ]

    def _name(self, file):
        """The file's own name, with or without folders, or an invented one."""
        rng = self.rng
        parts = file.path.replace("\\", "/").split("/")
        draw = rng.random()
        if draw < 0.2:
            suffix = (
                os.path.splitext(file.path)[1]
                if rng.random() < 0.6
                else rng.choice([".txt", ".md", ""])
            )
            stem = rng.choice(self._STEMS)
            if rng.random() < 0.4:
                stem += rng.choice(["-", "_", ""]) + str(rng.randrange(100))
            folder = rng.choice(self._STEMS) + "/" if rng.random() < 0.25 else ""
            return folder + stem + suffix[:6]
        if draw < 0.5:
            depth = 1
        elif draw < 0.75:
            depth = rng.randint(2, 3)
        else:  # as deep as it lies, as `carrel ask QUESTION DIR` has it
            parts = [file.package, *parts]
            depth = rng.randint(3, 8)
        name = "/".join(parts[-depth:])
        return name if len(name) < 100 else parts[-1][-60:]


def _title(name):
    base = name.rsplit("/", 1)[-1]
    for _ in range(3):
        stem, suffix = os.path.splitext(base)
        if not stem or suffix[1:] not in _SUFFIXES:
            break
        base = stem
    return base


_SUFFIXES = {
    "txt",
    "md",
    "rst",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "1ssl",
    "3pm",
    "html",
    "man",
    "conf",
    "cfg",
    "ini",
    "yaml",
    "yml",
    "toml",
    "gz",
    "pod",
    "org",
    "adoc",
    "texi",
}
