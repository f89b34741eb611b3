/* What a session shows that nothing was said in: what to do first. */
#include "tui/view_chat_internal.h"

#include <string.h>

static void add_line(struct styled *out, enum element element, const char *text)
{
	styled_add(out, element, text, strlen(text));
	styled_end_block(out, 0, 0, 0);
}

/* "/load PATH...      reads ...": what is typed, and what it does. */
static void add_hint(struct styled *out, const char *typed, const char *does)
{
	enum { COLUMNS = 16 };
	int n = (int)strlen(typed);

	styled_add(out, ELEMENT_HINT_KEY, typed, (size_t)n);
	for (; n < COLUMNS; n++) {
		styled_add(out, ELEMENT_TEXT, " ", 1);
	}
	styled_add(out, ELEMENT_TEXT, does, strlen(does));
	styled_end_block(out, 2, COLUMNS + 2, 0);
}

static void add_sources(const struct chat *chat, struct styled *out)
{
	size_t n = chat->state->n_source;
	struct buf line = BUF_INIT;

	if (n) {
		buf_printf(&line, "%zu source%s loaded. Type a question and press Enter.", n,
			n == 1 ? " is" : "s are");
		add_line(out, ELEMENT_TEXT, buf_str(&line));
	} else {
		add_line(out, ELEMENT_TEXT,
			"A desk for reading: load files, ask about them, follow each answer to the "
			"lines that it quotes.");
	}
	buf_finish(&line);
}

static void add_first_start(struct styled *out)
{
	add_line(out, ELEMENT_NOTE,
		"No model is set up, so the built-in reading model answers: from your documents "
		"only, by quoting them. To use a bigger one:");
	add_hint(out, "carrel models add PATH", " in a shell: a GGUF file, or a model's folder");
	add_hint(out, "/model NAME", "here: one of those that were added, or a path");
	add_line(out, ELEMENT_TEXT, "");
}

void chat_greeting(const struct chat *chat, struct styled *out)
{
	if (chat->state->n_turn) { /* a fork at the first question */
		add_line(out, ELEMENT_DIM,
			"The next question begins anew; /turns shows what was said before.");
		return;
	}
	add_line(out, ELEMENT_HEADING, "Welcome to carrel.");
	add_line(out, ELEMENT_TEXT, "");
	add_sources(chat, out);
	add_line(out, ELEMENT_TEXT, "");
	if (chat->view.app->config->no_model) {
		add_first_start(out);
	}
	add_hint(out, "/load PATH...", "load files or folders: text, code, PDF, HTML, transcripts");
	add_hint(out, "Enter", "asks what you typed; Tab completes, Alt-Enter makes a new line");
	add_hint(out, "Esc", "browse: Tab goes to a citation, Enter opens it, i returns");
	add_hint(out, "F1", "shows all keys; F10 leaves, and everything is kept");
}
