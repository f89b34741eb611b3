/*
 * The /commands of a conversation, in one table: the workbench and the line-mode chat carry them out,
 * help, completion and carrel-keys(7) are made of it.
 */
#ifndef SESSION_COMMAND_TABLE_H
#define SESSION_COMMAND_TABLE_H

#include <stddef.h>

enum slash { /* alphabetical, as the table is */
	SLASH_AGAIN,
	SLASH_COPY,
	SLASH_DROP,
	SLASH_EDIT,
	SLASH_ENGINE,
	SLASH_EXPORT,
	SLASH_FIND,
	SLASH_FORK,
	SLASH_HELP,
	SLASH_INDEX,
	SLASH_LOAD,
	SLASH_LOG,
	SLASH_MODEL,
	SLASH_NEW,
	SLASH_OPEN,
	SLASH_OVER,
	SLASH_PLAN,
	SLASH_PREFILL,
	SLASH_QUIT,
	SLASH_RAW,
	SLASH_REFRESH,
	SLASH_RENAME,
	SLASH_REPACK,
	SLASH_SESSION,
	SLASH_SESSIONS,
	SLASH_SET,
	SLASH_SOURCES,
	SLASH_STOP,
	SLASH_SWITCH,
	SLASH_THEME,
	SLASH_THINKING,
	SLASH_TURNS,
	SLASH_COUNT,
};

/* What can stand behind a command, and so what Tab completes there. */
enum slash_argument {
	SLASH_NO_ARGUMENT,
	SLASH_ANY, /* nothing is completed */
	SLASH_PATH,
	SLASH_SOURCE, /* S1 */
	SLASH_TURN,   /* its number */
	SLASH_SESSION_NAME,
	SLASH_MODEL_NAME,
	SLASH_THEME_NAME,
	SLASH_SETTING, /* NAME VALUE */
	SLASH_WORD,    /* one of `words` */
};
enum slash_where { SLASH_LINE = 1, SLASH_WORKBENCH = 2, SLASH_BOTH = 3 };

struct slash_row {
	enum slash slash;
	const char *name;     /* without the / */
	const char *argument; /* as help shows it: "PATH"; "" for none */
	enum slash_argument kind;
	const char *words; /* of SLASH_WORD, parted by spaces; else NULL */
	enum slash_where where;
	const char *help;
};
extern const struct slash_row slash_table[SLASH_COUNT];

/*
 * The row of what stands behind the / or the : of a line, by its whole name or the only one that it
 * begins; NULL for none. *argument is what follows, "" for nothing.
 */
const struct slash_row *slash_find(const char *line, enum slash_where where, const char **argument);

#endif
