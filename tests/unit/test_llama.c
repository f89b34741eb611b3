/*
 * The llama family refuses by sentence what it would compute wrong: hostile or foreign
 * hyperparameters, written into a good model file.
 */
#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "engine/planner.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/sanitized.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* GGUF's numbers of value types. */
enum { TYPE_U32 = 4, TYPE_F32 = 6, TYPE_STRING = 8 };
enum { OFFSET_N_KEY = 16, OFFSET_KEYS = 24, ALIGNMENT = 32 };

static struct buf image; /* a model file under change */
static int n_added;      /* keys that fill up have names of their own */

static void read_image(void)
{
	char path[512];
	struct err err;

	buf_finish(&image);
	fixture_path(path, sizeof(path), "llama-mha-f32.gguf");
	fixture_check(file_read(&image, path, (size_t)64 << 20, &err), &err);
}

static uint8_t *find(const char *name)
{
	uint8_t *hit = memmem(image.data, image.len, name, strlen(name));

	assert_non_null(hit);
	return hit;
}

/* A string that is no more than `text`: behind its length. */
static uint8_t *find_text(const char *text)
{
	uint64_t len = strlen(text);
	char whole[64];
	uint8_t *hit;

	memcpy(whole, &len, sizeof(len));
	memcpy(whole + sizeof(len), text, len);
	hit = memmem(image.data, image.len, whole, sizeof(len) + len);
	assert_non_null(hit);
	return hit + sizeof(len);
}

/* The value of a key of type u32 or f32. */
static void set(const char *key, uint32_t value)
{
	memcpy(find(key) + strlen(key) + 4, &value, sizeof(value));
}

static void set_float(const char *key, float value)
{
	memcpy(find(key) + strlen(key) + 4, &value, sizeof(value));
}

static void put_entry(
	struct buf *out, const char *key, uint32_t type, const void *value, size_t size)
{
	uint64_t len = strlen(key);

	buf_add(out, &len, sizeof(len));
	buf_add(out, key, len);
	buf_add(out, &type, sizeof(type));
	buf_add(out, value, size);
}

/* A further key, and one that fills up to the alignment so that the tensors stay where they are. */
static void add(const char *key, uint32_t type, const void *value, size_t size)
{
	char filling[64] = {0}; /* a string's length, and that many zeros */
	struct buf out = BUF_INIT;
	uint64_t n_key, len;

	buf_add(&out, image.data, OFFSET_KEYS);
	memcpy(&n_key, out.data + OFFSET_N_KEY, sizeof(n_key));
	n_key += 2;
	memcpy(out.data + OFFSET_N_KEY, &n_key, sizeof(n_key));
	put_entry(&out, key, type, value, size);
	len = (ALIGNMENT - (out.len - OFFSET_KEYS + 8 + 4 + 4 + 8) % ALIGNMENT) % ALIGNMENT;
	memcpy(filling, &len, sizeof(len));
	put_entry(&out, (char[]){'f', 'i', 'l', (char)('a' + n_added++ % 26), 0}, TYPE_STRING,
		filling, 8 + len);
	buf_add(&out, image.data + OFFSET_KEYS, image.len - OFFSET_KEYS);
	buf_finish(&image);
	image = out;
}

static void add_u32(const char *key, uint32_t value)
{
	add(key, TYPE_U32, &value, sizeof(value));
}

static void add_float(const char *key, float value)
{
	add(key, TYPE_F32, &value, sizeof(value));
}

static void add_text(const char *key, const char *text)
{
	char value[64] = {0};
	uint64_t len = strlen(text);

	memcpy(value, &len, sizeof(len));
	memcpy(value + 8, text, len);
	add(key, TYPE_STRING, value, 8 + len);
}

static int open_image(struct model **model, struct err *err)
{
	char path[] = "/tmp/carrel-test-XXXXXX";
	int fd = mkstemp(path), result;

	assert_true(fd >= 0);
	assert_int_equal(image.len, write(fd, image.data, image.len));
	close(fd);
	result = model_open(model, path, NULL, err);
	unlink(path);
	return result;
}

/* The image must not open, and the sentence must say why. */
static void refused(const char *why)
{
	struct model *model = NULL;
	struct err err = {0};

	if (open_image(&model, &err) == 0) {
		fail_msg("accepted, although: %s", why);
	}
	assert_null(model);
	assert_int_equal(ERR_ENGINE, err.code);
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
	read_image();
}

static void hostile_hyperparameters_are_refused(void **state)
{
	static const struct {
		const char *key;
		uint32_t value;
	} hostile[] = {
		{"llama.block_count", 0},
		{"llama.block_count", 0xffffffff},
		{"llama.embedding_length", 0},
		{"llama.embedding_length", 0x80000000},
		{"llama.feed_forward_length", 0},
		{"llama.context_length", 0},
		{"llama.attention.head_count", 0},
		{"llama.attention.head_count", 0xffffffff},
		{"llama.attention.head_count_kv", 0},
		{"llama.attention.key_length", 0},
		{"llama.attention.key_length", 0x40000000},
		{"llama.rope.dimension_count", 0},
		{"llama.rope.dimension_count", 34},
	};

	read_image();
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		set(hostile[i].key, hostile[i].value);
		refused(hostile[i].key);
	}
	set("llama.attention.head_count_kv", 3);
	refused("does not divide");
	set("llama.rope.dimension_count", 31);
	refused("odd");
	set("llama.attention.key_length", 30);
	refused("keys of 30 and values of 32");
	set_float("llama.attention.layer_norm_rms_epsilon", NAN);
	refused("epsilon");
	set_float("llama.rope.freq_base", 0);
	refused("freq_base");
	set_float("llama.rope.freq_base", INFINITY);
	refused("freq_base");
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
	read_image();
	set("llama.embedding_length", 256);
	refused("token_embd.weight");
	set("llama.feed_forward_length", 320);
	refused("ffn_gate.weight");
	set("llama.attention.head_count", 8);
	refused("attn_q.weight");
	set("llama.attention.head_count_kv", 2);
	refused("attn_k.weight");
	set("llama.block_count", 3);
	refused("blk.2");
	/* A layer that would be left out. */
	set("llama.block_count", 1);
	refused("blk.1");
}

static void what_the_program_does_not_compute_is_refused(void **state)
{
	read_image();
	add_u32("llama.expert_count", 8);
	refused("mixture of 8 experts");
	add_text("llama.rope.scaling.type", "longrope");
	refused("longrope");
	add_float("llama.rope.scaling.factor", 0);
	refused("rope.scaling.factor");
	add_float("llama.logit_scale", 16);
	refused("logit_scale");
	add_u32("llama.attention.sliding_window_pattern", 2);
	refused("sliding_window_pattern");
	add_float("llama.attn_logit_softcapping", 50);
	refused("attn_logit_softcapping");
	/* A tensor more than the program needs: without it this one's embeddings would be tied. */
	memcpy(find_text("output.weight"), "outlet.weight", 13);
	refused("outlet.weight");
}

static void unusual_but_meaningful_files_are_taken(void **state)
{
	struct model *model;
	struct err err;

	read_image();
	add_u32("llama.expert_count", 0);
	add_text("llama.rope.scaling.type", "none");
	add_float("llama.logit_scale", 1);
	fixture_check(open_image(&model, &err), &err);
	assert_int_equal(4096, model->n_ctx_train);
	model_close(model);
	/* A window of attention does not shorten the context. */
	read_image();
	add_u32("llama.attention.sliding_window", 1000);
	fixture_check(open_image(&model, &err), &err);
	assert_int_equal(4096, model->n_ctx_train);
	model_close(model);
	buf_finish(&image);
}

static void a_plan_adds_up_and_refuses_with_both_numbers(void **state)
{
	struct fixture fixture;
	struct plan plan, longer;
	struct err err;
	char numbers[2][24];

	fixture_open(&fixture, "llama-f32.gguf");
	fixture_check(planner_plan(&plan, fixture.model, fixture.program, KV_Q8, 0, &err), &err);
	assert_true(plan.weight_bytes > fixture.model->weight_bytes / 2);
	assert_true(plan.context_tok > 0 && plan.context_tok <= fixture.model->n_ctx_train);
	assert_true(plan.weight_bytes + plan.scratch_bytes + plan.kv_bytes <= plan.available_bytes);
	fixture_check(
		planner_plan(&plan, fixture.model, fixture.program, KV_F16, 1000, &err), &err);
	fixture_check(
		planner_plan(&longer, fixture.model, fixture.program, KV_F16, 2000, &err), &err);
	assert_int_equal(1000, plan.context_tok);
	/* 3 layers, keys and values, 2 heads of 32, 2 bytes */
	assert_int_equal(3 * 2 * 2 * 32 * 2, plan.kv_bytes_per_tok);
	assert_int_equal(1024 * plan.kv_bytes_per_tok, plan.kv_bytes);
	assert_int_equal(2048 * plan.kv_bytes_per_tok, longer.kv_bytes);
	assert_int_equal(plan.weight_bytes, longer.weight_bytes);

	assert_int_equal(
		-1, planner_plan(&plan, fixture.model, fixture.program, KV_Q8, 131073, &err));
	assert_int_equal(ERR_USAGE, err.code);
	assert_non_null(strstr(err.what, "131073"));
	assert_non_null(strstr(err.what, "131072"));
	/* A window that no machine's memory holds. */
	fixture.model->n_ctx_train = (int64_t)1 << 40;
	assert_int_equal(-1, planner_plan(&plan, fixture.model, fixture.program, KV_F32,
				     (int64_t)1 << 40, &err));
	assert_int_equal((int64_t)1 << 40, plan.context_tok);
	assert_true(plan.kv_bytes > plan.available_bytes);
	assert_int_equal(ERR_ENGINE, err.code);
	snprintf(numbers[0], sizeof(numbers[0]), "%lld", 1LL << 40);
	snprintf(
		numbers[1], sizeof(numbers[1]), "%lld MB", (long long)(plan.available_bytes >> 20));
	assert_non_null(strstr(err.what, numbers[0]));
	assert_non_null(strstr(err.what, numbers[1]));
	fixture_check(planner_plan(&plan, fixture.model, fixture.program, KV_Q8, 0, &err), &err);
	assert_true(plan.kv_bytes <= plan.available_bytes / 2);
	fixture_close(&fixture);
}

static void a_plan_names_every_part_before_anything_is_loaded(void **state)
{
	char path[512], number[24];
	struct engine_config config = {.model = path, .kv_type = "f16", .context_tok = 1000};
	struct engine_plan plan, q8;
	struct err err;

	fixture_path(path, sizeof(path), "llama-f32.gguf");
	fixture_check(engine_plan(&plan, &config, &err), &err);
	assert_int_equal(1, plan.fits);
	assert_int_equal(1000, plan.context_tok);
	assert_int_equal(131072, plan.context_train_tok);
	assert_int_equal(3 * 2 * 2 * 32 * 2, plan.kv_bytes_per_tok);
	assert_int_equal(1024 * plan.kv_bytes_per_tok, plan.kv_bytes);
	assert_true(plan.weight_bytes > 0 && plan.packed_bytes > 0 && plan.scratch_bytes > 0);
	assert_int_equal(plan.packed_bytes + plan.scratch_bytes + plan.kv_bytes, plan.needed_bytes);
	assert_true(plan.needed_bytes <= plan.available_bytes);
	config.kv_type = NULL;
	fixture_check(engine_plan(&q8, &config, &err), &err);
	assert_true(q8.kv_bytes < plan.kv_bytes && q8.packed_bytes == plan.packed_bytes);
	config.context_tok = 0;
	fixture_check(engine_plan(&plan, &config, &err), &err);
	assert_true(plan.fits && plan.context_tok > 0 && plan.needed_bytes <= plan.available_bytes);

	/* No room is an answer; what cannot be run, or makes no sense, is an error. */
	config.context_tok = 131073;
	fixture_check(engine_plan(&plan, &config, &err), &err);
	assert_int_equal(0, plan.fits);
	assert_int_equal(131073, plan.context_tok);
	assert_int_equal(ERR_USAGE, plan.why_not.code);
	snprintf(number, sizeof(number), "%d", 131073);
	assert_non_null(strstr(plan.why_not.what, number));
	config.kv_type = "q3";
	assert_int_equal(-1, engine_plan(&plan, &config, &err));
	assert_int_equal(ERR_USAGE, err.code);
	config = (struct engine_config){.model = "/nowhere/at.all"};
	assert_int_equal(-1, engine_plan(&plan, &config, &err));
	config = (struct engine_config){.backend = "fake"};
	fixture_check(engine_plan(&plan, &config, &err), &err);
	assert_true(plan.fits && plan.needed_bytes == 0 && plan.context_tok > 0);
}

static char root[64]; /* a made-up / with /proc and /sys */

static void make_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void the_tightest_limit_of_any_group_counts(void **state)
{
	char command[96];

	strcpy(root, "/tmp/carrel-root-XXXXXX");
	assert_non_null(mkdtemp(root));
	make_file("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:   8000 kB\n");
	assert_int_equal(8000 * 1024, planner_available_below(root));
	make_file("proc/self/cgroup", "0::/user/carrel/deep\n");
	assert_int_equal(8000 * 1024, planner_available_below(root)); /* nothing is there */
	make_file("sys/fs/cgroup/memory.stat", "anon 500\nfile 77\n");
	make_file("sys/fs/cgroup/user/memory.stat", "file 77\nanon 400\nanon_thp 9\n");
	make_file("sys/fs/cgroup/user/carrel/deep/memory.stat", "anon 300\n");
	make_file("sys/fs/cgroup/user/carrel/deep/memory.max", "max\n");
	assert_int_equal(8000 * 1024, planner_available_below(root));
	make_file("sys/fs/cgroup/memory.max", "1000500\n");
	assert_int_equal(1000000, planner_available_below(root)); /* as inside a container */
	make_file("sys/fs/cgroup/user/memory.max", "900400\n");
	assert_int_equal(900000, planner_available_below(root));
	make_file("sys/fs/cgroup/user/carrel/deep/memory.high", "800300\n");
	assert_int_equal(800000, planner_available_below(root));
	make_file("sys/fs/cgroup/user/carrel/deep/memory.max", "200\n");
	assert_int_equal(0, planner_available_below(root)); /* more in use than allowed */

	/* The first generation, beside a second one without a memory controller. */
	make_file("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/box\n1:memory2:/x\n0::/none\n");
	make_file("sys/fs/cgroup/memory.max", "max\n");
	make_file("sys/fs/cgroup/memory/box/memory.stat", "rss 1\ntotal_rss 600\n");
	make_file("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "700600\n");
	assert_int_equal(700000, planner_available_below(root));
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(0, system(command));
}

static int64_t address_space_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!file || fscanf(file, "%ld", &pages) != 1) {
		_exit(70);
	}
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* In a child that may take so many bytes more than it has: create a backend; what it ends with. */
static int create_within(int64_t more_bytes)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct backend_config config = {
			.n_thread = 1, .max_out_rows = 64, .max_batch_rows = 4096};
		rlim_t bytes = (rlim_t)(address_space_bytes() + more_bytes);
		struct rlimit limit = {bytes, bytes};
		struct fixture fixture;
		struct err err = {0};

		fixture_open(&fixture, "llama-mha-f32.gguf");
		setrlimit(RLIMIT_AS, &limit);
		if (backend_cpu.create(
			    &fixture.backend, fixture.model, fixture.program, &config, &err) == 0) {
			_exit(fixture.backend ? 0 : 71);
		}
		_exit(err.code == ERR_ENGINE && strstr(err.what, "memory") && !fixture.backend
				? 1
				: 72);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void memory_that_is_not_there_is_an_error(void **state)
{
	int64_t need = (int64_t)1 << 20, n_error = 0;

	if (IS_SANITIZED) {
		skip(); /* its shadow memory is beyond any limit */
	}
	/* From too little to just enough: nothing between an error and a backend. */
	for (; create_within(need) != 0; need += (int64_t)1 << 20) {
		assert_int_equal(1, create_within(need));
		n_error++;
		assert_true(need < (int64_t)1 << 30);
	}
	assert_true(n_error > 4);
}

static void a_forced_path_must_exist(void **state)
{
	struct backend_config config = {.n_thread = 1, .max_batch_rows = 1, .max_out_rows = 1};
	struct fixture fixture;
	struct err err = {0};

	fixture_open(&fixture, "llama-mha-f32.gguf");
	setenv("CARREL_ISA", "mmx", 1);
	assert_int_equal(-1, backend_cpu.create(&fixture.backend, fixture.model, fixture.program,
				     &config, &err));
	assert_string_equal("CARREL_ISA", err.where);
	unsetenv("CARREL_ISA");
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_hyperparameters_are_refused),
		cmocka_unit_test(shapes_that_do_not_fit_are_refused),
		cmocka_unit_test(what_the_program_does_not_compute_is_refused),
		cmocka_unit_test(unusual_but_meaningful_files_are_taken),
		cmocka_unit_test(a_plan_adds_up_and_refuses_with_both_numbers),
		cmocka_unit_test(a_plan_names_every_part_before_anything_is_loaded),
		cmocka_unit_test(the_tightest_limit_of_any_group_counts),
		cmocka_unit_test(memory_that_is_not_there_is_an_error),
		cmocka_unit_test(a_forced_path_must_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
