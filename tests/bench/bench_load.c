/*
 * Loads what is named, sandbox included, throws the text away, and prints one line of JSON: seconds,
 * what came, and the most memory that this process held.
 *
 * usage: bench_load PATH...
 */
#include "loaders/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct tally {
	int64_t n_documents, n_parts, n_pages, n_bytes, n_skipped, n_unreadable;
	enum document_kind kind;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int begin(void *arg, const struct document *document)
{
	struct tally *tally = arg;

	tally->n_documents++;
	tally->kind = document->kind;
	return 0;
}

static int part(void *arg, struct part *part)
{
	struct tally *tally = arg;

	tally->n_parts++;
	tally->n_pages += tally->kind == DOCUMENT_PDF;
	tally->n_bytes += (int64_t)part->len;
	return 0;
}

static int end(void *arg, struct document *document)
{
	return 0;
}

static void skipped(void *arg, const struct skipped *skipped)
{
	struct tally *tally = arg;

	tally->n_skipped++;
	if (skipped->is_unreadable) {
		tally->n_unreadable++;
		fprintf(stderr, "bench_load: %s: %s\n", skipped->path, skipped->reason);
	}
}

int main(int argc, char **argv)
{
	struct tally tally = {0};
	struct load_sink sink = {begin, part, end, skipped, &tally};
	struct load_options options = {0};
	struct rusage usage;
	struct err err;
	char text[1024];
	double began_s = now_s(), seconds;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_load PATH...\n");
		return 2;
	}
	if (load_each((const char *const *)argv + 1, (size_t)argc - 1, &options, &sink, &err) < 0) {
		fprintf(stderr, "bench_load: %s\n", err_format(&err, text, sizeof(text)));
		return (int)err.code;
	}
	seconds = now_s() - began_s;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"seconds\": %.6f, \"documents\": %lld, \"parts\": %lld, \"pages\": %lld, "
	       "\"bytes\": %lld, \"skipped\": %lld, \"unreadable\": %lld, \"peak_kib\": %ld}\n",
		seconds, (long long)tally.n_documents, (long long)tally.n_parts,
		(long long)tally.n_pages, (long long)tally.n_bytes, (long long)tally.n_skipped,
		(long long)tally.n_unreadable, usage.ru_maxrss);
	return tally.n_unreadable ? 6 : 0;
}
