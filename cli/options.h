/*
 * The options, in one table: a row says the name, the argument, the commands that take it, where
 * its value goes, its default and its help. The parser, the settings file, `carrel config`, --help,
 * the manual page and the completions all read it.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Commands as bits; a row of the table takes part in any number of them. */
enum command_bit {
	COMMAND_CHAT = 1 << 0, /* without a command */
	COMMAND_ASK = 1 << 1,
	COMMAND_BENCH = 1 << 2,
	COMMAND_CONFIG = 1 << 3,
	COMMAND_COUNT = 1 << 4,
	COMMAND_EVAL = 1 << 5,
	COMMAND_MODELS = 1 << 6,
	COMMAND_TOKENIZE = 1 << 7,
	COMMAND_LOAD = 1 << 8,
	COMMAND_KV = 1 << 9,
	COMMAND_SESSIONS = 1 << 10,
	COMMAND_ALL = (1 << 11) - 1,
};

/* The values of an option that may be given several times. */
struct option_list {
	const char **item;
	size_t count, cap;
};

struct options {
	/* the engine */
	const char *model, *device, *kv_type, *template_name;
	struct option_list adapters; /* "PATH" or "PATH:scale" */
	int64_t context_tok, n_thread;
	/* the answer */
	double temperature, top_p, min_p, repeat_penalty;
	int64_t top_k, repeat_last, seed, max_tok;
	/* the context */
	const char *system, *over, *embed;
	int64_t window_tok, select_tok;
	int no_cite, free_quotes, no_think, show_context, show_tokens, partial, strict;
	/* what is kept */
	const char *session;
	int64_t kv_limit_bytes, fork_turn;
	struct option_list drop;
	int no_store, prefill, refresh, repack, yes, all, make_index;
	/* what is loaded; cli/inputs.h makes paths and struct load_options of it */
	struct option_list include, exclude, from_file;
	int ends_with_nul, include_secrets, drop_headers, layout, unsafe_loaders;
	/* output */
	int json, quiet, verbose, plain, line, help, version;
	const char *theme;
	/* of one command */
	int64_t top_n, budget_tok, depth, bench_prompt_tok, bench_generate_tok, bench_repeats;
	const char *bench_depths, *tokens_file, *out_file, *model_name, *lengths, *questions_file;
	const char *storage_type, *format;
	int64_t n_question, n_hit;
	int show, sort, outline, plan, count_only, special, show_questions, make_questions;
	int settings_broken; /* the settings file holds mistakes; only `carrel config` goes on then */

	const char **argument; /* what is not an option, in order */
	size_t n_argument;
};

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_WHOLE,  /* int64_t, 0 or more; accepts the suffixes K, M and G (1,024s) */
	OPTION_NUMBER, /* double, 0 or more */
	OPTION_CHOICE, /* one of the words of `argument`, parted by | */
	OPTION_LIST,   /* may be given several times; an empty value empties the list */
};

/* Where a value came from, the strongest last. */
enum option_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_SESSION, ORIGIN_FLAG };

/* Where a value may stand but on the command line. */
enum option_memory {
	MEMORY_NONE,
	MEMORY_FILE,    /* in the settings file */
	MEMORY_SESSION, /* there, and a session remembers it */
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	const char *argument; /* how help calls the value; NULL for a flag */
	size_t offset;        /* of the field in struct options */
	int commands;
	enum option_memory memory;
	const char *fallback; /* the default, as the user would write it; NULL: none, or off */
	const char *help;
};

extern const struct option_row option_table[]; /* cli/option_table.c */
enum { OPTIONS_MOST = 128 };
size_t option_count(void);
/* The row of that name for one of the commands; NULL for none. */
const struct option_row *option_find(const char *name, int commands);

/* Defaults in every field. */
void options_init(struct options *options);
void options_finish(struct options *options);

/*
 * Settings from a file (NULL: the user's own, if there is one), then the command line: options and
 * other arguments in any order until "--". Of several mistakes in the file all but the last are
 * logged. argv[0] is skipped. Values point into argv, or live as
 * long as `options`.
 */
int options_read_settings(struct options *options, const char *path, struct err *err);
int options_parse(struct options *options, enum command_bit command, const char *command_name,
	int argc, char **argv, struct err *err);

enum option_origin options_origin(size_t row);
/* The value of a row as text, empty where there is none. */
void option_show(const struct options *options, const struct option_row *row, struct buf *out);
/* What the settings file calls it. */
const char *option_setting_name(const struct option_row *row);
/*
 * A value that a session remembers, under the option's name: weaker than the command line, stronger
 * than everything else. A name that is no such option is left alone: a later version may know it.
 */
int options_take_remembered(
	struct options *options, const char *name, const char *value, struct err *err);
/* Another value while the program runs, from now on as a session remembers it. */
int options_set(
	struct options *options, const struct option_row *row, const char *value, struct err *err);
/*
 * The values of all options and where they come from, to go back to: a session that is opened later
 * must not get what another one remembered. options_lower_flags() makes those of the command line
 * weaker than a session's, and not a reason to remember them.
 */
struct options_mark;
struct options_mark *options_mark(const struct options *options);
void options_return(struct options *options, const struct options_mark *mark);
void options_lower_flags(void);
void options_mark_free(struct options_mark *mark); /* NULL-safe */
/* The value of a row as options_take_remembered() reads it; items of a list are parted by line feeds. */
void option_remember(const struct options *options, const struct option_row *row, struct buf *out);
/* The user's settings file; malloc'ed, NULL where there is no home. */
char *options_settings_path(void);

#endif
