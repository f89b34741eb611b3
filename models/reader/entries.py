"""Finds what can be asked about in a text, by rules: options, settings, numbers, terms, code, ...

An entry's quote begins at or just before its anchor (the name that a question says), since a small
causal model finds a name and copies forward from there.
"""

import re
from dataclasses import dataclass, field

from quotes import MAX_QUOTE_CHARS, n_words, quote_end, shorter

CODE_SUFFIXES = {
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".hpp",
    ".py",
    ".pl",
    ".pm",
    ".sh",
    ".js",
    ".ts",
    ".go",
    ".rs",
    ".java",
    ".rb",
    ".lua",
    ".php",
    ".el",
    ".tcl",
    ".vim",
    ".m4",
    ".cmake",
    ".awk",
    ".hs",
    ".ml",
    ".scm",
}
CONFIG_SUFFIXES = {
    ".conf",
    ".cfg",
    ".ini",
    ".toml",
    ".yaml",
    ".yml",
    ".rc",
    ".properties",
    ".service",
    ".desktop",
    ".rules",
    ".list",
    ".default",
}


@dataclass
class Entry:
    kind: str
    anchor: str  # the name as it stands in the text
    start: int  # the quote is text[start:end]
    end: int
    detail: dict = field(default_factory=dict)
    need: int = 0  # a quote that does not reach beyond this says nothing


@dataclass
class Line:
    start: int
    end: int  # before the newline
    text: str
    indent: int

    @property
    def blank(self):
        return not self.text.strip()


def split_lines(text):
    lines, at = [], 0
    for raw in text.split("\n"):
        body = raw.expandtabs(8)
        lines.append(Line(at, at + len(raw), raw, len(body) - len(body.lstrip())))
        at += len(raw) + 1
    return lines


class Finder:
    """All entries of one text; `family` is code, config or text."""

    def __init__(self, text, path, family):
        self.text = text
        self.path = path
        self.lines = split_lines(text)
        self.is_code = family == "code"
        self.is_config = family == "config"
        self.entries = []
        self.taken = set()  # lines that a more telling rule has used

    def find(self):
        self.headings = [] if self.is_code else self._headings()
        if self.is_code:
            self._each(self._code)
        else:
            self._name_line()
            self._sections()
            for rule in (
                self._option,
                self._row,
                self._number,
                self._variable,
                self._setting,
                self._term,
                self._column,
                self._step,
            ):
                self._each(rule)
        self._facts()
        return self.entries

    def _each(self, rule):
        for i, line in enumerate(self.lines):
            if i not in self.taken and not line.blank and len(line.text) < 600 and rule(i, line):
                self.taken.add(i)

    def _next_text(self, i):
        """The index of the first line after i that is not blank."""
        for k in range(i + 1, min(i + 3, len(self.lines))):
            if not self.lines[k].blank:
                return k
        return None

    def _add(self, kind, anchor, start, need, head_indent=None, **detail):
        end = quote_end(self.text, start, need, head_indent)
        if end is None or len(self.text[start:end].strip()) < len(anchor) + 3:
            return False
        self.entries.append(Entry(kind, anchor, start, end, detail, need))
        return True

    # ---- headings and what stands below them ----

    def _headings(self):
        """(line, title) of every heading."""
        found = []
        for i, line in enumerate(self.lines):
            title = self._heading_at(i, line)
            if title and n_words(title):
                found.append((i, title))
                self.taken.add(i)
        return found

    def _heading_at(self, i, line):
        text = line.text.rstrip()
        if match := re.match(r"#{1,5} +(.{2,70}?)\s*#*$", text):
            return (
                match[1] if not self.is_config and not self.path.endswith((".txt", ".sh")) else None
            )
        if not 2 < len(text) < 70 or line.indent > 3:
            return None
        below = self.lines[i + 1].text.rstrip() if i + 1 < len(self.lines) else ""
        if re.fullmatch(r"([=~^*-])\1{2,}", below) and abs(len(below) - len(text)) < 8:
            self.taken.add(i + 1)
            return text.strip()
        above = not i or self.lines[i - 1].blank
        if re.fullmatch(r"[A-Z][A-Z0-9 ,/&'()_-]{2,50}", text) and above and line.indent == 0:
            return text.strip()
        if (
            re.fullmatch(r"\d+(?:\.\d+)*\.? +[A-Z][\w ,/&'()-]{2,60}", text)
            and above
            and (not below or below.isspace())
        ):
            return text.strip()
        return None

    def heading_of(self, i):
        title = ""
        for at, name in self.headings:
            if at > i:
                break
            title = name
        return title

    def _sections(self):
        for at, title in self.headings:
            start = self.lines[at].start + self.lines[at].text.find(title)
            self.entries.append(Entry("heading", title, start, start + len(title)))
            if title == "NAME":
                continue
            body = at + 1
            while body < len(self.lines) and (
                self.lines[body].blank
                or re.fullmatch(r"[=~^*-]{3,}", self.lines[body].text.strip())
            ):
                body += 1
            if body >= len(self.lines) or body > at + 4 or any(body == k for k, _ in self.headings):
                continue
            line = self.lines[body]
            if n_words(line.text) < 2 and not re.search(r"[@/<]", line.text):
                continue
            begin = line.start + len(line.text) - len(line.text.lstrip())
            self._add("section", title, begin, min(begin + 8, line.end - 1))

    def _name_line(self):
        """man pages: `ls - list directory contents`."""
        pattern = re.compile(r"\s*([\w.:+-]+(?:, [\w.:+-]+)*) (?:-|--|—|–|‐) (\S.+)$")
        for at, title in self.headings:
            body = self._next_text(at)
            if title.strip("# ").upper() == "NAME" and body is not None:
                line = self.lines[body]
                if match := pattern.match(line.text):
                    name = match[1].split(",")[0]
                    self.taken.add(body)
                    self._add(
                        "program",
                        name,
                        line.start + match.start(1),
                        line.start + match.start(2) + 5,
                    )

    # ---- rules, one line each ----

    _OPTION = re.compile(r"(?<![\w-])-{1,2}[\w?#@][\w.+-]*")
    _OPTION_LINE = re.compile(r"\s*(?:[*•-]\s+)?[`*|‘]{0,3}(-{1,2}[A-Za-z0-9?#@])")

    def _option(self, i, line):
        match = self._OPTION_LINE.match(line.text)
        if not match:
            return False
        begin = match.start(1)
        gap = re.compile(r"\s{2,}|\t|: | - |`` |\*\* ").search(line.text, begin)
        head = line.text[begin : gap.start() if gap else len(line.text)]
        names = [n.rstrip(".-+") for n in self._OPTION.findall(head)]
        names = [n for n in names if n.strip("-")]
        if not names or len(head) > 70 or head.rstrip().endswith(")") and "(" not in head:
            return False
        rest = line.text[gap.end() :] if gap else ""
        if n_words(rest) >= 2:
            need = line.start + gap.end() + 3
        else:
            below = self._next_text(i)
            if (
                below is None
                or self.lines[below].indent <= line.indent
                or n_words(self.lines[below].text) < 2
            ):
                return False
            if below > i + 1 or self._OPTION_LINE.match(self.lines[below].text):
                return False
            body = self.lines[below]
            need = body.start + len(body.text) - len(body.text.lstrip()) + 3
        return self._add(
            "option",
            max(names, key=len),
            line.start + begin,
            need,
            line.indent,
            names=names,
            about=self._about(need - 3, line.indent),
        )

    def _about(self, start, head_indent):
        """The first words of what an entry says."""
        end = quote_end(self.text, start, start + 3, head_indent)
        return " ".join(self.text[start : end or start].split())

    _NUMBER = re.compile(
        r"\s*(?:[*•-]\s+)?[`*]{0,2}(\d{1,5}|-\d{1,2}|0x[0-9a-fA-F]{1,8})[`*]{0,2}"
        r"(?:\s*[:=]\s+|\s{2,}|\t+| [-–] |\s)(?=\S)"
    )

    _STATUS = re.compile(
        r"exit (?:stat|code|val)|exits with|return (?:code|val)|status code|error code|diagnostics"
    )

    def _number(self, i, line):
        match = self._NUMBER.match(line.text)
        if not match:
            return self._number_alone(i, line)
        if n_words(line.text[match.end() :]) < 2:
            return False
        around = (
            self.heading_of(i).lower() + self.text[max(0, line.start - 500) : line.start].lower()
        )
        kind = "status" if self._STATUS.search(around) else "number"
        wide = re.search(r"\s{2,}|\t|[:=]", line.text[match.end(1) : match.end()])
        if not wide and kind == "number":
            return False
        return self._add(
            kind,
            match[1],
            line.start + match.start(1),
            line.start + match.end() + 3,
            line.indent,
            about=line.text[match.end() :].strip(),
        )

    def _number_alone(self, i, line):
        """A number with its meaning below, deeper."""
        match = re.match(r"\s*(?:[-*•] )?[*`]{0,2}(\d{1,5})[*`]{0,2}:?\s*$", line.text)
        need = self._described(i, line, match.end(1)) if match else None
        if need is None:
            return False
        around = (
            self.heading_of(i).lower() + self.text[max(0, line.start - 500) : line.start].lower()
        )
        return self._add(
            "status" if self._STATUS.search(around) else "number",
            match[1],
            line.start + match.start(1),
            need,
            line.indent,
            about=self._about(need - 3, line.indent),
        )

    _VARIABLE = re.compile(
        r"\s*(?:[*•-]\s+)?[`*$\[]{0,3}"
        r"([A-Z][A-Z0-9]*_[A-Z0-9_]+|E[A-Z0-9]{3,12}|SIG[A-Z0-9]{2,8}|[A-Z]{4,})\b"
    )

    def _variable(self, i, line):
        match = self._VARIABLE.match(line.text)
        if not match:
            return False
        name = match[1]
        kind = (
            "error"
            if re.fullmatch(r"E[A-Z0-9]{3,12}", name)
            else "signal" if name.startswith("SIG") else "variable"
        )
        need = self._described(i, line, match.end(1))
        if need is None and kind == "error" and line.indent and n_words(line.text) >= 4:
            need = line.start + match.end(1) + 8
        if need is None:
            return False
        return self._add(
            kind,
            name,
            line.start + match.start(1),
            need,
            line.indent,
            about=self._about(need - 3, line.indent),
        )

    def _described(self, i, line, head_end):
        """Where the words that describe the head of this line are well begun, or None."""
        rest = line.text[head_end:]
        gap = re.match(
            r"(?:[\w=<>()\[\]`*\"'.,/-]{0,30})(?:\s{2,}|\t|\s*[:=]\s+|\s+[-–—]+\s+|\]\s+)", rest
        )
        if gap and n_words(rest[gap.end() :]) >= 2:
            return line.start + head_end + gap.end() + 3
        below = i + 1
        if (
            len(rest) < 40
            and below < len(self.lines)
            and not self.lines[below].blank
            and self.lines[below].indent > line.indent
            and n_words(self.lines[below].text) >= 3
            and n_words(rest) < 3
        ):
            body = self.lines[below]
            return body.start + len(body.text) - len(body.text.lstrip()) + 3
        return None

    _SETTING = re.compile(
        r"\s*[#;]{0,2}\s{0,2}(?:[*•-]\s+)?[`*]{0,2}([A-Za-z_][\w./-]{1,38})[`*]{0,2}"
        r"(\s*=\s*|:\s+)(\S.*)$"
    )
    _PAIR = re.compile(r"\s*#?\s?([A-Za-z][\w-]{2,30})[ \t]+(\S+)\s*$")

    def _setting(self, i, line):
        match = self._SETTING.match(line.text)
        if match:
            sign = match[2].strip()
            if sign == ":" and n_words(match[3]) > 12 and line.indent:
                return False
            if match[3].lstrip()[0] in '"{[=@':
                return False
            return self._add(
                "setting",
                match[1],
                line.start + match.start(1),
                line.start + match.start(3),
                line.indent,
                value=match[3].strip(),
                sign=sign,
            )
        if self.is_config and (match := self._PAIR.match(line.text)):
            return self._add(
                "setting",
                match[1],
                line.start + match.start(1),
                line.start + match.start(2),
                line.indent,
                value=match[2],
                sign="=",
            )
        return False

    _DEFINED = re.compile(
        r"\s*(?:[*•+-]\s+|\.\. )?(?:\*\*|``?|‘|<b>|:)?([\w./+()<>-]+(?: [\w./+()-]+){0,3}?)"
        r"(?:\*\*|``?|’|</b>|:)?(?::|\s[-–—]{1,2}|\s{2,}[-–]|\*\*:?)\s+(\S.*)$"
    )

    def _term(self, i, line):
        match = self._DEFINED.match(line.text)
        if match and n_words(match[2]) >= 3 and re.search("[A-Za-z]{2}", match[1]):
            return self._add(
                "term",
                match[1],
                line.start + match.start(1),
                line.start + match.start(2) + 3,
                line.indent,
                about=self._about(line.start + match.start(2), line.indent),
            )
        return self._definition_list(i, line) or self._is_a(i, line)

    def _definition_list(self, i, line):
        text = line.text.strip()
        if (
            i + 1 >= len(self.lines)
            or len(text) > 40
            or text[-1] in ".,;:!?({"
            or not re.match(r"[`*‘\w/.$%@&(\[]", text)
            or len(text.split()) > 5
        ):
            return False
        body = self.lines[i + 1]
        if (
            body.blank
            or not line.indent < body.indent <= line.indent + 12
            or n_words(body.text) < 3
        ):
            return False
        if (
            i
            and not self.lines[i - 1].blank
            and self.lines[i - 1].indent == line.indent
            and len(self.lines[i - 1].text) > 50
        ):
            return False  # the last line of a paragraph
        anchor = re.match(r"[`*‘\[]*([\w./$%@&+-]+(?: [a-z][\w-]*)?)", text)
        if not anchor:
            return False
        need = body.start + len(body.text) - len(body.text.lstrip()) + 3
        begin = line.start + line.text.find(anchor[1])
        kind = (
            "command"
            if re.search("command|subcommand|action|function", self.heading_of(i).lower())
            or text.endswith(")")
            else "term"
        )
        return self._add(
            kind, anchor[1], begin, need, line.indent, about=self._about(need - 3, line.indent)
        )

    _IS_A = re.compile(
        r"(?:The |An? )?([A-Za-z][\w./+-]*(?: [a-z][\w-]*){0,2}) "
        r"(?:is|are|was|were) (?:an?|the|used|called) \w"
    )

    def _is_a(self, i, line):
        begin = len(line.text) - len(line.text.lstrip())
        if (
            i
            and not self.lines[i - 1].blank
            and not self.lines[i - 1].text.rstrip().endswith((".", ":"))
        ):
            return False
        match = self._IS_A.match(line.text, begin)
        if not match or match[1].lower() in _PRONOUNS or match[1].split()[0].lower() in _PRONOUNS:
            return False
        return self._add("is", match[1], line.start + begin, line.start + match.end())

    _ROW = re.compile(
        r"\s*\|\s*[`*]{0,2}([\w./:+-]+(?: [\w.-]+){0,2})[`*]{0,2}\s*\|\s*([^|\"]+?)\s*\|"
    )

    def _row(self, i, line):
        """A row of a table: what stands in its first column, up to the end of the second."""
        match = self._ROW.match(line.text)
        if not match or n_words(match[2]) < 1 or match.end() - match.start(1) > MAX_QUOTE_CHARS:
            return False
        start = line.start + match.start(1)
        kind = "number" if match[1].isdigit() else "term"
        self.entries.append(
            Entry(kind, match[1], start, line.start + match.end(2), {"about": match[2]})
        )
        return True

    _COLUMN = re.compile(
        r"(\s*)([A-Za-z_][\w./:+-]*(?: [a-z<\[][\w>\]-]*)?)(?:\s{2,}|\t+)([A-Za-z(].*\S)\s*$"
    )

    def _column(self, i, line):
        """Two columns: a name and what it is."""
        match = self._COLUMN.match(line.text)
        if (
            not match
            or n_words(match[3]) < 2
            or len(match[2]) > 32
            or match[2].endswith(".")
            or re.search(r"\S\s{3,}\S", match[3])
        ):
            return False
        return self._add(
            "command" if match[1] else "term",
            match[2],
            line.start + match.start(2),
            line.start + match.start(3) + 3,
            line.indent,
            about=match[3],
        )

    _STEP = re.compile(r"\s*(?:\(?(\d{1,2})[.)]|\((\d{1,2})\)) +(\S.*)$")

    def _step(self, i, line):
        match = self._STEP.match(line.text)
        if not match or n_words(match[3]) < 3:
            return False
        number = match[1] or match[2]
        begin = line.start + line.text.find(number)
        return self._add("step", number, begin, line.start + match.start(3) + 6, line.indent)

    # ---- code ----

    _CODE = [
        (
            "macro",
            re.compile(r"#\s*define\s+(?P<name>[A-Za-z_]\w{2,})(?:\([^)]*\))?\s+(?P<rest>\S.*)"),
        ),
        (
            "class",
            re.compile(
                r"\s*(?:public |abstract |final |export |static |pub )*"
                r"(?:class|interface|trait|module|package)\s+(?P<name>[A-Za-z_][\w:]*)(?P<rest>.*)"
            ),
        ),
        (
            "struct",
            re.compile(
                r"\s*(?:typedef |pub |static |const )*(?:struct|enum|union|type)\s+"
                r"(?P<name>[A-Za-z_]\w{2,})(?P<rest>[\s:{=<].*|)$"
            ),
        ),
        (
            "function",
            re.compile(
                r"\s*(?:async |export |pub(?:\([a-z]+\))? |local |static )*"
                r"(?:def|func|function|sub|fn|proc|defun|defmacro)\s+(?:\([^)]*\)\s*)?"
                r"(?P<name>[A-Za-z_][\w.:!?-]*)(?P<rest>.*)"
            ),
        ),
        (
            "function",
            re.compile(
                r"(?:[A-Za-z_][\w:<>,]*[\s*&]+){1,5}\**(?P<name>[A-Za-z_][\w:~]{2,})"
                r"(?P<rest>\s?\([^;]*)$"
            ),
        ),
        ("function", re.compile(r"(?P<name>[A-Za-z_]\w{2,})(?P<rest>\s?\([^;]*(?:\)|,)\s*\{?)$")),
        (
            "constant",
            re.compile(
                r"\s*(?:export |const |static |final |public |pub |val |var |let |local |my |"
                r"our |constexpr |unsigned |int |char |size_t )*"
                r"[$@%]?(?P<name>[A-Z][A-Z0-9_]{3,})\s*(?::\s*[\w\[\]&' ]+)?(?:\[\w*\])?"
                r"\s*(?:=|:=|\+=)\s*(?P<rest>\S.*)"
            ),
        ),
        (
            "assignment",
            re.compile(
                r"\s*(?:const |static |let |var |local |my |self\.|this\.)*[$@%]?"
                r"(?P<name>[a-z_]\w{4,})\s*=\s*(?P<rest>[^=\s].*)"
            ),
        ),
        (
            "field",
            re.compile(
                r"\s+(?:const |unsigned |static )*(?:[a-z_]\w*\s+\**)+"
                r"(?P<name>[a-z_]\w{3,})(?:\[\w*\])?;(?P<rest>\s*/[/*].*)"
            ),
        ),
    ]
    _KEYWORDS = {
        "return",
        "else",
        "while",
        "switch",
        "sizeof",
        "if",
        "for",
        "case",
        "goto",
        "delete",
        "elif",
    }

    def _code(self, i, line):
        for kind, pattern in self._CODE:
            match = pattern.match(line.text)
            if (
                match
                and match["name"] not in self._KEYWORDS
                and line.text.split()[0] not in self._KEYWORDS
            ):
                return self._definition(i, line, kind, match)
        return False

    def _definition(self, i, line, kind, match):
        begin = line.start + len(line.text) - len(line.text.lstrip())
        name_at = line.start + match.start("name")
        start = begin if name_at - begin <= 24 else name_at
        end = line.end
        quote = self.text.find('"', start, end)
        if quote >= 0:
            end = quote
            if len(re.findall(r"\w", self.text[name_at + len(match["name"]) : end])) < 6:
                return False
        if end - start > MAX_QUOTE_CHARS:
            end = shorter(self.text, start, name_at + len(match["name"]), start + MAX_QUOTE_CHARS)
        while end is not None and end > start and self.text[end - 1] in " \t\\(,":
            end -= 1
        if end is None or end < name_at + len(match["name"]) + 1:
            return False
        self.entries.append(Entry(kind, match["name"], start, end, {"comment": self._comment(i)}))
        self._docstring(i, match["name"])
        return True

    def _comment(self, i):
        """What the line above says about a definition."""
        above = self.lines[i - 1].text.strip() if i else ""
        match = re.match(r"(?://+|#+|\*|/\*+|--|;+)\s*(\w.*?)\s*(?:\*/)?$", above)
        return match[1] if match and n_words(match[1]) >= 3 else ""

    def _docstring(self, i, name):
        if i + 1 < len(self.lines):
            line = self.lines[i + 1]
            match = re.match(r"\s*[rf]?(?:\"\"\"|''')\s*(\w.*)", line.text)
            if match and n_words(match[1]) >= 3:
                start = line.start + match.start(1)
                self._add("purpose", name, start, start + 6)
                self.taken.add(i + 1)

    # ---- plain sentences ----

    _SENTENCE = re.compile(
        r"(?:(?<=[.!?]\s)|(?<=[.!?]\s\s)|(?<=\n\n)|(?<=\n\n\s{7})|(?<=\n))[ \t]*([A-Z][^\n\"]{20,})"
    )

    def _facts(self):
        """Sentences with something particular in them."""
        for match in self._SENTENCE.finditer(self.text):
            start = match.start(1)
            before = self.text[max(0, start - 40) : start].rstrip(" \t")
            if (
                before.endswith("\n")
                and not before.endswith("\n\n")
                and not before.rstrip().endswith((".", ":", "!", "?"))
            ):
                continue
            end = quote_end(self.text, start, start + 20)
            if end == len(self.text) and self.text[-1] not in ".!?":
                continue  # the cut has parted it
            if end is None or n_words(self.text[start:end]) < 5:
                continue
            self.entries.append(Entry("fact", "", start, end))


_PRONOUNS = set(
    """it this that these those there they he she we you i here if when what which who where how and
but or so as in on at all some any each both one another other such then note not for by to of with
its their his her our your my following first second only default since because while""".split()
)


def find_entries(text, path, family):
    return Finder(text, path, family).find()
