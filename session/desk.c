/* The desk's thread: orders one after the other, and between them what the engine says. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	DRAFT_MS = 500, /* typing has paused */
	DRAFT_AGAIN_MS = 2000,
	STALE_MS = 30 * 1000, /* between two looks at where sources came from */
	IDLE_MS = 5000,
};

/* Under the lock. */
void desk_wake(struct desk *desk)
{
	uint64_t one = 1;

	while (write(desk->inbox_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

/* ---- orders ---- */

/* Under the lock. Its order is over without having begun. */
static void drop_order(struct desk *desk, struct order *order)
{
	desk->n_waiting--;
	order->next = desk->dropped;
	desk->dropped = order;
}

static void drop_waiting(struct desk *desk)
{
	while (desk->first) {
		struct order *order = desk->first;

		desk->first = order->next;
		drop_order(desk, order);
	}
	desk->last = NULL;
}

/* Takes *order over. */
int64_t desk_order(struct desk *desk, const struct order *order)
{
	struct order *own = mem_alloc(sizeof(*own));
	int64_t id;

	*own = *order;
	pthread_mutex_lock(&desk->lock);
	id = own->id = ++desk->last_order;
	if (desk->last) {
		desk->last->next = own;
	} else {
		desk->first = own;
	}
	desk->last = own;
	desk->n_waiting++;
	desk_wake(desk);
	pthread_mutex_unlock(&desk->lock);
	return id;
}

/* Under the lock: it is what a stop stops from now on. */
static void begin_order(struct desk *desk, struct order *order)
{
	desk->current = order;
	desk->is_stopped = 0;
}

/* Under the lock. The first that can begin: a load waits for the one before, others overtake it. */
static struct order *unlink_first(struct desk *desk)
{
	struct order *before = NULL, *order = desk->first;

	while (order && desk->reader && order->kind == &order_load) {
		before = order;
		order = order->next;
	}
	if (!order) {
		return NULL;
	}
	if (before) {
		before->next = order->next;
	} else {
		desk->first = order->next;
	}
	desk->last = desk->last == order ? before : desk->last;
	desk->n_waiting--;
	return order;
}

static struct order *take_order(struct desk *desk)
{
	struct order *order;

	pthread_mutex_lock(&desk->lock);
	order = desk->quits ? NULL : unlink_first(desk);
	if (order) {
		begin_order(desk, order);
	}
	pthread_mutex_unlock(&desk->lock);
	return order;
}

void desk_resume(struct desk *desk, struct order *order)
{
	pthread_mutex_lock(&desk->lock);
	begin_order(desk, order);
	pthread_mutex_unlock(&desk->lock);
	desk_begin(desk, order->id, order->kind->doing);
}

/* It goes on elsewhere. */
static void leave_order(struct desk *desk)
{
	pthread_mutex_lock(&desk->lock);
	desk->current = NULL;
	pthread_mutex_unlock(&desk->lock);
}

void desk_end_order(struct desk *desk, struct order *order, const struct err *err)
{
	struct desk_event event = {.type = DESK_ENDED,
		.order = order->id,
		.doing = order->kind->doing,
		.turn = order->turn,
		.err = *err};

	pthread_mutex_lock(&desk->lock);
	if (desk->current == order) {
		desk->current = NULL;
		desk->is_stopped = 0;
	}
	pthread_mutex_unlock(&desk->lock);
	order_destroy(order);
	desk_post(desk, &event);
}

/* What it would have been, for people. */
static void name_order(const struct order *order, struct buf *out)
{
	static const struct {
		const struct order_kind *kind;
		const char *name;
	} names[] = {{&order_load, "the load"}, {&order_drop, "the drop"},
		{&order_refresh, "the refresh"}, {&order_repack, "the repack"},
		{&order_prefill, "the prefill"}, {&order_index, "the index"},
		{&order_reading, "the plan"}, {&order_again, "the question again"},
		{&order_export, "the export"}, {&order_set, "the setting"}};

	if (order->kind == &order_ask) {
		size_t len = strcspn(order->text, "\n"), cut = utf8_cut(order->text, len, 40);

		buf_printf(out, "\"%.*s%s\"", (int)cut, order->text, cut < len ? "..." : "");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].kind == order->kind) {
			buf_printf(out, "%s%s%s", names[i].name, order->n_path ? " of " : "",
				order->n_path ? order->path[0] : "");
			return;
		}
	}
	buf_addstr(out, "what waited");
}

static void end_dropped(struct desk *desk)
{
	for (;;) {
		struct buf name = BUF_INIT;
		struct order *order;
		struct err err;

		pthread_mutex_lock(&desk->lock);
		order = desk->dropped;
		desk->dropped = order ? order->next : NULL;
		pthread_mutex_unlock(&desk->lock);
		if (!order) {
			return;
		}
		name_order(order, &name);
		err_set(&err, ERR_INTERRUPTED, NULL, NULL, "%s was stopped before it began",
			buf_str(&name));
		buf_finish(&name);
		desk_end_order(desk, order, &err);
	}
}

/* A model may load for long: what was asked is not lost with us meanwhile. Errors are the answer's. */
static void keep_question(struct desk *desk, const struct order *order)
{
	if (order->kind == &order_ask && !(desk->engine && engine_is_ready(desk->engine))) {
		session_keep_question(desk->at.session, order->text, order->text_len, NULL);
	}
}

static int run_order(struct desk *desk, struct order *order, struct err *err)
{
	const struct order_kind *kind = order->kind;

	if (kind->needs_session && !desk->at.session) {
		return err_set(err, ERR_FAILURE, NULL, "/open NAME opens one, /new begins one",
			"no session is open");
	}
	if (kind->needs_engine) {
		keep_question(desk, order);
		if (desk_need_engine(desk, err) < 0) {
			return -1;
		}
		desk_count_before(desk, order->id);
	}
	desk_begin(desk, order->id, kind->doing);
	return kind->run(desk, order, err);
}

static void carry_out(struct desk *desk, struct order *order)
{
	struct err err = {.code = ERR_NONE};
	int status;

	desk_begin(desk, order->id, order->kind->doing);
	desk_publish(desk); /* one less waits */
	status = run_order(desk, order, &err);
	if (status >= 0) {
		err = (struct err){.code = ERR_NONE};
	}
	desk_begin(desk, 0, DESK_NOTHING);
	desk_hear_all(desk);
	desk_check_engine(desk, &err);
	desk_tell_trouble(desk);
	if (status > 0) {
		leave_order(desk);
	} else {
		desk_end_order(desk, order, &err);
	}
}

/* ---- the draft ---- */

/* Milliseconds until it is to be saved; -1: there is none. Takes it when that is now. */
static int draft_due(struct desk *desk, int at_once, char **draft)
{
	int64_t left_ms = -1;

	*draft = NULL;
	pthread_mutex_lock(&desk->lock);
	if (desk->draft) {
		left_ms = desk->draft_ms + DRAFT_MS - desk_clock_ms();
		left_ms = at_once || left_ms < 0 ? 0 : left_ms;
	}
	if (left_ms == 0) {
		*draft = desk->draft;
		desk->draft = NULL;
	}
	pthread_mutex_unlock(&desk->lock);
	return (int)left_ms;
}

/* It could not be saved: again later, unless another one came meanwhile. Takes it. */
static void keep_draft(struct desk *desk, char *draft)
{
	pthread_mutex_lock(&desk->lock);
	if (!desk->draft) {
		desk->draft = draft;
		desk->draft_ms = desk_clock_ms() + DRAFT_AGAIN_MS;
		draft = NULL;
	}
	pthread_mutex_unlock(&desk->lock);
	free(draft);
}

static int save_draft(struct desk *desk, int at_once)
{
	struct err err;
	char *draft;
	int left_ms = draft_due(desk, at_once, &draft), failed;

	if (!draft) {
		return left_ms;
	}
	failed = desk->at.session && session_set_draft(desk->at.session, draft, &err) < 0;
	if (failed && !desk->is_draft_bad) { /* said once */
		desk_note(desk, &err);
	}
	desk->is_draft_bad = failed;
	if (!failed || at_once) {
		free(draft);
		return -1;
	}
	keep_draft(desk, draft);
	return DRAFT_AGAIN_MS;
}

void desk_save_draft(struct desk *desk)
{
	save_draft(desk, 1);
}

int64_t desk_set_draft(struct desk *desk, const char *draft)
{
	pthread_mutex_lock(&desk->lock);
	free(desk->draft);
	desk->draft = mem_strdup(draft);
	desk->draft_ms = desk_clock_ms();
	desk_wake(desk);
	pthread_mutex_unlock(&desk->lock);
	return 0;
}

void desk_forget_draft(struct desk *desk)
{
	pthread_mutex_lock(&desk->lock);
	free(desk->draft);
	desk->draft = NULL;
	pthread_mutex_unlock(&desk->lock);
}

/* ---- between two orders ---- */

static int soonest(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

int desk_has_orders(struct desk *desk)
{
	int has;

	pthread_mutex_lock(&desk->lock);
	has = desk->dropped || desk->quits;
	for (const struct order *order = desk->first; order && !has; order = order->next) {
		has = !desk->reader || order->kind != &order_load;
	}
	has |= desk->reader && desk->reader->is_done;
	pthread_mutex_unlock(&desk->lock);
	return has;
}

/* Work that can wait, some of it; returns how long there is nothing to do, in milliseconds. */
static int idle(struct desk *desk)
{
	int wait_ms = save_draft(desk, 0);

	desk_preview_serve(desk);
	if (desk_has_orders(desk)) {
		return 0;
	}
	if (desk->wants_costs && desk->engine && engine_is_ready(desk->engine)) {
		desk_look_at_costs(desk);
		return 0;
	}
	if (desk_clock_ms() - desk->looking.begun_ms > STALE_MS) {
		desk_stale_begin(desk);
	}
	if (desk_stale_look(desk)) {
		return 0;
	}
	if (desk_look_at_figures(desk, 0)) {
		desk_publish(desk);
	}
	return soonest(wait_ms, IDLE_MS);
}

static void wait_for_something(struct desk *desk, int wait_ms)
{
	struct pollfd poll_fd[2] = {{.fd = desk->inbox_fd, .events = POLLIN},
		{.fd = desk->engine ? engine_fd(desk->engine) : -1, .events = POLLIN}};
	uint64_t count;

	if (poll(poll_fd, 2, wait_ms) > 0 && poll_fd[0].revents) {
		while (read(desk->inbox_fd, &count, sizeof(count)) < 0 && errno == EINTR) {
		}
	}
}

static void *work(void *arg)
{
	struct desk *desk = arg;
	struct order *order;
	int quits = 0;

	while (!quits) {
		end_dropped(desk);
		desk_hear_all(desk);
		desk_end_load(desk);
		order = take_order(desk);
		if (order) {
			carry_out(desk, order);
		} else {
			wait_for_something(desk, idle(desk));
		}
		pthread_mutex_lock(&desk->lock);
		quits = desk->quits;
		pthread_mutex_unlock(&desk->lock);
	}
	desk_close_session(desk);
	desk_engine_close(desk);
	return NULL;
}

/* ---- its life ---- */

static void post_log(void *arg, enum log_level level, const char *text)
{
	struct err note;

	err_set(&note, level == LOG_ERROR ? ERR_FAILURE : ERR_NONE, NULL, NULL, "%s", text);
	desk_note(arg, &note);
}

static void desk_free(struct desk *desk)
{
	event_list_finish(&desk->events);
	desk_state_end(desk);
	if (desk->inbox_fd >= 0) {
		close(desk->inbox_fd);
	}
	pthread_mutex_destroy(&desk->lock);
	free(desk->question);
	free(desk->draft);
	free(desk->costs.where);
	free(desk->plan);
	free(desk);
}

int desk_open(struct desk **out, const struct desk_host *host, struct err *err)
{
	struct desk *desk = mem_zero(1, sizeof(*desk));
	int error, status;

	desk->host = *host;
	desk->costs.marks_tok = -1;
	pthread_mutex_init(&desk->lock, NULL);
	desk_state_begin(desk);
	desk->inbox_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = event_list_init(&desk->events, err);
	if (status == 0 && desk->inbox_fd < 0) {
		status = err_set_errno(
			err, ERR_FAILURE, errno, NULL, "the session's thread cannot be watched");
	}
	if (status == 0) {
		log_set_sink(post_log, desk);
		desk_order(desk, &(struct order){.kind = &order_open});
		error = thread_begin(&desk->thread, work, desk);
		status = error ? err_set_errno(err, ERR_FAILURE, error, NULL,
					 "the session's thread cannot be started")
			       : 0;
	}
	if (status < 0) {
		log_set_sink(NULL, NULL);
		desk_free(desk);
		return -1;
	}
	*out = desk;
	return 0;
}

void desk_close(struct desk *desk)
{
	if (!desk) {
		return;
	}
	pthread_mutex_lock(&desk->lock);
	desk->quits = 1;
	drop_waiting(desk);
	desk_wake(desk);
	pthread_mutex_unlock(&desk->lock);
	pthread_join(desk->thread, NULL);
	log_set_sink(NULL, NULL);
	end_dropped(desk);
	desk_free(desk);
}

int desk_fd(const struct desk *desk)
{
	return desk->events.wake_fd;
}

void desk_stop(struct desk *desk, int all)
{
	struct order *order;

	pthread_mutex_lock(&desk->lock);
	desk->is_stopped |= desk->current != NULL;
	if (desk->reader && (all || !desk->current)) {
		desk->reader->is_stopped = 1;
	}
	if (all) {
		drop_waiting(desk);
	} else if (!desk->current && !desk->reader && (order = unlink_first(desk))) {
		desk->n_waiting++; /* it was about to begin */
		drop_order(desk, order);
	}
	desk_wake(desk);
	pthread_mutex_unlock(&desk->lock);
}
