/*
 * A paste comes in pieces, seconds apart where the other end is slow: each is in the line at once. One
 * that grows beyond INPUT_PASTE_SOURCE_BYTES leaves the line again and becomes a source.
 */
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "tui/input_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASTE_BYTES = 256 << 20 }; /* more is no paste that anybody meant */

static const char replacement[] = "\xef\xbf\xbd";

/*
 * What the bytes mean: line ends as line feeds, UTF-8 where the last character is not cut, no NUL.
 * What may still become a character waits in `rest`.
 */
static void clean(
	struct input_paste *paste, const char *bytes, size_t len, int is_last, struct buf *out)
{
	struct buf raw = BUF_INIT;
	size_t whole;

	buf_add(&raw, paste->rest.data, paste->rest.len);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\r') {
			buf_addch(&raw, '\n');
		} else if (bytes[i] == 0) {
			buf_addstr(&raw, replacement);
		} else if (bytes[i] != '\n' || !paste->was_return) {
			buf_addch(&raw, bytes[i]);
		}
		paste->was_return = bytes[i] == '\r';
	}
	whole = raw.len - (is_last ? 0 : utf8_incomplete_tail(buf_str(&raw), raw.len));
	buf_add_utf8(out, buf_str(&raw), whole);
	buf_clear(&paste->rest);
	buf_add(&paste->rest, buf_str(&raw) + whole, raw.len - whole);
	buf_finish(&raw);
}

/* Out of the line again, and all of it together. */
static void make_long(struct input_paste *paste)
{
	size_t len, point;
	const char *line = input_line(&len, &point);

	paste->is_long = 1;
	if (paste->at + paste->len <= len) {
		buf_add(&paste->text, line + paste->at, paste->len);
		input_replace(paste->at, paste->len, "", 0);
		input_end_change();
	}
}

static void add_long(struct input_paste *paste, const struct buf *piece)
{
	if (paste->text.len + piece->len > PASTE_BYTES ||
		buf_try_reserve(&paste->text, piece->len) < 0) {
		paste->is_cut = 1;
		return;
	}
	buf_add(&paste->text, piece->data, piece->len);
}

/* A prompt takes a line: what stands behind its end is left out. */
static void add_to_prompt(const struct buf *piece)
{
	size_t len, point;

	input_line(&len, &point);
	input_replace(point, 0, buf_str(piece), strcspn(buf_str(piece), "\n"));
}

/* Into what is searched for: as typed, without what would be a key there. */
static void add_to_search(struct input *input, const struct buf *piece)
{
	for (size_t i = 0; i < piece->len && piece->data[i] != '\n';) {
		uint32_t cp = 0;
		size_t n = utf8_decode(piece->data + i, piece->len - i, &cp);

		if (cp >= 0x20 && cp != 0x7f && input_is_searching()) {
			input_feed(input, piece->data + i, n);
		}
		i += n ? n : 1;
	}
}

static void add(struct input *input, const struct buf *piece)
{
	struct input_paste *paste = &input->paste;

	if (paste->is_long) {
		add_long(paste, piece);
	} else if (input->is_asking) {
		add_to_prompt(piece);
	} else {
		input_replace(paste->at + paste->len, 0, buf_str(piece), piece->len);
		paste->len += piece->len;
		if (paste->len > INPUT_PASTE_SOURCE_BYTES) {
			make_long(paste);
		}
	}
}

/* "paste-2": the first that no source has. */
static char *name_paste(const struct desk_state *state)
{
	for (int number = 1;; number++) {
		char *name = mem_printf("paste-%d", number);
		size_t i = 0;

		while (state && i < state->n_source && strcmp(state->source[i].path, name) != 0) {
			i++;
		}
		if (!state || i == state->n_source) {
			return name;
		}
		free(name);
	}
}

static void make_source(struct input *input)
{
	struct app *app = input->app;
	struct input_paste *paste = &input->paste;
	char *name = name_paste(app->state), size[NUMBER_SIZE];

	number_grouped(size, (int64_t)paste->text.len);
	app_await_change(
		app, desk_plan_text(app->desk, name, buf_str(&paste->text), paste->text.len));
	app_say(app, "%s bytes were pasted%s: too long for a question, they become the source %s",
		size, paste->is_cut ? " (and more that was left out)" : "", name);
	free(name);
}

static void begin(struct input *input)
{
	struct input_paste *paste = &input->paste;
	size_t len;

	paste->is_on = 1;
	paste->is_long = paste->is_cut = paste->was_return = 0;
	paste->len = 0;
	buf_clear(&paste->rest);
	input_line(&len, &paste->at);
	input_begin_change(); /* one undo takes all of it */
}

void input_paste_end(struct input *input)
{
	struct input_paste *paste = &input->paste;

	if (!paste->is_on) {
		return;
	}
	paste->is_on = 0;
	if (paste->is_long) {
		make_source(input);
		buf_finish(&paste->text);
	} else {
		input_end_change();
	}
}

void input_paste_key(struct input *input, const struct key *key)
{
	struct input_paste *paste = &input->paste;
	struct buf piece = BUF_INIT;

	if (!paste->is_on && !input_is_searching()) {
		if (input_is_amid() || input->is_quoting) {
			input_leave(input);
		}
		begin(input);
	}
	clean(paste, key->bytes, key->len, key->is_last, &piece);
	if (input_is_searching()) {
		add_to_search(input, &piece);
	} else if (paste->is_on) {
		add(input, &piece);
	}
	if (key->is_last) {
		input_paste_end(input);
	}
	buf_finish(&piece);
}
