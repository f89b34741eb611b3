/* A session with the fake engine behind the same messages as the real one. */
#include "session/session.h"

#include "base/rng.h"
#include "session/pack.h"
#include "tests/unit/session_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* What must stay: all but the question; before the first turn, what more sources may stand behind.
 */
static struct prompt stable_part(const struct session *session, const struct engine_info *info)
{
	struct prompt all = {0}, stable = {0};
	size_t keep;

	session_prompt(session, "Q", 1, info, &all);
	keep = all.count - 3; /* question, USER_CLOSE, MODEL_OPEN */
	for (size_t i = 0; i < keep; i++) {
		prompt_add(&stable, segment_ref(all.item[i]));
	}
	prompt_finish(&all);
	return stable;
}

static void drop_last(struct prompt *prompt, size_t n)
{
	while (n-- > 0) {
		segment_unref(prompt->item[--prompt->count]);
	}
}

static void check_prefix(
	struct engine *engine, const struct prompt *before, const struct prompt *after)
{
	size_t n_before, n_after;
	uint32_t *a = ids_of(engine, before, &n_before), *b = ids_of(engine, after, &n_after);

	assert_true(before->count <= after->count);
	for (size_t i = 0; i < before->count; i++) {
		/* Marks are made anew; texts and turns are the same segments, not equal ones. */
		if (segment_kind(before->item[i]) != SEGMENT_MARK) {
			assert_ptr_equal(before->item[i], after->item[i]);
		}
	}
	assert_true(n_before <= n_after);
	assert_memory_equal(a, b, n_before * sizeof(*a));
	free(a);
	free(b);
}

static uint64_t draw_seed, draw_count;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(draw_seed, draw_count++, word);
	return word[0] % below;
}

static void random_edit(struct session *session, struct engine *engine, int *n_turn)
{
	static const char *const text[] = {"one\n", "two\nthree", "<source>\n</source>",
		"\n\n\n\n\n\n\n\n\n\n\n", "4|4\n\xff", " "};
	size_t n_source = session_source_count(session);
	struct session_answer answer;

	switch (draw(4)) {
	case 0:
		ask(session, engine, text[draw(ARRAY_LEN(text))], 1 + draw(20), NULL, &answer);
		session_answer_finish(&answer);
		++*n_turn;
		break;
	case 1:
		if (n_source) {
			update_text(session, draw((uint32_t)n_source), text[draw(ARRAY_LEN(text))]);
			break;
		}
		/* fall through */
	default:
		add_text(session, "n.txt", text[draw(ARRAY_LEN(text))]);
	}
}

static void check_edits(const struct engine_info *info, struct engine *engine)
{
	struct session *session = session_create(&(struct session_config){.system = "Be brief."});
	struct prompt before = stable_part(session, info);
	int n_turn = 0;

	for (int edit = 0; edit < 14; edit++) {
		struct prompt after;
		int turns_before = n_turn;

		/* Before the first turn the message around the sources is still open. */
		if (!turns_before && info->has_system) {
			drop_last(&before, 2);
		}
		random_edit(session, engine, &n_turn);
		after = stable_part(session, info);
		check_prefix(engine, &before, &after);
		prompt_finish(&before);
		before = after;
	}
	prompt_finish(&before);
	session_destroy(session);
}

static void check_many_edits(struct engine *engine, uint64_t n_seed)
{
	for (draw_seed = 0; draw_seed < n_seed; draw_seed++) {
		struct engine_info info = *engine_info(engine);

		check_edits(&info, engine);
		info.has_system = 0;
		check_edits(&info, engine);
	}
	engine_close(engine);
}

static void no_edit_changes_an_id_in_front_of_it(void **state)
{
	check_many_edits(open_fake(0), 30);
}

static void nor_where_tokens_would_merge_across_a_joint(void **state)
{
	check_many_edits(open_random(), 6);
}

/* ---- what is sent ---- */

static void the_context_is_what_is_sent(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_answer answer;
	struct buf want = BUF_INIT;
	char *got;

	add_text(session, "a.txt", "alpha\n");
	ask(session, engine, "First?", 8, NULL, &answer);
	add_text(session, "b.txt", "beta\n");
	update_text(session, 0, "ALPHA\n");
	got = context(session, "Second?");
	buf_addstr(&want, "You answer from the sources below. Quote the words that answer, then "
			  "explain briefly.\nIf the sources do not say, answer: The sources do not "
			  "say.\n\n<source id=\"S1\" kind=\"text\" name=\"a.txt\">\n1|alpha\n"
			  "</source>\n\nFirst?\n\n");
	buf_add(&want, answer.text, answer.text_len);
	buf_addstr(&want, "\n\n<source id=\"S2\" kind=\"text\" name=\"b.txt\">\n1|beta\n</source>\n"
			  "<update of=\"S1\">\n1|ALPHA\n</update>\n\nSecond?");
	assert_string_equal(buf_str(&want), got);
	free(got);
	buf_finish(&want);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

static void marks_stand_where_the_template_has_them(void **state)
{
	static const int with_system[] = {PROMPT_BEGIN, PROMPT_SYSTEM_OPEN, -1, -1, -1, -1,
		PROMPT_SYSTEM_CLOSE, PROMPT_USER_OPEN, -1, PROMPT_USER_CLOSE, PROMPT_MODEL_OPEN};
	static const int without[] = {PROMPT_BEGIN, PROMPT_USER_OPEN, -1, -1, -1, -1, -1,
		PROMPT_USER_CLOSE, PROMPT_MODEL_OPEN};
	struct session *session = session_create(&(struct session_config){.no_cite = 0});

	add_text(session, "a.txt", "alpha\n");
	for (int has_system = 0; has_system < 2; has_system++) {
		const int *want = has_system ? with_system : without;
		size_t n = has_system ? ARRAY_LEN(with_system) : ARRAY_LEN(without), len;
		struct engine_info info = {.has_system = has_system};
		struct prompt prompt = {0};
		const char *text;

		session_prompt(session, "Q?", 2, &info, &prompt);
		assert_int_equal(n, prompt.count);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(want[i], segment_kind(prompt.item[i]) == SEGMENT_MARK
							  ? (int)segment_get_mark(prompt.item[i])
							  : -1);
		}
		text = segment_bytes(prompt.item[n - 3], &len);
		assert_int_equal(has_system ? 2 : 4, len);
		assert_memory_equal(has_system ? "Q?" : "\n\nQ?", text, len);
		prompt_finish(&prompt);
	}
	session_destroy(session);
}

static void a_turn_is_sent_again_as_it_was_sampled(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct session_answer answer;
	struct prompt prompt = {0};
	struct engine_info other;
	size_t count, len;

	ask(session, engine, "First?", 9, NULL, &answer);
	session_prompt(session, "Second?", 7, engine_info(engine), &prompt);
	assert_int_equal(SEGMENT_IDS, segment_kind(prompt.item[8]));
	segment_get_ids(prompt.item[8], &count);
	assert_int_equal(answer.usage.generated_tok, count);
	prompt_finish(&prompt);
	/* Another tokenizer has other ids: it gets the text. */
	other = *engine_info(engine);
	memset(other.tokenizer_digest, 'f', 64);
	session_prompt(session, "Second?", 7, &other, &prompt);
	assert_int_equal(SEGMENT_TEXT, segment_kind(prompt.item[8]));
	assert_memory_equal(answer.text, segment_bytes(prompt.item[8], &len), answer.text_len);
	prompt_finish(&prompt);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

/* ---- asking ---- */

static void the_second_question_computes_only_what_is_new(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct session_answer first, second;

	add_text(session, "a.txt", "alpha beta gamma\n");
	ask(session, engine, "First?", 10, NULL, &first);
	assert_int_equal(0, first.usage.cached_tok);
	ask(session, engine, "Second?", 10, NULL, &second);
	assert_true(
		second.usage.cached_tok >= first.usage.prompt_tok + first.usage.generated_tok - 64);
	assert_int_equal(
		second.usage.prompt_tok, second.usage.cached_tok + second.usage.prefill_tok);
	session_answer_finish(&first);
	session_answer_finish(&second);
	session_destroy(session);
	engine_close(engine);
}

struct seen {
	struct buf text;
	int n_text, stop_after;
};

static void see_text(void *arg, const char *text, size_t len)
{
	struct seen *seen = arg;

	buf_add(&seen->text, text, len);
	seen->n_text++;
}

static int see_stopped(void *arg)
{
	struct seen *seen = arg;

	return seen->stop_after && seen->n_text >= seen->stop_after;
}

static void a_stop_keeps_what_came(void **state)
{
	struct engine *engine;
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct seen seen = {.stop_after = 1};
	struct session_watch watch = {.text = see_text, .stopped = see_stopped, .arg = &seen};
	struct session_answer answer;
	char *text;

	setenv("CARREL_FAKE_TOKEN_US", "2000", 1);
	setenv("CARREL_FAKE_ANSWER", "a long answer that goes on and on and on and on and on", 1);
	engine = open_fake(0);
	ask(session, engine, "Go on?", 1000, &watch, &answer);
	assert_int_equal(ENGINE_STOP_CANCELLED, answer.stop);
	assert_true(answer.text_len > 0 && answer.text_len < 50);
	assert_int_equal(seen.text.len, answer.text_len);
	assert_memory_equal(seen.text.data, answer.text, answer.text_len);
	text = context(session, "Next?");
	assert_non_null(strstr(text, "Go on?"));
	assert_non_null(strstr(text, answer.text));
	free(text);
	session_answer_finish(&answer);
	buf_finish(&seen.text);
	session_destroy(session);
	engine_close(engine);
	unsetenv("CARREL_FAKE_TOKEN_US");
	unsetenv("CARREL_FAKE_ANSWER");
}

/* Its first quote stands in "alpha\nbeta\ngamma\n" elsewhere than it says, its second nowhere. */
static struct engine *open_misquoting(void)
{
	struct engine *engine;

	setenv("CARREL_FAKE_ANSWER", "See [S1 a.txt:7 \"beta gamma\"] and [S1 a.txt:1 \"delta\"].",
		1);
	engine = open_fake(0);
	unsetenv("CARREL_FAKE_ANSWER");
	return engine;
}

static void quotes_in_an_answer_are_checked(void **state)
{
	struct session *session = session_create(&(struct session_config){.free_quotes = 1});
	struct engine *engine = open_misquoting();
	struct session_answer answer;

	add_text(session, "a.txt", "alpha\nbeta\ngamma\n");
	ask(session, engine, "Where?", 200, NULL, &answer);
	assert_int_equal(ENGINE_STOP_END, answer.stop);
	assert_int_equal(2, answer.n_citation);
	assert_int_equal(VERDICT_MOVED, answer.citation[0].verdict);
	assert_int_equal(2, answer.citation[0].line_first);
	assert_int_equal(3, answer.citation[0].line_last);
	assert_int_equal(VERDICT_NOT_FOUND, answer.citation[1].verdict);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

/* The same model, which would say it again; and it may not in an answer about updated text either. */
static void a_model_cannot_say_what_the_sources_do_not(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct engine *engine = open_misquoting();
	struct session_answer answer;

	add_text(session, "a.txt", "alpha\nbeta\ngamma\n");
	for (int turn = 0; turn < 3; turn++) {
		ask(session, engine, "Where is the delta?", 200, NULL, &answer);
		assert_int_equal(ENGINE_STOP_END, answer.stop);
		assert_memory_equal("See [S1 a.txt:7 \"", answer.text, 17);
		assert_true(answer.n_citation >= 2);
		for (size_t i = 0; i < answer.n_citation; i++) {
			assert_int_not_equal(VERDICT_NOT_FOUND, answer.citation[i].verdict);
		}
		assert_string_equal("beta gamma", answer.citation[0].text);
		session_answer_finish(&answer);
		if (turn == 0) {
			update_text(session, 0, "beta\ngamma and more\n");
		}
	}
	session_destroy(session);
	engine_close(engine);
}

static void a_prompt_too_long_is_refused_with_both_numbers(void **state)
{
	struct engine *engine = open_fake(512);
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct session_answer answer;
	struct err err;
	char *before, *after;

	add_text(session, "a.txt",
		"0123456789012345678901234567890123456789012345678901234567890123456789\n"
		"0123456789012345678901234567890123456789012345678901234567890123456789\n"
		"0123456789012345678901234567890123456789012345678901234567890123456789\n");
	before = context(session, "Q?");
	assert_int_equal(-1, session_ask(session, engine, "Q?", 2, NULL, 10, NULL, &answer, &err));
	assert_int_equal(ERR_CONTEXT, err.code);
	assert_non_null(strstr(err.what, " 512"));
	assert_non_null(strstr(err.what, " tokens"));
	after = context(session, "Q?");
	assert_string_equal(before, after);
	assert_null(answer.text);
	free(before);
	free(after);
	session_destroy(session);
	engine_close(engine);
}

static void an_engine_that_fails_leaves_the_conversation_unchanged(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct engine *engine = open_fake(0);
	struct engine_sampling bad = engine_sampling_default;
	struct session_answer answer;
	struct err err = {0};
	char *before, *after;

	ask(session, engine, "First?", 5, NULL, &answer);
	session_answer_finish(&answer);
	add_text(session, "late.txt", "late\n");
	before = context(session, "Q?");
	bad.top_p = -1;
	bad.temperature = -1;
	assert_int_equal(-1, session_ask(session, engine, "Q?", 2, &bad, 10, NULL, &answer, &err));
	assert_int_not_equal(ERR_NONE, err.code);
	after = context(session, "Q?");
	assert_string_equal(before, after);
	free(before);
	free(after);
	session_destroy(session);
	engine_close(engine);
}

struct killer {
	pid_t process;
	int n_text;
};

static void kill_at_the_third_word(void *arg, const char *text, size_t len)
{
	struct killer *killer = arg;

	if (++killer->n_text == 3) {
		kill(killer->process, SIGKILL);
	}
}

/* In a process of its own, as carrel runs it. */
static void an_engine_that_dies_in_mid_answer_leaves_it_unasked(void **state)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *program = mem_printf("%s/engine/carrel-engine", build ? build : ".");
	struct engine_config config = {.model = "fake", .backend = "fake", .program = program};
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct killer killer = {0};
	struct session_watch watch = {.text = kill_at_the_third_word, .arg = &killer};
	struct session_answer answer;
	struct engine *engine;
	struct err err = {0};
	char *before, *after;

	setenv("CARREL_FAKE_TOKEN_US", "1000", 1);
	setenv("CARREL_FAKE_ANSWER", "one two three four five six seven eight nine ten", 1);
	assert_int_equal(0, engine_open(&engine, &config, NULL));
	assert_int_equal(0, engine_wait_ready(engine, NULL));
	killer.process = engine_info(engine)->process_id;
	add_text(session, "a.txt", "alpha\n");
	before = context(session, "Q?");
	assert_int_equal(
		-1, session_ask(session, engine, "Q?", 2, NULL, 1000, &watch, &answer, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	after = context(session, "Q?");
	assert_string_equal(before, after);
	/* And the same question is answered by the engine's next process. */
	ask(session, engine, "Q?", 1000, NULL, &answer);
	assert_int_equal(ENGINE_STOP_END, answer.stop);
	assert_memory_equal("one two three", answer.text, 13);
	session_answer_finish(&answer);
	free(before);
	free(after);
	free(program);
	session_destroy(session);
	engine_close(engine);
	unsetenv("CARREL_FAKE_TOKEN_US");
	unsetenv("CARREL_FAKE_ANSWER");
}

static void counts_add_up(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct engine *engine = open_fake(0);
	int64_t without = 0, with = 0;
	struct session_source a, b;

	assert_int_equal(0, session_count(session, engine, NULL, &without, NULL));
	add_text(session, "a.txt", "alpha\n");
	add_text(session, "b.txt", "beta\ngamma\n");
	assert_int_equal(-1, session_source_at(session, 1).tokens);
	assert_int_equal(0, session_count(session, engine, NULL, &with, NULL));
	a = session_source_at(session, 0);
	b = session_source_at(session, 1);
	assert_string_equal("S1", a.id);
	assert_string_equal("text", b.kind);
	assert_string_equal("b.txt", b.path);
	/* The fake vocabulary is bytes. */
	assert_int_equal(
		strlen("\n\n<source id=\"S1\" kind=\"text\" name=\"a.txt\">\n1|alpha\n</source>"),
		a.tokens);
	assert_int_equal(with, without + a.tokens + b.tokens);
	session_destroy(session);
	engine_close(engine);
}

static int at_once(void *arg)
{
	return 1;
}

static void a_count_can_be_stopped(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct engine *engine = open_fake(0);
	struct session_watch watch = {.stopped = at_once};
	struct err err;

	add_text(session, "a.txt", "alpha\n");
	assert_int_equal(-1, session_count(session, engine, &watch, NULL, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(-1, session_source_at(session, 0).tokens);
	assert_int_equal(0, session_count(session, engine, NULL, NULL, &err));
	assert_true(session_source_at(session, 0).tokens > 0);
	session_destroy(session);
	engine_close(engine);
}

static void a_question_keeps_its_bytes(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct buf text = BUF_INIT;

	session_context_text(session, "one\0two", 7, &text);
	assert_true(text.len > 7);
	assert_memory_equal("one\0two", text.data + text.len - 7, 7);
	buf_finish(&text);
	session_destroy(session);
}

/* ---- loading ---- */

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(0, fclose(file));
}

static void a_load_adds_all_or_nothing_and_lists_what_it_left_out(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	char folder[] = "/tmp/carrel-session-XXXXXX";
	const struct skipped *skipped;
	size_t n_skipped;
	const char *path[3];
	struct err err;

	assert_non_null(mkdtemp(folder));
	path[0] = mem_printf("%s/a.txt", folder);
	path[1] = mem_printf("%s/none.txt", folder);
	path[2] = mem_printf("%s/empty.txt", folder);
	write_text(path[0], "alpha\n");
	write_text(path[2], "");

	assert_int_equal(-1, session_load(session, path, 3, NULL, 0, &err));
	assert_int_equal(ERR_INPUTS, err.code);
	assert_string_equal(path[1], err.where);
	assert_int_equal(0, session_source_count(session));
	skipped = session_skipped(session, &n_skipped);
	assert_int_equal(2, n_skipped);
	assert_string_equal(path[1], skipped[0].path);
	assert_true(skipped[0].is_unreadable);
	assert_string_equal(path[2], skipped[1].path);
	assert_false(skipped[1].is_unreadable);

	assert_int_equal(0, session_load(session, path, 3, NULL, 1, &err));
	assert_int_equal(1, session_source_count(session));
	session_skipped(session, &n_skipped);
	assert_int_equal(4, n_skipped);

	/* What is a source already is none again; what changed is an update of it. */
	assert_int_equal(0, session_load(session, path, 1, NULL, 0, &err));
	assert_int_equal(1, session_source_count(session));
	skipped = session_skipped(session, &n_skipped);
	assert_int_equal(5, n_skipped);
	assert_string_equal("is S1 already, unchanged: loaded once", skipped[4].reason);
	write_text(path[0], "beta\n");
	assert_int_equal(0, session_load(session, path, 1, NULL, 0, &err));
	assert_int_equal(1, session_source_count(session));
	assert_int_equal(1, session_source_at(session, 0).n_update);
	for (int i = 0; i < 3; i++) {
		unlink(path[i]);
		free((char *)path[i]);
	}
	rmdir(folder);
	session_destroy(session);
}

static uint64_t address_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long long pages = 0;

	assert_non_null(file);
	assert_int_equal(1, fscanf(file, "%llu", &pages));
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* In a process of its own, whose memory holds the file but not its pack. */
static void a_load_that_memory_cannot_hold_is_a_sentence(void **state)
{
	enum { FILE_BYTES = 60 << 20 };
	char path[] = "/tmp/carrel-large-XXXXXX";
	int fd = mkstemp(path), status;
	char *block = mem_alloc(1 << 20);
	uint64_t now = address_bytes();
	pid_t child;

	if (now > 1ULL << 40) {
		close(fd);
		unlink(path);
		free(block);
		print_message("a sanitizer reserves more addresses than the limit would leave\n");
		skip();
	}
	memset(block, 'x', 1 << 20);
	for (int i = 0; i < FILE_BYTES >> 20; i++) {
		assert_int_equal(1 << 20, write(fd, block, 1 << 20));
	}
	close(fd);
	free(block);
	child = fork();
	if (child == 0) {
		struct session *session = session_create(&(struct session_config){.no_cite = 0});
		struct rlimit limit = {now + 5 * FILE_BYTES / 2, now + 5 * FILE_BYTES / 2};
		const char *const paths[] = {path};
		struct err err;

		if (setrlimit(RLIMIT_AS, &limit) < 0 ||
			session_load(session, paths, 1, NULL, 0, &err) == 0 ||
			err.code != ERR_INPUTS || session_source_count(session)) {
			_exit(2);
		}
		_exit(strstr(err.what, "no memory for sources of 62914560 bytes") ? 0 : 3);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

/* Named twice, by links and dots too, a file is one source: the first. */
static void a_file_that_is_named_twice_is_loaded_once(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	char folder[] = "/tmp/carrel-session-XXXXXX";
	const struct skipped *skipped;
	const char *path[4];
	size_t n_skipped;
	struct err err;

	assert_non_null(mkdtemp(folder));
	path[0] = mem_printf("%s/a.txt", folder);
	path[1] = mem_printf("%s/./a.txt", folder);
	path[2] = mem_printf("%s/link.txt", folder);
	path[3] = mem_printf("%s/same.txt", folder);
	write_text(path[0], "alpha\n");
	write_text(path[3], "alpha\n");
	assert_int_equal(0, symlink(path[0], path[2]));
	assert_int_equal(0, session_load(session, path, 4, NULL, 0, &err));
	assert_int_equal(2, session_source_count(session)); /* equal text is not the same file */
	assert_string_equal(path[0], session_source_at(session, 0).path);
	assert_string_equal(path[3], session_source_at(session, 1).path);
	skipped = session_skipped(session, &n_skipped);
	assert_int_equal(2, n_skipped);
	assert_string_equal(path[1], skipped[0].path);
	assert_string_equal(path[2], skipped[1].path);
	assert_false(skipped[0].is_unreadable);
	assert_string_equal("is among the sources already: loaded once", skipped[0].reason);
	for (int i = 0; i < 4; i++) {
		unlink(path[i]);
		free((char *)path[i]);
	}
	rmdir(folder);
	session_destroy(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_edit_changes_an_id_in_front_of_it),
		cmocka_unit_test(nor_where_tokens_would_merge_across_a_joint),
		cmocka_unit_test(the_context_is_what_is_sent),
		cmocka_unit_test(marks_stand_where_the_template_has_them),
		cmocka_unit_test(a_turn_is_sent_again_as_it_was_sampled),
		cmocka_unit_test(the_second_question_computes_only_what_is_new),
		cmocka_unit_test(a_stop_keeps_what_came),
		cmocka_unit_test(quotes_in_an_answer_are_checked),
		cmocka_unit_test(a_model_cannot_say_what_the_sources_do_not),
		cmocka_unit_test(a_prompt_too_long_is_refused_with_both_numbers),
		cmocka_unit_test(an_engine_that_fails_leaves_the_conversation_unchanged),
		cmocka_unit_test(a_count_can_be_stopped),
		cmocka_unit_test(a_question_keeps_its_bytes),
		cmocka_unit_test(a_load_adds_all_or_nothing_and_lists_what_it_left_out),
		cmocka_unit_test(a_load_that_memory_cannot_hold_is_a_sentence),
		cmocka_unit_test(a_file_that_is_named_twice_is_loaded_once),
		cmocka_unit_test(an_engine_that_dies_in_mid_answer_leaves_it_unasked),
		cmocka_unit_test(counts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
