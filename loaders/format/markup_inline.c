/* What stands within a line of the writer: raised and struck text, links, notes. */
#include "loaders/format/markup_state.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* ---- raised, lowered, struck ---- */

void markup_script(struct markup *markup, char script)
{
	markup->script = (unsigned char)script;
}

static int is_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

int markup_script_counts(char script, uint32_t last, uint32_t next)
{
	enum { MINUS = 0x2212, EN_DASH = 0x2013 };
	int is_number =
		is_digit(next) || next == '+' || next == '-' || next == MINUS || next == EN_DASH;

	if (script == '_') {
		return is_digit(last) && is_digit(next);
	}
	return script && is_number && last;
}

void markup_script_mark(struct markup *markup, struct markup_flow *flow, uint32_t next)
{
	uint32_t last = flow->last;

	if (markup->pre_open && flow == &markup->body && flow->text.len) {
		last = (unsigned char)flow->text.data[flow->text.len - 1];
	}
	flow->script = markup->script;
	if (!flow->space && (flow != &markup->body || !markup->breaks) &&
		markup_script_counts((char)markup->script, last, next)) {
		buf_addch(&flow->text, (char)markup->script);
		flow->last = markup->script;
	}
}

void markup_struck(struct markup *markup, int is_struck)
{
	struct markup_flow *flow = markup->flow;

	if (!is_struck && markup->struck_open) {
		buf_addstr(&flow->text, "~~");
		flow->last = '~';
		flow->struck_end = flow->text.len;
		markup->struck_open = 0;
	}
	markup->is_struck = is_struck;
}

/* Runs of struck text one behind the other are one. */
void markup_struck_rejoin(struct markup *markup, struct markup_flow *flow)
{
	if (flow->struck_end && flow->struck_end == flow->text.len && !markup->breaks) {
		flow->text.len -= 2;
		markup->struck_open = 1;
	}
}

void markup_struck_open(struct markup *markup, struct markup_flow *flow)
{
	buf_addstr(&flow->text, "~~");
	markup->struck_open = 1;
}

/* ---- links and notes ---- */

/* A page beside this one, "chapter.html#part": the link's text names it, and it may be a source, too. */
static int is_page_beside(const char *target)
{
	static const char *const page[] = {".html", ".htm", ".xhtml", ".shtml"};
	size_t path_len = strcspn(target, "?#");

	if (memchr(target, ':', path_len) || strncmp(target, "//", 2) == 0) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(page); i++) {
		size_t len = strlen(page[i]);

		if (path_len > len && strncasecmp(target + path_len - len, page[i], len) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Scripts and pictures in the link itself are nothing to read. */
static int is_shown(const char *target)
{
	static const char *const hidden[] = {
		"#", "javascript:", "vbscript:", "data:", "blob:", "about:"};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		if (strncasecmp(target, hidden[i], strlen(hidden[i])) == 0) {
			return 0;
		}
	}
	return target[0] && !is_page_beside(target);
}

void markup_link_begin(struct markup *markup, const char *target)
{
	size_t len;

	while (*target && (unsigned char)*target <= ' ') {
		target++;
	}
	buf_clear(&markup->link);
	len = strlen(target);
	while (len && (unsigned char)target[len - 1] <= ' ') {
		len--;
	}
	if (is_shown(target) && !markup->heading_level) {
		buf_add(&markup->link, target, len);
	}
	markup->link_flow = markup->flow;
	markup->link_at = markup->flow->text.len;
}

/* Whether the text of a link is its target already ("mailto:" and the like left away). */
static int is_said(const struct markup *markup)
{
	const struct buf *text = &markup->flow->text;
	const char *target = markup->link.data, *said;
	size_t said_len, len = markup->link.len;

	if (markup->link_flow != markup->flow || markup->link_at > text->len) {
		return 0;
	}
	said = buf_str(text) + markup->link_at;
	said_len = text->len - markup->link_at;
	while (said_len && (*said == ' ' || *said == '\n')) {
		said++;
		said_len--;
	}
	if (len && target[len - 1] == '/') {
		len--;
	}
	if (said_len && said[said_len - 1] == '/') {
		said_len--;
	}
	return said_len && said_len <= len &&
	       memcmp(target + len - said_len, said, said_len) == 0 &&
	       (said_len == len || target[len - said_len - 1] == ':' ||
		       (len - said_len >= 3 && memcmp(target + len - said_len - 3, "://", 3) == 0));
}

void markup_link_end(struct markup *markup)
{
	if (markup->link.len && !is_said(markup) && !markup->open[SCOPE_PRE]) {
		struct buf link = markup->link;
		int breaks = markup->breaks, has_br = markup->has_br;
		/* A block in a link has ended already: the target belongs to its last line. */
		int joins = markup->flow != &markup->body ||
			    (markup->link_flow == markup->flow &&
				    markup->body.text.len > markup->link_at);

		markup->link = BUF_INIT;
		if (joins) {
			markup->breaks = 0;
		}
		markup->flow->space = 1;
		markup_collapse_text(markup, "(", 1);
		markup_collapse_text(markup, link.data, link.len);
		markup_collapse_text(markup, ")", 1);
		buf_finish(&link);
		if (joins) {
			markup->breaks = breaks;
			markup->has_br = has_br;
		}
	}
	buf_clear(&markup->link);
}

void markup_note_begin(struct markup *markup, const char *label)
{
	struct markup_scope *scope;
	int is_nested = markup->flow == &markup->note;

	if (is_nested) {
		markup->flow->space = 1;
	} else {
		/* No space before it: it belongs to the word. */
		markup_collapse_text(markup, "[^", 2);
		markup_collapse_text(markup, label, strlen(label));
		markup_collapse_text(markup, "]", 1);
	}
	scope = markup_scope_push(markup, SCOPE_NOTE);
	scope->flat = (unsigned char)is_nested;
	if (!is_nested) {
		markup->note_return = markup->flow;
		markup->flow = &markup->note;
		markup_flow_clear(&markup->note);
		buf_printf(&markup->note.text, "[^%s]:", label);
		markup->note.last = ':';
		markup->note.space = 1;
	}
}

void markup_note_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_NOTE);
}
