#!/usr/bin/env python3
"""The corpus of the built-in reading model: free text out of Debian packages.

    python corpus.py --work WORK

downloads the packages that packages.txt lists, takes the text out of them and leaves

    WORK/corpus/heldout/PACKAGE/...   never trained on: the evaluation reads these
    WORK/corpus/train/PACKAGE/...
    WORK/corpus/manifest.json         package, version, licence, kind, files, bytes; one sha256

A package's folder appears whole, by a rename, and is never written again, so that a reader may
start while later packages are still on their way and an interrupted run goes on where it stopped.
Held-out packages come first; whatever a training package shares with them is left out of it.
"""

import argparse
import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plain import html_to_text, info_to_text, man_to_text

FILE_MAX_BYTES = 300_000
FILE_MIN_BYTES = 300
RAW_MAX_BYTES = 4_000_000
CHANGELOG_MAX_BYTES = 20_000
LONG_LINE_CHARS = 40    # lines this long are telling: two files that share many are copies
SHARED_HELDOUT = 0.2    # a training file that shares more long lines with held-out is dropped
SHARED_TRAIN = 0.5      # the same, against the training files already taken

# Where text lies in a package, and what a path is called in the corpus.
PLACES = [
    ("usr/share/man/", "man/"),
    ("usr/share/info/", "info/"),
    ("usr/share/doc/", "doc/"),
    ("usr/include/", "include/"),
    ("usr/share/gocode/src/", "src/"),
    ("usr/share/", "share/"),
    ("usr/lib/", "lib/"),
    ("usr/src/", "src/"),
    ("usr/sbin/", "bin/"),
    ("usr/bin/", "bin/"),
    ("lib/", "lib/"),
    ("etc/", "etc/"),
]

SOURCE_SUFFIXES = set(
    ".awk .bash .c .cc .cfg .cmake .conf .cpp .cs .el .erl .ex .go .h .hh .hpp .hrl .hs .ini .java"
    " .jl .js .kt .lua .m .m4 .md .mjs .mk .ml .mli .org .pas .php .pl .pm .pod .proto .py .pyi"
    " .r .rb .rs .rst .rules .S .scm .service .sh .socket .sql .swift .tcl .texi .timer .toml"
    " .ts .txt .vim .yaml .yml .zsh".split()
)
BINARY_SUFFIXES = set(
    ".png .jpg .jpeg .gif .svg .ico .ps .eps .pdf .woff .woff2 .ttf .eot .css .map .mo .gmo .po"
    " .pot .pyc .so .a .o .zip .bz2 .epub .db .bin .dat .inv .sgml .xml .xsl .json .csv".split()
)
HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
LICENCE_NAME = re.compile(r"copyright|copying|licen[cs]e|gpl|fdl|artistic|apache-2", re.IGNORECASE)
CHANGELOG_NAME = re.compile(r"change(s|log)|history|^news|release.?notes", re.IGNORECASE)
# Tests, generated files, translations. The last are known by a language's two letters, which costs
# us the scripts that end in .pl and .el.
JUNK_PATH = re.compile(
    r"/(locale|i18n|l10n|translations|fonts|icons|unicode|unicore|zoneinfo|lintian|__pycache__"
    r"|_static|node-gyp|dist|testdata|encodings|keymaps|charmaps|syntax|tests?|testsuite|bindings)/"
    r"|/(?!en-|in-|to-|of-|no-|on-|is-|db-|io-|os-|fs-|go-|py-)[a-z]{2}[-_][A-Z][A-Za-z]+[/.]"
    r"|[/.](ar|bg|ca|cs|da|de|el|eo|es|et|eu|fi|fr|gl|he|hr|hu|id|it|ja|ko|lt|nb|nl|pl|pt|ro|ru|sk"
    r"|sl|sv|tr|uk|vi|zh)(/|$|\.(txt|html|gz|rst))"
    r"|genindex|searchindex|py-modindex|\.(min|bundle)\.js$",
)
ENGLISH = set("the of and to is in that for this with be are not it you or".split())
# A few words of the commonest other languages that are neither English nor names in programs.
OTHER_TONGUES = set(
    "der und ist nicht mit ein le les des est une pour dans que los las para una por di il che een"
    " het voor och att som jest nie się um uma".split()
)


@dataclass
class Package:
    """One row of packages.txt."""

    name: str
    part: str     # "train" or "heldout"
    kind: str     # what the package was chosen for: manual, docs, handbook, config, source
    licence: str
    max_bytes: int


def packages_read(path: Path) -> list[Package]:
    rows = []
    for line in path.read_text().splitlines():
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        name, part, kind, max_mb, licence = fields
        rows.append(Package(name, part, kind, licence, int(float(max_mb) * 1e6)))
    rows.sort(key=lambda row: row.part != "heldout")    # stable: the list's own order otherwise
    return rows


# --- from a package to files ---------------------------------------------------------------------


def package_download(name: str, work: Path) -> Path | None:
    """The package's archive in WORK/debs, fetched by apt where it is not there yet."""
    folder = work / "debs" / name
    found = sorted(folder.glob("*.deb"))
    if not found:
        # Elsewhere first: what an interruption leaves must not pass for an archive.
        coming = folder / "coming"
        coming.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["apt-get", "-qq", "download", name], cwd=coming, capture_output=True)
        if done.returncode == 0:
            found = [path.rename(folder / path.name) for path in sorted(coming.glob("*.deb"))]
        shutil.rmtree(coming)
    return found[0] if found else None


def package_unpack(archive: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    # Source packages carry one more archive: unpack it in place.
    for inner in sorted(folder.glob("usr/src/**/*.tar.*")):
        subprocess.run(["tar", "-xf", inner, "-C", inner.parent, "--no-same-owner"], check=False)


def mandoc_find(work: Path) -> Path:
    """mandoc, which sets a manual page in a hundredth of groff's time."""
    tool = work / "tools" / "usr" / "bin" / "mandoc"
    if not tool.exists():
        archive = package_download("mandoc", work)
        if archive is None:
            sys.exit("corpus: apt-get cannot download mandoc; run apt-get update and try again.")
        package_unpack(archive, work / "tools")
    return tool


def path_in_corpus(path: str, package: str) -> str | None:
    """The short name of an unpacked path, or None where the path is not of a kind that we take."""
    for prefix, short in PLACES:
        if path.startswith(prefix):
            rest = path[len(prefix):]
            break
    else:
        return None
    if JUNK_PATH.search("/" + rest):
        return None
    rest = rest.removesuffix(".gz").removesuffix(".xz")
    pure = PurePosixPath(rest)
    if LICENCE_NAME.match(pure.name) or pure.suffix.lower() in BINARY_SUFFIXES:
        return None
    if short == "man/":
        return "man/" + pure.name if re.match(r"man\d/", rest) else None
    if pure.suffix in HTML_SUFFIXES:
        return short + str(pure.with_suffix(".txt")) if short in ("doc/", "share/") else None
    if short in ("share/", "lib/", "src/") and pure.suffix not in SOURCE_SUFFIXES:
        return None
    if short == "include/" and pure.suffix not in ("", ".h", ".hh", ".hpp"):
        return None
    if short == "doc/":
        rest = rest.removeprefix(package + "/").removeprefix("html/")
    return short + rest


def file_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(raw)
        if path.suffix == ".xz":
            return lzma.decompress(raw)
        return raw
    except (OSError, EOFError, gzip.BadGzipFile, lzma.LZMAError):
        return b""


def file_text(path: Path, short: str, mandoc: Path) -> str:
    """The file as a reader sees it, or "" where it is not text."""
    if path.stat().st_size > RAW_MAX_BYTES:
        return ""
    raw = file_bytes(path)
    if b"\0" in raw or len(raw) > RAW_MAX_BYTES:
        return ""
    if short.startswith("man/"):
        return man_to_text(raw, mandoc)
    if short.startswith("bin/") and not raw.startswith(b"#!"):
        return ""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if raw[:200].lstrip()[:1] == b"<" and re.search(r"<html|<!doctype html", text[:1000], re.I):
        return html_to_text(text)
    if short.startswith("info/"):
        return info_to_text(text)
    return text


def text_english(text: str) -> bool:
    """Code without prose passes; prose in another tongue does not."""
    words = re.findall(r"[a-zA-Zęą]+", text[:30_000].lower())
    return sum(w in OTHER_TONGUES for w in words) <= 5 + sum(w in ENGLISH for w in words) / 3


def text_worth_reading(text: str) -> bool:
    """False for tables, minified code, translations and other things that nobody reads."""
    if len(text) < FILE_MIN_BYTES:
        return False
    lines = text.splitlines()
    if max(map(len, lines)) > 2000 or len(text) / len(lines) > 240:
        return False
    dense = [c for c in text[:50_000] if not c.isspace()]
    if len(dense) < FILE_MIN_BYTES / 2 or len(text) > 4 * len(dense) and len(text) < 50_000:
        return False
    letters = sum(c.isascii() and c.isalpha() for c in dense)
    foreign = sum(not c.isascii() for c in dense)
    control = sum(not c.isprintable() for c in dense)
    if letters < 0.55 * len(dense) or foreign > 0.04 * len(dense) or control > 4:
        return False
    return text_english(text)


def text_cut(text: str, max_bytes: int) -> str:
    """At most max_bytes, ending with a whole line."""
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    return raw[: raw.rfind(b"\n", 0, max_bytes) + 1].decode()


def package_texts(row: Package, archive: Path, work: Path) -> list[tuple[str, str]]:
    """(path, text) of everything worth reading, in an order that the paths' hashes decide.

    The order matters where the package is larger than its share: what is taken is then an even
    sample of the package. Twice the share is returned, since some will prove to be copies."""
    mandoc = mandoc_find(work)
    folder = work / "unpacked" / row.name
    package_unpack(archive, folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        short = path_in_corpus(path.relative_to(folder).as_posix(), row.name)
        if short is not None:
            found.setdefault(short, path)
    control = subprocess.run(["dpkg-deb", "-f", archive], capture_output=True, check=True)
    texts = [("control", control.stdout.decode("utf-8", "replace"))]
    total_bytes = 0
    for short in sorted(found, key=lambda s: hashlib.sha256(s.encode()).digest()):
        text = file_text(found[short], short, mandoc)
        if not text_worth_reading(text):
            continue
        changelog = CHANGELOG_NAME.search(PurePosixPath(short).name) and short.startswith("doc/")
        text = text_cut(text, CHANGELOG_MAX_BYTES if changelog else FILE_MAX_BYTES)
        texts.append((short, text))
        total_bytes += len(text.encode())
        if total_bytes > 2 * row.max_bytes:
            break
    shutil.rmtree(folder, ignore_errors=True)
    return texts


# --- which files to keep -------------------------------------------------------------------------


def long_lines(text: str) -> set[int]:
    """A number for each telling line. Blanks are squeezed: two settings of a page are one page."""
    marks = set()
    for line in text.splitlines():
        words = " ".join(line.split())
        if len(words) >= LONG_LINE_CHARS:
            digest = hashlib.blake2b(words.encode(), digest_size=8).digest()
            marks.add(int.from_bytes(digest, "little"))
    return marks


class Seen:
    """What has been taken so far: telling lines of both parts, and held-out manual pages' names."""

    def __init__(self) -> None:
        self.lines: dict[str, set[int]] = {"heldout": set(), "train": set()}
        self.heldout_pages: set[str] = set()

    def add(self, part: str, short: str, text: str) -> None:
        self.lines[part] |= long_lines(text)
        if part == "heldout" and short.startswith("man/"):
            self.heldout_pages.add(short)

    def repeats(self, part: str, short: str, text: str) -> bool:
        if part == "train" and short in self.heldout_pages:
            return True
        marks = long_lines(text)
        if not marks:
            return False
        if len(marks & self.lines[part]) > SHARED_TRAIN * len(marks):
            return True
        return part == "train" and len(marks & self.lines["heldout"]) > SHARED_HELDOUT * len(marks)


def package_write(row: Package, texts: list[tuple[str, str]], seen: Seen, corpus: Path) -> int:
    """Writes what is new of the package to its folder; returns the bytes."""
    target = corpus / row.part / row.name
    part = corpus / "part" / row.name
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    total_bytes = 0
    for short, text in texts:
        size = len(text.encode())
        if total_bytes + size > row.max_bytes or seen.repeats(row.part, short, text):
            continue
        path = part / short
        if not file_write(path, text):
            continue
        seen.add(row.part, short, text)
        total_bytes += size
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(part, target)
    return total_bytes


def file_write(path: Path, text: str) -> bool:
    """False where a file already stands in the way of a folder, or the other way round."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        return False
    return True


def package_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def package_remember(row: Package, seen: Seen, corpus: Path) -> int:
    """Takes a finished package into account; returns its bytes."""
    folder = corpus / row.part / row.name
    total_bytes = 0
    for path in package_files(folder):
        raw = path.read_bytes()
        seen.add(row.part, path.relative_to(folder).as_posix(), raw.decode())
        total_bytes += len(raw)
    return total_bytes


# --- the whole -----------------------------------------------------------------------------------


def manifest_write(rows: list[Package], work: Path) -> None:
    """manifest.json; its sha256 is over (part, package, path, the file's sha256) of every file."""
    corpus = work / "corpus"
    whole = hashlib.sha256()
    packages = []
    for row in sorted(rows, key=lambda row: (row.part, row.name)):
        folder = corpus / row.part / row.name
        files = package_files(folder)
        if not files:
            continue
        total_bytes = 0
        for path in files:
            raw = path.read_bytes()
            total_bytes += len(raw)
            name = path.relative_to(corpus).as_posix()
            whole.update(f"{name}\t{hashlib.sha256(raw).hexdigest()}\n".encode())
        archive = package_download(row.name, work)
        packages.append({
            "package": row.name,
            "version": archive.name.split("_")[1].replace("%3a", ":") if archive else "",
            "licence": row.licence,
            "kind": row.kind,
            "part": row.part,
            "files": len(files),
            "bytes": total_bytes,
        })
    manifest = {"sha256": whole.hexdigest(), "packages": packages}
    temporary = corpus / "manifest.json.part"
    temporary.write_text(json.dumps(manifest, indent=1) + "\n")
    os.rename(temporary, corpus / "manifest.json")


def corpus_make(rows: list[Package], work: Path, jobs: int) -> None:
    corpus = work / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for tool in ("apt-get", "dpkg-deb", "tar"):
        if shutil.which(tool) is None:
            sys.exit(f"corpus: there is no {tool} here; the corpus is made on Debian 12.")
    mandoc_find(work)
    seen = Seen()
    total_bytes = {"heldout": 0, "train": 0}
    with ThreadPoolExecutor(4) as network, ProcessPoolExecutor(jobs) as pool:
        done = {row.name for row in rows if (corpus / row.part / row.name).is_dir()}
        archives = {
            row.name: network.submit(package_download, row.name, work)
            for row in rows if row.name not in done
        }
        waiting = {}

        def start(row: Package) -> None:
            """Hands a package to a process; a few ahead, so that memory stays small."""
            if row.name in archives:
                archive = archives[row.name].result()
                if archive is not None:
                    waiting[row.name] = pool.submit(package_texts, row, archive, work)

        ahead = 2 * jobs
        for row in rows[:ahead]:
            start(row)
        for i, row in enumerate(rows):
            if i + ahead < len(rows):
                start(rows[i + ahead])
            if row.name in done:
                size = package_remember(row, seen, corpus)
            elif row.name in waiting:
                size = package_write(row, waiting.pop(row.name).result(), seen, corpus)
            else:
                print(f"{row.name}: apt-get cannot download it; left out", file=sys.stderr)
                continue
            total_bytes[row.part] += size
            so_far = ", ".join(f"{part} {n / 1e6:.1f}" for part, n in total_bytes.items())
            print(f"{row.part:8}{row.name:40}{size / 1e6:8.2f} MB   {so_far}", flush=True)
    shutil.rmtree(corpus / "part", ignore_errors=True)
    manifest_write(rows, work)


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for all that is made")
    parser.add_argument("--packages", type=Path, default=here / "packages.txt")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    corpus_make(packages_read(args.packages), args.work.resolve(), args.jobs)


if __name__ == "__main__":
    main()
