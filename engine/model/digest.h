/*
 * Which model this is.
 *
 * By samples (struct model's digest): at once, for everybody who wants to know what was opened and for
 * a cache that dies with the process. By every byte: for KV on disk, which must never meet a model that
 * differs in a single one of them. The two are of different kinds, and never equal.
 */
#ifndef ENGINE_MODEL_DIGEST_H
#define ENGINE_MODEL_DIGEST_H

#include "base/err.h"
#include "base/sha256.h"

#include <stdint.h>

struct model;

/* By samples, once the weights are read: see struct model's digest. */
struct sha256_digest model_digest(const struct model *model);

struct model_digest_config {
	/*
	 * Where the digest of a model's files is remembered (digest_memo.h), because reading all of
	 * them at every start would take about a second for each 3 GB; NULL: nowhere. It is used only
	 * while device, inode, size, and the times of change of every file are what they were, and
	 * noted only where these would tell of any change to come.
	 */
	const char *folder;
	int32_t n_thread; /* that hash; 0: one per core */
	void (*progress)(
		void *arg, double fraction); /* 0 to 1, not where it was remembered; NULL */
	void *progress_arg;
};

/*
 * By every byte of all weight files, their headers included, and of a directory's config.json and
 * tokenizer.json: a tree of SHA-256 over chunks of each file. Fails where a file changes meanwhile
 * (ERR_ENGINE), or where no threads can be started.
 */
int model_digest_whole(struct sha256_digest *digest, const struct model *model,
	const struct model_digest_config *config, struct err *err);

/*
 * Whether the files are what they were when they were opened, as far as their names still lead to
 * them: a file that is replaced by another one (rename) stays as it was for who has it open. To be
 * asked once the weights were read.
 */
int model_check_unchanged(const struct model *model, struct err *err);

#endif
