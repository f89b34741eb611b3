/* The sources of a session cut to be read piece by piece: windows, prompts over them, and quotes. */
#include "session/library.h"
#include "session/library_count.h"

#include "session_fixture.h"

/* ---- helpers ---- */

/* Paragraphs of numbered sentences: every sentence is there once. */
static char *prose(const char *about, int n_line)
{
	struct buf text = BUF_INIT;

	for (int i = 1; i <= n_line; i++) {
		buf_printf(&text, "The %s number %d stands in hall %d.\n%s", about, i, 7 * i,
			i % 6 == 0 ? "\n" : "");
	}
	return buf_take(&text);
}

static void add_prose(struct session *session, const char *name, int n_line)
{
	char *text = prose(name, n_line);

	add_text(session, name, text);
	free(text);
}

static const struct library *library_of(
	struct session *session, struct engine *engine, int64_t window_tok)
{
	const struct library *library;
	struct err err;

	must(session_library(session, engine, window_tok, NULL, &library, &err), &err);
	return library;
}

static struct excerpt excerpt_of(const struct library *library, size_t number)
{
	const struct window *window;
	const struct library_source *source = library_window(library, number, &window);

	return (struct excerpt){source, window->slice};
}

static struct library_prompt asking(const struct excerpt *excerpt, size_t n, const char *question)
{
	return (struct library_prompt){
		.excerpt = excerpt,
		.n_excerpt = n,
		.question = question,
		.question_len = strlen(question),
	};
}

/* The ids of a prompt. */
static uint32_t *ids_asking(struct session *session, struct engine *engine,
	const struct library_prompt *what, size_t *n_turn, size_t *count)
{
	struct prompt prompt = {0};
	uint32_t *ids;
	struct err err;

	must(library_prompt(session, engine, what, &prompt, n_turn, &err), &err);
	ids = ids_of(engine, &prompt, count);
	prompt_finish(&prompt);
	return ids;
}

/* The packed text of a window. */
static char *text_asking(
	struct session *session, struct engine *engine, const struct library_prompt *what)
{
	struct prompt prompt = {0};
	struct buf text = BUF_INIT;

	must(library_prompt(session, engine, what, &prompt, NULL, NULL), NULL);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t len;
		const char *bytes;

		if (segment_kind(prompt.item[i]) == SEGMENT_TEXT) {
			bytes = segment_bytes(prompt.item[i], &len);
			buf_add(&text, bytes, len);
		}
	}
	prompt_finish(&prompt);
	return buf_take(&text);
}

/* ---- windows ---- */

static char *all_windows(struct session *session, struct engine *engine,
	const struct library *library, int64_t number, size_t *n)
{
	struct buf all = BUF_INIT;

	*n = 0;
	for (size_t i = 0; i < library->n_window; i++) {
		struct excerpt excerpt = excerpt_of(library, i);
		struct library_prompt what = asking(&excerpt, 1, "Q?");
		char *text;

		if (excerpt.source->number != number) {
			continue;
		}
		what.alone = 1;
		text = text_asking(session, engine, &what);
		buf_addstr(&all, text);
		free(text);
		++*n;
	}
	return buf_take(&all);
}

static void drop_source(struct session *session, int64_t number)
{
	struct session_change *change;
	struct err err;

	must(session_plan_drop(session, &change, &number, 1, &err), &err);
	must(session_change_commit(change, &err), &err);
}

static void windows_follow_from_their_source_alone(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session *other = session_create(&(struct session_config){.no_cite = 1});
	size_t n, n_now;
	char *before, *now;

	(void)state;
	add_prose(session, "pump", 200);
	before = all_windows(session, engine, library_of(session, engine, 1024), 1, &n);
	assert_true(n > 3);
	add_prose(session, "valve", 90);
	say(session, engine, "Anything?", 4);
	add_prose(session, "late", 40);
	now = all_windows(session, engine, library_of(session, engine, 1024), 1, &n_now);
	assert_int_equal(n, n_now);
	assert_string_equal(before, now);
	free(now);
	drop_source(session, 2);
	now = all_windows(session, engine, library_of(session, engine, 1024), 1, &n_now);
	assert_string_equal(before, now);
	free(now);
	/* As another source of another session. */
	add_prose(other, "valve", 30);
	add_prose(other, "pump", 200);
	now = all_windows(other, engine, library_of(other, engine, 1024), 2, &n_now);
	assert_int_equal(n, n_now);
	assert_string_equal(before, now);
	free(now);
	free(before);
	session_destroy(session);
	session_destroy(other);
	engine_close(engine);
}

static void a_source_is_cut_once_whatever_is_said_or_added(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	const struct library *library;
	const struct chunk *chunk;

	(void)state;
	add_prose(session, "pump", 60);
	library = library_of(session, engine, 0);
	assert_int_equal(
		cut_window_tok(engine_info(engine)->context_train_tok), library->window_tok);
	assert_ptr_equal(library, library_of(session, engine, 0));
	chunk = library->source[0].cut.chunk;
	say(session, engine, "Anything?", 4);
	add_prose(session, "valve", 60);
	library = library_of(session, engine, 0);
	assert_int_equal(2, library->n_source);
	assert_ptr_equal(chunk, library->source[0].cut.chunk);
	assert_int_equal(1, library->n_turn);
	library = library_of(session, engine, 200);
	assert_int_equal(200, library->window_tok);
	assert_true(library->n_window > 2);
	session_destroy(session);
	engine_close(engine);
}

static void windows_and_chunks_are_found_by_their_numbers(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	const struct library *library;
	size_t n_window = 0, n_chunk = 0;

	(void)state;
	add_text(session, "empty first", "");
	add_prose(session, "pump", 70);
	add_text(session, "empty between", "");
	add_prose(session, "valve", 50);
	add_text(session, "empty last", "");
	library = library_of(session, engine, 1024);
	assert_int_equal(5, library->n_source);
	for (size_t i = 0; i < library->n_source; i++) {
		const struct library_source *source = &library->source[i];

		for (size_t k = 0; k < source->cut.n_window; k++) {
			const struct window *window;

			assert_ptr_equal(source, library_window(library, n_window++, &window));
			assert_ptr_equal(&source->cut.window[k], window);
		}
		for (size_t k = 0; k < source->cut.n_chunk; k++) {
			const struct chunk *chunk;

			assert_ptr_equal(source, library_chunk(library, n_chunk++, &chunk));
			assert_ptr_equal(&source->cut.chunk[k], chunk);
		}
	}
	assert_int_equal(library->n_window, n_window);
	assert_int_equal(library->n_chunk, n_chunk);
	session_destroy(session);
	engine_close(engine);
}

/* What the engine counts is what the library says, whoever counted. */
static void check_counts(struct engine *engine)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	const struct library *library;
	int64_t tokens = 0;

	add_prose(session, "pump", 80);
	add_text(session, "odd",
		"caf\xc3\xa9 \xff\xfe\n\n\n<file>\n\t\tint  x;\r\n"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	library = library_of(session, engine, 300);
	for (size_t i = 0; i < library->n_window; i++) {
		const struct window *window;
		const struct library_source *source = library_window(library, i, &window);
		struct prompt prompt = {0}, front = {0};
		size_t all, before;

		prompt_add(&front, segment_mark(PROMPT_BEGIN));
		pack_source_open(&front, PACK_BEFORE_OTHER, 1, source->document);
		prompt_copy(&prompt, &front);
		pack_slices_content(&prompt, source->document, &window->slice, 1);
		free(ids_of(engine, &front, &before));
		free(ids_of(engine, &prompt, &all));
		assert_int_equal(all - before, window->tokens);
		assert_true(window->tokens <= 300);
		tokens += window->tokens;
		prompt_finish(&front);
		prompt_finish(&prompt);
	}
	assert_int_equal(tokens, library->tokens);
	session_destroy(session);
}

static void counts_are_those_of_the_engine(void **state)
{
	struct engine *fake = open_fake(0), *model = open_random();
	struct tokens *tokens = tokens_open_engine(model);

	(void)state;
	assert_non_null(tokens); /* counted here; the fake has no file to count by */
	tokens_close(tokens);
	assert_null(tokens_open_engine(fake));
	check_counts(fake);
	check_counts(model);
	engine_close(fake);
	engine_close(model);
}

static void the_engine_and_this_process_count_the_same(void **state)
{
	struct engine *model = open_random();
	struct library_counter counter;
	struct tokens_text here[100], there[100];
	char *text = prose("pump", 100);
	struct err err;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(here); i++) { /* more than are under way at once */
		here[i] = there[i] = (struct tokens_text){.text = text + at, .len = 3 + i % 30};
		at += here[i].len;
	}
	must(library_counter_begin(&counter, model, 0, NULL, &err), &err);
	must(library_counter_count(&counter, here, ARRAY_LEN(here), &err), &err);
	library_counter_end(&counter);
	must(library_counter_begin(&counter, model, 1, NULL, &err), &err);
	must(library_counter_count(&counter, there, ARRAY_LEN(there), &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(here); i++) {
		assert_int_equal(here[i].n_tok, there[i].n_tok);
	}
	library_counter_end(&counter);
	free(text);
	engine_close(model);
}

static int at_once(void *arg)
{
	++*(int *)arg;
	return 1;
}

static void a_stop_leaves_the_session_as_it_was(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	int n_asked = 0;
	struct session_watch watch = {.stopped = at_once, .arg = &n_asked};
	const struct library *library = NULL;
	struct err err;

	(void)state;
	add_prose(session, "pump", 60);
	assert_int_equal(-1, session_library(session, engine, 0, &watch, &library, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(1, n_asked);
	assert_null(library);
	assert_true(library_of(session, engine, 0)->n_chunk > 0);
	session_destroy(session);
	engine_close(engine);
}

static int after_some(void *arg)
{
	return --*(int *)arg < 0;
}

/* How often it looked whether to stop; it stops after `most` times. */
static int polls_of_cutting(struct session *session, struct engine *engine, int most, int expected)
{
	int left = most;
	struct session_watch watch = {.stopped = after_some, .arg = &left};
	const struct library *library;
	struct err err = {0};

	assert_int_equal(expected, session_library(session, engine, 0, &watch, &library, &err));
	assert_true(expected == 0 || err.code == ERR_INTERRUPTED);
	return most - left;
}

static struct session *many_sources(int n)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 1});

	for (int i = 0; i < n; i++) {
		add_prose(session, "pump", 40 + i);
	}
	return session;
}

static void a_stop_keeps_the_cuts_that_were_made(void **state)
{
	enum { SOURCES = 8, ENOUGH = 1 << 20 };
	struct engine *engine = open_fake(0);
	struct session *session = many_sources(SOURCES);
	int all = polls_of_cutting(session, engine, ENOUGH, 0);
	const struct chunk *chunk = session->library->source[SOURCES - 1].cut.chunk;

	(void)state;
	/* One more source: a stop at once forgets none of the others. */
	add_prose(session, "valve", 40);
	polls_of_cutting(session, engine, 0, -1);
	assert_ptr_equal(chunk, library_of(session, engine, 0)->source[SOURCES - 1].cut.chunk);
	session_destroy(session);
	/* Half of it was cut when it stopped: that is not cut again. */
	session = many_sources(SOURCES);
	polls_of_cutting(session, engine, all / 2, -1);
	assert_true(polls_of_cutting(session, engine, ENOUGH, 0) < all * 3 / 4);
	assert_int_equal(SOURCES, session->library->n_source);
	session_destroy(session);
	engine_close(engine);
}

/* ---- updates ---- */

static void a_source_is_read_as_it_is_now(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct excerpt excerpt;
	struct library_prompt what;
	char *text;
	struct citation *citation;
	size_t count;
	static const char answer[] = "[S1 t:2 \"stands in hall 9\"] [S1 t:2 \"stands in hall 4\"]";

	(void)state;
	add_text(session, "t", "Manual\nThe pump stands in hall 4.\n");
	update_text(session, 0, "Manual\nThe pump stands in hall 9.\n");
	excerpt = excerpt_of(library_of(session, engine, 0), 0);
	what = asking(&excerpt, 1, "Q?");
	text = text_asking(session, engine, &what);
	assert_non_null(strstr(text, "<source id=\"S1\" kind=\"text\" name=\"t\">\n1|Manual\n"
				     "The pump stands in hall 9.\n</source>"));
	assert_null(strstr(text, "hall 4"));
	citation = library_cite(&what, answer, strlen(answer), &count);
	assert_int_equal(2, count);
	assert_int_equal(VERDICT_VERIFIED, citation[0].verdict);
	assert_int_equal(0, citation[0].superseded);
	assert_int_equal(VERDICT_NOT_FOUND, citation[1].verdict);
	citations_free(citation, count);
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* ---- prompts ---- */

static size_t same_ids(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	size_t n = 0;

	while (n < n_a && n < n_b && a[n] == b[n]) {
		n++;
	}
	return n;
}

static void check_prefix(struct engine *engine)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct excerpt excerpt;
	struct library_prompt what;
	size_t n_before, n_after, n_other, n_turn;
	uint32_t *before, *after, *other;
	const struct window *window;

	add_prose(session, "pump", 100);
	add_prose(session, "valve", 100);
	library_window(library_of(session, engine, 500), 1, &window);
	excerpt = excerpt_of(library_of(session, engine, 500), 1);
	what = asking(&excerpt, 1, "Where is it?");
	before = ids_asking(session, engine, &what, &n_turn, &n_before);
	assert_int_equal(0, n_turn);
	other = ids_asking(session, engine,
		&(struct library_prompt){
			.excerpt = &excerpt, .n_excerpt = 1, .question = "Why?", .question_len = 4},
		&n_turn, &n_other);
	assert_true(same_ids(before, n_before, other, n_other) > (size_t)window->tokens);
	assert_true(n_before < (size_t)window->tokens + 400);
	free(other);
	/* The conversation stands behind it. */
	say(session, engine, "Something else?", 6);
	excerpt = excerpt_of(library_of(session, engine, 500), 1);
	what.excerpt = &excerpt;
	what.turns_tok = 10000;
	after = ids_asking(session, engine, &what, &n_turn, &n_after);
	assert_int_equal(1, n_turn);
	assert_true(n_after > n_before);
	assert_true(same_ids(before, n_before, after, n_after) > (size_t)window->tokens);
	free(before);
	free(after);
	session_destroy(session);
}

static void a_window_is_a_prefix_whatever_is_asked_behind_it(void **state)
{
	struct engine *engine = open_fake(0);

	(void)state;
	assert_true(engine_info(engine)->has_system);
	check_prefix(engine);
	/* As of a template without a system message: all stands in the first of the user's. */
	((struct engine_info *)engine_info(engine))->has_system = 0;
	check_prefix(engine);
	engine_close(engine);
}

static void the_latest_turns_stand_in_a_prompt_as_far_as_they_fit(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	static const char *const question[] = {"One?", "Two, which is longer?", "Three?"};
	const struct library *library;
	struct excerpt excerpt;
	struct library_prompt what;
	int64_t tokens = 0, alone_tok = 0;

	(void)state;
	add_prose(session, "pump", 10);
	for (size_t i = 0; i < ARRAY_LEN(question); i++) {
		say(session, engine, question[i], 5);
	}
	library = library_of(session, engine, 0);
	assert_int_equal(3, library->n_turn);
	excerpt = excerpt_of(library, 0);
	what = asking(&excerpt, 1, "Four?");
	for (size_t k = 0; k <= 3; k++) {
		size_t n_turn, count;
		char *text;

		what.turns_tok = tokens;
		free(ids_asking(session, engine, &what, &n_turn, &count));
		assert_int_equal(k, n_turn);
		alone_tok = k ? alone_tok : (int64_t)count;
		assert_int_equal(tokens, (int64_t)count - alone_tok);
		text = text_asking(session, engine, &what);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(i >= 3 - k, strstr(text, question[i]) != NULL);
		}
		free(text);
		if (k < 3) {
			tokens += library->turn_tok[2 - k];
		}
		what.turns_tok = tokens - 1;
		free(ids_asking(session, engine, &what, &n_turn, &count));
		assert_int_equal(k < 3 ? k : 2, n_turn);
	}
	session_destroy(session);
	engine_close(engine);
}

static void excerpts_stand_in_their_sources_and_neighbours_as_one(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	const struct library *library;
	struct excerpt excerpt[3];
	struct library_prompt what;
	char *text;
	const struct chunk *chunk;

	(void)state;
	add_text(session, "a", "one two\n");
	add_text(session, "b", "1\n2\n3\n4\n5\n6\n");
	library = library_of(session, engine, 0);
	for (size_t i = 0; i < 3; i++) {
		excerpt[i].source = library_chunk(library, 1, &chunk);
	}
	assert_int_equal(2, excerpt[0].source->number);
	excerpt[0].slice = (struct slice){0, 2, 0, 4, 2};
	excerpt[1].slice = (struct slice){0, 4, 0, 6, 3};
	excerpt[2].slice = (struct slice){0, 10, 0, 12, 6};
	what = asking(excerpt, 3, "Q?");
	text = text_asking(session, engine, &what);
	assert_non_null(strstr(text, "\n\n<source id=\"S2\" kind=\"text\" name=\"b\">\n"
				     "2|2\n3\n...\n6|6\n</source>"));
	free(text);
	excerpt[1].source = library_chunk(library, 0, &chunk);
	excerpt[1].slice = chunk->slice;
	what = asking(excerpt, 2, "Q?");
	text = text_asking(session, engine, &what);
	assert_non_null(strstr(text, "2|2\n</source>\n<source id=\"S1\" kind=\"text\" name=\"a\">\n"
				     "1|one two\n</source>"));
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* ---- quotes ---- */

static struct citation cite_one(const struct library_prompt *what, const char *answer)
{
	size_t count;
	struct citation *citation = library_cite(what, answer, strlen(answer), &count), one;

	assert_int_equal(1, count);
	one = citation[0];
	free(citation);
	return one;
}

static void free_one(struct citation citation)
{
	struct citation *copy = mem_alloc(sizeof(*copy));

	*copy = citation;
	citations_free(copy, 1);
}

static void check_cite(const struct library_prompt *what, const char *answer, enum verdict verdict,
	const char *source, int64_t line_first, int64_t line_last)
{
	struct citation got = cite_one(what, answer);

	assert_int_equal(verdict, got.verdict);
	if (verdict != VERDICT_NOT_FOUND) {
		assert_string_equal(source, got.source);
		assert_int_equal(line_first, got.line_first);
		assert_int_equal(line_last, got.line_last);
	}
	free_one(got);
}

static void quotes_are_looked_for_in_the_excerpts_and_told_in_the_source(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	const struct library *library;
	struct excerpt excerpt[3];
	struct library_prompt what;
	const struct chunk *chunk;

	(void)state;
	add_text(session, "a", "first of all\n");
	add_text(session, "b", "alpha beta\ngamma delta\nalpha beta\nepsilon zeta\nalpha beta\n");
	library = library_of(session, engine, 0);
	excerpt[0].source = excerpt[1].source = library_chunk(library, 1, &chunk);
	excerpt[0].slice = (struct slice){0, 11, 0, 23, 2}; /* gamma delta */
	excerpt[1].slice = (struct slice){0, 34, 0, 58, 4}; /* epsilon zeta, alpha beta */
	what = asking(excerpt, 2, "Q?");
	check_cite(&what, "[S2 b:2 \"gamma delta\"]", VERDICT_VERIFIED, "S2", 2, 2);
	check_cite(&what, "[S2 b:1 \"gamma delta\"]", VERDICT_MOVED, "S2", 2, 2);
	check_cite(&what, "[S1 \"gamma delta\"]", VERDICT_MOVED, "S2", 2, 2);
	check_cite(&what, "[S2 b:4-5 \"epsilon zeta alpha beta\"]", VERDICT_VERIFIED, "S2", 4, 5);
	check_cite(&what, "[S2 b:4 \"4|epsilon zeta\"]", VERDICT_VERIFIED, "S2", 4, 4);
	check_cite(&what, "[S2 b:4 \"3|epsilon zeta\"]", VERDICT_NOT_FOUND, NULL, 0, 0);
	/* It stands in three places, of which one could be read. */
	check_cite(&what, "[S2 \"alpha beta\"]", VERDICT_VERIFIED, "S2", 5, 5);
	check_cite(&what, "[S2 b:1 \"alpha beta\"]", VERDICT_MOVED, "S2", 5, 5);
	/* Where the excerpts do not reach, and over what was left out. */
	check_cite(&what, "[S1 a:1 \"first of all\"]", VERDICT_NOT_FOUND, NULL, 0, 0);
	check_cite(&what, "[S2 \"beta gamma\"]", VERDICT_NOT_FOUND, NULL, 0, 0);
	check_cite(&what, "[S2 \"gamma delta epsilon\"]", VERDICT_NOT_FOUND, NULL, 0, 0);
	/* Neighbours are one, in any order, and what two have stands there once. */
	excerpt[2] = (struct excerpt){excerpt[0].source, {0, 23, 0, 34, 3}};
	what.n_excerpt = 3;
	check_cite(&what, "[S2 \"gamma delta alpha beta epsilon\"]", VERDICT_VERIFIED, "S2", 2, 4);
	excerpt[2].slice = (struct slice){0, 11, 0, 23, 2};
	check_cite(&what, "[S1 \"gamma delta\"]", VERDICT_MOVED, "S2", 2, 2);
	/* Alone it is S1, and the quote is of S2. */
	what.n_excerpt = 2;
	what.alone = 1;
	check_cite(&what, "[S1 b:2 \"gamma delta\"]", VERDICT_VERIFIED, "S2", 2, 2);
	session_destroy(session);
	engine_close(engine);
}

/* Each sentence, quoted from its window, is where it is in the whole document. */
static void check_round_trip(struct session *session, struct engine *engine, int64_t window_tok)
{
	const struct library *library = library_of(session, engine, window_tok);
	size_t n_found = 0, n_not = 0;

	for (size_t i = 0; i < library->n_window; i++) {
		struct excerpt excerpt = excerpt_of(library, i);
		struct library_prompt what = asking(&excerpt, 1, "Q?");
		struct cite_source whole = {
			.number = excerpt.source->number, .document = excerpt.source->document};

		for (int line = 1; line <= 100; line += 3) {
			char *answer = mem_printf("[S%lld pump:%d \"pump number %d stands in\"]",
				(long long)whole.number, line, line);
			struct citation got = cite_one(&what, answer), *want;
			size_t count;

			want = cite_check(answer, strlen(answer), &whole, 1, &count);
			assert_int_equal(1, count);
			if (got.verdict == VERDICT_NOT_FOUND) {
				n_not++;
			} else {
				n_found++;
				assert_int_equal(want->verdict, got.verdict);
				assert_string_equal(want->path, got.path);
				assert_int_equal(want->line_first, got.line_first);
				assert_int_equal(want->line_last, got.line_last);
				assert_true(got.line_first >= excerpt.slice.line);
			}
			citations_free(want, count);
			cite_source_finish(&whole);
			free_one(got);
			free(answer);
		}
	}
	assert_int_equal(34, n_found); /* each in one window */
	assert_int_equal(34 * (library->n_window - 1), n_not);
}

static void quotes_come_back_from_each_window_as_from_the_whole(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});

	(void)state;
	add_prose(session, "pump", 100);
	check_round_trip(session, engine, 100);
	check_round_trip(session, engine, 700);
	check_round_trip(session, engine, 100000);
	session_destroy(session);
	engine_close(engine);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_follow_from_their_source_alone),
		cmocka_unit_test(a_source_is_cut_once_whatever_is_said_or_added),
		cmocka_unit_test(windows_and_chunks_are_found_by_their_numbers),
		cmocka_unit_test(counts_are_those_of_the_engine),
		cmocka_unit_test(the_engine_and_this_process_count_the_same),
		cmocka_unit_test(a_stop_leaves_the_session_as_it_was),
		cmocka_unit_test(a_stop_keeps_the_cuts_that_were_made),
		cmocka_unit_test(a_source_is_read_as_it_is_now),
		cmocka_unit_test(a_window_is_a_prefix_whatever_is_asked_behind_it),
		cmocka_unit_test(the_latest_turns_stand_in_a_prompt_as_far_as_they_fit),
		cmocka_unit_test(excerpts_stand_in_their_sources_and_neighbours_as_one),
		cmocka_unit_test(quotes_are_looked_for_in_the_excerpts_and_told_in_the_source),
		cmocka_unit_test(quotes_come_back_from_each_window_as_from_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
