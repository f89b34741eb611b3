/*
 * Two threads. The reader takes messages off the socket whatever the other one is doing, so that a
 * big upload never blocks the client, a cancel ends the batch under way, and a client that went away
 * is noticed. The main thread owns the scheduler and everything else; it handles the messages between
 * batches and writes all that a batch has produced with one call: one wake of the client per burst.
 */
#include "engine/server.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/embedding_text.h"
#include "engine/load.h"
#include "engine/model/model.h"
#include "engine/prompt.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"
#include "engine/token_index.h"
#include "engine/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES       ((size_t)256 << 10)
#define FLUSH_BYTES      ((size_t)4 << 20) /* a burst that is longer is not held back */
#define RENDER_TOK       4096              /* ids in one event */
#define RENDER_BYTES     WIRE_CHUNK_BYTES  /* of text, give or take a token */
#define LOAD_REPORT_NS   (INT64_C(50) * 1000000)
#define EXIT_CLIENT_GONE 0
#define EXIT_FAILED      4 /* ERR_ENGINE; the client was told why */

struct message {
	struct message *next;
	enum wire_type type;
	int64_t request;
	size_t size_bytes;
	_Alignas(16) uint8_t payload[];
};

struct server {
	int fd;
	int own_process;

	/* Between the threads. */
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct message *first, *last;
	int is_closed; /* no further messages; `broken` says why if it was an error */
	struct err broken;
	_Atomic(atomic_bool *) interrupt; /* the scheduler's, once there is one */

	/* The main thread's. */
	struct buf out;
	int is_mute; /* the client cannot be written to any more */
	int64_t load_reported_ns;
	struct loaded loaded;
	struct prompt_store *prompts;
};

/* ---- the reader ---- */

static void interrupt(struct server *server)
{
	atomic_bool *flag = atomic_load(&server->interrupt);

	if (flag) {
		atomic_store(flag, 1);
	}
}

static void post(struct server *server, struct message *message)
{
	int is_cancel = message->type == WIRE_CANCEL; /* once posted it is the main thread's */

	pthread_mutex_lock(&server->lock);
	if (server->last) {
		server->last->next = message;
	} else {
		server->first = message;
	}
	server->last = message;
	pthread_cond_signal(&server->arrived);
	pthread_mutex_unlock(&server->lock);
	if (is_cancel) {
		interrupt(server);
	}
}

static void post_end(struct server *server, const struct err *broken)
{
	/* Once there is a scheduler the main thread ends the process: it has things to write. */
	if (server->own_process && !broken && !atomic_load(&server->interrupt)) {
		_exit(EXIT_CLIENT_GONE);
	}
	pthread_mutex_lock(&server->lock);
	server->is_closed = 1;
	if (broken) {
		server->broken = *broken;
	}
	pthread_cond_signal(&server->arrived);
	pthread_mutex_unlock(&server->lock);
	interrupt(server);
}

/* Post every whole frame in `in`. */
static int post_frames(struct server *server, struct buf *in, struct err *err)
{
	struct wire_frame frame;
	size_t at = 0;
	int result;

	while ((result = wire_parse(&frame, in->data + at, in->len - at, err)) > 0) {
		struct message *message = malloc(sizeof(*message) + frame.size_bytes);

		if (!message) {
			return err_set(err, ERR_ENGINE, NULL, NULL,
				"the engine has no memory for a message of %zu bytes",
				frame.size_bytes);
		}
		message->next = NULL;
		message->type = frame.type;
		message->request = frame.request;
		message->size_bytes = frame.size_bytes;
		memcpy(message->payload, frame.payload, frame.size_bytes);
		post(server, message);
		at += WIRE_HEADER_BYTES + frame.size_bytes;
	}
	in->len -= at;
	memmove(in->data, in->data + at, in->len);
	return result;
}

static void *read_messages(void *arg)
{
	struct server *server = arg;
	struct buf in = BUF_INIT;
	struct err err;

	for (;;) {
		ssize_t n;

		buf_reserve(&in, READ_BYTES);
		n = recv(server->fd, in.data + in.len, READ_BYTES, 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			post_end(server, NULL);
			break;
		}
		in.len += (size_t)n;
		if (post_frames(server, &in, &err) < 0) {
			post_end(server, &err);
			break;
		}
	}
	buf_finish(&in);
	return NULL;
}

/* All messages that have arrived; with `wait`, at least one unless the connection has ended. */
static struct message *take_messages(struct server *server, int wait, int *is_closed)
{
	struct message *first;

	pthread_mutex_lock(&server->lock);
	while (wait && !server->first && !server->is_closed) {
		pthread_cond_wait(&server->arrived, &server->lock);
	}
	first = server->first;
	server->first = server->last = NULL;
	*is_closed = server->is_closed;
	pthread_mutex_unlock(&server->lock);
	return first;
}

/* One message, waited for; NULL if the connection has ended. */
static struct message *take_message(struct server *server)
{
	struct message *message;

	pthread_mutex_lock(&server->lock);
	while (!server->first && !server->is_closed) {
		pthread_cond_wait(&server->arrived, &server->lock);
	}
	message = server->first;
	if (message) {
		server->first = message->next;
		server->last = server->first ? server->last : NULL;
	}
	pthread_mutex_unlock(&server->lock);
	return message;
}

/* ---- what goes out ---- */

static void flush(struct server *server)
{
	size_t sent = 0;

	while (sent < server->out.len && !server->is_mute) {
		ssize_t n = send(
			server->fd, server->out.data + sent, server->out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR) {
			server->is_mute = 1;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&server->out);
}

static void emit(void *arg, const struct engine_event *event)
{
	struct server *server = arg;

	if (server->is_mute) {
		return;
	}
	wire_put_event(&server->out, event, server->loaded.info.n_vocab);
	if (server->out.len > FLUSH_BYTES) {
		flush(server);
	}
}

static void emit_failed(struct server *server, int64_t request, const struct err *err)
{
	emit(server,
		&(struct engine_event){.type = ENGINE_FAILED, .request = request, .err = *err});
}

static void report_load(void *arg, double fraction)
{
	struct server *server = arg;
	struct timespec now;
	int64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	if (fraction < 1 && now_ns - server->load_reported_ns < LOAD_REPORT_NS) {
		return;
	}
	server->load_reported_ns = now_ns;
	emit(server, &(struct engine_event){.type = ENGINE_LOAD, .fraction = fraction});
	flush(server);
}

/* ---- messages ---- */

/* The ids of the present prompt. The turns of a conversation are nothing for an encoder. */
static int prompt_ids(
	const struct server *server, const uint32_t **ids, size_t *count, struct err *err)
{
	if (prompt_store_ids(server->prompts, ids, count, err) == 0) {
		return 0;
	}
	return server->loaded.info.only_embeds
		       ? embedding_refuse_answer(server->loaded.model->path, err)
		       : -1;
}

/* The ids of the prompt's text, without those of its marks; the caller frees them. */
static struct ids text_ids(const struct server *server, const struct scheduler_request *request)
{
	struct embedding_run *run;
	struct ids ids = {0};
	size_t n_run;

	prompt_store_texts(server->prompts, &run, &n_run);
	for (size_t i = 0; i < n_run; i++) {
		for (int64_t k = 0; k < run[i].n_tok; k++) {
			ids_add(&ids, request->ids[run[i].first_tok + k]);
		}
	}
	free(run);
	return ids;
}

/* The prompt as an encoder reads it; 0: it cannot, which was told. */
static int dress(struct server *server, const struct engine_request *asked,
	struct scheduler_request *request, struct embedding_text *out)
{
	const struct model *model = server->loaded.model;
	const struct embedding_prefix *prefix =
		embedding_prefix_of(model->name, model->architecture);
	const char *before = asked->is_question ? prefix->question : prefix->passage;
	struct ids text = text_ids(server, request);
	struct err err;
	int result = embedding_text_make(out, model->tokenizer, text.id, text.count, before,
		server->loaded.info.context_tok, &err);

	ids_finish(&text);
	if (result < 0) {
		emit_failed(server, request->id, &err);
		return 0;
	}
	request->ids = out->ids.id;
	request->n_ids = out->ids.count;
	request->text = out->piece;
	request->n_text = out->n_piece;
	return 1;
}

/* Segments may have no tokens: then nothing is kept, which is not the same as all. */
static int64_t keep_tok(const struct server *server, const struct engine_request *asked)
{
	int64_t end_tok = (int64_t)prompt_store_end(server->prompts, (uint64_t)asked->n_keep);

	return asked->n_keep && !end_tok ? -1 : end_tok;
}

static void copy_wishes(struct scheduler_request *request, const struct engine_request *asked)
{
	request->sampling = (struct sampling){
		.temperature = asked->sampling.temperature,
		.top_k = asked->sampling.top_k,
		.top_p = asked->sampling.top_p,
		.min_p = asked->sampling.min_p,
		.repeat_penalty = asked->sampling.repeat_penalty,
		.repeat_last = asked->sampling.repeat_last,
		.seed = asked->sampling.seed,
	};
	request->max_tok = asked->max_tok;
	request->priority = asked->priority;
	request->stop = asked->stop;
	request->ignore_end = asked->ignore_end;
	request->want_logprobs = asked->want_logprobs;
	request->want_prompt_logprobs = asked->want_prompt_logprobs;
	request->want_logits = asked->want_logits;
	request->no_reuse = asked->no_reuse;
	request->no_store = asked->no_store;
	request->owner = asked->owner;
}

static int handle_submit(struct server *server, const struct wire_frame *frame, struct err *err)
{
	struct scheduler_request request = {.id = frame->request};
	struct engine_request asked;
	struct token_source *source = NULL;
	struct embedding_run *text = NULL;
	struct embedding_text dressed = {0};
	int is_made = 1;
	const struct chat_template *chat_template = server->loaded.model->chat_template;
	struct ids closing = {0};
	size_t turn_from;
	struct err why;

	if (wire_get_submit(&asked, frame, err) < 0) {
		wire_submit_finish(&asked);
		return -1;
	}
	if (prompt_ids(server, &request.ids, &request.n_ids, &why) < 0) {
		emit_failed(server, frame->request, &why);
	} else if (request.n_ids == 0 &&
		   !(asked.want_embedding && server->loaded.info.only_embeds)) {
		err_set(&why, ERR_USAGE, NULL, NULL, "the prompt holds no tokens");
		emit_failed(server, frame->request, &why);
	} else {
		request.turn_mark = prompt_store_turn(server->prompts, &turn_from);
		request.turn_tok = request.n_ids - turn_from;
		request.thinking = chat_template ? &chat_template->thinking : NULL;
		prompt_store_closing(server->prompts, &closing);
		request.closing = closing.id;
		request.n_closing = closing.count;
		request.want_embedding = asked.want_embedding;
		if (asked.want_embedding && server->loaded.info.only_embeds) {
			is_made = dress(server, &asked, &request, &dressed);
		} else if (asked.want_embedding) {
			prompt_store_texts(server->prompts, &text, &request.n_text);
			request.text = text;
		} else if (!asked.free_quotes) {
			prompt_store_sources(server->prompts, &source, &request.n_source);
			request.source = source;
		}
		copy_wishes(&request, &asked);
		request.keep_tok = keep_tok(server, &asked);
		if (is_made) {
			scheduler_submit(server->loaded.scheduler, &request);
		}
	}
	embedding_text_finish(&dressed);
	free(source);
	free(text);
	ids_finish(&closing);
	wire_submit_finish(&asked);
	return 0;
}

/* The text of every id, a few thousand of them per event. */
static void render(struct server *server, int64_t request, const uint32_t *ids, size_t n_ids)
{
	const struct tokenizer *tokenizer = server->loaded.model->tokenizer;
	struct engine_event event = {
		.type = ENGINE_RENDERED, .request = request, .total_tok = (int64_t)n_ids};
	uint32_t text_bytes[RENDER_TOK];
	struct buf text = BUF_INIT;

	do {
		size_t first = (size_t)event.done_tok, n = 0;

		buf_clear(&text);
		for (; n < RENDER_TOK && first + n < n_ids && text.len < RENDER_BYTES; n++) {
			size_t before = text.len;

			tokenizer_decode(tokenizer, ids[first + n], 1, &text);
			text_bytes[n] = (uint32_t)(text.len - before);
		}
		event.first_row = (int64_t)first;
		event.done_tok = (int64_t)(first + n);
		event.ids = ids + first;
		event.n_ids = n;
		event.text = buf_str(&text);
		event.text_len = text.len;
		event.text_bytes = text_bytes;
		emit(server, &event);
	} while (event.done_tok < event.total_tok);
	buf_finish(&text);
}

/* TOKENIZE, CACHED and RENDER. */
static int handle_question(struct server *server, const struct wire_frame *frame, struct err *err)
{
	struct engine_event event = {.request = frame->request};
	struct wire_in in = wire_in(frame);
	uint32_t count_only = frame->type == WIRE_TOKENIZE ? wire_get_u32(&in) : 0;
	struct scheduler_forecast forecast;
	const uint32_t *ids;
	struct err why;
	size_t n_ids;

	if (!wire_in_complete(&in) || !frame->request) {
		return err_set(err, ERR_ENGINE, NULL, NULL, "a question to the engine is damaged");
	}
	if (prompt_ids(server, &ids, &n_ids, &why) < 0) {
		emit_failed(server, frame->request, &why);
		return 0;
	}
	if (frame->type == WIRE_RENDER) {
		render(server, frame->request, ids, n_ids);
		return 0;
	}
	event.total_tok = (int64_t)n_ids;
	if (frame->type == WIRE_TOKENIZE) {
		event.type = ENGINE_TOKENS;
		event.ids = count_only ? NULL : ids;
		event.n_ids = count_only ? 0 : n_ids;
	} else {
		event.type = ENGINE_CACHED;
		forecast = scheduler_cached(
			server->loaded.scheduler, ids, n_ids, prompt_store_same(server->prompts));
		event.cached_tok = forecast.cached_tok;
		event.disk_tok = forecast.disk_tok;
		event.predicted_s = forecast.predicted_s;
		event.token_s = forecast.token_s;
	}
	emit(server, &event);
	return 0;
}

/* An error here is the client's fault and ends the connection. */
static int handle(struct server *server, const struct wire_frame *frame, struct err *err)
{
	struct wire_segment segment;
	const uint64_t *number;
	uint64_t keep;
	size_t count;

	switch (frame->type) {
	case WIRE_SEGMENT:
		return wire_get_segment(&segment, frame, err) < 0
			       ? -1
			       : prompt_store_begin_segment(server->prompts, &segment, err);
	case WIRE_MORE:
		return wire_get_segment(&segment, frame, err) < 0
			       ? -1
			       : prompt_store_add_bytes(server->prompts, &segment, err);
	case WIRE_RELEASE:
		if (wire_get_numbers(&number, &count, &keep, frame, err) < 0) {
			return -1;
		}
		prompt_store_release(server->prompts, number, count);
		return 0;
	case WIRE_PROMPT:
		return wire_get_numbers(&number, &count, &keep, frame, err) < 0
			       ? -1
			       : prompt_store_set(server->prompts, keep, number, count, err);
	case WIRE_SUBMIT:
		return handle_submit(server, frame, err);
	case WIRE_TOKENIZE:
	case WIRE_CACHED:
	case WIRE_RENDER:
		return handle_question(server, frame, err);
	case WIRE_CANCEL:
		scheduler_cancel(server->loaded.scheduler, frame->request);
		return 0;
	default:
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"the engine got a message that is not for it (type %d)", frame->type);
	}
}

static struct wire_frame frame_of(const struct message *message)
{
	return (struct wire_frame){
		message->type, message->request, message->payload, message->size_bytes};
}

/* Handles and frees the list; after an error the rest is only freed. */
static int handle_messages(struct server *server, struct message *message, struct err *err)
{
	int result = 0;

	while (message) {
		struct message *next = message->next;
		struct wire_frame frame = frame_of(message);

		if (result == 0) {
			result = handle(server, &frame, err);
		}
		free(message);
		message = next;
	}
	return result;
}

/* ---- its life ---- */

/* HELLO, OPEN, and the load. Returns -1 with an error for the client, 1 if the client went away. */
static int begin(struct server *server, struct err *err)
{
	struct scheduler_sink sink = {emit, server};
	struct load_progress progress = {report_load, server};
	struct engine_config config = {0};
	int result = 0;

	wire_put_hello(&server->out);
	flush(server);
	for (int i = 0; i < 2 && result == 0; i++) {
		struct message *message = take_message(server);
		struct wire_frame frame;

		if (!message) {
			wire_config_finish(&config);
			*err = server->broken;
			return server->broken.code ? -1 : 1;
		}
		frame = frame_of(message);
		result = i == 0 ? wire_check_hello(&frame, "carrel", err)
				: wire_get_config(&config, &frame, err);
		free(message);
	}
	if (result == 0) {
		result = load_engine(&server->loaded, &config, progress, sink, err);
	}
	wire_config_finish(&config);
	return result;
}

/* What goes wrong beside the requests. */
static void tell_trouble(struct server *server)
{
	struct err trouble;

	while (scheduler_trouble(server->loaded.scheduler, &trouble)) {
		wire_put_note(&server->out, &trouble);
	}
}

static void announce(struct server *server)
{
	struct loaded *loaded = &server->loaded;

	/* as many threads as compute: --threads is about all of them */
	server->prompts = prompt_store_create(loaded->model->tokenizer,
		loaded->model->chat_template, (int32_t)loaded->info.n_thread);
	atomic_store(&server->interrupt, scheduler_interrupt(loaded->scheduler));
	wire_put_info(&server->out, &loaded->info);
	tell_trouble(server); /* so that it is known with READY */
	emit(server, &(struct engine_event){.type = ENGINE_READY});
	flush(server);
}

static int serve(struct server *server)
{
	struct err err;
	int result = begin(server, &err), is_busy = 0, is_closed = 0;

	if (result == 0) {
		announce(server);
	}
	while (result == 0 && !server->is_mute) {
		struct message *messages = take_messages(server, !is_busy, &is_closed);

		if (handle_messages(server, messages, &err) < 0) {
			result = -1;
		} else if (is_closed) {
			err = server->broken;
			result = err.code ? -1 : 1;
		} else {
			is_busy = scheduler_step(server->loaded.scheduler);
			tell_trouble(server);
		}
		flush(server);
	}
	if (result < 0) {
		emit_failed(server, 0, &err);
		flush(server);
		return EXIT_FAILED;
	}
	return EXIT_CLIENT_GONE;
}

static void finish(struct server *server, pthread_t reader)
{
	/* The reader may wait for the client; its end of the socket closes first. */
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(reader, NULL);
	close(server->fd);
	prompt_store_destroy(server->prompts);
	load_finish(&server->loaded);
	while (server->first) {
		struct message *next = server->first->next;

		free(server->first);
		server->first = next;
	}
	buf_finish(&server->out);
	pthread_cond_destroy(&server->arrived);
	pthread_mutex_destroy(&server->lock);
}

int server_run(int fd, int own_process)
{
	struct server server = {.fd = fd, .own_process = own_process};
	pthread_t reader;
	int status;

	pthread_mutex_init(&server.lock, NULL);
	pthread_cond_init(&server.arrived, NULL);
	atomic_init(&server.interrupt, NULL);
	if (pthread_create(&reader, NULL, read_messages, &server) != 0) {
		close(fd);
		return EXIT_FAILED;
	}
	status = serve(&server);
	if (own_process) {
		if (server.loaded.scheduler) {
			scheduler_abandon(server.loaded.scheduler);
		}
		_exit(status); /* giving gigabytes back page by page takes longer than ending */
	}
	finish(&server, reader);
	return status;
}
