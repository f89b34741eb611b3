#!/usr/bin/env python3
"""Makes the reader from nothing: corpus, vocabulary, training rows, training, export, measurement.

    make.py --work WORK [--recipe cpu|gpu] [--from STEP] [--to STEP] [--minutes M]

Steps: corpus tokenizer rows train export evaluate. Each one leaves its result in WORK and is passed
over when it is there, so the same command goes on after an interruption. --minutes ends training
after so long: with --to train, for a machine that is lent by the hour. The model is written to
WORK/RECIPE.gguf.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recipes import RECIPES, Recipe

HERE = Path(__file__).parent
STEPS = ["corpus", "tokenizer", "rows", "train", "export", "evaluate"]
ROWS_PER_FILE = {512: 2000, 1024: 2000, 2048: 800, 4096: 400, 8192: 200}


def run(program: str, *arguments: object) -> None:
    status = subprocess.run([sys.executable, HERE / program, *map(str, arguments)]).returncode
    if status:
        raise SystemExit(f"make.py: {program} failed; mend what it says and run the same again")


def make_corpus(work: Path, _: argparse.Namespace) -> None:
    run("corpus.py", "--work", work)


def make_tokenizer(work: Path, arguments: argparse.Namespace) -> None:
    if (work / "tokenizer.json").exists():
        return
    extra = ["--from-model", arguments.vocabulary_of] if arguments.vocabulary_of else []
    run("tokenizer.py", "--work", work, *extra)


def files_of_rows(recipe: Recipe) -> list[tuple[int, int]]:
    """(length, number) of every file of rows that a recipe reads."""
    begin, wanted = 0.0, Counter()
    for mix, end in recipe.lengths:
        for length, share in mix.items():
            wanted[length] += share * recipe.tokens * (end - begin) / length
        begin = end
    files = []
    for length, rows in sorted(wanted.items()):
        files += [(length, i) for i in range(int(rows / ROWS_PER_FILE[length]) + 1)]
    return files


def make_rows(work: Path, arguments: argparse.Namespace) -> None:
    def one(file: tuple[int, int]) -> None:
        length, number = file
        out = work / "shards" / str(length) / f"{number:05d}.npz"
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            rows = ["--length", length, "--rows", ROWS_PER_FILE[length]]
            seed = ["--seed", length * 100_000 + number]
            run("tasks.py", "--work", work, "--split", "train", *rows, *seed, "--out", out)

    files = files_of_rows(RECIPES[arguments.recipe])
    one(files[0])  # it makes the index that the others share
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, files))


def make_weights(work: Path, arguments: argparse.Namespace) -> None:
    minutes = ["--minutes", arguments.minutes] if arguments.minutes else []
    run("train.py", "--work", work, "--recipe", arguments.recipe, *minutes)


def make_export(work: Path, arguments: argparse.Namespace) -> None:
    checkpoint = work / "runs" / arguments.recipe / "last.pt"
    out = work / f"{arguments.recipe}.gguf"
    run("export.py", "--checkpoint", checkpoint, "--work", work, "--out", out)


def evaluate(work: Path, arguments: argparse.Namespace) -> None:
    model = work / f"{arguments.recipe}.gguf"
    run("check_export.py", "--model", model, "--work", work, "--carrel", arguments.carrel)
    heldout = work / "corpus" / "heldout"
    subprocess.run([arguments.carrel, "eval", "quote", "-m", model, heldout], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--from", dest="first", choices=STEPS, default=STEPS[0])
    parser.add_argument("--to", dest="last", choices=STEPS, default=STEPS[-1])
    parser.add_argument("--minutes", type=float, help="train for so long, then stop resumably")
    parser.add_argument("--vocabulary-of", type=Path, help="a model whose vocabulary is kept")
    parser.add_argument("--carrel", type=Path, help="the built program, for the measurement")
    arguments = parser.parse_args()
    arguments.carrel = arguments.carrel or shutil.which("carrel")
    if arguments.last == "evaluate" and not arguments.carrel:
        parser.error("name the built program with --carrel: it measures the model (or --to export)")
    make = [make_corpus, make_tokenizer, make_rows, make_weights, make_export, evaluate]
    for step in make[STEPS.index(arguments.first) : STEPS.index(arguments.last) + 1]:
        step(arguments.work, arguments)


if __name__ == "__main__":
    main()
