#include "engine/token/crew.h"

#include "base/mem.h"
#include "engine/backend/cpus.h"
#include "engine/token/tokenizer_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS      256
#define MIN_PART_BYTES   ((size_t)64 << 10)
#define PARTS_PER_THREAD 4
/* How far from where it should be a good place to divide is looked for. */
#define SEARCH_BYTES 4096
/* So many pieces in that stretch: then no long run goes across, which parts would all walk through. */
#define ENOUGH_PIECES 16

/* One text as it is encoded, with its prefix. */
struct work_text {
	struct crew_text *text;
	char *prefixed;
	struct stopped_text stopped;
	struct text_stops stops;
	size_t first_part, n_part;
};

struct part {
	struct work_text *of;
	size_t from, to; /* what it is to do */
	size_t end;      /* what it did: to the end of a piece */
	struct ids ids;
	struct text_stops stops; /* that begin in it */
	struct piece_trace trace;
};

struct tokenizer_crew {
	const struct tokenizer *tokenizer;
	int32_t n_thread, n_now;                        /* n_now: for the present texts */
	struct tokenizer_encoder *encoder[MAX_THREADS]; /* made when first needed */
	struct work_text *work;
	struct part *part;
	size_t n_part, cap_part;
};

struct tokenizer_crew *tokenizer_crew_create(const struct tokenizer *tokenizer, int32_t n_thread)
{
	struct tokenizer_crew *crew = mem_zero(1, sizeof(*crew));

	crew->tokenizer = tokenizer;
	crew->n_thread = n_thread;
	if (n_thread <= 0) {
		struct cpus cpus;

		cpus_init(&cpus, NULL);
		crew->n_thread = cpus.n_cpu;
		cpus_finish(&cpus);
	}
	crew->n_thread = crew->n_thread < 1             ? 1
			 : crew->n_thread > MAX_THREADS ? MAX_THREADS
							: crew->n_thread;
	return crew;
}

void tokenizer_crew_destroy(struct tokenizer_crew *crew)
{
	if (crew) {
		for (int32_t i = 0; i < crew->n_thread; i++) {
			tokenizer_encoder_destroy(crew->encoder[i]);
		}
		free(crew->part);
		free(crew);
	}
}

/* ---- threads ---- */

struct round {
	struct tokenizer_crew *crew;
	void (*fn)(
		struct tokenizer_crew *crew, struct part *part, struct tokenizer_encoder *encoder);
	atomic_size_t next;
};

struct hand {
	struct round *round;
	struct tokenizer_encoder **encoder;
	pthread_t thread;
};

static void *take_parts(void *arg)
{
	struct hand *hand = arg;
	struct round *round = hand->round;
	struct tokenizer_crew *crew = round->crew;
	size_t i;

	while ((i = atomic_fetch_add(&round->next, 1)) < crew->n_part) {
		if (!*hand->encoder) {
			*hand->encoder = tokenizer_encoder_create(crew->tokenizer);
		}
		round->fn(crew, &crew->part[i], *hand->encoder);
	}
	return NULL;
}

/* fn over all parts; a thread that cannot be made is done without. */
static void for_parts(struct tokenizer_crew *crew,
	void (*fn)(struct tokenizer_crew *, struct part *, struct tokenizer_encoder *))
{
	struct round round = {.crew = crew, .fn = fn};
	struct hand hand[MAX_THREADS];
	int32_t n = 1;

	for (; n < crew->n_now && (size_t)n < crew->n_part; n++) {
		hand[n] = (struct hand){.round = &round, .encoder = &crew->encoder[n]};
		if (pthread_create(&hand[n].thread, NULL, take_parts, &hand[n])) {
			break;
		}
	}
	hand[0] = (struct hand){.round = &round, .encoder = &crew->encoder[0]};
	take_parts(&hand[0]);
	while (--n > 0) {
		pthread_join(hand[n].thread, NULL);
	}
}

/* ---- parts ---- */

static int is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int has_pieces(const struct tokenizer *t, const char *text, size_t len)
{
	size_t end[ENOUGH_PIECES];

	return t->splitter->split(text, len, end, ENOUGH_PIECES) == ENOUGH_PIECES;
}

/* SentencePiece: between characters that stand together inside no token, a piece ends for certain. */
static size_t place_between_tokens(
	const struct tokenizer *t, const char *text, size_t len, size_t from, size_t stop)
{
	for (size_t at = from; at < stop; at++) {
		if ((text[at] & 0xc0) != 0x80 &&
			!joint_inside_token(t, (uint8_t)text[at - 1], (uint8_t)text[at])) {
			return at;
		}
	}
	return len;
}

/*
 * A place from `near` on where a piece begins nearly surely, whatever the splitter: a space between
 * words, else what follows a newline, else any character where pieces are short. len: none.
 */
static size_t good_place(const struct tokenizer *t, const char *text, size_t len, size_t near)
{
	size_t stop = len - near > SEARCH_BYTES ? near + SEARCH_BYTES : len, newline = len;

	if (!t->splitter) {
		return place_between_tokens(t, text, len, near, stop);
	}
	for (size_t at = near + 1; at + 1 < stop; at++) {
		if (text[at] == ' ' && is_word(text[at - 1]) && is_word(text[at + 1])) {
			return at;
		}
		if (newline == len && text[at - 1] == '\n' && is_word(text[at])) {
			newline = at;
		}
	}
	if (newline != len) {
		return newline;
	}
	while (near < stop && (text[near] & 0xc0) == 0x80) {
		near++;
	}
	return near < stop && has_pieces(t, text + near, stop - near) ? near : len;
}

static void add_part(struct tokenizer_crew *crew, struct work_text *work, size_t from, size_t to)
{
	mem_grow(crew->part, crew->n_part, crew->cap_part);
	crew->part[crew->n_part++] = (struct part){.of = work, .from = from, .to = to};
	work->n_part++;
}

static void divide(
	struct tokenizer_crew *crew, struct work_text *work, size_t part_bytes, int anywhere)
{
	const char *text = work->stopped.text;
	size_t len = work->stopped.len, from = 0;

	work->first_part = crew->n_part;
	while (from < len) {
		size_t to = len;

		/* Runs of unknown characters are one token, which parts would divide. */
		if (len - from > part_bytes && crew->tokenizer->unknown == NO_TOKEN) {
			to = anywhere ? from + part_bytes
				      : good_place(crew->tokenizer, text, len, from + part_bytes);
			/* A run without any: look further, a part away. */
			for (size_t near = from + part_bytes;
				to == len && len - near > part_bytes;) {
				near += part_bytes;
				to = good_place(crew->tokenizer, text, len, near);
			}
		}
		add_part(crew, work, from, to);
		from = to;
	}
}

static void find_stops(
	struct tokenizer_crew *crew, struct part *part, struct tokenizer_encoder *encoder)
{
	const struct stopped_text *text = &part->of->stopped;

	(void)encoder;
	text_stops_find(&part->stops, crew->tokenizer, text->text, text->len, part->from, part->to);
}

static void encode_part(
	struct tokenizer_crew *crew, struct part *part, struct tokenizer_encoder *encoder)
{
	(void)crew;
	part->end = encoder_encode_between(
		encoder, &part->of->stopped, part->from, part->to, &part->ids, &part->trace);
}

static void add_ids(struct ids *to, const struct ids *from, size_t first)
{
	size_t n = from->count - first;

	if (to->cap - to->count < n) {
		to->cap = to->count + n;
		to->id = mem_resize(to->id, to->cap, sizeof(*to->id));
	}
	if (n) {
		memcpy(to->id + to->count, from->id + first, n * sizeof(*to->id));
	}
	to->count += n;
}

/* The ids of `part` from where the text is done to; returns where it is done to then. */
static size_t join_part(
	struct tokenizer_crew *crew, const struct part *part, size_t done, struct ids *out)
{
	const struct piece_trace *trace = &part->trace;

	for (size_t i = 0; i < trace->n && done < part->end;) {
		if (trace->at[i] == done) {
			add_ids(out, &part->ids, trace->n_ids[i]);
			return part->end;
		}
		if (trace->at[i] < done) {
			i++;
		} else {
			done = encoder_encode_between(
				crew->encoder[0], &part->of->stopped, done, done + 1, out, NULL);
		}
	}
	return done < part->end ? encoder_encode_between(crew->encoder[0], &part->of->stopped, done,
					  part->end, out, NULL)
				: done;
}

static void join(struct tokenizer_crew *crew, struct work_text *work)
{
	struct ids *out = &work->text->ids;
	struct part *part = &crew->part[work->first_part];
	size_t done = 0, total = 0;

	if (work->n_part && !out->count) { /* nothing is copied where there is one part */
		ids_finish(out);
		*out = part->ids;
		part->ids = (struct ids){0};
		done = part->end;
	}
	for (size_t i = 0; i < work->n_part; i++) {
		total += part[i].ids.count;
	}
	if (work->n_part > 1 && out->cap - out->count < total) {
		out->cap = out->count + total;
		out->id = mem_resize(out->id, out->cap, sizeof(*out->id));
	}
	for (size_t i = 0; i < work->n_part; i++) {
		if (done < part[i].end) {
			done = join_part(crew, &part[i], done, out);
		}
		ids_finish(&part[i].ids);
	}
}

static void prepare(struct tokenizer_crew *crew, struct work_text *work, struct crew_text *text,
	size_t part_bytes, int anywhere)
{
	work->text = text;
	if (!text->len) {
		return;
	}
	work->prefixed = tokenizer_prefixed(crew->tokenizer, text->text, text->len, text->first);
	work->stopped = (struct stopped_text){
		.text = work->prefixed ? work->prefixed : text->text,
		.len = text->len + (work->prefixed != NULL),
		.matcher = &crew->tokenizer->user,
		.stops = &work->stops,
	};
	text_stops_edges(&work->stops, crew->tokenizer, work->stopped.text, work->stopped.len);
	divide(crew, work, part_bytes, anywhere);
}

void tokenizer_crew_encode(
	struct tokenizer_crew *crew, struct crew_text *text, size_t n_text, size_t part_bytes)
{
	struct work_text *work = mem_zero(n_text ? n_text : 1, sizeof(*work));
	size_t total = 0, parts = (size_t)crew->n_thread * PARTS_PER_THREAD, good;

	for (size_t i = 0; i < n_text; i++) {
		total += text[i].len;
	}
	crew->n_now = total < CREW_WORTH_BYTES && !part_bytes ? 1 : crew->n_thread;
	good = crew->n_thread == 1 ? SIZE_MAX : total / parts + 1;
	good = good < MIN_PART_BYTES ? MIN_PART_BYTES : good;
	crew->n_part = 0;
	for (size_t i = 0; i < n_text; i++) {
		prepare(crew, &work[i], &text[i], part_bytes ? part_bytes : good, part_bytes != 0);
	}
	if (!crew->encoder[0]) {
		crew->encoder[0] = tokenizer_encoder_create(crew->tokenizer);
	}
	if (crew->tokenizer->user.count || crew->tokenizer->n_marker) {
		for_parts(crew, find_stops);
		for (size_t i = 0; i < crew->n_part; i++) {
			text_stops_add(&crew->part[i].of->stops, &crew->part[i].stops);
			text_stops_finish(&crew->part[i].stops);
		}
	}
	for_parts(crew, encode_part);
	for (size_t i = 0; i < n_text; i++) {
		join(crew, &work[i]);
		text_stops_finish(&work[i].stops);
		free(work[i].prefixed);
	}
	free(work);
}

size_t tokenizer_crew_parts(const struct tokenizer_crew *crew)
{
	return crew->n_part;
}
