/* What the question that is being typed would cost: only the newest is asked about. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

uint64_t desk_preview(struct desk *desk, const char *question, size_t len)
{
	uint64_t serial;

	pthread_mutex_lock(&desk->lock);
	free(desk->question);
	desk->question = mem_strndup(question, len);
	desk->question_len = len;
	serial = ++desk->last_preview;
	desk_wake(desk);
	pthread_mutex_unlock(&desk->lock);
	return serial;
}

/* Takes it up; NULL where there is none. */
static char *take_question(struct desk *desk, size_t *len, uint64_t *serial)
{
	char *question;

	pthread_mutex_lock(&desk->lock);
	question = desk->question;
	desk->question = NULL;
	*len = desk->question_len;
	*serial = desk->last_preview;
	pthread_mutex_unlock(&desk->lock);
	return question;
}

void desk_preview_forget(struct desk *desk)
{
	if (desk->asked.request && desk->engine) {
		engine_cancel(desk->engine, desk->asked.request);
	}
	desk->asked = (struct desk_asked){0};
}

int desk_is_over(const struct desk *desk)
{
	int64_t context_tok = desk->now.info.context_tok;

	return desk->now.sources_tok >= context_tok || desk->now.prompt_tok >= context_tok;
}

void desk_preview_alone(const char *question, size_t len, struct prompt *prompt)
{
	prompt_add(prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(prompt, segment_mark(PROMPT_USER_OPEN));
	prompt_add(prompt, context_question(question, len, 0));
	prompt_add(prompt, segment_mark(PROMPT_USER_CLOSE));
}

/*
 * Of more than the window the whole would be sent for a number that is known: the question alone is
 * counted. What reading it would cost is desk_plan_reading()'s to say.
 */
static int64_t ask_engine(struct desk *desk, const char *question, size_t len)
{
	struct prompt prompt = {0};
	int64_t request;

	desk->asked.is_alone = desk_is_over(desk);
	if (desk->asked.is_alone) {
		desk_preview_alone(question, len, &prompt);
		request = engine_tokenize(desk->engine, &prompt, 1, NULL);
	} else {
		session_prompt(desk->at.session, question, len, engine_info(desk->engine), &prompt);
		request = engine_cached(desk->engine, &prompt, NULL);
	}
	prompt_finish(&prompt);
	return request;
}

void desk_preview_serve(struct desk *desk)
{
	uint64_t serial;
	size_t len;
	char *question;

	if (!desk->engine || !desk->at.session || !engine_is_ready(desk->engine)) {
		return; /* it is answered once the engine is there */
	}
	question = take_question(desk, &len, &serial);
	if (!question) {
		return;
	}
	desk_preview_forget(desk);
	desk->asked.serial = serial;
	desk->asked.request = ask_engine(desk, question, len);
	if (desk->asked.request < 0) {
		desk->asked.request = 0; /* it has just died, which is told elsewhere */
	}
	free(question);
}

/* Of the question alone, of so many with what stands around it; -1: that is not known. */
static int64_t question_tok(const struct desk *desk, int64_t with_tok)
{
	int64_t tokens = with_tok - desk->costs.marks_tok;

	return desk->costs.marks_tok < 0 ? -1 : tokens > 0 ? tokens : 0;
}

static void answer(struct desk *desk, const struct engine_event *from)
{
	int64_t context_tok = desk->now.info.context_tok;
	struct desk_preview preview = {
		.serial = desk->asked.serial,
		.total_tok = from->total_tok,
		.cached_tok = from->cached_tok,
		.disk_tok = from->disk_tok,
		.new_tok = from->total_tok - from->cached_tok,
		.seconds = from->predicted_s,
	};
	struct desk_event event = {.type = DESK_PREVIEW};

	if (desk->asked.is_alone) {
		preview.question_tok = question_tok(desk, from->total_tok);
		preview.total_tok =
			desk->now.prompt_tok < 0 ? -1 : desk->now.prompt_tok + preview.question_tok;
		preview.new_tok = -1;
		preview.seconds = -1;
	} else {
		preview.question_tok = question_tok(desk, from->total_tok);
		preview.fits = from->total_tok < context_tok;
		preview.decode_tok_per_s = from->token_s > 0 ? 1 / from->token_s : 0;
	}
	event.preview = preview;
	desk_post(desk, &event);
}

void desk_preview_hear(struct desk *desk, const struct engine_event *event)
{
	if (!desk->asked.request || event->request != desk->asked.request) {
		return;
	}
	if (event->type == ENGINE_CACHED || event->type == ENGINE_TOKENS) {
		answer(desk, event);
	}
	desk->asked.request = 0;
}
