/*
 * The engine as its users see it: requests go out, events come in, and a process that dies is an
 * error message and a restart.
 *
 * Both directions are non-blocking and queued on this side, so neither end ever waits for the other
 * while the other waits for it: what does not fit into the socket stays in `out` until the socket can
 * take it, and what arrives is read whenever the caller asks for events. The engine's side may block
 * while it writes; it reads on a thread of its own.
 */
#include "engine/client_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 << 10)
/* So many deaths during loading, the last one so recently, and we stop trying. */
#define EARLY_DEATHS_MAX 3
#define EARLY_DEATH_NS   (INT64_C(30) * 1000000000)
/* How long a request waits for the end of a process that is ending, before it is refused. */
#define RESTART_WAIT_MS 50

const struct engine_sampling engine_sampling_default = {
	.top_p = 1, .repeat_penalty = 1, .repeat_last = 64};

static void disconnect(struct engine *engine, const struct err *reason);
static void settle(struct engine *engine, int wait_ms);

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the socket ---- */

static void want_write(struct engine *engine, int wants)
{
	struct epoll_event interest = {.events = EPOLLIN | (wants ? EPOLLOUT : 0u)};

	if (engine->wants_write != wants) {
		engine->wants_write = wants;
		epoll_ctl(engine->epoll_fd, EPOLL_CTL_MOD, engine->fd, &interest);
	}
}

/* A broken pipe is not looked at here: reading finds out, after what had arrived before it. */
static void flush(struct engine *engine)
{
	while (engine->out_sent < engine->out.len) {
		ssize_t n = send(engine->fd, engine->out.data + engine->out_sent,
			engine->out.len - engine->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			want_write(engine, errno == EAGAIN || errno == EWOULDBLOCK);
			return;
		}
		engine->out_sent += (size_t)n;
	}
	engine->out_sent = 0;
	if (engine->out.cap > CLIENT_KEEP_BYTES) {
		buf_finish(&engine->out);
	} else {
		buf_clear(&engine->out);
	}
	want_write(engine, 0);
}

/* Read once. Returns 1 if there was something, 0 if not, -1 if the connection has ended. */
static int receive(struct engine *engine, struct err *err)
{
	ssize_t n;

	buf_reserve(&engine->in, READ_BYTES);
	do {
		n = recv(engine->fd, engine->in.data + engine->in.len, READ_BYTES, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		engine->in.len += (size_t)n;
		return client_take_input(engine, err) < 0 ? -1 : 1;
	}
	err->code = ERR_NONE; /* its end is the link's to explain */
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

/* Send what waits, read what is there until it makes an event. Never blocks. */
static void pump(struct engine *engine)
{
	struct err err = {.code = ERR_NONE};
	int result = 1;

	settle(engine, 0);
	if (engine->fd < 0) {
		return;
	}
	flush(engine);
	while (result > 0 && event_queue_is_empty(&engine->events)) {
		result = receive(engine, &err);
	}
	if (result < 0) {
		disconnect(engine, err.code ? &err : NULL);
	}
}

/* Whether the other end is gone; then what it had sent is read and everything is settled. */
static void notice_death(struct engine *engine)
{
	struct pollfd poll_fd = {.fd = engine->fd, .events = POLLIN};
	struct err err = {.code = ERR_NONE};

	if (engine->fd < 0 || poll(&poll_fd, 1, 0) <= 0 ||
		!(poll_fd.revents & (POLLHUP | POLLERR))) {
		return;
	}
	while (receive(engine, &err) > 0) {
	}
	disconnect(engine, err.code ? &err : NULL);
}

/* ---- its beginning and its end ---- */

static int connect_engine(struct engine *engine, struct err *err)
{
	struct epoll_event interest = {.events = EPOLLIN};

	if (engine->n_early_death >= EARLY_DEATHS_MAX &&
		now_ns() - engine->early_death_ns < EARLY_DEATH_NS) {
		err_set(err, ERR_ENGINE, NULL,
			"try a smaller model or context, or wait half a minute",
			"the engine process died %d times while it was starting; the last time: %s",
			engine->n_early_death, engine->error.what);
		return -1;
	}
	if (engine->ops->start(&engine->link, &engine->fd, &engine->config, err) < 0) {
		engine->fd = -1;
		return -1;
	}
	if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->fd, &interest) < 0) {
		int saved = errno;
		struct err ignored;

		close(engine->fd);
		engine->fd = -1;
		engine->ops->finish(engine->link, -1, &ignored);
		return err_set_errno(err, ERR_ENGINE, saved, NULL, "the engine cannot be watched");
	}
	engine->wants_write = engine->has_info = engine->is_ready = engine->has_failed = 0;
	wire_put_hello(&engine->out);
	wire_put_config(&engine->out, &engine->config);
	flush(engine);
	return 0;
}

static void forget_other_end(struct engine *engine)
{
	uint64_t *number;

	engine->out_sent = 0;
	buf_finish(&engine->out);
	buf_finish(&engine->in);
	idmap_finish(&engine->uploaded);
	engine->n_sent = 0;
	segment_watch_take(engine->watch, &number);
	free(number);
}

/* Once the other end is gone, which may take wait_ms (-1: any time), everybody is told why. */
static void settle(struct engine *engine, int wait_ms)
{
	int was_idle = engine->n_pending == 0;
	struct err why;

	if (engine->fd >= 0 || !engine->is_ending ||
		!engine->ops->finish(engine->link, wait_ms, &why)) {
		return;
	}
	engine->link = NULL; /* its descriptor left the epoll set as it was closed */
	engine->is_ending = 0;
	if (!engine->has_failed) {
		engine->error = engine->reason.code ? engine->reason : why;
		if (!engine->is_ready) {
			engine->n_early_death++;
			engine->early_death_ns = now_ns();
		}
		if (!engine->is_ready || was_idle) {
			client_queue_failed(engine, 0, &engine->error);
		}
	}
	engine->is_ready = 0;
	while (engine->n_pending) {
		client_queue_failed(engine, engine->pending->id, &engine->error);
		client_remove_pending(engine, engine->pending);
	}
}

/* The connection has ended; `reason` is NULL if the other end did it. Does not wait for its end. */
static void disconnect(struct engine *engine, const struct err *reason)
{
	struct epoll_event interest = {.events = EPOLLIN};

	close(engine->fd); /* leaves the epoll set with it: nobody else has the descriptor */
	engine->fd = -1;
	engine->is_ending = 1;
	engine->reason = reason ? *reason : (struct err){.code = ERR_NONE};
	forget_other_end(engine);
	if (engine->ops->fd && epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD,
				       engine->ops->fd(engine->link), &interest) < 0) {
		settle(engine, -1);
	} else {
		settle(engine, 0);
	}
}

int engine_open_link(struct engine **out, const struct engine_config *config,
	const struct engine_link_ops *ops, struct err *err)
{
	struct epoll_event interest = {.events = EPOLLIN};
	struct engine *engine;

	if (wire_check_config(config, err) < 0) {
		return -1;
	}
	engine = mem_zero(1, sizeof(*engine));
	engine->ops = ops;
	engine->fd = -1;
	engine->config = *config;
	engine->config.model = mem_strdup(config->model);
	engine->config.backend = mem_strdup(config->backend);
	engine->config.template_name = mem_strdup(config->template_name);
	engine->config.kv_type = mem_strdup(config->kv_type);
	engine->config.program = mem_strdup(config->program);
	engine->config.kv_folder = mem_strdup(config->kv_folder);
	for (size_t i = 0; i < config->n_adapter; i++) {
		engine->config.adapter[i].path = mem_strdup(config->adapter[i].path);
	}
	engine->watch = segment_watch_create();
	client_keep_strings(engine, &engine->info);
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (event_queue_init(&engine->events, err) < 0) {
		engine_close(engine);
		return -1;
	}
	if (engine->epoll_fd < 0 ||
		epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, engine->events.wake_fd, &interest) < 0) {
		err_set_errno(err, ERR_ENGINE, errno, NULL, "the engine cannot be watched");
		engine_close(engine);
		return -1;
	}
	if (connect_engine(engine, err) < 0) {
		engine_close(engine);
		return -1;
	}
	*out = engine;
	return 0;
}

int engine_open(struct engine **out, const struct engine_config *config, struct err *err)
{
	return engine_open_link(out, config, &engine_link_process, err);
}

void engine_close(struct engine *engine)
{
	struct err ignored;

	if (!engine) {
		return;
	}
	if (engine->fd >= 0) {
		close(engine->fd);
	}
	if (engine->fd >= 0 || engine->is_ending) {
		engine->ops->finish(engine->link, -1, &ignored);
	}
	forget_other_end(engine);
	event_queue_finish(&engine->events);
	while (engine->n_pending) {
		client_remove_pending(engine, engine->pending);
	}
	free(engine->pending);
	free(engine->sent);
	free(engine->note);
	segment_watch_destroy(engine->watch);
	for (size_t i = 0; i < engine->n_string; i++) {
		free(engine->string[i]);
	}
	free(engine->string);
	wire_config_finish(&engine->config);
	if (engine->epoll_fd >= 0) {
		close(engine->epoll_fd);
	}
	free(engine);
}

/* ---- waiting ---- */

int engine_fd(const struct engine *engine)
{
	return engine->epoll_fd;
}

int engine_next(struct engine *engine, int timeout_ms, struct engine_event *event)
{
	struct pollfd poll_fd = {.fd = engine->epoll_fd, .events = POLLIN};
	int64_t until_ns = now_ns() + timeout_ms * INT64_C(1000000);

	for (;;) {
		int64_t left_ms;

		if (!event_queue_is_empty(&engine->events)) {
			if (engine->fd >= 0) {
				flush(engine);
			}
			return event_queue_take(&engine->events, event);
		}
		pump(engine);
		if (!event_queue_is_empty(&engine->events)) {
			continue;
		}
		left_ms = (until_ns - now_ns() + 999999) / 1000000;
		if ((engine->fd < 0 && !engine->is_ending) || (timeout_ms >= 0 && left_ms <= 0) ||
			poll(&poll_fd, 1, timeout_ms < 0 ? -1 : (int)left_ms) < 0) {
			return event_queue_take(&engine->events, event);
		}
	}
}

int engine_wait_ready(struct engine *engine, struct err *err)
{
	notice_death(engine);
	settle(engine, -1);
	if (engine->fd < 0 && connect_engine(engine, err) < 0) {
		return -1;
	}
	while (!engine->is_ready) {
		struct pollfd poll_fd = {.fd = engine->fd, .events = POLLIN};
		struct err reason = {.code = ERR_NONE};
		int result;

		flush(engine);
		result = receive(engine, &reason);
		if (result < 0) {
			disconnect(engine, reason.code ? &reason : NULL);
			settle(engine, -1);
			if (err) {
				*err = engine->error;
			}
			return -1;
		}
		poll_fd.events |= engine->wants_write ? POLLOUT : 0;
		if (result == 0 && poll(&poll_fd, 1, -1) < 0) {
			return err_set(err, ERR_INTERRUPTED, NULL, NULL,
				"interrupted while the model was loading");
		}
	}
	return 0;
}

int engine_is_ready(const struct engine *engine)
{
	return engine->fd >= 0 && engine->is_ready;
}

int engine_is_running(const struct engine *engine)
{
	return engine->fd >= 0 && !engine->has_failed;
}

int engine_restart(struct engine *engine, struct err *err)
{
	notice_death(engine);
	if (engine->fd >= 0 && engine->has_failed && !engine->n_pending) {
		disconnect(engine, &engine->error); /* it is about to end */
	}
	settle(engine, RESTART_WAIT_MS);
	return engine->is_ending ? 1 : engine->fd < 0 ? connect_engine(engine, err) : 0;
}

int engine_trouble(struct engine *engine, struct err *note)
{
	if (!engine->n_note) {
		return 0;
	}
	*note = engine->note[0];
	memmove(engine->note, engine->note + 1, --engine->n_note * sizeof(*note));
	return 1;
}

const struct engine_info *engine_info(const struct engine *engine)
{
	return &engine->info;
}

int engine_kv_usage(const struct engine *engine, int64_t *n_bytes, int64_t *limit_bytes)
{
	const struct engine_config *config = &engine->config;
	struct engine_kv_stock stock;

	*n_bytes = *limit_bytes = 0;
	if (!config->kv_folder ||
		engine_kv_measure(&stock, config->kv_folder, config->kv_limit_bytes, NULL) < 0) {
		return -1;
	}
	*n_bytes = stock.n_bytes;
	*limit_bytes = stock.limit_bytes;
	engine_kv_stock_finish(&stock);
	return 0;
}

int64_t engine_kv_limit(const struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	int64_t n_bytes, limit_bytes;

	if (config->kv_folder && config->kv_limit_bytes > 0) {
		return config->kv_limit_bytes;
	}
	return engine_kv_usage(engine, &n_bytes, &limit_bytes) < 0 ? 0 : limit_bytes;
}

/* ---- requests ---- */

/* Tell the engine which segments are no more. */
static void release_segments(struct engine *engine)
{
	uint64_t *number;
	size_t count = segment_watch_take(engine->watch, &number), n_gone = 0;

	for (size_t i = 0; i < count; i++) {
		if (idmap_remove(&engine->uploaded, number[i])) {
			number[n_gone++] = number[i];
		}
	}
	if (n_gone) {
		wire_put_numbers(&engine->out, WIRE_RELEASE, 0, number, n_gone);
	}
	free(number);
}

/*
 * Make the engine's prompt this one: only what differs from the one before is sent, and only
 * segments that it does not have are uploaded.
 */
static void send_prompt(struct engine *engine, const struct prompt *prompt)
{
	size_t keep = 0;

	while (keep < prompt->count && keep < engine->n_sent &&
		engine->sent[keep] == segment_number(prompt->item[keep])) {
		keep++;
	}
	engine->n_sent = keep;
	for (size_t i = keep; i < prompt->count; i++) {
		struct segment *segment = prompt->item[i];
		uint64_t number = segment_number(segment);

		if (!idmap_get(&engine->uploaded, number)) {
			wire_put_segment(&engine->out, segment);
			idmap_put(&engine->uploaded, number, engine);
			segment_watch_add(engine->watch, segment);
		}
		mem_grow(engine->sent, engine->n_sent, engine->cap_sent);
		engine->sent[engine->n_sent++] = number;
	}
	wire_put_numbers(
		&engine->out, WIRE_PROMPT, keep, engine->sent + keep, engine->n_sent - keep);
}

/* What all requests begin with. Returns the id, or -1. */
static int64_t begin_request(
	struct engine *engine, const struct prompt *prompt, enum wire_type kind, struct err *err)
{
	struct pending *pending;

	switch (engine_restart(engine, err)) {
	case 0:
		break;
	case 1:
		return err_set(err, ERR_ENGINE, NULL, "ask again in a moment",
			"the engine process lost its connection and has not ended yet");
	default:
		return -1;
	}
	release_segments(engine);
	send_prompt(engine, prompt);
	mem_grow(engine->pending, engine->n_pending, engine->cap_pending);
	pending = &engine->pending[engine->n_pending++];
	*pending = (struct pending){.id = ++engine->last_request, .kind = kind};
	return pending->id;
}

int64_t engine_submit(struct engine *engine, const struct engine_request *request, struct err *err)
{
	int64_t id;

	if (wire_check_request(request, err) < 0) {
		return -1;
	}
	id = begin_request(engine, request->prompt, WIRE_SUBMIT, err);
	if (id > 0) {
		wire_put_submit(&engine->out, id, request);
		flush(engine);
	}
	return id;
}

int64_t engine_tokenize(
	struct engine *engine, const struct prompt *prompt, int count_only, struct err *err)
{
	int64_t id = begin_request(engine, prompt, WIRE_TOKENIZE, err);

	if (id > 0) {
		size_t begun = wire_begin(&engine->out, WIRE_TOKENIZE, id);

		wire_put_u32(&engine->out, count_only != 0);
		wire_end(&engine->out, begun);
		flush(engine);
	}
	return id;
}

/* A question that is nothing but its kind. */
static int64_t ask_about(
	struct engine *engine, const struct prompt *prompt, enum wire_type kind, struct err *err)
{
	int64_t id = begin_request(engine, prompt, kind, err);

	if (id > 0) {
		wire_end(&engine->out, wire_begin(&engine->out, kind, id));
		flush(engine);
	}
	return id;
}

int64_t engine_cached(struct engine *engine, const struct prompt *prompt, struct err *err)
{
	return ask_about(engine, prompt, WIRE_CACHED, err);
}

int64_t engine_render(struct engine *engine, const struct prompt *prompt, struct err *err)
{
	return ask_about(engine, prompt, WIRE_RENDER, err);
}

void engine_cancel(struct engine *engine, int64_t request)
{
	struct pending *pending = client_find_pending(engine, request);

	if (!pending || engine->fd < 0) {
		return;
	}
	wire_end(&engine->out, wire_begin(&engine->out, WIRE_CANCEL, request));
	if (!engine->is_ready || pending->kind != WIRE_SUBMIT) {
		/* Nothing has come of it: do not make anybody wait for the end of a load. */
		event_queue_add(&engine->events,
			&(struct engine_event){.type = ENGINE_DONE,
				.request = request,
				.stop = ENGINE_STOP_CANCELLED},
			NULL);
		client_remove_pending(engine, pending);
	}
	flush(engine);
}

struct tokens *tokens_open_engine(const struct engine *engine)
{
	struct tokens *tokens;
	char digest[65];

	if (!engine->config.model || tokens_open(&tokens, engine->config.model, NULL) < 0) {
		return NULL;
	}
	/* The engine may have been told another template, and so keeps other markers out of text. */
	tokens_digest(tokens, digest);
	if (strcmp(digest, engine->info.tokenizer_digest) != 0) {
		tokens_close(tokens);
		return NULL;
	}
	return tokens;
}
