#!/usr/bin/env python3
"""Makes the golden vectors of encoders: tests/vectors/encoders.

    pip install torch transformers safetensors tokenizers gguf sentencepiece
    tests/vectors/make_encoders.py

Each model has seeded random weights that half precision holds exactly, and is stored by the rules of
llama.cpp's converter (tensor names, nomic's fused attention, the vocabulary with U+2581). NAME.npy
[text][n] are the vectors of the lines of texts.txt, of length 1: transformers' own in float64, the
mean of the last states or the first token's, of "[CLS] line [SEP]" as `tokenizers` cuts it. Printed
beside each: how far they move (the worst cosine) when a feature is left out, so that a test which
passes has seen it. Tests use the stored files only.
"""
import pathlib
import random
import sys

import gguf
import numpy as np
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tokenizer_vectors
import wordpiece_vectors

HERE = pathlib.Path(__file__).parent / "encoders"
N_VOCAB, N_CTX = 300, 96
SHAPE = {"vocab_size": N_VOCAB, "hidden_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 2, "intermediate_size": 160, "max_position_embeddings": N_CTX,
         "type_vocab_size": 2}
# architecture, configuration, what differs from SHAPE, pooling, type of the matrices, features
MODELS = {
    "bert-mean": ("bert", transformers.BertConfig, {}, "mean", "F16", {
        "erf": {"hidden_act": "gelu_pytorch_tanh"}, "epsilon": {"layer_norm_eps": 1e-3}}),
    "bert-cls": ("bert", transformers.BertConfig, {"hidden_size": 32},
                 "cls", "F32", {}),
    "bert-q8": ("bert", transformers.BertConfig, {"layer_norm_eps": 1e-5}, "mean", "Q8_0", {}),
    "nomic": ("nomic-bert", transformers.NomicBertConfig, {}, "mean", "F16", {
        "base": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}}),
}
NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "attn_output_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_mlp_layernorm": "layer_output_norm",
}


def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, weight in sorted(model.named_parameters()):
            value = torch.randn(weight.shape, generator=generator)
            if "orm.weight" in key:
                value = 1 + 0.3 * value
            elif key.endswith("bias"):
                value = 0.3 * value
            elif "embeddings" in key:
                value = 0.5 * value
            elif any(part in key for part in ("query", "key", "q_proj", "k_proj")):
                value = 1.4 * value / weight.shape[-1] ** 0.5
            else:
                value = 1.5 * value / weight.shape[-1] ** 0.5
            weight.copy_(value.half().float())


def model_of(name, changes):
    _, kind, differs, _, _, _ = MODELS[name]
    config = kind(**{**SHAPE, **differs, **changes})
    config._attn_implementation = "eager"
    options = {"add_pooling_layer": False}
    model = transformers.AutoModel.from_config(config, **options).double().eval()
    fill(model, 11 + list(MODELS).index(name))
    return model


def vectors_of(name, texts, changes=None):
    model, out = model_of(name, changes or {}), []
    for ids in texts:
        with torch.no_grad():
            states = model(torch.tensor([ids])).last_hidden_state[0].numpy()
        vector = states[0] if MODELS[name][3] == "cls" else states.mean(axis=0)
        out.append(vector / np.linalg.norm(vector))
    return model, np.array(out)


def gguf_name(key):
    stem, kind = key.rsplit(".", 1)
    for front in ("encoder.layer.", "layers."):
        if stem.startswith(front):
            layer, rest = stem[len(front):].split(".", 1)
            return f"blk.{layer}.{NAMES[rest]}.{kind}"
    return f"{NAMES[stem]}.{kind}"


def add_tensors(writer, model, storage):
    tensors, qkv = {}, {}
    for key, weight in model.named_parameters():
        data = weight.detach().numpy().astype(np.float32)
        if "self_attn" in key and "o_proj" not in key:
            _, layer, _, which, _ = key.split(".")
            qkv.setdefault(layer, {})[which] = data
        else:
            tensors[gguf_name(key)] = data
    for layer, parts in qkv.items():
        tensors[f"blk.{layer}.attn_qkv.weight"] = np.concatenate(
            [parts[p] for p in ("q_proj", "k_proj", "v_proj")])
    for name, data in tensors.items():
        kind = gguf.GGMLQuantizationType.F32
        if data.ndim == 2 and name not in ("position_embd.weight", "token_types.weight"):
            kind = gguf.GGMLQuantizationType[storage]
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)


def write_gguf(name, model, tokens):
    architecture, _, _, pooling, storage, _ = MODELS[name]
    config = model.config
    writer = gguf.GGUFWriter(HERE / (name + ".gguf"), architecture)
    writer.add_name("Random " + name)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type({"mean": gguf.PoolingType.MEAN, "cls": gguf.PoolingType.CLS}[pooling])
    if architecture == "nomic-bert":
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    spelled = [t if t.startswith("[") and t.endswith("]") else t[2:] if t.startswith("##") else
               "\u2581" + t for t in tokens]
    special = wordpiece_vectors.SPECIALS
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list(spelled)
    writer.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL
                            for t in tokens])
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))
    add_tensors(writer, model, storage)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def choose_texts(encode):
    """Lines of the licences, from a word to as many as fill the window."""
    words, rng = tokenizer_vectors.corpus()[2].split(), random.Random(5)
    out = ["the", "Caf\u00e9 \u4e2d\u6587, na\u00efve!"]
    for n_tok in (10, 30, 63, 65, 80, N_CTX):
        at = rng.randrange(len(words) - 200)
        n = 1
        while len(encode(" ".join(words[at:at + n + 1]))) <= n_tok - 2:
            n += 1
        out.append(" ".join(words[at:at + n]))
    return out


def main():
    tokens = wordpiece_vectors.train(N_VOCAB, True)
    assert len(tokens) == N_VOCAB
    vocab = {t: i for i, t in enumerate(tokens)}
    encode = wordpiece_vectors.reference(vocab, True)
    lines = choose_texts(encode)
    (HERE / "texts.txt").write_text("".join(line + "\n" for line in lines))
    texts = [[vocab["[CLS]"], *encode(line), vocab["[SEP]"]] for line in lines]
    print("tokens", [len(ids) for ids in texts])
    for name in MODELS:
        model, vectors = vectors_of(name, texts)
        write_gguf(name, model, tokens)
        np.save(HERE / (name + ".npy"), vectors.astype(np.float32))
        moved = {what: float((vectors * vectors_of(name, texts, changes)[1]).sum(axis=1).min())
                 for what, changes in MODELS[name][5].items()}
        print(name, "without:", moved)


if __name__ == "__main__":
    main()
