/*
 * Rules of the cl100k kind: one pattern of contractions, words with one character in front,
 * numbers, other characters, white space. And those of the o200k kind, where words also end at a
 * change from lower to upper case. The patterns stand in splitter.c.
 */
#include "engine/token/splitter_internal.h"
#include "engine/token/splitter_scan.h"

/* ---- cl100k ---- */

struct word_rule {
	uint32_t letters, others; /* what words and runs of other characters are made of */
	unsigned most_digits;
	int newlines;    /* other characters take the newlines behind them */
	uint32_t bounds; /* a step before this one cuts at these */
};

static inline __attribute__((always_inline)) const char *word_piece(
	const char *p, const char *end, struct word_rule rule)
{
	struct character c = scan_at(p, end), next;
	const char *q;

	if (c.traits & rule.letters) {
		return scan_run(p + c.len, end, rule.letters, 0);
	}
	if (c.traits & UC_NUMBER) {
		return scan_digits(p, end, rule.most_digits);
	}
	if (*p == '\'') {
		q = scan_contraction(p, end, 1);
		if (q) {
			return q;
		}
	}
	if (c.traits & UC_NEWLINE) {
		return scan_space(p, end, 1, rule.bounds);
	}
	next = scan_at(p + c.len, end);
	if (next.traits & rule.letters) {
		return scan_run(p + c.len + next.len, end, rule.letters, 0);
	}
	if (c.traits & rule.others) {
		q = scan_run(p + c.len, end, rule.others, 0);
		return rule.newlines ? scan_newlines(q, end) : q;
	}
	if (*p == ' ' && (next.traits & rule.others)) {
		q = scan_run(p + 1 + next.len, end, rule.others, 0);
		return rule.newlines ? scan_newlines(q, end) : q;
	}
	return scan_space(p, end, 1, rule.bounds);
}

size_t splitter_llama3(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(word_piece(p, stop,
		(struct word_rule){.letters = UC_LETTER,
			.others = UC_OTHER,
			.most_digits = 3,
			.newlines = 1}));
}

size_t splitter_qwen2(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(word_piece(p, stop,
		(struct word_rule){.letters = UC_LETTER,
			.others = UC_OTHER,
			.most_digits = 1,
			.newlines = 1}));
}

size_t splitter_qwen35(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(word_piece(p, stop,
		(struct word_rule){.letters = UC_LETTER | UC_MARK,
			.others = UC_OTHER & ~UC_MARK,
			.most_digits = 1,
			.newlines = 1}));
}

size_t splitter_seed_coder(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(word_piece(p, stop,
		(struct word_rule){.letters = UC_LETTER, .others = UC_OTHER, .most_digits = 1}));
}

size_t splitter_minicpm5(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(word_piece(p, stop,
		(struct word_rule){.letters = UC_LETTER,
			.others = UC_OTHER,
			.most_digits = 3,
			.newlines = 1,
			.bounds = UC_NUMBER}));
}

/* ---- o200k ---- */

struct case_rule {
	unsigned most_digits;
	int contractions; /* words take the contraction behind them */
	int slashes;      /* other characters take slashes as well as newlines behind them */
	int han;          /* runs of Han characters are pieces, and words have none */
};

/*
 * UPPER is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], LOWER is [\p{Ll}\p{Lm}\p{Lo}\p{M}]. Where UPPER*LOWER+
 * ends, or NULL. The longest UPPER* is followed by LOWER+, or is cut behind the last of its
 * characters that are LOWER too; *upper is where it ended.
 */
static inline const char *case_word(
	const char *p, const char *end, uint32_t none, const char **upper)
{
	const char *behind_both = NULL;
	struct character c = scan_at(p, end);

	while ((c.traits & (UC_UPPER | UC_UNCASED | UC_MARK)) && !(c.traits & none)) {
		p += c.len;
		if (!(c.traits & UC_UPPER)) {
			behind_both = p;
		}
		c = scan_at(p, end);
	}
	*upper = p;
	if ((c.traits & UC_LOWER) && !(c.traits & none)) {
		return scan_run(p + c.len, end, UC_LOWER | UC_UNCASED | UC_MARK, none);
	}
	return behind_both;
}

/* The word at p with one character in front where there can be one; NULL if there is none. */
static inline const char *case_prefixed(
	const char *p, const char *end, struct character c, uint32_t none)
{
	const char *word, *upper;

	if (c.traits & (UC_LETTER | UC_NUMBER | UC_NEWLINE)) {
		if (!(c.traits & UC_LETTER)) {
			return NULL;
		}
		word = case_word(p, end, none, &upper);
		return word ? word : upper > p ? upper : NULL;
	}
	word = case_word(p + c.len, end, none, &upper);
	if (!word && (c.traits & UC_MARK)) {
		const char *alone;

		/* A mark is the character in front or begins the word; a capital stays behind. */
		return case_word(p, end, none, &alone);
	}
	return word ? word : upper > p + c.len ? upper : NULL;
}

static inline __attribute__((always_inline)) const char *case_piece(
	const char *p, const char *end, struct case_rule rule)
{
	uint32_t none = rule.han ? UC_HAN : 0;
	struct character c = scan_at(p, end);
	const char *q;

	if (c.traits & none) {
		return scan_run(p, end, UC_HAN, 0);
	}
	if (c.traits & UC_NUMBER) {
		return scan_digits(p, end, rule.most_digits);
	}
	q = case_prefixed(p, end, c, none);
	if (q) {
		const char *more = NULL;

		if (rule.contractions && q < end && *q == '\'') {
			more = scan_contraction(q, end, 1);
		}
		return more ? more : q;
	}
	if ((c.traits & UC_OTHER) || (*p == ' ' && (scan_at(p + 1, end).traits & UC_OTHER))) {
		q = scan_run(p + c.len, end, UC_OTHER, 0);
		while (q < end && (*q == '\n' || *q == '\r' || (rule.slashes && *q == '/'))) {
			q++;
		}
		return q;
	}
	return scan_space(p, end, 1, 0);
}

size_t splitter_o200k(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(case_piece(
		p, stop, (struct case_rule){.most_digits = 3, .contractions = 1, .slashes = 1}));
}

size_t splitter_tekken(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(case_piece(p, stop, (struct case_rule){.most_digits = 1, .slashes = 1}));
}

size_t splitter_kimi(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(case_piece(
		p, stop, (struct case_rule){.most_digits = 3, .contractions = 1, .han = 1}));
}
