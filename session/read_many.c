#include "session/read_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	UNDER_WAY = ENGINE_UNDER_WAY_BEST,
	SHORT_TOK = 96,  /* a quote or two */
	THINK_TOK = 1024 /* more, of a model that cannot be kept from thinking */
};

/* A question under way. */
struct asked {
	int64_t request;  /* 0: none */
	int is_answering; /* its prompt is computed */
	size_t index;
	struct library_prompt what;
	struct read_answer answer;
	double logprob_sum;
	size_t n_logprob;
};

struct asking {
	struct reading *reading;
	const struct read_many *many;
	struct asked asked[UNDER_WAY];
	size_t n_under_way, most, next;
	int n_stop;
	int has_failed;
	struct err *err;
};

static int64_t answer_tok(const struct engine_info *info)
{
	return info->thinks && !info->can_skip_thinking ? SHORT_TOK + THINK_TOK : SHORT_TOK;
}

static int submit(struct asking *asking, struct asked *asked)
{
	struct reading *reading = asking->reading;
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = answer_tok(engine_info(reading->engine)),
		.want_logprobs = 1,
		.priority = -1, /* in passing */
		.owner = session_owner(reading->session),
	};
	int status;

	*asked = (struct asked){.index = asking->next++,
		.what = {.question = reading->question,
			.question_len = reading->question_len,
			.is_brief = 1}};
	asking->many->about(asking->many->arg, asked->index, &asked->what, &request.no_store);
	status = library_prompt(
		reading->session, reading->engine, &asked->what, &prompt, NULL, asking->err);
	if (status == 0) {
		request.n_keep =
			asking->many->keeps_fronts ? (int64_t)library_prompt_front(&prompt) : 1;
		asked->request = engine_submit(reading->engine, &request, asking->err);
		status = asked->request < 0 ? -1 : 0;
	}
	prompt_finish(&prompt);
	asking->n_under_way += status == 0;
	asked->request = status == 0 ? asked->request : 0;
	return status;
}

static int submit_more(struct asking *asking)
{
	for (size_t i = 0; i < UNDER_WAY && asking->n_under_way < asking->most &&
			   asking->next < asking->many->n;
		i++) {
		if (!asking->asked[i].request && submit(asking, &asking->asked[i]) < 0) {
			return -1;
		}
	}
	return 0;
}

static void cancel(const struct asking *asking, int with_answering)
{
	for (size_t i = 0; i < UNDER_WAY; i++) {
		const struct asked *asked = &asking->asked[i];

		if (asked->request && (with_answering || !asked->is_answering)) {
			engine_cancel(asking->reading->engine, asked->request);
		}
	}
}

/*
 * While prompts are computed, an answer gains a token with each batch: early in a sweep most of what
 * was computed is of answers that have not ended. Alone they soon do.
 */
static void stop(struct asking *asking)
{
	cancel(asking, asking->n_stop++ > 0);
	read_tell_stopped(asking->reading);
}

static void take_text(struct asked *asked, const struct engine_event *event)
{
	if (event->is_thinking) {
		return;
	}
	buf_add(&asked->answer.text, event->text, event->text_len);
	for (size_t i = 0; event->logprobs && i < event->n_ids; i++) {
		asked->logprob_sum += (double)event->logprobs[i];
		asked->n_logprob++;
	}
}

static void end(struct asked *asked)
{
	buf_finish(&asked->answer.text);
	*asked = (struct asked){0};
}

static void take_done(struct asking *asking, struct asked *asked, const struct engine_event *event)
{
	struct engine_usage usage = event->usage;

	asking->n_under_way--;
	/* Of a prompt that was stopped only what was read counts. */
	usage.prompt_tok = usage.cached_tok + usage.prefill_tok;
	read_add_usage(&asking->reading->usage, &usage);
	/* One that a stop overtook was not read to its end. */
	if (event->stop != ENGINE_STOP_CANCELLED && !asking->has_failed) {
		asked->answer.usage = event->usage;
		asked->answer.confidence =
			asked->n_logprob ? asked->logprob_sum / (double)asked->n_logprob : 0;
		asking->many->done(asking->many->arg, asked->index, &asked->what, &asked->answer);
	}
	end(asked);
}

static void take_failed(
	struct asking *asking, struct asked *asked, const struct engine_event *event)
{
	asking->n_under_way--;
	if (!asking->has_failed && asking->err) {
		*asking->err = event->err;
	}
	asking->has_failed = 1;
	end(asked);
	cancel(asking, 1);
}

static void take_event(struct asking *asking, const struct engine_event *event)
{
	for (size_t i = 0; i < UNDER_WAY; i++) {
		struct asked *asked = &asking->asked[i];

		if (!asked->request || asked->request != event->request) {
			continue;
		}
		switch (event->type) {
		case ENGINE_PREFILL:
			asked->is_answering = event->done_tok >= event->total_tok;
			break;
		case ENGINE_TEXT:
			take_text(asked, event);
			break;
		case ENGINE_DONE:
			take_done(asking, asked, event);
			break;
		case ENGINE_FAILED:
			take_failed(asking, asked, event);
			break;
		default:
			break;
		}
		return;
	}
}

int read_many(
	struct reading *reading, const struct read_many *many, int *is_stopped, struct err *err)
{
	size_t most = reading->session->under_way;
	struct asking asking = {.reading = reading,
		.many = many,
		.most = most && most < UNDER_WAY ? most : UNDER_WAY,
		.err = err};
	struct engine_event event;

	for (;;) {
		if (!asking.has_failed && !asking.n_stop && submit_more(&asking) < 0) {
			asking.has_failed = 1;
			cancel(&asking, 1);
		}
		if (!asking.n_under_way) {
			break;
		}
		if (asking.n_stop < 2 && session_is_stopped(reading->watch)) {
			stop(&asking);
		}
		if (session_next(reading->engine, reading->watch, &event)) {
			take_event(&asking, &event);
		}
	}
	*is_stopped = asking.n_stop > 0;
	return asking.has_failed ? -1 : 0;
}
