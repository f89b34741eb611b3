"""Trains the reader on the shards that tasks.py made: resumable, curves in WORK/log.jsonl.

    python train.py --work WORK --recipe cpu [--minutes M]

Matrices are trained by Muon (Jordan et al. 2024), embeddings and norms by Adam (Kingma and Ba
2015). The learning rate rises, stays, and falls linearly over the last part of the tokens.
"""

import argparse
import json
import math
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from model import Config, Reader, seed_induction
from recipes import RECIPES, Recipe

SOURCE, ANSWER = 1, 2  # weights in a shard: see tasks.py


def token_texts(work: Path, vocab: int) -> list[str]:
    path = work / "tokenizer.json"
    if not path.exists():
        raise SystemExit(f"train.py: {path} is not there: run tokenizer.py first")
    tokenizer = Tokenizer.from_file(str(path))
    texts = [tokenizer.id_to_token(i) or "" for i in range(vocab)]
    return [text.replace("\u0120", " ").replace("\u010a", "\n") for text in texts]


def share(hits: torch.Tensor, chosen: torch.Tensor) -> float:
    return hits[chosen].float().mean().item() if chosen.any() else float("nan")


class Shards:
    """Rows of one length, in the order of the files' names; new files are seen when they come."""

    def __init__(self, folder: Path, at: int):
        self.folder, self.at, self.rows, self.seen = folder, at, None, 0
        self.file = -1

    def _open(self, index: int) -> None:
        files = sorted(self.folder.glob("*.npz"))
        if not files:
            raise SystemExit(f"{self.folder} holds no shards: run tasks.py first")
        if index >= len(files):
            print(f"{self.folder}: every row was used; beginning again", flush=True)
        with np.load(files[index % len(files)]) as shard:
            self.rows = (shard["ids"].astype(np.int64), shard["weight"])
        self.file = index

    def take(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        ids, weight = [], []
        while n:
            size = len(self.rows[0]) if self.rows else 0
            if not self.rows or self.at >= size:
                self.at -= size
                self._open(self.file + 1)
                continue
            part = slice(self.at, min(self.at + n, size))
            ids.append(self.rows[0][part])
            weight.append(self.rows[1][part])
            n -= part.stop - part.start
            self.at = part.stop
        return np.concatenate(ids), np.concatenate(weight)


def orthogonalize(g: torch.Tensor) -> torch.Tensor:
    """The nearest orthonormal matrix, roughly: five Newton-Schulz steps (Jordan et al. 2024)."""
    x = g.bfloat16()
    tall = x.size(0) > x.size(1)
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        b = -4.7750 * a + 2.0315 * a @ a
        x = 3.4445 * x + b @ x
    return (x.T if tall else x).float()


class Muon:
    def __init__(self, parameters, momentum: float = 0.95, decay: float = 0.01):
        self.parameters, self.momentum, self.decay = list(parameters), momentum, decay
        self.buffer = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        for p, buffer in zip(self.parameters, self.buffer):
            buffer.lerp_(p.grad, 1 - self.momentum)
            update = orthogonalize(p.grad.lerp(buffer, self.momentum))
            p.mul_(1 - lr * self.decay)
            p.add_(update, alpha=-lr * max(1, p.size(0) / p.size(1)) ** 0.5)


def learning_rate(recipe: Recipe, tokens: int) -> float:
    done = tokens / recipe.tokens
    rise = min(1.0, (tokens + 1) / recipe.warmup_tokens)
    fall = min(1.0, max(0.02, (1 - done) / recipe.decay))
    return rise * fall


def targets(ids, weight, n_answer: int, n_source: int, generator) -> tuple:
    """Positions whose next token counts: answers first, then a sample of the sources' tokens."""
    following = weight[:, 1:].reshape(-1)
    row, column = divmod(np.arange(following.size), weight.shape[1] - 1)
    flat = row * weight.shape[1] + column

    def choose(kind: int, n: int) -> np.ndarray:
        found = flat[following == kind]
        return found if len(found) <= n else generator.choice(found, n, replace=False)

    answer, source = choose(ANSWER, n_answer), choose(SOURCE, n_source)
    return answer, source


def first_rounds(ids: np.ndarray, reader_mark: int, weights: tuple[float, ...]) -> np.ndarray:
    """What each position of a row counts as: rounds are alike, but people begin with the first."""
    of_round = np.array([weights[0], *weights, *[1.0] * ids.shape[1]], np.float32)
    return of_round[np.cumsum(ids == reader_mark, axis=1)]


class Run:
    def __init__(self, work: Path, recipe: Recipe, name: str, seed: int, device: str):
        self.work, self.recipe, self.device = work, recipe, device
        self.folder = work / "runs" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model = Reader(Config(**recipe.shape))
        texts = token_texts(work, self.model.c.vocab)
        seed_induction(self.model, texts, seed)
        self.model.to(device)
        # where an answer decides: to refuse or to quote, and which words
        self.reader_mark, self.open_quote = texts.index("<|reader|>"), texts.index(' "')
        matrices = [p for n, p in self.model.named_parameters() if "layers" in n and p.dim() == 2]
        others = [p for n, p in self.model.named_parameters() if "layers" not in n or p.dim() != 2]
        self.muon = Muon(matrices)
        self.adam = torch.optim.Adam(others, lr=1.0, betas=(0.9, 0.98), eps=1e-10, fused=True)
        self.seed, self.step, self.tokens = seed, 0, 0
        self.shards_at: dict[str, tuple[int, int]] = {}
        self.seconds = 0.0
        self.hidden = torch.compile(self.model.hidden, dynamic=False)

    def save(self) -> None:
        state = {
            "config": self.model.c.to_dict(),
            "state": self.model.state_dict(),
            "muon": self.muon.buffer,
            "adam": self.adam.state_dict(),
            "step": self.step,
            "tokens": self.tokens,
            "seed": self.seed,
            "seconds": self.seconds,
            "shards": self.shards_at,
        }
        temporary = self.folder / "last.pt.new"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "last.pt")

    def resume(self) -> None:
        path = self.folder / "last.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=False, map_location=self.device)
        self.model.load_state_dict(state["state"])
        self.muon.buffer = state["muon"]
        self.adam.load_state_dict(state["adam"])
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self.shards_at = state["shards"]
        print(f"resuming at step {self.step}, {self.tokens / 1e6:.1f}M tokens", flush=True)

    def shards(self, length: int) -> Shards:
        file, at = self.shards_at.get(str(length), (-1, 0))
        shards = Shards(self.work / "shards" / str(length), at)
        if file >= 0:
            shards._open(file)
        return shards

    def learn(self, ids: np.ndarray, weight: np.ndarray, generator) -> dict:
        n = ids.size
        answer, source = targets(ids, weight, n // 2, int(n * self.recipe.source_share), generator)
        inputs = torch.from_numpy(ids).to(self.device)
        hidden = self.hidden(inputs).reshape(-1, self.model.c.d)
        flat = inputs.reshape(-1)

        counts = first_rounds(ids, self.reader_mark, self.recipe.first_rounds)
        counts = torch.from_numpy(counts).to(self.device).reshape(-1)

        def loss_at(places: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
            places = torch.from_numpy(places).to(self.device)
            logits = self.model.logits(hidden[places])
            target = flat[places + 1]
            each = F.cross_entropy(logits, target, reduction="none")
            count = counts[places]
            return (each * count).sum() / count.sum(), logits.detach().argmax(-1) == target

        answer_loss, hits = loss_at(answer)
        source_loss, _ = loss_at(source)
        before = flat[torch.from_numpy(answer).to(self.device)]
        (answer_loss + self.recipe.source_weight * source_loss).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        return {
            "answer_loss": answer_loss.item(),
            "answer_hits": hits.float().mean().item(),
            "refuse_hits": share(hits, before == self.reader_mark),
            "find_hits": share(hits, before == self.open_quote),
            "source_loss": source_loss.item(),
            "norm": norm.item(),
        }

    def advance(self, rate: float) -> None:
        self.muon.step(self.recipe.lr_matrix * rate)
        for group in self.adam.param_groups:
            group["lr"] = self.recipe.lr_other * rate
        self.adam.step()
        for parameter in self.model.parameters():
            parameter.grad = None

    def train(self, minutes: float | None = None) -> None:
        opened: dict[int, Shards] = {}
        saved, report = time.monotonic(), []
        log = (self.folder / "log.jsonl").open("a")
        ends = time.monotonic() + 60 * (minutes or math.inf)
        asked = []  # SIGTERM: save and stop; the same command goes on from there
        signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
        while self.tokens < self.recipe.tokens and time.monotonic() < ends and not asked:
            begun = time.monotonic()
            generator = np.random.default_rng((self.seed, self.step))
            length = self.recipe.length_at(self.tokens, generator.random())
            if length not in opened:
                opened[length] = self.shards(length)
            shards = opened[length]
            rows = self.recipe.batch_tokens // length
            line = self.learn(*shards.take(rows), generator)
            self.advance(learning_rate(self.recipe, self.tokens))
            self.shards_at[str(length)] = (shards.file, shards.at)
            self.step += 1
            self.tokens += rows * length
            self.seconds += time.monotonic() - begun
            report.append((line, rows * length / (time.monotonic() - begun)))
            if self.step % 10 == 0:
                mean = {k: round(float(np.nanmean([r[0][k] for r in report])), 4) for k in line}
                mean |= {
                    "step": self.step,
                    "tokens": self.tokens,
                    "seconds": round(self.seconds),
                    "length": length,
                    "tok_per_s": round(sorted(r[1] for r in report)[len(report) // 2]),
                }
                print(json.dumps(mean), file=log, flush=True)
                print(json.dumps(mean), flush=True)
                report = []
                if not math.isfinite(mean["answer_loss"]):
                    raise SystemExit("the loss is no number: lower the learning rate")
            if time.monotonic() - saved > 120:
                self.save()
                saved = time.monotonic()
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipe", choices=sorted(RECIPES), required=True)
    parser.add_argument("--name", help="of the run's folder; the recipe's by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, help="stop after so long, resumably")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    run = Run(
        arguments.work,
        RECIPES[arguments.recipe],
        arguments.name or arguments.recipe,
        arguments.seed,
        arguments.device,
    )
    run.resume()
    run.train(arguments.minutes)


if __name__ == "__main__":
    main()
