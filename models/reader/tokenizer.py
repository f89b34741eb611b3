#!/usr/bin/env python3
"""Trains the reader's vocabulary: 8,184 byte-level BPE tokens and 8 special ones.

usage: tokenizer.py --work WORK [--sample-bytes N | --from-model reader.gguf]

Reads WORK/corpus/train (a folder for each package) and writes WORK/tokenizer.json. The same corpus
makes the same file; --from-model takes the vocabulary of a model instead, byte for byte, so that
training can go on from it or begin again with it whatever the packages have become. Text is cut
by Llama 3's expression, which carrel's tokenizer knows by hand (engine/token/splitter.c); nothing
is normalised, so ids stand for the exact bytes of a source.
"""
import argparse
import hashlib
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

LLAMA3_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                  r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PLAIN_TOKENS = 8184
SPECIAL_TOKENS = ["<|begin_of_text|>", "<|end_of_text|>", "<|system|>", "<|user|>", "<|reader|>",
                  "<|end|>", "<|reserved_0|>", "<|reserved_1|>"]
# Rules of dashes and dots would else take a token for every length they come in.
MAX_TOKEN_BYTES = 16
# What every prompt is made of, and no source: counted often enough for whole words.
PROMPT_TEXT = """\
You answer from the sources below. Quote the words that answer, then explain briefly.
Cite each quote as [S1 path:lines "words"], [S1 p.page "words"] or [S1 time "words"].
If the sources do not say, answer: The sources do not say.

<source id="S1" kind="text" name="a">
</source>
<source id="S2" kind="code" name="b">
<file path="c">
</file>
</source>
What does it mean?
Which one is it?
Where is it?
When is it?
Who is it?
Why is it?
How many are there?
Can it do it?
Is it?
"""
PROMPT_TEXT_COUNT = 3000
# One changelog or one table must not speak for a whole package.
MAX_FILE_BYTES = 128 << 10


def files_by_package(root):
    """Package -> its files, in an order that is fixed but has nothing to do with their names."""
    packages = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            packages.setdefault(relative.split(os.sep)[0], []).append(relative)
    for files in packages.values():
        files.sort(key=lambda relative: hashlib.sha256(relative.encode()).digest())
    return dict(sorted(packages.items()))


def fair_share(sizes, total):
    """The share per package with which all of them together come to `total`: none gives more."""
    share, left = 0, sorted(sizes)
    while left and total >= (left[0] - share) * len(left):
        total -= (left[0] - share) * len(left)
        share = left.pop(0)
    return share + total // len(left) if left else share


def read_text(root, relative):
    with open(os.path.join(root, relative), "rb") as file:
        return file.read(MAX_FILE_BYTES).decode("utf-8", errors="ignore")


def sample(root, sample_bytes):
    """Texts of the corpus, at most sample_bytes in all, balanced over its packages."""
    packages = files_by_package(root)
    sizes = {name: sum(min(os.path.getsize(os.path.join(root, file)), MAX_FILE_BYTES)
                       for file in files) for name, files in packages.items()}
    share = fair_share(sizes.values(), sample_bytes)
    for name, files in packages.items():
        left = share
        for file in files:
            text = read_text(root, file)
            size = len(text.encode())
            if size > left:
                text = text.encode()[:left].decode("utf-8", errors="ignore")
            left -= size
            yield text
            if left <= 0:
                break


def assemble(bpe):
    """Everything around the BPE; the special tokens are added at the end."""
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def add_special_tokens(tokenizer):
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False)
                                  for text in SPECIAL_TOKENS])
    for i, text in enumerate(SPECIAL_TOKENS):
        assert tokenizer.token_to_id(text) == PLAIN_TOKENS + i
    return tokenizer


def train(texts):
    tokenizer = assemble(models.BPE(ignore_merges=True))
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=PLAIN_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=MAX_TOKEN_BYTES, show_progress=False))
    if tokenizer.get_vocab_size() != PLAIN_TOKENS:
        sys.exit("tokenizer.py: the corpus only gives %d tokens, %d are needed"
                 % (tokenizer.get_vocab_size(), PLAIN_TOKENS))
    return add_special_tokens(tokenizer)


def from_model(path):
    import gguf  # nothing else here needs it

    file = gguf.GGUFReader(path)
    tokens = file.get_field("tokenizer.ggml.tokens").contents()
    merges = file.get_field("tokenizer.ggml.merges").contents()
    if tokens[PLAIN_TOKENS:] != SPECIAL_TOKENS:
        sys.exit("tokenizer.py: %s: not the vocabulary of a reader" % path)
    return add_special_tokens(assemble(models.BPE(
        vocab={text: i for i, text in enumerate(tokens[:PLAIN_TOKENS])},
        merges=[tuple(pair.split(" ")) for pair in merges], ignore_merges=True)))


def save(tokenizer, out):
    tokenizer.save(out + ".part")
    os.replace(out + ".part", out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True, help="where the pipeline keeps its files")
    parser.add_argument("--sample-bytes", type=int, default=20_000_000)
    parser.add_argument("--from-model", metavar="FILE", help="take the vocabulary of a GGUF file")
    arguments = parser.parse_args()
    out = os.path.join(arguments.work, "tokenizer.json")
    if arguments.from_model:
        save(from_model(arguments.from_model), out)
        return
    root = os.path.join(arguments.work, "corpus", "train")
    texts = list(sample(root, arguments.sample_bytes))
    n_bytes = sum(len(text.encode()) for text in texts)
    if not n_bytes:
        sys.exit("tokenizer.py: %s: no text; make the corpus first" % root)
    tokenizer = train(texts + [PROMPT_TEXT] * PROMPT_TEXT_COUNT)
    save(tokenizer, out)
    n_ids = sum(len(ids.ids) for ids in tokenizer.encode_batch(texts[::8]))
    print("%s: %d tokens from %d texts, %.1f MB; %.2f bytes a token" % (
        out, tokenizer.get_vocab_size(), len(texts), n_bytes / 1e6,
        sum(len(text.encode()) for text in texts[::8]) / n_ids))


if __name__ == "__main__":
    main()
