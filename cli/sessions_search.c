/* carrel sessions search: passages of sources and turns, in all sessions or in one. */
#include "cli/sessions.h"

#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/output.h"
#include "session/pack.h"
#include "session/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct searching {
	const struct options *options;
	struct search *search;
	json_t *list; /* NULL: text */
	int64_t n_found, n_shown;
	size_t n_unread;
	int has_style;
};

/* ---- one hit ---- */

/* "S1 src/init.c:12", "S2 spec.pdf p.37 (21)", "S3 standup.vtt 00:01:02 (Ana)", "turn 4, answer:3". */
static void add_place(
	struct buf *out, const struct store_contents *contents, const struct search_hit *hit)
{
	const struct store_block *block;
	const struct part_place *place;
	char *path;

	if (hit->turn) {
		buf_printf(out, "turn %lld, %s:%lld", (long long)hit->turn,
			hit->is_answer ? "answer" : "question", (long long)hit->line);
		return;
	}
	block = &contents->block[hit->block];
	place = &block->document.part[hit->part].place;
	path = document_part_path(&block->document,
		block->document.origin ? block->document.origin : block->document.name, hit->part);
	buf_printf(out, "S%lld %s", (long long)block->number, path);
	free(path);
	if (place->page > 0) {
		buf_printf(out, " p.%lld", (long long)place->page);
		if (place->label) {
			buf_printf(out, " (%s)", place->label);
		}
	} else if (block->document.kind == DOCUMENT_TRANSCRIPT) {
		if (place->time_ms >= 0) {
			buf_addch(out, ' ');
			pack_time(out, place->time_ms);
		}
		if (place->label) {
			buf_printf(out, " %s", place->label);
		}
		if (place->speaker) {
			buf_printf(out, " (%s)", place->speaker);
		}
	} else {
		buf_printf(out, ":%lld", (long long)hit->line);
	}
}

static json_t *marks_json(const struct search_hit *hit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < hit->n_mark; i++) {
		json_array_append_new(
			list, output_json_bytes(hit->text + hit->mark[i].at, hit->mark[i].len));
	}
	return list;
}

static json_t *hit_json(const struct sessions_read *read, const struct search_hit *hit)
{
	const struct store_block *block = hit->turn ? NULL : &read->contents.block[hit->block];
	const struct part_place *place = block ? &block->document.part[hit->part].place : NULL;
	json_t *object = json_object();
	char *source = block ? mem_printf("S%lld", (long long)block->number) : NULL;
	char *path = block ? document_part_path(&block->document,
				     block->document.origin ? block->document.origin
							    : block->document.name,
				     hit->part)
			   : NULL;

	json_object_set_new(object, "session", output_json_string(sessions_read_name(read)));
	json_object_set_new(object, "id", json_string(read->id));
	json_object_set_new(object, "turn", hit->turn ? json_integer(hit->turn) : json_null());
	json_object_set_new(object, "in",
		json_string(!hit->turn       ? "source"
			    : hit->is_answer ? "answer"
					     : "question"));
	json_object_set_new(object, "source", output_json_string(source));
	json_object_set_new(object, "path", output_json_string(path));
	json_object_set_new(
		object, "page", place && place->page > 0 ? json_integer(place->page) : json_null());
	json_object_set_new(object, "label", output_json_string(place ? place->label : NULL));
	json_object_set_new(object, "time",
		place && place->time_ms >= 0 ? output_json_number((double)place->time_ms / 1000)
					     : json_null());
	json_object_set_new(object, "speaker", output_json_string(place ? place->speaker : NULL));
	json_object_set_new(object, "line", json_integer(hit->line));
	json_object_set_new(object, "text", output_json_bytes(hit->text, hit->text_len));
	json_object_set_new(object, "marks", marks_json(hit));
	free(source);
	free(path);
	return object;
}

/* The lines of a hit, each behind two spaces; its words are bold on a terminal. Always escaped. */
static void print_snippet(const struct searching *searching, const struct search_hit *hit)
{
	struct buf shown = BUF_INIT;
	size_t mark = 0;

	for (size_t at = 0; at < hit->text_len;) {
		const struct search_mark *next = mark < hit->n_mark ? &hit->mark[mark] : NULL;
		int is_mark = next && next->at == at;
		size_t end = is_mark ? at + next->len : next ? next->at : hit->text_len;

		for (size_t line = at; line < end;) {
			const char *feed = memchr(hit->text + line, '\n', end - line);
			size_t stop = feed ? (size_t)(feed - hit->text) : end;

			buf_addstr(&shown, line == 0 || hit->text[line - 1] == '\n' ? "  " : "");
			buf_addstr(&shown, is_mark && searching->has_style ? "\033[1m" : "");
			escape_add(&shown, hit->text + line, stop - line, ESCAPE_TEXT);
			buf_addstr(&shown, is_mark && searching->has_style ? "\033[0m" : "");
			buf_addstr(&shown, feed ? "\n" : "");
			line = stop + (feed != NULL);
		}
		mark += is_mark;
		at = end;
	}
	fwrite(buf_str(&shown), 1, shown.len, stdout);
	fputc('\n', stdout);
	buf_finish(&shown);
}

static void tell_hit(
	struct searching *searching, const struct sessions_read *read, const struct search_hit *hit)
{
	struct buf place = BUF_INIT;

	searching->n_shown++;
	if (searching->list) {
		json_array_append_new(searching->list, hit_json(read, hit));
		return;
	}
	add_place(&place, &read->contents, hit);
	output_line("%s: %s", sessions_read_name(read), buf_str(&place));
	print_snippet(searching, hit);
	buf_finish(&place);
}

/* ---- sessions ---- */

static int search_folder(struct searching *searching, const char *folder, struct err *err)
{
	struct search_result result;
	struct sessions_read read;
	int status;

	if (sessions_read_folder(&read, folder, err) < 0) {
		return -1;
	}
	status = search_session(searching->search, &read.contents, folder,
		(size_t)searching->options->n_hit, &result, err);
	if (status == 0) {
		for (size_t i = 0; i < result.n_hit; i++) {
			tell_hit(searching, &read, &result.hit[i]);
		}
		searching->n_found += result.n_found;
		search_forget_dropped(read.folder, &read.contents);
		search_result_finish(&result);
	}
	sessions_read_finish(&read);
	return status;
}

/* One that cannot be read hides no other. */
static int search_all(struct searching *searching, struct err *err)
{
	struct catalogue catalogue;
	struct err own;

	if (catalogue_read(&catalogue, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < catalogue.n_session; i++) {
		if (search_folder(searching, catalogue.session[i].folder, &own) < 0) {
			log_err(&own);
			searching->n_unread++;
		}
	}
	catalogue_finish(&catalogue);
	return 0;
}

static int search_sessions(struct searching *searching, struct err *err)
{
	char *folder;
	int status;

	if (!searching->options->session) {
		return search_all(searching, err);
	}
	if (catalogue_find(searching->options->session, 0, &folder, err) < 0) {
		return -1;
	}
	status = search_folder(searching, folder, err);
	free(folder);
	return status;
}

static char *join_words(const struct options *options)
{
	struct buf words = BUF_INIT;

	for (size_t i = 1; i < options->n_argument; i++) {
		buf_addstr(&words, i > 1 ? " " : "");
		buf_addstr(&words, options->argument[i]);
	}
	return buf_take(&words);
}

int sessions_search(struct options *options, struct err *err)
{
	struct searching searching = {.options = options,
		.list = options->json ? json_array() : NULL,
		.has_style = output_has_style()};
	char *words = join_words(options);
	int status = sessions_check_arguments(
		options, 1, SIZE_MAX - 1, "carrel sessions search WORDS", err);

	if (status == 0) {
		status = search_create(&searching.search, words, err);
	}
	if (status == 0) {
		status = search_sessions(&searching, err);
	}
	if (status == 0 && searching.list) {
		output_json(json_incref(searching.list));
	}
	if (status == 0 && !searching.n_found && !searching.n_unread) {
		log_note("nothing is found");
	}
	if (status == 0 && searching.n_found > searching.n_shown) {
		log_note("%lld of %lld passages are shown; -n shows more",
			(long long)searching.n_shown, (long long)searching.n_found);
	}
	json_decref(searching.list);
	search_destroy(searching.search);
	free(words);
	return status < 0 ? -1 : searching.n_unread ? ERR_INPUTS : 0;
}
