#!/usr/bin/env python3
"""Writes tests/vectors/pdf/*.pdf: small PDFs of every kind that the PDF reader tells apart, and
hostile ones. Needs nothing but the Python standard library; the same bytes every time."""

import hashlib
import os
import zlib

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pdf")
FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def stream(data, entries="", pack=False):
    """The body of a stream object."""
    if isinstance(data, str):
        data = data.encode("latin-1")
    if pack:
        data = zlib.compress(data, 9)
        entries += " /Filter /FlateDecode"
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries.encode(), data)


class Pdf:
    """Objects by number: 1 is the catalog, 2 the root of the page tree, 3 the common font."""

    def __init__(self):
        self.objects = {3: FONT}
        self.pages = []
        self.next = 4
        self.catalog = ""
        self.encrypt = None

    def add(self, body):
        number = self.next
        self.next += 1
        self.objects[number] = body
        return number

    def page(self, content, fonts="/F1 3 0 R", resources="", entries="", pack=False):
        body = content if isinstance(content, bytes) and b"stream" in content else stream(content, pack=pack)
        text = self.add(body)
        self.pages.append(
            self.add(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
                "/Resources << /Font << %s >> %s >> %s >>" % (text, fonts, resources, entries)
            )
        )
        return self.pages[-1]

    def lines(self, lines, **more):
        return self.page(show(lines), **more)

    def bytes(self, tail=""):
        kids = " ".join("%d 0 R" % n for n in self.pages)
        self.objects.setdefault(
            2, "<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(self.pages))
        )
        self.objects[1] = "<< /Type /Catalog /Pages 2 0 R %s >>" % self.catalog
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        at = {}
        for number in sorted(self.objects):
            body = self.objects[number]
            if isinstance(body, str):
                body = body.encode("latin-1")
            if self.encrypt and number != self.encrypt.number:
                body = self.encrypt.apply(number, body)
            at[number] = len(out)
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        size = max(self.objects) + 1
        out += b"xref\n0 %d\n0000000000 65535 f \n" % size
        for number in range(1, size):
            if number in at:
                out += b"%010d 00000 n \n" % at[number]
            else:
                out += b"0000000000 65535 f \n"
        ident = " /ID [<%s> <%s>]" % ("41" * 16, "41" * 16)
        if self.encrypt:
            ident += " /Encrypt %d 0 R" % self.encrypt.number
        out += ("trailer\n<< /Size %d /Root 1 0 R%s%s >>\nstartxref\n%d\n%%%%EOF\n" % (
            size, ident, tail.replace("@XREF@", str(start)), start)).encode()
        return bytes(out)


def show(lines, font="F1", size=12):
    """A content stream with one line below the other; bytes are shown as they are."""
    out = ["BT /%s %d Tf 72 720 Td 15 TL" % (font, size)]
    for line in lines:
        line = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        out.append("(%s) Tj T*" % line)
    return "\n".join(out + ["ET"])


def to_unicode(pairs, width=1):
    rows = "".join("<%0*x> <%s>\n" % (2 * width, code, text) for code, text in pairs)
    return stream(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /X def /CMapType 2 def\n1 begincodespacerange <%s> <%s> endcodespacerange\n"
        "%d beginbfchar\n%sendbfchar\nendcmap end end" % ("00" * width, "ff" * width, len(pairs), rows)
    )


def mapped_font(pdf, pairs):
    """A font whose codes mean what `pairs` says: (code, UTF-16 in hexadecimal)."""
    cmap = pdf.add(to_unicode(pairs))
    return pdf.add(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FirstChar 32 /LastChar 126 /Widths [%s] "
        "/ToUnicode %d 0 R >>" % (" ".join(["600"] * 95), cmap)
    )


# ---- encryption: the standard security handler, revision 2 (PDF 1.7, 7.6.3) ----

PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def rc4(key, data):
    s = list(range(256))
    j = 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) & 255
        s[i], s[j] = s[j], s[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + s[i]) & 255
        s[i], s[j] = s[j], s[i]
        out.append(byte ^ s[(s[i] + s[j]) & 255])
    return bytes(out)


class Encrypt:
    def __init__(self, pdf, user, owner):
        owner_key = hashlib.md5((owner + PAD)[:32]).digest()[:5]
        o = rc4(owner_key, (user + PAD)[:32])
        flags = (-4).to_bytes(4, "little", signed=True)
        self.key = hashlib.md5((user + PAD)[:32] + o + flags + b"A" * 16).digest()[:5]
        u = rc4(self.key, PAD)
        self.number = pdf.add(
            "<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <%s> /U <%s> >>" % (o.hex(), u.hex())
        )

    def apply(self, number, body):
        """Encrypts a stream; strings outside streams do not occur in what is encrypted here."""
        head, found, rest = body.partition(b"\nstream\n")
        if not found:
            return body
        data = rest[: -len(b"\nendstream")]
        key = hashlib.md5(self.key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]
        return head + b"\nstream\n" + rc4(key, data) + b"\nendstream"


# ---- what people have ----

PROSE = [
    "The ring is built once, when the communicator is created, and every",
    "later call uses it as it is. A broken link is found by the watchdog.",
]


def manual():
    """Labels i, ii, 1, 2; an outline with destinations by page and by name; a ligature; a hyphen."""
    pdf = Pdf()
    ligature = mapped_font(
        pdf, [(c, "%04x" % c) for c in range(32, 127) if c != 35] + [(35, "fb01")]
    )
    first = pdf.lines(["Operations manual", ""] + PROSE)
    pdf.lines(["Preface", "", "This manual says what to do when the pump stops."])
    third = pdf.lines(
        ["1 Start", "", "Before the #rst start, open the re-", "lief valve and wait for the #lter."],
        fonts="/F1 %d 0 R" % ligature,
    )
    fourth = pdf.lines(["2 Stop", "", "Close the valve.", "2.1 Drain", "Open the tap."])
    names = pdf.add("<< /Names [(drain) [%d 0 R /XYZ 72 660 0]] >>" % fourth)
    root = pdf.next
    one, two, inner, lost = root + 1, root + 2, root + 3, root + 4
    pdf.add("<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count 3 >>" % (one, lost))
    pdf.add("<< /Title (1 Start) /Parent %d 0 R /Next %d 0 R /Dest [%d 0 R /Fit] >>" % (root, two, third))
    pdf.add(
        "<< /Title <FEFF0032002000530074006F0070> /Parent %d 0 R /Prev %d 0 R /Next %d 0 R /First %d 0 R "
        "/Last %d 0 R /Count 1 /A << /S /GoTo /D [%d 0 R /Fit] >> >>" % (root, one, lost, inner, inner, fourth)
    )
    pdf.add("<< /Title (2.1 Drain) /Parent %d 0 R /Dest (drain) >>" % two)
    pdf.add("<< /Title (Nowhere) /Parent %d 0 R /Prev %d 0 R /Dest (nowhere) >>" % (root, two))
    pdf.catalog = (
        "/Outlines %d 0 R /Names << /Dests %d 0 R >> /PageLabels << /Nums [0 << /S /r >> 2 << /S /D >>] >>"
        % (root, names)
    )
    assert first
    return pdf.bytes()


def broken_words():
    """A word that goes on behind a line end."""
    pdf = Pdf()
    pdf.lines(["Open the valve when the pump has stop-", "ped and the gauge shows nothing."])
    return pdf.bytes()


def image(pdf):
    return pdf.add(
        stream(
            b"\x80" * 64,
            "/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray",
        )
    )


def scan(pages):
    """`pages`: t for text, s for scanned, e for empty."""
    pdf = Pdf()
    picture = image(pdf)
    for i, kind in enumerate(pages):
        if kind == "s":
            pdf.page("q 612 0 0 792 0 0 cm /I Do Q", resources="/XObject << /I %d 0 R >>" % picture)
        elif kind == "e":
            pdf.page("")
        else:
            pdf.lines(["Text of sheet %d" % (i + 1)] + PROSE)
    return pdf.bytes()


def encrypted(user):
    pdf = Pdf()
    pdf.lines(["A secret that a password keeps"] + PROSE)
    pdf.encrypt = Encrypt(pdf, user, b"owner")
    return pdf.bytes()


def cjk():
    """Japanese in Shift-JIS by a predefined CMap: needs poppler-data."""
    pdf = Pdf()
    down = pdf.add(
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Ryumin-Light /CIDSystemInfo << /Registry (Adobe) "
        "/Ordering (Japan1) /Supplement 2 >> /FontDescriptor << /Type /FontDescriptor /FontName /Ryumin-Light "
        "/Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 /Descent -200 /StemV 80 >> /DW 1000 >>"
    )
    font = pdf.add(
        "<< /Type /Font /Subtype /Type0 /BaseFont /Ryumin-Light-90ms-RKSJ-H /Encoding /90ms-RKSJ-H "
        "/DescendantFonts [%d 0 R] >>" % down
    )
    lines = ["吾輩は猫である。", "名前はまだ無い。"]
    shown = "\n".join("<%s> Tj T*" % line.encode("cp932").hex() for line in lines)
    pdf.page("BT /F1 12 Tf 72 720 Td 15 TL\n%s\nET" % shown, fonts="/F1 %d 0 R" % font)
    return pdf.bytes()


def right_to_left():
    """Hebrew as PDF has it: in the order of sight."""
    pdf = Pdf()
    letters = "שלום עולם"
    alphabet = sorted(set(letters) - {" "})
    font = mapped_font(
        pdf, [(32, "0020")] + [(65 + i, "%04x" % ord(c)) for i, c in enumerate(alphabet)]
    )
    line = "".join(" " if c == " " else chr(65 + alphabet.index(c)) for c in reversed(letters))
    pdf.lines([line], fonts="/F1 %d 0 R" % font)
    return pdf.bytes()


def unmapped():
    """Glyphs by number, and nothing that says what they mean."""
    pdf = Pdf()
    down = pdf.add(
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Odd /CIDSystemInfo << /Registry (Adobe) "
        "/Ordering (Identity) /Supplement 0 >> /FontDescriptor << /Type /FontDescriptor /FontName /Odd "
        "/Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 /Descent -200 /StemV 80 >> /DW 500 >>"
    )
    font = pdf.add(
        "<< /Type /Font /Subtype /Type0 /BaseFont /Odd /Encoding /Identity-H /DescendantFonts [%d 0 R] >>" % down
    )
    glyphs = "".join("%04x" % (3 if g % 6 == 0 else g) for g in range(40, 70))  # 3: a space
    pdf.page("BT /F1 12 Tf 72 720 Td <%s> Tj ET" % glyphs, fonts="/F1 %d 0 R" % font)
    return pdf.bytes()


def private_use():
    pdf = Pdf()
    font = mapped_font(pdf, [(c, "%04x" % (0xF000 + c)) for c in range(33, 127)])
    pdf.lines(["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"], fonts="/F1 %d 0 R" % font)
    return pdf.bytes()


def odd_characters(code):
    """One letter of a page means something that is no character: a NUL, half a surrogate pair."""
    pdf = Pdf()
    font = mapped_font(
        pdf, [(c, "%04x" % c) for c in range(32, 127) if c != 35] + [(35, "%04x" % code)]
    )
    pdf.lines(["Before the odd one # here", "and the words behind it stay."], fonts="/F1 %d 0 R" % font)
    return pdf.bytes()


# ---- hostile ----


def tree_cycle():
    pdf = Pdf()
    page = pdf.lines(["The only page"])
    pdf.objects[2] = "<< /Type /Pages /Kids [%d 0 R 2 0 R 2 0 R] /Count 3 >>" % page
    return pdf.bytes()


def tree_deep(levels):
    pdf = Pdf()
    page = pdf.lines(["At the bottom"])
    first = pdf.next
    for i in range(levels):
        kid = first + i + 1 if i + 1 < levels else page
        pdf.add("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % kid)
    pdf.objects[2] = "<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % first
    return pdf.bytes()


def many_claimed():
    pdf = Pdf()
    page = pdf.lines(["The only page"])
    pdf.objects[2] = "<< /Type /Pages /Kids [%d 0 R] /Count 2000000000 >>" % page
    return pdf.bytes()


def no_pages():
    return Pdf().bytes()


def xref_loop():
    pdf = Pdf()
    pdf.lines(["Round and round"])
    return pdf.bytes(tail=" /Prev @XREF@")


def form_bomb(depth, width):
    """Forms that draw the next one `width` times: width^depth lines of text."""
    pdf = Pdf()
    first = pdf.next
    for i in range(depth):
        if i + 1 < depth:
            body, more = "/X Do " * width, "/XObject << /X %d 0 R >>" % (first + i + 1)
        else:
            body, more = "BT /F1 9 Tf 72 720 Td (x) Tj ET", "/Font << /F1 3 0 R >>"
        pdf.add(stream(body, "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << %s >>" % more))
    pdf.page("/X Do", resources="/XObject << /X %d 0 R >>" % first)
    return pdf.bytes()


def form_cycle():
    pdf = Pdf()
    form = pdf.next
    pdf.add(
        stream(
            "BT /F1 9 Tf 72 720 Td (Again) Tj ET /X Do",
            "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> "
            "/XObject << /X %d 0 R >> >>" % form,
        )
    )
    pdf.page("/X Do", resources="/XObject << /X %d 0 R >>" % form)
    return pdf.bytes()


def inflating(megabytes):
    """A page whose contents inflate a thousandfold."""
    pdf = Pdf()
    pdf.page(stream(b" " * (megabytes << 20) + show(["Behind much space"]).encode(), pack=True))
    return pdf.bytes()


def outline_cycle():
    pdf = Pdf()
    page = pdf.lines(["A page whose bookmarks go round"])
    root = pdf.next
    pdf.add("<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count 2 >>" % (root + 1, root + 2))
    pdf.add("<< /Title (Tick) /Parent %d 0 R /Next %d 0 R /Dest [%d 0 R /Fit] >>" % (root, root + 2, page))
    pdf.add(
        "<< /Title (Tock) /Parent %d 0 R /Next %d 0 R /First %d 0 R /Last %d 0 R /Count 1 /Dest [%d 0 R /Fit] >>"
        % (root, root + 1, root + 1, root + 1, page)
    )
    pdf.catalog = "/Outlines %d 0 R" % root
    return pdf.bytes()


def broken_stream():
    """Three pages; the second one's compressed text has a hole."""
    pdf = Pdf()
    pdf.lines(["A page that is whole"] + PROSE)
    packed = zlib.compress(show(["line %d of many" % i for i in range(40)]).encode(), 9)
    hurt = packed[:60] + b"\xff" * 24 + packed[84:]
    pdf.page(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(hurt), hurt))
    pdf.lines(["Another page that is whole"] + PROSE)
    return pdf.bytes()


def missing_page():
    """The page tree names an object that is not there."""
    pdf = Pdf()
    pdf.lines(["A page that is there"] + PROSE)
    pdf.pages.append(900)
    pdf.lines(["Another page that is there"] + PROSE)
    return pdf.bytes()


def table():
    """Its cells in columns that are far from each other, which reading order takes for text columns."""
    rows = [("Valve", "Size", "Torque"), ("V-1", "DN 50", "41 Nm"), ("V-2", "DN 80", "73 Nm"),
            ("V-3", "DN 100", "98 Nm"), ("V-4", "", "120 Nm")]
    pdf = Pdf()
    cells = []
    for column, x in enumerate((72, 260, 450)):
        for row, texts in enumerate(rows):
            cells.append("BT /F1 12 Tf %d %d Td (%s) Tj ET" % (x, 720 - 15 * row, texts[column]))
    pdf.page("\n".join(cells))
    return pdf.bytes()


def truncated():
    whole = scan("tttttt")
    return whole[: len(whole) * 6 // 10]


FILES = {
    "manual": manual,
    "broken_words": broken_words,
    "mixed": lambda: scan("tsstestt"),
    "scanned": lambda: scan("ssss"),
    "blank": lambda: scan("ee"),
    "locked": lambda: encrypted(b"user"),
    "unlocked": lambda: encrypted(b""),
    "cjk": cjk,
    "right_to_left": right_to_left,
    "unmapped": unmapped,
    "private_use": private_use,
    "nul": lambda: odd_characters(0),
    "surrogate": lambda: odd_characters(0xD800),
    "no_pages": no_pages,
    "tree_cycle": tree_cycle,
    "tree_deep": lambda: tree_deep(600),
    "many_claimed": many_claimed,
    "xref_loop": xref_loop,
    "form_bomb": lambda: form_bomb(12, 10),
    "form_cycle": form_cycle,
    "inflating": lambda: inflating(24),
    "outline_cycle": outline_cycle,
    "broken_stream": broken_stream,
    "missing_page": missing_page,
    "table": table,
    "truncated": truncated,
}

if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for name, make in FILES.items():
        with open(os.path.join(OUT, name + ".pdf"), "wb") as file:
            file.write(make())
