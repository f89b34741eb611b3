/* One safetensors file, parsed and validated. Private to safetensors.c, which puts shards together. */
#ifndef ENGINE_MODEL_SAFETENSORS_FILE_H
#define ENGINE_MODEL_SAFETENSORS_FILE_H

#include "base/file.h"
#include "engine/model/json_members.h"
#include "engine/model/safetensors.h"

#define SAFETENSORS_DAMAGED "the file is damaged or incomplete: download it again"

struct safetensors_file {
	char *path;
	struct file_map map;
	size_t header_bytes; /* with the eight bytes of its length */
};

struct safetensors_table {
	struct safetensors_tensor *tensor;
	size_t n_tensor, cap_tensor;
};

/*
 * Open file->path, and append its tensors (of file number `index`) to the table. Finish the file and
 * the tensors also on failure.
 */
int safetensors_file_open(struct safetensors_file *file, size_t index,
	struct safetensors_table *table, struct err *err);
void safetensors_file_finish(struct safetensors_file *file);

/* The text of a JSON string literal; malloc'ed. NULL where it is none. */
char *safetensors_text(struct json_span literal);

/* A name, shortened for a message; returns out. */
char *safetensors_quote(const char *name, char out[80]);

#endif
