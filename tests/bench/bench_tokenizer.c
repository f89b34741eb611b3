/*
 * Speed of a tokenizer on real text:
 *
 *     bench_tokenizer [-r ROUNDS] [-t THREADS] [-p PEER_COMMAND]... [-l] TOKENIZER FILE...
 *
 * TOKENIZER is a GGUF file or a tokenizer.json. Cold: a fresh encoder (empty word cache); warm: the
 * same text again; both by the thread's processor time, so that what else runs on the machine counts
 * little. Threads: the text in one segment and in segments of 4 KiB, fresh encoders, by the clock.
 * Medians over the rounds.
 *
 * PEER_COMMAND is run once per round, between ours, with the text on its standard input; it prints its
 * name and the seconds that encoding took (tests/bench/tokenizer_peer.py). -l measures long runs
 * instead of the files: every input should cost about the same per byte.
 */
#include "base/file.h"
#include "base/mem.h"
#include "engine/model/gguf.h"
#include "engine/token/crew.h"
#include "engine/token/tokenizer.h"
#include "engine/token/tokenizer_internal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX    101
#define PEERS_MAX     4
#define SEGMENT_BYTES 4096
#define LONG_BYTES    ((size_t)4 << 20)

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
		result = tokenizer_open_json(
			out, (const char *)map.data, map.size_bytes, NULL, path, err);
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

/*
 * The whole text at once, or in segments. *busy_s: the processor time of all threads, which on a machine
 * with nothing else to do is the time by the clock for each of them.
 */
static double crew_s(const struct tokenizer *tokenizer, const struct buf *text, int32_t n_thread,
	size_t segment, double *busy_s)
{
	struct tokenizer_crew *crew = tokenizer_crew_create(tokenizer, n_thread);
	size_t n = (text->len + segment - 1) / segment;
	struct crew_text *part = mem_zero(n, sizeof(*part));
	double start, busy;

	for (size_t i = 0; i < n; i++) {
		part[i].text = text->data + i * segment;
		part[i].len = i + 1 < n ? segment : text->len - i * segment;
	}
	busy = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	start = clock_s(CLOCK_MONOTONIC);
	tokenizer_crew_encode(crew, part, n, 0);
	start = clock_s(CLOCK_MONOTONIC) - start;
	*busy_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - busy;
	for (size_t i = 0; i < n; i++) {
		ids_finish(&part[i].ids);
	}
	free(part);
	tokenizer_crew_destroy(crew);
	return start;
}

struct peer {
	const char *command;
	char name[64];
	double seconds[ROUNDS_MAX];
};

struct measured {
	double cold[ROUNDS_MAX], warm[ROUNDS_MAX], split[ROUNDS_MAX], one[ROUNDS_MAX],
		many[ROUNDS_MAX], one_busy[ROUNDS_MAX], many_busy[ROUNDS_MAX];
	struct peer peer[PEERS_MAX];
	size_t n_peer, rounds;
	int32_t n_thread;
};

/* The text as the peer's standard input; it prints "NAME SECONDS". */
static int run_peer(struct peer *peer, const char *input, size_t round)
{
	char *command = mem_printf("%s <'%s'", peer->command, input);
	FILE *pipe = popen(command, "r");
	int n = pipe ? fscanf(pipe, "%63s %lf", peer->name, &peer->seconds[round]) : 0;

	while (pipe && fgetc(pipe) != EOF) { /* what else it says; it must not write to nobody */
	}
	free(command);
	if (!pipe || pclose(pipe) || n != 2 || peer->seconds[round] <= 0) {
		fprintf(stderr, "bench_tokenizer: \"%s\" did not print its name and seconds\n",
			peer->command);
		return -1;
	}
	return 0;
}

static void print_rate(const char *what, const struct buf *text, const struct measured *m,
	const double *seconds, const char *note)
{
	double sorted[ROUNDS_MAX], rate;

	memcpy(sorted, seconds, m->rounds * sizeof(*sorted));
	rate = (double)text->len * 1e-6 / median(sorted, m->rounds);
	printf("%-12s %8.1f MB/s %8.3f s  %s\n", what, rate, (double)text->len * 1e-6 / rate, note);
}

static void print_peer(const struct buf *text, struct measured *m, struct peer *peer)
{
	double cold[ROUNDS_MAX], warm[ROUNDS_MAX];
	char note[100];

	for (size_t i = 0; i < m->rounds; i++) {
		cold[i] = peer->seconds[i] / m->cold[i];
		warm[i] = peer->seconds[i] / m->warm[i];
	}
	snprintf(note, sizeof(note), "one thread; ours is %.1f times as fast cold, %.1f warm",
		median(cold, m->rounds), median(warm, m->rounds));
	print_rate(peer->name, text, m, peer->seconds, note);
}

static void print_crew(const char *what, const struct buf *text, const struct measured *m,
	const double *seconds, const double *busy)
{
	double sorted[ROUNDS_MAX];
	char threads[32], note[100];

	memcpy(sorted, busy, m->rounds * sizeof(*sorted));
	snprintf(threads, sizeof(threads), "%d threads", (int)m->n_thread);
	snprintf(note, sizeof(note), "by the clock, %s, cold; %.3f s of processors", what,
		median(sorted, m->rounds));
	print_rate(threads, text, m, seconds, note);
}

static void print_all(const struct buf *text, struct measured *m)
{
	print_rate("cold", text, m, m->cold, "one thread");
	print_rate("warm", text, m, m->warm, "one thread");
	if (m->split[0] > 0) {
		print_rate("split", text, m, m->split, "one thread, splitting alone");
	}
	print_crew("one segment", text, m, m->one, m->one_busy);
	print_crew("segments of 4 KiB", text, m, m->many, m->many_busy);
	for (size_t k = 0; k < m->n_peer; k++) {
		print_peer(text, m, &m->peer[k]);
	}
}

static int measure(const struct tokenizer *tokenizer, const struct buf *text, struct measured *m)
{
	char input[] = "/tmp/bench_tokenizer.XXXXXX";
	int fd = mkstemp(input), result = fd < 0 ? -1 : 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	struct ids ids = {0};

	if (!file || fwrite(text->data, 1, text->len, file) != text->len) {
		result = -1;
	}
	if (file) {
		fclose(file);
	}
	for (size_t i = 0; i < m->rounds && !result; i++) {
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);

		m->cold[i] = encode_s(encoder, text, &ids);
		m->warm[i] = encode_s(encoder, text, &ids);
		tokenizer_encoder_destroy(encoder);
		m->split[i] = tokenizer->splitter ? split_s(tokenizer, text) : 0;
		m->one[i] = crew_s(tokenizer, text, m->n_thread, text->len, &m->one_busy[i]);
		m->many[i] = crew_s(tokenizer, text, m->n_thread, SEGMENT_BYTES, &m->many_busy[i]);
		for (size_t k = 0; k < m->n_peer && !result; k++) {
			result = run_peer(&m->peer[k], input, i);
		}
	}
	unlink(input);
	if (!result) {
		printf("%s: %.1f MB, %zu tokens\n", tokenizer_describe(tokenizer),
			(double)text->len * 1e-6, ids.count);
		print_all(text, m);
	}
	ids_finish(&ids);
	return result;
}

/* Inputs that have made tokenizers quadratic. */
static void measure_long(const struct tokenizer *tokenizer, const struct measured *m)
{
	static const struct {
		const char *name, *unit;
	} runs[] = {
		{"one letter", "a"},
		{"alternating letters", "ab"},
		{"letters without a space", "thequickbrownfoxjumpsoverthelazydog"},
		{"combining marks", "\xcc\x81"},
		{"letter and mark", "e\xcc\x81"},
		{"spaces", " "},
		{"spaces and newlines", " \n"},
		{"digits", "7"},
		{"punctuation", "!"},
		{"apostrophes", "'"},
		{"Chinese", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
		{"not UTF-8", "\xff"},
	};
	struct buf text = BUF_INIT;

	printf("%s: runs of %zu MiB\n", tokenizer_describe(tokenizer), LONG_BYTES >> 20);
	for (size_t k = 0; k < ARRAY_LEN(runs); k++) {
		double seconds[ROUNDS_MAX], crew[ROUNDS_MAX];
		char note[64];
		double busy;

		buf_clear(&text);
		while (text.len < LONG_BYTES) {
			buf_addstr(&text, runs[k].unit);
		}
		for (size_t i = 0; i < m->rounds; i++) {
			struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
			struct ids ids = {0};

			seconds[i] = encode_s(encoder, &text, &ids);
			crew[i] = crew_s(tokenizer, &text, m->n_thread, text.len, &busy);
			ids_finish(&ids);
			tokenizer_encoder_destroy(encoder);
		}
		snprintf(note, sizeof(note), "(%d threads: %.1f MB/s)", (int)m->n_thread,
			(double)text.len * 1e-6 / median(crew, m->rounds));
		printf("%-26s %8.1f MB/s %s\n", runs[k].name,
			(double)text.len * 1e-6 / median(seconds, m->rounds), note);
	}
	buf_finish(&text);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: bench_tokenizer [-r ROUNDS] [-t THREADS] [-p PEER]... [-l] TOKENIZER "
		"FILE...\n");
	return 2;
}

static int run(const char *path, char **file, struct measured *m, int is_long)
{
	struct tokenizer *tokenizer;
	struct buf text = BUF_INIT;
	struct err err;
	double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
	int result = 0;

	if (open_tokenizer(&tokenizer, path, &err)) {
		return fail(&err);
	}
	printf("load %.1f ms\n", (clock_s(CLOCK_THREAD_CPUTIME_ID) - start) * 1e3);
	for (; *file; file++) {
		if (file_read(&text, *file, (size_t)1 << 32, &err)) {
			return fail(&err);
		}
	}
	if (is_long) {
		measure_long(tokenizer, m);
	} else {
		result = measure(tokenizer, &text, m);
	}
	buf_finish(&text);
	tokenizer_close(tokenizer);
	return result ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct measured m = {.rounds = 9, .n_thread = 2};
	int option, is_long = 0;

	while ((option = getopt(argc, argv, "r:t:p:l")) != -1) {
		if (option == 'r') {
			m.rounds = strtoul(optarg, NULL, 10);
		} else if (option == 't') {
			m.n_thread = (int32_t)strtol(optarg, NULL, 10);
		} else if (option == 'p' && m.n_peer < PEERS_MAX) {
			m.peer[m.n_peer++].command = optarg;
		} else if (option == 'l') {
			is_long = 1;
		} else {
			return usage();
		}
	}
	if (argc - optind < 2 - is_long || m.rounds < 1 || m.rounds > ROUNDS_MAX ||
		m.n_thread < 1) {
		return usage();
	}
	return run(argv[optind], argv + optind + 1, &m, is_long);
}
