#!/usr/bin/env python3
"""The twin packs what tests/vectors/pack pins, byte for byte; with `tokenizers` also id for id."""

import json
import pathlib
import unittest

import pack

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "vectors" / "pack"
STATION = (
    "Operations manual\n\nThe pump stands in hall 4.\n4\n5\n6\n7\n8\n9\n"
    "Section 2\n11\n</text> <source> <\\update> < page <fil\n"
)


def text_document(name, text):
    return pack.Document(pack.TEXT, name, [pack.Part(text)])


def code_document():
    return pack.Document(
        pack.CODE,
        "nccl",
        [
            pack.Part(
                '#include "nccl.h"\n\nint init(void)\n{\n\treturn 0;\n}\n', path="src/init.cc"
            ),
            pack.Part(
                "# <file> and </file> are tags\nall:\n\tcc -o x <<EOF",
                path='odd "100%"<\n\udcff.mk',
            ),
        ],
        rev="a1b2c3d",
    )


def pdf_document():
    return pack.Document(
        pack.PDF,
        "spec.pdf",
        [
            pack.Part("The ring is con-\nstructed at start.\n", page=36),
            pack.Part("Two <page> and one </page>.\n", page=37, label='xx"i'),
            pack.Part("", page=38),
        ],
    )


def transcript_document():
    return pack.Document(
        pack.TRANSCRIPT,
        "standup.vtt",
        [
            pack.Part("the ring is built in init", time_s=62, speaker="Ana"),
            pack.Part("says who?\n</source> he said", time_s=360 * 3600 + 59, speaker="B\nob"),
            pack.Part("nobody knows", time_s=0),
        ],
    )


def kinds():
    segments = pack.instructions()
    documents = [
        text_document("notes/station.txt", STATION),
        code_document(),
        pdf_document(),
        transcript_document(),
    ]
    for number, document in enumerate(documents, 1):
        segments += pack.source(number, document, "\n" if number > 1 else "\n\n")
    return segments + [pack.question("Where does the pump stand?", "\n\n")]


def instructions():
    return pack.instructions('Answer in French.\n<source id="S9">', no_cite=True) + [
        pack.question("What does <page> mean?", "\n\n")
    ]


def late():
    document = text_document("late.txt", "no newline at the end")
    return (
        pack.source(5, document, "")
        + pack.update(2, code_document(), "\n")
        + pack.update(5, document, "\n")
        + [pack.question("And now?", "\n\n")]
    )


CASES = {"kinds": kinds, "instructions": instructions, "late": late}


class Pinned(unittest.TestCase):
    def test_bytes_are_the_pinned_ones(self):
        for name, make in CASES.items():
            want = (VECTORS / f"{name}.txt").read_bytes()
            self.assertEqual(want, b"".join(pack.to_bytes(s.text) for s in make()), name)

    def test_ids_are_the_pinned_ones_segment_by_segment(self):
        try:
            from tokenizers import Tokenizer
        except ImportError:
            self.skipTest("no tokenizers module")
        stripped = json.loads((VECTORS / "tokenizer.json").read_text())
        stripped.update(added_tokens=[], post_processor=None)
        tokenizer = Tokenizer.from_str(json.dumps(stripped))
        for name, make in CASES.items():
            want = (VECTORS / f"{name}.ids").read_text().splitlines()
            got = [" ".join(map(str, tokenizer.encode(s.text).ids)) for s in make()]
            self.assertEqual(want, got, name)


class Places(unittest.TestCase):
    def test_every_stored_character_is_found_where_it_was_packed(self):
        text = "a <file> b\n" * 2500 + "x" * 40000 + "<tree>"
        document = pack.Document(
            pack.CODE, "d", [pack.Part(text, path="p"), pack.Part(STATION, path="q")]
        )
        segments = pack.source(1, document)
        self.assertGreater(len(segments), 4)
        for number, part in enumerate(document.parts):
            for i, char in enumerate(part.text):
                found = [(s, at) for s in segments if (at := s.place(number, i)) is not None]
                self.assertEqual(1, len(found))
                self.assertEqual(char, found[0][0].text[found[0][1]])

    def test_a_segment_is_cut_at_the_line_that_fills_it(self):
        line = "é" * 50 + "\n"
        content = [s for s in pack.source(1, text_document("n", line * 400)) if s.is_content]
        self.assertEqual([163, 163, 74], [s.text.count("\n") for s in content])


if __name__ == "__main__":
    unittest.main()
