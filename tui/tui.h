/*
 * The workbench on a terminal (design.md section 5): all of tui/ behind one call. What it shows and
 * does goes through session/desk.h; cli/ says how sessions and engines are opened.
 */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include "base/err.h"
#include "session/desk.h"

struct tui_config {
	const struct desk_host *host;
	const char *const *path; /* to load first */
	size_t n_path;
	const char *theme; /* a name or a path; NULL: "default" */
	const char *
		theme_dir; /* where the themes that came with carrel are; NULL: those compiled in */
	const char *history;   /* file of what was typed; NULL: none is kept */
	const char *settings;  /* the settings file, whose [keys] are read; NULL: none */
	const char *kv_folder; /* where KV is kept from run to run; NULL: nowhere */
	int no_model;          /* nobody configured one: say how */
	/* For completion: the n-th name, NULL ends them; malloc'ed. */
	char *(*session_name)(void *arg, size_t n);
	char *(*model_name)(void *arg, size_t n);
	char *(*setting_name)(void *arg, size_t n);
	void *arg;
};

/* Whether this terminal can show it: TERM is known and can move its cursor. Else *why is a clause. */
int tui_can_run(const char **why);
/* Until the user leaves. The terminal is as it was on every way out, fatal signals included. */
int tui_run(const struct tui_config *config, struct err *err);

#endif
