"""Where a quote ends."""

import re

MAX_QUOTE_CHARS = 150

_ABBREVIATIONS = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|resp|approx|no|fig|sec|ch|p|pp|dr|mr|st|incl|ver|vol|ed)|\b[A-Z]"
    r"|\b(?:example|step|table|figure|chapter|section|part|note|item|rule) \d+|(?:^|\n)\s*\d+)$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][)\]'”’]*(?=\s|$)")
_ITEM = re.compile(
    r"\s*(?:-{1,2}[\w?]|[*•o+-]\s|\d{1,4}[.)]?\s|#|//|/\*|[A-Za-z_][\w.-]{0,30}\s*[=:]\s|\.\.|"
    r"[|<@])"
)


def _sentence_end(text, start, limit):
    for match in _SENTENCE_END.finditer(text, start, limit):
        if text[match.start()] != "." or not _ABBREVIATIONS.search(
            text, max(0, match.start() - 14), match.start()
        ):
            return match.end()
    return None


def quote_end(text, start, need, head_indent=None):
    """The end of the quote that begins at `start` and has to reach beyond `need`, or None.

    The first of: the end of a sentence, a blank line, the end of a line before another item, a `"`.
    """
    limit = len(text)
    quote = text.find('"', start)
    if quote >= 0:
        limit = min(limit, quote)
    blank = re.compile(r"\n[ \t]*(?:\n|$)").search(text, max(start, need))
    if blank:
        limit = min(limit, blank.start())
    sentence = _sentence_end(text, max(start, need), limit)
    if sentence:
        limit = min(limit, sentence)
    limit = _end_at_item(text, start, need, limit, head_indent)
    if limit - start > MAX_QUOTE_CHARS:
        limit = shorter(text, start, need, start + MAX_QUOTE_CHARS)
        if limit is None:
            return None
    if limit == quote and n_words(text[max(start, need - 3) : limit]) < 3:
        return None  # most of what it says is behind the `"`
    while limit > start and text[limit - 1] in " \t\n(":
        limit -= 1
    return limit if limit > need else None


def _end_at_item(text, start, need, limit, head_indent):
    at = text.find("\n", max(start, need))
    while 0 <= at < limit:
        next_end = text.find("\n", at + 1)
        following = text[at + 1 : next_end if next_end >= 0 else len(text)]
        body = following.expandtabs(8)
        indent = len(body) - len(body.lstrip())
        if _ITEM.match(following) or (head_indent is not None and indent <= head_indent):
            return at
        at = next_end
    return limit


def shorter(text, start, need, limit):
    """A quote that is too long ends with a line, or a clause."""
    for stop in ("\n", ";", ",", ":"):
        at = text.rfind(stop, need + 12, limit)
        if at >= 0:
            return at
    return None


WORD = re.compile(r"[A-Za-z][A-Za-z'-]*[A-Za-z]")


def n_words(text):
    return len(WORD.findall(text))
