/*
 * Any bytes as a subtitle, a transcript or a chat, under any name: whatever reads them ends, twice the
 * same way, and its cues are whole: words in each, no NUL, a time or none, names that are trimmed.
 */
#include "loaders/loader.h"

#include "base/mem.h"
#include "loaders/format/format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static void check_part(const struct part *part, size_t input_len)
{
	const char *speaker = part->place.speaker;

	must(part->len > 0 && !memchr(part->text, 0, part->len));
	must(part->place.time_ms >= -1);
	must(!speaker || (speaker[0] && speaker[0] != ' '));
	must(!part->place.label || part->place.label[0]);
	must(part->len <= 3 * input_len + 64);
}

/* Reads all of it; returns how many bytes of words there are, or -1 where it is refused. */
static int64_t read_all(const struct loader *loader, const struct input *input)
{
	struct document outline = {0};
	struct reader *reader = NULL;
	struct skip skip = {0};
	struct part part = {.place = {.time_ms = -1}};
	int64_t n_bytes = 0, n_part = 0;
	int status;

	if (loader->open(&reader, input, &skip) < 0) {
		must(skip.reason && skip.reason[0]);
		skip_finish(&skip);
		return -1;
	}
	must(reader->kind == DOCUMENT_TRANSCRIPT);
	while ((status = loader->read(reader, &part, &skip)) > 0) {
		if (status == READ_PART) {
			check_part(&part, input->len);
			n_bytes += (int64_t)part.len;
			n_part++;
		}
		part_finish(&part);
		skip_finish(&skip);
	}
	must(status == READ_END && n_part > 0 && n_part == reader->n_part);
	loader->outline(reader, &outline);
	for (size_t i = 0; i < outline.n_heading; i++) {
		must(outline.heading[i].part < (size_t)n_part && outline.heading[i].title[0]);
	}
	document_finish(&outline);
	loader->close(reader);
	return n_bytes;
}

/* The first byte says the name, and with it who reads; the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *path;
		const struct loader *loader;
	} file[] = {
		{"a.srt", &loader_subtitles},
		{"a.vtt", &loader_subtitles},
		{"a.txt", &loader_transcript_lines},
		{"a.json", &loader_transcript_json},
		{"a.jsonl", &loader_transcript_json},
		{"-", &loader_transcript_lines},
	};
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct input input = {.root_fd = -1, .options = &options};
	const struct loader *loader;
	int64_t n_bytes;
	char *copy;
	int score;

	if (size < 1) {
		return 0;
	}
	/* An own copy, so that reading past its end is noticed. */
	copy = malloc(size > 1 ? size - 1 : 1);
	must(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	input.path = file[data[0] % ARRAY_LEN(file)].path;
	input.data = copy;
	input.len = size - 1;
	loader = file[data[0] % ARRAY_LEN(file)].loader;
	score = loader->probe(&input);
	must(score >= 0 && score <= 3);
	n_bytes = read_all(loader, &input);
	must(n_bytes <= 3 * (int64_t)size + 64);
	must(read_all(loader, &input) == n_bytes);
	free(copy);
	return 0;
}
