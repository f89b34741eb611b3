#include "session/library_count.h"

#include "base/mem.h"
#include "session/session_internal.h"

enum {
	UNDER_WAY = 32, /* requests */
};

/* ---- asking about many prompts ---- */

struct asked {
	int64_t request; /* 0: none */
	size_t i;
};

static int send(struct engine *engine, const struct library_asking *asking, size_t i,
	struct asked *asked, struct err *err)
{
	struct prompt prompt = {0};

	asking->make(asking->arg, i, &prompt);
	asked->i = i;
	asked->request = asking->question == LIBRARY_TOKENS
				 ? engine_tokenize(engine, &prompt, 1, err)
				 : engine_cached(engine, &prompt, err);
	prompt_finish(&prompt);
	if (asked->request < 0) {
		asked->request = 0;
		return -1;
	}
	return 0;
}

static struct asked *find(struct asked *asked, int64_t request)
{
	for (size_t i = 0; i < UNDER_WAY; i++) {
		if (request && asked[i].request == request) {
			return &asked[i];
		}
	}
	return NULL;
}

/* The next answer; one that is none of ours, or no event at all, is none. */
static int take(struct engine *engine, const struct library_asking *asking,
	const struct session_watch *watch, struct asked *asked, size_t *n_answered, struct err *err)
{
	struct engine_event event;
	struct asked *one;

	if (!session_next(engine, watch, &event) || !(one = find(asked, event.request))) {
		return 0;
	}
	if (event.type == ENGINE_FAILED) {
		one->request = 0;
		if (err) {
			*err = event.err;
		}
		return -1;
	}
	if (event.type == ENGINE_TOKENS || event.type == ENGINE_CACHED) {
		asking->take(asking->arg, one->i, &event);
		one->request = 0;
		++*n_answered;
	}
	return 0;
}

int library_ask(struct engine *engine, const struct library_asking *asking,
	const struct session_watch *watch, struct err *err)
{
	struct asked asked[UNDER_WAY] = {{0}};
	size_t n_sent = 0, n_answered = 0;
	int status = 0;

	while (n_answered < asking->count && status == 0) {
		if (session_is_stopped(watch)) {
			status = session_interrupted(err);
			break;
		}
		for (size_t i = 0; i < UNDER_WAY && n_sent < asking->count && status == 0; i++) {
			if (!asked[i].request) {
				status = send(engine, asking, n_sent++, &asked[i], err);
			}
		}
		if (status == 0) {
			status = take(engine, asking, watch, asked, &n_answered, err);
		}
	}
	for (size_t i = 0; i < UNDER_WAY; i++) {
		if (asked[i].request) {
			engine_cancel(engine, asked[i].request);
		}
	}
	return status;
}

/* ---- counting ---- */

/* Each text stands behind another one: alone it would be the first, which some tokenizers prefix. */
struct counting {
	struct library_counter *counter;
	struct tokens_text *text; /* NULL: what stands before each is counted */
};

static void make_text(void *arg, size_t i, struct prompt *out)
{
	const struct counting *counting = arg;

	prompt_add(out, segment_mark(PROMPT_BEGIN));
	prompt_add(out, segment_text("x", 1));
	if (counting->text) {
		prompt_add(out, segment_text(counting->text[i].text, counting->text[i].len));
	}
}

static void take_count(void *arg, size_t i, const struct engine_event *event)
{
	struct counting *counting = arg;

	if (counting->text) {
		counting->text[i].n_tok =
			(size_t)(event->total_tok - counting->counter->before_tok);
	} else {
		counting->counter->before_tok = event->total_tok;
	}
}

int library_counter_begin(struct library_counter *counter, struct engine *engine, int by_engine,
	const struct session_watch *watch, struct err *err)
{
	struct counting counting = {.counter = counter};
	struct library_asking asking = {LIBRARY_TOKENS, 1, make_text, take_count, &counting};

	*counter = (struct library_counter){.engine = engine,
		.watch = watch,
		.tokens = by_engine ? NULL : tokens_open_engine(engine)};
	return counter->tokens ? 0 : library_ask(engine, &asking, watch, err);
}

void library_counter_end(struct library_counter *counter)
{
	tokens_close(counter->tokens);
	counter->tokens = NULL;
}

int library_counter_count(void *arg, struct tokens_text *text, size_t n_text, struct err *err)
{
	struct library_counter *counter = arg;
	struct counting counting = {counter, text};
	struct library_asking asking = {LIBRARY_TOKENS, n_text, make_text, take_count, &counting};

	if (!counter->tokens) {
		return library_ask(counter->engine, &asking, counter->watch, err);
	}
	if (session_is_stopped(counter->watch)) {
		return session_interrupted(err);
	}
	tokens_count(counter->tokens, text, n_text);
	return 0;
}
