/* The documents of a quiz with their entries; for the files of session/quiz*.c. */
#ifndef SESSION_QUIZ_BOOK_H
#define SESSION_QUIZ_BOOK_H

#include "loaders/load.h"
#include "session/lines.h"
#include "session/quiz_rules.h"

#include <stddef.h>
#include <stdint.h>

struct quiz_document {
	char *name, *text; /* terminated by a NUL that is not counted */
	enum document_kind kind;
	struct lines lines;
	size_t first_entry, n_entry;
};

/* The entries of one kind, by the documents that have any. */
struct quiz_group {
	size_t first, count; /* in the pool */
};
struct quiz_pool {
	size_t *entry;
	size_t n_entry, cap_entry;
	struct quiz_group *group;
	size_t n_group, cap_group;
};

struct quiz {
	struct quiz_document *document;
	size_t n_document, cap_document;
	struct quiz_entries entries;
	struct quiz_pool pool[QUIZ_N_KIND];
	unsigned char *is_used; /* [entries.count]; NULL until the pools are made */
	size_t n_left_out;
	size_t total_bytes;
	char **folded; /* [n_document]: white space as one space, ASCII in small letters; or NULL */
	double bytes_per_tok; /* of the prompt that was counted last; a guess until is_measured */
	int is_measured;
};

/* Random numbers that follow from a seed and a place. */
struct quiz_dice {
	uint64_t seed, at;
};
size_t quiz_roll(struct quiz_dice *dice, size_t n); /* 0 to n - 1 */
double quiz_roll_part(struct quiz_dice *dice);      /* 0 to 1 */

/* Make the pools; nothing may be added afterwards. */
void quiz_index(struct quiz *quiz);
/*
 * An entry of the family: each of its kinds that there are is as likely, then each document, then
 * each entry of it. NULL where there is none.
 */
const struct quiz_entry *quiz_draw(
	const struct quiz *quiz, enum quiz_family family, struct quiz_dice *dice);

/* Whether two entries go by one name; of sections, whether they are of one kind. */
int quiz_same_name(const struct quiz_entry *a, const struct quiz_entry *b);
/*
 * Whether a line could as well answer: it begins with the name, though no rule has made an entry of
 * it. Of an identifier that is a declaration; calls of it only mention it.
 */
int quiz_rivals(const struct quiz_entry *asked, struct line line);
/* Whether the line above the entry belongs to it: no entry's, and not indented more deeply. */
int quiz_has_heading(const struct quiz *quiz, const struct quiz_entry *asked);

#endif
