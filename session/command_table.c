#include "session/command_table.h"

#include <string.h>

const struct slash_row slash_table[SLASH_COUNT] = {
	{SLASH_AGAIN, "again", "HOW", SLASH_WORD, "sweep select auto", SLASH_BOTH,
		"ask the last question again, beside its answer: at a temperature (0.7), or by "
		"sweep or select"},
	{SLASH_COPY, "copy", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"copy the last answer, or what the cursor is on"},
	{SLASH_DROP, "drop", "S2...", SLASH_SOURCE, NULL, SLASH_BOTH,
		"take sources out of the session, their text for good"},
	{SLASH_EDIT, "edit", "N", SLASH_TURN, NULL, SLASH_BOTH,
		"ask in place of turn N, beside what was said there"},
	{SLASH_ENGINE, "engine", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"show the engine: model, devices, speed, KV"},
	{SLASH_EXPORT, "export", "FORM PATH", SLASH_WORD, "md json html", SLASH_WORKBENCH,
		"write the conversation to a file: md, json or html"},
	{SLASH_FIND, "find", "WORDS", SLASH_ANY, NULL, SLASH_WORKBENCH,
		"search the sources and turns of the session"},
	{SLASH_FORK, "fork", "N", SLASH_TURN, NULL, SLASH_WORKBENCH,
		"ask beside what followed turn N"},
	{SLASH_HELP, "help", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH, "show these commands"},
	{SLASH_INDEX, "index", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"make the search index of the sources now"},
	{SLASH_LOAD, "load", "PATH...", SLASH_PATH, NULL, SLASH_BOTH,
		"add files or folders to the sources"},
	{SLASH_LOG, "log", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH, "show what was said"},
	{SLASH_MODEL, "model", "NAME", SLASH_MODEL_NAME, NULL, SLASH_WORKBENCH,
		"go on with another model, by its name or its path"},
	{SLASH_NEW, "new", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH, "begin another session"},
	{SLASH_OPEN, "open", "S1 PLACE", SLASH_SOURCE, NULL, SLASH_WORKBENCH,
		"read a source, from a line, a page or a time on"},
	{SLASH_OVER, "over", "MODE", SLASH_WORD, "fail select sweep auto", SLASH_BOTH,
		"read what the window does not hold by sweep, select or auto, or fail"},
	{SLASH_PLAN, "plan", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"show what it would cost to read it all, and what select would read"},
	{SLASH_PREFILL, "prefill", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"compute now what stands in front of the next question"},
	{SLASH_QUIT, "quit", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH, "leave (so does Ctrl-D)"},
	{SLASH_RAW, "raw", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"show answers as they were written, or rendered"},
	{SLASH_REFRESH, "refresh", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"read the sources again: what changed follows as an update"},
	{SLASH_RENAME, "rename", "NAME", SLASH_ANY, NULL, SLASH_BOTH,
		"call the session something else"},
	{SLASH_REPACK, "repack", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"gather late sources and updates in front again"},
	{SLASH_SESSION, "session", "NAME", SLASH_SESSION_NAME, NULL, SLASH_BOTH,
		"show what the session holds and what is cached of it; with NAME go on with that "
		"one"},
	{SLASH_SESSIONS, "sessions", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"show the sessions"},
	{SLASH_SET, "set", "NAME VALUE", SLASH_SETTING, NULL, SLASH_WORKBENCH,
		"change a setting of the session, by the name of its option"},
	{SLASH_SOURCES, "sources", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"show the sources and what they cost"},
	{SLASH_STOP, "stop", "", SLASH_NO_ARGUMENT, NULL, SLASH_WORKBENCH,
		"stop what is under way and what waits"},
	{SLASH_SWITCH, "switch", "N", SLASH_TURN, NULL, SLASH_BOTH, "go on behind turn N"},
	{SLASH_THEME, "theme", "NAME", SLASH_THEME_NAME, NULL, SLASH_WORKBENCH,
		"show it in other colours"},
	{SLASH_THINKING, "thinking", "", SLASH_NO_ARGUMENT, NULL, SLASH_BOTH,
		"show what the model thought before its last answer"},
	{SLASH_TURNS, "turns", "N", SLASH_TURN, NULL, SLASH_BOTH,
		"show the turns, and which way led here; with N that turn whole"},
};

/* The row of the whole name, else the only one that begins so; NULL. */
static const struct slash_row *find_row(const char *name, size_t len, enum slash_where where)
{
	const struct slash_row *begun = NULL;
	size_t n_begun = 0;

	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		if (!(row->where & where) || strncmp(row->name, name, len) != 0) {
			continue;
		}
		if (!row->name[len]) {
			return row;
		}
		begun = row;
		n_begun++;
	}
	return n_begun == 1 && len ? begun : NULL;
}

const struct slash_row *slash_find(const char *line, enum slash_where where, const char **argument)
{
	static const char space[] = " \t";
	const char *name = line + strspn(line, space);
	size_t len = strcspn(name, " \t");

	*argument = name + len + strspn(name + len, space);
	return find_row(name, len, where);
}
