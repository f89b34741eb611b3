#include "session/retrieve_words.h"

#include "base/mem.h"
#include "session/words.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The stemmer's base: what it is given is one word. */
#define VERBATIM_TOKENIZER "carrel_verbatim"

enum {
	WHOLE_MAX_BYTES = 64,
	PARTS_MAX = 6, /* what has more is a hash or a number, and no name */
	STEM_MIN_BYTES = 3,
	STEM_MAX_BYTES = 32,
};

struct cutter {
	struct words *words;
	fts5_tokenizer porter;
	Fts5Tokenizer *stemmer;
};

typedef int placed_sink(
	void *context, enum term_kind kind, const char *term, int len, int start, int end);

/* What stands in a line before the identifier at hand. */
enum line_so_far {
	LINE_EMPTY,   /* nothing */
	LINE_OPTIONS, /* options: -q, --quiet */
	LINE_DEFINES, /* a word that what follows is defined by */
	LINE_OTHER,
};

/* A text that is being cut, and the identifier at hand: words with single joints between them. */
struct cutting {
	struct cutter *cutter;
	placed_sink *sink;
	void *context;
	const char *text;
	int len;
	int is_question;
	int is_option, is_name, n_word;  /* n_word 0: there is none */
	int start, end;                  /* of it */
	char whole[WHOLE_MAX_BYTES + 2]; /* behind `^-` */
	int whole_len;                   /* more than WHOLE_MAX_BYTES: too long to be one */
	enum line_so_far line;
	int is_indented; /* the line */
};

static int is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static int is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- stems ---- */

struct stemming {
	char text[STEM_MAX_BYTES];
	int len;
};

static int take_stem(void *context, int flags, const char *word, int len, int start, int end)
{
	struct stemming *stem = context;

	stem->len = len <= STEM_MAX_BYTES ? len : 0;
	memcpy(stem->text, word, (size_t)stem->len);
	return SQLITE_OK;
}

static int emit(struct cutting *cutting, enum term_kind kind, const char *term, int len)
{
	return cutting->sink(cutting->context, kind, term, len, cutting->start, cutting->end);
}

/* A word or a part, and its stem where it is another word. */
static int emit_stemmed(struct cutting *cutting, enum term_kind kind, const char *term, int len)
{
	struct stemming stem = {.len = 0};
	int rc = emit(cutting, kind, term, len), is_prose = len >= STEM_MIN_BYTES;

	for (int i = 0; i < len && is_prose; i++) {
		is_prose = is_lower(term[i]);
	}
	if (rc != SQLITE_OK || !is_prose || len > STEM_MAX_BYTES) {
		return rc;
	}
	rc = cutting->cutter->porter.xTokenize(
		cutting->cutter->stemmer, &stem, FTS5_TOKENIZE_AUX, term, len, take_stem);
	if (rc == SQLITE_OK && stem.len &&
		(stem.len != len || memcmp(stem.text, term, (size_t)len))) {
		rc = emit(cutting, TERM_STEM, stem.text, stem.len);
	}
	return rc;
}

/* ---- identifiers ---- */

/* Whether a part of text[0, len) begins at `at`: rawData, HTTPServer, sha256. */
static int begins_part(const char *text, int len, int at)
{
	char before = text[at - 1], here = text[at];

	return (is_lower(before) && is_upper(here)) || is_digit(before) != is_digit(here) ||
	       (is_upper(before) && is_upper(here) && at + 1 < len && is_lower(text[at + 1]));
}

/* The parts of a word whose text is `text` and which is `word`, folded; of as many bytes. */
static int emit_parts(struct cutting *cutting, const char *text, const char *word, int len)
{
	int begin[PARTS_MAX + 1] = {0}, n_part = 1, rc = SQLITE_OK;

	for (int i = 1; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80 || (unsigned char)text[i - 1] >= 0x80) {
			return SQLITE_OK;
		}
		if (begins_part(text, len, i)) {
			if (n_part == PARTS_MAX) {
				return SQLITE_OK;
			}
			begin[n_part++] = i;
		}
	}
	begin[n_part] = len;
	for (int i = 0; i < n_part && n_part > 1 && rc == SQLITE_OK; i++) {
		int n = begin[i + 1] - begin[i];

		if (n > 1 || is_digit(word[begin[i]])) {
			rc = emit_stemmed(cutting, TERM_PART, word + begin[i], n);
		}
	}
	return rc;
}

static int is_definer(const char *word, int len)
{
	static const char *const definers[] = {"class", "const", "def", "define", "enum", "fn",
		"func", "function", "interface", "module", "package", "static", "struct", "sub",
		"trait", "type", "typedef", "union", "var"};

	for (size_t i = 0; i < ARRAY_LEN(definers); i++) {
		if (strlen(definers[i]) == (size_t)len &&
			memcmp(word, definers[i], (size_t)len) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Whether the identifier at hand is explained here: it begins the line, or is a function's head. */
static int is_head(const struct cutting *cutting)
{
	return cutting->line != LINE_OTHER ||
	       (!cutting->is_indented && cutting->end < cutting->len &&
		       cutting->text[cutting->end] == '(');
}

/* What the line is behind the identifier at hand. */
static enum line_so_far line_behind(const struct cutting *cutting, int is_whole)
{
	if (is_whole && cutting->is_option && cutting->line <= LINE_OPTIONS) {
		return LINE_OPTIONS;
	}
	return is_whole && cutting->line != LINE_OTHER &&
			       is_definer(cutting->whole + 2, cutting->whole_len)
		       ? LINE_DEFINES
		       : LINE_OTHER;
}

/* The identifier at hand is over. */
static int end_whole(struct cutting *cutting)
{
	char *whole = cutting->whole + 2;
	int rc = SQLITE_OK, len = cutting->whole_len;
	int is_whole = cutting->n_word && len <= WHOLE_MAX_BYTES;

	if (is_whole && cutting->n_word > 1) {
		rc = emit(cutting, TERM_WHOLE, whole, len);
	}
	if (is_whole && cutting->is_option && rc == SQLITE_OK) {
		rc = emit(cutting, TERM_OPTION, whole - 1, len + 1);
	}
	if (is_whole && rc == SQLITE_OK &&
		(cutting->is_question ? cutting->is_name : is_head(cutting))) {
		whole -= cutting->is_option ? 2 : 1;
		*whole = '^';
		rc = emit(cutting, TERM_HEAD, whole, len + (cutting->is_option ? 2 : 1));
		cutting->whole[1] = '-';
	}
	if (cutting->n_word) {
		cutting->line = line_behind(cutting, is_whole);
	}
	cutting->n_word = 0;
	return rc;
}

/* Between two digits a dash is a minus, or `to`. */
static int joint_stays(const struct cutting *cutting, const char *joint)
{
	return *joint == '.' || (*joint == '-' && is_digit(joint[-1]) && is_digit(joint[1]));
}

static void add_to_whole(struct cutting *cutting, const char *bytes, int len)
{
	if (cutting->whole_len + len <= WHOLE_MAX_BYTES) {
		memcpy(cutting->whole + 2 + cutting->whole_len, bytes, (size_t)len);
		cutting->whole_len += len;
	} else {
		cutting->whole_len = WHOLE_MAX_BYTES + 1;
	}
}

/* Whether what begins at `start` stands behind one or two dashes, and these behind no word. */
static int is_option_at(const char *text, int start)
{
	int dashes = 0;

	while (dashes < 3 && start > dashes && text[start - 1 - dashes] == '-') {
		dashes++;
	}
	if (dashes != 1 && dashes != 2) {
		return 0;
	}
	return start == dashes || strchr(" \t\n[(|,'\"`/=*{<", text[start - 1 - dashes]) != NULL;
}

/* wget(1): whether what begins at `start` is the section of a manual page. */
static int is_section_at(const struct cutting *cutting, int start, int end)
{
	const char *text = cutting->text;

	return start == cutting->end + 1 && text[start - 1] == '(' && is_digit(text[start]) &&
	       end - start <= 4 && end < cutting->len && text[end] == ')';
}

/* A new identifier; what the line was before it is over with the line. */
static int begin_whole(struct cutting *cutting, int start)
{
	const char *text = cutting->text, *from = text + cutting->end;
	int rc = end_whole(cutting);

	if (!cutting->end || memchr(from, '\n', (size_t)(text + start - from))) {
		cutting->line = LINE_EMPTY;
		cutting->is_indented = start && (text[start - 1] == ' ' || text[start - 1] == '\t');
	}
	cutting->is_option = is_option_at(text, start);
	cutting->is_name = 0;
	cutting->start = start;
	cutting->whole_len = 0;
	return rc;
}

/* `'s`, `'t`: what an apostrophe leaves of a word. */
static int is_ending(const char *text, int start, int len)
{
	return len == 1 && start > 1 && text[start - 1] == '\'' && is_lower(text[start]) &&
	       (is_lower(text[start - 2]) || is_upper(text[start - 2]));
}

/* Whether a word of a sentence is a name, as it is written. */
static int looks_like_name(const struct cutting *cutting, int start, int end)
{
	const char *text = cutting->text;
	int n_upper = 0;

	for (int i = start; i < end; i++) {
		n_upper += is_upper(text[i]);
		if (is_digit(text[i])) {
			return 1;
		}
	}
	return n_upper > 1 || (n_upper == 1 && cutting->line != LINE_EMPTY);
}

static int on_word(void *context, int flags, const char *word, int len, int start, int end)
{
	struct cutting *cutting = context;
	const char *text = cutting->text;
	int is_section = cutting->n_word && is_section_at(cutting, start, end);
	int is_joined = is_section || (cutting->n_word && start == cutting->end + 1 &&
					      text[start - 1] && strchr("_-.", text[start - 1]));
	int rc = SQLITE_OK, is_name;

	if (is_ending(text, start, len)) {
		return SQLITE_OK;
	}
	if (!is_joined) {
		rc = begin_whole(cutting, start);
	} else if (is_section) {
		add_to_whole(cutting, ".", 1);
	} else if (joint_stays(cutting, text + start - 1)) {
		add_to_whole(cutting, text + start - 1, 1);
	}
	add_to_whole(cutting, word, len);
	is_name = looks_like_name(cutting, start, end);
	cutting->is_name |= is_name || cutting->is_option || cutting->n_word;
	cutting->n_word++;
	cutting->end = end;
	if (rc != SQLITE_OK || is_section || words_is_stop((struct word){word, (size_t)len})) {
		return rc;
	}
	rc = emit_stemmed(cutting, is_name ? TERM_NAME : TERM_WORD, word, len);
	return rc == SQLITE_OK && end - start == len ? emit_parts(cutting, text + start, word, len)
						     : rc;
}

static int cut(struct cutter *cutter, int is_question, void *context, const char *text, int len,
	placed_sink *sink)
{
	struct cutting cutting = {.cutter = cutter,
		.is_question = is_question,
		.sink = sink,
		.context = context,
		.text = text,
		.len = len,
		.whole = "^-"};
	int rc = words_cut(cutter->words, &cutting, FTS5_TOKENIZE_DOCUMENT, text, len, on_word);

	return rc == SQLITE_OK ? end_whole(&cutting) : rc;
}

/* ---- as FTS5 calls it ---- */

static int module_create(void *context, const char **args, int n_args, Fts5Tokenizer **out)
{
	*out = context;
	return SQLITE_OK;
}

static void module_delete(Fts5Tokenizer *tokenizer)
{
}

struct adapter {
	word_sink *sink;
	void *context;
	int n_word;
};

/* A term beside a word that was left out stands at a place of its own. */
static int to_fts5(
	void *context, enum term_kind kind, const char *term, int len, int start, int end)
{
	struct adapter *adapter = context;
	int flags = kind <= TERM_NAME || !adapter->n_word ? 0 : FTS5_TOKEN_COLOCATED;

	adapter->n_word++;
	return adapter->sink(adapter->context, flags, term, len, start, end);
}

static int cut_tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
	int len, word_sink *sink)
{
	struct adapter adapter = {sink, context, 0};

	return flags & FTS5_TOKENIZE_QUERY
		       ? sink(context, 0, text, len, 0, len)
		       : cut((struct cutter *)tokenizer, 0, &adapter, text, len, to_fts5);
}

static int verbatim_tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
	int len, word_sink *sink)
{
	return sink(context, 0, text, len, 0, len);
}

static void cutter_destroy(void *context)
{
	struct cutter *cutter = context;

	if (cutter->stemmer) {
		cutter->porter.xDelete(cutter->stemmer);
	}
	free(cutter);
}

int retrieve_words_teach(sqlite3 *db, struct words *words)
{
	static const char *args[] = {VERBATIM_TOKENIZER};
	fts5_tokenizer verbatim = {module_create, module_delete, verbatim_tokenize};
	fts5_tokenizer module = {module_create, module_delete, cut_tokenize};
	fts5_api *api = words_api(db);
	struct cutter *cutter;
	void *context;

	if (!api || api->xCreateTokenizer(api, VERBATIM_TOKENIZER, words, &verbatim, NULL) !=
			    SQLITE_OK) {
		return SQLITE_ERROR;
	}
	cutter = mem_zero(1, sizeof(*cutter));
	cutter->words = words;
	if (api->xFindTokenizer(api, "porter", &context, &cutter->porter) != SQLITE_OK ||
		cutter->porter.xCreate(context, args, 1, &cutter->stemmer) != SQLITE_OK ||
		api->xCreateTokenizer(api, RETRIEVE_TOKENIZER, cutter, &module, cutter_destroy) !=
			SQLITE_OK) {
		cutter_destroy(cutter);
		return SQLITE_ERROR;
	}
	return SQLITE_OK;
}

/* ---- for questions ---- */

struct plain {
	term_sink *sink;
	void *context;
};

static int to_plain(
	void *context, enum term_kind kind, const char *term, int len, int start, int end)
{
	struct plain *plain = context;

	return plain->sink(plain->context, kind, term, len);
}

int retrieve_words_cut(sqlite3 *db, void *context, const char *text, size_t len, term_sink *sink)
{
	struct plain plain = {sink, context};
	fts5_api *api = words_api(db);
	fts5_tokenizer module;
	void *cutter;

	if (!api || api->xFindTokenizer(api, RETRIEVE_TOKENIZER, &cutter, &module) != SQLITE_OK) {
		return SQLITE_ERROR;
	}
	return cut(cutter, 1, &plain, text, len < INT_MAX ? (int)len : INT_MAX, to_plain);
}
