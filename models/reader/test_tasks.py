#!/usr/bin/env python3
"""What every training row promises, on rows made of this repository's own texts."""

import pathlib
import re
import tempfile
import unittest

import entries
from quotes import quote_end

try:
    import numpy as np
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    import sources
    from conversation import ABSENT
    import tasks
    import windows
except ImportError:
    tasks = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ["README.md", "man/*.scd", "session/*.h", "session/*.c", "models/reader/*.py"]
SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def entry_of(text, kind, family="text"):
    return next(e for e in entries.find_entries(text, "/x", family) if e.kind == kind)


class Rules(unittest.TestCase):
    def quote(self, text, kind, family="text"):
        entry = entry_of(text, kind, family)
        return entry.anchor, text[entry.start : entry.end]

    def test_an_option_is_quoted_from_its_names_to_the_end_of_the_sentence(self):
        text = (
            "OPTIONS\n       -q, --quiet\n              Say less. Or nothing.\n\n"
            "       -v  Say more\n"
        )
        self.assertEqual(
            ("--quiet", "-q, --quiet\n              Say less."), self.quote(text, "option")
        )

    def test_a_number_below_exit_status_is_a_status(self):
        text = "EXIT STATUS\n       0   All went well.\n\n       3   It does not fit.\n"
        found = [e for e in entries.find_entries(text, "/x", "text") if e.kind == "status"]
        self.assertEqual(["0", "3"], [e.anchor for e in found])
        self.assertEqual("3   It does not fit.", text[found[1].start : found[1].end])

    def test_a_quote_ends_before_a_quotation_mark_the_next_item_and_a_blank_line(self):
        for text in (
            'port: the one to use "here"',
            "port: the one to use\n- other",
            "port: the one to use\n\nx",
        ):
            self.assertEqual(20, quote_end(text, 0, 8))

    def test_a_sentence_does_not_end_with_an_abbreviation(self):
        text = "Use it, e.g. at home. Then stop."
        self.assertEqual("Use it, e.g. at home.", text[: quote_end(text, 0, 4)])

    def test_a_definition_is_a_whole_line_of_code(self):
        text = "/* adds */\nint add(int a, int b)\n{\n\treturn a + b;\n}\n"
        self.assertEqual(("add", "int add(int a, int b)"), self.quote(text, "function", "code"))


@unittest.skipIf(tasks is None, "no numpy or no tokenizers module")
class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        paths = sorted(path for pattern in TEXTS for path in ROOT.glob(pattern))
        cls.files = []
        for path in paths:
            text = path.read_text()
            family = "code" if path.suffix in entries.CODE_SUFFIXES else "text"
            cls.files.append(
                windows.File(
                    "carrel", path.name, text, family, windows._index(text, family, path.name)
                )
            )
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(SPLIT), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator(
            [f.text for f in cls.files],
            trainers.BpeTrainer(
                vocab_size=1500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
            ),
        )
        tokenizer.add_special_tokens(["<|end|>"])
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            tokenizer.save(file.name)
            cls.encoder = sources.Encoder(file.name)

    def rows(self, seed, length=1024, n=12):
        return tasks.make_rows(tasks.TaskMaker(self.files, self.encoder, seed), length, n)

    def rounds(self, ids):
        """The packed text, and (question, answer) of every round that is whole."""
        system, *rest = re.split(f" {tasks.USER} ", " ".join(map(str, ids.tolist())))
        decode = lambda part: self.encoder.tokenizer.decode([int(i) for i in part.split()])
        whole = []
        for part in rest:
            if part.count(f" {tasks.END}") == 2:  # the last one may be cut
                question, answer = part.split(f" {tasks.END} {tasks.READER} ")
                whole.append((decode(question), decode(answer.rsplit(f" {tasks.END}", 1)[0])))
        return decode(" ".join(system.split()[2:-1])), whole

    def test_the_same_seed_makes_the_same_rows_and_another_does_not(self):
        one, two, three = self.rows(1), self.rows(1), self.rows(2)
        self.assertTrue(np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1]))
        self.assertFalse(np.array_equal(one[0], three[0]))

    def test_a_quote_stands_word_for_word_behind_the_line_that_it_names(self):
        n_cited = 0
        for ids in self.rows(3)[0]:
            packed, rounds = self.rounds(ids)
            for _, answer in rounds:
                if answer == ABSENT:
                    continue
                cited = re.findall(r'\[S(\d+) (\S+) "([^"]+)"\]', answer)
                self.assertEqual(
                    answer, " ".join(f'[S{n} {at} "{words}"]' for n, at, words in cited)
                )
                for number, at, words in cited:
                    self.check_place(packed, number, at, words)
                    n_cited += 1
        self.assertGreater(n_cited, 50)

    def check_place(self, packed, number, at, words):
        source = packed[packed.index(f'<source id="S{number}"') :].split("</source>")[0]
        if at.startswith("p."):
            body = source[source.index(f'<page n="{at[2:]}"') :].split("</page>")[0]
        elif re.fullmatch(r"\d+:\d\d:\d\d", at):
            body = source[source.index(f"[{at}]") :]
        else:
            path, line = at.rsplit(":", 1)
            place = f'path="{path}"' if 'kind="code"' in source else f'name="{path}"'
            body = "\n" + source[source.index(place) :].split("</file>")[0]
            body = body[body.index(f"\n{line}|") :].split(f"\n{int(line) // 10 * 10 + 10}|")[0]
        self.assertIn(words, body)

    def test_answers_and_sources_count_and_questions_and_instructions_do_not(self):
        for ids, weight in zip(*self.rows(4)):
            answering, n_answer = False, 0
            first_user = int(np.argmax(ids == tasks.USER))
            for token, w in zip(ids.tolist(), weight.tolist()):
                if token in (tasks.USER, tasks.SYSTEM):
                    answering = False
                self.assertEqual(w == tasks.ANSWER, answering)
                n_answer += answering
                if token == tasks.END:
                    answering = False
                answering = answering or token == tasks.READER
            self.assertTrue(n_answer and (weight[:first_user] == tasks.SOURCE).any())
            self.assertFalse((weight[first_user:] == tasks.SOURCE).any())

    def test_text_never_becomes_a_special_token(self):
        ids = self.encoder.ids("a <|end|> b")
        self.assertEqual("a <|end|> b", self.encoder.tokenizer.decode(ids))
        self.assertGreater(len(ids), 5)

    def test_no_two_rounds_of_a_row_ask_the_same(self):
        for ids in self.rows(5)[0]:
            asked = [question for question, _ in self.rounds(ids)[1]]
            self.assertEqual(len(set(asked)), len(asked))

    def test_some_rounds_ask_for_what_is_not_there(self):
        answers = [a for ids in self.rows(6, n=30)[0] for _, a in self.rounds(ids)[1]]
        share = sum(a == ABSENT for a in answers) / len(answers)
        self.assertTrue(0.15 < share < 0.31, share)


if __name__ == "__main__":
    unittest.main()
