/* The reader at a citation: which text has its words, and the citations before and behind it. */
#include "tui/view_reader.h"

#include "base/mem.h"
#include "session/cite_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct desk_source *source_of(const struct app *app, const struct citation *citation)
{
	int64_t number;
	size_t end;

	if (!citation->source || !parse_source_number(citation->source, strlen(citation->source), 0,
					 &number, &end)) {
		return NULL;
	}
	for (size_t i = 0; i < app->state->n_source; i++) {
		if (app->state->source[i].number == number) {
			return &app->state->source[i];
		}
	}
	return NULL;
}

static int try_version(struct reader *reader, const struct desk_source *source, int version,
	const struct citation *citation)
{
	if (reader->number != source->number || reader->version != version ||
		reader->n_text != (int)source->n_text) {
		reader_set_version(reader, source, version);
	}
	reader->quote = reader_has_text(reader)
				? document_find_quote(&reader->lines, citation, &reader->quoted)
				: DOCUMENT_QUOTE_NOWHERE;
	return reader->quote == DOCUMENT_QUOTE_WORDS;
}

/* The text that has the words: the newest, else the newest of those it is made of. */
static void find_version(
	struct reader *reader, const struct desk_source *source, const struct citation *citation)
{
	if (!citation->superseded && try_version(reader, source, READER_NEWEST, citation)) {
		return;
	}
	for (int i = (int)source->n_text - 1; i >= 0 && source->n_text > 1; i--) {
		if (try_version(reader, source, i, citation)) {
			return;
		}
	}
	/* As words they stand nowhere: where the citation says. */
	try_version(reader, source, citation->superseded && source->n_text > 1 ? 0 : READER_NEWEST,
		citation);
}

static void show_quote(struct reader *reader)
{
	if (reader->quote == DOCUMENT_QUOTE_NOWHERE) {
		app_say(reader->view.app,
			"the place of this citation is not in the source any more");
		return;
	}
	if (!reader->wraps) {
		reader->shift = 0;
	}
	reader->top = document_rows_at(&reader->rows, reader->quoted.first);
	reader->brings_quote = 1;
	app_touch(reader->view.app);
}

/* Remember which one it is, so that Tab goes on from there. */
static void note_citation(struct reader *reader, const struct citation *citation)
{
	const struct desk_state *state = reader->view.app->state;

	for (size_t i = 0; i < state->n_path; i++) {
		const struct desk_turn *turn = desk_state_turn(state, state->path[i]);

		for (size_t k = 0; turn && k < turn->n_citation; k++) {
			if (&turn->citation[k] == citation) {
				reader->turn = turn->id;
				reader->citation = k;
			}
		}
	}
}

void app_open_citation(struct app *app, const struct citation *citation)
{
	const struct desk_source *source = source_of(app, citation);
	struct reader *reader;

	if (!source || source->n_text == 0) {
		app_say(app,
			citation->source ? "%s is not a source any more"
					 : "these words stand in no source",
			citation->source);
		return;
	}
	view_open(app, &view_reader, citation->source);
	reader = reader_find(app);
	if (reader) {
		free(reader->wanted);
		reader->wanted = NULL;
		find_version(reader, source, citation);
		show_quote(reader);
		note_citation(reader, citation);
	}
}

/* ---- from one to the next ---- */

struct cited {
	const struct citation *citation;
	const struct desk_turn *turn;
	size_t index;
};

static struct cited *list_citations(const struct reader *reader, size_t *count)
{
	const struct desk_state *state = reader->view.app->state;
	struct cited *cited = NULL;
	size_t cap = 0;
	char id[24];

	snprintf(id, sizeof(id), "S%" PRId64, reader->number);
	*count = 0;
	for (size_t i = 0; i < state->n_path; i++) {
		const struct desk_turn *turn = desk_state_turn(state, state->path[i]);

		for (size_t k = 0; turn && k < turn->n_citation; k++) {
			const struct citation *citation = &turn->citation[k];

			if (citation->source && strcmp(citation->source, id) == 0) {
				mem_grow(cited, *count, cap);
				cited[(*count)++] = (struct cited){citation, turn, k};
			}
		}
	}
	return cited;
}

void reader_step_citation(struct reader *reader, int step)
{
	struct app *app = reader->view.app;
	const struct desk_source *source = reader_source(reader);
	size_t count, at = SIZE_MAX;
	struct cited *cited = list_citations(reader, &count);

	if (count == 0 || !source) {
		app_say(app, "nothing of this source is cited in the conversation");
		free(cited);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (cited[i].turn->id == reader->turn && cited[i].index == reader->citation) {
			at = i;
		}
	}
	if (at == SIZE_MAX) { /* none of these was opened: the first, or the last */
		at = step > 0 ? count - 1 : 0;
	}
	at = (at + count + (size_t)(step > 0 ? 1 : count - 1)) % count;
	reader->turn = cited[at].turn->id;
	reader->citation = cited[at].index;
	find_version(reader, source, cited[at].citation);
	show_quote(reader);
	app_say(app, "citation %zu of %zu: turn %" PRId64 ", %s%s", at + 1, count,
		cited[at].turn->id, verdict_name(cited[at].citation->verdict),
		reader->quote == DOCUMENT_QUOTE_LINES ? " (its lines are marked)" : "");
	free(cited);
}
