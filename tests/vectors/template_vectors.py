#!/usr/bin/env python3
"""Executes published chat templates once and stores what they say: tests/vectors/templates/.

usage: template_vectors.py TOKENIZER_FOLDER OUT_FOLDER
       (pip install jinja2 tokenizers sentencepiece; tokenizer_vectors.py has run)

NAME.jinja is the template that the model card publishes, without what concerns tools (carrel's own
lies beside its model, models/reader/chat_template.jinja); NAME.text
is its rendering of the conversation below, and NAME.ids the ids of that rendering in one of the
small vocabularies, made by Hugging Face `tokenizers` or `sentencepiece`. carrel itself never
executes a template; test_template.c compares.
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

# name: (template, the small vocabulary whose ids are stored)
TEMPLATES = {
    "chatml": (
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\n' }}{% endif %}", "gpt2-small"),
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role "
        "not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == "
        "'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate "
        "user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}"
        "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
        "spm-small"),
    "llama2": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set "
        "system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
        "{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if "
        "(message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation "
        "roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 "
        "== 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + "
        "'\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}"
        "{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + "
        "' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + "
        "eos_token }}{% endif %}{% endfor %}", "spm-small"),
    "llama3": (
        "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
        "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | "
        "trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
        "{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ "
        "'<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}", "llama3-small"),
    "mistral-v1": (
        "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
        "{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}"
        "{%- endif %}{{- bos_token }}{%- for message in loop_messages %}{%- if (message['role'] == "
        "'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('roles must alternate') }}"
        "{%- endif %}{%- if message['role'] == 'user' %}{%- if loop.first and system_message is "
        "defined %}{{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}"
        "{%- else %}{{- ' [INST] ' + message['content'] + ' [/INST]' }}{%- endif %}{%- elif "
        "message['role'] == 'assistant' %}{{- ' ' + message['content'] + eos_token}}{%- endif %}"
        "{%- endfor %}", "spm-small"),
    "mistral-v3": (
        "{{- bos_token }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- if "
        "tools is defined and tools is not none and loop.last %}{{- '[AVAILABLE_TOOLS] [' }}"
        "{{- '[/AVAILABLE_TOOLS]' }}{%- endif %}{{- '[INST] ' + message['content'] + '[/INST]' }}"
        "{%- elif message['role'] == 'assistant' %}{{- ' ' + message['content']|trim + eos_token}}"
        "{%- endif %}{%- endfor %}", "spm-inst"),
    "mistral-v7": (
        "{{- bos_token }}{%- for message in messages %}{%- if message['role'] == 'user' %}"
        "{{- '[INST]' + message['content'] + '[/INST]' }}{%- elif message['role'] == 'system' %}"
        "{{- '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}{%- elif "
        "message['role'] == 'assistant' %}{{- message['content'] + eos_token }}{%- endif %}"
        "{%- endfor %}", "gpt2-inst"),
}
HAS_SYSTEM = {"carrel", "chatml", "llama2", "llama3", "mistral-v7"}
TOKENS = {"reader-small": ("<|begin_of_text|>", "<|end|>"),
          "gpt2-small": ("", "<|endoftext|>"),
          "gpt2-inst": ("<s>", "</s>"),
          "llama3-small": ("<|begin_of_text|>", "<|end_of_text|>")}


def conversation(name):
    turns = [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(TURNS)]
    if name in HAS_SYSTEM:
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


def main():
    folder, out = sys.argv[1:3]
    env = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    env.globals["raise_exception"] = fail
    sp = tokenizer_vectors.sentencepiece_small(tokenizer_vectors.SPM_COUNT)
    inst_sp, inst_gpt2 = inst_vocabularies(folder)
    reader = reader_vocabulary(folder)
    with open(READER_TEMPLATE) as f:
        templates = TEMPLATES | {"carrel": (f.read().rstrip("\n"), "reader-small")}
    for name, (template, vocabulary) in templates.items():
        bos, eos = TOKENS.get(vocabulary, ("<s>", "</s>"))
        text = env.from_string(template).render(messages=conversation(name), bos_token=bos,
                                                eos_token=eos, add_generation_prompt=True)
        if name != "carrel":
            with open(os.path.join(out, name + ".jinja"), "w") as f:
                f.write(template)
        with open(os.path.join(out, name + ".text"), "w") as f:
            f.write(text)
        if vocabulary == "spm-small":
            ids = sentencepiece_ids(sp, text, dummy_prefix=name != "gemma")
        elif vocabulary == "spm-inst":
            ids = sentencepiece_ids(inst_sp, text)
        elif vocabulary == "reader-small":
            ids = reader.encode(text, add_special_tokens=False).ids
        elif vocabulary == "gpt2-inst":
            ids = inst_gpt2.encode(text, add_special_tokens=False).ids
        else:
            tokenizer = Tokenizer.from_file(os.path.join(folder, vocabulary + ".json"))
            ids = tokenizer.encode(text, add_special_tokens=False).ids
        with open(os.path.join(out, name + ".ids"), "w") as f:
            f.write(" ".join(map(str, ids)) + "\n")


if __name__ == "__main__":
    main()
