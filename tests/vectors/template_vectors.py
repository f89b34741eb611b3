#!/usr/bin/env python3
"""Executes published chat templates once and stores what they say: tests/vectors/templates/.

usage: template_vectors.py TOKENIZER_FOLDER OUT_FOLDER
       (pip install jinja2 tokenizers sentencepiece; tokenizer_vectors.py has run)

OUT_FOLDER/NAME.jinja are the templates as published with the weights (README.md there says by whom; carrel's
own lies beside its model, models/reader/chat_template.jinja). Each is executed once:
NAME.text is its rendering of the conversation below, NAME.bare of the same without system message,
NAME.nothink where it is told not to think; and NAME.ids the ids of NAME.text in one of the small
vocabularies, made by Hugging Face `tokenizers` or `sentencepiece`. carrel itself never executes a
template; test_template.c compares.
"""
import json
import os
import re
import sys

import jinja2
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tokenizer_vectors

SYSTEM = "Answer from the sources. Quote them."
INST_CONTROLS = ["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
INST_COUNT = 800
READER_CONTROLS = ["<|begin_of_text|>", "<|end_of_text|>", "<|system|>", "<|user|>", "<|reader|>",
                   "<|end|>"]
READER_COUNT = 800
READER_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models",
                               "reader", "chat_template.jinja")
LLAMA3_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                  r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TURNS = ["Where is the licence?", "In section 4, the first paragraph.", "And the warranty?"]

# Where the template has no system message, or puts it into the last question: carrel puts it before
# the first.
NO_SYSTEM = {"gemma", "gemma3", "mistral-v0", "mistral-v0.1", "mistral-v1", "mistral-v3",
             "mistral-nemo", "phi3-mini"}
# name: the small vocabulary whose ids are stored
IDS = {"carrel": "reader-small", "chatml": "gpt2-small", "gemma": "spm-small",
       "llama2": "spm-small", "llama3": "llama3-small", "mistral-v0": "spm-small",
       "mistral-v1": "spm-small", "mistral-v3": "spm-inst", "mistral-v7": "gpt2-inst"}
# name: what the variables are called that turn thinking on and off
THINKING = {"qwen3": "enable_thinking", "qwen3.5": "enable_thinking", "deepseek-v3.1": "thinking"}
DATE = "26 Jul 2024"
TOKENS = {"reader-small": ("<|begin_of_text|>", "<|end|>"),
          "gpt2-small": ("", "<|endoftext|>"),
          "gpt2-inst": ("<s>", "</s>"),
          "llama3-small": ("<|begin_of_text|>", "<|end_of_text|>")}


def conversation(name, system=True):
    turns = [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(TURNS)]
    if not system:
        return turns
    if name not in NO_SYSTEM:
        return [{"role": "system", "content": SYSTEM}] + turns
    turns[0]["content"] = SYSTEM + "\n\n" + turns[0]["content"]
    return turns


def fail(message):
    raise ValueError(message)


def sentencepiece_ids(sp, text, dummy_prefix=True):
    """As the models' own code does: each stretch between control tokens is a text of its own."""
    controls = [sp.id_to_piece(i) for i in range(sp.vocab_size()) if sp.is_control(i)]
    ids = []
    for part in re.split("(%s)" % "|".join(map(re.escape, controls)), text):
        if part in controls:
            ids.append(sp.piece_to_id(part))
        elif part and dummy_prefix:
            ids += sp.encode(part[1:] if part.startswith(" ") else part)
        elif part:  # nothing merges with a line end, which is a byte
            ids += sp.encode("\n" + part)[2:]
    return ids


def inst_vocabularies(folder):
    """[INST] and its kin as tokens: SentencePiece as Mistral's v3, byte-level as its v7."""
    sp = tokenizer_vectors.sentencepiece_small(INST_COUNT, INST_CONTROLS[:2])
    gpt2 = tokenizer_vectors.gpt2_small(INST_COUNT, ["<s>", "</s>"] + INST_CONTROLS)
    files = {"spm-inst": tokenizer_vectors.sentencepiece_gguf(sp),
             "gpt2-inst": tokenizer_vectors.bpe_gguf(gpt2, "gpt-2", {"bos": "<s>", "eos": "</s>"})}
    for name, data in files.items():
        with open(os.path.join(folder, name + ".gguf"), "wb") as f:
            f.write(data)
    return sp, Tokenizer.from_str(json.dumps(gpt2))


def reader_vocabulary(folder):
    """As models/reader/tokenizer.py makes it, but small."""
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(tokenizer_vectors.corpus(), trainers.BpeTrainer(
        vocab_size=READER_COUNT, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens(READER_CONTROLS)
    with open(os.path.join(folder, "reader-small.gguf"), "wb") as f:
        f.write(tokenizer_vectors.bpe_gguf(json.loads(t.to_str()), "llama-bpe", {
            "bos": "<|begin_of_text|>", "eos": "<|end|>", "eot": "<|end|>"}))
    return t


def render(env, name, template, system, thinks):
    bos, eos = TOKENS.get(IDS.get(name), ("<s>", "</s>"))
    if name.startswith("deepseek"):
        bos, eos = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
    variables = {THINKING[name]: thinks} if name in THINKING else {}
    return env.from_string(template).render(
        messages=conversation(name, system), bos_token=bos, eos_token=eos,
        add_generation_prompt=True, **variables)


def encode(name, text, folder, tokenizers):
    vocabulary = IDS[name]
    if vocabulary == "spm-small":
        return sentencepiece_ids(tokenizers["spm-small"], text, dummy_prefix=name != "gemma")
    if vocabulary == "spm-inst":
        return sentencepiece_ids(tokenizers["spm-inst"], text)
    if vocabulary not in tokenizers:
        tokenizers[vocabulary] = Tokenizer.from_file(os.path.join(folder, vocabulary + ".json"))
    return tokenizers[vocabulary].encode(text, add_special_tokens=False).ids


def write(out, name, text):
    with open(os.path.join(out, name), "w") as f:
        f.write(text)


def main():
    folder, out = sys.argv[1:3]
    env = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                             extensions=["jinja2.ext.loopcontrols"])
    env.globals["raise_exception"] = fail
    env.globals["strftime_now"] = lambda form: DATE
    inst_sp, inst_gpt2 = inst_vocabularies(folder)
    tokenizers = {"spm-small": tokenizer_vectors.sentencepiece_small(tokenizer_vectors.SPM_COUNT),
                  "spm-inst": inst_sp, "gpt2-inst": inst_gpt2,
                  "reader-small": reader_vocabulary(folder)}
    templates = {}
    for file in sorted(os.listdir(out)):
        if file.endswith(".jinja"):
            with open(os.path.join(out, file)) as f:
                templates[file[:-len(".jinja")]] = f.read()
    with open(READER_TEMPLATE) as f:
        templates["carrel"] = f.read().rstrip("\n")
    for name, template in templates.items():
        text = render(env, name, template, True, True)
        write(out, name + ".text", text)
        write(out, name + ".bare", render(env, name, template, False, True))
        if name in THINKING:
            write(out, name + ".nothink", render(env, name, template, True, False))
        if name in IDS:
            ids = encode(name, text, folder, tokenizers)
            write(out, name + ".ids", " ".join(map(str, ids)) + "\n")


if __name__ == "__main__":
    main()
