/* What each frame holds, but for events (wire_event.c). Every put has its get next to it. */
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

int wire_damaged(struct err *err, const struct wire_frame *frame, const char *what)
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
	wire_put_string(out, config->kv_folder);
	wire_put_u64(out, (uint64_t)config->kv_limit_bytes);
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
	config->kv_folder = wire_get_string(&in, WIRE_STRING_MAX);
	config->kv_limit_bytes = wire_get_count(&in);
	n_adapter = wire_get_u32(&in);
	in.bad |= n_adapter > ENGINE_ADAPTERS_MAX;
	for (; config->n_adapter < n_adapter && !in.bad; config->n_adapter++) {
		struct engine_adapter *adapter = &config->adapter[config->n_adapter];

		adapter->path = wire_get_string(&in, WIRE_STRING_MAX);
		adapter->scale = wire_get_f64(&in);
	}
	if (frame->type != WIRE_OPEN || !wire_in_complete(&in) ||
		wire_check_config(config, NULL) < 0) {
		return wire_damaged(err, frame, "configuration");
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
		{config->kv_folder, "the path of the KV folder", WIRE_STRING_MAX},
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
	if (config->kv_limit_bytes < 0) {
		return out_of_range(err, "the limit of the KV folder", "0 or more bytes");
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
	free((char *)config->kv_folder);
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

		in.bad |= kind > SEGMENT_TURN;
		segment->kind = (enum segment_kind)kind;
		get_asides(&in, segment);
		segment->total_bytes = (uint64_t)wire_get_count(&in);
		in.bad |= mark > PROMPT_MODEL_OPEN_NO_THINK;
		in.bad |= kind == SEGMENT_MARK && segment->total_bytes;
		in.bad |= (kind == SEGMENT_IDS || kind == SEGMENT_TURN) &&
			  segment->total_bytes % sizeof(uint32_t);
		in.bad |= !in.bad && !asides_fit(segment);
		segment->mark = (enum prompt_mark)mark;
	}
	segment->data = in.next;
	segment->len = in.left;
	if (in.bad || (!is_first && frame->type != WIRE_MORE) ||
		(is_first && segment->len > segment->total_bytes)) {
		return wire_damaged(err, frame, "segment");
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
		return wire_damaged(err, frame, "list of segments");
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
	offsetof(struct engine_request, want_embedding),
	offsetof(struct engine_request, no_store),
	offsetof(struct engine_request, is_question),
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
	wire_put_u64(out, (uint64_t)request->n_keep);
	wire_put_u32(out, flags);
	wire_put_string(out, request->owner);
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
	request->n_keep = wire_get_count(&in);
	flags = wire_get_u32(&in);
	request->owner = wire_get_string(&in, ENGINE_OWNER_CHARS);
	n_stop = wire_get_u32(&in);
	if (in.bad || n_stop > WIRE_STOPS_MAX || flags >> ARRAY_LEN(submit_flag)) {
		return wire_damaged(err, frame, "request");
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
		return wire_damaged(err, frame, "request");
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
	free((char *)request->owner);
	request->owner = NULL;
}

/* It becomes a part of file names and of records of fixed size. */
static int is_owner(const char *text)
{
	return strlen(text) == ENGINE_OWNER_CHARS &&
	       strspn(text, "0123456789abcdef") == ENGINE_OWNER_CHARS;
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
	if (request->n_keep < 0) {
		return out_of_range(err, "n_keep", "0 or more");
	}
	if (request->want_embedding &&
		(request->max_tok || request->want_logits || request->want_prompt_logprobs)) {
		return out_of_range(
			err, "a request for an embedding", "one for nothing else (max_tok 0)");
	}
	if (request->owner && !is_owner(request->owner)) {
		return out_of_range(err, "the owner", "16 lower-case hexadecimal digits");
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
	offsetof(struct engine_info, n_embedding),
};
static const size_t info_flag[] = {
	offsetof(struct engine_info, has_system),
	offsetof(struct engine_info, has_template),
	offsetof(struct engine_info, thinks),
	offsetof(struct engine_info, can_skip_thinking),
	offsetof(struct engine_info, random_weights),
	offsetof(struct engine_info, can_embed),
	offsetof(struct engine_info, only_embeds),
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
	wire_put_f64(out, info->embed_tok_per_s);
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
	info->embed_tok_per_s = wire_get_f64(&in);
	info->load_ms = wire_get_f64(&in);
	if (frame->type != WIRE_INFO || !wire_in_complete(&in) || info->n_vocab < 1 ||
		info->embed_tok_per_s < 0) {
		return wire_damaged(err, frame, "description of the model");
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
