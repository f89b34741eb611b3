#include "engine/token/unigram.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0
#define NOT_REACHED     UINT32_MAX

/* ---- the trie ---- */

struct range {
	uint32_t first, end; /* of the sorted tokens: those below a node */
};

struct trie_builder {
	const struct vocab *vocab;
	struct unigram *unigram;
	uint32_t *order; /* tokens, sorted by their bytes */
	uint32_t n_order;
	struct range *range; /* by node */
	size_t cap;
};

static int by_text(const void *left, const void *right, void *arg)
{
	const struct vocab *vocab = arg;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	size_t a_len = vocab_len(vocab, a), b_len = vocab_len(vocab, b);
	int order =
		memcmp(vocab_text(vocab, a), vocab_text(vocab, b), a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* One more node, for these tokens, at the end. */
static int add_node(struct trie_builder *b, uint8_t byte, struct range range)
{
	struct unigram *u = b->unigram;

	if (u->n_node + (size_t)1 >= b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 1024;
		struct unigram_node *node = reallocarray(u->node, cap, sizeof(*node));
		struct range *ranges = reallocarray(b->range, cap, sizeof(*ranges));

		u->node = node ? node : u->node;
		b->range = ranges ? ranges : b->range;
		if (!node || !ranges || cap > UINT32_MAX) {
			return -1;
		}
		b->cap = cap;
	}
	u->node[u->n_node] = (struct unigram_node){.token = NO_TOKEN, .byte = byte};
	b->range[u->n_node++] = range;
	return 0;
}

/* The children of a node whose tokens agree in `depth` bytes. */
static int add_children(struct trie_builder *b, uint32_t parent, size_t depth)
{
	const struct vocab *v = b->vocab;
	struct range range = b->range[parent];

	b->unigram->node[parent].child = b->unigram->n_node;
	/* The shortest stands first, and is this node. */
	if (range.first < range.end && vocab_len(v, b->order[range.first]) == depth) {
		b->unigram->node[parent].token = b->order[range.first++];
	}
	while (range.first < range.end) {
		uint8_t byte = (uint8_t)vocab_text(v, b->order[range.first])[depth];
		uint32_t end = range.first + 1;

		while (end < range.end && (uint8_t)vocab_text(v, b->order[end])[depth] == byte) {
			end++;
		}
		if (add_node(b, byte, (struct range){range.first, end})) {
			return -1;
		}
		range.first = end;
	}
	return 0;
}

static int build_trie(struct trie_builder *b)
{
	struct unigram *u = b->unigram;
	size_t depth = 0;

	if (add_node(b, 0, (struct range){0, b->n_order})) {
		return -1;
	}
	for (uint32_t level = 0, node = 0; node < u->n_node; depth++) {
		for (level = u->n_node; node < level; node++) {
			if (add_children(b, node, depth)) {
				return -1;
			}
		}
	}
	u->node[u->n_node] = (struct unigram_node){.child = u->n_node, .token = NO_TOKEN};
	for (uint32_t child = u->node[0].child; child < u->node[1].child; child++) {
		u->root[u->node[child].byte] = child;
	}
	return 0;
}

int unigram_init(struct unigram *unigram, const struct vocab *vocab, const double *score)
{
	struct trie_builder b = {.vocab = vocab, .unigram = unigram};
	double lowest = 0;
	int result = -1;

	*unigram = (struct unigram){0};
	b.order = reallocarray(NULL, vocab->count, sizeof(*b.order));
	unigram->score = reallocarray(NULL, vocab->count, sizeof(*unigram->score));
	if (b.order && unigram->score) {
		for (uint32_t id = 0; id < vocab->count; id++) {
			unigram->score[id] = score[id];
			if (vocab->type[id] != TOKEN_NORMAL) {
				continue;
			}
			lowest = b.n_order == 0 || score[id] < lowest ? score[id] : lowest;
			b.order[b.n_order++] = id;
		}
		unigram->unknown_score = lowest - UNKNOWN_PENALTY;
		qsort_r(b.order, b.n_order, sizeof(*b.order), by_text, (void *)vocab);
		result = build_trie(&b);
	}
	free(b.order);
	free(b.range);
	return result;
}

void unigram_finish(struct unigram *unigram)
{
	free(unigram->node);
	free(unigram->score);
	*unigram = (struct unigram){0};
}

/* The child of `node` by this byte, 0 if it has none. */
static uint32_t find_child(const struct unigram *u, uint32_t node, uint8_t byte)
{
	uint32_t low = u->node[node].child, high = u->node[node + 1].child;

	while (high - low > 8) {
		uint32_t middle = low + (high - low) / 2;

		if (u->node[middle].byte <= byte) {
			low = middle;
		} else {
			high = middle;
		}
	}
	while (low < high && u->node[low].byte != byte) {
		low++;
	}
	return low < high ? low : 0;
}

/* ---- the path ---- */

/* The best way to a place in the text. */
struct unigram_step {
	double score;
	uint32_t start; /* of its last token; NOT_REACHED */
	uint32_t id;    /* its last token; NO_TOKEN: an unknown character */
};

static void reach(struct unigram_step *step, size_t *reached, size_t at)
{
	while (*reached < at) {
		step[++*reached].start = NOT_REACHED;
	}
}

static void offer(struct unigram_step *step, double score, size_t start, uint32_t id)
{
	if (step->start == NOT_REACHED || score > step->score) {
		*step = (struct unigram_step){score, (uint32_t)start, id};
	}
}

/* All tokens that begin at `at`; the first character there is `width` bytes. */
static void step_from(const struct unigram *u, struct unigram_step *step, size_t *reached,
	const char *text, size_t len, size_t at, size_t width)
{
	double score = step[at].score;
	uint32_t node = u->root[(uint8_t)text[at]];
	int alone = 0; /* whether the character is a token */

	for (size_t end = at + 1; node; end++) {
		uint32_t id = u->node[node].token;

		if (id != NO_TOKEN) {
			reach(step, reached, end);
			offer(&step[end], score + u->score[id], at, id);
			alone |= end - at == width;
		}
		node = end < len ? find_child(u, node, (uint8_t)text[end]) : 0;
	}
	if (!alone) {
		reach(step, reached, at + width);
		offer(&step[at + width], score + u->unknown_score, at, NO_TOKEN);
	}
}

/* Write the best path from `base` to `at`. */
static size_t write_path(
	struct unigram_step *step, size_t base, size_t at, uint32_t *id, uint32_t *end)
{
	size_t n = 0, k;

	for (size_t p = at; p != base; p = step[p].start) {
		n++;
	}
	k = n;
	for (size_t p = at; p != base; p = step[p].start) {
		id[--k] = step[p].id;
		end[k] = (uint32_t)p;
	}
	return n;
}

size_t unigram_encode(const struct unigram *unigram, struct unigram_path *path, const char *text,
	size_t len, uint32_t *id, uint32_t *end)
{
	size_t n = 0, base = 0, reached = 0, width;
	struct unigram_step *step;

	if (len + 1 > path->cap) {
		path->cap = len + 1 < 256 ? 256 : len + 1;
		path->step = mem_resize(path->step, path->cap, sizeof(*path->step));
	}
	step = path->step;
	step[0] = (struct unigram_step){.start = 0};
	for (size_t at = 0; at < len; at += width) {
		uint32_t cp;

		/* No token goes across: whatever the path, it comes by here. */
		if (at == reached && at > base) {
			n += write_path(step, base, at, id + n, end + n);
			base = at;
			step[at].score = 0;
		}
		width = (uint8_t)text[at] < 0x80 ? 1 : utf8_decode(text + at, len - at, &cp);
		width = width ? width : 1;
		step_from(unigram, step, &reached, text, len, at, width);
	}
	return n + write_path(step, base, len, id + n, end + n);
}

void unigram_finish_path(struct unigram_path *path)
{
	free(path->step);
	*path = (struct unigram_path){0};
}
