"""The rounds about one context: questions, and answers that are made of the sources' own ids."""

import re
from collections import Counter

import entries
import pack
import quotes
import sources
from phrasings import TEMPLATES
from questions import content_words
from topics import find_topic, may_be_answered

ABSENT = "The sources do not say."
ABSENT_SHARE = 0.23  # of the rounds; with 0.17 the model answered too readily

# How often a kind is asked about, relative to how often its entries are met.
KIND_WEIGHT = {
    "option": 3.5,
    "setting": 2.5,
    "variable": 2.5,
    "status": 6.0,
    "number": 3.0,
    "step": 1.5,
    "error": 3.0,
    "signal": 3.0,
    "program": 4.0,
    "term": 2.5,
    "is": 2.0,
    "command": 2.5,
    "function": 2.0,
    "macro": 1.5,
    "constant": 1.5,
    "assignment": 0.5,
    "class": 1.5,
    "struct": 1.5,
    "field": 1.0,
    "purpose": 3.0,
    "section": 3.0,
    "fact": 0.55,
    "said": 1.5,
}


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
        if draw < ABSENT_SHARE:
            make = self._absent
        elif draw < ABSENT_SHARE + self.maker.drills:
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
        head = f'[S{asked.source.number} {asked.source.label(asked)} "'
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
            entry.detail["text"] = self.words_of(asked)
            return self.asker.said(entry, self.count), "said"
        if entry.kind == "fact":
            return self.asker.fact(self.words_of(asked), self.count, asked.title, False), "fact"
        where, must_say = asked.title, self._must_say(asked)
        if must_say is None:
            return None, None
        if (
            self.previous == entry.kind
            and entry.kind != "section"
            and not must_say
            and rng.random() < 0.35
        ):
            return self.asker.follow_up(entry.anchor, entry.kind), "follow-up"
        about = entry.detail.get("about") or ""
        if rng.random() < 0.4 and self.lower.count(about[:20].lower()) == 1:
            question = self.asker.inverse(entry, where, must_say)
            if question:
                self.previous = None
                return question, "inverse " + entry.kind
        self.previous = entry.kind
        if entry.kind == "option" and "default" in self.words_of(asked) and rng.random() < 0.5:
            return self.asker.default(entry, where, must_say), "default"
        return self.asker.direct(entry, where, must_say), entry.kind

    def words_of(self, asked):
        return asked.source.document.parts[asked.part].text[asked.entry.start : asked.entry.end]

    def _must_say(self, asked):
        """Whether the question has to name the place; None if even that would not tell."""
        entry = asked.entry
        if entry.kind == "section":
            topic = find_topic(entry.anchor)
            same = [
                a
                for a in self.pool
                if a.entry.kind == "section"
                and (
                    a.entry.anchor.lower() == entry.anchor.lower()
                    or topic
                    and find_topic(a.entry.anchor) is topic
                )
            ]
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
        head = r"(?m)^(?:\d+\|)?[ \t*`#•|]*" + re.escape(anchor) + r"(?![\w-])"
        return len(re.findall(head, self.text))

    def _overview(self):
        source = self.rng.choice(self.sources)
        headings = [a for a in source.asked if a.entry.kind == "heading"]
        if len(headings) < 2 or len({a.part for a in headings}) > 2:
            return None
        chosen = headings[: self.rng.randint(2, 4)]
        cited = [ids for a in chosen if (ids := self._cite(a))]
        if len(cited) < 2:
            return None
        blank = self.maker.encoder.ids(" ")
        ids = cited[0]
        for more in cited[1:]:
            ids = ids + blank + more
        question = self.asker.fill(TEMPLATES["overview"], source.titles[0], len(self.sources) > 1)
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
            made = (
                self._word_drill(source, part, text)
                if self.rng.random() < 0.6
                else self._line_drill(source, part, text)
            )
            if made:
                self.previous = None
                return made
        return None

    def _cite_from(self, source, part, text, start, need):
        end = quotes.quote_end(text, start, need)
        if end is None or end - start < 8:
            return None
        return self._cite(sources.Asked(entries.Entry("word", "", start, end), source, part))

    def _word_drill(self, source, part, text):
        match = quotes.WORD.search(text, text.find(" ", self.rng.randrange(len(text))) + 1)
        if (
            not match
            or not content_words(match[0])
            or len(match[0]) < 4
            or self.lower.count(match[0].lower()) != 1
        ):
            return None
        if source.document.kind == pack.CODE:  # to the end of the line
            end = text.find("\n", match.end())
            text = text[: end if end >= 0 else len(text)]
        ids = self._cite_from(source, part, text, match.start(), match.end() + 2)
        question = self.asker.fill(
            TEMPLATES["word"], source.titles[part], x=self.asker.dress(match[0], "word")
        )
        return ids and (question, ids, "word")

    def _line_drill(self, source, part, text):
        start = text.rfind("\n", 0, self.rng.randrange(len(text))) + 1
        line = text[start : text.find("\n", start) if text.find("\n", start) >= 0 else len(text)]
        words = line.split()
        if len(words) < 5:
            return None
        head = " ".join(words[: self.rng.randint(2, 4)])
        start += len(line) - len(line.lstrip())
        if '"' in head or self.text.count(head) != 1:
            return None
        ids = self._cite_from(source, part, text, start, start + len(head) + 2)
        question = self.asker.fill(TEMPLATES["goes-on"], source.titles[part], x=f'"{head}"')
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
        return self.asker.direct(
            entries.Entry(asked.entry.kind, name, 0, 0, detail), asked.title, False
        )

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
            return name[: len(name) - len(bare)] + joint.join(pieces)
        if rng.random() < 0.3:
            return name[: len(name) - len(bare)] + ending + joint + bare
        return name + joint + ending

    def _foreign(self):
        """About an entry of another document."""
        entry, where, words = self.rng.choice(self.maker.foreign)
        place = where if self.rng.random() < 0.2 else self._somewhere()
        self.previous = None
        if entry.kind == "section":
            topic = find_topic(entry.anchor)
            if topic is None:
                return (
                    self.asker.section(entry, place, False)
                    if self._is_absent(entry.anchor)
                    else None
                )
            return None if may_be_answered(topic, self.lower) else self.asker.fill(topic[1], place)
        if entry.kind in ("fact", "said"):
            rare = [w for w in content_words(words) if len(w) > 4 and self._is_absent(w)]
            if len(rare) < 2:
                return None
            return self.asker.fact(" ".join(rare), lambda word: 1, place, False)
        if not self._is_absent(entry.anchor) or len(entry.anchor.strip("-")) < 2:
            return None
        about = entry.detail.get("about") or ""
        if (
            self.rng.random() < 0.2
            and sum(self.words[w.lower()] > 0 for w in content_words(about)[:5]) <= 1
        ):
            return self.asker.inverse(entry, place, False)
        if any(not self._is_absent(name) for name in entry.detail.get("names", [])):
            return None
        return self.asker.direct(entry, place, False)
