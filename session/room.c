#include "session/room.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * Nothing has more tokens than it has bytes as it is packed: of ten bytes of short lines at most
 * seven more are line numbers, and a part has its tag, and its path in that and in the list.
 */
enum { BOUND_PER_BYTE = 2, BOUND_PER_PART = 192, BOUND_PER_PATH_BYTE = 6 };

static int64_t bound(const struct part *part)
{
	const struct part_place *place = &part->place;
	size_t names = (place->path ? strlen(place->path) : 0) +
		       (place->label ? strlen(place->label) : 0) +
		       (place->speaker ? strlen(place->speaker) : 0);

	return (int64_t)(BOUND_PER_PART + BOUND_PER_BYTE * part->len + BOUND_PER_PATH_BYTE * names);
}

static struct part copy_part(const struct part *part)
{
	char *text = part->len ? mem_alloc(part->len) : NULL;

	if (text) {
		memcpy(text, part->text, part->len);
	}
	return (struct part){
		.place =
			{
				.path = mem_strdup(part->place.path),
				.page = part->place.page,
				.label = mem_strdup(part->place.label),
				.time_ms = part->place.time_ms,
				.speaker = mem_strdup(part->place.speaker),
			},
		.text = text,
		.len = part->len,
	};
}

static int count_part(const struct load_sink *sink, const struct part *part)
{
	struct part copy = copy_part(part);
	int status = sink->part(sink->arg, &copy);

	part_finish(&copy);
	return status;
}

/* What was read before it had to be counted. */
static int count_kept(struct room *room)
{
	struct load_sink sink = tally_sink(room->counter);
	int status = 0;

	for (size_t i = 0; i < room->kept->n_document && !status; i++) {
		const struct document *document = &room->kept->document[i];
		struct document ended = {.running = document->running};

		status = sink.begin(sink.arg, document);
		for (size_t k = 0; k < document->n_part && !status; k++) {
			status = count_part(&sink, &document->part[k]);
		}
		if (!status && (i + 1 < room->kept->n_document || !room->is_open)) {
			status = sink.end(sink.arg, &ended);
		}
	}
	return status;
}

int64_t room_count(struct tokens *tokens, const struct prompt *prompt, int is_first)
{
	int64_t total_tok = 0;

	for (size_t i = 0; i < prompt->count; i++) {
		size_t len, count;
		const char *text = segment_bytes(prompt->item[i], &len);

		free(tokens_encode(tokens, text, len, TOKENS_TEXT, is_first && i == 0, &count));
		total_tok += (int64_t)count;
	}
	return total_tok;
}

static int64_t front_bytes(const struct prompt *front)
{
	size_t bytes = 0;

	for (size_t i = 0; i < front->count; i++) {
		size_t len;

		segment_bytes(front->item[i], &len);
		bytes += len;
	}
	return (int64_t)bytes;
}

/* Begin to count. A tokenizer that cannot be read is the engine's to complain about. */
static int begin_count(struct room *room)
{
	if (tokens_open(&room->tokens, room->window->model, NULL) < 0) {
		room->is_uncounted = 1;
		return 0;
	}
	if (room->used_tok < 0) {
		room->used_tok = room_count(room->tokens, room->front, 1);
	}
	room->counter = tally_begin(&room->tally, room->tokens, room->options, 0);
	return count_kept(room);
}

/* Called with what comes before it is kept. */
static int need_count(struct room *room, int64_t more_tok)
{
	int64_t used_tok = room->used_tok;

	if (!room->window || room->counter || room->is_uncounted) {
		return 0;
	}
	room->bound_tok += more_tok;
	if (used_tok < 0) {
		used_tok = front_bytes(room->front);
	}
	return used_tok + room->bound_tok < room->window->window_tok ? 0 : begin_count(room);
}

/* Once it is too much, nothing is kept any more. */
static void look_up(struct room *room)
{
	if (!room->is_over && room->counter &&
		room->used_tok + room->tally.total_tok >= room->window->window_tok) {
		struct skipped *skipped = room->kept->skipped;
		size_t count = room->kept->n_skipped, cap = room->kept->cap_skipped;

		room->is_over = 1;
		room->kept->skipped = NULL;
		room->kept->n_skipped = 0;
		load_result_finish(room->kept);
		room->kept->skipped = skipped;
		room->kept->n_skipped = count;
		room->kept->cap_skipped = cap;
	}
}

static int on_begin(void *arg, const struct document *document)
{
	struct room *room = arg;
	struct load_sink keep = load_result_sink(room->kept), count;
	int status = need_count(
		room, BOUND_PER_PART + BOUND_PER_PATH_BYTE * (int64_t)strlen(document->name));

	if (!status && room->counter) {
		count = tally_sink(room->counter);
		status = count.begin(count.arg, document);
	}
	look_up(room);
	room->is_open = 1;
	return status || room->is_over ? status : keep.begin(keep.arg, document);
}

static int on_part(void *arg, struct part *part)
{
	struct room *room = arg;
	struct load_sink keep = load_result_sink(room->kept), count;
	int status = need_count(room, bound(part));

	look_up(room);
	if (!status && room->counter) {
		count = tally_sink(room->counter);
		status = room->is_over ? count.part(count.arg, part) : count_part(&count, part);
	}
	return status || room->is_over ? status : keep.part(keep.arg, part);
}

/* What is counted has no use for headings. */
static int on_end(void *arg, struct document *document)
{
	struct room *room = arg;
	struct load_sink keep = load_result_sink(room->kept), count;
	struct document ended = {.running = document->running};
	int status = 0;

	if (room->counter) {
		count = tally_sink(room->counter);
		status = count.end(count.arg, &ended);
	}
	look_up(room);
	room->is_open = 0;
	return status || room->is_over ? status : keep.end(keep.arg, document);
}

static void on_skipped(void *arg, const struct skipped *skipped)
{
	struct room *room = arg;
	struct load_sink keep = load_result_sink(room->kept);

	keep.skipped(keep.arg, skipped);
}

struct load_sink room_sink(struct room *room)
{
	room->used_tok = room->window ? room->window->used_tok : 0;
	return (struct load_sink){on_begin, on_part, on_end, on_skipped, room};
}

int room_end(struct room *room, int status, struct err *err)
{
	if (room->counter) {
		status = tally_end(room->counter, status, err);
		room->total_tok = room->used_tok + room->tally.total_tok;
		room->is_over = room->total_tok >= room->window->window_tok;
	}
	tally_finish(&room->tally);
	tokens_close(room->tokens);
	room->counter = NULL;
	room->tokens = NULL;
	return status;
}

/*
 * Packing copies the text, and the index of the first citation folds it into a buffer that doubles:
 * what there is no room for is refused here, where that costs nothing. (Small allocations end the
 * process.)
 */
int room_check_memory(const struct load_result *loaded, struct err *err)
{
	uint64_t bytes = 0;
	void *room;

	for (size_t i = 0; i < loaded->n_document; i++) {
		for (size_t k = 0; k < loaded->document[i].n_part; k++) {
			bytes += loaded->document[i].part[k].len;
		}
	}
	room = bytes < SIZE_MAX / 4 ? malloc((size_t)(3 * bytes + 1)) : NULL;
	if (!room) {
		return err_set(err, ERR_INPUTS, NULL, "load less, or close other programs",
			"there is no memory for sources of %llu bytes", (unsigned long long)bytes);
	}
	free(room);
	return 0;
}
