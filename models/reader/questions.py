"""Turns an entry into a question: what a person would ask to be shown that line."""

import re

import phrasings as ph
from sentences import SENTENCES
from topics import find_topic
from words import NUMBER_WORDS, ORDINALS, STOPWORDS, SYNONYMS, VERBS

_FORM_WORDS = {
    "called",
    "named",
    "known",
    "written",
    "created",
    "developed",
    "made",
    "note",
    "warning",
    "avoid",
    "never",
    "because",
}
_SUBJECTS = {
    "you",
    "the",
    "a",
    "an",
    "your",
    "this",
    "these",
    "there",
    "all",
    "any",
    "no",
    "more",
    "both",
    "it",
    "they",
    "we",
    "i",
}
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_'-]*[A-Za-z0-9]")


def content_words(text):
    return [w for w in WORD.findall(text) if w.lower() not in STOPWORDS and len(w) > 2]


class Asker:
    """Words questions about entries; `rng` decides how."""

    def __init__(self, rng):
        self.rng = rng

    # ---- the name that is asked about ----

    def dress(self, anchor, kind):
        """An anchor as people type it."""
        rng, draw = self.rng, self.rng.random()
        if kind == "option" and draw < 0.07 and len(anchor.strip("-")) > 2:
            return anchor.strip("-")
        if kind in ("term", "is", "heading-text", "command") and draw < 0.25:
            return anchor.lower()
        if kind in ("heading-text",) and draw < 0.5:
            anchor = anchor.capitalize()
        if kind in ("status", "number") and draw < 0.18 and anchor.isdigit() and int(anchor) < 13:
            return NUMBER_WORDS[int(anchor)]
        if kind in ("setting",) and draw < 0.12:
            return re.sub(r"[_-]", " ", anchor)
        if kind in ("status", "number", "step"):
            return anchor
        draw = rng.random()
        if draw < 0.13:
            return f"`{anchor}`"
        if draw < 0.24:
            return f'"{anchor}"'
        if draw < 0.29:
            return f"'{anchor}'"
        if draw < 0.33 and kind == "function":
            return f"{anchor}()"
        if draw < 0.35 and len(anchor) > 5 and anchor.isalpha():
            return self._misspell(anchor)
        return anchor

    def _misspell(self, word):
        k = self.rng.randrange(1, len(word) - 2)
        return self.rng.choice(
            [word[:k] + word[k + 1 :], word[:k] + word[k + 1] + word[k] + word[k + 2 :]]
        )

    # ---- the sentence around it ----

    def fill(self, templates, where, must_say=False, **slots):
        """One of `templates`, in somebody's manner; `where` is the program or file meant."""
        rng = self.rng
        template = rng.choice(templates) if isinstance(templates, list) else templates
        text = ph.expand(template, rng).strip()
        says = "{p}" in text
        if not says and where and (must_say or rng.random() < 0.16):
            text, says = text + ph.expand(rng.choice(ph.WHERE), rng), True
        is_question = re.match(
            (
                r"(what|which|who|how|when|where|why|is|are|does|do|did|can|may|could|to|in|by|"
                r"under|since|on|has)\b"
            ),
            text,
        )
        opener = ""
        if rng.random() < 0.1:
            opener = ph.expand(rng.choice(ph.OPENERS if is_question else ph.OPENERS[-5:]), rng)
        if "{p}" in opener and (says or not where):
            opener = ""
        end = (
            "?"
            if is_question and rng.random() < 0.8
            else rng.choice(["", "", ".", "?"] if not is_question else ["", "", "."])
        )
        if text.endswith("?"):
            end = ""
        text = opener + text + (ph.expand(ph.CLOSER, rng) if rng.random() < 0.05 else "") + end
        slots["p"] = where
        for name, value in slots.items():
            text = text.replace("{" + name + "}", value)
        return self._case(text, slots)

    def _case(self, text, slots):
        draw = self.rng.random()
        if (
            draw < 0.65
            and text[0].islower()
            and not any(v and text.startswith(v) for v in slots.values())
        ):
            return text[0].upper() + text[1:]
        if draw > 0.985:
            return text.upper() if all(v == v.lower() or " " in v for v in slots.values()) else text
        return text

    # ---- by kind ----

    def direct(self, entry, where, must_say):
        """Asks by the entry's name."""
        if entry.kind == "section":
            return self.section(entry, where, must_say)
        if entry.kind == "fact":
            return None
        name = entry.anchor
        if entry.kind == "option":
            name = self.rng.choice(entry.detail["names"] + [entry.anchor])
        kind = entry.kind
        if kind not in ph.TEMPLATES:
            return None
        slots = {"x": self.dress(name, kind)}
        if kind == "step":
            number = int(name)
            slots["nth"] = ORDINALS[number] if number < len(ORDINALS) else f"{number}th"
        return self.fill(ph.TEMPLATES[kind], where, must_say, **slots)

    def default(self, entry, where, must_say):
        """Asks what holds when an option is not given."""
        name = self.rng.choice(entry.detail["names"])
        return self.fill(ph.TEMPLATES["default"], where, must_say, x=self.dress(name, "option"))

    def section(self, entry, where, must_say):
        topic = find_topic(entry.anchor)
        if topic and self.rng.random() < 0.85:
            return self.fill(topic[1], where, must_say)
        if len(entry.anchor) > 45:
            return None
        return self.fill(
            ph.TEMPLATES["heading-text"],
            where,
            must_say,
            x=self.dress(entry.anchor, "heading-text"),
        )

    def inverse(self, entry, where, must_say):
        """Asks for the name by what it does, in other words."""
        noun, about = ph.INVERSE.get(entry.kind), entry.detail.get("about") or entry.detail.get(
            "comment"
        )
        if not noun or not about:
            return None
        about = re.split(r"[.;:(]|, | which | that | so that ", about)[0]
        words = about.split()[:9]
        if len(content_words(" ".join(words))) < 2 or not all(
            re.fullmatch(r"[\w'’/+-]+,?", w) for w in words
        ):
            return None
        while words and words[-1].lower().rstrip(",") in STOPWORDS:
            words.pop()
        if len(words) < 2:
            return None
        if [w.lower() for w in words[:2]] == ["do", "not"]:
            words = words[1:]
        first = words[0].lower()
        base = (
            first
            if first in VERBS or first == "not"
            else first[:-1] if first.endswith("s") and first[:-1] in VERBS else None
        )
        if base:
            words = [base] + words[1:]
            templates = ph.INVERSE_VERB
        else:
            templates = ph.INVERSE_NOUN
            if self.rng.random() < 0.3:
                words = content_words(" ".join(words))[:3]
        text = " ".join(self._other_word(w) for w in words).rstrip(",")
        text = text if text[:2].isupper() else text[0].lower() + text[1:]
        text = ph.expand(text, self.rng)
        if base is None:
            text = re.sub(
                r"^(this|the|a|an) (is|are|was|has|option|flag|command|function) ", "", text
            )
        return self.fill(templates, where, must_say, about=text, noun=ph.expand(noun, self.rng))

    def _other_word(self, word):
        other = SYNONYMS.get(word.lower())
        return other if other and self.rng.random() < 0.55 else word

    # ---- sentences ----

    _UNIT = re.compile(r"\b(\d+|two|three|four|five|six|eight|ten) ([a-z]{3,}s)\b")

    def fact(self, quote, count, where, must_say):
        """Asks about the particular words of a sentence; `count(word)` in the whole context."""
        rng = self.rng
        words = [w for w in content_words(quote) if len(w) > 3 and count(w) <= 2]
        if not words:
            return None
        natural = rng.random() < 0.65 and self._natural(quote, words, where, must_say)
        if natural:
            return natural
        if rng.random() < 0.75:
            words = words[:3]
        picked = rng.sample(words, min(len(words), rng.choice([1, 1, 2, 2, 3])))
        if len(picked) == 1 and count(picked[0]) > 1:
            return None  # it would not tell which of the two is meant
        names = " and ".join(picked) if rng.random() < 0.5 else " ".join(picked)
        kind = "about"
        unit = self._UNIT.search(quote)
        slots = {"x": names}
        if unit and rng.random() < 0.7 and unit[2] not in names:
            kind, slots["unit"] = "how-many", unit[2]
        elif re.search(r"\bdefaults?\b", quote) and rng.random() < 0.7:
            kind = "default"
        elif re.search(r"\b(19|20)\d\d\b|\b[vV]ersion \d", quote) and rng.random() < 0.6:
            kind = "when"
        elif len(picked) == 1 and rng.random() < 0.4:
            slots["x"] = self.dress(names, "word")
        if kind == "about" and rng.random() < 0.2:
            slots["x"] = slots["x"].lower()
        return self.fill(ph.TEMPLATES[kind], where, must_say, **slots)

    def _natural(self, quote, words, where, must_say):
        """A question that the form of the sentence suggests, or None."""
        sentence = " ".join(quote.split())
        fitting = [
            (match, templates)
            for pattern, templates in SENTENCES
            if (match := pattern.match(sentence))
        ]
        if not fitting:
            return None
        match, templates = self.rng.choice(fitting)
        slots = {}
        if match.re.groups:
            phrase = match[1]
            if (
                not set(content_words(phrase)) & set(words)
                or phrase.split()[0].lower() in STOPWORDS - _SUBJECTS
            ):
                return None
            phrase = ph.expand(" ".join(self._other_word(w) for w in phrase.split()), self.rng)
            slots["a"] = phrase if phrase[1:2].isupper() else phrase[0].lower() + phrase[1:]
        else:
            words = [w for w in words if w.lower() not in _FORM_WORDS]
            if not words:
                return None
            slots["x"] = " ".join(
                self.rng.sample(words, min(len(words), self.rng.choice([1, 2, 2, 3])))
            )
        unit = self._UNIT.search(sentence)
        slots["unit"] = unit[2] if unit else "units"
        return self.fill(templates, where, must_say, **slots)

    def said(self, entry, count):
        speaker, time = entry.detail["speaker"], entry.detail["time"]
        if self.rng.random() < 0.25:
            template = self.rng.choice(
                [t for t in ph.TEMPLATES["said-at"] if speaker or "{speaker}" not in t]
            )
            return self.fill(template, "", x=time, speaker=speaker or "")
        words = [w for w in content_words(entry.detail["text"]) if len(w) > 3 and count(w) <= 2]
        if not words:
            return None
        natural = self.rng.random() < 0.4 and self._natural(
            entry.detail["text"], words, "the meeting", False
        )
        if natural:
            return natural
        picked = self.rng.sample(words, min(len(words), self.rng.choice([1, 1, 2])))
        if len(picked) == 1 and count(picked[0]) > 1:
            return None
        names = " and ".join(picked)
        template = self.rng.choice(
            [t for t in ph.TEMPLATES["said"] if speaker or "{speaker}" not in t]
        )
        return self.fill(template, "the meeting", x=names, speaker=speaker or "")

    def follow_up(self, anchor, kind):
        return self.fill(ph.FOLLOW_UP, "", x=self.dress(anchor, kind))
