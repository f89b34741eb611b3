/* What each frame holds. Every put has its get next to it. */
#include "engine/segment.h"
#include "engine/wire.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_MAGIC    0x6c726163 /* "carl" on a little-endian machine */
#define THREADS_MAX    4096
#define STOP_MAX_BYTES 4096
#define NAME_MAX_BYTES 256

#ifndef CARREL_BUILD
#define CARREL_BUILD "unversioned"
#endif

static int damaged(struct err *err, const struct wire_frame *frame, const char *what)
{
	return err_set(err, ERR_ENGINE, NULL, NULL,
		"a message between carrel and its engine is damaged (%s, type %d, %zu bytes)", what,
		frame->type, frame->size_bytes);
}

static int out_of_range(struct err *err, const char *name, const char *range)
{
	return err_set(err, ERR_USAGE, name, NULL, "must be %s", range);
}

/* ---- HELLO ---- */

void wire_put_hello(struct buf *out)
{
	size_t begun = wire_begin(out, WIRE_HELLO, 0);

	wire_put_u32(out, HELLO_MAGIC);
	wire_put_u32(out, WIRE_VERSION);
	wire_put_string(out, CARREL_BUILD);
	wire_end(out, begun);
}

int wire_check_hello(const struct wire_frame *frame, const char *who, struct err *err)
{
	struct wire_in in = wire_in(frame);
	uint32_t magic = wire_get_u32(&in), version = wire_get_u32(&in);
	char *build = wire_get_string(&in, 256);
	int result = 0;

	if (frame->type != WIRE_HELLO || magic != HELLO_MAGIC) {
		result = err_set(err, ERR_ENGINE, who, "install carrel again",
			"does not speak the protocol of carrel's engine");
	} else if (version != WIRE_VERSION || !build || strcmp(build, CARREL_BUILD) != 0) {
		result = err_set(err, ERR_ENGINE, who,
			"install both programs from the same release",
			"is of another release (%s, protocol %u) than this program (%s, protocol "
			"%u)",
			build ? build : "?", version, CARREL_BUILD, WIRE_VERSION);
	}
	free(build);
	return result;
}

/* ---- OPEN ---- */

void wire_put_config(struct buf *out, const struct engine_config *config)
{
	size_t begun = wire_begin(out, WIRE_OPEN, 0);

	wire_put_string(out, config->model);
	wire_put_string(out, config->backend);
	wire_put_string(out, config->template_name);
	wire_put_string(out, config->kv_type);
	wire_put_u64(out, (uint64_t)config->context_tok);
	wire_put_u32(out, (uint32_t)config->n_thread);
	wire_put_u32(out, (uint32_t)config->n_adapter);
	for (size_t i = 0; i < config->n_adapter; i++) {
		wire_put_string(out, config->adapter[i].path);
		wire_put_f64(out, config->adapter[i].scale);
	}
	wire_end(out, begun);
}

int wire_get_config(struct engine_config *config, const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);
	uint32_t n_thread, n_adapter;

	*config = (struct engine_config){0};
	config->model = wire_get_string(&in, WIRE_STRING_MAX);
	config->backend = wire_get_string(&in, NAME_MAX_BYTES);
	config->template_name = wire_get_string(&in, NAME_MAX_BYTES);
	config->kv_type = wire_get_string(&in, NAME_MAX_BYTES);
	config->context_tok = wire_get_count(&in);
	n_thread = wire_get_u32(&in);
	config->n_thread = (int32_t)n_thread;
	n_adapter = wire_get_u32(&in);
	in.bad |= n_adapter > ENGINE_ADAPTERS_MAX;
	for (; config->n_adapter < n_adapter && !in.bad; config->n_adapter++) {
		struct engine_adapter *adapter = &config->adapter[config->n_adapter];

		adapter->path = wire_get_string(&in, WIRE_STRING_MAX);
		adapter->scale = wire_get_f64(&in);
	}
	if (frame->type != WIRE_OPEN || !wire_in_complete(&in) ||
		wire_check_config(config, NULL) < 0) {
		return damaged(err, frame, "configuration");
	}
	return 0;
}

int wire_check_config(const struct engine_config *config, struct err *err)
{
	const struct {
		const char *text, *name;
		size_t max;
	} text[] = {
		{config->model, "the path of the model", WIRE_STRING_MAX},
		{config->backend, "the name of the device", NAME_MAX_BYTES},
		{config->template_name, "the name of the chat template", NAME_MAX_BYTES},
		{config->kv_type, "the KV type", NAME_MAX_BYTES},
	};

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		size_t len = text[i].text ? strlen(text[i].text) : 0;

		if (len > text[i].max) {
			return err_set(err, ERR_USAGE, NULL, NULL,
				"%s is too long: %zu bytes, at most %zu", text[i].name, len,
				text[i].max);
		}
	}
	if (config->n_adapter > ENGINE_ADAPTERS_MAX) {
		return out_of_range(err, "the number of adapters", "between 0 and 8");
	}
	for (size_t i = 0; i < config->n_adapter; i++) {
		const struct engine_adapter *adapter = &config->adapter[i];

		if (!adapter->path || !adapter->path[0] ||
			strlen(adapter->path) > WIRE_STRING_MAX) {
			return out_of_range(err, "the path of an adapter", "1 to 65536 bytes long");
		}
		if (!isfinite(adapter->scale)) {
			return out_of_range(err, "the scale of an adapter", "a finite number");
		}
	}
	if (config->context_tok < 0) {
		return out_of_range(err, "the context", "0 or more tokens");
	}
	if (config->n_thread < 0 || config->n_thread > THREADS_MAX) {
		return out_of_range(err, "the number of threads", "between 0 and 4096");
	}
	return 0;
}

void wire_config_finish(struct engine_config *config)
{
	free((char *)config->model);
	free((char *)config->backend);
	free((char *)config->template_name);
	free((char *)config->kv_type);
	free((char *)config->program);
	for (size_t i = 0; i < config->n_adapter; i++) {
		free((char *)config->adapter[i].path);
	}
	*config = (struct engine_config){0};
}

/* ---- SEGMENT, MORE, RELEASE, PROMPT ---- */

void wire_put_segment(struct buf *out, const struct segment *segment)
{
	size_t total, sent, n, begun;
	const char *data = segment_bytes(segment, &total);
	const struct segment_aside *aside;
	size_t n_aside;

	aside = segment_asides(segment, &n_aside);
	sent = total < WIRE_CHUNK_BYTES ? total : WIRE_CHUNK_BYTES;
	begun = wire_begin(out, WIRE_SEGMENT, 0);
	wire_put_u64(out, segment_number(segment));
	wire_put_u32(out, segment_kind(segment));
	wire_put_u32(out, segment_get_mark(segment));
	wire_put_u32(out, (uint32_t)segment_is_source(segment));
	wire_put_u64(out, n_aside);
	wire_put_array(out, aside, n_aside, sizeof(*aside));
	wire_put_u64(out, total);
	wire_put_array(out, data, sent, 1);
	wire_end(out, begun);
	for (; sent < total; sent += n) {
		n = total - sent < WIRE_CHUNK_BYTES ? total - sent : WIRE_CHUNK_BYTES;
		begun = wire_begin(out, WIRE_MORE, 0);
		wire_put_u64(out, segment_number(segment));
		wire_put_array(out, data + sent, n, 1);
		wire_end(out, begun);
	}
}

/* In order, apart and inside the text, so that nobody has to look again. */
static int asides_fit(const struct wire_segment *segment)
{
	uint64_t end = 0;

	for (size_t i = 0; i < segment->n_aside; i++) {
		struct segment_aside aside;

		memcpy(&aside, segment->aside + i, sizeof(aside));
		if (aside.at < end || aside.len == 0 || aside.kind > SEGMENT_ASIDE_BARRIER ||
			aside.at >= segment->total_bytes ||
			aside.len > segment->total_bytes - aside.at) {
			return 0;
		}
		end = (uint64_t)aside.at + aside.len;
	}
	return 1;
}

static void get_asides(struct wire_in *in, struct wire_segment *segment)
{
	uint32_t is_source = wire_get_u32(in);
	uint64_t n_aside = (uint64_t)wire_get_count(in);

	in->bad |= is_source > 1 || n_aside > (is_source ? SEGMENT_ASIDES_MAX : 0);
	in->bad |= is_source && segment->kind != SEGMENT_TEXT;
	segment->is_source = (int)is_source;
	segment->n_aside = in->bad ? 0 : (size_t)n_aside;
	segment->aside = wire_get_array(in, segment->n_aside, sizeof(*segment->aside));
}

int wire_get_segment(struct wire_segment *segment, const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);
	int is_first = frame->type == WIRE_SEGMENT;

	*segment = (struct wire_segment){.number = wire_get_u64(&in)};
	if (is_first) {
		uint32_t kind = wire_get_u32(&in), mark = wire_get_u32(&in);

		in.bad |= kind > SEGMENT_MARK;
		segment->kind = (enum segment_kind)kind;
		get_asides(&in, segment);
		segment->total_bytes = (uint64_t)wire_get_count(&in);
		in.bad |= mark > PROMPT_MODEL_OPEN_NO_THINK;
		in.bad |= kind == SEGMENT_MARK && segment->total_bytes;
		in.bad |= kind == SEGMENT_IDS && segment->total_bytes % sizeof(uint32_t);
		in.bad |= !in.bad && !asides_fit(segment);
		segment->mark = (enum prompt_mark)mark;
	}
	segment->data = in.next;
	segment->len = in.left;
	if (in.bad || (!is_first && frame->type != WIRE_MORE) ||
		(is_first && segment->len > segment->total_bytes)) {
		return damaged(err, frame, "segment");
	}
	return 0;
}

void wire_put_numbers(
	struct buf *out, int type, uint64_t keep, const uint64_t *number, size_t count)
{
	const size_t max = WIRE_CHUNK_BYTES / sizeof(*number);

	do {
		size_t n = count < max ? count : max, begun = wire_begin(out, type, 0);

		wire_put_u64(out, keep);
		wire_put_array(out, number, n, sizeof(*number));
		wire_end(out, begun);
		number += n;
		count -= n;
		keep += n;
	} while (count);
}

int wire_get_numbers(const uint64_t **number, size_t *count, uint64_t *keep,
	const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);

	*keep = wire_get_u64(&in);
	*count = in.left / sizeof(**number);
	*number = wire_get_array(&in, *count, sizeof(**number));
	if (!wire_in_complete(&in)) {
		return damaged(err, frame, "list of segments");
	}
	return 0;
}

/* ---- SUBMIT ---- */

/* Each flag is a bit on the wire. */
static const size_t submit_flag[] = {
	offsetof(struct engine_request, ignore_end),
	offsetof(struct engine_request, want_logprobs),
	offsetof(struct engine_request, want_prompt_logprobs),
	offsetof(struct engine_request, want_logits),
	offsetof(struct engine_request, no_reuse),
	offsetof(struct engine_request, free_quotes),
};

static int *flag_at(struct engine_request *request, size_t index)
{
	return (int *)((char *)request + submit_flag[index]);
}

void wire_put_submit(struct buf *out, int64_t id, const struct engine_request *request)
{
	const struct engine_sampling *sampling = &request->sampling;
	struct engine_request copy = *request;
	size_t begun = wire_begin(out, WIRE_SUBMIT, id);
	uint32_t flags = 0, n_stop = 0;

	for (size_t i = 0; i < ARRAY_LEN(submit_flag); i++) {
		flags |= *flag_at(&copy, i) ? 1u << i : 0;
	}
	while (request->stop && request->stop[n_stop]) {
		n_stop++;
	}
	wire_put_f64(out, sampling->temperature);
	wire_put_f64(out, sampling->top_p);
	wire_put_f64(out, sampling->min_p);
	wire_put_f64(out, sampling->repeat_penalty);
	wire_put_u32(out, (uint32_t)sampling->top_k);
	wire_put_u32(out, (uint32_t)sampling->repeat_last);
	wire_put_u64(out, sampling->seed);
	wire_put_u64(out, (uint64_t)request->max_tok);
	wire_put_u32(out, (uint32_t)request->priority);
	wire_put_u32(out, flags);
	wire_put_u32(out, n_stop);
	for (uint32_t i = 0; i < n_stop; i++) {
		wire_put_string(out, request->stop[i]);
	}
	wire_end(out, begun);
}

int wire_get_submit(struct engine_request *request, const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);
	struct engine_sampling *sampling = &request->sampling;
	uint32_t flags, n_stop;
	char **stop;

	*request = (struct engine_request){0};
	sampling->temperature = wire_get_f64(&in);
	sampling->top_p = wire_get_f64(&in);
	sampling->min_p = wire_get_f64(&in);
	sampling->repeat_penalty = wire_get_f64(&in);
	sampling->top_k = (int32_t)wire_get_u32(&in);
	sampling->repeat_last = (int32_t)wire_get_u32(&in);
	sampling->seed = wire_get_u64(&in);
	request->max_tok = wire_get_count(&in);
	request->priority = (int32_t)wire_get_u32(&in);
	flags = wire_get_u32(&in);
	n_stop = wire_get_u32(&in);
	if (in.bad || n_stop > WIRE_STOPS_MAX || flags >> ARRAY_LEN(submit_flag)) {
		return damaged(err, frame, "request");
	}
	for (size_t i = 0; i < ARRAY_LEN(submit_flag); i++) {
		*flag_at(request, i) = flags >> i & 1;
	}
	stop = mem_zero(n_stop + 1, sizeof(*stop));
	request->stop = (const char *const *)stop;
	for (uint32_t i = 0; i < n_stop; i++) {
		stop[i] = wire_get_string(&in, STOP_MAX_BYTES);
		in.bad |= !stop[i];
	}
	if (frame->type != WIRE_SUBMIT || !frame->request || !wire_in_complete(&in) ||
		wire_check_request(request, NULL) < 0) {
		return damaged(err, frame, "request");
	}
	return 0;
}

void wire_submit_finish(struct engine_request *request)
{
	for (size_t i = 0; request->stop && request->stop[i]; i++) {
		free((char *)request->stop[i]);
	}
	free((void *)request->stop);
	request->stop = NULL;
}

int wire_check_request(const struct engine_request *request, struct err *err)
{
	const struct engine_sampling *sampling = &request->sampling;

	/* Written so that a NaN is out of range. */
	if (!(sampling->temperature >= 0 && sampling->temperature <= 1000)) {
		return out_of_range(err, "temperature", "between 0 and 1000");
	}
	if (!(sampling->top_p >= 0 && sampling->top_p <= 1)) {
		return out_of_range(err, "top_p", "between 0 and 1");
	}
	if (!(sampling->min_p >= 0 && sampling->min_p <= 1)) {
		return out_of_range(err, "min_p", "between 0 and 1");
	}
	if (!(sampling->repeat_penalty > 0 && sampling->repeat_penalty <= 1000)) {
		return out_of_range(err, "repeat_penalty", "above 0 and at most 1000");
	}
	if (sampling->top_k < 0 || sampling->repeat_last < 0) {
		return out_of_range(err, "top_k and repeat_last", "0 or more");
	}
	if (request->max_tok < 0) {
		return out_of_range(err, "max_tok", "0 or more");
	}
	for (size_t i = 0; request->stop && request->stop[i]; i++) {
		size_t len = strlen(request->stop[i]);

		if (i >= WIRE_STOPS_MAX || len == 0 || len > STOP_MAX_BYTES) {
			return out_of_range(err, "stop", "at most 64 texts of 1 to 4096 bytes");
		}
	}
	return 0;
}

/* ---- INFO ---- */

static const size_t info_string[] = {
	offsetof(struct engine_info, model_name),
	offsetof(struct engine_info, architecture),
	offsetof(struct engine_info, storage),
	offsetof(struct engine_info, backend),
	offsetof(struct engine_info, template_name),
	offsetof(struct engine_info, tokenizer),
	offsetof(struct engine_info, kv_type),
	offsetof(struct engine_info, license),
	offsetof(struct engine_info, adapters),
};
static const size_t info_count[] = {
	offsetof(struct engine_info, n_params),
	offsetof(struct engine_info, weight_bytes),
	offsetof(struct engine_info, n_layer),
	offsetof(struct engine_info, n_vocab),
	offsetof(struct engine_info, context_tok),
	offsetof(struct engine_info, context_train_tok),
	offsetof(struct engine_info, kv_bytes_per_tok),
	offsetof(struct engine_info, n_thread),
};
static const size_t info_flag[] = {
	offsetof(struct engine_info, has_system),
	offsetof(struct engine_info, has_template),
	offsetof(struct engine_info, thinks),
	offsetof(struct engine_info, can_skip_thinking),
	offsetof(struct engine_info, random_weights),
};

/* A model file may call itself anything: what no reader would take is cut at a character. */
static void put_cut(struct buf *out, const char *text)
{
	char *cut;
	size_t len;

	if (!text || strlen(text) <= WIRE_STRING_MAX) {
		wire_put_string(out, text);
		return;
	}
	len = WIRE_STRING_MAX - utf8_incomplete_tail(text, WIRE_STRING_MAX);
	cut = mem_strndup(text, len);
	wire_put_string(out, cut);
	free(cut);
}

void wire_put_info(struct buf *out, const struct engine_info *info)
{
	size_t begun = wire_begin(out, WIRE_INFO, 0);
	const char *at = (const char *)info;

	for (size_t i = 0; i < ARRAY_LEN(info_string); i++) {
		put_cut(out, *(const char *const *)(at + info_string[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(info_count); i++) {
		wire_put_u64(out, (uint64_t) * (const int64_t *)(at + info_count[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(info_flag); i++) {
		wire_put_u32(out, *(const int *)(at + info_flag[i]) != 0);
	}
	wire_put_string(out, info->tokenizer_digest);
	wire_put_string(out, info->model_digest);
	wire_put_u32(out, (uint32_t)info->process_id);
	wire_put_f64(out, info->load_ms);
	wire_end(out, begun);
}

static void get_digest(struct wire_in *in, char out[65])
{
	char *text = wire_get_string(in, 64);

	in->bad |= !text;
	strncpy(out, text ? text : "", 65);
	free(text);
}

int wire_get_info(struct engine_info *info, const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);
	char *at = (char *)info;

	*info = (struct engine_info){0};
	for (size_t i = 0; i < ARRAY_LEN(info_string); i++) {
		char **text = (char **)(at + info_string[i]);

		*text = wire_get_string(&in, WIRE_STRING_MAX);
		in.bad |= !*text;
	}
	for (size_t i = 0; i < ARRAY_LEN(info_count); i++) {
		*(int64_t *)(at + info_count[i]) = wire_get_count(&in);
	}
	for (size_t i = 0; i < ARRAY_LEN(info_flag); i++) {
		*(int *)(at + info_flag[i]) = wire_get_u32(&in) != 0;
	}
	get_digest(&in, info->tokenizer_digest);
	get_digest(&in, info->model_digest);
	info->process_id = (int32_t)wire_get_u32(&in);
	info->load_ms = wire_get_f64(&in);
	if (frame->type != WIRE_INFO || !wire_in_complete(&in) || info->n_vocab < 1) {
		return damaged(err, frame, "description of the model");
	}
	return 0;
}

void wire_info_finish(struct engine_info *info)
{
	for (size_t i = 0; i < ARRAY_LEN(info_string); i++) {
		free(*(char **)((char *)info + info_string[i]));
	}
	*info = (struct engine_info){0};
}

/* ---- events ---- */

static double finite_or(double value, double otherwise)
{
	return isfinite(value) ? value : otherwise;
}

/*
 * Ids with their log probabilities, either of which may be absent (without both there are none);
 * several frames if they are many.
 */
static void put_ids(struct buf *out, const struct engine_event *event)
{
	const size_t max = WIRE_CHUNK_BYTES / sizeof(uint32_t);
	size_t sent = 0;

	do {
		size_t n = event->n_ids - sent < max ? event->n_ids - sent : max;
		int is_last = sent + n == event->n_ids;
		size_t begun = wire_begin(out, WIRE_EVENT + (int)event->type, event->request);

		wire_put_u32(out, (event->ids != NULL) | (event->logprobs != NULL) << 1 |
					  (event->is_thinking != 0) << 2);
		wire_put_u32(out, !is_last);
		wire_put_u64(out, (uint64_t)(event->first_row + (int64_t)sent));
		wire_put_u64(out, (uint64_t)event->total_tok);
		wire_put_u64(out, n);
		wire_put_u64(out, is_last ? event->text_len : 0);
		if (event->ids) {
			wire_put_array(out, event->ids + sent, n, sizeof(*event->ids));
		}
		if (event->logprobs) {
			wire_put_array(out, event->logprobs + sent, n, sizeof(*event->logprobs));
		}
		wire_put_array(out, event->text, is_last ? event->text_len : 0, 1);
		wire_end(out, begun);
		sent += n;
	} while (sent < event->n_ids);
}

static void get_ids(struct wire_in *in, struct engine_event *event, int *more)
{
	uint32_t has = wire_get_u32(in), more_u32 = wire_get_u32(in);

	event->first_row = wire_get_count(in);
	event->total_tok = wire_get_count(in);
	event->n_ids = (size_t)wire_get_count(in);
	event->text_len = (size_t)wire_get_count(in);
	in->bad |= has > 7 || more_u32 > 1 || (!(has & 3) && event->n_ids) ||
		   (has & 4 && event->type != ENGINE_TEXT);
	event->is_thinking = has >> 2 & 1;
	event->ids = has & 1 ? wire_get_array(in, event->n_ids, sizeof(*event->ids)) : NULL;
	event->logprobs =
		has & 2 ? wire_get_array(in, event->n_ids, sizeof(*event->logprobs)) : NULL;
	event->text = wire_get_array(in, event->text_len, 1);
	*more = (int)more_u32;
}

static void put_rendered(struct buf *out, const struct engine_event *event)
{
	size_t begun = wire_begin(out, WIRE_EVENT + ENGINE_RENDERED, event->request);

	wire_put_u64(out, (uint64_t)event->first_row);
	wire_put_u64(out, (uint64_t)event->done_tok);
	wire_put_u64(out, (uint64_t)event->total_tok);
	wire_put_u64(out, event->n_ids);
	wire_put_u64(out, event->text_len);
	wire_put_array(out, event->ids, event->n_ids, sizeof(*event->ids));
	wire_put_array(out, event->text_bytes, event->n_ids, sizeof(*event->text_bytes));
	wire_put_array(out, event->text, event->text_len, 1);
	wire_end(out, begun);
}

static void get_rendered(struct wire_in *in, struct engine_event *event)
{
	uint64_t text_bytes = 0;

	event->first_row = wire_get_count(in);
	event->done_tok = wire_get_count(in);
	event->total_tok = wire_get_count(in);
	event->n_ids = (size_t)wire_get_count(in);
	event->text_len = (size_t)wire_get_count(in);
	event->ids = wire_get_array(in, event->n_ids, sizeof(*event->ids));
	event->text_bytes = wire_get_array(in, event->n_ids, sizeof(*event->text_bytes));
	event->text = wire_get_array(in, event->text_len, 1);
	if (in->bad) {
		return;
	}
	for (size_t i = 0; i < event->n_ids; i++) {
		uint32_t bytes;

		/* Like every other field: a frame need not be aligned. */
		memcpy(&bytes, event->text_bytes + i, sizeof(bytes));
		text_bytes += bytes;
	}
	in->bad |= text_bytes != event->text_len || event->done_tok > event->total_tok ||
		   event->first_row > event->done_tok ||
		   (uint64_t)(event->done_tok - event->first_row) != event->n_ids;
}

/* As many rows in a frame as its chunk holds, at least one. */
static void put_logits(struct buf *out, const struct engine_event *event, int64_t n_vocab)
{
	int64_t max = (int64_t)(WIRE_CHUNK_BYTES / sizeof(float)) / n_vocab;

	max = max < 1 ? 1 : max;
	for (int64_t sent = 0; sent < event->n_rows; sent += max) {
		int64_t n = event->n_rows - sent < max ? event->n_rows - sent : max;
		size_t begun = wire_begin(out, WIRE_EVENT + ENGINE_LOGITS, event->request);

		wire_put_u64(out, (uint64_t)(event->first_row + sent));
		wire_put_u64(out, (uint64_t)n);
		wire_put_array(
			out, event->logits + sent * n_vocab, (size_t)(n * n_vocab), sizeof(float));
		wire_end(out, begun);
	}
}

static void put_done(struct buf *out, const struct engine_event *event)
{
	const struct engine_usage *usage = &event->usage;

	wire_put_u32(out, event->stop);
	wire_put_u32(out, event->is_thinking != 0);
	wire_put_u64(out, (uint64_t)usage->prompt_tok);
	wire_put_u64(out, (uint64_t)usage->cached_tok);
	wire_put_u64(out, (uint64_t)usage->prefill_tok);
	wire_put_u64(out, (uint64_t)usage->generated_tok);
	wire_put_u64(out, (uint64_t)usage->thinking_tok);
	wire_put_f64(out, finite_or(usage->prefill_ms, 0));
	wire_put_f64(out, finite_or(usage->first_token_ms, 0));
	wire_put_f64(out, finite_or(usage->decode_ms, 0));
}

static void get_done(struct wire_in *in, struct engine_event *event)
{
	struct engine_usage *usage = &event->usage;
	uint32_t stop = wire_get_u32(in), is_thinking = wire_get_u32(in);

	in->bad |= stop > ENGINE_STOP_CANCELLED || is_thinking > 1;
	event->is_thinking = (int)is_thinking;
	event->stop = (enum engine_stop)stop;
	usage->prompt_tok = wire_get_count(in);
	usage->cached_tok = wire_get_count(in);
	usage->prefill_tok = wire_get_count(in);
	usage->generated_tok = wire_get_count(in);
	usage->thinking_tok = wire_get_count(in);
	usage->prefill_ms = wire_get_f64(in);
	usage->first_token_ms = wire_get_f64(in);
	usage->decode_ms = wire_get_f64(in);
}

static void get_text(struct wire_in *in, char *out, size_t size)
{
	char *text = wire_get_string(in, size - 1);

	in->bad |= !text;
	memcpy(out, text ? text : "", text ? strlen(text) + 1 : 1);
	free(text);
}

static void get_failed(struct wire_in *in, struct err *err)
{
	uint32_t code = wire_get_u32(in);

	in->bad |= (code < ERR_FAILURE || code > ERR_INPUTS) && code != ERR_INTERRUPTED;
	err->code = (enum err_code)code;
	get_text(in, err->what, sizeof(err->what));
	get_text(in, err->where, sizeof(err->where));
	get_text(in, err->hint, sizeof(err->hint));
}

static void put_small(struct buf *out, const struct engine_event *event)
{
	switch (event->type) {
	case ENGINE_LOAD:
		wire_put_f64(out, finite_or(event->fraction, 0));
		break;
	case ENGINE_PREFILL:
		wire_put_u64(out, (uint64_t)event->done_tok);
		wire_put_u64(out, (uint64_t)event->total_tok);
		wire_put_u64(out, (uint64_t)event->cached_tok);
		break;
	case ENGINE_CACHED:
		wire_put_u64(out, (uint64_t)event->total_tok);
		wire_put_u64(out, (uint64_t)event->cached_tok);
		wire_put_f64(out, finite_or(event->predicted_s, -1));
		break;
	case ENGINE_DONE:
		put_done(out, event);
		break;
	case ENGINE_FAILED:
		wire_put_u32(out, event->err.code);
		wire_put_string(out, event->err.what);
		wire_put_string(out, event->err.where);
		wire_put_string(out, event->err.hint);
		break;
	default:
		break;
	}
}

void wire_put_event(struct buf *out, const struct engine_event *event, int64_t n_vocab)
{
	size_t begun;

	switch (event->type) {
	case ENGINE_TEXT:
	case ENGINE_PROMPT_LOGPROBS:
	case ENGINE_TOKENS:
		put_ids(out, event);
		return;
	case ENGINE_LOGITS:
		put_logits(out, event, n_vocab);
		return;
	case ENGINE_RENDERED:
		put_rendered(out, event);
		return;
	default:
		begun = wire_begin(out, WIRE_EVENT + (int)event->type, event->request);
		put_small(out, event);
		wire_end(out, begun);
	}
}

static void get_logits(struct wire_in *in, struct engine_event *event, int64_t n_vocab)
{
	event->first_row = wire_get_count(in);
	event->n_rows = wire_get_count(in);
	in->bad |= n_vocab < 1 || (size_t)n_vocab > WIRE_FRAME_MAX_BYTES / sizeof(float);
	if (!in->bad) {
		event->logits = wire_get_array(
			in, (uint64_t)event->n_rows, (size_t)n_vocab * sizeof(float));
	}
}

static void get_event(struct wire_in *in, struct engine_event *event, int *more, int64_t n_vocab)
{
	switch (event->type) {
	case ENGINE_LOAD:
		event->fraction = wire_get_f64(in);
		break;
	case ENGINE_READY:
		break;
	case ENGINE_PREFILL:
		event->done_tok = wire_get_count(in);
		event->total_tok = wire_get_count(in);
		event->cached_tok = wire_get_count(in);
		break;
	case ENGINE_TEXT:
	case ENGINE_PROMPT_LOGPROBS:
	case ENGINE_TOKENS:
		get_ids(in, event, more);
		break;
	case ENGINE_LOGITS:
		get_logits(in, event, n_vocab);
		break;
	case ENGINE_CACHED:
		event->total_tok = wire_get_count(in);
		event->cached_tok = wire_get_count(in);
		event->predicted_s = wire_get_f64(in);
		break;
	case ENGINE_RENDERED:
		get_rendered(in, event);
		break;
	case ENGINE_DONE:
		get_done(in, event);
		break;
	case ENGINE_FAILED:
		get_failed(in, &event->err);
		break;
	}
}

int wire_get_event(struct engine_event *event, int *more, const struct wire_frame *frame,
	int64_t n_vocab, struct err *err)
{
	struct wire_in in = wire_in(frame);

	*event = (struct engine_event){
		.type = (enum engine_event_type)(frame->type - WIRE_EVENT),
		.request = frame->request,
	};
	*more = 0;
	if ((int)frame->type < WIRE_EVENT || frame->type >= WIRE_TYPE_END) {
		return damaged(err, frame, "no event");
	}
	get_event(&in, event, more, n_vocab);
	if (!wire_in_complete(&in)) {
		return damaged(err, frame, "event");
	}
	return 0;
}
