/* md4c's events as styled blocks. */
#include "tui/markdown_render.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/markdown_table.h"

#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CODE_COLUMNS = 2, /* code is indented by */
	EVENTS_PER_BYTE =
		16, /* of a piece: more (empty cells of a table) and it is shown as it is */
	ENTITY_MAX_BYTES = 12,
};

struct list {
	int is_ordered, is_loose;
	int64_t next;
	int indent; /* of what the list stands in */
	int n_item;
};
struct span {
	MD_SPANTYPE type;
	enum element element;
	size_t at;          /* of its text */
	struct buf address; /* of a link or an image */
};

struct render {
	struct styled *out, *target; /* target: out, or the cells of a table */
	const char *text;            /* of the piece */
	size_t len, at;              /* at: where it stands in the whole */
	const struct cited_list *cited;
	struct markdown_state *state;
	struct markdown_state before;
	char ordered_mark;
	struct list *list;
	size_t n_list, cap_list;
	struct span *span;
	size_t n_span, cap_span;
	struct table table;
	struct buf marker;  /* of the items that begin with the next block */
	int marker_indent;  /* where they begin */
	int indent;         /* of what comes now */
	int n_quote, depth; /* depth: lists and quotes */
	int is_open;        /* a block's text has begun */
	int block_indent;   /* of that */
	int is_code, is_behind_paragraph;
	size_t n_text;      /* bytes of text there were */
	size_t first_block; /* of the piece */
	size_t n_event;
	enum element element; /* of the block's text */
};

/* ---- blocks ---- */

static void open_block(struct render *r)
{
	if (r->is_open) {
		return;
	}
	r->is_open = 1;
	r->block_indent = r->indent;
	if (r->marker.len) {
		r->block_indent = r->marker_indent;
		styled_add(r->out, ELEMENT_TEXT, r->marker.data, r->marker.len);
		buf_clear(&r->marker);
	}
}

static void close_block(struct render *r)
{
	struct styled_block *block;

	if (!r->is_open) {
		return;
	}
	block = styled_end_block(r->out, r->block_indent, r->indent, 0);
	block->n_quote = r->n_quote;
	r->is_open = 0;
}

static void put_empty_block(struct render *r)
{
	styled_end_block(r->out, 0, 0, 0)->n_quote = r->n_quote;
}

static void begin_code(struct render *r, const MD_BLOCK_CODE_DETAIL *detail)
{
	/* What is code by its indent alone stands behind an empty line. */
	if (!detail->fence_char && !r->marker.len && r->out->n_block > r->first_block) {
		put_empty_block(r);
	}
	if (r->marker.len) {
		open_block(r);
		close_block(r);
	}
	r->is_code = 1;
	r->state->code++;
}

static void end_code_line(struct render *r)
{
	struct styled_block *block =
		styled_end_block(r->out, r->indent + CODE_COLUMNS, r->indent + CODE_COLUMNS, 1);

	block->code = r->state->code;
	block->n_quote = r->n_quote;
	r->is_open = 0;
}

static void begin_list(struct render *r, int is_ordered, int is_tight, unsigned start, char mark)
{
	struct list list = {.is_ordered = is_ordered,
		.is_loose = !is_tight,
		.next = start,
		.indent = r->indent};

	if (is_ordered && r->depth == 0) {
		if (r->ordered_mark == mark && r->before.list_mark == mark) {
			list.next = r->before.list_next;
		}
		r->ordered_mark = 0;
	}
	mem_grow(r->list, r->n_list, r->cap_list);
	r->list[r->n_list++] = list;
	r->depth++;
}

static void end_list(struct render *r, char mark)
{
	const struct list *list = &r->list[--r->n_list];

	r->indent = list->indent;
	r->depth--;
	r->is_behind_paragraph = 0;
	if (r->depth == 0 && list->is_ordered) {
		r->state->list_mark = mark;
		r->state->list_next = list->next;
	}
}

static void begin_item(struct render *r, const MD_BLOCK_LI_DETAIL *detail)
{
	struct list *list = &r->list[r->n_list - 1];
	size_t before = r->marker.len;

	if (list->n_item++ && list->is_loose) {
		put_empty_block(r);
	}
	r->is_behind_paragraph = 0;
	r->indent = list->indent;
	if (before == 0) {
		r->marker_indent = r->indent;
	}
	if (list->is_ordered) {
		buf_printf(&r->marker, "%lld. ", (long long)list->next++);
	} else {
		buf_addstr(&r->marker, "- ");
	}
	r->indent += (int)(r->marker.len - before);
	if (detail->is_task) {
		buf_addstr(&r->marker, detail->task_mark == ' ' ? "[ ] " : "[x] ");
	}
}

/* ---- text ---- */

static void add(struct render *r, enum element element, int link, const char *text, size_t len)
{
	if (r->target == r->out) {
		open_block(r);
	}
	styled_add_link(r->target, element, link, text, len);
}

/* Words that a source breaks over lines are one line of an answer. */
static void add_words(struct render *r, enum element element, const char *words)
{
	add(r, element, 0, "\"", 1);
	words += strspn(words, " \r\n");
	while (*words) {
		size_t n = strcspn(words, "\r\n");

		add(r, element, 0, words, n);
		words += n;
		if (*words) {
			add(r, element, 0, " ", 1);
			words += strspn(words, "\r\n");
		}
	}
	add(r, element, 0, "\" ", 2);
}

static void add_cited(struct render *r, enum element element, const struct cited *cited)
{
	if (r->is_code) {
		add(r, element, (int)cited->first + 1, cited->text, cited->len);
		return;
	}
	for (size_t i = cited->first; i < cited->end; i++) {
		const struct citation *citation = &r->cited->citation[i];
		char number[24];

		if (i > cited->first) {
			add(r, element, 0, " ", 1);
		}
		if (cited->has_words && citation->text[0]) {
			add_words(r, element, citation->text);
		}
		snprintf(number, sizeof(number), "[%zu]", i + 1);
		add(r, markdown_verdict_element(citation), (int)i + 1, number, strlen(number));
	}
}

/* The first citation at or behind a place of the text. */
static size_t cited_from(const struct cited_list *list, size_t at)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (list->item[middle].at < at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Text of the piece, or text that md4c made. */
static void add_text(struct render *r, enum element element, const char *text, size_t len)
{
	const char *end = text + len;

	if (r->cited && text >= r->text && text < r->text + r->len) {
		size_t at = r->at + (size_t)(text - r->text);

		for (size_t i = cited_from(r->cited, at); i < r->cited->n; i++) {
			const char *mark = r->text + (r->cited->item[i].at - r->at);

			if (mark >= end) {
				break;
			}

			add(r, element, 0, text, (size_t)(mark - text));
			add_cited(r, element, &r->cited->item[i]);
			text = mark + 1;
		}
	}
	add(r, element, 0, text, (size_t)(end - text));
}

static enum element current_element(const struct render *r)
{
	return r->n_span ? r->span[r->n_span - 1].element : r->element;
}

static void add_code(struct render *r, const char *text, size_t len)
{
	while (len > 0) {
		const char *feed = memchr(text, '\n', len);
		size_t n = feed ? (size_t)(feed - text) : len;

		r->is_open = 1;
		add_text(r, ELEMENT_CODE_BLOCK, text, n);
		if (feed) {
			end_code_line(r);
			n++;
		}
		text += n;
		len -= n;
	}
}

static const struct {
	const char *name, *text;
} entities[] = {
	{"&amp;", "&"},
	{"&apos;", "'"},
	{"&bull;", "\xe2\x80\xa2"},
	{"&copy;", "\xc2\xa9"},
	{"&deg;", "\xc2\xb0"},
	{"&euro;", "\xe2\x82\xac"},
	{"&ge;", "\xe2\x89\xa5"},
	{"&gt;", ">"},
	{"&hellip;", "\xe2\x80\xa6"},
	{"&larr;", "\xe2\x86\x90"},
	{"&ldquo;", "\xe2\x80\x9c"},
	{"&le;", "\xe2\x89\xa4"},
	{"&lsquo;", "\xe2\x80\x98"},
	{"&lt;", "<"},
	{"&mdash;", "\xe2\x80\x94"},
	{"&middot;", "\xc2\xb7"},
	{"&nbsp;", "\xc2\xa0"},
	{"&ndash;", "\xe2\x80\x93"},
	{"&ne;", "\xe2\x89\xa0"},
	{"&quot;", "\""},
	{"&rarr;", "\xe2\x86\x92"},
	{"&rdquo;", "\xe2\x80\x9d"},
	{"&rsquo;", "\xe2\x80\x99"},
	{"&times;", "\xc3\x97"},
};

/* What an entity stands for, as md4c knows only where one is; one that is rare stays as it is. */
static void entity_text(struct buf *out, const char *text, size_t len)
{
	char name[ENTITY_MAX_BYTES + 1] = "", utf8[4];
	unsigned long cp;

	if (len <= ENTITY_MAX_BYTES) {
		memcpy(name, text, len);
	}
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		if (strcmp(name, entities[i].name) == 0) {
			buf_addstr(out, entities[i].text);
			return;
		}
	}
	if (name[0] && name[1] == '#') {
		int is_hex = name[2] == 'x' || name[2] == 'X';

		cp = strtoul(name + (is_hex ? 3 : 2), NULL, is_hex ? 16 : 10);
		if (cp > 0 && cp < 0x110000 && (cp < 0xd800 || cp > 0xdfff)) {
			buf_add(out, utf8, utf8_encode((uint32_t)cp, utf8));
			return;
		}
	}
	buf_add(out, text, len);
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *arg)
{
	struct render *r = arg;
	struct buf entity = BUF_INIT;

	r->n_text += size;
	if (r->is_code && type != MD_TEXT_NULLCHAR) {
		add_code(r, text, size);
		return 0;
	}
	switch (type) {
	case MD_TEXT_NULLCHAR:
		r->is_open |= r->is_code;
		add(r, current_element(r), 0, "", 1);
		break;
	case MD_TEXT_BR:
	case MD_TEXT_SOFTBR:
		add(r, current_element(r), 0, "\n", 1);
		break;
	case MD_TEXT_ENTITY:
		entity_text(&entity, text, size);
		add(r, current_element(r), 0, buf_str(&entity), entity.len);
		buf_finish(&entity);
		break;
	default:
		add_text(r, current_element(r), text, size);
		break;
	}
	return 0;
}

/* ---- spans ---- */

static void add_address(struct buf *out, const MD_ATTRIBUTE *from)
{
	for (size_t i = 0; from->size && from->substr_offsets[i] < from->size; i++) {
		size_t at = from->substr_offsets[i], end = from->substr_offsets[i + 1];

		if (from->substr_types[i] == MD_TEXT_ENTITY) {
			entity_text(out, from->text + at, end - at);
		} else {
			buf_add(out, from->text + at, end - at);
		}
	}
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;
	struct span span = {.type = type, .element = current_element(r)};

	switch (type) {
	case MD_SPAN_EM:
		span.element = span.element == ELEMENT_TEXT ? ELEMENT_EMPHASIS : span.element;
		break;
	case MD_SPAN_STRONG:
		span.element = span.element == ELEMENT_TEXT || span.element == ELEMENT_EMPHASIS
				       ? ELEMENT_STRONG
				       : span.element;
		break;
	case MD_SPAN_CODE:
		span.element = ELEMENT_CODE;
		break;
	case MD_SPAN_A:
		span.element = ELEMENT_LINK;
		add_address(&span.address, &((MD_SPAN_A_DETAIL *)detail)->href);
		break;
	case MD_SPAN_IMG:
		add(r, span.element, 0, "[image: ", 8);
		add_address(&span.address, &((MD_SPAN_IMG_DETAIL *)detail)->src);
		break;
	case MD_SPAN_DEL:
		add(r, span.element, 0, "~~", 2);
		break;
	default:
		break;
	}
	span.at = r->target->text.len;
	mem_grow(r->span, r->n_span, r->cap_span);
	r->span[r->n_span++] = span;
	return ++r->n_event > EVENTS_PER_BYTE * (r->len + 16);
}

/* Whether what is shown of a link is its address already. */
static int is_shown(const struct render *r, const struct span *span)
{
	const char *text = buf_str(&r->target->text) + span->at;
	const char *address = buf_str(&span->address);
	size_t len = r->target->text.len - span->at, skip;

	if (len == 0 || len > span->address.len) {
		return 0;
	}
	skip = span->address.len - len;
	return memcmp(address + skip, text, len) == 0 &&
	       (skip == 0 || (skip == 7 && (memcmp(address, "mailto:", 7) == 0 ||
						   memcmp(address, "http://", 7) == 0)));
}

static void end_span(struct render *r)
{
	struct span *span = &r->span[--r->n_span];

	if (span->type == MD_SPAN_DEL) {
		add(r, current_element(r), 0, "~~", 2);
	} else if (span->type == MD_SPAN_IMG) {
		add(r, current_element(r), 0, "]", 1);
	}
	if (span->address.len && !is_shown(r, span)) {
		add(r, ELEMENT_DIM, 0, " (", 2);
		add(r, ELEMENT_DIM, 0, span->address.data, span->address.len);
		add(r, ELEMENT_DIM, 0, ")", 1);
	}
	buf_finish(&span->address);
}

/* md4c 0.4.8 may leave what it never entered (an image that begins in a link's title). */
static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;
	size_t at = r->n_span;

	(void)detail;
	while (at > 0 && r->span[at - 1].type != type) {
		at--;
	}
	while (at > 0 && r->n_span >= at) {
		end_span(r);
	}
	return 0;
}

/* ---- md4c's blocks ---- */

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	close_block(r);
	if (r->depth == 0 && type != MD_BLOCK_DOC) {
		r->state->list_mark = 0;
	}
	switch (type) {
	case MD_BLOCK_QUOTE:
		r->n_quote++;
		r->depth++;
		r->is_behind_paragraph = 0;
		break;
	case MD_BLOCK_UL:
		begin_list(r, 0, ((MD_BLOCK_UL_DETAIL *)detail)->is_tight, 0, 0);
		break;
	case MD_BLOCK_OL:
		begin_list(r, 1, ((MD_BLOCK_OL_DETAIL *)detail)->is_tight,
			((MD_BLOCK_OL_DETAIL *)detail)->start,
			((MD_BLOCK_OL_DETAIL *)detail)->mark_delimiter);
		break;
	case MD_BLOCK_LI:
		begin_item(r, detail);
		break;
	case MD_BLOCK_HR:
		open_block(r);
		styled_add(r->out, ELEMENT_DIM, "----------", 10);
		r->n_text++;
		break;
	case MD_BLOCK_H:
		r->element = ELEMENT_HEADING;
		break;
	case MD_BLOCK_P:
		if (r->is_behind_paragraph) {
			put_empty_block(r);
		}
		break;
	case MD_BLOCK_CODE:
		begin_code(r, detail);
		break;
	case MD_BLOCK_TABLE:
		if (r->marker.len) {
			open_block(r);
			close_block(r);
		}
		table_begin(&r->table, ((MD_BLOCK_TABLE_DETAIL *)detail)->col_count);
		r->target = &r->table.scratch;
		break;
	default:
		break;
	}
	return ++r->n_event > EVENTS_PER_BYTE * (r->len + 16);
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;
	MD_ALIGN align;

	while (r->n_span) {
		end_span(r);
	}
	switch (type) {
	case MD_BLOCK_QUOTE:
		close_block(r);
		r->n_quote--;
		r->depth--;
		r->is_behind_paragraph = 0;
		break;
	case MD_BLOCK_UL:
		end_list(r, 0);
		break;
	case MD_BLOCK_OL:
		end_list(r, ((MD_BLOCK_OL_DETAIL *)detail)->mark_delimiter);
		break;
	case MD_BLOCK_LI:
		if (r->marker.len) {
			open_block(r);
		}
		close_block(r);
		break;
	case MD_BLOCK_CODE:
		if (r->is_open) {
			end_code_line(r);
		}
		r->is_code = 0;
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		align = ((MD_BLOCK_TD_DETAIL *)detail)->align;
		table_end_cell(&r->table, align == MD_ALIGN_RIGHT    ? 1
					  : align == MD_ALIGN_CENTER ? 0
								     : -1);
		break;
	case MD_BLOCK_TABLE:
		r->target = r->out;
		table_put(&r->table, r->out, r->indent, r->n_quote);
		break;
	default:
		close_block(r);
		r->is_behind_paragraph = type == MD_BLOCK_P && r->depth > 0;
		break;
	}
	r->element = ELEMENT_TEXT;
	return 0;
}

/* ---- pieces ---- */

static void finish(struct render *r)
{
	while (r->n_span) {
		buf_finish(&r->span[--r->n_span].address);
	}
	free(r->span);
	free(r->list);
	buf_finish(&r->marker);
	table_finish(&r->table);
}

/* As it is written. */
static void render_raw(struct render *r)
{
	r->marker.len = 0;
	r->indent = r->n_quote = r->is_code = 0;
	r->is_open = 0;
	r->target = r->out;
	add_text(r, ELEMENT_TEXT, r->text, r->len);
	close_block(r);
}

static int parse(struct render *r)
{
	static const MD_PARSER parser = {
		.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
			 MD_FLAG_NOHTML | MD_FLAG_PERMISSIVEURLAUTOLINKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = on_text,
	};

	return md_parse(r->text, (MD_SIZE)r->len, &parser, r);
}

static void render_plain(struct render *r)
{
	size_t text_len = r->out->text.len, n_run = r->out->n_run, n_block = r->out->n_block;
	struct markdown_state before = *r->state;
	struct buf copy = BUF_INIT;

	/* md4c 0.4.8 looks at the byte behind a list's number at the text's end: it shall be a NUL. */
	buf_add(&copy, r->text, r->len);
	r->text = copy.data;
	/* Where nothing is left of it, a link was defined: that is shown, too. */
	if (parse(r) != 0 || r->n_text == 0) {
		styled_cut(r->out, text_len, n_run, n_block);
		*r->state = before;
		r->state->list_mark = 0;
		render_raw(r);
	}
	buf_finish(&copy);
}

/* A line of a block of code that goes over several pieces. */
static void render_code_line(struct render *r)
{
	size_t spaces = 0, len = r->len;

	while (spaces < len && spaces < r->state->fence_indent && r->text[spaces] == ' ') {
		spaces++;
	}
	if (len > spaces && r->text[len - 1] == '\r') {
		len--;
	}
	r->is_code = r->is_open = 1;
	add_text(r, ELEMENT_CODE_BLOCK, r->text + spaces, len - spaces);
	end_code_line(r);
}

void markdown_render(struct styled *out, const char *text, const struct markdown_piece *piece,
	struct markdown_state *state, const struct cited_list *cited)
{
	struct render r = {
		.out = out,
		.target = out,
		.text = text + piece->at,
		.len = piece->end - piece->at,
		.at = piece->at,
		.cited = cited,
		.state = state,
		.before = piece->before,
		.ordered_mark = piece->ordered_mark,
		.element = ELEMENT_TEXT,
	};

	if (piece->is_apart && state->is_begun) {
		styled_end_block(out, 0, 0, 0);
	}
	state->is_begun = 1;
	r.first_block = out->n_block;
	switch (piece->kind) {
	case MARKDOWN_PLAIN:
		render_plain(&r);
		break;
	case MARKDOWN_DEFINITION:
		state->list_mark = 0;
		render_raw(&r);
		break;
	case MARKDOWN_CODE:
		render_code_line(&r);
		break;
	default:
		break;
	}
	finish(&r);
}
