/*
 * What can be coloured: one row each, so that themes, the drawing code and carrel-config(5) have the
 * same names. A run of text has one element; a theme says which attributes that is.
 */
#ifndef TUI_ELEMENT_H
#define TUI_ELEMENT_H

/*  X(enumerator, "name in themes") */
#define ELEMENTS(X)                                                                                \
	X(TEXT, "text")                                                                            \
	X(DIM, "dim")                                                                              \
	X(TITLE, "title")                                                                          \
	X(STATUS, "status")                                                                        \
	X(HINT, "hint")                                                                            \
	X(HINT_KEY, "hint-key")                                                                    \
	X(METER, "meter")                                                                          \
	X(METER_USED, "meter-used")                                                                \
	X(METER_FULL, "meter-full")                                                                \
	X(PROGRESS, "progress")                                                                    \
	X(PROMPT, "prompt")                                                                        \
	X(INPUT, "input")                                                                          \
	X(COST, "cost")                                                                            \
	X(MENU, "menu")                                                                            \
	X(MENU_CURSOR, "menu-cursor")                                                              \
	X(CURSOR, "cursor")                                                                        \
	X(TAGGED, "tagged")                                                                        \
	X(BORDER, "border")                                                                        \
	X(USER, "user")                                                                            \
	X(MODEL, "model")                                                                          \
	X(THINKING, "thinking")                                                                    \
	X(HEADING, "heading")                                                                      \
	X(STRONG, "strong")                                                                        \
	X(EMPHASIS, "emphasis")                                                                    \
	X(CODE, "code")                                                                            \
	X(CODE_BLOCK, "code-block")                                                                \
	X(LINK, "link")                                                                            \
	X(BLOCK_QUOTE, "block-quote")                                                              \
	X(TABLE, "table")                                                                          \
	X(LINE_NUMBER, "line-number")                                                              \
	X(QUOTED, "quoted")                                                                        \
	X(FOUND, "found")                                                                          \
	X(FOUND_CURRENT, "found-current")                                                          \
	X(ESCAPED, "escaped")                                                                      \
	X(VERIFIED, "verified")                                                                    \
	X(MOVED, "moved")                                                                          \
	X(AMBIGUOUS, "ambiguous")                                                                  \
	X(NOT_FOUND, "not-found")                                                                  \
	X(SUPERSEDED, "superseded")                                                                \
	X(KV_MEMORY, "kv-memory")                                                                  \
	X(KV_DISK, "kv-disk")                                                                      \
	X(KV_ABSENT, "kv-absent")                                                                  \
	X(STALE, "stale")                                                                          \
	X(NOTE, "note")                                                                            \
	X(ERROR, "error")

enum element {
#define ELEMENT_ENUMERATOR(upper, name) ELEMENT_##upper,
	ELEMENTS(ELEMENT_ENUMERATOR)
#undef ELEMENT_ENUMERATOR
		ELEMENT_COUNT
};
const char *element_name(enum element element);
/* -1 for a name that is none. */
int element_find(const char *name);

#endif
