/* The writer of Markdown-like text: lines, white space, blocks. Tables are in markup_table.c. */
#include "loaders/format/markup_state.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct markup *markup_create(void)
{
	struct markup *markup = mem_zero(1, sizeof(*markup));

	markup->flow = &markup->body;
	return markup;
}

void markup_destroy(struct markup *markup)
{
	if (markup) {
		buf_finish(&markup->body.text);
		buf_finish(&markup->cell.text);
		buf_finish(&markup->note.text);
		document_finish(&markup->outline);
		free(markup->scope);
		buf_finish(&markup->first);
		buf_finish(&markup->link);
		buf_finish(&markup->notes);
		buf_finish(&markup->table.cells);
		free(markup);
	}
}

size_t markup_bytes(const struct markup *markup)
{
	return markup->body.text.len + markup->cell.text.len + markup->note.text.len +
	       markup->notes.len + markup->table.cells.len;
}

void markup_flow_clear(struct markup_flow *flow)
{
	buf_clear(&flow->text);
	flow->last = 0;
	flow->space = flow->has_newline = flow->script = 0;
	flow->struck_end = 0;
}

/* ---- lines of the body ---- */

void markup_breaks(struct markup *markup, int breaks)
{
	if (markup->flow != &markup->body || markup->heading_level) {
		markup->flow->space = 1;
		return;
	}
	/* The first block of an item stands beside its marker. */
	if (markup->breaks < breaks && !markup->first.len) {
		markup->breaks = breaks;
	}
	markup->has_br = 0;
	markup->body.space = 0;
}

static void write_newline(struct markup *markup)
{
	buf_addch(&markup->body.text, '\n');
	markup->n_newline++;
}

/* What the lines before and behind share; a blank line does not end in a space. */
static void write_blank_prefix(struct markup *markup)
{
	size_t len = markup->blank_len;

	while (len && markup->prefix[len - 1] == ' ') {
		len--;
	}
	buf_add(&markup->body.text, markup->prefix, len);
}

static void write_prefix(struct markup *markup)
{
	if (markup->first.len) {
		buf_add(&markup->body.text, markup->first.data, markup->first.len);
		buf_clear(&markup->first);
	} else {
		buf_add(&markup->body.text, markup->prefix, markup->prefix_len);
	}
	markup->blank_len = markup->prefix_len;
}

static void write_notes(struct markup *markup)
{
	struct buf notes = markup->notes;

	markup->notes = BUF_INIT;
	for (size_t at = 0; at < notes.len;) {
		const char *end = memchr(notes.data + at, '\n', notes.len - at);
		size_t len = (size_t)(end - notes.data) - at;

		write_newline(markup);
		if (at == 0) {
			write_blank_prefix(markup);
			write_newline(markup);
		}
		buf_add(&markup->body.text, markup->prefix, markup->blank_len);
		buf_add(&markup->body.text, notes.data + at, len);
		at += len + 1;
	}
	buf_finish(&notes);
}

void markup_begin_text(struct markup *markup)
{
	if (!markup->body.text.len) {
		write_prefix(markup);
	} else if (markup->breaks) {
		if (markup->notes.len && markup->breaks > 1) {
			write_notes(markup);
		}
		write_newline(markup);
		if (markup->breaks > 1) {
			write_blank_prefix(markup);
			write_newline(markup);
		}
		write_prefix(markup);
		markup->body.last = 0;
	}
	markup->breaks = 0;
	markup->has_br = 0;
	if (markup->heading_level && !markup->heading_open) {
		markup->heading_open = 1;
		for (int i = 0; i < markup->heading_level && i < 6; i++) {
			buf_addch(&markup->body.text, '#');
		}
		buf_addch(&markup->body.text, ' ');
		markup->heading_at = markup->body.text.len;
		markup->heading_line = markup->n_newline + 1;
		markup->body.last = 0;
	}
}

void markup_whole_line(struct markup *markup, const char *text, size_t len)
{
	markup_begin_text(markup);
	buf_add(&markup->body.text, text, len);
	markup->breaks = 1;
	markup->body.space = 0;
}

/* ---- text ---- */

/* Characters between which a line break of the source is no space. */
static int is_chinese_or_japanese(uint32_t cp)
{
	return (cp >= 0x2e80 && cp <= 0x312f) || (cp >= 0x3190 && cp <= 0x4dbf) ||
	       (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0xf900 && cp <= 0xfaff) ||
	       (cp >= 0xff01 && cp <= 0xff60) || (cp >= 0x20000 && cp <= 0x3ffff);
}

static void write_pending_space(struct markup *markup, struct markup_flow *flow, uint32_t next)
{
	if (flow == &markup->body) {
		if (markup->table.n_cell) {
			markup_table_to_layout(markup); /* text in a row, but in no cell */
		}
		if (markup->breaks || !flow->text.len ||
			(markup->heading_level && !markup->heading_open)) {
			flow->space = 0;
			markup_begin_text(markup);
		}
	}
	if (flow->space && flow->last &&
		!(flow->has_newline && is_chinese_or_japanese(flow->last) &&
			is_chinese_or_japanese(next))) {
		buf_addch(&flow->text, ' ');
	}
	flow->space = flow->has_newline = 0;
}

/* A soft hyphen or a byte order mark, which leave no trace. */
static int is_invisible(uint32_t cp)
{
	return cp == 0xad || cp == 0xfeff;
}

void markup_collapse_text(struct markup *markup, const char *text, size_t len)
{
	struct markup_flow *flow = markup->flow;

	for (size_t at = 0; at < len;) {
		unsigned char c = (unsigned char)text[at];
		uint32_t cp = c;
		size_t n = 1;

		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			flow->space = 1;
			flow->has_newline |= c == '\n';
			at++;
			continue;
		}
		if (c >= 0x80) {
			n = utf8_decode(text + at, len - at, &cp);
			if (!n) {
				cp = 0xfffd;
				n = 1;
			}
			if (cp == 0xa0) {
				flow->space = 1;
			}
			if (cp == 0xa0 || is_invisible(cp)) {
				at += n;
				continue;
			}
		}
		if (markup->script != flow->script) {
			markup_script_mark(markup, flow, cp);
		}
		if (markup->is_struck && !markup->struck_open) {
			markup_struck_rejoin(markup, flow);
		}
		if (flow->space || !flow->last || markup->breaks || markup->table.n_cell) {
			write_pending_space(markup, flow, cp);
		}
		if (markup->is_struck && !markup->struck_open) {
			markup_struck_open(markup, flow);
		}
		flow->last = cp;
		if (cp < 0x80) {
			while (at + n < len && (unsigned char)text[at + n] > ' ' &&
				(unsigned char)text[at + n] < 0x80) {
				n++;
			}
			flow->last = (unsigned char)text[at + n - 1];
		}
		if (cp == 0xfffd) {
			buf_addstr(&flow->text, "\xef\xbf\xbd");
		} else {
			buf_add(&flow->text, text + at, n);
		}
		at += n;
	}
}

static void keep_pre_text(struct markup *markup, const char *text, size_t len)
{
	struct buf *out = &markup->body.text;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		size_t kept = n;

		while (kept && end && text[at + kept - 1] == '\r') {
			kept--;
		}
		if (kept && markup->table.n_cell) {
			markup_table_to_layout(markup);
		}
		if (kept && markup->breaks && markup->pre_open) {
			markup->breaks = 0;
			markup->pre_newlines += !markup->pre_newlines;
		}
		if (kept) {
			if (!markup->pre_open) {
				markup_begin_text(markup);
				buf_addstr(out, "```");
				markup->pre_open = 1;
				markup->pre_newlines = 1;
			}
			for (; markup->pre_newlines; markup->pre_newlines--) {
				write_newline(markup);
				if (markup->pre_newlines > 1) {
					write_blank_prefix(markup);
				} else {
					write_prefix(markup);
				}
			}
			buf_add(out, text + at, kept);
		}
		markup->pre_newlines += end != NULL;
		at += n + (end != NULL);
	}
}

void markup_text(struct markup *markup, const char *text, size_t len)
{
	if (markup->open[SCOPE_PRE] && markup->flow == &markup->body && !markup->heading_level) {
		unsigned char first = len ? (unsigned char)text[0] : ' ';

		if (first > ' ' && markup->script != markup->body.script) {
			markup_script_mark(markup, &markup->body, first);
		}
		if (first > ' ' && markup->is_struck && !markup->struck_open) {
			keep_pre_text(markup, "~~", 2);
			markup->struck_open = 1;
		}
		keep_pre_text(markup, text, len);
	} else {
		markup_collapse_text(markup, text, len);
	}
}

void markup_str(struct markup *markup, const char *text)
{
	markup_text(markup, text, strlen(text));
}

void markup_line_break(struct markup *markup)
{
	if (markup->open[SCOPE_PRE] && markup->flow == &markup->body && !markup->heading_level) {
		keep_pre_text(markup, "\n", 1);
		return;
	}
	if (markup->flow != &markup->body || markup->heading_level) {
		markup->flow->space = 1;
		return;
	}
	if (markup->breaks == 0 || markup->has_br) {
		markup->breaks = markup->breaks ? 2 : 1;
		markup->has_br = 1;
	}
	markup->body.space = 0;
}

void markup_block(struct markup *markup)
{
	markup_breaks(markup, 2);
}

void markup_line(struct markup *markup)
{
	markup_breaks(markup, 1);
}

/* ---- scopes ---- */

struct markup_scope *markup_scope_push(struct markup *markup, enum markup_scope_kind kind)
{
	struct markup_scope *scope;

	mem_grow(markup->scope, markup->n_scope, markup->cap_scope);
	scope = &markup->scope[markup->n_scope++];
	*scope = (struct markup_scope){
		.kind = (unsigned char)kind,
		.flat = markup->flow != &markup->body || markup->heading_level,
	};
	markup->open[kind]++;
	return scope;
}

/*
 * Lines get `rest` in front of them from now on, and the first one `first` (the marker of an item).
 */
static void indent(struct markup *markup, struct markup_scope *scope, const char *first,
	const char *rest, size_t len)
{
	int is_item = scope->kind == SCOPE_ITEM;

	if (scope->flat) {
		return;
	}
	if (is_item || markup->first.len) {
		scope->first_at = markup->first.len + 1;
	}
	if (is_item && !markup->first.len) {
		buf_add(&markup->first, markup->prefix, markup->prefix_len);
	}
	if (is_item || (markup->first.len && markup->n_indented < MARKUP_MAX_INDENT)) {
		buf_addstr(&markup->first, first);
	}
	if (markup->n_indented < MARKUP_MAX_INDENT) {
		memcpy(markup->prefix + markup->prefix_len, rest, len);
		markup->prefix_len += len;
		markup->n_indented++;
		scope->n_indent = (unsigned char)len;
	}
}

static void finish_heading(struct markup *markup)
{
	int level = markup->heading_level;

	markup->heading_level = 0;
	if (markup->heading_open) {
		document_add_heading(&markup->outline, level,
			markup->body.text.data + markup->heading_at,
			markup->body.text.len - markup->heading_at, 0, markup->heading_line);
	}
	markup->heading_open = 0;
	markup_breaks(markup, 2);
}

static void finish_pre(struct markup *markup)
{
	if (markup->pre_open) {
		write_newline(markup);
		write_prefix(markup);
		buf_addstr(&markup->body.text, "```");
	}
	markup->pre_open = 0;
	markup->pre_newlines = 0;
	markup_breaks(markup, 2);
}

static void finish_note(struct markup *markup)
{
	buf_add(&markup->notes, buf_str(&markup->note.text), markup->note.text.len);
	buf_addch(&markup->notes, '\n');
	markup_flow_clear(&markup->note);
	markup->flow = markup->note_return;
}

/* Lines are as they were before; the marker of an item without any text goes unwritten. */
static void unindent(struct markup *markup, const struct markup_scope *scope)
{
	if (scope->first_at && markup->first.len >= scope->first_at) {
		markup->first.len = scope->first_at - 1;
	}
	if (scope->n_indent) {
		markup->prefix_len -= scope->n_indent;
		markup->n_indented--;
	}
	if (markup->blank_len > markup->prefix_len) {
		markup->blank_len = markup->prefix_len;
	}
}

/* The innermost scope was ended. */
static void finish_scope(struct markup *markup)
{
	struct markup_scope scope = markup->scope[--markup->n_scope];

	markup->open[scope.kind]--;
	if (scope.kind == SCOPE_NOTE) {
		if (!scope.flat || markup->open[SCOPE_NOTE] == 0) {
			finish_note(markup);
		}
		return;
	}
	if (scope.flat) {
		markup->flow->space = 1;
		return;
	}
	switch (scope.kind) {
	case SCOPE_HEADING:
		finish_heading(markup);
		break;
	case SCOPE_PRE:
		finish_pre(markup);
		break;
	case SCOPE_ITEM:
	case SCOPE_INDENT:
		markup_breaks(markup, 1);
		break;
	case SCOPE_TABLE:
	case SCOPE_ROW:
	case SCOPE_CELL:
		markup_table_finish_scope(markup, &scope);
		break;
	default:
		markup_breaks(markup, 2);
	}
	unindent(markup, &scope);
}

int markup_scope_end(struct markup *markup, enum markup_scope_kind kind)
{
	if (!markup->open[kind]) {
		return 0;
	}
	while (markup->scope[markup->n_scope - 1].kind != kind) {
		finish_scope(markup);
	}
	finish_scope(markup);
	return 1;
}

/* ---- blocks ---- */

void markup_heading_begin(struct markup *markup, int level)
{
	struct markup_scope *scope;

	markup_table_to_layout(markup);
	markup_breaks(markup, 2);
	scope = markup_scope_push(markup, SCOPE_HEADING);
	if (!scope->flat) {
		markup->heading_level = level < 1 ? 1 : level;
	}
}

void markup_heading_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_HEADING);
}

void markup_pre_begin(struct markup *markup)
{
	struct markup_scope *scope;

	markup_table_to_layout(markup);
	markup_breaks(markup, 2);
	scope = markup_scope_push(markup, SCOPE_PRE);
	scope->flat |= markup->open[SCOPE_PRE] > 1;
}

void markup_pre_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_PRE);
}

void markup_quote_begin(struct markup *markup)
{
	markup_breaks(markup, 2);
	indent(markup, markup_scope_push(markup, SCOPE_QUOTE), "> ", "> ", 2);
}

void markup_quote_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_QUOTE);
}

void markup_indent_begin(struct markup *markup)
{
	markup_breaks(markup, 1);
	indent(markup, markup_scope_push(markup, SCOPE_INDENT), "  ", "  ", 2);
}

void markup_indent_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_INDENT);
}

void markup_list_begin(struct markup *markup)
{
	/* A list in an item stands right below its text. */
	int in_item =
		markup->n_scope && (markup->scope[markup->n_scope - 1].kind == SCOPE_ITEM ||
					   markup->scope[markup->n_scope - 1].kind == SCOPE_INDENT);

	if (in_item && markup->breaks > 1) {
		markup->breaks = 1;
	}
	markup_breaks(markup, in_item ? 1 : 2);
	markup_scope_push(markup, SCOPE_LIST);
}

void markup_list_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_LIST);
}

void markup_item_begin(struct markup *markup, const char *marker)
{
	enum { MAX_WIDTH = 8 };
	static const char spaces[] = "        ";
	struct buf text = BUF_INIT;
	struct markup_scope *list = markup->n_scope ? &markup->scope[markup->n_scope - 1] : NULL;
	struct markup_scope *scope;

	/* Items follow each other without a blank line, paragraphs in them or not. */
	if (list && list->kind == SCOPE_LIST) {
		if (list->has_item && markup->flow == &markup->body && markup->breaks > 1) {
			markup->breaks = 1;
		}
		list->has_item = 1;
	}
	markup_breaks(markup, 1);
	scope = markup_scope_push(markup, SCOPE_ITEM);
	if (scope->flat) {
		markup_str(markup, marker);
		markup->flow->space = 1;
		return;
	}
	buf_printf(&text, "%s ", marker);
	indent(markup, scope, text.data, spaces, text.len < MAX_WIDTH ? text.len : MAX_WIDTH);
	buf_finish(&text);
}

void markup_item_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_ITEM);
}

/* ---- the end ---- */

static int same_folded(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == ' ') {
			a++;
		}
		while (*b == ' ') {
			b++;
		}
		if (*a != *b || !*a) {
			return *a == *b;
		}
	}
}

void markup_title(struct markup *markup, const char *title)
{
	enum { FIRST_HEADINGS = 4 };
	struct markup *alone = markup_create();
	struct document *outline = &markup->outline;
	size_t n = outline->n_heading < FIRST_HEADINGS ? outline->n_heading : FIRST_HEADINGS;
	int is_new;

	markup_collapse_text(alone, title, strlen(title));
	is_new = alone->body.text.len > 0;
	for (size_t i = 0; i < n && is_new; i++) {
		is_new = !same_folded(outline->heading[i].title, buf_str(&alone->body.text));
	}
	if (is_new) {
		struct heading heading = {mem_strdup(alone->body.text.data), 1, 0, 1};
		struct buf text = BUF_INIT;

		buf_printf(&text, "# %s\n", heading.title);
		if (markup->body.text.len) {
			buf_addch(&text, '\n');
			buf_add(&text, markup->body.text.data, markup->body.text.len);
		}
		buf_finish(&markup->body.text);
		markup->body.text = text;
		markup->n_newline += 2;
		mem_grow(outline->heading, outline->n_heading, outline->cap_heading);
		memmove(outline->heading + 1, outline->heading,
			outline->n_heading * sizeof(*outline->heading));
		outline->n_heading++;
		for (size_t i = 1; i < outline->n_heading; i++) {
			outline->heading[i].line += 2;
		}
		outline->heading[0] = heading;
	}
	markup_destroy(alone);
}

int markup_reader(struct reader **reader, struct markup *markup, struct skip *skip)
{
	struct whole_reader *whole;

	while (markup->n_scope) {
		finish_scope(markup);
	}
	if (markup->notes.len) {
		write_notes(markup);
	}
	if (!markup->body.text.len) {
		markup_destroy(markup);
		return skip_set(skip, SKIP_RULE, "holds no text");
	}
	if (markup->body.text.data[markup->body.text.len - 1] != '\n') {
		buf_addch(&markup->body.text, '\n');
	}
	whole = whole_reader_create(DOCUMENT_TEXT);
	whole->text = markup->body.text;
	markup->body.text = BUF_INIT;
	whole->outline = markup->outline;
	markup->outline = (struct document){0};
	*reader = &whole->reader;
	markup_destroy(markup);
	return 0;
}
