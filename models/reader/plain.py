"""Plain text out of manual pages, HTML and info files, as a terminal would show it."""

import re
import subprocess
import textwrap
from html.parser import HTMLParser
from pathlib import Path

WIDTH_COLS = 78
OVERSTRIKE = re.compile(r".\x08")
TYPEWRITTEN = str.maketrans("‐−‘’“”\u00a0", "--''\"\" ")
SILENT = {"script", "style", "nav", "head", "footer", "noscript", "select", "button", "svg"}
BLOCK = {
    "p", "div", "section", "article", "ul", "ol", "dl", "dt", "dd", "li", "table", "tr", "h1", "h2",
    "h3", "h4", "h5", "h6", "blockquote", "main", "body", "hr", "tbody", "thead",
}
NAVIGATION = re.compile(
    r"\b(navigation|navheader|navfooter|nav-wrapper|sphinxsidebar|related|headerlink|breadcrumbs"
    r"|footer)\b"
)


def man_to_text(raw: bytes, mandoc: Path) -> str:
    """A manual page set by mandoc; "" for a page that only points to another."""
    if re.match(rb"\s*\.so\s", raw):
        return ""
    done = subprocess.run(
        [mandoc, "-Tutf8", "-O", f"width={WIDTH_COLS}"], input=raw, capture_output=True
    )
    text = OVERSTRIKE.sub("", done.stdout.decode("utf-8", "replace"))
    # Typographic signs would split words that readers type in ASCII.
    return text.translate(TYPEWRITTEN)


def info_to_text(text: str) -> str:
    """An info file without its node separators and tag table."""
    text = re.sub(r"\x1f\nTag Table:.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\x1f\n?File: [^\n]*\n", "\n", text)
    return text.replace("\x1f", "").replace("\x0c", "")


class Page(HTMLParser):
    """Collects paragraphs: filled at WIDTH_COLS, with <pre> left as it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self.words: list[str] = []
        self.lead = ""
        self.silent = ""  # the tag within which nothing is read, and how deep it stands in itself
        self.silent_depth = 0
        self.pre = 0
        self.lists = 0

    def paragraph_end(self) -> None:
        text = "".join(self.words)
        self.words = []
        if self.pre:
            if text.strip():
                self.paragraphs.append(text.strip("\n"))
            return
        text = " ".join(text.replace("¶", "").split())
        if text:
            indent = "  " * max(0, self.lists)
            self.paragraphs.append(textwrap.fill(
                text, WIDTH_COLS, initial_indent=indent + self.lead,
                subsequent_indent=indent + " " * len(self.lead),
                break_long_words=False, break_on_hyphens=False,
            ))
            self.lead = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if self.silent:
            self.silent_depth += tag == self.silent
            return
        marks = " ".join(value or "" for name, value in attrs if name in ("class", "role"))
        if tag in SILENT or NAVIGATION.search(marks) and tag != "body":
            self.silent = tag
            self.silent_depth = 1
        elif tag == "br":
            self.words.append("\n")
        elif tag in BLOCK or tag == "pre":
            self.paragraph_end()
            if tag == "pre":
                self.pre += 1
            elif tag == "li":
                self.lead = "- "
            elif tag in ("ul", "ol", "dd"):
                self.lists += 1
        elif tag in ("td", "th"):
            self.words.append("  ")

    def handle_endtag(self, tag: str) -> None:
        if self.silent:
            self.silent_depth -= tag == self.silent
            if self.silent_depth == 0:
                self.silent = ""
        elif tag in BLOCK or tag == "pre":
            self.paragraph_end()
            if tag == "pre":
                self.pre = max(0, self.pre - 1)
            elif tag == "li":
                self.lead = ""
            elif tag in ("ul", "ol", "dd"):
                self.lists = max(0, self.lists - 1)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def html_to_text(text: str) -> str:
    page = Page()
    page.feed(text)
    page.close()
    page.paragraph_end()
    return "\n\n".join(page.paragraphs) + "\n"
