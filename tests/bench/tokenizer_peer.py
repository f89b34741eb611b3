#!/usr/bin/env python3
"""Seconds that another tokenizer takes for the text on standard input, on one thread.

usage: tokenizer_peer.py tiktoken|tokenizers TOKENIZER_JSON < TEXT

Only encoding is timed, not starting or loading. Prints the name and the seconds, for bench_tokenizer's
-p. Both get the same vocabulary and pattern. Needs `pip install tiktoken tokenizers`.
"""
import json
import os
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


def byte_of_character():
    """GPT-2's alphabet, backwards."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def tiktoken_encode(path):
    import tiktoken
    with open(path, encoding="utf-8") as f:
        description = json.load(f)
    alphabet = byte_of_character()
    ranks = {bytes(alphabet[c] for c in token): rank
             for token, rank in description["model"]["vocab"].items()}
    pattern = next(step["pattern"]["Regex"]
                   for step in description["pre_tokenizer"]["pretokenizers"]
                   if step["type"] == "Split")
    return tiktoken.Encoding("peer", pat_str=pattern, mergeable_ranks=ranks,
                             special_tokens={}).encode_ordinary


def tokenizers_encode(path):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(path)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def main():
    name, path = sys.argv[1:3]
    encode = {"tiktoken": tiktoken_encode, "tokenizers": tokenizers_encode}[name](path)
    text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    encode(text[:100000])
    start = time.process_time()
    ids = encode(text)
    print(name, time.process_time() - start, len(ids))


if __name__ == "__main__":
    main()
