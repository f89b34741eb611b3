#include "kernels/cpu/probe.h"

#include "kernels/cpu/kernels_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LANES_MAX 1024

/* One thread's part of a probe. */
struct lane {
	pthread_t thread;
	atomic_bool *start;
	const uint64_t *words;
	int64_t n_word;
	enum cpu_isa isa;
	double seconds; /* how long to run; then how long it ran */
	double done;
	uint64_t result; /* so that the work is not optimised away */
};

static double now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *read_lane(void *arg)
{
	struct lane *lane = arg;
	uint64_t sum[8] = {0};
	double begin;

	while (!atomic_load(lane->start)) {
	}
	begin = now_s();
	for (int64_t i = 0; i + 8 <= lane->n_word; i += 8) {
		for (int j = 0; j < 8; j++) {
			sum[j] += lane->words[i + j];
		}
	}
	lane->seconds = now_s() - begin;
	for (int j = 0; j < 8; j++) {
		lane->result += sum[j];
	}
	return NULL;
}

static void *dot_lane(void *arg)
{
	struct lane *lane = arg;
	int64_t (*dot)(int64_t, uint64_t *) = cpu_dot_probe(lane->isa);
	double begin, end;

	while (!atomic_load(lane->start)) {
	}
	begin = now_s();
	end = begin + lane->seconds;
	do {
		lane->done += (double)dot(4096, &lane->result);
	} while (now_s() < end);
	lane->seconds = now_s() - begin;
	return NULL;
}

/* Runs the lanes at the same time, as many as there are threads; returns how many. */
static int run_lanes(struct lane *lane, int n_lane, void *(*run)(void *))
{
	atomic_bool start = false;
	int n = 1;

	lane[0].start = &start;
	while (n < n_lane) {
		lane[n].start = &start;
		if (pthread_create(&lane[n].thread, NULL, run, &lane[n])) {
			break;
		}
		n++;
	}
	atomic_store(&start, true);
	run(&lane[0]);
	for (int i = 1; i < n; i++) {
		pthread_join(lane[i].thread, NULL);
	}
	return n;
}

double probe_read_gbs(int n_thread, int64_t bytes)
{
	struct lane lane[LANES_MAX] = {0};
	int64_t share = bytes / n_thread / 64 * 64;
	uint8_t *memory = aligned_alloc(64, (size_t)(share * n_thread));
	double slowest = 0;
	int n;

	if (!memory) {
		return 0;
	}
	memset(memory, 1, (size_t)(share * n_thread));
	for (int i = 0; i < n_thread; i++) {
		lane[i].words = (const uint64_t *)(memory + i * share);
		lane[i].n_word = share / 8;
	}
	n = run_lanes(lane, n_thread, read_lane);
	for (int i = 0; i < n; i++) {
		slowest = lane[i].seconds > slowest ? lane[i].seconds : slowest;
	}
	free(memory);
	return (double)(share * n) / slowest * 1e-9;
}

double probe_dot_gops(enum cpu_isa isa, int n_thread, double seconds)
{
	struct lane lane[LANES_MAX] = {0};
	double rate = 0;
	int n;

	for (int i = 0; i < n_thread; i++) {
		lane[i].isa = isa;
		lane[i].seconds = seconds;
	}
	n = run_lanes(lane, n_thread, dot_lane);
	for (int i = 0; i < n; i++) {
		rate += lane[i].done / lane[i].seconds;
	}
	return rate * 1e-9;
}
