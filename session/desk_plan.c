/* Changes of the sources: made ready, told with what they cost, and then made or let go. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- those that wait ---- */

void desk_discard_plans(struct desk *desk)
{
	for (size_t i = 0; i < desk->n_plan; i++) {
		session_change_discard(desk->plan[i].change);
	}
	desk->n_plan = 0;
}

static int64_t keep_plan(struct desk *desk, struct session_change *change)
{
	mem_grow(desk->plan, desk->n_plan, desk->cap_plan);
	desk->plan[desk->n_plan++] = (struct kept_plan){++desk->last_plan, change};
	return desk->last_plan;
}

/* NULL: there is none of that number. */
static struct session_change *take_plan(struct desk *desk, int64_t id)
{
	for (size_t i = 0; i < desk->n_plan; i++) {
		struct session_change *change = desk->plan[i].change;

		if (desk->plan[i].id == id) {
			desk->plan[i] = desk->plan[--desk->n_plan];
			return change;
		}
	}
	return NULL;
}

/* ---- telling ---- */

static const struct session_cost unknown_cost = {-1, -1, -1, -1};

/* Without an engine nothing is known of what it costs; with a stop neither. */
static int find_costs(struct desk *desk, const struct session_change *change,
	struct desk_plan *plan, struct err *err)
{
	struct session_watch watch = desk_session_watch(desk);

	plan->before = plan->after = unknown_cost;
	if (!desk->engine || !engine_is_ready(desk->engine)) {
		return 0;
	}
	desk_progress(desk, &desk->doings, DESK_COUNTING, 0, -1, "tok", NULL);
	if (session_cost(desk->at.session, desk->engine, &watch, &plan->before, err) < 0 ||
		!engine_is_ready(desk->engine) ||
		session_change_cost(change, desk->engine, &watch, &plan->after, err) < 0) {
		return err->code == ERR_INTERRUPTED ? -1 : 0; /* a dead engine is told elsewhere */
	}
	return 0;
}

static void add_skipped(struct desk_plan *plan, const struct session *session, size_t first)
{
	size_t count;
	const struct skipped *skipped = session_skipped(session, &count);

	plan->skipped = mem_zero(count - first + 1, sizeof(*plan->skipped));
	for (size_t i = first; i < count; i++) {
		plan->skipped[plan->n_skipped++] = (struct skipped){mem_strdup(skipped[i].path),
			mem_strdup(skipped[i].reason), skipped[i].is_unreadable};
	}
}

static struct desk_plan *describe(
	const struct session_change *change, const struct session *session, size_t first_skipped)
{
	struct desk_plan *plan = mem_zero(1, sizeof(*plan));
	size_t count = session_change_count(change);

	plan->text = mem_zero(count + 1, sizeof(*plan->text));
	for (size_t i = 0; i < count; i++) {
		plan->text[plan->n_text++] = session_change_text(change, i);
	}
	add_skipped(plan, session, first_skipped);
	return plan;
}

/* Told, and kept until it is committed or discarded; takes the change over. */
static int post_plan(struct desk *desk, const struct order *order, const char *verb,
	struct session_change *change, size_t first_skipped, struct err *err)
{
	struct desk_event event = {.type = DESK_PLANNED, .order = order->id};

	event.plan = describe(change, desk->at.session, first_skipped);
	event.plan->verb = verb;
	if (find_costs(desk, change, event.plan, err) < 0) {
		session_change_discard(change);
		desk_event_finish(&event);
		return -1;
	}
	event.plan->id = keep_plan(desk, change);
	desk_post(desk, &event);
	return 0;
}

/* ---- loads ---- */

/* Where nothing came of what was asked for, that is a failure and not a plan. */
static int check_anything(const struct desk *desk, const struct session_change *change,
	size_t first_skipped, struct err *err)
{
	size_t count;
	const struct skipped *skipped = session_skipped(desk->at.session, &count);

	for (size_t i = first_skipped; i < count && !session_change_count(change); i++) {
		if (skipped[i].is_unreadable) {
			char *text = session_unreadable_text(&skipped[i]);

			err_set(err, ERR_INPUTS, skipped[i].path, NULL, "%s", text);
			free(text);
			return -1;
		}
	}
	return 0;
}

static size_t count_skipped(const struct desk *desk)
{
	size_t count;

	session_skipped(desk->at.session, &count);
	return count;
}

static int run_load(struct desk *desk, struct order *order, struct err *err)
{
	struct desk_settings settings;

	if (desk_settings(desk, &settings, err) < 0) {
		return -1;
	}
	return desk_reader_begin(desk, order, &settings.load, err) < 0 ? -1 : 1;
}

void desk_end_load(struct desk *desk)
{
	struct session_change *change = NULL;
	struct err err = {.code = ERR_NONE};
	size_t first;
	struct order *order = desk_reader_end(desk, &change, &first, &err);
	int status = change ? 0 : -1;

	if (!order) {
		return;
	}
	desk_resume(desk, order);
	if (status == 0 && (status = check_anything(desk, change, first, &err)) < 0) {
		session_change_discard(change);
		session_forget_skipped(desk->at.session, first); /* the error has said it */
	}
	if (status == 0) {
		status = post_plan(desk, order, "load", change, first, &err);
	}
	desk_end_order(desk, order, status < 0 ? &err : &(struct err){.code = ERR_NONE});
}

const struct order_kind order_load = {DESK_LOADING, 1, 0, run_load};

int64_t desk_plan_load(struct desk *desk, const char *const *path, size_t n_path)
{
	struct order order = {.kind = &order_load, .n_path = n_path};

	order.path = mem_alloc((n_path + 1) * sizeof(*order.path));
	for (size_t i = 0; i < n_path; i++) {
		order.path[i] = mem_strdup(path[i]);
	}
	return desk_order(desk, &order);
}

static int run_text(struct desk *desk, struct order *order, struct err *err)
{
	struct document document = {.kind = DOCUMENT_TEXT, .name = mem_strdup(order->name)};
	struct session_change *change;
	struct part *part = document_add_part(&document);

	part->text = mem_strndup(order->text, order->text_len);
	part->len = order->text_len;
	session_plan_document(desk->at.session, &change, &document);
	return post_plan(desk, order, "load", change, count_skipped(desk), err);
}

const struct order_kind order_text = {DESK_WORKING, 1, 0, run_text};

int64_t desk_plan_text(struct desk *desk, const char *name, const char *text, size_t len)
{
	return desk_order(desk, &(struct order){.kind = &order_text,
					.name = mem_strdup(name),
					.text = mem_strndup(text, len),
					.text_len = len});
}

static int run_refresh(struct desk *desk, struct order *order, struct err *err)
{
	int64_t begun_s = time(NULL);
	struct desk_settings settings;
	struct session_change *change;
	size_t first = count_skipped(desk);

	if (desk_settings(desk, &settings, err) < 0 ||
		session_plan_refresh(desk->at.session, &change, &settings.load, 1, err) < 0) {
		return -1;
	}
	if (!session_change_count(change)) { /* touched, and the same as before */
		desk->looking.refreshed_s = begun_s;
		desk_stale_begin(desk);
	}
	return post_plan(desk, order, "refresh", change, first, err);
}

const struct order_kind order_refresh = {DESK_LOADING, 1, 0, run_refresh};

int64_t desk_plan_refresh(struct desk *desk)
{
	return desk_order(desk, &(struct order){.kind = &order_refresh});
}

/* ---- what is there ---- */

static int run_repack(struct desk *desk, struct order *order, struct err *err)
{
	struct session_change *change;

	if (session_plan_repack(desk->at.session, &change, err) < 0) {
		return -1;
	}
	return post_plan(desk, order, "repack", change, count_skipped(desk), err);
}

static int run_drop(struct desk *desk, struct order *order, struct err *err)
{
	struct session_change *change;

	if (session_plan_drop(desk->at.session, &change, order->number, order->n_number, err) < 0) {
		return -1;
	}
	return post_plan(desk, order, "drop", change, count_skipped(desk), err);
}

const struct order_kind order_repack = {DESK_WORKING, 1, 0, run_repack};
const struct order_kind order_drop = {DESK_WORKING, 1, 0, run_drop};

int64_t desk_plan_repack(struct desk *desk)
{
	return desk_order(desk, &(struct order){.kind = &order_repack});
}

int64_t desk_plan_drop(struct desk *desk, const int64_t *number, size_t n_number)
{
	struct order order = {.kind = &order_drop, .n_number = n_number};

	order.number = mem_alloc((n_number + 1) * sizeof(*number));
	memcpy(order.number, number, n_number * sizeof(*number));
	return desk_order(desk, &order);
}

/* ---- yes or no ---- */

static int run_commit(struct desk *desk, struct order *order, struct err *err)
{
	struct session_change *change = take_plan(desk, order->value);

	if (!change) {
		return err_set(err, ERR_FAILURE, NULL, "ask for it again",
			"the change is not there any more");
	}
	if (session_change_commit(change, err) < 0) {
		return -1;
	}
	desk->is_used = 1;
	desk_forget_costs(desk);
	desk_stale_begin(desk);
	desk_state_sources(desk);
	desk_publish(desk);
	return 0;
}

static int run_discard(struct desk *desk, struct order *order, struct err *err)
{
	session_change_discard(take_plan(desk, order->value));
	return 0;
}

const struct order_kind order_commit = {DESK_WORKING, 1, 0, run_commit};
const struct order_kind order_discard = {DESK_WORKING, 0, 0, run_discard};

int64_t desk_commit(struct desk *desk, int64_t plan)
{
	return desk_order(desk, &(struct order){.kind = &order_commit, .value = plan});
}

int64_t desk_discard(struct desk *desk, int64_t plan)
{
	return desk_order(desk, &(struct order){.kind = &order_discard, .value = plan});
}
