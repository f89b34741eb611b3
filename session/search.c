#include "session/search.h"

#include "base/mem.h"
#include "session/search_index.h"
#include "session/search_words.h"

#include <stdlib.h>
#include <string.h>

enum {
	SHOWN_BYTES = 320, /* of a hit, about: whole lines, where they are not too long */
};

struct search {
	sqlite3 *db; /* holds the tokenizer */
	struct words *words;
	struct phrases *phrases;
};

int search_create(struct search **out, const char *words, struct err *err)
{
	struct search *search = mem_zero(1, sizeof(*search));

	if (words_open(&search->db, &search->words, err) < 0 ||
		phrases_create(&search->phrases, search->words, words, err) < 0) {
		search_destroy(search);
		return -1;
	}
	*out = search;
	return 0;
}

void search_destroy(struct search *search)
{
	if (search) {
		phrases_destroy(search->phrases);
		sqlite3_close(search->db);
		free(search);
	}
}

void search_result_finish(struct search_result *result)
{
	for (size_t i = 0; i < result->n_hit; i++) {
		free(result->hit[i].text);
		free(result->hit[i].mark);
	}
	free(result->hit);
	*result = (struct search_result){0};
}

/* ---- one hit ---- */

/* The text that a passage is a piece of, as far as it is shown. */
struct around {
	const char *text;
	size_t len;
};

static size_t line_begin(const char *text, size_t at, size_t least)
{
	const char *end = at > least ? memrchr(text + least, '\n', at - least) : NULL;

	return end ? (size_t)(end + 1 - text) : least;
}

/*
 * What is shown: the line of the first word, and lines after it while there is room; of a line that is
 * too long, what stands around the word. Bytes [from, to) of the text.
 */
static void choose_shown(const struct around *around, size_t at, size_t *from, size_t *to)
{
	const char *text = around->text;
	size_t least = at > SHOWN_BYTES / 2 ? at - SHOWN_BYTES / 2 : 0, most;
	const char *end;

	while (least > 0 && least < at && ((unsigned char)text[least] & 0xc0) == 0x80) {
		least++; /* not inside a character */
	}
	*from = line_begin(text, at, least);
	most = *from + SHOWN_BYTES < around->len ? *from + SHOWN_BYTES : around->len;
	while (most > at && most < around->len && ((unsigned char)text[most] & 0xc0) == 0x80) {
		most--;
	}
	end = most < around->len || text[most - 1] == '\n' ? memrchr(text + at, '\n', most - at)
							   : NULL;
	*to = end ? (size_t)(end - text) : most;
}

static int64_t line_at(const char *text, size_t at)
{
	int64_t line = 1;

	for (const char *end; at && (end = memchr(text, '\n', at)); line++) {
		at -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return line;
}

/* The text of the part, or turn, that a passage belongs to. */
static struct around whole_text(
	const struct passages *passages, const struct passage *passage, size_t part)
{
	const struct store_contents *contents = passages->contents;

	if (passage->turn) {
		const struct store_turn *turn = &contents->turn[passage->turn - 1];

		return passage->is_answer ? (struct around){turn->text, turn->text_len}
					  : (struct around){turn->question, turn->question_len};
	}
	return (struct around){contents->block[passage->block].document.part[part].text,
		contents->block[passage->block].document.part[part].len};
}

struct finder {
	struct search *search;
	const struct passages *passages;
	struct search_result *to;
};

static void add_hit(struct finder *finder, size_t index, size_t first)
{
	const struct passage *passage = &finder->passages->item[index];
	struct search_result *to = finder->to;
	struct search_hit *hit;
	size_t at, from, end;
	size_t part = passage_part(finder->passages, index, first, &at);
	struct around around = whole_text(finder->passages, passage, part);
	int is_inside;

	choose_shown(&around, at, &from, &end);
	mem_grow(to->hit, to->n_hit, to->cap_hit);
	hit = &to->hit[to->n_hit++];
	*hit = (struct search_hit){
		.turn = passage->turn ? finder->passages->contents->turn[passage->turn - 1].id : 0,
		.is_answer = passage->is_answer,
		.block = passage->block,
		.part = part,
		.line = line_at(around.text, at),
		.text = mem_strndup(around.text + from, end - from),
		.text_len = end - from,
	};
	hit->mark = phrases_find(finder->search->phrases, finder->search->words, hit->text,
		hit->text_len, SIZE_MAX, &is_inside, &hit->n_mark);
}

/* What only begins behind the end of a passage is found in the next one. */
static int on_passage(void *arg, size_t index)
{
	struct finder *finder = arg;
	struct search *search = finder->search;
	const struct passage *passage;
	struct buf made = BUF_INIT;
	struct search_mark *mark;
	size_t len, count;
	const char *text;
	int is_inside;

	if (index >= finder->passages->count) {
		return 0;
	}
	passage = &finder->passages->item[index];
	text = passage_text(finder->passages, index, &made, &len);
	mark = phrases_find(
		search->phrases, search->words, text, len, passage->len, &is_inside, &count);
	if (is_inside) {
		add_hit(finder, index, mark[0].at);
	}
	free(mark);
	buf_finish(&made);
	return is_inside;
}

/* ---- a session ---- */

static int find_in(struct search *search, struct index_file *index, const struct passages *passages,
	size_t most, struct search_result *out, struct err *err)
{
	struct finder finder = {search, passages, out};

	return search_index_find(index, phrases_expression(search->phrases), most, on_passage,
		&finder, &out->n_found, err);
}

static int search_turns(struct search *search, const struct store_contents *contents, size_t most,
	struct search_result *out, struct err *err)
{
	struct passages passages;
	struct index_file index = {0};
	int status;

	passages_of_turns(&passages, contents);
	status = search_index_make(&index, &passages, err);
	if (status == 0) {
		status = find_in(search, &index, &passages, most, out, err);
	}
	index_file_close(&index);
	passages_finish(&passages);
	return status;
}

/* The index that is there, or a new one. */
static int open_index(struct index_file *index, const struct passages *passages, const char *folder,
	struct err *err)
{
	struct sha256_digest digest;
	int status;

	if (!folder) {
		return search_index_make(index, passages, err);
	}
	digest = passages_digest(passages->contents);
	status = index_file_read(index, &search_index_kind, folder, &digest, err);
	if (status > 0) {
		status = search_index_make(index, passages, err);
		if (status == 0) {
			index_file_write(index, folder, &digest);
		}
	}
	return status;
}

static int search_sources(struct search *search, const struct store_contents *contents,
	const char *folder, size_t most, struct search_result *out, struct err *err)
{
	struct passages passages;
	struct index_file index = {0};
	int status;

	passages_of_sources(&passages, contents);
	status = open_index(&index, &passages, folder, err);
	if (status == 0) {
		status = find_in(search, &index, &passages, most, out, err);
	}
	index_file_close(&index);
	passages_finish(&passages);
	return status;
}

int search_session(struct search *search, const struct store_contents *contents, const char *folder,
	size_t most, struct search_result *out, struct err *err)
{
	*out = (struct search_result){0};
	if (search_turns(search, contents, most, out, err) < 0 ||
		search_sources(search, contents, folder, most, out, err) < 0) {
		search_result_finish(out);
		return -1;
	}
	return 0;
}
