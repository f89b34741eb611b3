/*
 * A pattern is compiled into steps and run as a nondeterministic automaton whose states are the
 * steps (Thompson, "Regular expression search algorithm", CACM 11(6), 1968).
 */
#include "loaders/tree/glob.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum step_kind {
	STEP_BYTE, /* this byte */
	STEP_SET,  /* one byte of a set */
	STEP_STAR, /* any bytes of a set */
	STEP_SKIP, /* in front of "**" and "/": both may be left out */
};

struct glob_step {
	enum step_kind kind;
	unsigned char byte;
	uint64_t set[4]; /* a bit for each byte */
};

/* States of a pattern longer than this are not worth keeping: no path is that long. */
enum { MAX_STEPS = 8192, WORDS = MAX_STEPS / 64 + 1 };

static int set_has(const struct glob_step *step, unsigned char c)
{
	return step->set[c / 64] >> (c % 64) & 1;
}

static void set_add(struct glob_step *step, unsigned char c)
{
	step->set[c / 64] |= (uint64_t)1 << (c % 64);
}

static struct glob_step *add_step(struct glob *glob, enum step_kind kind)
{
	mem_grow(glob->step, glob->n_step, glob->cap_step);
	glob->step[glob->n_step] = (struct glob_step){.kind = kind};
	return &glob->step[glob->n_step++];
}

static void add_any(struct glob *glob, enum step_kind kind, int with_slash)
{
	struct glob_step *step = add_step(glob, kind);

	memset(step->set, 0xff, sizeof(step->set));
	if (!with_slash) {
		step->set['/' / 64] &= ~((uint64_t)1 << ('/' % 64));
	}
}

/* "[:alpha:]" and its like, by the rules of the C locale. Returns -1 where there is no such class. */
static int add_class(struct glob_step *step, const char *name, size_t len)
{
	static const struct {
		const char *name;
		int (*has)(int c);
	} class[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
		{"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
		{"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};

	for (size_t i = 0; i < ARRAY_LEN(class); i++) {
		if (strlen(class[i].name) == len && memcmp(class[i].name, name, len) == 0) {
			for (int c = 0; c < 128; c++) {
				if (class[i].has(c)) {
					set_add(step, (unsigned char)c);
				}
			}
			return 0;
		}
	}
	return -1;
}

/* One member of a set at *at; moves behind it. Returns -1 where the set is malformed. */
static int add_member(
	struct glob_step *step, const char *pattern, size_t len, size_t *at, int *previous)
{
	size_t p = *at;
	unsigned char c = (unsigned char)pattern[p];

	if (c == '\\') {
		if (++p >= len) {
			return -1;
		}
		c = (unsigned char)pattern[p];
	} else if (c == '-' && *previous >= 0 && p + 1 < len && pattern[p + 1] != ']') {
		p++;
		if (pattern[p] == '\\' && ++p >= len) {
			return -1;
		}
		for (int member = *previous; member <= (unsigned char)pattern[p]; member++) {
			set_add(step, (unsigned char)member);
		}
		*previous = -1;
		*at = p + 1;
		return 0;
	} else if (c == '[' && p + 1 < len && pattern[p + 1] == ':') {
		const char *name = pattern + p + 2;
		const char *end = memchr(name, ']', len - p - 2);

		if (!end) {
			return -1;
		}
		if (end > name && end[-1] == ':') {
			*previous = -1;
			*at = (size_t)(end - pattern) + 1;
			return add_class(step, name, (size_t)(end - name) - 1);
		}
	}
	set_add(step, c);
	*previous = c;
	*at = p + 1;
	return 0;
}

/* The set whose '[' stands at `at`. Returns where it ends, 0 where it is malformed. */
static size_t compile_set(
	struct glob *glob, const char *pattern, size_t len, size_t at, enum glob_mode mode)
{
	struct glob_step *step = add_step(glob, STEP_SET);
	int is_negated, previous = -1;

	at++;
	is_negated = at < len && (pattern[at] == '!' || pattern[at] == '^');
	at += is_negated;
	do {
		if (at >= len || add_member(step, pattern, len, &at, &previous) < 0) {
			return 0;
		}
	} while (at >= len || pattern[at] != ']');
	for (size_t i = 0; is_negated && i < ARRAY_LEN(step->set); i++) {
		step->set[i] = ~step->set[i];
	}
	if (mode == GLOB_PATH) {
		step->set['/' / 64] &= ~((uint64_t)1 << ('/' % 64));
	}
	return at + 1;
}

/* The stars at `at`. Returns where they end. */
static size_t compile_stars(
	struct glob *glob, const char *pattern, size_t len, size_t at, enum glob_mode mode)
{
	size_t first = at;
	int is_across = mode == GLOB_NAME;

	while (at < len && pattern[at] == '*') {
		at++;
	}
	if (mode == GLOB_PATH && at - first > 1 && (first == 0 || pattern[first - 1] == '/') &&
		(at == len || pattern[at] == '/' ||
			(pattern[at] == '\\' && at + 1 < len && pattern[at + 1] == '/'))) {
		is_across = 1;
		if (at < len && pattern[at] == '/') {
			add_step(glob, STEP_SKIP);
		}
	}
	add_any(glob, STEP_STAR, is_across);
	return at;
}

void glob_compile(struct glob *glob, const char *pattern, size_t len, enum glob_mode mode)
{
	size_t at = 0;

	*glob = (struct glob){0};
	while (at < len && !glob->is_never) {
		switch (pattern[at]) {
		case '*':
			at = compile_stars(glob, pattern, len, at, mode);
			break;
		case '?':
			add_any(glob, STEP_SET, mode == GLOB_NAME);
			at++;
			break;
		case '[':
			at = compile_set(glob, pattern, len, at, mode);
			glob->is_never = at == 0;
			break;
		case '\\':
			at++;
			glob->is_never = at == len;
			/* fall through */
		default:
			if (at < len) {
				add_step(glob, STEP_BYTE)->byte = (unsigned char)pattern[at++];
			}
		}
	}
	glob->is_never |= glob->n_step > MAX_STEPS;
}

void glob_finish(struct glob *glob)
{
	free(glob->step);
	*glob = (struct glob){0};
}

/* Enter a state, and those that it reaches without a byte. */
static void enter(const struct glob *glob, uint64_t *state, size_t at)
{
	for (;; at++) {
		if (state[at / 64] >> (at % 64) & 1) {
			return;
		}
		state[at / 64] |= (uint64_t)1 << (at % 64);
		if (at == glob->n_step) {
			return;
		}
		if (glob->step[at].kind == STEP_SKIP) {
			enter(glob, state, at + 3); /* behind the stars and the slash */
		} else if (glob->step[at].kind != STEP_STAR) {
			return;
		}
	}
}

/* Whether any state is left. */
static int advance(const struct glob *glob, const uint64_t *state, uint64_t *next, unsigned char c)
{
	size_t n_words = glob->n_step / 64 + 1;

	memset(next, 0, n_words * sizeof(*next));
	for (size_t word = 0; word < n_words; word++) {
		for (uint64_t bits = state[word]; bits; bits &= bits - 1) {
			size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
			const struct glob_step *step = &glob->step[at];

			if (at == glob->n_step) {
				break;
			}
			if (step->kind == STEP_BYTE ? step->byte == c
						    : step->kind != STEP_SKIP && set_has(step, c)) {
				enter(glob, next, at + (step->kind != STEP_STAR));
			}
		}
	}
	for (size_t word = 0; word < n_words; word++) {
		if (next[word]) {
			return 1;
		}
	}
	return 0;
}

int glob_match(const struct glob *glob, const char *text, size_t len)
{
	uint64_t state[2][WORDS];
	size_t last = glob->n_step;

	if (glob->is_never) {
		return 0;
	}
	memset(state[0], 0, (last / 64 + 1) * sizeof(state[0][0]));
	enter(glob, state[0], 0);
	for (size_t i = 0; i < len; i++) {
		if (!advance(glob, state[i % 2], state[(i + 1) % 2], (unsigned char)text[i])) {
			return 0;
		}
	}
	return state[len % 2][last / 64] >> (last % 64) & 1;
}
