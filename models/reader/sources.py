"""Makes sources of windows: texts, trees of code, pages and transcripts, packed and tokenized."""

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tokenizers import Tokenizer

import entries
import pack
from quotes import quote_end


@dataclass
class Asked:
    """An entry in its place: part `part` of `source`."""

    entry: entries.Entry
    source: "Source"
    part: int

    @property
    def title(self):
        return self.source.titles[self.part]


class Encoder:
    """Text to ids, where no text can become a special token."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
        model.update(added_tokens=[], post_processor=None, truncation=None, padding=None)
        self.tokenizer = Tokenizer.from_str(json.dumps(model))

    def ids(self, text):
        return self.tokenizer.encode(text).ids

    def with_offsets(self, texts):
        return [(e.ids, e.offsets) for e in self.tokenizer.encode_batch(texts)]


_LEADING = tuple("*&$@.-_`'<([{:#~+/") + ("",)  # what one token may hold ahead of a name


class Source:
    def __init__(self, document, windows_entries, titles):
        self.document = document
        self.titles = titles  # one per part
        self.asked = [
            Asked(e, self, part) for part, found in enumerate(windows_entries) for e in found
        ]

    def pack(self, number, before, encoder):
        self.number = number
        self.segments = pack.source(number, self.document, before)
        self.encoded = encoder.with_offsets([s.text for s in self.segments])
        self.starts = [[a for a, _ in offsets] for _, offsets in self.encoded]
        self.ends = [[b for _, b in offsets] for _, offsets in self.encoded]

    def ids_and_weights(self):
        ids, weights = [], []
        for segment, (tokens, _) in zip(self.segments, self.encoded):
            ids += tokens
            weights += [1 if segment.is_content else 0] * len(tokens)
        return ids, weights

    # ---- quoting ----

    def label(self, asked):
        """What stands between `S1 ` and the quote."""
        part = self.document.parts[asked.part]
        if self.document.kind == pack.PDF:
            return f"p.{part.page}"
        if self.document.kind == pack.TRANSCRIPT:
            return pack.clock(part.time_s)
        line = 1 + part.text.count("\n", 0, asked.entry.start)
        name = part.path if self.document.kind == pack.CODE else self.document.name
        return f"{pack.attribute(name)}:{line // 10 * 10 or 1}"

    def quote(self, asked):
        """The source's own ids that spell the entry's quote, or None where that cannot be."""
        entry = asked.entry
        for k, segment in enumerate(self.segments):
            begin = segment.place(asked.part, entry.start)
            last = segment.place(asked.part, entry.end - 1)
            if begin is not None and last is not None:
                need = segment.place(asked.part, entry.need)
                return self._slice(k, begin, last + 1, begin if need is None else need)
        return None

    def _slice(self, k, begin, end, need):
        segment = self.segments[k]
        for mark in segment.marks:  # a quote holds no line number
            if begin < mark < end:
                end = mark - 1
                break
        starts, ends = self.starts[k], self.ends[k]
        first = bisect_left(starts, starts[max(0, bisect_right(starts, begin) - 1)])
        after = bisect_right(ends, end)
        while after > first and segment.text[starts[after - 1] : ends[after - 1]].isspace():
            after -= 1
        if (
            first >= after
            or ends[after - 1] <= need
            or segment.text[starts[first] : begin].strip(" \t") not in _LEADING
        ):
            return None
        text = segment.text
        if text[ends[after - 1] : end].strip(" \t\n.,;:!?)]}>'`*|-/\\"):
            return None  # a token goes on beyond the quote's last word
        if (
            '"' in text[starts[first] : ends[after - 1]]
            or len(text[begin : ends[after - 1]].strip()) < 4
        ):
            return None
        return self.encoded[k][0][first:after]


# ---- documents of every kind ----


def text_source(window):
    document = pack.Document(pack.TEXT, window.name, [pack.Part(window.text)])
    return Source(document, [window.entries], [window.title])


def code_source(windows, name, rev):
    parts, seen = [], set()
    for window in windows:
        path = window.name
        while path in seen:
            path = "src/" + path
        seen.add(path)
        parts.append(pack.Part(window.text, path=path))
    document = pack.Document(pack.CODE, name, parts, rev)
    return Source(document, [w.entries for w in windows], [w.title for w in windows])


def pdf_source(window, rng):
    """A window's paragraphs on pages."""
    paragraphs = window.text.split("\n\n")
    n_pages = max(1, min(len(paragraphs), rng.randint(2, 5)))
    page = rng.choice([1, 1, rng.randrange(1, 30), rng.randrange(1, 400)])
    shift = rng.choice([0, 0, rng.randrange(1, 20)])
    parts = []
    for k in range(n_pages):
        chunk = paragraphs[k * len(paragraphs) // n_pages : (k + 1) * len(paragraphs) // n_pages]
        label = str(page + k - shift) if shift and page + k > shift else None
        parts.append(pack.Part("\n\n".join(chunk).rstrip("\n") + "\n", page=page + k, label=label))
    stem = window.name.rsplit("/", 1)[-1].split(".")[0] or "paper"
    document = pack.Document(pack.PDF, stem + ".pdf", parts)
    found = [entries.find_entries(part.text, "x.txt", "text") for part in parts]
    title = window.title if any(e.kind == "program" for e in window.entries) else stem
    return Source(document, found, [title] * n_pages)


SPEAKERS = """Ana Ben Carla David Emma Felix Greta Hassan Ines Jonas Kim Lena Marco Nadia Omar Paula
    Quentin Rosa Sven Tara Uma Victor Wanda Xin Yusuf Zoe Alice Bob Chen Dana Erik Fatima
    Ivan Julia Karl Maria Noah Olga Peter Ruth Sam Tom""".split()


def transcript_source(window, rng, max_chars):
    """A meeting that says the sentences of a window."""
    sentences = [
        " ".join(window.text[e.start : e.end].split()) for e in window.entries if e.kind == "fact"
    ]
    sentences = [s for s in sentences if 25 < len(s) < 200]
    if len(sentences) < 4:
        return None
    speakers = rng.sample(SPEAKERS, rng.randint(2, 4)) if rng.random() < 0.9 else [None]
    time_s, parts, used = rng.choice([0, 3, rng.randrange(4000)]), [], 0
    for sentence in sentences:
        parts.append(pack.Part(sentence, time_s=time_s, speaker=rng.choice(speakers)))
        time_s += rng.randint(2, 40)
        used += len(sentence) + 20
        if used > max_chars:
            break
    stem = rng.choice(
        ["standup", "meeting", "call", "interview", "talk", "lecture", "review", "sync", "podcast"]
    )
    name = (
        stem
        + rng.choice(["", "-" + str(rng.randrange(60)), "_notes"])
        + rng.choice([".vtt", ".srt", ".txt"])
    )
    found = []
    for part in parts:
        stop = quote_end(part.text, 0, 8) or 0
        found.append(
            [
                entries.Entry(
                    "said", "", 0, stop, {"speaker": part.speaker, "time": pack.clock(part.time_s)}
                )
            ]
            if stop > 10
            else []
        )
    return Source(pack.Document(pack.TRANSCRIPT, name, parts), found, [stem] * len(parts))
