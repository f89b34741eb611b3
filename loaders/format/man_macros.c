/* The macros of man(7). */
#include "loaders/format/man_roff.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_STEP = 7 };

/* ---- text of arguments ---- */

void man_args_join(struct buf *text, const struct man_args *args, const char *between)
{
	for (size_t i = 0; i < args->n; i++) {
		buf_addstr(text, i ? between : "");
		buf_addstr(text, args->arg[i]);
	}
}

/* Arguments, joined by `between`, as one text. */
static void put_args(struct man *man, const struct man_args *args, const char *between)
{
	struct buf joined = BUF_INIT, text = BUF_INIT;
	int continues;

	man_args_join(&joined, args, between);
	continues = man_expand(man, &text, buf_str(&joined), joined.len);
	if (text.len) {
		man_layout_text(&man->layout, text.data, text.len);
		man->layout.glue = continues;
		man_layout_input_end(&man->layout);
	}
	buf_finish(&joined);
	buf_finish(&text);
}

/* ---- paragraphs ---- */

static void paragraph(struct man *man)
{
	man_layout_blank(&man->layout);
	man->is_tag_next = 0;
	man->body_indent = man->base_indent;
	man->layout.indent = man->base_indent;
}

static int step_of(struct man *man, const struct man_args *args, size_t i)
{
	int step = args->n > i ? man_indent_of(man, args->arg[i], DEFAULT_STEP) : DEFAULT_STEP;

	return step < 0 ? 0 : step;
}

static void tagged(struct man *man, const struct man_args *args)
{
	paragraph(man);
	man->body_indent = man->base_indent + step_of(man, args, 0);
	man->is_tag_next = 1;
}

static void indented(struct man *man, const struct man_args *args)
{
	int step = step_of(man, args, 1);
	struct buf tag = BUF_INIT;

	paragraph(man);
	man->body_indent = man->base_indent + step;
	if (args->n) {
		man_expand(man, &tag, args->arg[0], strlen(args->arg[0]));
	}
	if (tag.len) {
		man_layout_word(&man->layout, tag.data, tag.len, 0);
		man_layout_tag(&man->layout, man->body_indent);
	} else {
		man->layout.indent = man->body_indent;
	}
	buf_finish(&tag);
}

static void relative(struct man *man, const struct man_args *args, int begins)
{
	const int most = sizeof(man->indents) / sizeof(man->indents[0]);

	man_layout_break(&man->layout);
	if (begins) {
		if (man->n_indent < most) {
			man->indents[man->n_indent] = man->base_indent;
		}
		man->n_indent++;
		man->base_indent += step_of(man, args, 0);
	} else if (man->n_indent > 0) {
		man->n_indent--;
		if (man->n_indent < most) {
			man->base_indent = man->indents[man->n_indent];
		}
	}
	man->body_indent = man->base_indent;
	man->layout.indent = man->base_indent;
}

/* A heading is in the arguments or, where there are none, in the next line. */
static void heading(
	struct man *man, struct man_source *source, const struct man_args *args, int level)
{
	struct buf line = BUF_INIT, title = BUF_INIT;

	if (args->n) {
		man_args_join(&line, args, " ");
	} else if (man_next_line(source, &line) && line.len && line.data[0] == '.') {
		const char *space = strchr(line.data, ' '); /* .B title */
		struct man_args words = {{0}, 0};

		if (space) {
			man_args_split(&words, space, strlen(space));
		}
		buf_clear(&line);
		man_args_join(&line, &words, " ");
		man_args_finish(&words);
	}
	man_expand(man, &title, buf_str(&line), line.len);
	man->n_indent = 0;
	man->is_tag_next = 0;
	man->center_lines = 0;
	man_layout_heading(
		&man->layout, level, level == 1 ? 0 : MAN_SUBINDENT, buf_str(&title), title.len);
	man->base_indent = man->body_indent = man->layout.indent = MAN_INDENT;
	buf_finish(&line);
	buf_finish(&title);
}

/* ---- title and links ---- */

static void title(struct man *man, const struct man_args *args)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < 5; i++) {
		if (i < args->n) {
			man_expand(man, &text, args->arg[i], strlen(args->arg[i]));
			free(man->title[i]);
			man->title[i] = buf_take(&text);
		}
	}
}

static void link_begin(struct man *man, const struct man_args *args)
{
	struct buf text = BUF_INIT;

	if (args->n) {
		man_expand(man, &text, args->arg[0], strlen(args->arg[0]));
	}
	free(man->link);
	man->link = buf_take(&text);
}

/* <the address> behind what it is of; args: what follows without a space. */
static void link_end(struct man *man, const struct man_args *args)
{
	struct buf text = BUF_INIT, tail = BUF_INIT;

	if (man->link) {
		buf_printf(&text, "\xe2\x9f\xa8%s\xe2\x9f\xa9", man->link);
	}
	if (args->n) {
		man_expand(man, &tail, args->arg[0], strlen(args->arg[0]));
		buf_add(&text, buf_str(&tail), tail.len);
	}
	if (text.len) {
		man_layout_word(&man->layout, text.data, text.len, 0);
		man_layout_input_end(&man->layout);
	}
	free(man->link);
	man->link = NULL;
	buf_finish(&text);
	buf_finish(&tail);
}

/* .MR ls 1 , -> ls(1), */
static void reference(struct man *man, const struct man_args *args)
{
	struct man_args parts = {{0}, 0};

	for (size_t i = 0; i < args->n && i < 3; i++) {
		parts.arg[parts.n++] =
			i == 1 ? mem_printf("(%s)", args->arg[i]) : mem_strdup(args->arg[i]);
	}
	put_args(man, &parts, "");
	for (size_t i = 0; i < parts.n; i++) {
		free(parts.arg[i]);
	}
}

static void option(struct man *man, const struct man_args *args)
{
	struct buf line = BUF_INIT;
	struct man_args one = {{0}, 1};

	for (size_t i = 0; i < args->n; i++) {
		buf_printf(&line, "%s%s", i ? "\\ " : "[", args->arg[i]);
	}
	buf_addstr(&line, "]");
	one.arg[0] = line.data;
	put_args(man, &one, " ");
	buf_finish(&line);
}

int man_is_font_pair(const char *name)
{
	return strlen(name) == 2 && strchr("BIR", name[0]) && strchr("BIR", name[1]) &&
	       name[0] != name[1];
}

/* Equations are shown as they are written. */
static void equation(struct man *man, struct man_source *source)
{
	struct buf line = BUF_INIT;

	while (man_next_line(source, &line) && strncmp(buf_str(&line), ".EN", 3) != 0) {
		man_layout_text(&man->layout, buf_str(&line), line.len);
	}
	buf_finish(&line);
}

/* Displays, tables and what else is not a paragraph. */
static int display_macro(
	struct man *man, struct man_source *source, const char *name, struct man_args *args)
{
	if (strcmp(name, "TS") == 0) {
		man_tbl(man, source);
	} else if (strcmp(name, "EQ") == 0) {
		equation(man, source);
	} else if (strcmp(name, "EX") == 0 || strcmp(name, "EE") == 0) {
		man_layout_break(&man->layout);
		man->layout.is_filling = name[1] == 'E';
	} else if (strcmp(name, "UR") == 0 || strcmp(name, "MT") == 0) {
		link_begin(man, args);
	} else if (strcmp(name, "UE") == 0 || strcmp(name, "ME") == 0) {
		link_end(man, args);
	} else if (strcmp(name, "MR") == 0) {
		reference(man, args);
	} else if (strcmp(name, "SY") == 0) {
		man_layout_break(&man->layout);
		put_args(man, args, " ");
	} else if (strcmp(name, "YS") == 0) {
		man_layout_break(&man->layout);
	} else if (strcmp(name, "OP") == 0) {
		option(man, args);
	} else {
		static const char *const quiet[] = {"DT", "PD", "UC", "AT", "TE", "EN", "T&"};

		for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
			if (strcmp(name, quiet[i]) == 0) {
				return 1;
			}
		}
		return 0;
	}
	return 1;
}

int man_macro(struct man *man, struct man_source *source, const char *name, struct man_args *args)
{
	if (man_is_font_pair(name)) {
		put_args(man, args, "");
	} else if (strcmp(name, "B") == 0 || strcmp(name, "I") == 0 || strcmp(name, "R") == 0 ||
		   strcmp(name, "SM") == 0 || strcmp(name, "SB") == 0) {
		put_args(man, args, " ");
	} else if (strcmp(name, "PP") == 0 || strcmp(name, "P") == 0 || strcmp(name, "LP") == 0 ||
		   strcmp(name, "HP") == 0) {
		paragraph(man);
	} else if (strcmp(name, "TP") == 0) {
		tagged(man, args);
	} else if (strcmp(name, "TQ") == 0) {
		man_layout_break(&man->layout);
		man->layout.indent = man->base_indent;
		man->is_tag_next = 1;
	} else if (strcmp(name, "IP") == 0) {
		indented(man, args);
	} else if (strcmp(name, "RS") == 0 || strcmp(name, "RE") == 0) {
		relative(man, args, name[1] == 'S');
	} else if (strcmp(name, "SH") == 0 || strcmp(name, "SS") == 0) {
		heading(man, source, args, name[1] == 'H' ? 1 : 2);
	} else if (strcmp(name, "TH") == 0) {
		title(man, args);
	} else {
		return display_macro(man, source, name, args);
	}
	return 1;
}
