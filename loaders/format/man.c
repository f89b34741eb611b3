/*
 * Manual pages, of man(7) and mdoc(7). No groff can be run where untrusted files are read, so the text
 * is made here, in the shape that man(1) prints: without hyphenation, page breaks and fonts.
 */
#include "loaders/format/format.h"

#include "loaders/format/man_mdoc_names.h"
#include "loaders/format/man_roff.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	PROBE_BYTES = 64 << 10, /* pod2man's title stands behind 130 lines of definitions */
	BUDGET_FACTOR = 32,     /* what definitions may make of a page */
	BUDGET_BYTES = 1 << 20,
};

/* ls.1, open.3p, Pod::Man.3pm, x.man, x.mdoc */
static int is_page_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	if (!dot || dot == name) {
		return 0;
	}
	return (dot[1] >= '1' && dot[1] <= '9' && strlen(dot + 1) <= 12 &&
		       strspn(dot + 2, "0123456789") == 0) ||
	       strcasecmp(dot + 1, "man") == 0 || strcasecmp(dot + 1, "mdoc") == 0;
}

/* The first macro that only pages have: 'T' of .TH, 'D' of .Dd, 's' of .so; 0. */
static char first_macro(const char *data, size_t len)
{
	const char *at = data, *end = data + (len < PROBE_BYTES ? len : PROBE_BYTES);

	while (at && end - at >= 3) {
		if (memcmp(at, ".TH", 3) == 0 || memcmp(at, "'TH", 3) == 0 ||
			memcmp(at, ".SH", 3) == 0) {
			return 'T';
		}
		if (memcmp(at, ".Dd", 3) == 0 || memcmp(at, ".Dt", 3) == 0) {
			return 'D';
		}
		if (memcmp(at, ".so", 3) == 0) {
			return 's';
		}
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return 0;
}

static int man_probe(const struct input *input)
{
	return input->root_fd < 0 && input->len && is_page_name(input->path) &&
			       first_macro(input->data, input->len)
		       ? 3
		       : 0;
}

static void man_finish(struct man *man)
{
	man_layout_finish(&man->layout);
	man_table_finish(&man->macros);
	man_table_finish(&man->strings);
	man_table_finish(&man->registers);
	man_mdoc_destroy(man->mdoc);
	free(man->link);
	for (size_t i = 0; i < ARRAY_LEN(man->title); i++) {
		free(man->title[i]);
	}
}

/* Left, in the middle, right, as the first and the last line of a page are. */
static void put_titles(struct buf *text, const char *left, const char *middle, const char *right)
{
	int columns = man_columns(left, strlen(left)) + man_columns(middle, strlen(middle)) +
		      man_columns(right, strlen(right));
	int space = columns + 4 < MAN_WIDTH ? MAN_WIDTH - columns : 4;

	buf_printf(text, "%s%*s%s%*s%s", left, space / 2, "", middle, space - space / 2, "", right);
	for (size_t i = 0; i < text->len; i++) {
		text->data[i] = (char)(text->data[i] == MAN_FIXED_SPACE ? ' ' : text->data[i]);
	}
	while (text->len && text->data[text->len - 1] == ' ') {
		text->data[--text->len] = 0;
	}
	buf_addch(text, '\n');
}

static const char *title_of(const struct man *man, size_t i)
{
	return man->title[i] ? man->title[i] : "";
}

/* The page with its first and last line. */
static void put_page(struct man *man, struct whole_reader *whole)
{
	const char *section = title_of(man, 1);
	const char *manual = man->title[4] ? man->title[4] : mdoc_volume(section);
	char *name = mem_printf("%s(%s)", title_of(man, 0), section);
	char *middle = mem_printf("%s%s%s", man->mdoc ? title_of(man, 3) : "",
		man->mdoc && man->title[3] ? " " : "", manual);

	if (man->title[0]) {
		put_titles(&whole->text, name, middle, name);
		buf_addch(&whole->text, '\n');
		for (size_t i = 0; i < whole->outline.n_heading; i++) {
			whole->outline.heading[i].line += 2;
		}
	}
	buf_add(&whole->text, buf_str(&man->layout.text), man->layout.text.len);
	if (man->title[0]) {
		struct buf last = BUF_INIT;

		buf_addch(&whole->text, '\n');
		put_titles(&last, title_of(man, 3), title_of(man, 2),
			man->mdoc ? title_of(man, 3) : name);
		buf_add(&whole->text, buf_str(&last), last.len);
		buf_finish(&last);
	}
	free(name);
	free(middle);
}

static int man_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct man man = {.control = '.', .base_indent = MAN_INDENT, .body_indent = MAN_INDENT};
	struct whole_reader *whole = whole_reader_create(DOCUMENT_TEXT);
	struct buf source = BUF_INIT;
	struct man_source lines;

	if (format_text(&source, &whole->reader.encoding, input, skip) < 0) {
		whole_reader_close(&whole->reader);
		return -1;
	}
	man_layout_begin(&man.layout, &whole->outline);
	man.budget_bytes = BUDGET_BYTES + BUDGET_FACTOR * source.len;
	man.mdoc = first_macro(buf_str(&source), source.len) == 'D' ? man_mdoc_create() : NULL;
	lines = (struct man_source){buf_str(&source), buf_str(&source) + source.len};
	man_run(&man, &lines);
	if (man.mdoc) {
		man_mdoc_end(&man);
	}
	man_layout_break(&man.layout);
	put_page(&man, whole);
	if (man.is_cut) {
		skip_set(whole_reader_leave_out(whole), SKIP_UNREADABLE,
			"has macros that call each other without end: what they show is left out");
	}
	man_finish(&man);
	buf_finish(&source);
	*reader = &whole->reader;
	return 0;
}

const struct loader loader_man = {
	.name = "man",
	.probe = man_probe,
	.open = man_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
