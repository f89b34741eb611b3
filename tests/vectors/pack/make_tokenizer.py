#!/usr/bin/env python3
"""Cut a byte-level BPE tokenizer.json (Llama 3's) down to its first tokens: make_tokenizer.py IN OUT

The packed context is pinned id for id with the result; it is never made again, only documented.
"""
import json
import sys

KEEP = 1500

with open(sys.argv[1], encoding="utf-8") as file:
    tokenizer = json.load(file)
model = tokenizer["model"]
vocab = {text: i for text, i in model["vocab"].items() if i < KEEP}
merges = []
for merge in model["merges"]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    if left in vocab and right in vocab and left + right in vocab:
        merges.append(f"{left} {right}")
model["vocab"], model["merges"] = vocab, merges
tokenizer["added_tokens"] = [
    {**token, "id": KEEP + i} for i, token in enumerate(tokenizer["added_tokens"][:2])
]
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(tokenizer, file, ensure_ascii=False, separators=(",", ":"))
    file.write("\n")
