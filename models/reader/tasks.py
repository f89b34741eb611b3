#!/usr/bin/env python3
"""Training rows of the built-in reading model: one packed context, then many rounds about it.

	tasks.py --work WORK --split train|heldout --length L --rows N --seed S --out FILE.npz
	tasks.py --work WORK --split train --length 1024 --rows 100 --seed 1 --show 3

A row is  BOS SYSTEM pack END (USER question END READER answer END)...  cut at L tokens. `weight`
says how each id counts as a target: 0 not at all, 1 source text, 2 answer.
"""
import argparse
import os
import random
import re
import sys
import time
from collections import Counter, deque

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

import entries
import pack
import sources
import windows
from questions import Asker, content_words

BOS, SYSTEM, USER, READER, END = 8184, 8186, 8187, 8188, 8189
ABSENT = "The sources do not say."
GIVEN, SOURCE, ANSWER = 0, 1, 2

# How often a kind is asked about, relative to how often its entries are met.
KIND_WEIGHT = {
    "option": 3.5, "setting": 2.5, "variable": 2.5, "status": 6.0, "number": 3.0, "step": 1.5,
    "error": 3.0, "signal": 3.0, "program": 4.0, "term": 2.5, "is": 2.0, "command": 2.5,
    "function": 2.0, "macro": 1.5, "constant": 1.5, "assignment": 0.5, "class": 1.5, "struct": 1.5,
    "field": 1.0, "purpose": 3.0, "section": 3.0, "fact": 0.55, "said": 1.5,
}
CHARS_PER_TOKEN = {"text": 3.7, "code": 3.0, "config": 3.0}


class Conversation:
    """The rounds about one context."""

    def __init__(self, maker, made):
        self.maker, self.rng, self.asker = maker, maker.rng, maker.asker
        self.sources = made
        self.text = "\n".join(s.text for source in made for s in source.segments)
        self.lower = self.text.lower()
        self.words = Counter(w.lower() for w in content_words(self.text))
        self.pool = [a for source in made for a in source.asked]
        self.names = Counter(self._key(a.entry) for a in self.pool)
        self.questions = set()
        self.used = set()
        self.again = False
        self.previous = None  # the kind that the last round asked about, for a follow-up
        self.tally = maker.tally

    @staticmethod
    def _key(entry):
        if entry.kind == "option":
            return "option", entry.anchor.lower()
        return ("section" if entry.kind == "section" else "name"), entry.anchor.lower()

    def n_askable(self):
        return sum(KIND_WEIGHT.get(a.entry.kind, 0) >= 1 for a in self.pool)

    def count(self, word):
        return self.words[word.lower()]

    def rounds(self):
        """(question, answer ids), until nothing is left to ask."""
        while made := self._round():
            yield made

    def _round(self):
        draw = self.rng.random()
        if draw < 0.17:
            make = self._absent
        elif draw < 0.17 + self.maker.drills:
            make = self._drill
        else:
            make = self._present if draw < 0.985 else self._overview
        for attempt in range(30):
            made = make() if attempt < 25 else self._drill()
            if make == self._overview and attempt:
                make = self._present
            if made and made[0] not in self.questions and 3 < len(made[0]) < 200:
                self.questions.add(made[0])
                self.tally[made[2]] += 1
                return made[0], made[1]
        return None

    # ---- answers ----

    def _absent_ids(self):
        return self.maker.encoder.ids(ABSENT)

    def _cite(self, asked):
        quote = asked.source.quote(asked)
        if quote is None:
            return None
        ids = self.maker.encoder.ids
        head = f"[S{asked.source.number} {asked.source.label(asked)} \""
        return ids(head) + quote + ids('"]')

    # ---- asking about what is there ----

    def _draw(self):
        left = [a for a in self.pool if id(a) not in self.used and a.entry.kind in KIND_WEIGHT]
        if not left:
            if not self.again:  # once more, in other words
                self.again = True
                self.used.clear()
            return None
        met = Counter(a.entry.kind for a in left)
        weights = [KIND_WEIGHT[a.entry.kind] / met[a.entry.kind] ** 0.5 for a in left]
        return self.rng.choices(left, weights)[0]

    def _present(self):
        asked = self._draw()
        if asked is None:
            return None
        self.used.add(id(asked))
        ids = self._cite(asked)
        if ids is None:
            return None
        question, kind = self._question(asked)
        return question and (question, ids, kind)

    def _question(self, asked):
        entry, rng = asked.entry, self.rng
        if entry.kind == "said":
            entry.detail["text"] = self._words_of(asked)
            return self.asker.said(entry, self.count), "said"
        if entry.kind == "fact":
            return self.asker.fact(self._words_of(asked), self.count, asked.title, False), "fact"
        where, must_say = asked.title, self._must_say(asked)
        if must_say is None:
            return None, None
        if self.previous == entry.kind and entry.kind != "section" and not must_say \
                and rng.random() < 0.35:
            return self.asker.follow_up(entry.anchor, entry.kind), "follow-up"
        about = entry.detail.get("about") or ""
        if rng.random() < 0.3 and self.lower.count(about[:20].lower()) == 1:
            question = self.asker.inverse(entry, where, must_say)
            if question:
                self.previous = None
                return question, "inverse " + entry.kind
        self.previous = entry.kind
        if entry.kind == "option" and "default" in self._words_of(asked) and rng.random() < 0.5:
            return self.asker.default(entry, where, must_say), "default"
        return self.asker.direct(entry, where, must_say), entry.kind

    def _words_of(self, asked):
        return asked.source.document.parts[asked.part].text[asked.entry.start:asked.entry.end]

    def _must_say(self, asked):
        """Whether the question has to name the place; None if even that would not tell."""
        entry = asked.entry
        if entry.kind == "section":
            topic = self.asker.topic(entry.anchor)
            same = [a for a in self.pool if a.entry.kind == "section" and (
                a.entry.anchor.lower() == entry.anchor.lower()
                or topic and self.asker.topic(a.entry.anchor) is topic)]
        else:
            if self._n_heads(entry.anchor) > max(1, self.names[self._key(entry)]):
                return None  # it stands at the head of a line that no rule has found, too
            if self.names[self._key(entry)] == 1:
                return False
            same = [a for a in self.pool if self._key(a.entry) == self._key(entry)]
        if len(same) == 1:
            return False
        return True if sum(a.title == asked.title for a in same) == 1 else None

    def _n_heads(self, anchor):
        """How many lines begin with the anchor."""
        return len(re.findall(r"(?m)^(?:\d+\|)?[ \t*`#•|]*" + re.escape(anchor) + r"(?![\w-])", self.text))

    def _overview(self):
        source = self.rng.choice(self.sources)
        headings = [a for a in source.asked if a.entry.kind == "heading"]
        if len(headings) < 2 or len({a.part for a in headings}) > 2:
            return None
        chosen = headings[:self.rng.randint(2, 4)]
        cited = [ids for a in chosen if (ids := self._cite(a))]
        if len(cited) < 2:
            return None
        blank = self.maker.encoder.ids(" ")
        ids = cited[0]
        for more in cited[1:]:
            ids = ids + blank + more
        question = self.asker.fill(_templates("overview"), source.titles[0], len(self.sources) > 1)
        return question, ids, "overview"

    # ---- easy copying ----

    def _drill(self):
        """From a rare word, or the first words of a line, on."""
        for _ in range(4):
            source = self.rng.choice(self.sources)
            part = self.rng.randrange(len(source.document.parts))
            text = source.document.parts[part].text
            if len(text) < 20:
                continue
            made = self._word_drill(source, part, text) if self.rng.random() < 0.6 \
                else self._line_drill(source, part, text)
            if made:
                self.previous = None
                return made
        return None

    def _cite_from(self, source, part, text, start, need):
        end = entries.quote_end(text, start, need)
        if end is None or end - start < 8:
            return None
        return self._cite(sources.Asked(entries.Entry("word", "", start, end), source, part))

    def _word_drill(self, source, part, text):
        match = entries.WORD.search(text, text.find(" ", self.rng.randrange(len(text))) + 1)
        if not match or len(match[0]) < 4 or self.lower.count(match[0].lower()) != 1:
            return None
        if source.document.kind == pack.CODE:  # to the end of the line
            end = text.find("\n", match.end())
            text = text[:end if end >= 0 else len(text)]
        ids = self._cite_from(source, part, text, match.start(), match.end() + 2)
        question = self.asker.fill(_templates("word"), source.titles[part], x=self.asker.dress(match[0], "word"))
        return ids and (question, ids, "word")

    def _line_drill(self, source, part, text):
        start = text.rfind("\n", 0, self.rng.randrange(len(text))) + 1
        line = text[start:text.find("\n", start) if text.find("\n", start) >= 0 else len(text)]
        words = line.split()
        if len(words) < 5:
            return None
        head = " ".join(words[:self.rng.randint(2, 4)])
        start += len(line) - len(line.lstrip())
        if '"' in head or self.text.count(head) != 1:
            return None
        ids = self._cite_from(source, part, text, start, start + len(head) + 2)
        question = self.asker.fill(_templates("goes-on"), source.titles[part], x=f'"{head}"')
        return ids and (question, ids, "goes-on")

    # ---- asking about what is not there ----

    def _absent(self):
        rng = self.rng
        made = None
        if rng.random() < 0.4:
            made = self._near_miss()
        elif self.maker.foreign:
            made = self._foreign()
        return made and (made, self._absent_ids(), "absent")

    def _is_absent(self, name):
        return name.strip("-").lower() not in self.lower

    def _somewhere(self):
        source = self.rng.choice(self.sources)
        return self.rng.choice(source.titles)

    def _near_miss(self):
        asked = self._draw()
        if asked is None or asked.entry.kind in ("section", "fact", "said", "program"):
            return None
        name = self._mutate(asked.entry.anchor)
        if not name or len(name.strip("-")) > 1 and not self._is_absent(name):
            return None
        if asked.entry.kind in ("status", "number", "step") and name in self.text:
            return None
        if self.previous == asked.entry.kind and self.rng.random() < 0.3:
            return self.asker.follow_up(name, asked.entry.kind)
        detail = {**asked.entry.detail, "names": [name]}
        self.previous = asked.entry.kind
        return self.asker.direct(entries.Entry(asked.entry.kind, name, 0, 0, detail), asked.title, False)

    def _ending(self):
        """A piece of some other name."""
        for _ in range(8):
            if self.maker.foreign:
                pieces = re.findall("[A-Za-z]{2,10}", self.rng.choice(self.maker.foreign)[0].anchor)
                if pieces:
                    return self.rng.choice(pieces).lower()
        return self.rng.choice(["file", "mode", "all", "name"])

    def _mutate(self, name):
        rng = self.rng
        if name.lstrip("-").isdigit():
            return str(int(name.lstrip("-")) + rng.choice([1, 2, 3, 7, 10, 40]))
        bare = name.lstrip("-")
        if len(bare) == 1:
            letter = rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
            return None if re.search(r"-[A-Za-z]*" + letter, self.text) else "-" + letter
        joint = "_" if "_" in bare else "-" if "-" in bare or name.startswith("--") else "_"
        ending = self._ending()
        ending = ending.upper() if bare.isupper() else ending
        if name.startswith("--") and rng.random() < 0.4:
            return "--" + (bare[3:] if bare.startswith("no-") else "no-" + bare)
        pieces = bare.split(joint)
        if len(pieces) > 1 and rng.random() < 0.6:
            pieces[rng.randrange(len(pieces))] = ending
            return name[:len(name) - len(bare)] + joint.join(pieces)
        if rng.random() < 0.3:
            return name[:len(name) - len(bare)] + ending + joint + bare
        return name + joint + ending

    def _foreign(self):
        """About an entry of another document."""
        entry, where, words = self.rng.choice(self.maker.foreign)
        place = where if self.rng.random() < 0.2 else self._somewhere()
        self.previous = None
        if entry.kind == "section":
            topic = self.asker.topic(entry.anchor)
            if topic is None:
                return self.asker.section(entry, place, False) if self._is_absent(entry.anchor) else None
            return self.asker.fill(topic, place) if self._lacks_topic(topic) else None
        if entry.kind in ("fact", "said"):
            rare = [w for w in content_words(words) if len(w) > 4 and self._is_absent(w)]
            if len(rare) < 2:
                return None
            return self.asker.fact(" ".join(rare), lambda word: 1, place, False)
        if not self._is_absent(entry.anchor) or len(entry.anchor.strip("-")) < 2:
            return None
        about = entry.detail.get("about") or ""
        if self.rng.random() < 0.2 and sum(self.words[w.lower()] > 0 for w in content_words(about)[:5]) <= 1:
            return self.asker.inverse(entry, place, False)
        if any(not self._is_absent(name) for name in entry.detail.get("names", [])):
            return None
        return self.asker.direct(entry, place, False)

    def _lacks_topic(self, topic):
        """Whether nothing in the context can answer a question of this topic."""
        from phrasings import TOPICS
        pattern = next(p for p, templates in TOPICS if templates is topic)
        stem = pattern.pattern.strip("^").strip("(").split("|")[0].lower()
        hints = [w for w in content_words(stem.replace("(", " ").replace(")", " "))]
        if any(h.lower()[:6] in self.lower for h in hints):
            return False
        return not any(a.entry.kind == "heading" and pattern.search(a.entry.anchor.upper()) for a in self.pool) \
            and not any(word in self.lower for word in _TOPIC_HINTS.get(hints[0].lower() if hints else "", ()))


_TOPIC_HINTS = {
    "author": ("written by", "@", "author", "maintain", "copyright"), "bugs": ("report", "bug", "problem", "issue"),
    "copyright": ("licen", "copyright", "(c)", "free"), "see": ("see ",), "description": ("",), "files": ("/etc", "/usr", "file"),
    "synopsis": ("usage",), "history": ("version", "release", "appeared"), "exit": ("exit", "status", "return"),
    "return": ("return",), "install": ("install", "build", "make"), "examples": ("example",), "security": ("secur", "safe", "risk"),
    "requirements": ("require", "depend", "need"), "environment": ("environ", "variable"), "contact": ("help", "@", "http", "mail", "contact"),
    "standards": ("posix", "standard", "conform"), "attributes": ("thread", "safe"),
}


def _templates(kind):
    from phrasings import TEMPLATES
    return TEMPLATES[kind]


class TaskMaker:
    """Makes rows; the same documents, tokenizer and seed make the same rows."""

    def __init__(self, documents, tokenizer, seed):
        self.rng = random.Random(seed)
        self.encoder = tokenizer if isinstance(tokenizer, sources.Encoder) else sources.Encoder(tokenizer)
        self.windows = windows.Windows(documents, self.rng)
        self.asker = Asker(self.rng)
        self.foreign = deque(maxlen=600)
        self.tally = Counter()
        self.drills = 0.1
        instructions = self.encoder.ids(pack.instructions()[0].text)
        self.opening = [BOS, SYSTEM] + instructions

    def row(self, length):
        """ids and weight, of a context that has enough to ask about."""
        while True:
            ids, weight = self._try_row(length)
            if len(ids) >= length:
                return np.array(ids[:length], np.uint16), np.array(weight[:length], np.uint8)

    def _try_row(self, length):
        self.drills = 0.14 if length <= 512 else 0.08 if length <= 1024 else 0.05
        low, high = (0.50, 0.66) if length <= 512 else (0.48, 0.60)
        budget = int(length * self.rng.uniform(low, high)) - len(self.opening)
        made, ids, weight = self._context(budget)
        while len(ids) > 0.72 * length:
            budget = int(budget * 0.8)
            made, ids, weight = self._context(budget)
        conversation = Conversation(self, made)
        if conversation.n_askable() < min(length // 128, 24):
            return [], []
        for question, answer in conversation.rounds():
            asked = [USER] + self.encoder.ids(pack.question(question).text) + [END, READER]
            ids += asked + answer + [END]
            weight += [GIVEN] * len(asked) + [ANSWER] * (len(answer) + 1)
            if len(ids) >= length:
                break
        self._remember(conversation)
        return ids, weight

    def _context(self, budget_tok):
        made = self._sources(budget_tok)
        ids, weight = list(self.opening), [GIVEN] * len(self.opening)
        for number, source in enumerate(made, 1):
            source.pack(number, "\n\n" if number == 1 else "\n", self.encoder)
            more, weights = source.ids_and_weights()
            ids += more
            weight += weights
        return made, ids + [END], weight + [GIVEN]

    def _sources(self, budget_tok):
        """One to five sources that share the budget, most of them rich in the same kind."""
        rng = self.rng
        n = rng.choices(range(1, 6), [6, 4, 2, 1, 1] if budget_tok < 900 else [3, 3, 3, 2, 2])[0]
        n = max(1, min(n, budget_tok // 180))
        shares = [rng.uniform(0.6, 1.4) for _ in range(n)]
        wanted = self.windows.kind()
        alike = rng.random() < 0.6
        made = []
        for share in shares:
            made.append(self._source(wanted, budget_tok * share / sum(shares) - 25))
            if not alike:
                wanted = self.windows.kind()
        return made

    def _source(self, wanted, budget_tok):
        rng = self.rng
        file = self.windows.file(wanted)
        family = file.family
        chars = max(250, int(budget_tok * CHARS_PER_TOKEN[family]))
        if family == "code":
            n_files = min(rng.choice([1, 1, 2, 3]), max(1, chars // 600))
            cuts = [self.windows.best(wanted, chars // n_files, "code") for _ in range(n_files)]
            name = rng.choice([cuts[0].file.package, "src", "project", "lib", "repo", cuts[0].file.package.split("-")[0]])
            rev = f"{rng.getrandbits(28):07x}" if rng.random() < 0.5 else None
            return sources.code_source(cuts, name, rev)
        window = self.windows.best(wanted, chars, family)
        draw = rng.random()
        if family == "text" and draw < 0.12:
            return sources.pdf_source(window, rng)
        if family == "text" and draw < 0.19:
            made = sources.transcript_source(self.windows.cut(window.file, 3 * chars, 0), rng, chars)
            if made:
                return made
        return sources.text_source(window)

    def _remember(self, conversation):
        """Keeps some entries, to ask about them where they are not."""
        pool = conversation.pool
        for asked in self.rng.sample(pool, min(len(pool), 14)):
            if asked.entry.kind != "heading":
                words = conversation._words_of(asked)
                self.foreign.append((asked.entry, asked.title, words))


# ---- the command ----


def show(ids, weight, encoder):
    """A row as text; answers are marked."""
    names = {BOS: "<BOS>", SYSTEM: "<SYSTEM>", USER: "\n<USER> ", READER: " <READER> ", END: "<END>"}
    out, run = [], []

    def flush():
        if run:
            out.append(encoder.tokenizer.decode(run))
            run.clear()

    for token in ids.tolist():
        if token in names:
            flush()
            out.append(names[token])
        else:
            run.append(token)
    flush()
    counts = np.bincount(weight, minlength=3)
    return "".join(out) + f"\n---- {counts[0]} given, {counts[1]} source, {counts[2]} answer tokens\n"


def make_rows(maker, length, n_rows):
    ids = np.zeros((n_rows, length), np.uint16)
    weight = np.zeros((n_rows, length), np.uint8)
    for k in range(n_rows):
        ids[k], weight[k] = maker.row(length)
    return ids, weight


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True)
    parser.add_argument("--split", choices=["train", "heldout"], required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out")
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    encoder = sources.Encoder(os.path.join(args.work, "tokenizer.json"))
    maker = TaskMaker(windows.load_files(args.work, args.split), encoder, args.seed)
    for _ in range(4):  # so that the first row, too, can ask about what stands elsewhere
        maker.row(args.length)
    maker.tally.clear()
    begin = time.monotonic()
    ids, weight = make_rows(maker, args.length, args.rows)
    took = time.monotonic() - begin
    for k in range(min(args.show, args.rows)):
        print(show(ids[k], weight[k], encoder))
    n_round = sum(maker.tally.values())
    shares = " ".join(f"{kind}:{100 * n / n_round:.1f}%" for kind, n in maker.tally.most_common())
    print(f"{args.rows} rows, {args.rows / took:.1f} per second, {n_round / args.rows:.1f} rounds each: {shares}",
          file=sys.stderr)
    if args.out:
        partial = f"{args.out}.{os.getpid()}.part"
        with open(partial, "wb") as file:
            np.savez(file, ids=ids, weight=weight)
        os.replace(partial, args.out)


if __name__ == "__main__":
    main()
