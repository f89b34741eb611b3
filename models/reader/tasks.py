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
import sys
import time
from collections import Counter, deque

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

import pack
import sources
import windows
from conversation import Conversation
from questions import Asker

BOS, SYSTEM, USER, READER, END = 8184, 8186, 8187, 8188, 8189
GIVEN, SOURCE, ANSWER = 0, 1, 2

CHARS_PER_TOKEN = {"text": 3.7, "code": 3.0, "config": 3.0}


class TaskMaker:
    """Makes rows; the same documents, tokenizer and seed make the same rows."""

    def __init__(self, documents, tokenizer, seed):
        self.rng = random.Random(seed)
        self.encoder = (
            tokenizer if isinstance(tokenizer, sources.Encoder) else sources.Encoder(tokenizer)
        )
        self.windows = windows.Windows(documents, self.rng)
        self.asker = Asker(self.rng)
        self.foreign = deque(maxlen=600)
        self.tally = Counter()
        self.drills = 0.0  # share of the rounds, by the row's length
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
        share = self.rng.uniform(low, high) + self._longer(length)
        budget = int(length * share) - len(self.opening)
        made, ids, weight = self._context(budget)
        while len(ids) > min(0.85, share + 0.2) * length:
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

    @staticmethod
    def _longer(length):
        """Long rows are for finding things far away: more of them is source."""
        return 0.3 if length > 4096 else 0.24 if length > 2048 else 0.12 if length > 1024 else 0

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
            name = rng.choice(
                [
                    cuts[0].file.package,
                    "src",
                    "project",
                    "lib",
                    "repo",
                    cuts[0].file.package.split("-")[0],
                ]
            )
            rev = f"{rng.getrandbits(28):07x}" if rng.random() < 0.5 else None
            return sources.code_source(cuts, name, rev)
        window = self.windows.best(wanted, chars, family)
        draw = rng.random()
        if family == "text" and draw < 0.12:
            return sources.pdf_source(window, rng)
        if family == "text" and draw < 0.19:
            made = sources.transcript_source(
                self.windows.cut(window.file, 3 * chars, 0), rng, chars
            )
            if made:
                return made
        return sources.text_source(window)

    def _remember(self, conversation):
        """Keeps some entries, to ask about them where they are not."""
        pool = conversation.pool
        for asked in self.rng.sample(pool, min(len(pool), 14)):
            if asked.entry.kind != "heading":
                words = conversation.words_of(asked)
                self.foreign.append((asked.entry, asked.title, words))


# ---- the command ----


def show(ids, weight, encoder):
    """A row as text; answers are marked."""
    names = {
        BOS: "<BOS>",
        SYSTEM: "<SYSTEM>",
        USER: "\n<USER> ",
        READER: " <READER> ",
        END: "<END>",
    }
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
    return (
        "".join(out) + f"\n---- {counts[0]} given, {counts[1]} source, {counts[2]} answer tokens\n"
    )


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
    print(
        f"{args.rows} rows, {args.rows / took:.1f} per second, "
        f"{n_round / args.rows:.1f} rounds each: {shares}",
        file=sys.stderr,
    )
    if args.out:
        partial = f"{args.out}.{os.getpid()}.part"
        with open(partial, "wb") as file:
            np.savez(file, ids=ids, weight=weight)
        os.replace(partial, args.out)


if __name__ == "__main__":
    main()
