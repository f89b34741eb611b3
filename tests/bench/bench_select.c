/*
 * How often the passage that answers is among the best, by words, by the vectors of a model, and by both:
 * of the questions of tests/bench/reading, on its corpus.
 *
 * usage: bench_select MODEL QUESTIONS.jsonl CORPUS
 */
#include "base/mem.h"
#include "engine/engine.h"
#include "loaders/load.h"
#include "session/library.h"
#include "session/retrieve.h"
#include "session/vectors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 256, WAYS = 7, DEPTHS = 4 };

static const struct {
	const char *name;
	double words, vectors;
} way[WAYS] = {{"words", 1, 0}, {"vectors", 0, 1}, {"words + 0.1 vectors", 1, 0.1},
	{"words + 0.25 vectors", 1, 0.25}, {"words + 0.5 vectors", 1, 0.5},
	{"words + vectors", 1, 1}, {"0.5 words + vectors", 0.5, 1}};
static const size_t depth[DEPTHS] = {1, 5, 10, 20};

struct tally {
	const char *kind;
	int n, hit[WAYS][DEPTHS];
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void must(int status, const struct err *err)
{
	char text[1024];

	if (status < 0) {
		fprintf(stderr, "bench_select: %s\n", err_format(err, text, sizeof(text)));
		exit(1);
	}
}

/* Bytes [from, to) of a text are its lines first ... last. */
static void bytes_of(const struct part *part, int64_t first, int64_t last, size_t *from, size_t *to)
{
	int64_t line = 1;

	*from = *to = part->len;
	for (size_t i = 0; i < part->len; i++) {
		if (line == first && *from == part->len) {
			*from = i;
		}
		line += part->text[i] == '\n';
		if (line > last) {
			*to = i + 1;
			return;
		}
	}
}

static int holds(const struct library_source *source, const struct slice *slice, json_t *question)
{
	const char *path = json_string_value(json_object_get(question, "path"));

	for (size_t i = slice->first; i <= slice->last; i++) {
		const struct part *part = &source->document->part[i];
		size_t from, to;

		if (!part->place.path || strcmp(part->place.path, path) != 0) {
			continue;
		}
		bytes_of(part, json_integer_value(json_object_get(question, "line_first")),
			json_integer_value(json_object_get(question, "line_last")), &from, &to);
		if ((i > slice->first || slice->at < to) &&
			(i < slice->last || slice->end > from)) {
			return 1;
		}
	}
	return 0;
}

static int is_answer(const struct library *library, size_t number, json_t *question)
{
	const struct chunk *chunk;
	const struct library_source *source = library_chunk(library, number, &chunk);

	return holds(source, &chunk->slice, question);
}

static void count(struct tally *tally, int which, const struct library *library,
	const struct ranked *ranked, size_t n, json_t *question)
{
	size_t at = 0;

	while (at < n && at < depth[DEPTHS - 1] &&
		!is_answer(library, ranked[at].chunk, question)) {
		at++;
	}
	for (int i = 0; i < DEPTHS; i++) {
		tally->hit[which][i] += at < n && at < depth[i];
	}
}

static void ask(struct tally *tally, const struct library *library, struct retrieve *words,
	struct vectors *vectors, json_t *question)
{
	const char *text = json_string_value(json_object_get(question, "text"));
	struct ranked *by_words, *by_vectors, *merged;
	size_t n_words, n_vectors, n_merged;
	struct err err;

	must(retrieve_rank(words, text, strlen(text), MOST, &by_words, &n_words, &err), &err);
	must(vectors_rank(vectors, text, strlen(text), MOST, NULL, &by_vectors, &n_vectors, &err),
		&err);
	tally->n++;
	for (int i = 0; i < WAYS; i++) {
		const struct ranking ranking[] = {
			{by_words, way[i].words > 0 ? n_words : 0, way[i].words},
			{by_vectors, way[i].vectors > 0 ? n_vectors : 0, way[i].vectors}};

		retrieve_merge(ranking, 2, &merged, &n_merged);
		count(tally, i, library, merged, n_merged, question);
		free(merged);
	}
	free(by_words);
	free(by_vectors);
}

static void ask_all(const char *path, const struct library *library, struct retrieve *words,
	struct vectors *vectors)
{
	struct tally tally[] = {{.kind = "planted"}, {.kind = "natural"}};
	FILE *file = fopen(path, "r");
	double begun_s = now_s();
	char *line = NULL;
	size_t cap = 0;

	while (file && getline(&line, &cap, file) > 0) {
		json_t *question = json_loads(line, 0, NULL);
		const char *kind = json_string_value(json_object_get(question, "kind"));

		for (size_t i = 0; kind && i < ARRAY_LEN(tally); i++) {
			if (strcmp(kind, tally[i].kind) == 0) {
				ask(&tally[i], library, words, vectors, question);
			}
		}
		json_decref(question);
	}
	printf("%d questions, %.0f ms each\n", tally[0].n + tally[1].n,
		1e3 * (now_s() - begun_s) / (tally[0].n + tally[1].n));
	for (size_t k = 0; k < ARRAY_LEN(tally); k++) {
		printf("%s (%d), the answer among the best 1, 5, 10, 20 passages\n", tally[k].kind,
			tally[k].n);
		for (int i = 0; i < WAYS; i++) {
			printf("  %-22s", way[i].name);
			for (int d = 0; d < DEPTHS; d++) {
				printf(" %5.3f", (double)tally[k].hit[i][d] / tally[k].n);
			}
			printf("\n");
		}
	}
	free(line);
	if (file) {
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	struct session *session = session_create(&(struct session_config){0});
	struct engine_config config = {.model = argc > 1 ? argv[1] : NULL};
	const struct library *library;
	struct load_result loaded = {0};
	struct retrieve *words;
	struct vectors *vectors;
	struct engine *engine;
	double begun_s;
	struct err err;

	if (argc != 4) {
		fprintf(stderr, "usage: bench_select MODEL QUESTIONS.jsonl CORPUS\n");
		return 2;
	}
	must(load_paths(&loaded, (const char *const *)&argv[3], 1, NULL, &err), &err);
	session_add_sources(session, &loaded);
	must(engine_open(&engine, &config, &err), &err);
	must(engine_wait_ready(engine, &err), &err);
	must(session_library(session, engine, 0, NULL, &library, &err), &err);
	begun_s = now_s();
	must(retrieve_open(&words, library, NULL, NULL, &err), &err);
	printf("%zu passages of %lld tokens; words: %.1f s; ", library->n_chunk,
		(long long)library->tokens, now_s() - begun_s);
	begun_s = now_s();
	must(vectors_open(&vectors, library, NULL, engine, &err), &err);
	must(vectors_make(vectors, NULL, &err), &err);
	printf("vectors: %.1f s, %.0f tok/s\n", now_s() - begun_s,
		engine_info(engine)->embed_tok_per_s);
	ask_all(argv[2], library, words, vectors);
	vectors_close(vectors);
	retrieve_close(words);
	load_result_finish(&loaded);
	session_destroy(session);
	engine_close(engine);
	return 0;
}
