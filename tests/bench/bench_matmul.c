/*
 * Products alone, beside what the machine can do in the same minute:
 *
 *     bench_matmul [-t THREADS] [-i portable|avx2|avx512] [-d DTYPE] [-n ROWS] [-k K] [-m M]
 *
 * Without -n, -k, -m: the shapes of a Llama-3.2-1B, at 512 rows and at one. GOP/s counts two
 * operations per weight and row; GB/s counts packed weights only. Probes and products alternate, and
 * each figure is a median, because a virtual machine's speed changes from second to second.
 */
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/probe.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS_MAX 256
#define ROUNDS      9

struct job {
	const struct cpu_kernel *kernel;
	const struct op *op;
	const struct op_env *env;
	atomic_llong next;
	int64_t items;
};

static double now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *work(void *arg)
{
	struct job *job = arg;

	for (;;) {
		int64_t item = atomic_fetch_add(&job->next, 1);

		if (item >= job->items) {
			return NULL;
		}
		job->kernel->run(job->op, job->env, item, item + 1);
	}
}

/* Runs the op `times` times; seconds for one. Threads are started once per round of runs. */
struct crew {
	struct job *jobs;
	int times;
	pthread_barrier_t *barrier;
};

static void *crew_member(void *arg)
{
	struct crew *crew = arg;

	for (int i = 0; i < crew->times; i++) {
		pthread_barrier_wait(crew->barrier);
		work(&crew->jobs[i]);
	}
	return NULL;
}

static double run_op(const struct cpu_kernel *kernels, const struct op *op,
	const struct op_env *env, int n_thread, int times)
{
	struct job *jobs = calloc((size_t)times, sizeof(*jobs));
	pthread_t threads[THREADS_MAX];
	pthread_barrier_t barrier;
	struct crew crew = {.jobs = jobs, .times = times, .barrier = &barrier};
	double start;

	for (int i = 0; i < times; i++) {
		jobs[i].kernel = &kernels[op->kind];
		jobs[i].op = op;
		jobs[i].env = env;
		jobs[i].items = jobs[i].kernel->items(op, env);
	}
	pthread_barrier_init(&barrier, NULL, (unsigned)n_thread);
	start = now_s();
	for (int t = 1; t < n_thread; t++) {
		pthread_create(&threads[t], NULL, crew_member, &crew);
	}
	crew_member(&crew);
	for (int t = 1; t < n_thread; t++) {
		pthread_join(threads[t], NULL);
	}
	start = now_s() - start;
	pthread_barrier_destroy(&barrier);
	free(jobs);
	return start / times;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void *alloc_aligned(int64_t bytes)
{
	void *memory = aligned_alloc(1 << 21, ((size_t)bytes + (1 << 21)) >> 21 << 21);

	if (!memory) {
		fprintf(stderr, "bench_matmul: not enough memory\n");
		exit(1);
	}
	madvise(memory, (size_t)bytes, MADV_HUGEPAGE); /* as the engine's buffers are */
	return memory;
}

struct shape {
	int64_t n, k, m;
};

/* Weights are random bytes under small scales, written packed: their values do not matter. */
static void fill_weights(uint8_t *at, int64_t bytes)
{
	uint32_t state = 1;

	for (int64_t i = 0; i < bytes; i++) {
		state = state * 1664525 + 1013904223;
		at[i] = (uint8_t)(state >> 24 & 0x37); /* no infinite half or float */
	}
}

static void bench_shape(enum cpu_isa isa, enum dtype dtype, struct shape shape, int n_thread)
{
	/* A model reads every weight once per batch: enough copies that no cache holds them. */
	int64_t weight_bytes = cpu_weight_bytes(dtype, shape.m, shape.k);
	int64_t copies = (shape.n == 1 ? 256 << 20 : 48 << 20) / weight_bytes + 1;
	enum act_type type = act_type_for(dtype);
	float *in = alloc_aligned(shape.n * shape.k * 4);
	uint8_t *buffer[4] = {(uint8_t *)in, alloc_aligned(cpu_act_bytes(type, shape.n, shape.k)),
		alloc_aligned(weight_bytes * copies), alloc_aligned(shape.n * shape.m * 4)};
	struct op pack = {.kind = OP_PACK_ACT}, matmul = {.kind = OP_MATMUL};
	struct op_env env = {.buffer = buffer, .n_row = shape.n};
	const struct cpu_kernel *kernels = cpu_kernels(isa);
	double seconds[ROUNDS], pack_seconds[ROUNDS], reads[ROUNDS], dots[ROUNDS];
	double ops = 2.0 * (double)shape.n * (double)shape.k * (double)shape.m, gops, gbs;

	fill_weights(buffer[2], weight_bytes * copies);
	for (int64_t i = 0; i < shape.n * shape.k; i++) {
		in[i] = (float)(i * 2654435761 % 1000) / 500 - 1;
	}
	pack.pack_act.in.buffer = 0;
	pack.pack_act.out.buffer = 1;
	pack.pack_act.type = type;
	pack.pack_act.k = shape.k;
	matmul.matmul.act.buffer = 1;
	matmul.matmul.act_type = type;
	matmul.matmul.k = shape.k;
	matmul.matmul.n_part = 1;
	matmul.matmul.part[0].weight.buffer = 2;
	matmul.matmul.part[0].bias.buffer = OPERAND_NONE;
	matmul.matmul.part[0].out.buffer = 3;
	matmul.matmul.part[0].dtype = dtype;
	matmul.matmul.part[0].m = shape.m;
	for (int r = 0; r < ROUNDS; r++) {
		pack_seconds[r] = run_op(kernels, &pack, &env, n_thread, 1);
		seconds[r] = 0;
		for (int64_t c = 0; c < copies; c++) {
			matmul.matmul.part[0].weight.offset_bytes = (uint64_t)(c * weight_bytes);
			seconds[r] += run_op(kernels, &matmul, &env, n_thread, 1);
		}
		seconds[r] /= (double)copies;
		reads[r] = probe_read_gbs(n_thread, 256 << 20);
		dots[r] = probe_dot_gops(isa, n_thread, 0.01);
	}
	gops = ops / median(seconds, ROUNDS) * 1e-9;
	gbs = (double)weight_bytes / median(seconds, ROUNDS) * 1e-9;
	printf("%-5s %4lld x %5lld x %6lld  %8.1f GOP/s %5.1f %%  %7.2f GB/s %5.1f %%  pack %6.1f "
	       "us"
	       "  (probes %.0f GOP/s, %.1f GB/s)\n",
		dtype_info(dtype)->name, (long long)shape.n, (long long)shape.k, (long long)shape.m,
		gops, 100 * gops / median(dots, ROUNDS), gbs, 100 * gbs / median(reads, ROUNDS),
		1e6 * median(pack_seconds, ROUNDS), median(dots, ROUNDS), median(reads, ROUNDS));
	fflush(stdout);
	for (int i = 0; i < 4; i++) {
		free(buffer[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {{512, 2048, 2048}, {512, 2048, 8192},
		{512, 8192, 2048}, {1, 2048, 16384}, {1, 8192, 2048}};
	enum cpu_isa isa = cpu_isa_best();
	struct shape only = {0};
	int n_thread = 2, option;
	const char *type = NULL;

	while ((option = getopt(argc, argv, "t:i:d:n:k:m:")) != -1) {
		switch (option) {
		case 't':
			n_thread = atoi(optarg);
			break;
		case 'i':
			for (int i = 0; i < CPU_ISA_COUNT; i++) {
				isa = strcmp(optarg, cpu_isa_name(i)) == 0 ? (enum cpu_isa)i : isa;
			}
			break;
		case 'd':
			type = optarg;
			break;
		case 'n':
			only.n = atoll(optarg);
			break;
		case 'k':
			only.k = atoll(optarg);
			break;
		case 'm':
			only.m = atoll(optarg);
			break;
		default:
			return 2;
		}
	}
	if (n_thread < 1 || n_thread > THREADS_MAX || !cpu_isa_supported(isa)) {
		fprintf(stderr, "bench_matmul: 1 to %d threads on a supported path\n", THREADS_MAX);
		return 2;
	}
	printf("%s, %d threads: rows x k x m\n", cpu_isa_name(isa), n_thread);
	for (int d = 0; d < DTYPE_COUNT; d++) {
		if (type && strcmp(type, dtype_info((enum dtype)d)->name) != 0) {
			continue;
		}
		for (size_t s = 0; s < (only.n ? 1 : sizeof(shapes) / sizeof(*shapes)); s++) {
			bench_shape(isa, (enum dtype)d, only.n ? only : shapes[s], n_thread);
		}
	}
	return 0;
}
