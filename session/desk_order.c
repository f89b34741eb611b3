/* What the desk is asked to do with the engine and the conversation: one function for each order. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DYING_MS = 500 };

void order_destroy(struct order *order)
{
	if (order->drop) {
		order->drop(order->arg);
	}
	for (size_t i = 0; i < order->n_path; i++) {
		free(order->path[i]);
	}
	free(order->path);
	free(order->number);
	free(order->text);
	free(order->name);
	free(order);
}

/* What options, session and /set say now. */
int desk_settings(struct desk *desk, struct desk_settings *settings, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);

	*settings = (struct desk_settings){.sampling = engine_sampling_default};
	if (desk->host.settings(
		    desk->host.arg, desk->at.session, desk->engine, &watch, settings, err) < 0) {
		return -1;
	}
	settings->load.watch = desk_load_watch(desk);
	if (desk->over != settings->reading.over) {
		desk->over = settings->reading.over;
		desk_state_names(desk);
	}
	desk->now.reserve_tok = settings->max_tok;
	return 0;
}

/* ---- questions ---- */

void desk_take_rates(struct desk *desk, const struct engine_usage *usage)
{
	if (usage->prefill_tok > 0 && usage->prefill_ms > 0) {
		desk->now.prefill_tok_per_s = (double)usage->prefill_tok * 1000 / usage->prefill_ms;
	}
	if (usage->generated_tok > 1 && usage->decode_ms > 0) {
		desk->now.decode_tok_per_s =
			(double)(usage->generated_tok - 1) * 1000 / usage->decode_ms;
	}
}

/*
 * An engine that died while it had nothing to do may be found out by the question: that is asked again,
 * once. A question that an engine dies of takes longer, or says a word before.
 */
static int ask_living(struct desk *desk, const struct desk_settings *settings, const char *question,
	size_t len, struct session_answer *answer, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);
	int64_t began_ms = desk_clock_ms();
	int status = session_ask_over(desk->at.session, desk->engine, &settings->reading, question,
		len, &settings->sampling, settings->max_tok, &watch, answer, err);

	if (status == 0 || err->code != ERR_ENGINE || engine_is_ready(desk->engine) ||
		desk->doings.n_tok || desk_clock_ms() - began_ms > DYING_MS) {
		return status;
	}
	session_answer_finish(answer);
	*answer = (struct session_answer){0};
	if (desk_need_engine(desk, err) < 0) {
		return -1;
	}
	return session_ask_over(desk->at.session, desk->engine, &settings->reading, question, len,
		&settings->sampling, settings->max_tok, &watch, answer, err);
}

/* Ask, and show what is kept before the order is said to have ended. */
static int ask(struct desk *desk, struct order *order, const struct desk_settings *settings,
	const char *question, size_t len, struct err *err)
{
	struct session_answer answer = {0};
	int status;

	if (session_check_sources(desk->at.session, engine_info(desk->engine), err) < 0) {
		snprintf(err->hint, sizeof(err->hint), "/load PATH");
		return -1;
	}
	/* The engine tells of its first batch when that is computed. */
	desk_progress(desk, &desk->doings, DESK_PREFILLING, 0, -1, "tok", NULL);
	desk_begin(desk, order->id, DESK_ANSWERING);
	status = ask_living(desk, settings, question, len, &answer, err);
	if (status == 0) {
		desk_take_rates(desk, &answer.usage);
		order->turn = answer.turn;
		desk->is_used |= answer.turn != 0;
	}
	if (status == 0 && !answer.turn) {
		status = err_set(err, ERR_INTERRUPTED, NULL, NULL,
			answer.coverage.is_stopped
				? "nothing was found until it was stopped; the question is not kept"
				: "stopped before the first word; the question is not kept");
	}
	session_answer_finish(&answer);
	desk_state_turns(desk);
	desk_state_sources(desk);
	desk->wants_costs = 1;
	desk_publish(desk);
	return status;
}

static int run_ask(struct desk *desk, struct order *order, struct err *err)
{
	struct desk_settings settings;

	if (desk_settings(desk, &settings, err) < 0) {
		return -1;
	}
	return ask(desk, order, &settings, order->text, order->text_len, err);
}

const struct order_kind order_ask = {DESK_ANSWERING, 1, 1, run_ask};

int64_t desk_ask(struct desk *desk, const char *question, size_t len)
{
	desk_forget_draft(desk); /* this is what it became */
	return desk_order(desk,
		&(struct order){
			.kind = &order_ask, .text = mem_strndup(question, len), .text_len = len});
}

/* "0.7", a way to read, or nothing. */
static int read_how(const char *how, struct desk_settings *settings, int *is_other, struct err *err)
{
	enum session_over before = settings->reading.over;
	char *end;
	double value = strtod(how, &end);

	if (!how[0]) {
		return 0;
	}
	if (session_over_parse(how, &settings->reading.over) == 0) {
		*is_other = settings->reading.over != before;
		return 0;
	}
	if (*end || end == how || !(value >= 0 && value <= 100)) {
		return err_set(err, ERR_USAGE, "/again", "/again 0.7, or /again sweep",
			"takes a temperature from 0 to 100, a way to read, or nothing");
	}
	settings->sampling.temperature = value;
	return 0;
}

/* At temperature 0 the same words come again, whatever the seed. */
static int check_again(const struct desk *desk, const struct desk_settings *settings, int is_other,
	const struct store_turn *turn, struct err *err)
{
	if (!turn) {
		return err_set(
			err, ERR_USAGE, "/again", "ask something first", "nothing was said yet");
	}
	if (!is_other && settings->sampling.temperature <= 0 &&
		turn->stop != ENGINE_STOP_CANCELLED && !turn->reading.coverage.is_stopped &&
		strcmp(turn->model_digest, engine_info(desk->engine)->model_digest) == 0) {
		return err_set(err, ERR_USAGE, "/again",
			session_coverage_is_partial(&turn->reading.coverage)
				? "/again 0.7 asks at another one, /again sweep reads all of it"
				: "/again 0.7 asks at another one",
			"the answer would be the same: the temperature is 0");
	}
	return 0;
}

static int run_again(struct desk *desk, struct order *order, struct err *err)
{
	struct session *session = desk->at.session;
	int64_t head = session_head(session);
	const struct turn *turn = session_turn_by_id(session, head);
	struct desk_settings settings;
	char *question;
	int is_other = 0, status;

	if (desk_settings(desk, &settings, err) < 0 ||
		read_how(order->text, &settings, &is_other, err) < 0 ||
		check_again(desk, &settings, is_other, turn ? &turn->stored : NULL, err) < 0) {
		return -1;
	}
	if (session_fork(session, head, &question, err) < 0) {
		return -1;
	}
	/* Another one each time, and the same ones in the same session. */
	settings.sampling.seed += session_turn_count(session);
	status = ask(desk, order, &settings, question, strlen(question), err);
	free(question);
	if (status < 0) { /* as it was before */
		session_set_draft(session, "", NULL);
		session_switch(session, head, NULL);
		desk_state_path(desk);
		desk_publish(desk);
	}
	return status;
}

const struct order_kind order_again = {DESK_ANSWERING, 1, 1, run_again};

int64_t desk_ask_again(struct desk *desk, const char *how)
{
	return desk_order(
		desk, &(struct order){.kind = &order_again, .text = mem_strdup(how ? how : "")});
}

/* ---- going ---- */

static void tell_gone(struct desk *desk)
{
	desk->is_used = 1;
	desk_state_path(desk);
	desk_forget_costs(desk);
	desk_state_sources(desk);
	desk_publish(desk);
}

static int run_switch(struct desk *desk, struct order *order, struct err *err)
{
	if (session_switch(desk->at.session, order->value, err) < 0) {
		return -1;
	}
	tell_gone(desk);
	return 0;
}

static int run_fork(struct desk *desk, struct order *order, struct err *err)
{
	char *question;

	if (session_fork(desk->at.session, order->value, &question, err) < 0) {
		return -1;
	}
	free(question);
	tell_gone(desk);
	return 0;
}

const struct order_kind order_switch = {DESK_WORKING, 1, 0, run_switch};
const struct order_kind order_fork = {DESK_WORKING, 1, 0, run_fork};

int64_t desk_switch(struct desk *desk, int64_t turn)
{
	return desk_order(desk, &(struct order){.kind = &order_switch, .value = turn});
}

int64_t desk_fork(struct desk *desk, int64_t turn)
{
	return desk_order(desk, &(struct order){.kind = &order_fork, .value = turn});
}

/* ---- ahead of questions ---- */

static int run_prefill(struct desk *desk, struct order *order, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);
	struct engine_usage usage = {0};
	int status;

	desk->is_used = 1;
	status = session_prefill(desk->at.session, desk->engine, &watch, &usage, err);
	if (status == 0) {
		desk_take_rates(desk, &usage);
	}
	desk->wants_costs = 1;
	return status;
}

static int run_index(struct desk *desk, struct order *order, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);
	struct desk_settings settings;

	if (desk_settings(desk, &settings, err) < 0) {
		return -1;
	}
	desk->is_used = 1;
	return session_make_index(desk->at.session, desk->engine, &settings.reading, &watch, err);
}

static int run_reading(struct desk *desk, struct order *order, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);
	struct desk_event event = {.type = DESK_READING, .order = order->id};
	struct desk_settings settings;

	if (desk_settings(desk, &settings, err) < 0 ||
		session_plan_reading(desk->at.session, desk->engine, &settings.reading, &watch,
			&event.reading, err) < 0) {
		return -1;
	}
	desk_post(desk, &event);
	return 0;
}

const struct order_kind order_prefill = {DESK_PREFILLING, 1, 1, run_prefill};
const struct order_kind order_index = {DESK_INDEXING, 1, 1, run_index};
const struct order_kind order_reading = {DESK_COUNTING, 1, 1, run_reading};

int64_t desk_prefill(struct desk *desk)
{
	return desk_order(desk, &(struct order){.kind = &order_prefill});
}

int64_t desk_index(struct desk *desk)
{
	return desk_order(desk, &(struct order){.kind = &order_index});
}

int64_t desk_plan_reading(struct desk *desk)
{
	return desk_order(desk, &(struct order){.kind = &order_reading});
}

/* ---- anything else ---- */

static int run_call(struct desk *desk, struct order *order, struct err *err)
{
	struct engine *engine = desk->engine && engine_is_ready(desk->engine) ? desk->engine : NULL;

	return order->call(order->arg, desk->at.session, engine, err);
}

const struct order_kind order_call = {DESK_WORKING, 0, 0, run_call};

int64_t desk_call(struct desk *desk,
	int (*call)(void *arg, struct session *session, struct engine *engine, struct err *err),
	void (*drop)(void *arg), void *arg)
{
	return desk_order(
		desk, &(struct order){.kind = &order_call, .call = call, .drop = drop, .arg = arg});
}
