/*
 * A session as JSON, version 1: what `sessions export --format json` writes and `sessions import`
 * reads. One table for each kind of object says its members; both directions go by it, so that what
 * is written is what is read.
 *
 *	{"format": "carrel session", "version": 1, "id", "made", "used", "head", "draft",
 *	 "settings": [{"key", "value"}],
 *	 "blocks": [{... "document": {... "parts": [...], "headings": [...]}}],
 *	 "turns": [{... "ids": [...], "usage": {...}, "citations": [...],
 *		of more than the window "coverage": {... "usage": {...}}}],
 *	 "places": [{"turn", "block"}]}
 *
 * Text that is not UTF-8 stands under its member's name with _base64 behind it. What belongs to the
 * machine and not to the conversation (the working directory, whether the KV is pinned) is left out.
 */
#ifndef SESSION_EXCHANGE_H
#define SESSION_EXCHANGE_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_FORMAT "carrel session"
enum { EXCHANGE_VERSION = 1 };

enum exchange_kind {
	EXCHANGE_FLAG,   /* int, true or false */
	EXCHANGE_INT,    /* int */
	EXCHANGE_WHOLE,  /* int64_t */
	EXCHANGE_REAL,   /* double, 0 or more */
	EXCHANGE_WORD,   /* an enumeration, one of `words` */
	EXCHANGE_DIGEST, /* char[65]: 64 hexadecimal digits, or none */
	EXCHANGE_TEXT,   /* char *, without a NUL in it; null is NULL where `may_be_null` */
	EXCHANGE_BYTES,  /* char *, and a size_t at `len_offset` */
};

struct exchange_field {
	const char *name;
	enum exchange_kind kind;
	size_t offset, len_offset;
	int64_t least;            /* of a whole number */
	const char *const *words; /* [n_word]; NULL in it: not a value that may stand here */
	size_t n_word;
	int may_be_null;
};

struct exchange_table {
	const struct exchange_field *field;
	size_t n_field;
};
/* What is no list of the whole. */
struct exchange_session {
	char *format, *id, *draft;
	int64_t version, made_s, used_s, head;
};
extern const struct exchange_table exchange_session, exchange_setting, exchange_block,
	exchange_document, exchange_part, exchange_heading, exchange_turn, exchange_usage,
	exchange_citation, exchange_coverage, exchange_place;

/* The members of `value`, as a new object. */
json_t *exchange_write(const struct exchange_table *table, const void *value);

/*
 * The other way. `value` is zeroed and owns what is read into it, also after a failure. What else the
 * object holds, `n_other` members that are not in the table, is the caller's; a member that nobody
 * knows is an error. `where` names the object in messages.
 */
int exchange_read(const struct exchange_table *table, const json_t *object, size_t n_other,
	const char *where, void *value, struct err *err);

#endif
