/*
 * Keys and what they do, in one table: dispatch, the help view, key hints, carrel-keys(7) and the
 * [keys] section of the settings file read it. A row: the action, its name in the settings file, the
 * keys by default, in which views it works, and what help says.
 *
 * A key is written as in the settings file: "a", "A", "^A" (Ctrl), "M-a" (Alt), "F1", "Up", "PgDn",
 * "Home", "Enter", "Tab", "Esc", "Space", "Backspace", "Delete".
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum key_special {
	KEY_NONE,
	KEY_FUNCTION, /* number 1..12 in `cp` */
	KEY_CURSOR_UP,
	KEY_CURSOR_DOWN,
	KEY_CURSOR_LEFT,
	KEY_CURSOR_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_LINE_HOME,
	KEY_LINE_END,
	KEY_INSERT_CHAR,
	KEY_DELETE_CHAR,
	KEY_BACK_TAB,
	KEY_PASTE,   /* `bytes`: a piece of a bracketed paste; is_last at its end */
	KEY_UNKNOWN, /* a sequence that nobody knows: ignored, whole */
};
/* What was pressed, as tui/keyboard.h reads it. (Not curses' names: both are never included.) */
struct key {
	enum key_special special;
	uint32_t cp; /* the character, where special is KEY_NONE: Ctrl-A is 1, Enter 13, Esc 27 */
	int alt, ctrl, shift;
	const char *bytes; /* as they came, for readline; borrowed until the next key */
	size_t len;
	int is_last;
};

/* Views as bits. */
enum view_bit {
	VIEW_CHAT = 1 << 0,
	VIEW_SOURCES = 1 << 1,
	VIEW_READER = 1 << 2,
	VIEW_TREE = 1 << 3,
	VIEW_SESSIONS = 1 << 4,
	VIEW_ENGINE = 1 << 5,
	VIEW_LOG = 1 << 6,
	VIEW_HELP = 1 << 7,
	VIEW_FIND = 1 << 8,
	VIEW_LISTS = VIEW_SOURCES | VIEW_TREE | VIEW_SESSIONS | VIEW_ENGINE | VIEW_LOG | VIEW_HELP |
		     VIEW_FIND,
	VIEW_ALL = (1 << 9) - 1,
};
/* When a key of a row is heard. */
enum key_when {
	KEYS_ALWAYS, /* also while a question is being typed: function keys, Ctrl-C */
	KEYS_BROWSE, /* when browsing, or in a view that is no chat */
};

/*  X(ACTION, "name", when, views, "keys", "help") */
#define KEY_ROWS(X)                                                                                \
	X(HELP, "help", KEYS_ALWAYS, VIEW_ALL, "F1", "the keys of this view")                      \
	X(SHOW_SOURCES, "sources", KEYS_ALWAYS, VIEW_ALL, "F2", "the sources")                     \
	X(FIND, "find", KEYS_ALWAYS, VIEW_ALL, "F3",                                               \
		"search this view; in the chat: all of the session")                               \
	X(SHOW_CHAT, "chat", KEYS_ALWAYS, VIEW_ALL, "F4", "the conversation")                      \
	X(SHOW_TREE, "tree", KEYS_ALWAYS, VIEW_ALL, "F5", "the tree of turns")                     \
	X(SHOW_ENGINE, "engine", KEYS_ALWAYS, VIEW_ALL, "F6", "the engine")                        \
	X(SHOW_SESSIONS, "sessions", KEYS_ALWAYS, VIEW_ALL, "F7", "the sessions")                  \
	X(SHOW_LOG, "log", KEYS_ALWAYS, VIEW_ALL, "F8", "what was said")                           \
	X(NEXT_PANE, "next-pane", KEYS_ALWAYS, VIEW_ALL, "F9",                                     \
		"the other view, where two are side by side")                                      \
	X(QUIT, "quit", KEYS_ALWAYS, VIEW_ALL, "F10", "leave; everything is kept")                 \
	X(STOP, "stop", KEYS_ALWAYS, VIEW_ALL, "^C", "stop what is under way, keeping what came")  \
	X(REDRAW, "redraw", KEYS_ALWAYS, VIEW_ALL, "^L", "draw the screen anew")                   \
	X(SUSPEND, "suspend", KEYS_ALWAYS, VIEW_ALL, "^Z", "back to the shell; fg returns")        \
	X(PAGE_UP, "page-up", KEYS_ALWAYS, VIEW_ALL, "PgUp", "a page back")                        \
	X(PAGE_DOWN, "page-down", KEYS_ALWAYS, VIEW_ALL, "PgDn", "a page on")                      \
	X(BROWSE, "browse", KEYS_ALWAYS, VIEW_CHAT, "Esc", "leave the input line to browse")       \
	X(TYPE, "type", KEYS_BROWSE, VIEW_ALL, "i", "back to the input line")                      \
	X(COMMAND, "command", KEYS_BROWSE, VIEW_ALL, ":", "a command")                             \
	X(CLOSE, "close", KEYS_BROWSE, VIEW_ALL & ~VIEW_CHAT, "q Esc", "close this view")          \
	X(HELP_HERE, "help-here", KEYS_BROWSE, VIEW_ALL, "?", "the keys of this view")             \
	X(UP, "up", KEYS_BROWSE, VIEW_ALL, "k Up", "a line back")                                  \
	X(DOWN, "down", KEYS_BROWSE, VIEW_ALL, "j Down", "a line on")                              \
	X(HALF_UP, "half-up", KEYS_BROWSE, VIEW_ALL, "^U", "half a page back")                     \
	X(HALF_DOWN, "half-down", KEYS_BROWSE, VIEW_ALL, "^D", "half a page on")                   \
	X(SPACE_DOWN, "space-down", KEYS_BROWSE, VIEW_ALL & ~VIEW_SOURCES, "Space", "a page on")   \
	X(FIRST, "first", KEYS_BROWSE, VIEW_ALL, "g Home", "the beginning")                        \
	X(LAST, "last", KEYS_BROWSE, VIEW_ALL, "G End", "the end")                                 \
	X(LEFT, "left", KEYS_BROWSE, VIEW_ALL, "h Left", "left; fold")                             \
	X(RIGHT, "right", KEYS_BROWSE, VIEW_ALL, "l Right", "right; unfold")                       \
	X(OPEN, "open", KEYS_BROWSE, VIEW_ALL, "Enter", "open what the cursor is on")              \
	X(SEARCH, "search", KEYS_BROWSE, VIEW_ALL, "/", "search")                                  \
	X(SEARCH_BACK, "search-back", KEYS_BROWSE, VIEW_ALL, "M-/", "search backwards")            \
	X(SEARCH_NEXT, "search-next", KEYS_BROWSE, VIEW_ALL, "n", "the next match")                \
	X(SEARCH_PREVIOUS, "search-previous", KEYS_BROWSE, VIEW_ALL, "N", "the match before")      \
	X(COPY, "copy", KEYS_BROWSE, VIEW_ALL, "y", "copy: the answer, the lines, the name")       \
	X(NEXT_TURN, "next-turn", KEYS_BROWSE, VIEW_CHAT | VIEW_READER, "]",                       \
		"the next turn, page or file")                                                     \
	X(PREVIOUS_TURN, "previous-turn", KEYS_BROWSE, VIEW_CHAT | VIEW_READER, "[",               \
		"the turn, page or file before")                                                   \
	X(NEXT_CITATION, "next-citation", KEYS_BROWSE, VIEW_CHAT | VIEW_READER, "Tab",             \
		"the next citation")                                                               \
	X(PREVIOUS_CITATION, "previous-citation", KEYS_BROWSE, VIEW_CHAT | VIEW_READER, "BackTab", \
		"the citation before")                                                             \
	X(EDIT, "edit", KEYS_BROWSE, VIEW_CHAT | VIEW_TREE, "e",                                   \
		"edit this question and ask in its place")                                         \
	X(FORK, "fork", KEYS_BROWSE, VIEW_CHAT | VIEW_TREE, "f", "go on behind this turn")         \
	X(AGAIN, "again", KEYS_BROWSE, VIEW_CHAT, "a", "ask the last question again")              \
	X(RAW, "raw", KEYS_BROWSE, VIEW_CHAT | VIEW_READER, "r", "the text as it is, or rendered") \
	X(THINKING, "thinking", KEYS_BROWSE, VIEW_CHAT, "t", "unfold what the model thought")      \
	X(TAG, "tag", KEYS_BROWSE, VIEW_SOURCES, "Space", "tag for a drop")                        \
	X(DROP, "drop", KEYS_BROWSE, VIEW_SOURCES, "d", "drop what is tagged, or this one")        \
	X(REFRESH, "refresh", KEYS_BROWSE, VIEW_SOURCES, "R", "read the sources again")            \
	X(REPACK, "repack", KEYS_BROWSE, VIEW_SOURCES, "P", "gather late sources in front")        \
	X(PREVIEW, "preview", KEYS_BROWSE, VIEW_SOURCES, "p", "show its text beside the list")     \
	X(GO_TO, "go-to", KEYS_BROWSE, VIEW_READER, "#", "go to a page, a line or a time")         \
	X(OUTLINE, "outline", KEYS_BROWSE, VIEW_READER, "o", "headings, files or pages")           \
	X(WRAP, "wrap", KEYS_BROWSE, VIEW_READER, "w", "wrap long lines or not")                   \
	X(RENAME, "rename", KEYS_BROWSE, VIEW_SESSIONS, "r", "rename this session")                \
	X(FORK_SESSION, "fork-session", KEYS_BROWSE, VIEW_SESSIONS, "f", "copy this session")      \
	X(SEARCH_ALL, "search-all", KEYS_BROWSE, VIEW_SESSIONS, "s", "search all sessions")

enum action {
	ACTION_NONE,
#define KEY_ENUMERATOR(action, name, when, views, keys, help) ACTION_##action,
	KEY_ROWS(KEY_ENUMERATOR)
#undef KEY_ENUMERATOR
		ACTION_COUNT
};
struct key_row {
	enum action action;
	const char *name;
	enum key_when when;
	int views;
	const char *keys; /* by default, parted by spaces */
	const char *help;
};
extern const struct key_row key_table[]; /* [ACTION_COUNT], by action; the first is empty */

struct keys; /* what each key does now */
struct keys *keys_create(void);
void keys_destroy(struct keys *keys);
/*
 * "drop = D ^X": instead of the default; "" for none. A name, a key or a clash that is none is
 * ERR_USAGE.
 */
int keys_bind(struct keys *keys, const char *name, const char *value, struct err *err);
/* [keys] of a settings file; mistakes are logged with their line, and the others hold. */
int keys_read(struct keys *keys, const char *path, struct err *err);
/* What the key does in a view; `is_typing`: only rows of KEYS_ALWAYS are heard. */
enum action keys_action(
	const struct keys *keys, const struct key *key, enum view_bit view, int is_typing);
/* "d", "^C": the keys of an action now, parted by spaces; borrowed. */
const char *keys_of(const struct keys *keys, enum action action);

#endif
