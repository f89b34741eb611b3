/*
 * The backend without weights: deterministic, and honest about what a backend must be. What it
 * "computes" for a position is a hash of all ids up to there, kept in the KV pages like keys and
 * values: a page that is lost, mixed up or not computed changes the answer.
 */
#include "engine/backend/backend.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/backend/fake_model.h"
#include "engine/embedding.h"
#include "engine/model/model.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_US         1000
#define FAKE_NEEDLES_MAX 8
#define ANSWER_MAX_WORDS 40
#define FAKE_EMBEDDING   64    /* elements; a word has a bit for each */
#define CERTAINTY        20.0f /* logit of the next token; the others are below 1 */

/* What a page holds for each token. */
struct fake_state {
	uint64_t hash;   /* of the ids up to and with this one */
	uint64_t seed;   /* the hash where the answer begins, or the rule that gives it */
	uint8_t n_role;  /* so many bytes of the turn's role have come; 0: not in a role */
	uint8_t n_word;  /* so many bytes of a word have come, UINT8_MAX: and more */
	uint16_t word;   /* their hash, case folded */
	uint16_t id;     /* this one, so that the prompt can be read again from its pages */
	uint16_t answer; /* 0: no answer is open here; else 1 + bytes of it that have come */
};

/* An answer, and the texts that the prompt has to hold for it: a line of CARREL_FAKE_ANSWERS. */
struct fake_rule {
	char *line; /* which holds what follows, each terminated */
	const char *needle[FAKE_NEEDLES_MAX];
	size_t n_needle;
	const char *answer;
};

struct fake {
	struct backend backend;
	struct kv_layout layout;
	char *answer; /* NULL: by hash */
	struct fake_rule *rule;
	size_t n_rule, cap_rule;
	long token_us, prefill_us;
	float *logits; /* [max_out_rows][n_vocab] */
	float *states; /* [max_batch_rows][FAKE_EMBEDDING] */
	int64_t max_out_rows;
};

static const char role[] = "assistant\n";

/* The finalizer of MurmurHash3: every bit of the input changes every bit of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

static const char think_open[] = "<think>", think_close[] = "</think>";

/* What answers are read from; NULL: they are made of the seed. */
static const char *scripted_answer(const struct fake *fake, uint64_t seed)
{
	return seed && seed <= fake->n_rule ? fake->rule[seed - 1].answer : fake->answer;
}

/* How many bytes of the answer have come, with this token of thinking. */
static uint32_t advance_thinking(
	const struct fake *fake, uint64_t seed, uint32_t answer, uint32_t id)
{
	const char *script = scripted_answer(fake, seed);
	const char *close = script ? strstr(script, think_close) : NULL;

	if (id == FAKE_THINK_OPEN) {
		return answer + (uint32_t)strlen(think_open);
	}
	return close ? 1 + (uint32_t)(close - script + strlen(think_close)) : answer;
}

/* A word is letters, digits and what is beyond ASCII. */
static void advance_word(struct fake_state *state, const struct fake_state *before, uint32_t id)
{
	uint32_t byte = id >= 'A' && id <= 'Z' ? id + 'a' - 'A' : id;

	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
		(byte >= 128 && byte < 256)) {
		state->n_word = before->n_word < UINT8_MAX ? before->n_word + 1 : UINT8_MAX;
		state->word = (uint16_t)mix((before->n_word ? before->word : 0) * 256 + byte + 1);
	}
}

static struct fake_state advance(
	const struct fake *fake, const struct fake_state *before, uint32_t id)
{
	struct fake_state state = {.hash = mix(before->hash + id + 1), .id = (uint16_t)id};

	advance_word(&state, before, id);
	if (id == FAKE_TURN_OPEN) {
		state.n_role = 1;
	} else if (before->n_role && id == (uint8_t)role[before->n_role - 1]) {
		state.n_role = (uint8_t)(before->n_role + 1);
		if (!role[before->n_role]) {
			state.n_role = 0;
			state.answer = 1;
			state.seed = state.hash;
		}
	} else if (before->answer && (id < 256 || id >= FAKE_THINK_OPEN)) {
		state.answer = id < 256 ? before->answer + 1u
					: advance_thinking(fake, before->seed, before->answer, id);
		state.seed = before->seed;
	}
	return state;
}

/* The answer that a seed gives, some of its characters longer than a byte. */
static size_t make_answer(uint64_t seed, char *out, size_t size)
{
	static const char *const word[] = {"the", "ring", "is", "built", "in", "page",
		"na\xc3\xafve", "line", "of", "a", "caf\xc3\xa9", "source",
		"\xe2\x82\xac"
		"5",
		"and", "every", "\xf0\x9f\x93\x96", "token", "counts", "once", "here",
		"\xe6\x9c\xac", "quoted", "where", "it", "stands",
		"\xc3\xbc"
		"ber",
		"all", "pages", "read", "by", "one", "desk"};
	size_t len = 0;
	int n_word = 5 + (int)(mix(seed) % (ANSWER_MAX_WORDS - 5));

	for (int i = 0; i < n_word; i++) {
		const char *text = word[mix(seed + 1 + (uint64_t)i) % ARRAY_LEN(word)];
		size_t n = strlen(text);

		if (len + n + 2 >= size) {
			break;
		}
		memcpy(out + len, text, n);
		out[len + n] = ' ';
		len += n + 1;
	}
	out[len - 1] = '.';
	return len;
}

static uint32_t next_id(const struct fake *fake, const struct fake_state *state)
{
	char made[16 * ANSWER_MAX_WORDS];
	const char *script = state->answer ? scripted_answer(fake, state->seed) : NULL;
	const char *answer = script ? script : made;
	size_t len, at = state->answer - 1;

	if (!state->answer) {
		return 'a' + (uint32_t)(state->hash % 26);
	}
	len = script ? strlen(answer) : make_answer(state->seed, made, sizeof(made));
	if (at >= len) {
		return FAKE_TURN_CLOSE;
	}
	if (strncmp(answer + at, think_open, strlen(think_open)) == 0) {
		return FAKE_THINK_OPEN;
	}
	if (strncmp(answer + at, think_close, strlen(think_close)) == 0) {
		return FAKE_THINK_CLOSE;
	}
	return (uint8_t)answer[at];
}

static void make_logits(const struct fake *fake, const struct fake_state *state, float *out)
{
	for (uint32_t id = 0; id < FAKE_VOCAB; id++) {
		out[id] = (float)(mix(state->hash ^ (uint64_t)id << 32) >> 40) * 0x1p-24f;
	}
	out[next_id(fake, state)] = CERTAINTY;
}

/*
 * The mean of these is a hashed bag of words (Weinberger et al., ICML 2009) and of their beginnings
 * from the third byte on: texts that share words are near, and "building" is near "builds".
 */
static void make_state(const struct fake_state *state, float *out)
{
	uint64_t sign = mix(state->word + UINT64_C(0x9e3779b97f4a7c15));

	for (int i = 0; i < FAKE_EMBEDDING; i++) {
		out[i] = state->n_word < 3 ? 0 : sign >> i & 1 ? 1 : -1;
	}
	out[0] = 1; /* all texts have something in common, and none has nothing */
}

/* ---- answers by what the prompt holds ---- */

/* needle TAB needle TAB ... TAB answer; lines without a TAB are none. */
static void add_rule(struct fake *fake, const char *line, size_t len)
{
	struct fake_rule rule = {.line = mem_strndup(line, len)};
	char *rest = rule.line, *tab;

	for (; (tab = strchr(rest, '\t')) && rule.n_needle < FAKE_NEEDLES_MAX; rest = tab + 1) {
		*tab = '\0';
		rule.needle[rule.n_needle++] = rest;
	}
	rule.answer = rest;
	if (!rule.n_needle) {
		free(rule.line);
		return;
	}
	mem_grow(fake->rule, fake->n_rule, fake->cap_rule);
	fake->rule[fake->n_rule++] = rule;
}

static void read_rules(struct fake *fake, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		add_rule(fake, text, len);
		text += len + (text[len] == '\n');
	}
}

static struct fake_state *state_at(const struct op_sequence *sequence, int64_t pos)
{
	return (struct fake_state *)(void *)sequence->page[pos / KV_PAGE_TOK] + pos % KV_PAGE_TOK;
}

/* The first rule of which the ids up to `pos` hold everything, + 1; 0: none. */
static uint64_t choose_rule(
	const struct fake *fake, const struct op_sequence *sequence, int64_t pos)
{
	struct buf text = BUF_INIT;
	uint64_t chosen = 0;

	for (int64_t i = 0; i <= pos; i++) {
		uint16_t id = state_at(sequence, i)->id;

		buf_addch(&text, id && id < 256 ? (char)id : ' ');
	}
	for (size_t i = 0; i < fake->n_rule && !chosen; i++) {
		const struct fake_rule *rule = &fake->rule[i];
		size_t n = 0;

		while (n < rule->n_needle && strstr(buf_str(&text), rule->needle[n])) {
			n++;
		}
		chosen = n == rule->n_needle ? i + 1 : 0;
	}
	buf_finish(&text);
	return chosen;
}

/* ---- the operations of a backend ---- */

static void pause_us(long us, const atomic_bool *interrupted)
{
	while (us > 0 && !(interrupted && atomic_load(interrupted))) {
		long slice = us < SLICE_US ? us : SLICE_US;

		nanosleep(&(struct timespec){.tv_nsec = slice * 1000}, NULL);
		us -= slice;
	}
}

static void fake_destroy(struct backend *backend)
{
	struct fake *fake = (struct fake *)backend;

	if (fake) {
		for (size_t i = 0; i < fake->n_rule; i++) {
			free(fake->rule[i].line);
		}
		free(fake->rule);
		free(fake->answer);
		free(fake->logits);
		free(fake->states);
		free(fake);
	}
}

static int fake_create(struct backend **out, const struct model *model,
	const struct program *program, const struct backend_config *config, struct err *err)
{
	struct fake *fake = mem_zero(1, sizeof(*fake));
	long load_ms = fake_setting("CARREL_FAKE_LOAD_MS", 0);
	const char *fault = getenv("CARREL_FAKE_FAULT");

	fake->backend.ops = &backend_fake;
	fake->layout = (struct kv_layout){
		.type = config->kv_type,
		.n_layer = 1,
		.n_kv_head = 1,
		.head_dim = 16,
		.head_dim_pad = 16,
		.key_bytes = KV_PAGE_TOK * (int64_t)sizeof(struct fake_state),
		.head_bytes = KV_PAGE_TOK * (int64_t)sizeof(struct fake_state),
		.layer_bytes = KV_PAGE_TOK * (int64_t)sizeof(struct fake_state),
		.page_bytes = KV_PAGE_TOK * (int64_t)sizeof(struct fake_state),
	};
	fake->answer = mem_strdup(getenv("CARREL_FAKE_ANSWER"));
	read_rules(fake, getenv("CARREL_FAKE_ANSWERS"));
	fake->token_us = fake_setting("CARREL_FAKE_TOKEN_US", 0);
	fake->prefill_us = fake_setting("CARREL_FAKE_PREFILL_US", 0);
	fake->max_out_rows = config->max_out_rows;
	fake->logits = mem_zero((size_t)config->max_out_rows * FAKE_VOCAB, sizeof(float));
	fake->states = mem_zero((size_t)config->max_batch_rows * FAKE_EMBEDDING, sizeof(float));
	for (int percent = 0; config->progress && percent <= 100; percent += 5) {
		config->progress(config->progress_arg, percent / 100.0);
		pause_us(load_ms * 1000 / 20, NULL);
		if (fault && strcmp(fault, "start") == 0 && percent == 50) {
			raise(SIGKILL);
		}
	}
	*out = &fake->backend;
	return 0;
}

static int fake_run(struct backend *backend, const struct batch *batch,
	const atomic_bool *interrupted, const float **result, struct err *err)
{
	struct fake *fake = (struct fake *)backend;
	int64_t out = 0;

	if (batch->n_out > fake->max_out_rows) {
		return err_set(err, ERR_ENGINE, "fake", NULL,
			"a batch wants %lld rows of logits, more than the %lld that were agreed on",
			(long long)batch->n_out, (long long)fake->max_out_rows);
	}
	pause_us(batch->n_row == batch->n_sequence ? fake->token_us
						   : fake->prefill_us * (long)batch->n_row,
		interrupted);
	if (interrupted && atomic_load(interrupted)) {
		return 1;
	}
	for (int64_t s = 0; s < batch->n_sequence; s++) {
		const struct op_sequence *sequence = &batch->sequence[s];
		struct fake_state state = {0};

		if (sequence->first_pos) {
			state = *state_at(sequence, sequence->first_pos - 1);
		}
		for (int64_t i = 0; i < sequence->n_row; i++) {
			int64_t row = sequence->first_row + i;

			state = advance(fake, &state, batch->ids[row]);
			*state_at(sequence, sequence->first_pos + i) = state;
			if (fake->n_rule && state.answer == 1) { /* it begins behind this id */
				uint64_t rule =
					choose_rule(fake, sequence, sequence->first_pos + i);

				state.seed = rule ? rule : state.seed;
				*state_at(sequence, sequence->first_pos + i) = state;
			}
			if (batch->is_embedding) {
				make_state(&state, fake->states + row * FAKE_EMBEDDING);
			}
			if (out < batch->n_out && batch->out_row[out] == row) {
				make_logits(fake, &state, fake->logits + out++ * FAKE_VOCAB);
			}
		}
	}
	*result = batch->is_embedding ? fake->states : fake->logits;
	return 0;
}

static const struct embedding_rule *fake_embedding(const struct backend *backend)
{
	static const struct embedding_rule rule = {.n = FAKE_EMBEDDING, .pooling = POOLING_MEAN};

	return &rule;
}

/* Poisoned, so that a page that nobody computed cannot pass for an empty one. */
static uint8_t *fake_page_alloc(struct backend *backend)
{
	size_t bytes = (size_t)((struct fake *)backend)->layout.page_bytes;
	uint8_t *page = malloc(bytes);

	if (page) {
		memset(page, 0xa5, bytes);
	}
	return page;
}

static void fake_page_free(struct backend *backend, uint8_t *page)
{
	free(page);
}

static void fake_page_clear(struct backend *backend, uint8_t *page, int32_t from_tok)
{
	size_t from = (size_t)from_tok * sizeof(struct fake_state);

	memset(page + from, 0, KV_PAGE_TOK * sizeof(struct fake_state) - from);
}

static const struct kv_layout *fake_kv_layout(const struct backend *backend)
{
	return &((const struct fake *)backend)->layout;
}

static const char *fake_describe(const struct backend *backend)
{
	return "fake";
}

static int32_t fake_n_thread(const struct backend *backend)
{
	return 1;
}

const struct backend_ops backend_fake = {
	.name = "fake",
	.create = fake_create,
	.destroy = fake_destroy,
	.run = fake_run,
	.embedding = fake_embedding,
	.page_alloc = fake_page_alloc,
	.page_free = fake_page_free,
	.page_clear = fake_page_clear,
	.kv_layout = fake_kv_layout,
	.describe = fake_describe,
	.numerics_class = fake_describe,
	.n_thread = fake_n_thread,
};
