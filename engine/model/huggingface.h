/*
 * A model as Hugging Face publishes it: a directory with config.json, safetensors (one file, or
 * shards and their index), tokenizer.json, and texts beside them. It is read as what llama.cpp's
 * convert_hf_to_gguf.py would make of it, without being written: config.json becomes GGUF's keys,
 * tensors get GGUF's names, rows GGUF's order and values (Llama's rotary pairs, Gemma's 1 + w).
 * So families, planner and digest know one kind of model, and the same weights give the same
 * logits from a directory and from a GGUF file.
 *
 * All of it is untrusted input. What the tables here do not know is refused by name: a setting that
 * changes what is computed, an architecture, a tensor that nothing would use.
 */
#ifndef ENGINE_MODEL_HUGGINGFACE_H
#define ENGINE_MODEL_HUGGINGFACE_H

#include "base/err.h"
#include "base/sha256.h"
#include "engine/model/model.h"

#include <stddef.h>
#include <stdint.h>

struct huggingface;
struct gguf;
struct safetensors;
struct tokenizer;

/* Whether the path is a directory, or one of the files that stand for it (config.json, a
 * safetensors file or index). Says nothing about what is in it. */
int huggingface_is(const char *path);

/* Reads and validates the files, but for what they mean: that is huggingface_translate(). */
int huggingface_open(struct huggingface **out, const char *path, struct err *err);
void huggingface_close(struct huggingface *directory); /* NULL-safe */

/* What the files say about themselves, also of a model that cannot be computed; never NULL. */
const char *huggingface_name(const struct huggingface *directory);         /* of the directory */
const char *huggingface_architecture(const struct huggingface *directory); /* "LlamaForCausalLM" */
const char *huggingface_license(const struct huggingface *directory); /* README's field, or "" */
const struct safetensors *huggingface_files(const struct huggingface *directory);
/* A whole number of config.json (or of the part that is about text), by its name there; 0 where
 * there is none. */
int64_t huggingface_config_int(const struct huggingface *directory, const char *name);

/*
 * The metadata as GGUF has them, without tensors and without the tokenizer; with its name, its
 * licence and the chat template where there is one. Lives as long as the directory.
 */
int huggingface_translate(
	struct huggingface *directory, const struct gguf **metadata, struct err *err);

/*
 * After huggingface_translate(): all weights under GGUF's names, in no order. The table is
 * malloc'ed and the caller's; names and rows are the directory's.
 */
int huggingface_weights(
	struct huggingface *directory, struct weight **weight, size_t *count, struct err *err);

/* tokenizer.json with what tokenizer_config.json and generation_config.json say about ends. */
int huggingface_tokenizer(
	struct huggingface *directory, struct tokenizer **tokenizer, struct err *err);

/* What the digest covers besides samples of the weights: the texts and headers as they are. */
void huggingface_digest(const struct huggingface *directory, struct sha256 *hash);

/* The tokenizer alone, without a look at the weights, and the chat template's text (malloc'ed) or
 * NULL. */
int huggingface_tokenizer_open(
	struct tokenizer **tokenizer, char **chat_template, const char *path, struct err *err);

#endif
