/*
 * Speed of a tokenizer on real text, one thread:
 *
 *     bench_tokenizer [-r ROUNDS] [-p PEER_COMMAND] TOKENIZER FILE...
 *
 * TOKENIZER is a GGUF file or a tokenizer.json. Cold: a fresh encoder (empty word cache); warm: the
 * same text again. Medians over the rounds, of the thread's processor time, so that what else runs on
 * the machine counts little. PEER_COMMAND is run once per round with the text on its
 * standard input, between ours, and its wall time is printed beside; "cat >/dev/null" shows what
 * starting it costs.
 */
#include "base/file.h"
#include "base/mem.h"
#include "engine/model/gguf.h"
#include "engine/token/tokenizer.h"
#include "engine/token/tokenizer_internal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 101

static double clock_s(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), by_value);
	return value[n / 2];
}

static int fail(const struct err *err)
{
	char text[1024];

	fprintf(stderr, "bench_tokenizer: %s\n", err_format(err, text, sizeof(text)));
	return 1;
}

static int open_tokenizer(struct tokenizer **out, const char *path, struct err *err)
{
	struct file_map map;
	struct gguf *gguf;
	int result;

	if (file_map_open(&map, path, ERR_ENGINE, err)) {
		return -1;
	}
	if (map.size_bytes && map.data[0] == '{') {
		result =
			tokenizer_open_json(out, (const char *)map.data, map.size_bytes, path, err);
		file_map_close(&map);
		return result;
	}
	file_map_close(&map);
	if (gguf_open(&gguf, path, err)) {
		return -1;
	}
	result = tokenizer_open_gguf(out, gguf, err);
	gguf_close(gguf);
	return result;
}

static double encode_s(struct tokenizer_encoder *encoder, const struct buf *text, struct ids *ids)
{
	double start = clock_s(CLOCK_THREAD_CPUTIME_ID);

	ids->count = 0;
	tokenizer_encode_text(encoder, text->data, text->len, 0, ids);
	return clock_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

static double split_s(const struct tokenizer *tokenizer, const struct buf *text)
{
	double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
	size_t end[64];

	for (size_t at = 0; at < text->len;) {
		size_t n = tokenizer->splitter->split(text->data + at, text->len - at, end, 64);

		at += end[n - 1];
	}
	return clock_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

static double peer_s(const char *command, const struct buf *text)
{
	double start = clock_s(CLOCK_MONOTONIC);
	FILE *pipe = popen(command, "w");

	if (pipe) {
		fwrite(text->data, 1, text->len, pipe);
		pclose(pipe);
	}
	return clock_s(CLOCK_MONOTONIC) - start;
}

static void print_rate(const char *what, const struct buf *text, double *seconds, size_t n)
{
	printf("%-8s %8.1f MB/s\n", what, (double)text->len * 1e-6 / median(seconds, n));
}

static void measure(
	const struct tokenizer *tokenizer, const struct buf *text, const char *peer, size_t rounds)
{
	double cold[ROUNDS_MAX], warm[ROUNDS_MAX], split[ROUNDS_MAX], other[ROUNDS_MAX];
	struct ids ids = {0};

	for (size_t i = 0; i < rounds; i++) {
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);

		cold[i] = encode_s(encoder, text, &ids);
		warm[i] = encode_s(encoder, text, &ids);
		split[i] = tokenizer->splitter ? split_s(tokenizer, text) : 0;
		other[i] = peer ? peer_s(peer, text) : 0;
		tokenizer_encoder_destroy(encoder);
	}
	printf("%s: %.1f MB, %zu tokens\n", tokenizer_describe(tokenizer), (double)text->len * 1e-6,
		ids.count);
	print_rate("cold", text, cold, rounds);
	print_rate("warm", text, warm, rounds);
	if (tokenizer->splitter) {
		print_rate("split", text, split, rounds);
	}
	if (peer) {
		print_rate("peer", text, other, rounds);
	}
	ids_finish(&ids);
}

int main(int argc, char **argv)
{
	struct tokenizer *tokenizer;
	struct buf text = BUF_INIT;
	const char *peer = NULL;
	long rounds = 9;
	struct err err;
	double start;
	int option;

	while ((option = getopt(argc, argv, "r:p:")) != -1) {
		if (option == 'r') {
			rounds = strtol(optarg, NULL, 10);
		} else if (option == 'p') {
			peer = optarg;
		} else {
			return 2;
		}
	}
	if (argc - optind < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_tokenizer [-r ROUNDS] [-p PEER] TOKENIZER FILE...\n");
		return 2;
	}
	start = clock_s(CLOCK_THREAD_CPUTIME_ID);
	if (open_tokenizer(&tokenizer, argv[optind], &err)) {
		return fail(&err);
	}
	printf("load     %8.1f ms\n", (clock_s(CLOCK_THREAD_CPUTIME_ID) - start) * 1e3);
	for (int i = optind + 1; i < argc; i++) {
		if (file_read(&text, argv[i], (size_t)1 << 32, &err)) {
			return fail(&err);
		}
	}
	measure(tokenizer, &text, peer, (size_t)rounds);
	buf_finish(&text);
	tokenizer_close(tokenizer);
	return 0;
}
