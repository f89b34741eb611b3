/*
 * DeepSeek's rules are several patterns in a row, each cutting within the pieces of the one before.
 * A piece is found here in one go: where the earlier patterns cut is seen from the characters that
 * follow. The patterns stand in splitter.c.
 */
#include "engine/token/splitter_internal.h"
#include "engine/token/splitter_scan.h"

/* ---- deepseek-v3: numbers and runs of CJK characters first, then one pattern in the rest ---- */

/* The character at p where the text of the pattern goes on: in a CJK run, or outside of them. */
static inline struct character within(const char *p, const char *end, uint32_t cjk)
{
	struct character c = scan_at(p, end);

	if ((c.traits & UC_NUMBER) || (c.traits & UC_DEEPSEEK_CJK) != cjk) {
		return (struct character){0, 0};
	}
	return c;
}

static inline const char *run_within(const char *p, const char *end, uint32_t any, uint32_t cjk)
{
	struct character c;

	if (!cjk) {
		return scan_run(p, end, any, UC_NUMBER | UC_DEEPSEEK_CJK);
	}
	while ((c = within(p, end, cjk)).traits & any) {
		p += c.len;
	}
	return p;
}

static inline int is_ascii_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *v3_piece(const char *p, const char *end)
{
	static const uint32_t word = UC_LETTER | UC_MARK, sign = UC_PUNCTUATION | UC_SYMBOL;
	struct character c = scan_at(p, end), next;
	uint32_t cjk = c.traits & UC_DEEPSEEK_CJK;

	if (c.traits & UC_NUMBER) {
		return scan_digits(p, end, 3);
	}
	if ((c.traits & sign) && c.len == 1 && p + 1 < end && is_ascii_letter(p[1])) {
		do {
			p++;
		} while (p + 1 < end && is_ascii_letter(p[1]));
		return p + 1;
	}
	if (c.traits & word) {
		return run_within(p + c.len, end, word, cjk);
	}
	next = within(p + c.len, end, cjk);
	if (!(c.traits & (UC_NEWLINE | sign)) && (next.traits & word)) {
		return run_within(p + c.len + next.len, end, word, cjk);
	}
	if ((c.traits & sign) || (*p == ' ' && (next.traits & sign))) {
		p = run_within(p + c.len, end, sign, cjk);
		return cjk ? p : scan_newlines(p, end);
	}
	if (c.traits & UC_SPACE) {
		return scan_space(p, end, 1, UC_NUMBER | UC_DEEPSEEK_CJK);
	}
	/* No alternative begins here: what lies between matches is a piece. */
	do {
		p += c.len;
		c = next;
		next = c.len ? within(p + c.len, end, cjk) : c;
	} while ((c.traits & UC_REST) && !(next.traits & word));
	return p;
}

/* ---- deepseek-coder ---- */

static inline int is_inner_space(struct character c)
{
	return (c.traits & UC_SPACE) && !(c.traits & UC_NEWLINE);
}

/* Whether \s?X+ matches at p, X being the characters with the trait. */
static inline int starts(const char *p, const char *end, struct character c, uint32_t trait)
{
	return (c.traits & trait) ||
	       (is_inner_space(c) && (scan_at(p + c.len, end).traits & trait));
}

static const char *coder_piece(const char *p, const char *end)
{
	static const uint32_t words = UC_LETTER, signs = UC_PUNCTUATION;
	struct character c = scan_at(p, end);
	uint32_t wide = c.traits & UC_DEEPSEEK_WIDE, run = 0;

	if (c.traits & (UC_NEWLINE | UC_STEP_DIGIT)) {
		return p + c.len;
	}
	if (starts(p, end, c, words)) {
		run = words;
	} else if (starts(p, end, c, signs)) {
		run = signs;
	}
	for (;;) {
		p += c.len;
		c = scan_at(p, end);
		if (!c.len || (c.traits & UC_DEEPSEEK_WIDE) != wide) {
			return p;
		}
		if (run ? !(c.traits & run)
			: (c.traits & (UC_NEWLINE | UC_STEP_DIGIT)) || starts(p, end, c, words) ||
					starts(p, end, c, signs)) {
			return p;
		}
	}
}

/* ---- deepseek-llm ---- */

static inline int starts_word(const char *p, const char *end, struct character c)
{
	return starts(p, end, c, UC_DEEPSEEK_LETTER);
}

/* A sign, unless it is the space (U+3000) in front of a word. */
static inline int is_sign(const char *p, const char *end, struct character c)
{
	return (c.traits & UC_DEEPSEEK_SIGN) && !starts_word(p, end, c);
}

static inline int starts_signs(const char *p, const char *end, struct character c)
{
	const char *behind = p + c.len;

	return is_sign(p, end, c) ||
	       (is_inner_space(c) && is_sign(behind, end, scan_at(behind, end)));
}

static inline int is_between(const char *p, const char *end, struct character c)
{
	return c.len && !(c.traits & UC_NEWLINE) && !starts_word(p, end, c) &&
	       !starts_signs(p, end, c);
}

/* Letters, with a space in front; the later patterns cut where they change kind. */
static const char *llm_word(const char *p, const char *end, struct character c)
{
	static const uint32_t kinds = UC_DEEPSEEK_SIGN | UC_DEEPSEEK_WIDE;
	struct character first = c;

	if (is_inner_space(c)) {
		first = scan_at(p + c.len, end);
		if (((c.traits ^ first.traits) & UC_DEEPSEEK_WIDE) ||
			((c.traits & ~first.traits) & UC_DEEPSEEK_SIGN)) {
			return p + c.len;
		}
		p += c.len;
	}
	do {
		p += first.len;
		c = scan_at(p, end);
		first.len = c.len;
	} while ((c.traits & UC_DEEPSEEK_LETTER) && !((c.traits ^ first.traits) & kinds));
	return p;
}

/*
 * Signs with a space in front (`signs`), or what is neither word nor sign. Then "\s+$" cuts off the
 * white space at the end, a run of wide characters is cut out, and each digit.
 */
static const char *llm_run(const char *p, const char *end, struct character c, int signs)
{
	uint32_t wide = c.traits & UC_DEEPSEEK_WIDE;
	int is_space = (c.traits & UC_SPACE) != 0;
	const char *inside = p; /* white space before it is known not to be at the end */

	if (c.traits & UC_STEP_DIGIT) {
		return p + c.len;
	}
	for (;;) {
		p += c.len;
		c = scan_at(p, end);
		if ((c.traits & UC_DEEPSEEK_WIDE) != wide || (c.traits & UC_STEP_DIGIT) ||
			!(signs ? is_sign(p, end, c) : is_between(p, end, c))) {
			return p;
		}
		if (!(c.traits & UC_SPACE)) {
			is_space = 0;
		} else if (!is_space && p >= inside) {
			const char *q = p;
			struct character d = c;

			while ((d.traits & UC_SPACE) &&
				(signs ? is_sign(q, end, d) : is_between(q, end, d))) {
				q += d.len;
				d = scan_at(q, end);
			}
			if (!(signs ? is_sign(q, end, d) : is_between(q, end, d))) {
				return p;
			}
			inside = q;
		}
	}
}

static const char *llm_piece(const char *p, const char *end)
{
	struct character c = scan_at(p, end);

	if (c.traits & UC_NEWLINE) {
		return p + c.len;
	}
	if (starts_word(p, end, c)) {
		return llm_word(p, end, c);
	}
	return llm_run(p, end, c, starts_signs(p, end, c));
}

size_t splitter_deepseek_v3(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(v3_piece(p, stop));
}

size_t splitter_deepseek_coder(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(coder_piece(p, stop));
}

size_t splitter_deepseek_llm(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(llm_piece(p, stop));
}
