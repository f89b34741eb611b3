/*
 * Resumed equals never stopped, bit for bit: a text that was sampled in one go is taken up again at
 * every token of it, by an engine that was started for it and by one that went another way before;
 * what is sampled from there, and how likely it was, is the same. Everything but the new turn is
 * cached, to the token.
 */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/kv_ask.h"

#include <string.h>

/* Three page boundaries; sampled from within the first page on. */
enum { N_PROMPT = 50, N_TEXT = 215, N_AGAIN = 3, CONTEXT = 512 };

static char folder[] = "/tmp/carrel-kv-exact-XXXXXX";
static char *model;

struct text {
	uint32_t ids[N_TEXT];
	float logprob[N_TEXT]; /* of those that were sampled */
};

static int enter(void **state)
{
	kv_set_engine();
	model = kv_vector("logits/llama-f32.gguf");
	return folder_enter(folder);
}

static int leave(void **state)
{
	free(model);
	return folder_leave(folder);
}

/* Without interruption, and without a cache. */
static void sample_text(struct text *text, const struct kv_setup *setup)
{
	struct kv_answer answer;

	kv_fill_ids(text->ids, N_PROMPT, 3);
	kv_ask_afresh(&answer, setup, text->ids, N_PROMPT, N_TEXT - N_PROMPT);
	memcpy(text->ids + N_PROMPT, answer.ids, sizeof(text->ids) - N_PROMPT * sizeof(*text->ids));
	memcpy(text->logprob + N_PROMPT, answer.logprob,
		sizeof(text->logprob) - N_PROMPT * sizeof(*text->logprob));
}

static void keep_text(const struct text *text, const struct kv_setup *setup)
{
	struct kv_answer answer;

	assert_int_equal(0, system("rm -rf kv"));
	kv_ask(&answer, setup, text->ids, N_PROMPT, N_TEXT - N_PROMPT);
	assert_int_equal(0, answer.usage.cached_tok);
	assert_memory_equal(text->ids + N_PROMPT, answer.ids, answer.n * sizeof(answer.ids[0]));
}

/* From the token at `split` on. The one before it has to be computed: its logits are wanted. */
static void expect_rest(const struct text *text, const struct kv_answer *answer, int64_t split,
	int64_t cached_tok, int64_t disk_tok)
{
	int64_t n = N_TEXT - split < N_AGAIN ? N_TEXT - split : N_AGAIN;

	assert_int_equal(cached_tok, answer->usage.cached_tok);
	assert_int_equal(disk_tok, answer->usage.disk_tok);
	assert_int_equal(n, answer->n);
	assert_memory_equal(text->ids + split, answer->ids, (size_t)n * sizeof(answer->ids[0]));
	assert_memory_equal(
		text->logprob + split, answer->logprob, (size_t)n * sizeof(answer->logprob[0]));
}

static int64_t n_again(int64_t split)
{
	return N_TEXT - split < N_AGAIN ? N_TEXT - split : N_AGAIN;
}

/* An engine of its own for the split; it finds what is in the folder, and adds to it what it sampled. */
static void resume_after_restart(
	const struct text *text, const struct kv_setup *setup, int64_t split)
{
	struct kv_answer answer;

	kv_ask(&answer, setup, text->ids, (size_t)split, n_again(split));
	expect_rest(text, &answer, split, split - 1, split - 1);
}

static void every_split_is_the_same_after_a_restart(void **state)
{
	const struct kv_setup setup = {.model = model, .folder = "kv", .context_tok = CONTEXT};
	struct text text;

	sample_text(&text, &setup);
	keep_text(&text, &setup);
	for (int64_t split = N_PROMPT; split < N_TEXT; split++) {
		resume_after_restart(&text, &setup, split);
	}
}

/* Around the pages' boundaries, and at both ends; whoever computed it, with however many threads. */
static void every_kv_type_and_thread_count_resumes_the_same(void **state)
{
	static const char *const types[] = {"q8", "f16", "f32"};
	static const int64_t split[] = {
		N_PROMPT, 63, 64, 65, 127, 128, 129, 160, 191, 192, 193, N_TEXT - 1};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		for (int32_t n_thread = 1; n_thread <= 2; n_thread++) {
			struct kv_setup setup = {.model = model,
				.folder = "kv",
				.kv_type = types[i],
				.n_thread = n_thread,
				.context_tok = CONTEXT};
			struct text text;

			sample_text(&text, &setup);
			keep_text(&text, &setup);
			setup.n_thread = 3 - n_thread;
			for (size_t k = 0; k < ARRAY_LEN(split); k++) {
				resume_after_restart(&text, &setup, split[k]);
			}
		}
	}
}

/* What an earlier engine wrote in pieces, each of them a tail that the next one supersedes. */
static void a_text_that_was_stopped_at_every_token_is_the_same(void **state)
{
	const struct kv_setup setup = {.model = model, .folder = "kv", .context_tok = CONTEXT};
	struct text text;

	sample_text(&text, &setup);
	assert_int_equal(0, system("rm -rf kv"));
	for (int64_t split = N_PROMPT; split < N_TEXT; split += N_AGAIN) {
		struct kv_answer answer;
		int64_t cached = split > N_PROMPT ? split - 1 : 0;

		kv_ask(&answer, &setup, text.ids, (size_t)split, n_again(split));
		expect_rest(&text, &answer, split, cached, cached);
	}
}

/*
 * Another turn behind the first tokens, then the text as it was: both ways of a fork are cached up to
 * where they part, also within a page, by the engine that went there and by the next.
 */
static void a_fork_leaves_both_ways_as_they_were(void **state)
{
	const struct kv_setup setup = {.model = model, .folder = "kv", .context_tok = CONTEXT};
	static const int64_t forks[] = {N_PROMPT, 64, 100, 128, 150, 192};
	struct text text;

	sample_text(&text, &setup);
	for (size_t i = 0; i < ARRAY_LEN(forks); i++) {
		int64_t fork = forks[i];
		struct kv_answer there, afresh, again;
		struct engine *engine;
		uint32_t other[N_TEXT + 30];
		size_t n_other = (size_t)fork + 30;

		keep_text(&text, &setup);
		memcpy(other, text.ids, (size_t)fork * sizeof(*other));
		kv_fill_ids(other + fork, 30, 1000 + (uint64_t)fork);
		if (other[fork] == text.ids[fork]) {
			other[fork] ^= 1;
		}
		kv_ask_afresh(&afresh, &setup, other, n_other, N_AGAIN);
		engine = kv_open(&setup);
		kv_ask_open(&there, engine, other, n_other, N_AGAIN, 0);
		assert_int_equal(fork, there.usage.cached_tok);
		assert_int_equal(fork, there.usage.disk_tok);
		assert_true(kv_same(&afresh, &there));
		/* Back, in the same engine, which may by now find computing faster than reading. */
		kv_ask_open(&again, engine, text.ids, N_TEXT - 1, 1, 0);
		assert_in_range(again.usage.cached_tok, fork, N_TEXT - 2);
		expect_rest(
			&text, &again, N_TEXT - 1, again.usage.cached_tok, again.usage.disk_tok);
		kv_ask_open(&there, engine, other, n_other, N_AGAIN, 0);
		assert_int_equal(n_other - 1, there.usage.cached_tok);
		assert_true(kv_same(&afresh, &there));
		engine_close(engine);
		resume_after_restart(&text, &setup, N_TEXT - 1);
		kv_ask(&there, &setup, other, n_other, N_AGAIN);
		assert_int_equal(n_other - 1, there.usage.disk_tok);
		assert_true(kv_same(&afresh, &there));
	}
}

/* Turns as a session has them: each prompt is all that was said, and one more question. */
static void of_a_session_only_the_new_turn_is_computed(void **state)
{
	enum { N_TURN = 5, N_QUESTION = 21, N_REPLY = 17 };
	const struct kv_setup setup = {.model = model, .folder = "kv", .context_tok = CONTEXT};
	uint32_t said[N_TURN * (N_QUESTION + N_REPLY)];
	size_t n_said = 0;

	assert_int_equal(0, system("rm -rf kv"));
	for (int turn = 0; turn < N_TURN; turn++) {
		struct kv_answer answer, afresh;

		kv_fill_ids(said + n_said, N_QUESTION, (uint64_t)turn);
		kv_ask_afresh(&afresh, &setup, said, n_said + N_QUESTION, N_REPLY);
		kv_ask(&answer, &setup, said, n_said + N_QUESTION, N_REPLY);
		assert_true(kv_same(&afresh, &answer));
		assert_int_equal(n_said, answer.usage.cached_tok);
		assert_int_equal(n_said, answer.usage.disk_tok);
		assert_int_equal(N_QUESTION, answer.usage.prefill_tok);
		n_said += N_QUESTION;
		memcpy(said + n_said, answer.ids, N_REPLY * sizeof(*said));
		n_said += N_REPLY;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_is_the_same_after_a_restart),
		cmocka_unit_test(every_kv_type_and_thread_count_resumes_the_same),
		cmocka_unit_test(a_text_that_was_stopped_at_every_token_is_the_same),
		cmocka_unit_test(a_fork_leaves_both_ways_as_they_were),
		cmocka_unit_test(of_a_session_only_the_new_turn_is_computed),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
