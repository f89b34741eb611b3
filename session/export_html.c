/*
 * An export as one HTML file: the conversation, and of the sources the lines that it quotes with some
 * around them. What came from elsewhere is escaped twice: first what could not be seen or would be
 * obeyed (base/escape.h), then what is markup.
 */
#include "session/export.h"

#include "base/escape.h"
#include "base/mem.h"
#include "base/number.h"
#include "session/pack.h"

#include <stdlib.h>
#include <string.h>

enum { AROUND_LINES = 12, AROUND_CUES = 4 };

/*
 * Where a citation leads: lines [first, last] of a part, from 1; of a transcript parts, from 0, of
 * the whole document.
 */
struct excerpt {
	size_t block, part;
	int64_t first, last;
	int64_t turn; /* #q2-1 is the first quote of turn 2 */
	size_t index;
};
struct page {
	FILE *out;
	const struct store_contents *contents;
	struct excerpt *excerpt;
	size_t n_excerpt, cap_excerpt;
};

static const char style[] =
	":root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fdfdfb;--line:#d0cfc8;--mark:#fff2a8;"
	"--dim:#666}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#e4e4e0;--paper:#181816;--line:#44443e;"
	"--mark:#5a4d00;--dim:#a0a09a}}\n"
	"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
	"max-width:50em;margin:2em auto;padding:0 1em;overflow-wrap:anywhere}\n"
	"a{color:inherit}h1,h2,h3{line-height:1.2}\n"
	".question{border-left:3px solid var(--line);padding-left:1em;font-weight:600}\n"
	".question,.answer,.think{white-space:pre-wrap}.dim{color:var(--dim);font-size:.85em}\n"
	"table{border-collapse:collapse}td,th{text-align:left;padding:.1em 1em .1em 0;"
	"vertical-align:top}\n"
	"pre{border:1px solid var(--line);padding:.5em;overflow:auto;white-space:pre-wrap;"
	"font:13px/1.4 ui-monospace,monospace}\n"
	"mark{background:var(--mark);color:inherit}:target{outline:2px solid var(--dim)}\n"
	"pre .n{color:var(--dim);user-select:none}\n";

/* ---- text ---- */

static void put_markup(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(text[i], out);
		}
	}
}

static void put_bytes(FILE *out, const char *text, size_t len, enum escape_mode mode)
{
	struct buf shown = BUF_INIT;

	escape_add(&shown, text, len, mode);
	put_markup(out, shown.data, shown.len);
	buf_finish(&shown);
}

static void put_text(FILE *out, const char *text)
{
	put_bytes(out, text ? text : "", text ? strlen(text) : 0, ESCAPE_LINE);
}

/* ---- where citations lead ---- */

static int is_place(const struct document *document, size_t part, const struct citation *citation)
{
	const struct part_place *place = &document->part[part].place;
	char *path;
	int is_same;

	if (document->kind == DOCUMENT_PDF) {
		return place->page == citation->page;
	}
	if (document->kind == DOCUMENT_TRANSCRIPT) {
		const char *label = place->label ? place->label : "";

		return place->time_ms == citation->time_ms &&
		       strcmp(label, citation->label ? citation->label : "") == 0;
	}
	path = document_part_path(
		document, document->origin ? document->origin : document->name, part);
	is_same = path && citation->path && strcmp(path, citation->path) == 0;
	free(path);
	return is_same;
}

/*
 * The block and part that a citation names: the newest text, or, where it says that the words were
 * replaced, the oldest that has such a place. 0 where there is none.
 */
static int find_place(const struct store_contents *contents, const struct citation *citation,
	struct excerpt *excerpt)
{
	int64_t number = citation->source ? strtoll(citation->source + 1, NULL, 10) : 0;

	for (size_t i = 0; i < contents->n_block && number > 0; i++) {
		size_t block = citation->superseded ? i : contents->n_block - 1 - i;
		const struct document *document = &contents->block[block].document;

		for (size_t k = 0; contents->block[block].number == number && k < document->n_part;
			k++) {
			if (is_place(document, k, citation)) {
				excerpt->block = block;
				excerpt->part = k;
				return 1;
			}
		}
	}
	return 0;
}

/* Remembers where it leads; returns whether it does. */
static int add_excerpt(struct page *page, const struct store_turn *turn, size_t index)
{
	const struct citation *citation = &turn->citation[index];
	struct excerpt excerpt = {.turn = turn->id, .index = index};

	if (!find_place(page->contents, citation, &excerpt)) {
		return 0;
	}
	excerpt.first = citation->line_first;
	excerpt.last = citation->line_last;
	if (page->contents->block[excerpt.block].document.kind == DOCUMENT_TRANSCRIPT) {
		excerpt.first = excerpt.last = (int64_t)excerpt.part;
		excerpt.part = 0;
	}
	mem_grow(page->excerpt, page->n_excerpt, page->cap_excerpt);
	page->excerpt[page->n_excerpt++] = excerpt;
	return 1;
}

static int compare_excerpts(const void *a, const void *b)
{
	const struct excerpt *one = a, *other = b;

	if (one->block != other->block) {
		return one->block < other->block ? -1 : 1;
	}
	if (one->part != other->part) {
		return one->part < other->part ? -1 : 1;
	}
	if (one->first != other->first) {
		return one->first < other->first ? -1 : 1;
	}
	return one->turn != other->turn ? (one->turn < other->turn ? -1 : 1)
					: (one->index > other->index) - (one->index < other->index);
}

/* ---- the conversation ---- */

static void put_citation(struct page *page, const struct store_turn *turn, size_t index)
{
	const struct citation *citation = &turn->citation[index];
	FILE *out = page->out;
	struct buf place = BUF_INIT;
	int leads = add_excerpt(page, turn, index);

	export_citation_place(&place, citation);
	fputs("<li>", out);
	if (leads) {
		fprintf(out, "<a href=\"#q%lld-%zu\">", (long long)turn->id, index + 1);
	}
	put_text(out, export_verdict(citation));
	fputs(place.len ? ": " : "", out);
	put_text(out, buf_str(&place));
	fputs(leads ? "</a>" : "", out);
	if (citation->text[0]) {
		fputs(" <q>", out);
		put_text(out, citation->text);
		fputs("</q>", out);
	}
	fputs("</li>\n", out);
	buf_finish(&place);
}

static const char *stop_text(enum engine_stop stop)
{
	return stop == ENGINE_STOP_LENGTH ? ", cut at the most tokens of an answer"
	       : stop == ENGINE_STOP_END  ? ""
					  : ", interrupted";
}

static void put_turn(struct page *page, const struct store_turn *turn)
{
	FILE *out = page->out;
	char time[EXPORT_TIME_SIZE];

	fprintf(out, "<section id=\"t%lld\">\n<h3>Turn %lld</h3>\n<div class=\"question\">",
		(long long)turn->id, (long long)turn->id);
	put_bytes(out, turn->question, turn->question_len, ESCAPE_TEXT);
	fputs("</div>\n", out);
	if (turn->thinking_len) {
		fputs("<details><summary>thoughts</summary><div class=\"think\">", out);
		put_bytes(out, turn->thinking, turn->thinking_len, ESCAPE_TEXT);
		fputs("</div></details>\n", out);
	}
	fputs("<div class=\"answer\">", out);
	put_bytes(out, turn->text, turn->text_len, ESCAPE_TEXT);
	fputs("</div>\n", out);
	fputs(turn->n_citation ? "<ol>\n" : "", out);
	for (size_t i = 0; i < turn->n_citation; i++) {
		put_citation(page, turn, i);
	}
	fputs(turn->n_citation ? "</ol>\n" : "", out);
	fputs("<p class=\"dim\">", out);
	put_text(out, turn->model_name);
	fprintf(out, ", %s%s", export_time(time, turn->asked_s), stop_text(turn->stop));
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		struct buf read = BUF_INIT;

		session_coverage_text(&turn->reading.coverage, &read);
		fprintf(out, ", %s", buf_str(&read));
		buf_finish(&read);
	}
	if (turn->parent) {
		fprintf(out, ", after <a href=\"#t%lld\">turn %lld</a>", (long long)turn->parent,
			(long long)turn->parent);
	}
	fputs("</p>\n</section>\n", out);
}

static void put_conversation(struct page *page)
{
	const struct store_contents *contents = page->contents;
	size_t n_path, at = 0;
	int64_t *path = export_path(contents, contents->head, &n_path);

	fputs("<h2>Conversation</h2>\n", page->out);
	for (size_t i = 0; i < n_path; i++) {
		put_turn(page, export_turn(contents, path[i]));
	}
	fputs(n_path < contents->n_turn ? "<h2>Other branches</h2>\n" : "", page->out);
	for (size_t i = 0; i < contents->n_turn; i++) {
		if (at < n_path && path[at] == contents->turn[i].id) {
			at++;
		} else {
			put_turn(page, &contents->turn[i]);
		}
	}
	free(path);
}

/* ---- the sources ---- */

static void put_sources(struct page *page)
{
	FILE *out = page->out;
	char number[NUMBER_SIZE];

	fputs("<h2>Sources</h2>\n<table>\n", out);
	for (size_t i = 0; i < page->contents->n_block; i++) {
		const struct store_block *block = &page->contents->block[i];
		const struct document *document = &block->document;

		fprintf(out, "<tr><td>S%lld%s</td><td>", (long long)block->number,
			block->is_update ? " (new text)" : "");
		put_text(out, document->origin ? document->origin : document->name);
		fprintf(out, "</td><td>%s</td><td>%s%s</td></tr>\n",
			document_kind_name(document->kind),
			block->tokens < 0 ? "" : number_grouped(number, block->tokens),
			store_is_replaced(page->contents, block) ? "replaced since"
			: block->is_dropped                      ? "dropped since"
			: block->tokens < 0                      ? ""
								 : " tokens");
	}
	fputs("</table>\n", out);
}

static void put_anchor(FILE *out, const struct excerpt *excerpt)
{
	fprintf(out, "<a id=\"q%lld-%zu\"></a>", (long long)excerpt->turn, excerpt->index + 1);
}

static void put_line(FILE *out, int64_t number, const char *text, size_t len, int is_quoted)
{
	fprintf(out, "<span class=\"n\">%6lld  </span>%s", (long long)number,
		is_quoted ? "<mark>" : "");
	put_bytes(out, text, len, ESCAPE_TEXT);
	fputs(is_quoted ? "</mark>\n" : "\n", out);
}

/* The excerpts of one part, in the order of their first lines: those at [from, to) are left. */
struct run {
	const struct excerpt *excerpt;
	size_t from, to;
	int64_t around;
	int64_t n_hidden, last; /* lines that were left out since the last one shown; seen */
};

enum nearness { FAR, NEAR, QUOTED };

/* Of a line, which are asked about in their order; the anchors of the quotes that begin there. */
static enum nearness look_at_line(FILE *out, struct run *run, int64_t line)
{
	enum nearness nearness = FAR;

	while (run->from < run->to && run->excerpt[run->from].last + run->around < line) {
		run->from++;
	}
	for (size_t i = run->from; i < run->to && run->excerpt[i].first - run->around <= line;
		i++) {
		const struct excerpt *excerpt = &run->excerpt[i];

		if (line >= excerpt->first && line <= excerpt->last) {
			nearness = QUOTED;
		} else if (nearness == FAR && line <= excerpt->last + run->around) {
			nearness = NEAR;
		}
		if (line == excerpt->first) {
			put_anchor(out, excerpt);
		}
	}
	return nearness;
}

static void end_hidden(FILE *out, struct run *run)
{
	char number[NUMBER_SIZE];

	if (run->n_hidden) {
		fprintf(out, "<span class=\"n\">        %s more line%s</span>\n",
			number_grouped(number, run->n_hidden), run->n_hidden == 1 ? "" : "s");
	}
	run->n_hidden = 0;
}

static void look_and_put(FILE *out, struct run *run, int64_t line, const char *text, size_t len)
{
	enum nearness nearness = look_at_line(out, run, line);

	run->last = line;
	if (nearness == FAR) {
		run->n_hidden++;
		return;
	}
	end_hidden(out, run);
	put_line(out, line, text, len, nearness == QUOTED);
}

static void put_part(FILE *out, const struct part *part, struct run *run)
{
	const char *text = part->text;
	size_t len = part->len;

	for (int64_t line = 1; len; line++) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		look_and_put(out, run, line, text, n);
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
}

static void put_cues(FILE *out, const struct document *document, struct run *run)
{
	for (size_t i = 0; i < document->n_part; i++) {
		const struct part *part = &document->part[i];
		struct buf text = BUF_INIT;

		if (part->place.time_ms >= 0) {
			buf_addch(&text, '[');
			pack_time(&text, part->place.time_ms);
			buf_addstr(&text, "] ");
		}
		if (part->place.speaker) {
			buf_printf(&text, "%s: ", part->place.speaker);
		}
		buf_add(&text, part->text, part->len);
		look_and_put(out, run, (int64_t)i, buf_str(&text), text.len);
		buf_finish(&text);
	}
}

static void put_excerpts(struct page *page, size_t from, size_t to)
{
	const struct excerpt *first = &page->excerpt[from];
	const struct store_block *block = &page->contents->block[first->block];
	const struct document *document = &block->document;
	const struct part *part = &document->part[first->part];
	struct run run = {page->excerpt, from, to, .around = AROUND_LINES, .last = 0};
	FILE *out = page->out;
	char *path = document_part_path(
		document, document->origin ? document->origin : document->name, first->part);

	fprintf(out, "<h3>S%lld ", (long long)block->number);
	put_text(out, path);
	free(path);
	if (part->place.page > 0) {
		fprintf(out, ", page %lld", (long long)part->place.page);
	}
	fprintf(out, "%s</h3>\n<pre>", block->is_update ? " (new text)" : "");
	if (document->kind == DOCUMENT_TRANSCRIPT) {
		run.around = AROUND_CUES;
		put_cues(out, document, &run);
	} else {
		put_part(out, part, &run);
	}
	end_hidden(out, &run);
	/* A quote of lines that are not there (any more) leads to the end. */
	for (size_t i = from; i < to; i++) {
		if (page->excerpt[i].first > run.last ||
			(page->excerpt[i].first < 1 && document->kind != DOCUMENT_TRANSCRIPT)) {
			put_anchor(out, &page->excerpt[i]);
		}
	}
	fputs("</pre>\n", out);
}

static void put_quoted(struct page *page)
{
	size_t to;

	if (!page->n_excerpt) {
		return;
	}
	qsort(page->excerpt, page->n_excerpt, sizeof(*page->excerpt), compare_excerpts);
	fputs("<h2>Quoted lines</h2>\n", page->out);
	for (size_t from = 0; from < page->n_excerpt; from = to) {
		const struct excerpt *first = &page->excerpt[from];

		for (to = from + 1;
			to < page->n_excerpt && page->excerpt[to].block == first->block &&
			page->excerpt[to].part == first->part;
			to++) {
		}
		put_excerpts(page, from, to);
	}
}

void export_html(FILE *out, const struct export_session *session)
{
	struct page page = {.out = out, .contents = session->contents};
	const char *name = store_setting(session->contents, STORE_NAME);
	const char *title = name && name[0] ? name : session->id;
	char time[EXPORT_TIME_SIZE];

	fputs("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
		out);
	put_text(out, title);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
	put_text(out, title);
	fprintf(out, "</h1>\n<p class=\"dim\">A carrel session, begun %s",
		export_time(time, session->contents->made_s));
	fprintf(out, ", last used %s.</p>\n", export_time(time, session->contents->used_s));
	put_sources(&page);
	put_conversation(&page);
	put_quoted(&page);
	fputs("</body>\n</html>\n", out);
	free(page.excerpt);
}
