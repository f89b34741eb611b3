/* A session of every kind of row: sources of each kind, updates, turns that fork, citations. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "session/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text that neither C nor UTF-8 has a word for. */
static const char odd_text[] = "a NUL \0, a stray byte \xff\xfe, no line end";

static inline void add_part(struct document *document, const char *path, int64_t page,
	const char *label, int64_t time_ms, const char *text, size_t len)
{
	struct part *part = document_add_part(document);

	part->place.path = mem_strdup(path);
	part->place.page = page;
	part->place.label = mem_strdup(label);
	part->place.time_ms = time_ms;
	part->place.speaker = time_ms >= 0 ? mem_strdup("Ana") : NULL;
	part->text = mem_alloc(len + 1);
	memcpy(part->text, text, len);
	part->len = len;
}

/* Block `id` of source `number`; what it owns ends with document_finish(). */
static inline struct store_block make_block(int64_t id, int64_t number, enum document_kind kind)
{
	struct store_block block = {
		.id = id, .number = number, .tokens = -1, .loaded_s = 1700000000};
	struct document *document = &block.document;
	char text[64];

	document->kind = kind;
	document->name = mem_printf("source-%d", (int)number);
	document->origin = mem_printf("/somewhere/source-%d", (int)number);
	document->rev = kind == DOCUMENT_CODE ? mem_strdup("a1b2c3d") : NULL;
	for (int i = 0; i < 3; i++) {
		int len = snprintf(
			text, sizeof(text), "block %d, part %d\nsecret-%d\n", (int)id, i, (int)id);

		add_part(document, kind == DOCUMENT_CODE ? "src/ring.c" : NULL,
			kind == DOCUMENT_PDF ? i + 1 : 0, kind == DOCUMENT_PDF ? "iv" : NULL,
			kind == DOCUMENT_TRANSCRIPT ? 1000 * i : -1, text, (size_t)len);
	}
	add_part(document, NULL, 0, NULL, -1, odd_text, sizeof(odd_text) - 1);
	add_part(document, NULL, 0, NULL, -1, "", 0);
	document_add_heading(document, 1, "Beginning", 9, 0, 1);
	document_add_heading(document, 2, "End", 3, 2, 2);
	document->n_pages = kind == DOCUMENT_PDF ? 4 : 0;
	document->running = (struct running_lines){.n_lines = 2, .n_pages = 3, .are_dropped = 1};
	return block;
}

static inline struct store_turn make_turn(int64_t id, int64_t parent)
{
	struct store_turn turn = {.id = id,
		.parent = parent,
		.open = PROMPT_MODEL_OPEN,
		.stop = ENGINE_STOP_LENGTH,
		.usage = {.prompt_tok = 100 + id,
			.cached_tok = 90,
			.generated_tok = 7,
			.disk_tok = 64,
			.prefill_ms = 12.5,
			.restore_ms = -0.0,
			.first_token_ms = 1e300,
			.decode_ms = 3},
		.asked_s = 1700000000 + id};

	turn.question = mem_printf("question %d?", (int)id);
	turn.question_len = strlen(turn.question);
	turn.text = mem_alloc(sizeof(odd_text));
	memcpy(turn.text, odd_text, sizeof(odd_text));
	turn.text_len = sizeof(odd_text) - 1;
	turn.thinking = mem_strdup("hm");
	turn.thinking_len = 2;
	turn.n_ids = (size_t)id % 3;
	turn.ids = mem_zero(turn.n_ids + 1, sizeof(*turn.ids));
	for (size_t i = 0; i < turn.n_ids; i++) {
		turn.ids[i] = UINT32_MAX - (uint32_t)i;
	}
	turn.model_name = mem_strdup("tiny");
	memset(turn.model_digest, 'a', 64);
	memset(turn.tokenizer_digest, 'b', 64);
	if (id % 3 == 0) {
		turn.reading = (struct reading_record){
			.coverage = {.over = SESSION_OVER_SWEEP,
				.n_window = 214,
				.n_read = 200 + id % 10,
				.n_chunk = 4000,
				.n_chunk_read = 3900,
				.total_tok = 1000000,
				.read_tok = 987654,
				.n_find = 7,
				.n_find_used = 6,
				.n_turn = 2,
				.n_turn_read = 1,
				.is_stopped = 1},
			.usage = {.prompt_tok = INT64_C(5000000000), .decode_ms = 0.25},
			.reading_ms = 1.5,
		};
	}
	turn.n_citation = 2;
	turn.citation = mem_zero(turn.n_citation, sizeof(*turn.citation));
	turn.citation[0] = (struct citation){.text = mem_strdup("the ring"),
		.source = mem_strdup("S1"),
		.path = mem_strdup("src/ring.c"),
		.label = mem_strdup("iv"),
		.page = 3,
		.time_ms = -1,
		.line_first = 1,
		.line_last = 2,
		.verdict = VERDICT_MOVED,
		.superseded = 1,
		.answer_offset = 5};
	turn.citation[1] = (struct citation){
		.text = mem_strdup(""), .time_ms = 1000, .verdict = VERDICT_NOT_FOUND};
	return turn;
}

/* Everything about a session as text, so that two of them can be compared and shown. */
static inline void dump_bytes(struct buf *out, const char *bytes, size_t len)
{
	if (!bytes) {
		buf_addstr(out, " -");
		return;
	}
	buf_addstr(out, " \"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		buf_printf(out, c >= 0x20 && c < 0x7f && c != '"' ? "%c" : "\\x%02x", c);
	}
	buf_addch(out, '"');
}

static inline void dump_text(struct buf *out, const char *text)
{
	dump_bytes(out, text, text ? strlen(text) : 0);
}

static inline void dump_block(struct buf *out, const struct store_block *block)
{
	const struct document *document = &block->document;

	buf_printf(out, "block %lld S%lld %d%d %s", (long long)block->id, (long long)block->number,
		block->is_update, block->is_dropped, document_kind_name(document->kind));
	dump_text(out, document->name);
	dump_text(out, document->origin);
	dump_text(out, document->rev);
	buf_printf(out, " pages %lld running %lld %lld %d tokens %lld loaded %lld\n",
		(long long)document->n_pages, (long long)document->running.n_lines,
		(long long)document->running.n_pages, document->running.are_dropped,
		(long long)block->tokens, (long long)block->loaded_s);
	for (size_t i = 0; i < document->n_part; i++) {
		const struct part *part = &document->part[i];

		buf_addstr(out, "  part");
		dump_text(out, part->place.path);
		buf_printf(out, " %lld", (long long)part->place.page);
		dump_text(out, part->place.label);
		buf_printf(out, " %lld", (long long)part->place.time_ms);
		dump_text(out, part->place.speaker);
		dump_bytes(out, part->text, part->len);
		buf_addch(out, '\n');
	}
	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];

		buf_addstr(out, "  heading");
		dump_text(out, heading->title);
		buf_printf(out, " %d %zu %lld\n", heading->level, heading->part,
			(long long)heading->line);
	}
}

static inline void dump_citation(struct buf *out, const struct citation *citation)
{
	buf_addstr(out, "  citation");
	dump_text(out, citation->text);
	dump_text(out, citation->source);
	dump_text(out, citation->path);
	buf_printf(out, " %lld", (long long)citation->page);
	dump_text(out, citation->label);
	buf_printf(out, " %lld", (long long)citation->time_ms);
	dump_text(out, citation->speaker);
	buf_printf(out, " %lld-%lld %s %d %zu\n", (long long)citation->line_first,
		(long long)citation->line_last, verdict_name(citation->verdict),
		citation->superseded, citation->answer_offset);
}

static inline void dump_reading(struct buf *out, const struct reading_record *reading)
{
	const struct session_coverage *coverage = &reading->coverage;
	const struct engine_usage *usage = &reading->usage;

	if (coverage->over == SESSION_OVER_FAIL) {
		return;
	}
	buf_printf(out,
		"  coverage %s windows %lld/%lld chunks %lld/%lld tokens %lld/%lld finds %lld/%lld "
		"turns %lld/%lld stopped %d usage %lld %lld %lld %lld %lld %lld %g %g %g %g ms "
		"%g\n",
		session_over_name(coverage->over), (long long)coverage->n_read,
		(long long)coverage->n_window, (long long)coverage->n_chunk_read,
		(long long)coverage->n_chunk, (long long)coverage->read_tok,
		(long long)coverage->total_tok, (long long)coverage->n_find_used,
		(long long)coverage->n_find, (long long)coverage->n_turn_read,
		(long long)coverage->n_turn, coverage->is_stopped, (long long)usage->prompt_tok,
		(long long)usage->cached_tok, (long long)usage->prefill_tok,
		(long long)usage->generated_tok, (long long)usage->disk_tok,
		(long long)usage->thinking_tok, usage->restore_ms, usage->prefill_ms,
		usage->first_token_ms, usage->decode_ms, reading->reading_ms);
}

static inline void dump_turn(struct buf *out, const struct store_turn *turn)
{
	const struct engine_usage *usage = &turn->usage;

	buf_printf(out, "turn %lld after %lld open %d stop %d asked %lld", (long long)turn->id,
		(long long)turn->parent, turn->open, turn->stop, (long long)turn->asked_s);
	dump_bytes(out, turn->question, turn->question_len);
	dump_bytes(out, turn->text, turn->text_len);
	dump_bytes(out, turn->thinking, turn->thinking_len);
	dump_text(out, turn->model_name);
	dump_text(out, turn->model_digest);
	dump_text(out, turn->tokenizer_digest);
	buf_addstr(out, " ids");
	for (size_t i = 0; i < turn->n_ids; i++) {
		buf_printf(out, " %u", turn->ids[i]);
	}
	buf_printf(out, " usage %lld %lld %lld %lld %lld %lld %g %g %g %g\n",
		(long long)usage->prompt_tok, (long long)usage->cached_tok,
		(long long)usage->prefill_tok, (long long)usage->generated_tok,
		(long long)usage->disk_tok, (long long)usage->thinking_tok, usage->restore_ms + 0.0,
		usage->prefill_ms, usage->first_token_ms, usage->decode_ms);
	dump_reading(out, &turn->reading);
	for (size_t i = 0; i < turn->n_citation; i++) {
		dump_citation(out, &turn->citation[i]);
	}
}

/* malloc'ed; when it was used is left out. */
static inline char *dump_contents(const struct store_contents *contents)
{
	struct buf out = BUF_INIT;

	buf_printf(&out, "head %lld draft", (long long)contents->head);
	dump_text(&out, contents->draft);
	buf_addch(&out, '\n');
	for (size_t i = 0; i < contents->n_setting; i++) {
		buf_printf(&out, "setting %s", contents->setting[i].key);
		dump_text(&out, contents->setting[i].value);
		buf_addch(&out, '\n');
	}
	for (size_t i = 0; i < contents->n_block; i++) {
		dump_block(&out, &contents->block[i]);
	}
	for (size_t i = 0; i < contents->n_turn; i++) {
		dump_turn(&out, &contents->turn[i]);
	}
	for (size_t i = 0; i < contents->n_place; i++) {
		buf_printf(&out, "place %lld %lld\n", (long long)contents->place[i].turn,
			(long long)contents->place[i].block);
	}
	return buf_take(&out);
}

static inline struct store *store_new(const char *name)
{
	struct store *store;
	struct err err = {0};

	if (store_create(&store, name, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return store;
}

static inline struct store *store_again(const char *name, enum store_mode mode)
{
	struct store *store;
	struct err err = {0};

	if (store_open(&store, name, mode, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return store;
}

static inline void commit(struct store *store, const struct store_change *change)
{
	struct err err = {0};
	char text[1024];

	if (store_commit(store, change, &err) < 0) {
		fail_msg("%s", err_format(&err, text, sizeof(text)));
	}
}

/* malloc'ed. */
static inline char *dump_store(struct store *store)
{
	struct store_contents contents;
	struct err err = {0};
	char text[1024], *dump;

	if (store_read(store, &contents, &err) < 0) {
		fail_msg("%s", err_format(&err, text, sizeof(text)));
	}
	dump = dump_contents(&contents);
	store_contents_finish(&contents);
	return dump;
}

/* Four sources of the four kinds, an update, six turns in two branches, settings, a draft. */
static inline void fill_store(struct store *store)
{
	char key[] = "option.model", value[] = "/models/tiny.gguf", name[] = STORE_NAME,
	     own_name[] = "review";
	struct store_setting setting[] = {{key, value}, {name, own_name}};
	struct store_place place[] = {
		{STORE_FRONT, 2}, {STORE_FRONT, 1}, {3, 3}, {3, 4}, {STORE_WAITING, 5}};
	struct store_change change = {.n_block = 5,
		.place = place,
		.n_place = 0,
		.setting = setting,
		.n_setting = 2,
		.draft = "half a \"question"};
	struct store_block block[5];
	static const int64_t parent[] = {0, 1, 2, 1, 4, 0};

	for (int i = 0; i < 4; i++) {
		block[i] = make_block(i + 1, i + 1, (enum document_kind)i);
	}
	block[4] = make_block(5, 2, DOCUMENT_CODE);
	block[4].is_update = 1;
	block[4].tokens = 1234;
	change.block = block;
	commit(store, &change);
	for (int i = 0; i < 5; i++) {
		document_finish(&block[i].document);
	}
	for (int i = 0; i < 6; i++) {
		struct store_turn turn = make_turn(i + 1, parent[i]);
		struct store_change next = {.turn = &turn, .head = i + 1, .has_head = 1};

		if (i == 2) {
			next.place = place;
			next.n_place = 5;
			next.has_places = 1;
		}
		commit(store, &next);
		store_turn_finish(&turn);
	}
}

#endif
