/*
 * How fast attention is beside what the machine can do in the same minute: prefill of 512 tokens
 * and decode of one token at two depths, over pages of several layers so that no cache holds them.
 * Reading is measured by the clock on the wall; arithmetic also by the threads' own time, which
 * others on the machine disturb less.
 *
 * Each is shown without a window and, unless it is 0, with a sliding window.
 *
 *   bench_attention [ISA [KV_TYPE [THREADS [WINDOW]]]]      default: the best, q8, 2, 1024
 */
#include "kernels/cpu/kernels_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 64

struct job {
	void (*function)(struct job *job, int thread);
	const struct cpu_kernel *kernel;
	struct op *op;
	struct op_env *env;
	int64_t n_item;
	_Atomic int64_t next;
	const uint8_t *bytes;
	int64_t n_bytes;
	int n_thread;
};

struct worker {
	struct job *job;
	int thread;
};

static double now_s(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;

	worker->job->function(worker->job, worker->thread);
	return NULL;
}

static double run_threads(struct job *job)
{
	pthread_t thread[MAX_THREADS];
	struct worker worker[MAX_THREADS];
	double start = now_s(CLOCK_MONOTONIC);

	job->next = 0;
	for (int i = 0; i < job->n_thread; i++) {
		worker[i] = (struct worker){job, i};
		if (i > 0 && pthread_create(&thread[i], NULL, worker_main, &worker[i]) != 0) {
			perror("bench_attention: cannot start a thread");
			exit(1);
		}
	}
	worker_main(&worker[0]);
	for (int i = 1; i < job->n_thread; i++) {
		pthread_join(thread[i], NULL);
	}
	return now_s(CLOCK_MONOTONIC) - start;
}

static void run_items(struct job *job, int thread)
{
	int64_t layers = job->op->attention.layer;
	int64_t n = job->n_item * layers;

	(void)thread;
	for (int64_t i = job->next++; i < n; i = job->next++) {
		struct op op = *job->op;

		op.attention.layer = (int32_t)(i / job->n_item);
		job->kernel->run(&op, job->env, i % job->n_item, i % job->n_item + 1);
	}
}

static _Atomic uint64_t sink;

static void read_bytes(struct job *job, int thread)
{
	const uint64_t *at = (const void *)(job->bytes + job->n_bytes / job->n_thread * thread);
	const uint64_t *end = at + job->n_bytes / job->n_thread / 64 * 8;
	uint64_t sum[8] = {0};

	for (; at < end; at += 8) {
		for (int i = 0; i < 8; i++) {
			sum[i] ^= at[i];
		}
	}
	for (int i = 0; i < 8; i++) {
		sink ^= sum[i];
	}
}

/* Integer dot products, operations per second of a thread's own time. */
static double dot_probe(enum cpu_isa isa)
{
	double best = 0;
	uint64_t result;

	for (int i = 0; i < 9; i++) {
		double start = now_s(CLOCK_THREAD_CPUTIME_ID);
		int64_t ops = cpu_dot_probe(isa)(2000000, &result);
		double rate = (double)ops / (now_s(CLOCK_THREAD_CPUTIME_ID) - start);

		sink ^= result;
		best = rate > best ? rate : best;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *x, int n)
{
	qsort(x, (size_t)n, sizeof(*x), compare);
	return x[n / 2];
}

/* Attention by the last n_row tokens of a sequence of n_tok, to all of it or to a window. */
static void bench(enum cpu_isa isa, enum kv_type type, int n_thread, int32_t head_dim,
	int64_t n_tok, int64_t n_row, int64_t window_tok, int32_t n_layer)
{
	const int32_t n_head = 32, n_kv_head = 8;
	struct kv_layout kv = kv_layout_of(type, n_layer, n_kv_head, head_dim);
	int64_t n_page = (n_tok + KV_PAGE_TOK - 1) / KV_PAGE_TOK, elems = n_row * n_head * head_dim;
	uint8_t *bytes = aligned_alloc(64, (size_t)(n_page * kv.page_bytes));
	uint8_t **page = malloc((size_t)n_page * sizeof(*page));
	float *q = malloc((size_t)elems * sizeof(*q)), *out = malloc((size_t)elems * sizeof(*out));
	uint8_t *buffer[] = {(uint8_t *)q, (uint8_t *)out};
	struct op_sequence sequence = {0, n_row, n_tok - n_row, page};
	struct op_env env = {.buffer = buffer,
		.n_row = n_row,
		.sequence = &sequence,
		.n_sequence = 1,
		.kv = &kv};
	struct op op = {.kind = OP_ATTENTION,
		.attention = {{0, 0}, {1, 0}, n_layer, n_head, 0.125f, window_tok, 0}};
	struct job job = {.function = run_items,
		.kernel = &cpu_kernels(isa)[OP_ATTENTION],
		.op = &op,
		.env = &env,
		.n_thread = n_thread};
	struct job probe = {.function = read_bytes,
		.bytes = bytes,
		.n_bytes = n_page * kv.page_bytes,
		.n_thread = n_thread};
	double seconds[9], probe_seconds[9], least_cpu = 1e9;
	double ops = 0, read;

	/* numbers of every sign whose scales are ordinary: any bytes with exponents near zero */
	for (int64_t i = 0; i < n_page * kv.page_bytes; i += 4) {
		bytes[i] = (uint8_t)(i * 7 >> 3), bytes[i + 1] = (uint8_t)(0x30 | (i >> 5 & 3));
		bytes[i + 2] = (uint8_t)(i * 13 >> 4), bytes[i + 3] = 0x3c;
	}
	for (int64_t i = 0; i < n_page; i++) {
		page[i] = bytes + i * kv.page_bytes;
	}
	for (int64_t i = 0; i < elems; i++) {
		q[i] = (float)(i * 2654435761u % 1000) * 0.001f - 0.5f;
	}
	for (int64_t i = 0; i < n_row; i++) {
		int64_t pos = n_tok - n_row + i;
		int64_t n_seen = pos + 1 - attention_first_pos(&op.attention, pos);

		ops += 4.0 * head_dim * n_head * (double)n_seen * n_layer;
	}
	read = (double)(n_tok - attention_first_pos(&op.attention, n_tok - n_row)) *
	       (double)kv.layer_bytes / KV_PAGE_TOK * n_layer;
	job.n_item = job.kernel->items(&op, &env);
	for (int i = 0; i < 9; i++) {
		double cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);

		seconds[i] = run_threads(&job);
		cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		least_cpu = cpu < least_cpu ? cpu : least_cpu;
		probe_seconds[i] = run_threads(&probe);
	}
	printf("%-8s %4d %7lld %7lld %9.3f ms %8.1f GOP/s", n_row == 1 ? "decode" : "prefill",
		head_dim, (long long)n_tok, (long long)window_tok,
		median(seconds, 9) * 1e3 / n_layer, ops / median(seconds, 9) * 1e-9);
	if (n_row > 1) {
		printf(", %.1f by the threads' time", ops / least_cpu * n_thread * 1e-9);
	} else {
		printf(" %7.1f GB/s, %.1f by the threads' time, reading alone %.1f",
			read / median(seconds, 9) * 1e-9, read / least_cpu * n_thread * 1e-9,
			(double)probe.n_bytes / median(probe_seconds, 9) * 1e-9);
	}
	printf("\n");
	fflush(stdout);
	free(bytes);
	free(page);
	free(q);
	free(out);
}

int main(int argc, char **argv)
{
	enum cpu_isa isa = cpu_isa_best();
	enum kv_type type = KV_Q8;
	int n_thread = argc > 3 ? atoi(argv[3]) : 2;
	int window_tok = argc > 4 ? atoi(argv[4]) : 1024;

	for (int i = 0; argc > 1 && i < CPU_ISA_COUNT; i++) {
		if (strcmp(argv[1], cpu_isa_name((enum cpu_isa)i)) == 0) {
			isa = (enum cpu_isa)i;
		}
	}
	for (int i = KV_Q8; argc > 2 && i <= KV_F32; i++) {
		if (strcmp(argv[2], kv_type_name((enum kv_type)i)) == 0) {
			type = (enum kv_type)i;
		}
	}
	if (!cpu_isa_supported(isa) || n_thread < 1 || n_thread > MAX_THREADS || window_tok < 0) {
		fprintf(stderr,
			"usage: bench_attention [portable|avx2|avx512 [q8|f16|f32 [1-64 [0-]]]]\n");
		return 2;
	}
	printf("%s, KV %s, %d threads; time of one layer, 32 heads, 8 KV heads\n",
		cpu_isa_name(isa), kv_type_name(type), n_thread);
	printf("integer dot products by the threads' time: %.1f GOP/s\n",
		dot_probe(isa) * n_thread * 1e-9);
	printf("%-8s %4s %7s %7s\n", "", "head", "depth", "window");
	for (int32_t head_dim = 64; head_dim <= 256; head_dim *= 2) {
		for (int64_t n_tok = 4096; n_tok <= 16384; n_tok *= 4) {
			int32_t n_layer = (int32_t)(16 * 16384 / n_tok * 64 / head_dim / 2);

			for (int window = 0; window <= window_tok; window += window_tok) {
				bench(isa, type, n_thread, head_dim, n_tok, 512, window, 1);
				bench(isa, type, n_thread, head_dim, n_tok, 1, window, n_layer);
				if (window_tok == 0) {
					break;
				}
			}
		}
	}
	return 0;
}
