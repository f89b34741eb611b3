/* The turns of the chat: which there are, and going back to one of them. */
#include "cli/chat.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/line.h"
#include "cli/output.h"
#include "session/command_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 60 };

/* The beginning of a text, on one line; malloc'ed. */
static char *beginning(const char *text, size_t len)
{
	size_t n = utf8_cut(text, len ? strcspn(text, "\n") : 0, SHOWN_BYTES);

	return mem_printf("%.*s%s", (int)n, text, n < len ? "..." : "");
}

/* 0 and a sentence where it is no turn. */
static int64_t read_turn(struct chat *chat, const char *command, const char *argument)
{
	struct err err;
	int64_t id = 0;

	if (command_turn(&id, command, argument, &err) < 0) {
		chat_complain(chat, &err);
	}
	return id;
}

/* The stored turn, or NULL. */
static const struct store_turn *find_turn(const struct chat *chat, int64_t id)
{
	for (size_t i = 0; i < session_turn_count(chat->session); i++) {
		struct session_turn turn = session_turn_at(chat->session, i);

		if (turn.id == id) {
			return turn.stored;
		}
	}
	return NULL;
}

/* One turn, whole. */
static void show_turn(struct chat *chat, int64_t id)
{
	const struct store_turn *turn = find_turn(chat, id);
	struct err err;

	if (!turn) {
		err_set(&err, ERR_USAGE, "/turns", "/turns lists them", "there is no turn %lld",
			(long long)id);
		chat_complain(chat, &err);
		return;
	}
	output_text("> ", 2);
	output_text(turn->question, turn->question_len);
	putchar('\n');
	output_text(turn->text, turn->text_len);
	putchar('\n');
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		struct buf read = BUF_INIT;

		session_coverage_text(&turn->reading.coverage, &read);
		output_line("(%s)", buf_str(&read));
		buf_finish(&read);
	}
}

void chat_turns(struct chat *chat, const char *argument)
{
	int64_t last = 0, one = argument[0] ? read_turn(chat, "/turns", argument) : 0;

	if (argument[0]) {
		if (one) {
			show_turn(chat, one);
		}
		return;
	}
	for (size_t i = 0; i < session_turn_count(chat->session); i++) {
		struct session_turn turn = session_turn_at(chat->session, i);
		char *question = beginning(turn.stored->question, turn.stored->question_len);
		char *answer = beginning(turn.stored->text, turn.stored->text_len);
		char *after = turn.parent == last ? NULL
			      : turn.parent ? mem_printf(" (after #%lld)", (long long)turn.parent)
					    : mem_strdup(" (from the beginning)");

		output_line("%c #%-4lld %s%s", turn.is_current ? '*' : ' ', (long long)turn.id,
			question, after ? after : "");
		output_line("        %s", answer);
		last = turn.id;
		free(question);
		free(answer);
		free(after);
	}
	if (!last) {
		output_line("nothing was said yet");
	}
}

void chat_switch(struct chat *chat, const char *argument)
{
	int64_t id = read_turn(chat, "/switch", argument);
	const struct store_turn *turn;
	struct err err;
	char *question;

	if (!id) {
		return;
	}
	if (session_switch(chat->session, id, &err) < 0) {
		if (err.code == ERR_USAGE) {
			snprintf(err.hint, sizeof(err.hint), "/turns lists them");
		}
		chat_complain(chat, &err);
		return;
	}
	chat->before_fork = -1;
	turn = find_turn(chat, id);
	question = beginning(turn->question, turn->question_len);
	log_note("the next question follows turn %lld: %s", (long long)id, question);
	free(question);
}

/* The next question stands where turn `id` does; its question, or NULL and a sentence. */
static char *fork_at(struct chat *chat, int64_t id)
{
	int64_t head = session_head(chat->session);
	char *question;
	struct err err;

	if (session_fork(chat->session, id, &question, &err) < 0) {
		chat_complain(chat, &err);
		return NULL;
	}
	if (chat->before_fork < 0) {
		chat->before_fork = head;
	}
	return question;
}

void chat_edit(struct chat *chat, const char *argument)
{
	int64_t id = read_turn(chat, "/edit", argument);
	char *question = id ? fork_at(chat, id) : NULL;

	if (!question) {
		return;
	}
	if (chat->interactive) {
		line_set_draft(question);
		log_note("edit it and press Enter; /switch %lld goes back",
			(long long)chat->before_fork);
	} else {
		log_note("the next message stands in place of: %s", question);
	}
	free(question);
}

/* At temperature 0 every seed gives the likeliest tokens: read the same way, the same answer as before. */
static int check_again(const struct chat *chat, const struct engine_sampling *sampling,
	int is_same_way, const struct store_turn *turn, struct err *err)
{
	if (!turn) {
		return err_set(
			err, ERR_USAGE, "/again", "ask something first", "nothing was said yet");
	}
	if (is_same_way && sampling->temperature <= 0 && turn->stop != ENGINE_STOP_CANCELLED &&
		!turn->reading.coverage.is_stopped &&
		strcmp(turn->model_digest, engine_info(chat->engine)->model_digest) == 0) {
		return err_set(err, ERR_USAGE, "/again",
			session_coverage_is_partial(&turn->reading.coverage)
				? "/again 0.7 asks at another one, /again sweep reads all of it"
				: "/again 0.7 asks at another one",
			"the answer would be the same: the temperature is 0");
	}
	return 0;
}

/* "0.7", or "sweep"; nothing leaves them as they are. */
static int read_how(
	const char *argument, double *temperature, enum session_over *over, struct err *err)
{
	char *end;
	double value = strtod(argument, &end);

	if (!argument[0] || session_over_parse(argument, over) == 0) {
		return 0;
	}
	if (*end || end == argument || !(value >= 0 && value <= 100)) {
		return err_set(err, ERR_USAGE, "/again", "/again 0.7, or /again sweep",
			"takes a temperature from 0 to 100, a way to read, or nothing");
	}
	*temperature = value;
	return 0;
}

void chat_again(struct chat *chat, const char *argument)
{
	struct engine_sampling sampling = chat->sampling;
	enum session_over over = chat->reading.how.over, before = over;
	int64_t head = session_head(chat->session);
	struct err err;
	char *question;

	if (read_how(argument, &sampling.temperature, &over, &err) < 0 ||
		check_again(chat, &sampling, over == before, find_turn(chat, head), &err) < 0) {
		chat_complain(chat, &err);
		return;
	}
	question = fork_at(chat, head);
	if (!question) {
		return;
	}
	/* Another one each time, and the same ones in the same session. */
	sampling.seed += session_turn_count(chat->session);
	chat->reading.how.over = over;
	if (chat_ask(chat, question, &sampling) < 0) {
		/* It was asked before: /again is all there is to type. */
		chat_unfork(chat);
		line_set_draft("");
		session_set_draft(chat->session, "", NULL);
	}
	chat->reading.how.over = before;
	free(question);
}
