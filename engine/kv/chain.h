/*
 * The names of KV pages: a hash chain over everything that decides what a page holds.
 *
 *   name[i] = SHA-256("page" field: name[i-1], then n, then ids as u32 little-endian)
 *   name[-1], the root = SHA-256 over length-tagged fields of struct kv_identity
 *
 * so two prompts share a page exactly if they agree on every token up to its end and on everything
 * that computed them (after vLLM's prefix caching; length-tagged because of vllm#44701).
 */
#ifndef ENGINE_KV_CHAIN_H
#define ENGINE_KV_CHAIN_H

#include "base/sha256.h"
#include "kernels/kv.h"

#include <stddef.h>
#include <stdint.h>

/* Raised whenever the bytes of a page change their meaning. */
#define KV_LAYOUT_VERSION 1

struct kv_identity {
	struct sha256_digest model; /* by every byte, where pages outlive the process */
	struct sha256_digest tokenizer;
	/* What is computed with the weights (program_digest()), which depends on more than the
	 * model's file: on the context that the engine runs with, and on how a build reads it. */
	struct sha256_digest program;
	const char *adapter;  /* which, and how much of each; "" without one */
	const char *numerics; /* the backend's class and what was built, numerics_name() */
	const struct kv_layout *layout;
};

struct sha256_digest kv_chain_root(const struct kv_identity *identity);

/* `hash` is scratch, so that a long chain allocates nothing. */
struct sha256_digest kv_chain_next(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids);

#endif
