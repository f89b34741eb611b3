/*
 * GPT-2's pattern, alone and between the steps "Digits" and "Punctuation"; and BLOOM's words. The
 * patterns stand in splitter.c.
 */
#include "engine/token/splitter_internal.h"
#include "engine/token/splitter_scan.h"

/* GPT-2's pattern; the text ends before a character of `bounds`. */
static inline __attribute__((always_inline)) const char *gpt2_piece(
	const char *p, const char *end, uint32_t bounds)
{
	struct character c = scan_at(p, end), first = c;
	const char *q;

	if (*p == '\'') {
		q = scan_contraction(p, end, 0);
		if (q) {
			return q;
		}
	}
	if (*p == ' ') {
		struct character next = scan_at(p + 1, end);

		if (next.len && !(next.traits & (UC_SPACE | bounds))) {
			first = next;
			p++;
		}
	}
	if (first.traits & UC_SPACE) {
		return scan_space(p, end, 0, bounds);
	}
	q = p + first.len;
	if (first.traits & UC_LETTER) {
		return scan_run(q, end, UC_LETTER, bounds);
	}
	return scan_run(q, end, first.traits & UC_NUMBER ? UC_NUMBER : UC_OTHER, bounds);
}

/* "Digits" first: each is a piece, and the pattern sees what is between them. */
static inline __attribute__((always_inline)) const char *digits_gpt2_piece(
	const char *p, const char *end)
{
	struct character c = scan_at(p, end);

	return c.traits & UC_STEP_DIGIT ? p + c.len : gpt2_piece(p, end, UC_STEP_DIGIT);
}

static inline int is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/*
 * Runs of "Punctuation" first, then the pattern in them and between them, then, in what ByteLevel
 * made of it, "Digits": ASCII's, each alone or in runs that are cut into threes. There the bytes
 * B2 B3 B9 BC BD BE look like numbers too, and `tokenizers` cuts "\xc3" from "\xbc". Vocabularies
 * that were trained behind such cuts have no merge across them (falcon-7b: 0 of 64,784), so to
 * leave these cuts out changes no ids.
 */
static inline __attribute__((always_inline)) const char *falcon_piece(
	const char *p, const char *end, int threes)
{
	struct character c = scan_at(p, end);

	if (is_digit(p, end)) {
		const char *q = p + 1;

		while (threes && q - p < 3 && is_digit(q, end)) {
			q++;
		}
		return q;
	}
	if (c.traits & UC_STEP_PUNCTUATION) {
		return scan_run(p, end, UC_STEP_PUNCTUATION, 0);
	}
	if (*p == ' ') {
		if (is_digit(p + 1, end)) {
			return p + 1;
		}
		c = scan_at(p + 1, end);
	}
	if (!(c.traits & UC_NUMBER)) {
		return gpt2_piece(p, end, UC_STEP_PUNCTUATION);
	}
	p += *p == ' ';
	do {
		p += c.len;
		c = scan_at(p, end);
	} while ((c.traits & UC_NUMBER) && !is_digit(p, end));
	return p;
}

/* " ?[^stop]+", and what lies between such words; with `digits`, "Digits" afterwards. */
static inline __attribute__((always_inline)) const char *bloom_piece(
	const char *p, const char *end, int digits)
{
	struct character c = scan_at(p, end), next;
	uint32_t apart = digits ? UC_STEP_DIGIT : 0;

	if (c.traits & apart) {
		return p + c.len;
	}
	next = *p == ' ' ? scan_at(p + 1, end) : (struct character){0, 0};
	if (next.len && (next.traits & apart)) {
		return p + 1;
	}
	if (!(c.traits & UC_BLOOM_STOP) || (next.len && !(next.traits & UC_BLOOM_STOP))) {
		p += c.len;
		for (c = scan_at(p, end); c.len && !(c.traits & (UC_BLOOM_STOP | apart));) {
			p += c.len;
			c = scan_at(p, end);
		}
		return p;
	}
	do {
		p += c.len;
		c = scan_at(p, end);
		next = c.len && *p == ' ' ? scan_at(p + 1, end) : (struct character){0, 0};
	} while ((c.traits & UC_BLOOM_STOP) && (!next.len || (next.traits & UC_BLOOM_STOP)));
	return p;
}

size_t splitter_gpt2(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(gpt2_piece(p, stop, 0));
}

size_t splitter_digits_gpt2(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(digits_gpt2_piece(p, stop));
}

size_t splitter_falcon(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(falcon_piece(p, stop, 1));
}

size_t splitter_falcon3(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(falcon_piece(p, stop, 0));
}

size_t splitter_bloom(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(bloom_piece(p, stop, 0));
}

size_t splitter_viking(const char *text, size_t len, size_t *end, size_t max)
{
	SCAN_PIECES(bloom_piece(p, stop, 1));
}
