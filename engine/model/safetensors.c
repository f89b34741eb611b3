#include "engine/model/safetensors.h"

#include "base/mem.h"
#include "engine/model/safetensors_file.h"

#include <stdlib.h>
#include <string.h>

/* The largest that was ever published are a tenth of this. */
#define MAX_INDEX_BYTES 100000000

struct safetensors {
	char *path;
	struct safetensors_file *file;
	size_t n_file, cap_file;
	struct safetensors_table table; /* sorted by name once everything is read */
};

/* A line of an index's weight_map. */
struct mapped {
	char *name, *file_name;
	size_t file;
};

struct index {
	struct mapped *entry;
	size_t n_entry, cap_entry;
};

/* ---- the index ---- */

static int fail_index(const struct safetensors *safetensors, struct err *err)
{
	return err_set(err, ERR_ENGINE, safetensors->path, SAFETENSORS_DAMAGED,
		"is not the index of a sharded model (JSON with a \"weight_map\", each name once)");
}

/* A file beside the index and nowhere else. */
static int is_plain_name(const char *name)
{
	static const char suffix[] = ".safetensors";
	size_t len = strlen(name);

	return len >= sizeof(suffix) && name[0] != '.' && !strchr(name, '/') &&
	       !strcmp(name + len - (sizeof(suffix) - 1), suffix);
}

static int read_entry(struct safetensors *safetensors, struct index *index, struct json_span key,
	struct json_span value, struct err *err)
{
	struct mapped entry = {safetensors_text(key), safetensors_text(value), 0};
	char quoted[80];

	if (index->n_entry == index->cap_entry) {
		size_t cap = index->cap_entry ? 2 * index->cap_entry : 64;
		void *more = realloc(index->entry, cap * sizeof(*index->entry));

		if (!more) {
			free(entry.name);
			free(entry.file_name);
			return err_set(err, ERR_ENGINE, safetensors->path, NULL,
				"not enough memory for an index of %zu tensors", cap);
		}
		index->entry = more;
		index->cap_entry = cap;
	}
	index->entry[index->n_entry++] = entry;
	if (!entry.name || !entry.file_name) {
		return fail_index(safetensors, err);
	}
	if (!is_plain_name(entry.file_name)) {
		return err_set(err, ERR_ENGINE, safetensors->path, NULL,
			"names the file \"%s\", which is not a .safetensors file beside it",
			safetensors_quote(entry.file_name, quoted));
	}
	return 0;
}

static int read_weight_map(
	struct safetensors *safetensors, struct index *index, struct json_span map, struct err *err)
{
	struct json_members members;
	struct json_span key, value;
	int more;

	if (json_members_begin(&members, map.text, map.len) < 0) {
		return fail_index(safetensors, err);
	}
	while ((more = json_members_next(&members, &key, &value)) > 0) {
		if (read_entry(safetensors, index, key, value, err) < 0) {
			return -1;
		}
	}
	return more < 0 || index->n_entry == 0 ? fail_index(safetensors, err) : 0;
}

static int is_member(struct json_span key, const char *name)
{
	return key.len == strlen(name) + 2 && !memcmp(key.text + 1, name, key.len - 2);
}

/* "weight_map", and a "metadata" that says nothing we need. */
static int read_index(struct safetensors *safetensors, struct index *index,
	const struct file_map *map, struct err *err)
{
	struct json_members members;
	struct json_span key, value;
	int more, n_map = 0, n_metadata = 0;

	if (map->size_bytes > MAX_INDEX_BYTES) {
		return err_set(err, ERR_ENGINE, safetensors->path, SAFETENSORS_DAMAGED,
			"is %zu bytes long, which no index is", map->size_bytes);
	}
	if (json_members_begin(
		    &members, map->data ? (const char *)map->data : "", map->size_bytes) < 0) {
		return fail_index(safetensors, err);
	}
	while ((more = json_members_next(&members, &key, &value)) > 0) {
		if (is_member(key, "metadata") && !n_metadata++) {
			continue;
		}
		if (!is_member(key, "weight_map") || n_map++) {
			return fail_index(safetensors, err);
		}
		if (read_weight_map(safetensors, index, value, err) < 0) {
			return -1;
		}
	}
	return more < 0 || !n_map || !json_members_at_end(&members) ? fail_index(safetensors, err)
								    : 0;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct mapped *)a)->file_name, ((const struct mapped *)b)->file_name);
}

/* The files that the entries name, by their names. */
static void number_files(struct safetensors *safetensors, struct index *index)
{
	const char *slash = strrchr(safetensors->path, '/');
	int folder_len = slash ? (int)(slash + 1 - safetensors->path) : 0;

	qsort(index->entry, index->n_entry, sizeof(*index->entry), compare_files);
	for (size_t i = 0; i < index->n_entry; i++) {
		struct mapped *entry = &index->entry[i];

		if (i == 0 || compare_files(entry - 1, entry) != 0) {
			mem_grow(safetensors->file, safetensors->n_file, safetensors->cap_file);
			safetensors->file[safetensors->n_file++] = (struct safetensors_file){
				.path = mem_printf(
					"%.*s%s", folder_len, safetensors->path, entry->file_name)};
		}
		entry->file = safetensors->n_file - 1;
	}
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct mapped *)a)->name, ((const struct mapped *)b)->name);
}

/* The tensors are those of the index, each in the file that it says. Both are sorted. */
static int check_index(
	const struct safetensors *safetensors, const struct index *index, struct err *err)
{
	const struct safetensors_table *table = &safetensors->table;
	char quoted[80];

	for (size_t i = 1; i < index->n_entry; i++) {
		if (compare_entries(&index->entry[i - 1], &index->entry[i]) == 0) {
			return err_set(err, ERR_ENGINE, safetensors->path, SAFETENSORS_DAMAGED,
				"lists the tensor \"%s\" twice",
				safetensors_quote(index->entry[i].name, quoted));
		}
	}
	for (size_t i = 0, t = 0; i < index->n_entry || t < table->n_tensor; i++, t++) {
		const struct mapped *entry = i < index->n_entry ? &index->entry[i] : NULL;
		const struct safetensors_tensor *tensor =
			t < table->n_tensor ? &table->tensor[t] : NULL;
		int order = !entry ? 1 : !tensor ? -1 : strcmp(entry->name, tensor->name);

		if (order == 0 && entry->file == tensor->file) {
			continue;
		}
		if (order <= 0) {
			return err_set(err, ERR_ENGINE, safetensors->path, SAFETENSORS_DAMAGED,
				"says that the tensor \"%s\" is in %s, which does not hold it",
				safetensors_quote(entry->name, quoted), entry->file_name);
		}
		return err_set(err, ERR_ENGINE, safetensors->path, SAFETENSORS_DAMAGED,
			"does not list the tensor \"%s\" of %s",
			safetensors_quote(tensor->name, quoted),
			safetensors->file[tensor->file].path);
	}
	return 0;
}

/* ---- opening ---- */

static int compare_tensors(const void *a, const void *b)
{
	return strcmp(((const struct safetensors_tensor *)a)->name,
		((const struct safetensors_tensor *)b)->name);
}

/* The files, and their tensors in the order of their names. */
static int open_files(struct safetensors *safetensors, struct err *err)
{
	struct safetensors_table *table = &safetensors->table;
	char quoted[80];

	for (size_t i = 0; i < safetensors->n_file; i++) {
		if (safetensors_file_open(&safetensors->file[i], i, table, err) < 0) {
			return -1;
		}
	}
	if (table->n_tensor) {
		qsort(table->tensor, table->n_tensor, sizeof(*table->tensor), compare_tensors);
	}
	for (size_t i = 1; i < table->n_tensor; i++) {
		if (compare_tensors(&table->tensor[i - 1], &table->tensor[i]) == 0) {
			return err_set(err, ERR_ENGINE,
				safetensors->file[table->tensor[i].file].path, SAFETENSORS_DAMAGED,
				"the tensor \"%s\" occurs twice",
				safetensors_quote(table->tensor[i].name, quoted));
		}
	}
	return 0;
}

static int open_index(struct safetensors *safetensors, struct err *err)
{
	struct index index = {0};
	struct file_map map;
	int result;

	if (file_map_open(&map, safetensors->path, ERR_ENGINE, err) < 0) {
		return -1;
	}
	result = read_index(safetensors, &index, &map, err);
	file_map_close(&map);
	if (result == 0) {
		number_files(safetensors, &index);
		result = open_files(safetensors, err);
	}
	if (result == 0) {
		qsort(index.entry, index.n_entry, sizeof(*index.entry), compare_entries);
		result = check_index(safetensors, &index, err);
	}
	for (size_t i = 0; i < index.n_entry; i++) {
		free(index.entry[i].name);
		free(index.entry[i].file_name);
	}
	free(index.entry);
	return result;
}

int safetensors_open(struct safetensors **out, const char *path, struct err *err)
{
	static const char suffix[] = ".json";
	struct safetensors *safetensors = mem_zero(1, sizeof(*safetensors));
	size_t len = strlen(path);
	int result;

	*out = NULL;
	safetensors->path = mem_strdup(path);
	if (len >= sizeof(suffix) && !strcmp(path + len - (sizeof(suffix) - 1), suffix)) {
		result = open_index(safetensors, err);
	} else {
		mem_grow(safetensors->file, safetensors->n_file, safetensors->cap_file);
		safetensors->file[0] = (struct safetensors_file){.path = mem_strdup(path)};
		safetensors->n_file = 1;
		result = open_files(safetensors, err);
	}
	if (result < 0) {
		safetensors_close(safetensors);
		return -1;
	}
	*out = safetensors;
	return 0;
}

void safetensors_close(struct safetensors *safetensors)
{
	if (!safetensors) {
		return;
	}
	for (size_t i = 0; i < safetensors->table.n_tensor; i++) {
		free(safetensors->table.tensor[i].name);
	}
	free(safetensors->table.tensor);
	for (size_t i = 0; i < safetensors->n_file; i++) {
		safetensors_file_finish(&safetensors->file[i]);
	}
	free(safetensors->file);
	free(safetensors->path);
	free(safetensors);
}

/* ---- asking ---- */

const char *safetensors_path(const struct safetensors *safetensors)
{
	return safetensors->path;
}

size_t safetensors_tensor_count(const struct safetensors *safetensors)
{
	return safetensors->table.n_tensor;
}

const struct safetensors_tensor *safetensors_tensor_at(
	const struct safetensors *safetensors, size_t index)
{
	return &safetensors->table.tensor[index];
}

const struct safetensors_tensor *safetensors_tensor_find(
	const struct safetensors *safetensors, const char *name)
{
	const struct safetensors_table *table = &safetensors->table;
	struct safetensors_tensor key = {.name = (char *)(uintptr_t)name};

	return table->n_tensor ? bsearch(&key, table->tensor, table->n_tensor,
					 sizeof(*table->tensor), compare_tensors)
			       : NULL;
}

size_t safetensors_file_count(const struct safetensors *safetensors)
{
	return safetensors->n_file;
}

const char *safetensors_file_path(const struct safetensors *safetensors, size_t file)
{
	return safetensors->file[file].path;
}

size_t safetensors_file_bytes(const struct safetensors *safetensors, size_t file)
{
	return safetensors->file[file].map.size_bytes;
}

const uint8_t *safetensors_file_header(
	const struct safetensors *safetensors, size_t file, size_t *size_bytes)
{
	*size_bytes = safetensors->file[file].header_bytes;
	return safetensors->file[file].map.data;
}

const uint8_t *safetensors_file_data(const struct safetensors *safetensors, size_t file)
{
	return safetensors->file[file].map.data;
}

const struct file_stamp *safetensors_file_stamp(const struct safetensors *safetensors, size_t file)
{
	return &safetensors->file[file].map.stamp;
}

size_t safetensors_total_bytes(const struct safetensors *safetensors)
{
	size_t total = 0;

	for (size_t i = 0; i < safetensors->n_file; i++) {
		total += safetensors->file[i].map.size_bytes;
	}
	return total;
}

enum dtype safetensors_dtype(const struct safetensors_tensor *tensor)
{
	static const enum dtype plain[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		if (!strcmp(tensor->dtype, dtype_info(plain[i])->name)) {
			return plain[i];
		}
	}
	return DTYPE_COUNT;
}
