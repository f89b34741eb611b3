"""The packed context, version 1: the Python twin of session/pack.c, pinned by test_pack.py.

Text is `str`; bytes that are not UTF-8 travel as surrogate escapes. What training needs beyond the
C side is where each piece of a stored text came to stand, so a segment remembers its pieces.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

CHUNK_BYTES = 16384
TEXT, CODE, PDF, TRANSCRIPT = "text", "code", "pdf", "transcript"

_FIRST = "You answer from the sources below. Quote the words that answer, then explain briefly.\n"
_CITE = 'Cite each quote as [S1 path:lines "words"], [S1 p.page "words"] or [S1 time "words"].\n'
_LAST = "If the sources do not say, answer: The sources do not say."

_TAG = re.compile(r"<(?=\\*/?(?:source|file|page|tree|text|update))")
_UNSAFE = re.compile('["<%\x00-\x1f\x7f-\x9f\udc80-\udcff]')


@dataclass
class Part:
    """A text, a file of a tree, a page or a cue."""

    text: str
    path: str | None = None
    page: int = 0
    label: str | None = None
    time_s: int = 0
    speaker: str | None = None


@dataclass
class Document:
    kind: str
    name: str
    parts: list[Part]
    rev: str | None = None


@dataclass
class Piece:
    """Stored text [start, end) of a part, copied to `at` of its segment."""

    part: int
    start: int
    end: int
    at: int


@dataclass
class Segment:
    """What is tokenized alone."""

    text: str
    pieces: list[Piece] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)  # where line numbers stand in `text`
    is_content: bool = False

    def place(self, part, position):
        """Where `position` of the stored part stands in this segment, or None."""
        k = bisect_right(self.pieces, (part, position), key=lambda p: (p.part, p.start)) - 1
        if k < 0:
            return None
        piece = self.pieces[k]
        if piece.part != part or not piece.start <= position < piece.end:
            return None
        return piece.at + position - piece.start


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def escape(text):
    """No body can hold a tag of ours."""
    return _TAG.sub(r"<\\", text)


def attribute(text):
    def percent(match):
        return "".join(f"%{byte:02X}" for byte in to_bytes(match[0]))

    return _UNSAFE.sub(percent, text)


def clock(time_s):
    return f"{time_s // 3600:02d}:{time_s // 60 % 60:02d}:{time_s % 60:02d}"


def _optional(name, value):
    return "" if value is None else f' {name}="{attribute(value)}"'


class _Writer:
    """Text on its way into segments."""

    def __init__(self):
        self.segments = []
        self._fresh()

    def _fresh(self):
        self.text, self.length, self.pieces, self.marks = [], 0, [], []
        self.stored_bytes = 0

    def add(self, text):
        self.text.append(text)
        self.length += len(text)

    def add_mark(self, line):
        self.marks.append(self.length)
        self.add(f"{line}|")

    def add_stored(self, part, text, start, end, tags):
        """Copies stored text; the ascending `tags` are the places that take a `\\`."""
        begin = start
        for tag in tags:
            if start <= tag < end:
                self._copy(part, text, begin, tag + 1)
                self.add("\\")
                begin = tag + 1
        self._copy(part, text, begin, end)

    def _copy(self, part, text, start, end):
        if start == end:
            return
        last = self.pieces[-1] if self.pieces else None
        if (
            last
            and last.part == part
            and last.end == start
            and last.at + last.end - last.start == self.length
        ):
            last.end = end
        else:
            self.pieces.append(Piece(part, start, end, self.length))
        self.add(text[start:end])
        self.stored_bytes += len(to_bytes(text[start:end]))

    def cut(self):
        if self.length:
            self.segments.append(
                Segment("".join(self.text), self.pieces, self.marks, bool(self.pieces))
            )
        self._fresh()


def _line_piece_end(text, start, end, room_bytes):
    """As much of text[start:end] as fits, whole characters."""
    if len(to_bytes(text[start:end])) <= room_bytes:
        return end
    used = 0
    for i in range(start, end):
        used += len(to_bytes(text[i]))
        if used > room_bytes:
            return i
    return end


def _write_body(writer, part, text, numbered):
    tags = [match.start() for match in _TAG.finditer(text)]
    at, line = 0, 1
    while at < len(text):
        newline = text.find("\n", at)
        line_end = len(text) if newline < 0 else newline + 1
        if numbered and (line == 1 or line % 10 == 0):
            writer.add_mark(line)
        while at < line_end:
            end = _line_piece_end(text, at, line_end, 2 * CHUNK_BYTES - writer.stored_bytes)
            writer.add_stored(part, text, at, end, tags)
            at = end
            if at < line_end:
                writer.cut()
        if writer.stored_bytes >= (1 if numbered else 2) * CHUNK_BYTES:
            writer.cut()
        line += 1


def _write_part(writer, kind, number, part):
    if kind == TEXT:
        _write_body(writer, number, part.text, True)
    elif kind == CODE:
        writer.add(f'<file path="{attribute(part.path or "")}">\n')
        _write_body(writer, number, part.text, True)
        writer.add("</file>\n")
        writer.cut()
    elif kind == PDF:
        writer.add(f'<page n="{part.page}"{_optional("label", part.label)}>\n')
        _write_body(writer, number, part.text, False)
        writer.add("</page>\n")
    elif kind == TRANSCRIPT:
        speaker = "" if part.speaker is None else attribute(part.speaker) + ": "
        writer.add(f"[{clock(part.time_s)}] {speaker}")
        _write_body(writer, number, part.text, False)
        writer.add("\n")
    if kind in (PDF, TRANSCRIPT) and writer.stored_bytes >= CHUNK_BYTES:
        writer.cut()


def instructions(system=None, no_cite=False):
    segments = [Segment(_FIRST + ("" if no_cite else _CITE) + _LAST)]
    if system is not None:
        segments.append(Segment("\n\n" + escape(system)))
    return segments


def _block(opening, document, closing):
    writer = _Writer()
    writer.add(opening)
    writer.cut()
    for number, part in enumerate(document.parts):
        _write_part(writer, document.kind, number, part)
    writer.cut()
    if document.kind == CODE and closing == "</source>":
        writer.add("<tree>\n")
        for part in document.parts:
            writer.add(attribute(part.path or "") + "\n")
        writer.add("</tree>\n")
    writer.add(closing)
    writer.cut()
    return writer.segments


def source(number, document, before="\n\n"):
    """`before`: "" at the head of a message, "\\n" after a source, else "\\n\\n"."""
    opening = (
        f'{before}<source id="S{number}" kind="{document.kind}"'
        f'{_optional("name", document.name)}{_optional("rev", document.rev)}>\n'
    )
    return _block(opening, document, "</source>")


def update(number, document, before="\n\n"):
    opening = f'{before}<update of="S{number}"{_optional("rev", document.rev)}>\n'
    return _block(opening, document, "</update>")


def question(text, before=""):
    return Segment(before + escape(text))
