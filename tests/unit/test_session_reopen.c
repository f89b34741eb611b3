/*
 * A session that is opened again is the one that was closed: byte for byte and id for id. Whatever
 * is done, one that is opened anew after each step and one that never is have the same prompts.
 */
#include "base/rng.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/session_fixture.h"

static char folder[] = "/tmp/carrel-reopen-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

static uint64_t draw_seed, draw_count;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(draw_seed, draw_count++, word);
	return word[0] % below;
}

static struct session *create(const char *where, const struct session_config *config)
{
	struct session *session;
	struct store *store;
	struct err err;

	must(store_create(&store, where, &err), &err);
	must(session_open(&session, store, config, &err), &err);
	return session;
}

static struct session *reopen(struct session *session)
{
	char *where = mem_strdup(store_folder(session_store(session)));
	struct store *store;
	struct err err;

	session_destroy(session);
	must(store_open(&store, where, STORE_WRITE, &err), &err);
	must(session_open(&session, store, &(struct session_config){0}, &err), &err);
	free(where);
	return session;
}

static void check_same(
	const struct session *lasting, const struct session *reopened, struct engine *engine)
{
	size_t n, m;
	uint32_t *a = prompt_ids(lasting, engine, "Next?", &n);
	uint32_t *b = prompt_ids(reopened, engine, "Next?", &m);

	assert_int_equal(n, m);
	assert_memory_equal(a, b, n * sizeof(*a));
	free(a);
	free(b);
	assert_same_context(lasting, reopened);
	assert_int_equal(session_head(lasting), session_head(reopened));
	assert_string_equal(session_draft(lasting), session_draft(reopened));
	assert_int_equal(session_turn_count(lasting), session_turn_count(reopened));
	assert_int_equal(session_source_count(lasting), session_source_count(reopened));
	for (size_t i = 0; i < session_source_count(lasting); i++) {
		struct session_source one = session_source_at(lasting, i);
		struct session_source other = session_source_at(reopened, i);

		assert_string_equal(one.id, other.id);
		assert_string_equal(one.name, other.name);
		assert_int_equal(one.tokens, other.tokens);
		assert_int_equal(one.is_in_context, other.is_in_context);
		assert_int_equal(one.n_update, other.n_update);
	}
}

/* ---- random things to do, the same to each session ---- */

enum operation { ASK, ADD, UPDATE, SWITCH, FORK, DRAFT, DROP, REPACK, COUNT, N_OPERATION };

struct step {
	enum operation operation;
	uint32_t which, text;
};

static const char *const texts[] = {"one\n", "two\nthree", "<source>\n</source>",
	"\n\n\n\n\n\n\n\n\n\n\n", "4|4\n\xff", "", "words that merge across a joint"};

static void change(struct session *session, const struct step *step)
{
	struct session_source source =
		session_source_at(session, step->which % session_source_count(session));
	struct session_change *planned;
	struct err err;

	must(step->operation == DROP ? session_plan_drop(session, &planned, &source.number, 1, &err)
				     : session_plan_repack(session, &planned, &err),
		&err);
	must(session_change_commit(planned, &err), &err);
}

static void go(struct session *session, const struct step *step)
{
	int64_t turn = step->which % (session_turn_count(session) + 1);
	struct err err;
	char *question;

	if (step->operation == SWITCH || turn == 0) {
		must(session_switch(session, turn, &err), &err);
	} else {
		must(session_fork(session, turn, &question, &err), &err);
		free(question);
	}
}

static void do_step(struct session *session, struct engine *engine, const struct step *step)
{
	const char *text = texts[step->text];
	size_t n_source = session_source_count(session);
	struct err err;

	switch (n_source || (step->operation != UPDATE && step->operation != DROP &&
				    step->operation != REPACK)
			? step->operation
			: ADD) {
	case ASK:
		say(session, engine, text, 1 + step->which % 20);
		break;
	case UPDATE:
		update_text(session, step->which % n_source, text);
		break;
	case SWITCH:
	case FORK:
		go(session, step);
		break;
	case DRAFT:
		must(session_set_draft(session, text, &err), &err);
		break;
	case DROP:
	case REPACK:
		change(session, step);
		break;
	case COUNT:
		must(session_count(session, engine, NULL, NULL, &err), &err);
		break;
	default:
		add_text(session, "n.txt", text);
	}
}

static void check_seed(struct engine *engine, int n_step)
{
	struct session_config config = {.system = "Be brief.", .no_think = draw_seed % 2};
	char *where = mem_printf("%s/%016llx", folder, (unsigned long long)draw_seed);
	struct session *lasting = session_create(&config), *reopened = create(where, &config);

	for (int i = 0; i < n_step; i++) {
		struct step step = {.operation = (enum operation)draw(N_OPERATION),
			.which = draw(1000),
			.text = draw(ARRAY_LEN(texts))};

		if (draw(3) == 0) {
			step.operation = draw(2) ? ASK : ADD;
		}
		do_step(lasting, engine, &step);
		do_step(reopened, engine, &step);
		reopened = reopen(reopened);
		check_same(lasting, reopened, engine);
	}
	session_destroy(lasting);
	session_destroy(reopened);
	free(where);
}

static void whatever_is_done_it_is_there_again(void **state)
{
	struct engine *engine = open_fake(0);

	for (draw_seed = 1; draw_seed <= 6; draw_seed++) {
		check_seed(engine, 20);
	}
	engine_close(engine);
}

static void and_with_tokens_that_merge(void **state)
{
	struct engine *engine = open_random();

	for (draw_seed = 101; draw_seed <= 102; draw_seed++) {
		check_seed(engine, 15);
	}
	engine_close(engine);
}

/* ---- one thing at a time ---- */

/* Everything that is said of a turn, and all verdicts. */
static void a_turn_is_kept_whole(void **state)
{
	struct session *session =
		create("./1111111111111111", &(struct session_config){.free_quotes = 1});
	struct session_answer answer;
	struct engine *engine;
	struct session_turn turn;
	struct engine_info info;

	setenv("CARREL_FAKE_ANSWER",
		"<think>hm</think>See [S1 a.txt:7 \"beta gamma\"] and [S1 a.txt:1 \"delta\"].", 1);
	engine = open_fake(0);
	unsetenv("CARREL_FAKE_ANSWER");
	info = *engine_info(engine);
	add_text(session, "a.txt", "alpha\nbeta\ngamma\n");
	ask(session, engine, "Where?", 200, NULL, &answer);
	assert_int_equal(1, answer.turn);
	session = reopen(session);
	assert_int_equal(1, session_turn_count(session));
	turn = session_turn_at(session, 0);
	assert_memory_equal("Where?", turn.stored->question, 7);
	assert_int_equal(answer.text_len, turn.stored->text_len);
	assert_memory_equal(answer.text, turn.stored->text, answer.text_len);
	assert_string_equal(info.tokenizer_digest, turn.stored->tokenizer_digest);
	assert_string_equal(info.model_name, turn.stored->model_name);
	assert_int_equal(answer.stop, turn.stored->stop);
	assert_int_equal(answer.usage.prompt_tok, turn.stored->usage.prompt_tok);
	assert_int_equal(answer.usage.generated_tok, turn.stored->usage.generated_tok);
	assert_int_equal(answer.n_citation, turn.stored->n_citation);
	for (size_t i = 0; i < answer.n_citation; i++) {
		assert_string_equal(answer.citation[i].text, turn.stored->citation[i].text);
		assert_int_equal(answer.citation[i].verdict, turn.stored->citation[i].verdict);
	}
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

static void settings_are_remembered_and_overridden(void **state)
{
	struct session *session = create("./2222222222222222",
		&(struct session_config){.system = "Be brief.", .no_cite = 1});
	char *where = mem_strdup(store_folder(session_store(session)));
	struct store *store;
	struct err err;
	char *text;

	must(session_set(session, "option.model", "/m.gguf", &err), &err);
	session = reopen(session);
	assert_string_equal("/m.gguf", session_setting(session, "option.model"));
	text = context(session, NULL);
	assert_non_null(strstr(text, "Be brief."));
	assert_null(strstr(text, "Cite each quote"));
	free(text);
	session_destroy(session);
	must(store_open(&store, where, STORE_WRITE, &err), &err);
	must(session_open(&session, store, &(struct session_config){.system = "Be long."}, &err),
		&err);
	text = context(session, NULL);
	assert_non_null(strstr(text, "Be long."));
	assert_null(strstr(text, "Cite each quote"));
	free(text);
	must(session_set(session, "option.model", NULL, &err), &err);
	session = reopen(session);
	assert_null(session_setting(session, "option.model"));
	session_destroy(session);
	free(where);
}

/* Counts say of which tokenizer they are, and are made anew for another. */
/* While it is open, too, and taken back as well as given. */
static void a_session_is_configured_anew(void **state)
{
	struct session *session = create("./5555555555555555",
		&(struct session_config){.system = "Be brief.", .no_cite = 1});
	struct session_config config = session_configuration(session);
	struct err err;
	char *text;

	config.no_cite = 0;
	config.no_think = 1;
	must(session_configure(session, &config, &err), &err);
	session = reopen(session);
	config = session_configuration(session);
	assert_string_equal("Be brief.", config.system);
	assert_true(!config.no_cite && config.no_think && !config.free_quotes);
	config.system = NULL;
	must(session_configure(session, &config, &err), &err);
	text = context(session, NULL);
	assert_null(strstr(text, "Be brief."));
	assert_non_null(strstr(text, "Cite each quote"));
	free(text);
	session_destroy(session);
}

static void counts_of_another_tokenizer_are_none(void **state)
{
	struct session *session = create("./3333333333333333", &(struct session_config){0});
	struct engine *fake = open_fake(0), *random = open_random();
	int64_t of_fake, of_random;
	struct err err;

	add_text(session, "a.txt", "alpha beta gamma, and the words that follow them\n");
	must(session_count(session, fake, NULL, NULL, &err), &err);
	of_fake = session_source_at(session, 0).tokens;
	session = reopen(session);
	assert_int_equal(of_fake, session_source_at(session, 0).tokens);
	assert_string_equal(
		engine_info(fake)->tokenizer_digest, session_setting(session, STORE_TOKENIZER));
	must(session_count(session, random, NULL, NULL, &err), &err);
	of_random = session_source_at(session, 0).tokens;
	assert_int_not_equal(of_fake, of_random);
	session = reopen(session);
	assert_int_equal(of_random, session_source_at(session, 0).tokens);
	session_destroy(session);
	engine_close(fake);
	engine_close(random);
}

struct counting {
	int n_look, stop_after;
};

static int after_some(void *arg)
{
	struct counting *counting = arg;

	return ++counting->n_look > counting->stop_after;
}

/* Wherever a count by another tokenizer is stopped, no figure of the one before is taken for its own. */
static void counts_of_two_tokenizers_never_mix(void **state)
{
	struct engine *fake = open_fake(0), *random = open_random();
	int is_whole = 0;
	int64_t of_fake;
	struct err err;

	for (int stop_after = 0; !is_whole; stop_after++) {
		char *where = mem_printf("./55555555555555%02d", stop_after);
		struct session *session = create(where, &(struct session_config){0});
		struct counting counting = {.stop_after = stop_after};

		free(where);
		for (int i = 0; i < 3; i++) {
			add_text(session, "a.txt", "alpha beta gamma, and what follows them\n");
		}
		must(session_count(session, fake, NULL, NULL, &err), &err);
		of_fake = session_source_at(session, 1).tokens;
		is_whole = session_count(session, random,
				   &(struct session_watch){.stopped = after_some, .arg = &counting},
				   NULL, &err) == 0;
		session = reopen(session);
		for (size_t i = 1; i < 3; i++) {
			int64_t tokens = session_source_at(session, i).tokens;
			const char *of = session_setting(session, STORE_TOKENIZER);

			assert_int_equal(strcmp(of, engine_info(fake)->tokenizer_digest) == 0,
				tokens == of_fake);
			assert_true(is_whole ? tokens > 0 : 1);
		}
		session_destroy(session);
	}
	engine_close(fake);
	engine_close(random);
}

/* ---- KV ---- */

static struct engine *open_keeping(void)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *model = mem_printf("%s/models/random.gguf", build ? build : ".");
	char *kv = mem_printf("%s/kv", folder);
	struct engine *engine = open_engine(&(struct engine_config){
		.model = model, .backend = "cpu", .n_thread = 1, .kv_folder = kv});

	free(model);
	free(kv);
	return engine;
}

/* Three questions; before the last, the session and the engine are closed and opened, or not. */
static struct engine_usage ask_three(const char *where, int is_restarted, char **text)
{
	struct session *session = create(where, &(struct session_config){0});
	struct engine *engine = open_keeping();
	struct session_answer answer;
	struct engine_usage usage;
	struct session_cost cost;
	int64_t said_tok;
	struct err err;

	add_text(session, "a.txt", where); /* so that they share nothing */
	say(session, engine, "What stands there?", 5);
	add_text(session, "late.txt", "a late source\n");
	say(session, engine, "And there?", 70);
	if (is_restarted) {
		engine_close(engine);
		engine = open_keeping();
		session = reopen(session);
	}
	must(session_cost(session, engine, NULL, &cost, &err), &err);
	said_tok = count_said(session, engine);
	ask(session, engine, "And then?", 5, NULL, &answer);
	usage = answer.usage;
	/* To the token: all but what opens the message, the question, and what opens the answer. */
	assert_int_equal(said_tok, usage.cached_tok);
	assert_int_equal(is_restarted ? usage.cached_tok : 0, usage.disk_tok);
	assert_int_equal(cost.cached_tok, usage.cached_tok);
	assert_int_equal(cost.disk_tok, usage.disk_tok);
	*text = mem_strndup(answer.text, answer.text_len);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
	return usage;
}

static void a_resumed_session_computes_only_the_new_turn(void **state)
{
	char *one, *other;
	struct engine_usage lasting = ask_three("./6666666666666661", 0, &one);
	struct engine_usage resumed = ask_three("./6666666666666662", 1, &other);

	assert_int_equal(lasting.prompt_tok, resumed.prompt_tok);
	assert_int_equal(lasting.cached_tok, resumed.cached_tok);
	assert_int_equal(resumed.prompt_tok - resumed.cached_tok, resumed.prefill_tok);
	free(one);
	free(other);
}

static void a_context_of_another_version_is_refused(void **state)
{
	struct session *session = create("./4444444444444444", &(struct session_config){0});
	char *where = mem_strdup(store_folder(session_store(session)));
	struct store *store;
	struct err err;

	must(session_set(session, STORE_PACK, "2", &err), &err);
	session_destroy(session);
	must(store_open(&store, where, STORE_WRITE, &err), &err);
	assert_int_equal(-1, session_open(&session, store, &(struct session_config){0}, &err));
	assert_non_null(strstr(err.what, "version 2"));
	free(where);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_done_it_is_there_again),
		cmocka_unit_test(and_with_tokens_that_merge),
		cmocka_unit_test(a_turn_is_kept_whole),
		cmocka_unit_test(settings_are_remembered_and_overridden),
		cmocka_unit_test(a_session_is_configured_anew),
		cmocka_unit_test(counts_of_another_tokenizer_are_none),
		cmocka_unit_test(counts_of_two_tokenizers_never_mix),
		cmocka_unit_test(a_resumed_session_computes_only_the_new_turn),
		cmocka_unit_test(a_context_of_another_version_is_refused),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
