#include "tests/faults/story.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

/*
 * Of ten steps two bring a source and one drops one (from the 20th on: the second to last that came);
 * the others are turns, which take the sources that wait to their heads.
 */
static int is_block(int64_t step)
{
	return step % 10 == 1 || step % 10 == 6;
}

static int is_drop(int64_t step)
{
	return step >= 20 && step % 10 == 0;
}

static int is_turn(int64_t step)
{
	return !is_block(step) && !is_drop(step);
}

static int64_t count(int64_t step, int (*is)(int64_t step))
{
	int64_t n = 0;

	for (int64_t s = 1; s <= step; s++) {
		n += is(s);
	}
	return n;
}

int64_t story_turns(int64_t step)
{
	return count(step, is_turn);
}

/* Drop number d takes source 2d - 1 away: each second stays. */
static int is_dropped(int64_t block, int64_t step)
{
	return block % 2 == 1 && block <= 2 * count(step, is_drop) - 1;
}

static uint32_t draw(uint64_t what, uint64_t which)
{
	uint32_t out[4];

	rng_philox(what, which, out);
	return out[0];
}

/* Words that say where they belong, of a length that differs; malloc'ed. */
static char *words(const char *what, int64_t number, size_t max_bytes, size_t *len)
{
	char *text = mem_printf("%s %lld:", what, (long long)number);
	size_t at = strlen(text);

	*len = at + draw((uint64_t)number, (uint64_t)what[0] << 8 | (uint64_t)what[1]) % max_bytes;
	text = mem_resize(text, *len + 1, 1);
	for (size_t i = at; i < *len; i++) {
		uint32_t letter = draw((uint64_t)number, (uint64_t)what[0] << 32 | i) % 64;

		text[i] = letter < 52
				  ? "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[letter]
			  : letter < 60 ? ' '
					: '\n';
	}
	text[*len] = '\0';
	return text;
}

static void make_block(struct store_block *block, int64_t id)
{
	*block = (struct store_block){.id = id, .number = id, .tokens = -1, .loaded_s = 1000 + id};
	block->document.kind = DOCUMENT_CODE;
	block->document.name = mem_printf("tree%lld", (long long)id);
	block->document.origin = mem_printf("/home/somebody/tree%lld", (long long)id);
	block->document.rev = id % 2 ? mem_strdup("a1b2c3") : NULL;
	for (int64_t i = 0; i < 1 + id % 3; i++) {
		struct part *part = document_add_part(&block->document);

		part->text = words("part", 10 * id + i, i ? 20000 : 700, &part->len);
		part->place.path = mem_printf("src/file%lld.c", (long long)i);
	}
	document_add_heading(&block->document, 1, "First", 5, 0, 1);
}

static void block_finish(struct store_block *block)
{
	document_finish(&block->document);
}

/* Which of the steps before was the one of turn t. */
static void make_turn(struct store_turn *turn, int64_t id)
{
	size_t n_ids = draw((uint64_t)id, 7) % 700 + 1;

	*turn = (struct store_turn){
		.id = id,
		.parent = id % 7 == 0 ? id - 3 : id - 1, /* some fork */
		.open = PROMPT_MODEL_OPEN,
		.n_ids = n_ids,
		.stop = id % 3 ? ENGINE_STOP_END : ENGINE_STOP_LENGTH,
		.usage = {.prompt_tok = 100 * id, .generated_tok = (int64_t)n_ids},
		.model_name = mem_strdup("story"),
		.asked_s = 2000 + id,
	};
	turn->question = words("question", id, 300, &turn->question_len);
	turn->text = words("answer", id, 3000, &turn->text_len);
	turn->thinking = words("thought", id, 100, &turn->thinking_len);
	turn->ids = mem_zero(n_ids, sizeof(*turn->ids));
	for (size_t i = 0; i < n_ids; i++) {
		turn->ids[i] = draw((uint64_t)id, 1000 + i);
	}
	memset(turn->tokenizer_digest, 'a' + (int)(id % 20), 64);
	memset(turn->model_digest, 'b' + (int)(id % 20), 64);
}

/* Every source that is there: in front, or at the head of the turn that came next. */
static struct store_place *make_places(int64_t step, size_t *n_place)
{
	int64_t n_block = count(step, is_block), block = 0, turn = 0;
	struct store_place *place = mem_zero((size_t)n_block + 1, sizeof(*place));
	size_t first_waiting = 0;

	*n_place = 0;
	for (int64_t s = 1; s <= step; s++) {
		if (is_turn(s)) {
			turn++;
			for (; first_waiting < *n_place; first_waiting++) {
				if (place[first_waiting].turn == STORE_WAITING) {
					place[first_waiting].turn = turn;
				}
			}
		} else if (is_block(s) && !is_dropped(++block, step)) {
			place[(*n_place)++] = (struct store_place){
				.turn = turn ? STORE_WAITING : STORE_FRONT, .block = block};
		}
	}
	return place;
}

int story_step(struct store *store, int64_t step, struct err *err)
{
	struct store_change change = {.has_places = 1};
	struct store_block block = {0};
	struct store_turn turn = {0};
	char *draft = mem_printf("step %lld", (long long)step);
	int64_t dropped = 2 * count(step, is_drop) - 1;
	struct store_place *place = make_places(step, &change.n_place);
	int status;

	change.place = place;
	change.draft = draft;
	if (is_block(step)) {
		make_block(&block, count(step, is_block));
		change.block = &block;
		change.n_block = 1;
	} else if (is_drop(step)) {
		change.dropped = &dropped;
		change.n_dropped = 1;
	} else {
		make_turn(&turn, story_turns(step));
		change.turn = &turn;
		change.head = turn.id;
		change.has_head = 1;
	}
	status = store_commit(store, &change, err);
	block_finish(&block);
	store_turn_finish(&turn);
	free(place);
	free(draft);
	return status;
}

/* ---- what has to be there ---- */

static int same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

static int same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static int same_turn(const struct store_turn *a, const struct store_turn *b)
{
	return a->id == b->id && a->parent == b->parent && a->open == b->open &&
	       a->stop == b->stop && a->asked_s == b->asked_s &&
	       a->usage.prompt_tok == b->usage.prompt_tok &&
	       a->usage.generated_tok == b->usage.generated_tok &&
	       same(a->question, a->question_len, b->question, b->question_len) &&
	       same(a->text, a->text_len, b->text, b->text_len) &&
	       same(a->thinking, a->thinking_len, b->thinking, b->thinking_len) &&
	       same((const char *)a->ids, a->n_ids * sizeof(*a->ids), (const char *)b->ids,
		       b->n_ids * sizeof(*b->ids)) &&
	       same_text(a->model_name, b->model_name) &&
	       same_text(a->model_digest, b->model_digest) &&
	       same_text(a->tokenizer_digest, b->tokenizer_digest);
}

static int same_block(const struct store_block *a, const struct store_block *b)
{
	const struct document *one = &a->document, *two = &b->document;

	if (a->id != b->id || a->number != b->number || a->loaded_s != b->loaded_s ||
		one->kind != two->kind || !same_text(one->name, two->name) ||
		!same_text(one->origin, two->origin)) {
		return 0;
	}
	if (a->is_dropped) {
		return !one->n_part;
	}
	if (one->n_part != two->n_part || one->n_heading != two->n_heading ||
		!same_text(one->rev, two->rev)) {
		return 0;
	}
	for (size_t i = 0; i < one->n_part; i++) {
		const struct part *p = &one->part[i], *q = &two->part[i];

		if (!same(p->text, p->len, q->text, q->len) ||
			!same_text(p->place.path, q->place.path)) {
			return 0;
		}
	}
	return 1;
}

static int check_turns(const struct store_contents *contents, int64_t step, struct err *err)
{
	if ((int64_t)contents->n_turn != story_turns(step) || contents->head != story_turns(step)) {
		return err_set(err, ERR_FAILURE, NULL, NULL,
			"step %lld: %zu turns, the head is %lld, not %lld", (long long)step,
			contents->n_turn, (long long)contents->head, (long long)story_turns(step));
	}
	for (size_t i = 0; i < contents->n_turn; i++) {
		struct store_turn turn;
		int is_same;

		make_turn(&turn, (int64_t)i + 1);
		is_same = same_turn(&contents->turn[i], &turn);
		store_turn_finish(&turn);
		if (!is_same) {
			return err_set(err, ERR_FAILURE, NULL, NULL,
				"step %lld: turn %zu is not what was said", (long long)step, i + 1);
		}
	}
	return 0;
}

static int check_blocks(const struct store_contents *contents, int64_t step, struct err *err)
{
	size_t n_place;
	struct store_place *place = make_places(step, &n_place);
	int are_same = n_place == contents->n_place;

	for (size_t i = 0; are_same && i < n_place; i++) {
		int found = 0;

		for (size_t j = 0; j < n_place; j++) {
			found |= contents->place[j].block == place[i].block &&
				 contents->place[j].turn == place[i].turn;
		}
		are_same = found;
	}
	free(place);
	if (!are_same || (int64_t)contents->n_block != count(step, is_block)) {
		return err_set(err, ERR_FAILURE, NULL, NULL, "step %lld: %zu sources in %zu places",
			(long long)step, contents->n_block, contents->n_place);
	}
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct store_block *there = &contents->block[i];
		struct store_block block;
		int is_same;

		make_block(&block, (int64_t)i + 1);
		is_same = there->is_dropped == is_dropped((int64_t)i + 1, step) &&
			  same_block(there, &block);
		block_finish(&block);
		if (!is_same) {
			return err_set(err, ERR_FAILURE, NULL, NULL,
				"step %lld: source %zu is not what was read", (long long)step,
				i + 1);
		}
	}
	return 0;
}

int64_t story_check(const struct store_contents *contents, struct err *err)
{
	const char *draft = contents->draft ? contents->draft : "";
	long long step = 0;
	char *wanted;
	int is_step;

	if (draft[0] && strncmp(draft, "step ", 5)) {
		return err_set(err, ERR_FAILURE, NULL, NULL, "the draft is '%s'", draft);
	}
	step = draft[0] ? atoll(draft + 5) : 0;
	wanted = step ? mem_printf("step %lld", step) : mem_strdup("");
	is_step = step >= 0 && !strcmp(draft, wanted);
	free(wanted);
	if (!is_step) {
		return err_set(err, ERR_FAILURE, NULL, NULL, "the draft is '%s'", draft);
	}
	return check_turns(contents, step, err) < 0 || check_blocks(contents, step, err) < 0 ? -1
											     : step;
}

int64_t story_read(struct store *store, struct err *err)
{
	struct store_contents contents = {0};
	int64_t step;

	if (store_read(store, &contents, err) < 0) {
		return -1;
	}
	step = story_check(&contents, err);
	store_contents_finish(&contents);
	return step;
}
