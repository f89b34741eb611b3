#include "engine/thinking.h"

#include <string.h>

/* What is held is looked at with every token: more white space begins an answer, a longer name of a
 * channel is none. */
enum { BLANK_MAX_BYTES = 1024, HEADER_MAX_BYTES = 256 };

void thinking_init(
	struct thinking *thinking, const struct template_thinking *rules, enum template_mark mark)
{
	*thinking = (struct thinking){.state = THINKING_ANSWER};
	if (!rules || rules->kind == TEMPLATE_NO_THINKING ||
		(mark != MARK_MODEL_OPEN && mark != MARK_MODEL_OPEN_NO_THINK)) {
		return;
	}
	thinking->rules = rules;
	thinking->at_start = 1;
	if (mark == MARK_MODEL_OPEN_NO_THINK && rules->skipped) {
		thinking->at_start = 0;
	} else if (mark == MARK_MODEL_OPEN && rules->opened) {
		thinking->state = THINKING_INSIDE;
	} else {
		thinking->state = THINKING_UNKNOWN;
	}
}

void thinking_finish(struct thinking *thinking)
{
	buf_finish(&thinking->held);
	buf_finish(&thinking->special);
	buf_finish(&thinking->thoughts);
	buf_finish(&thinking->answer);
	*thinking = (struct thinking){.state = THINKING_ANSWER};
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void drop(struct thinking *thinking, size_t len)
{
	struct buf *held = &thinking->held, *special = &thinking->special;

	if (len) {
		memmove(held->data, held->data + len, held->len - len);
		memmove(special->data, special->data + len, special->len - len);
		held->len -= len;
		special->len -= len;
	}
}

/* The first bytes of what is held come out. */
static void release(struct thinking *thinking, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = thinking->held.data[i];

		if (thinking->special.data[i] || (thinking->at_start && is_space(c))) {
			continue;
		}
		thinking->at_start = 0;
		buf_addch(out, c);
	}
	drop(thinking, len);
}

/* How many bytes at the end of what is held may be the beginning of the mark. */
static size_t tail_of(const struct buf *held, const char *mark)
{
	size_t n = strlen(mark) - 1;

	n = n < held->len ? n : held->len;
	while (n > 0 && memcmp(held->data + held->len - n, mark, n) != 0) {
		n--;
	}
	return n;
}

static size_t space_length(const struct buf *held)
{
	size_t n = 0;

	while (n < held->len && is_space(held->data[n])) {
		n++;
	}
	return n;
}

/* Where the mark begins in what is held; SIZE_MAX if it is not there. */
static size_t find(const struct buf *held, const char *mark)
{
	const char *hit = held->len ? memmem(held->data, held->len, mark, strlen(mark)) : NULL;

	return hit ? (size_t)(hit - held->data) : SIZE_MAX;
}

static void enter(struct thinking *thinking, enum thinking_state state)
{
	thinking->state = state;
	thinking->at_start = 1;
}

/* Each of these takes what it can of what is held; returns 0 when it needs more. */

static int step_unknown(struct thinking *thinking)
{
	const struct template_thinking *rules = thinking->rules;
	const struct buf *held = &thinking->held;
	size_t blank = space_length(held), open = strlen(rules->open), n = held->len - blank;

	if (blank <= BLANK_MAX_BYTES && n < open &&
		(n == 0 || memcmp(held->data + blank, rules->open, n) == 0)) {
		return 0;
	}
	if (blank <= BLANK_MAX_BYTES && n >= open &&
		memcmp(held->data + blank, rules->open, open) == 0) {
		drop(thinking, blank + open);
		enter(thinking, rules->kind == TEMPLATE_THINKING_CHANNELS ? THINKING_HEADER
									  : THINKING_INSIDE);
	} else {
		thinking->state = THINKING_ANSWER; /* it begins as it was written */
		thinking->at_start = 0;
	}
	return 1;
}

static int step_inside(struct thinking *thinking)
{
	const struct template_thinking *rules = thinking->rules;
	const char *mark = rules->kind == TEMPLATE_THINKING_CHANNELS ? rules->end : rules->close;
	size_t at = find(&thinking->held, mark);

	if (at == SIZE_MAX) {
		release(thinking, thinking->held.len - tail_of(&thinking->held, mark),
			&thinking->thoughts);
		return 0;
	}
	release(thinking, at, &thinking->thoughts);
	drop(thinking, strlen(mark));
	enter(thinking, THINKING_BEHIND);
	return 1;
}

static int step_behind(struct thinking *thinking)
{
	const struct template_thinking *rules = thinking->rules;
	size_t at;

	if (rules->kind == TEMPLATE_THINKING_TAGS) {
		drop(thinking, space_length(&thinking->held));
		if (!thinking->held.len) {
			return 0;
		}
		enter(thinking, THINKING_ANSWER);
		return 1;
	}
	/* Who speaks to whom stands there: a message's header, up to its channel. */
	at = find(&thinking->held, rules->open);
	if (at == SIZE_MAX) {
		drop(thinking, thinking->held.len - tail_of(&thinking->held, rules->open));
		return 0;
	}
	drop(thinking, at + strlen(rules->open));
	enter(thinking, THINKING_HEADER);
	return 1;
}

static int step_header(struct thinking *thinking)
{
	const struct template_thinking *rules = thinking->rules;
	const struct buf *held = &thinking->held;
	size_t end = find(held, rules->close), name = strlen(rules->answer), blank;

	if (end > HEADER_MAX_BYTES) {
		if (held->len < HEADER_MAX_BYTES + strlen(rules->close)) {
			return 0;
		}
		enter(thinking, THINKING_INSIDE);
		return 1;
	}
	blank = space_length(held);
	/* "commentary to=functions.x": the name is the first word */
	if (end >= blank + name && memcmp(held->data + blank, rules->answer, name) == 0 &&
		(end == blank + name || is_space(held->data[blank + name]))) {
		thinking->state = THINKING_ANSWER;
	} else {
		thinking->state = THINKING_INSIDE;
	}
	thinking->at_start = 1;
	drop(thinking, end + strlen(rules->close));
	return 1;
}

static int step(struct thinking *thinking)
{
	switch (thinking->state) {
	case THINKING_UNKNOWN:
		return step_unknown(thinking);
	case THINKING_INSIDE:
		return step_inside(thinking);
	case THINKING_HEADER:
		return step_header(thinking);
	case THINKING_BEHIND:
		return step_behind(thinking);
	case THINKING_ANSWER:
		break;
	}
	release(thinking, thinking->held.len, &thinking->answer);
	return 0;
}

int thinking_ends(const struct thinking *thinking, const char *text, size_t len, int is_special)
{
	return thinking->state == THINKING_ANSWER && is_special && thinking->rules &&
	       thinking->rules->kind == TEMPLATE_THINKING_CHANNELS &&
	       strlen(thinking->rules->end) == len && !memcmp(thinking->rules->end, text, len);
}

int thinking_add(struct thinking *thinking, const char *text, size_t len, int is_special)
{
	enum thinking_state before = thinking->state;
	int belongs;

	buf_add(&thinking->held, text, len);
	for (size_t i = 0; i < len; i++) {
		buf_addch(&thinking->special, (char)(is_special != 0));
	}
	while (step(thinking)) {
	}
	belongs = thinking_goes_on(thinking) || before == THINKING_INSIDE ||
		  before == THINKING_HEADER;
	thinking->n_unknown_tok += before == THINKING_UNKNOWN;
	if (before == THINKING_UNKNOWN && belongs) {
		thinking->n_tok += thinking->n_unknown_tok;
	} else if (belongs) {
		thinking->n_tok++;
	}
	return belongs;
}

void thinking_flush(struct thinking *thinking)
{
	if (thinking->state == THINKING_UNKNOWN) {
		thinking->at_start = 0;
		release(thinking, thinking->held.len, &thinking->answer);
	} else if (thinking->state == THINKING_INSIDE) {
		release(thinking, thinking->held.len, &thinking->thoughts);
	}
	drop(thinking, thinking->held.len);
}
