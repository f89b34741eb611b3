/* The state machines that splitter.c lists; struct splitter says what a split() does. */
#ifndef ENGINE_TOKEN_SPLITTER_INTERNAL_H
#define ENGINE_TOKEN_SPLITTER_INTERNAL_H

#include <stddef.h>

size_t splitter_llama3(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_qwen2(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_qwen35(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_seed_coder(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_minicpm5(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_o200k(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_tekken(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_kimi(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_gpt2(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_digits_gpt2(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_falcon(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_falcon3(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_bloom(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_viking(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_deepseek_v3(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_deepseek_coder(const char *text, size_t len, size_t *end, size_t max);
size_t splitter_deepseek_llm(const char *text, size_t len, size_t *end, size_t max);

#endif
