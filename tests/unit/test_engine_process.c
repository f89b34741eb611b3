/*
 * The engine as a process: it may die at any moment, and all that is lost is the answer that was under
 * way, which is said; it ends with its parent; it leaves nothing behind.
 */
#include "base/file.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "engine/link.h"
#include "engine/server.h"
#include "engine/wire.h"
#include "tests/unit/engine_ask.h"
#include "tests/unit/sanitized.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_KILL = IS_SANITIZED ? 40 : 200 };

static struct engine *open_engine(const struct engine_config *config)
{
	struct engine *engine;
	struct err err = {0};

	if (engine_open(&engine, config, &err) < 0 || engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return engine;
}

static struct engine *open_fake(void)
{
	return open_engine(&(struct engine_config){.backend = "fake"});
}

static int clean_environment(void **state)
{
	unsetenv("CARREL_FAKE_ANSWER");
	unsetenv("CARREL_FAKE_TOKEN_US");
	unsetenv("CARREL_FAKE_PREFILL_US");
	unsetenv("CARREL_FAKE_LOAD_MS");
	unsetenv("CARREL_FAKE_FAULT");
	return 0;
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = -3; /* . and .. and its own */

	while (readdir(folder)) {
		count++;
	}
	closedir(folder);
	return count;
}

/* No child of ours is left, alive or as a zombie. */
static void assert_no_children(void)
{
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
}

/* The only child of the calling thread; 0 if there is none. It is not reaped, so the number is its. */
static pid_t child_process(void)
{
	char path[64], text[32] = {0};
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	return len > 0 ? atoi(text) : 0;
}

/* Never 0, -1 or another special number of kill(2), whatever a failed test hands over. */
static void end_process(pid_t pid, int signal_number)
{
	assert_true(pid > 1);
	assert_int_equal(0, kill(pid, signal_number));
}

/* Wait for the first words of an answer. */
static void await_text(struct engine *engine, int64_t id, struct reply *reply)
{
	struct engine_event event;

	while (!reply->text.len && engine_next(engine, 10000, &event)) {
		if (event.request == id) {
			reply_take(reply, &event);
		}
	}
	assert_true(reply->text.len > 0);
}

/* ---- it dies ---- */

static void killed_in_mid_answer_it_says_so_restarts_and_answers_as_before(void **state)
{
	struct engine *engine;
	struct reply before, killed = {0}, other, after;
	struct engine_event event;
	int64_t id, other_id;
	int32_t process;

	setenv("CARREL_FAKE_TOKEN_US", "2000", 1);
	engine = open_fake();
	before = ask(engine, "Who lives?", 500);
	process = engine_info(engine)->process_id;
	id = submit_chat(engine, "Who lives?", 500, NULL);
	other_id = submit_chat(engine, "And who else?", 500, NULL);
	await_text(engine, id, &killed);
	end_process(process, SIGKILL);
	while (!killed.has_failed && engine_next(engine, 10000, &event)) {
		if (event.request == id) {
			reply_take(&killed, &event);
		}
	}
	assert_int_equal(ENGINE_FAILED, killed.last.type);
	assert_int_equal(ERR_ENGINE, killed.last.err.code);
	assert_non_null(strstr(killed.last.err.what, "the engine process died (signal 9"));
	assert_non_null(strstr(killed.last.err.hint, "ask again"));
	other = collect(engine, other_id, 1000);
	assert_int_equal(ENGINE_FAILED, other.last.type);
	assert_int_equal(0, engine_next(engine, -1, &event)); /* nothing runs, nothing can come */
	assert_no_children();

	after = ask(engine, "Who lives?", 500);
	assert_int_equal(ENGINE_DONE, after.last.type);
	assert_string_equal(buf_str(&before.text), buf_str(&after.text));
	assert_int_equal(0, after.last.usage.cached_tok); /* it was in memory only */
	assert_true(engine_info(engine)->process_id != process);
	reply_finish(&before);
	reply_finish(&killed);
	reply_finish(&other);
	reply_finish(&after);
	engine_close(engine);
	assert_no_children();
}

static void killed_while_idle_it_restarts_at_the_next_question(void **state)
{
	struct engine *engine = open_fake();
	struct reply reply = ask(engine, "one", 20), again;

	end_process(engine_info(engine)->process_id, SIGKILL);
	poll(NULL, 0, 50);
	again = ask(engine, "one", 20); /* without having read the news of its death */
	assert_int_equal(ENGINE_DONE, again.last.type);
	assert_string_equal(buf_str(&reply.text), buf_str(&again.text));
	reply_finish(&reply);
	reply_finish(&again);

	end_process(engine_info(engine)->process_id, SIGTERM);
	again = collect(engine, 0, 5000);
	assert_int_equal(ENGINE_FAILED, again.last.type);
	assert_non_null(strstr(again.last.err.what, "signal 15"));
	reply_finish(&again);
	assert_int_equal(0, engine_wait_ready(engine, NULL));
	again = ask(engine, "one", 20);
	assert_int_equal(ENGINE_DONE, again.last.type);
	reply_finish(&again);
	engine_close(engine);
}

static void segments_outlive_the_process_they_were_sent_to(void **state)
{
	struct engine *engine = open_fake();
	struct prompt prompt = chat_prompt("kept in this process");
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 50};
	struct reply before = collect(engine, engine_submit(engine, &request, NULL), 5000), after;

	end_process(engine_info(engine)->process_id, SIGKILL);
	after = collect(engine, 0, 5000);
	reply_finish(&after);
	after = collect(engine, engine_submit(engine, &request, NULL), 5000);
	assert_int_equal(ENGINE_DONE, after.last.type);
	assert_string_equal(buf_str(&before.text), buf_str(&after.text));
	reply_finish(&before);
	reply_finish(&after);
	prompt_finish(&prompt);
	engine_close(engine);
}

/* One end for each request, whenever death comes: at start, in the prompt, in the answer, behind it. */
static void kills_at_random_moments_lose_no_request_and_no_descriptor(void **state)
{
	struct engine *engine;
	struct reply expected, reply;
	int n_fd, n_failed = 0, n_done = 0;
	char text[3000];

	memset(text, 'q', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	setenv("CARREL_FAKE_TOKEN_US", "100", 1);
	setenv("CARREL_FAKE_PREFILL_US", "1", 1);
	engine = open_fake();
	expected = ask(engine, text, 40);
	n_fd = count_descriptors();
	for (uint64_t i = 0; i < N_KILL; i++) {
		int64_t id = submit_chat(engine, text, 40, NULL);
		uint32_t r[4];

		assert_true(id > 0);
		rng_philox(11, i, r);
		if (i % 8) { /* else it may die while it loads */
			assert_int_equal(0, engine_wait_ready(engine, NULL));
		}
		poll(NULL, 0, (int)(r[1] % (i % 2 ? 6 : 40)));
		end_process(child_process(), SIGKILL);
		reply = collect(engine, id, 10000);
		assert_int_equal(1, reply.n_end);
		n_failed += reply.has_failed;
		n_done += !reply.has_failed;
		/* What came before the end is a prefix of the truth. */
		assert_true(reply.text.len <= expected.text.len);
		assert_int_equal(
			0, strncmp(buf_str(&reply.text), buf_str(&expected.text), reply.text.len));
		reply_finish(&reply);
	}
	reply = ask(engine, text, 40);
	if (reply.has_failed) { /* the last kill came after its answer */
		reply_finish(&reply);
		reply = ask(engine, text, 40);
	}
	assert_string_equal(buf_str(&expected.text), buf_str(&reply.text));
	assert_int_equal(n_fd, count_descriptors());
	print_message("# %d kills: %d answers lost, %d whole\n", N_KILL, n_failed, n_done);
	assert_true(n_failed > N_KILL / 4);
	reply_finish(&reply);
	reply_finish(&expected);
	engine_close(engine);
	assert_no_children();
}

static void opening_and_closing_leaves_no_descriptor_and_no_process(void **state)
{
	int before = count_descriptors();

	for (int i = 0; i < 20; i++) {
		struct engine_config config = {.backend = "fake"};
		struct engine *engine;

		assert_int_equal(0, engine_open(&engine, &config, NULL));
		if (i % 3) {
			engine_wait_ready(engine, NULL);
		}
		if (i % 2) {
			submit_chat(engine, "left unfinished", 100, NULL);
		}
		engine_close(engine);
	}
	assert_int_equal(before, count_descriptors());
	assert_no_children();
	engine_close(NULL);
}

/* ---- it does not start ---- */

static void a_program_that_is_not_there_is_named(void **state)
{
	struct engine_config config = {.backend = "fake", .program = "/nowhere/carrel-engine"};
	int before = count_descriptors();
	struct engine *engine;
	struct err err;

	assert_int_equal(-1, engine_open(&engine, &config, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_string_equal("/nowhere/carrel-engine", err.where);
	assert_int_equal(before, count_descriptors());
}

static void a_program_that_is_no_engine_is_an_error(void **state)
{
	struct engine_config config = {.backend = "fake", .program = "/bin/true"};
	struct engine *engine;
	struct err err;

	assert_int_equal(0, engine_open(&engine, &config, &err));
	assert_int_equal(-1, engine_wait_ready(engine, &err));
	assert_non_null(strstr(err.what, "exit status 0"));
	engine_close(engine);
	assert_no_children();
}

static void a_model_that_cannot_be_loaded_is_the_error_of_every_request(void **state)
{
	struct engine_config config = {.backend = "cpu", .model = "/nowhere/model.gguf"};
	struct engine *engine;
	struct reply reply, whole;
	int64_t id;
	struct err err;

	assert_int_equal(0, engine_open(&engine, &config, &err));
	id = submit_chat(engine, "hello", 10, NULL);
	assert_int_equal(-1, engine_wait_ready(engine, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_string_equal("/nowhere/model.gguf", err.where);
	whole = collect(engine, 0, 1000);
	assert_int_equal(ENGINE_FAILED, whole.last.type);
	reply = collect(engine, id, 1000);
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	assert_string_equal(err.what, reply.last.err.what);
	assert_string_equal(err.what, whole.last.err.what);
	reply_finish(&reply);
	reply_finish(&whole);
	engine_close(engine);
}

static void settings_that_make_no_sense_are_named(void **state)
{
	static const struct engine_config bad[] = {
		{.backend = "fake", .kv_type = "q3"},
		{.backend = "abacus"},
		{.backend = "cpu"},
		{.backend = "fake", .context_tok = INT64_C(1) << 40},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct engine *engine;
		struct err err = {0};

		assert_int_equal(0, engine_open(&engine, &bad[i], &err));
		assert_int_equal(-1, engine_wait_ready(engine, &err));
		assert_int_equal(ERR_USAGE, err.code);
		engine_close(engine);
	}
}

static void settings_beyond_all_measure_are_refused_at_once(void **state)
{
	static char path[(64 << 10) + 2], name[301];
	const struct engine_config bad[] = {
		{.backend = "fake", .model = path},
		{.backend = "fake", .template_name = name},
		{.backend = name},
		{.backend = "fake", .kv_type = name},
		{.backend = "fake", .n_thread = -1},
		{.backend = "fake", .n_thread = 5000},
		{.backend = "fake", .context_tok = -5},
	};

	memset(path, 'm', sizeof(path) - 1);
	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct engine *engine = NULL;
		struct err err = {0};

		assert_int_equal(-1, engine_open(&engine, &bad[i], &err));
		assert_null(engine);
		assert_int_equal(ERR_USAGE, err.code);
		assert_null(strstr(err.what, "damaged"));
	}
	assert_no_children();
}

static void an_engine_that_dies_again_and_again_at_start_is_given_up(void **state)
{
	struct engine_config config = {.backend = "fake"};
	struct engine *engine;
	struct err err;
	int n_start = 1;

	setenv("CARREL_FAKE_FAULT", "start", 1);
	assert_int_equal(0, engine_open(&engine, &config, &err));
	while (submit_chat(engine, "hello", 5, &err) > 0) {
		struct reply reply = collect(engine, 0, 10000);

		assert_int_equal(ENGINE_FAILED, reply.last.type);
		reply_finish(&reply);
		assert_true(n_start++ < 10);
	}
	assert_true(n_start >= 3);
	assert_int_equal(ERR_ENGINE, err.code);
	assert_non_null(strstr(err.what, "signal 9"));
	assert_int_equal(-1, engine_wait_ready(engine, &err));
	engine_close(engine);
	assert_no_children();
}

/* ---- what kind of process it is ---- */

static void it_has_a_group_of_its_own_no_core_dumps_and_no_inherited_files(void **state)
{
	int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec, as libraries do */
	struct engine *engine = open_fake();
	int32_t process = engine_info(engine)->process_id;
	char path[64], line[256], target[256];
	struct dirent *entry;
	int n_open = 0;
	DIR *folder;
	FILE *file;

	assert_int_equal(process, getpgid(process));
	snprintf(path, sizeof(path), "/proc/%d/limits", process);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Max core file size", 18) == 0) {
			int soft = -1, hard = -1;

			sscanf(line + 18, "%d %d", &soft, &hard);
			assert_true(soft == 0 && hard == 0);
		}
	}
	if (file) {
		fclose(file);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", process);
	folder = opendir(path); /* only root may look into what cannot be dumped */
	while (folder && (entry = readdir(folder))) {
		ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		int fd = atoi(entry->d_name);

		if (len < 0) {
			continue;
		}
		target[len] = 0;
		n_open++;
		assert_true(fd < 3 ? strcmp(target, "/dev/null") == 0
				   : fd == 3 && strncmp(target, "socket:", 7) == 0);
	}
	assert_true(!folder || n_open == 4);
	if (folder) {
		closedir(folder);
	}
	engine_close(engine);
	close(leaked);
}

/* In a child that is killed: its engine must end although nobody closed anything properly. */
static void orphan_an_engine(int load_ms, int while_busy)
{
	int channel[2], status;
	int32_t engine_pid = 0;
	pid_t parent;

	assert_int_equal(0, pipe(channel));
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that we see the grandchild end */
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		struct engine_config config = {.backend = "fake"};
		struct engine *engine;

		alarm(60); /* should the test fail, nobody is left over */
		setenv("CARREL_FAKE_LOAD_MS", load_ms ? "20000" : "0", 1);
		setenv("CARREL_FAKE_TOKEN_US", while_busy ? "20000" : "0", 1);
		if (engine_open(&engine, &config, NULL) < 0) {
			_exit(1);
		}
		if (!load_ms) {
			engine_wait_ready(engine, NULL);
		}
		if (while_busy) {
			submit_chat(engine, "on and on", 1000, NULL);
		}
		engine_pid = child_process();
		if (write(channel[1], &engine_pid, sizeof(engine_pid)) < 0) {
			_exit(1);
		}
		pause();
		_exit(0);
	}
	assert_int_equal(sizeof(engine_pid), read(channel[0], &engine_pid, sizeof(engine_pid)));
	assert_true(engine_pid > 0 && kill(engine_pid, 0) == 0);
	poll(NULL, 0, 50);
	end_process(parent, SIGKILL);
	assert_int_equal(parent, waitpid(parent, &status, 0));
	for (int ms = 0; ms < 3000; ms += 5) {
		if (waitpid(engine_pid, &status, WNOHANG) == engine_pid) {
			engine_pid = 0;
			break;
		}
		poll(NULL, 0, 5);
	}
	assert_int_equal(0, engine_pid);
	close(channel[0]);
	close(channel[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void it_ends_with_its_parent(void **state)
{
	orphan_an_engine(0, 0);
	orphan_an_engine(0, 1);
	orphan_an_engine(1, 0);
}

/* ---- strangers at the other end ---- */

struct stranger {
	const void *bytes;
	size_t len;
};
static struct stranger stranger;

/* A process that says what we tell it to, in place of the engine. */
static int stranger_start(
	struct engine_link **out, int *fd, const struct engine_config *config, struct err *err)
{
	int server;

	if (engine_link_pair(fd, &server, err) < 0) {
		return -1;
	}
	assert_true(send(server, stranger.bytes, stranger.len, MSG_NOSIGNAL) >= 0);
	close(server);
	*out = NULL;
	return 0;
}

static int stranger_finish(struct engine_link *link, int wait_ms, struct err *why)
{
	err_set(why, ERR_ENGINE, NULL, NULL, "the stranger left");
	return 1;
}

static void nothing_that_an_engine_says_crashes_its_client(void **state)
{
	static const struct engine_link_ops ops = {stranger_start, stranger_finish, NULL};
	struct engine_info info = {
		"a", "b", "c", "d", "e", "f", "g", "h", .adapters = "", .n_vocab = 7};
	struct engine_event events[] = {{.type = ENGINE_READY}, {.type = ENGINE_DONE, .request = 1},
		{.type = ENGINE_TOKENS, .request = 1}, {.type = ENGINE_TEXT, .request = 0}};
	struct buf good = BUF_INIT;
	int n_ready = 0;

	wire_put_hello(&good);
	wire_put_info(&good, &info);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		wire_put_event(&good, &events[i], 7);
	}
	for (uint64_t round = 0; round < 2000; round++) {
		char *bytes = malloc(good.len);
		struct engine_event event;
		struct engine *engine;
		struct err err;
		uint32_t r[4];

		memcpy(bytes, good.data, good.len);
		rng_philox(3, round, r);
		if (round) {
			bytes[r[0] % good.len] = (char)r[1];
			bytes[r[2] % good.len] ^= (char)(1 << r[3] % 8);
		}
		stranger.bytes = bytes;
		stranger.len = round % 3 ? good.len : 1 + r[3] % good.len;
		assert_int_equal(0, engine_open_link(&engine, &(struct engine_config){.model = "m"},
					    &ops, &err));
		submit_chat(engine, "x", 1, NULL);
		n_ready += engine_wait_ready(engine, &err) == 0;
		while (engine_next(engine, 0, &event)) {
		}
		engine_close(engine);
		free(bytes);
	}
	assert_true(n_ready > 100);
	buf_finish(&good);
}

static void *serve(void *arg)
{
	return (void *)(intptr_t)server_run(*(int *)arg, 0);
}

/* Send these bytes to an engine and read what it says until it hangs up; its exit status. */
static intptr_t tell_engine(const struct buf *bytes, struct buf *said)
{
	struct timeval limit = {.tv_sec = 10};
	int fd[2];
	pthread_t thread;
	char chunk[4096];
	void *status;
	ssize_t n;

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(0, pthread_create(&thread, NULL, serve, &fd[1]));
	assert_true(send(fd[0], bytes->data, bytes->len, MSG_NOSIGNAL) >= 0);
	shutdown(fd[0], SHUT_WR);
	while ((n = recv(fd[0], chunk, sizeof(chunk), 0)) > 0) {
		buf_add(said, chunk, (size_t)n);
	}
	close(fd[0]);
	pthread_join(thread, &status);
	return (intptr_t)status;
}

static void nothing_that_a_client_says_crashes_the_engine(void **state)
{
	struct engine_config config = {.backend = "fake"};
	struct segment *text = segment_text("hello", 5), *mark = segment_mark(PROMPT_BEGIN);
	struct engine_request request = {.sampling = engine_sampling_default, .max_tok = 3};
	struct buf good = BUF_INIT;
	size_t head, second;
	int n_refused = 0;

	wire_put_hello(&good);
	wire_put_config(&good, &config);
	head = good.len;
	wire_put_segment(&good, text);
	second = good.len;
	wire_put_segment(&good, mark);
	wire_put_numbers(&good, WIRE_PROMPT, 0, (uint64_t[]){100000001, 100000002}, 2);
	memcpy(good.data + head + WIRE_HEADER_BYTES, &(uint64_t){100000001}, 8);
	memcpy(good.data + second + WIRE_HEADER_BYTES, &(uint64_t){100000002}, 8);
	wire_put_submit(&good, 1, &request);
	wire_put_numbers(&good, WIRE_RELEASE, 0, (uint64_t[]){100000001}, 1);
	wire_end(&good, wire_begin(&good, WIRE_CANCEL, 1));
	for (uint64_t round = 0; round < 300; round++) {
		struct buf bytes = BUF_INIT, said = BUF_INIT;
		uint32_t r[4];

		buf_add(&bytes, good.data, good.len);
		rng_philox(5, round, r);
		if (round) {
			bytes.data[r[0] % good.len] = (char)r[1];
			bytes.data[head + r[2] % (good.len - head)] ^= (char)(1 << r[3] % 8);
		}
		n_refused += tell_engine(&bytes, &said) != 0;
		assert_true(said.len > 0); /* at least its HELLO */
		if (round == 0) {
			assert_int_equal(0, n_refused);
		}
		buf_finish(&bytes);
		buf_finish(&said);
	}
	assert_true(n_refused > 50);
	buf_finish(&good);
	segment_unref(text);
	segment_unref(mark);
}

/* ---- with a real model file ---- */

static char *random_model(void)
{
	const char *folder = getenv("CARREL_TEST_BUILD");
	char *path = mem_printf("%s/models/random.gguf", folder ? folder : ".");

	if (access(path, R_OK) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

static void a_real_model_answers_the_same_after_a_kill(void **state)
{
	char *path = random_model();
	struct engine *engine;
	struct reply before, killed = {0}, after;
	int64_t id;

	if (!path) {
		skip();
	}
	engine = open_engine(&(struct engine_config){.backend = "cpu", .model = path});
	assert_int_equal(1, engine_info(engine)->random_weights);
	before = ask(engine, "What does the licence say?", 60);
	assert_int_equal(ENGINE_DONE, before.last.type);
	assert_true(before.n_ids > 0);
	id = submit_chat(engine, "Something that takes longer", 5000, NULL);
	await_text(engine, id, &killed);
	end_process(engine_info(engine)->process_id, SIGKILL);
	reply_finish(&killed);
	killed = collect(engine, id, 10000);
	assert_true(killed.has_failed);
	after = ask(engine, "What does the licence say?", 60);
	assert_int_equal(before.n_ids, after.n_ids);
	assert_memory_equal(before.ids, after.ids, before.n_ids * sizeof(*before.ids));
	reply_finish(&before);
	reply_finish(&killed);
	reply_finish(&after);
	engine_close(engine);
	free(path);
}

/* A sanitizer in the engine would report SIGBUS in its own way and exit. */
static void leave_signals_alone(const char *options)
{
	const char *given = getenv(options);
	char *text = mem_printf("%s%shandle_sigbus=0", given ? given : "", given ? ":" : "");

	setenv(options, text, 1);
	free(text);
}

static void a_model_file_that_shrinks_under_it_is_explained(void **state)
{
	char *path = random_model(), copy[] = "/tmp/carrel-shrinking-XXXXXX";
	struct engine *engine;
	struct buf bytes = BUF_INIT;
	struct reply reply;
	int fd;

	if (!path) {
		skip();
	}
	leave_signals_alone("ASAN_OPTIONS");
	leave_signals_alone("UBSAN_OPTIONS");
	assert_int_equal(0, file_read(&bytes, path, 64 << 20, NULL));
	fd = mkstemp(copy);
	assert_int_equal(bytes.len, write(fd, bytes.data, bytes.len));
	engine = open_engine(&(struct engine_config){.backend = "cpu", .model = copy});
	assert_int_equal(0, ftruncate(fd, 4096));
	reply = ask(engine, "still there?", 20);
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	assert_non_null(strstr(reply.last.err.what, "the model file was changed"));
	reply_finish(&reply);
	assert_int_equal(bytes.len, pwrite(fd, bytes.data, bytes.len, 0));
	reply = ask(engine, "and now?", 20);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	reply_finish(&reply);
	engine_close(engine);
	close(fd);
	unlink(copy);
	buf_finish(&bytes);
	free(path);
}

#define TEST(name) cmocka_unit_test_setup(name, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(killed_in_mid_answer_it_says_so_restarts_and_answers_as_before),
		TEST(killed_while_idle_it_restarts_at_the_next_question),
		TEST(segments_outlive_the_process_they_were_sent_to),
		TEST(kills_at_random_moments_lose_no_request_and_no_descriptor),
		TEST(opening_and_closing_leaves_no_descriptor_and_no_process),
		TEST(a_program_that_is_not_there_is_named),
		TEST(a_program_that_is_no_engine_is_an_error),
		TEST(a_model_that_cannot_be_loaded_is_the_error_of_every_request),
		TEST(settings_that_make_no_sense_are_named),
		TEST(settings_beyond_all_measure_are_refused_at_once),
		TEST(an_engine_that_dies_again_and_again_at_start_is_given_up),
		TEST(it_has_a_group_of_its_own_no_core_dumps_and_no_inherited_files),
		TEST(it_ends_with_its_parent),
		TEST(nothing_that_an_engine_says_crashes_its_client),
		TEST(nothing_that_a_client_says_crashes_the_engine),
		TEST(a_real_model_answers_the_same_after_a_kill),
		TEST(a_model_file_that_shrinks_under_it_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
