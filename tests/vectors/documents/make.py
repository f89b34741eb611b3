#!/usr/bin/env python3
"""Makes the documents in this folder: small, ours, the same bytes each time. The .txt beside each is
what a reader is to see; it is written by hand."""
import os
import zipfile

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def pack(name, entries):
    with zipfile.ZipFile(name, "w") as archive:
        for path, text in entries:
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            stored = path == "mimetype"
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, text)


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"


def w(root, body):
    return (f'<?xml version="1.0" encoding="UTF-8"?><w:{root} xmlns:w="{W}" xmlns:r="{R}" '
            f'xmlns:mc="{MC}" xmlns:wp="{WP}">{body}</w:{root}>')


def p(text, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def item(text, number, level):
    return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def cell(text, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


docx_body = (
    p("The Manual", '<w:pStyle w:val="Titel"/>')
    + p("Erste", '<w:pStyle w:val="berschrift1"/>')
    + '<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t xml:space="preserve">One '
    + '</w:t></w:r><w:r><w:t>tw</w:t></w:r><w:r><w:t>o</w:t><w:tab/><w:t>three</w:t><w:br/>'
    + "<w:t>four</w:t></w:r>"
    + '<w:ins w:id="1"><w:r><w:t xml:space="preserve"> added</w:t></w:r></w:ins>'
    + '<w:del w:id="2"><w:r><w:delText>gone</w:delText></w:r></w:del>'
    + '<w:moveFrom w:id="3"><w:r><w:t>moved</w:t></w:r></w:moveFrom>'
    + '<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>.</w:t></w:r>'
    + '<w:r><w:commentReference w:id="0"/></w:r></w:p>'
    + item("alpha", 1, 0) + item("beta", 1, 1) + item("gamma", 1, 1) + item("delta", 1, 0)
    + item("point", 2, 0)
    + p("Second", '<w:pStyle w:val="Sub"/>')
    + '<w:p><w:hyperlink r:id="rId7"><w:r><w:t>the site</w:t></w:r></w:hyperlink><w:r>'
    + '<w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r><w:r>'
    + '<w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve"> 7</w:t></w:r><w:r>'
    + '<w:fldChar w:fldCharType="end"/></w:r></w:p>'
    + "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>" + cell("Name")
    + cell("Sum", '<w:gridSpan w:val="2"/>') + "</w:tr><w:tr>"
    + cell("a", '<w:vMerge w:val="restart"/>') + cell("1") + cell("2") + "</w:tr><w:tr>"
    + "<w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc>" + cell("3") + cell("4") + "</w:tr></w:tbl>"
    + "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>" + p("in a box")
    + "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" + p("in a box")
    + '</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>behind</w:t></w:r></w:p>'
    + '<w:p><w:r><w:drawing><wp:docPr id="1" name="x" descr="A cat"/></w:drawing></w:r>'
    + '<w:r><w:endnoteReference w:id="2"/></w:r></w:p>'
)
styles = (
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Base"><w:name w:val="mine"/><w:pPr>'
    '<w:outlineLvl w:val="1"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Sub"><w:name w:val="yours"/>'
    '<w:basedOn w:val="Base"/></w:style>'
)
numbering = (
    '<w:abstractNum w:abstractNumId="5"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
    '<w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/>'
    '<w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="6"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/>'
    '<w:lvlText w:val="&#xF0B7;"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="6"/></w:num>'
)
relations = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId7" Type="x" Target="https://example.org/" TargetMode="External"/>'
    "</Relationships>"
)
docx = [
    ("[Content_Types].xml", "<Types/>"),
    ("word/document.xml", w("document", f"<w:body>{docx_body}</w:body>")),
    ("word/styles.xml", w("styles", styles)),
    ("word/numbering.xml", w("numbering", numbering)),
    ("word/_rels/document.xml.rels", relations),
    ("word/footnotes.xml", w("footnotes", '<w:footnote w:id="2">' + p("the note") + p("on")
                             + "</w:footnote>")),
    ("word/endnotes.xml", w("endnotes", '<w:endnote w:id="2">' + p("the end") + "</w:endnote>")),
    ("word/comments.xml", w("comments", '<w:comment w:id="0" w:author="Ana">' + p("why?")
                            + "</w:comment>")),
    ("word/header1.xml", w("hdr", p("Confidential"))),
    ("word/header2.xml", w("hdr", p("Confidential"))),
]
pack("manual.docx", docx)

OD = "urn:oasis:names:tc:opendocument:xmlns:"
NAMES = "".join(f' xmlns:{n}="{OD}{u}:1.0"' for n, u in [
    ("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"),
    ("draw", "drawing"), ("svg", "svg-compatible")])
NAMES += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
list_style = (
    '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
    'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" '
    'style:num-format="a" style:num-suffix=")" text:start-value="3"/></text:list-style>'
)
odt_body = (
    "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
    "</text:changed-region></text:tracked-changes>"
    '<text:h text:outline-level="1">The Manual</text:h>\n  '
    "<text:p>One<text:s text:c=\"2\"/>two<text:tab/>three<text:line-break/>four <text:span>fi</text:span>"
    "ve<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>the note</text:p>"
    "<text:p>on</text:p></text:note-body></text:note>.<office:annotation><dc:creator>Ana</dc:creator>"
    "<dc:date>2020-01-01</dc:date><text:p>why?</text:p></office:annotation></text:p>"
    '<text:list text:style-name="L1"><text:list-item><text:p>alpha</text:p><text:list><text:list-item>'
    "<text:p>beta</text:p></text:list-item><text:list-item><text:p>gamma</text:p></text:list-item>"
    "</text:list></text:list-item><text:list-item><text:p>delta</text:p></text:list-item></text:list>"
    '<text:list text:style-name="None"><text:list-item><text:p>point</text:p></text:list-item>'
    "</text:list>"
    '<text:h text:outline-level="2">Second</text:h>'
    '<text:p><text:a xlink:href="https://example.org/">the site</text:a></text:p>'
    "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Name</text:p>"
    '</table:table-cell><table:table-cell table:number-columns-spanned="2"><text:p>Sum</text:p>'
    "</table:table-cell><table:covered-table-cell/></table:table-row></table:table-header-rows>"
    '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>a</text:p>'
    "</table:table-cell><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell>"
    "<text:p>2</text:p></table:table-cell></table:table-row><table:table-row>"
    "<table:covered-table-cell/><table:table-cell><text:p>3</text:p></table:table-cell>"
    "<table:table-cell><text:p>4</text:p></table:table-cell></table:table-row></table:table>"
    "<text:p>behind<draw:frame><svg:title>x</svg:title><svg:desc>A cat</svg:desc></draw:frame></text:p>"
)
content = (
    f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{NAMES}>'
    f"<office:automatic-styles>{list_style}</office:automatic-styles>"
    f"<office:body><office:text>{odt_body}</office:text></office:body></office:document-content>"
)
odt_styles = (
    f"<office:document-styles{NAMES}><office:master-styles><style:master-page><style:header>"
    "<text:p>Confidential</text:p></style:header></style:master-page></office:master-styles>"
    "</office:document-styles>"
)
pack("manual.odt", [("mimetype", "application/vnd.oasis.opendocument.text"),
                    ("content.xml", content), ("styles.xml", odt_styles)])
with open("manual.fodt", "w", encoding="utf-8") as flat:
    flat.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document{NAMES} '
               'office:mimetype="application/vnd.oasis.opendocument.text">'
               f"<office:automatic-styles>{list_style}</office:automatic-styles>"
               f"<office:body><office:text>{odt_body}</office:text></office:body></office:document>\n")

container = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)


def package(version, items, spine, toc=""):
    manifest = "".join(f'<item id="{i}" href="{h}" media-type="{m}"{x}/>' for i, h, m, x in items)
    refs = "".join(f'<itemref idref="{i}"/>' for i in spine)
    return (f'<package xmlns="http://www.idpf.org/2007/opf" version="{version}"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title></metadata>'
            f"<manifest>{manifest}</manifest><spine{toc}>{refs}</spine></package>")


def chapter(body):
    return ('<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html '
            f'xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title><script src="a.js"/></head><body>'
            f"{body}</body></html>")


XHTML = "application/xhtml+xml"
one = chapter('<a id="top"/><p>It was&nbsp;a dark <br/>night &eacute;<![CDATA[ & <b>]]>.</p>')
two = chapter('<h1>Chapter Two</h1><p>The end.</p><img src="x.png" alt="A cat"/>')
pack("book3.epub", [
    ("mimetype", "application/epub+zip"), ("META-INF/container.xml", container),
    ("OEBPS/book.opf", package("3.0", [
        ("n", "nav.xhtml", XHTML, ' properties="nav"'), ("b", "text/tw%C3%B6.xhtml", XHTML, ""),
        ("a", "text/one.xhtml", XHTML, "")], ["a", "b"])),
    ("OEBPS/nav.xhtml", chapter('<nav><ol><li><a href="text/one.xhtml#top">Chapter <i>One</i></a></li>'
                                '<li><a href="text/one.xhtml#x">Part</a></li></ol></nav>')),
    ("OEBPS/text/one.xhtml", one), ("OEBPS/text/twö.xhtml", two),
    ("OEBPS/fonts/a.otf", "\0\1"),
    ("META-INF/encryption.xml", '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
     '<enc:EncryptedData><enc:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
     "</enc:EncryptedData></encryption>"),
])
ncx = (
    '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
    '<text>Chapter One</text></navLabel><content src="text/one.xhtml"/></navPoint></navMap></ncx>'
)
pack("book2.epub", [
    ("mimetype", "application/epub+zip"), ("META-INF/container.xml", container),
    ("OEBPS/book.opf", package("2.0", [
        ("ncx", "toc.ncx", "application/x-dtbncx+xml", ""), ("a", "text/one.xhtml", XHTML, ""),
        ("b", "./text/../text/two.xhtml", XHTML, "")], ["a", "b"], ' toc="ncx"')),
    ("OEBPS/toc.ncx", ncx), ("OEBPS/text/one.xhtml", one), ("OEBPS/text/two.xhtml", two),
])
