/* What the frames of events hold. Every put has its get next to it. */
#include "engine/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void put_embedding(struct buf *out, const struct engine_event *event)
{
	wire_put_f64(out, finite_or(event->embed_tok_per_s, 0));
	wire_put_u64(out, event->n_embedding);
	wire_put_array(out, event->embedding, event->n_embedding, sizeof(*event->embedding));
}

static void get_embedding(struct wire_in *in, struct engine_event *event)
{
	event->embed_tok_per_s = wire_get_f64(in);
	event->n_embedding = (size_t)wire_get_count(in);
	event->embedding = wire_get_array(in, event->n_embedding, sizeof(*event->embedding));
	in->bad |= event->embed_tok_per_s < 0 || !event->n_embedding;
	for (size_t i = 0; i < event->n_embedding && !in->bad; i++) {
		float value;

		memcpy(&value, event->embedding + i, sizeof(value));
		in->bad |= !isfinite(value);
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
	wire_put_u64(out, (uint64_t)usage->disk_tok);
	wire_put_u64(out, (uint64_t)usage->thinking_tok);
	wire_put_f64(out, finite_or(usage->restore_ms, 0));
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
	usage->disk_tok = wire_get_count(in);
	usage->thinking_tok = wire_get_count(in);
	usage->restore_ms = wire_get_f64(in);
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

static void put_err(struct buf *out, const struct err *err)
{
	wire_put_u32(out, err->code);
	wire_put_string(out, err->what);
	wire_put_string(out, err->where);
	wire_put_string(out, err->hint);
}

static void get_err(struct wire_in *in, struct err *err)
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
		wire_put_u64(out, (uint64_t)event->disk_tok);
		break;
	case ENGINE_CACHED:
		wire_put_u64(out, (uint64_t)event->total_tok);
		wire_put_u64(out, (uint64_t)event->cached_tok);
		wire_put_u64(out, (uint64_t)event->disk_tok);
		wire_put_f64(out, finite_or(event->predicted_s, -1));
		wire_put_f64(out, finite_or(event->token_s, -1));
		break;
	case ENGINE_EMBEDDING:
		put_embedding(out, event);
		break;
	case ENGINE_DONE:
		put_done(out, event);
		break;
	case ENGINE_FAILED:
		put_err(out, &event->err);
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
		event->disk_tok = wire_get_count(in);
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
		event->disk_tok = wire_get_count(in);
		event->predicted_s = wire_get_f64(in);
		event->token_s = wire_get_f64(in);
		break;
	case ENGINE_RENDERED:
		get_rendered(in, event);
		break;
	case ENGINE_EMBEDDING:
		get_embedding(in, event);
		break;
	case ENGINE_DONE:
		get_done(in, event);
		break;
	case ENGINE_FAILED:
		get_err(in, &event->err);
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
		return wire_damaged(err, frame, "no event");
	}
	get_event(&in, event, more, n_vocab);
	if (!wire_in_complete(&in)) {
		return wire_damaged(err, frame, "event");
	}
	return 0;
}

void wire_put_note(struct buf *out, const struct err *note)
{
	size_t begun = wire_begin(out, WIRE_NOTE, 0);

	put_err(out, note);
	wire_end(out, begun);
}

int wire_get_note(struct err *note, const struct wire_frame *frame, struct err *err)
{
	struct wire_in in = wire_in(frame);

	get_err(&in, note);
	return frame->type != WIRE_NOTE || !wire_in_complete(&in) ? wire_damaged(err, frame, "note")
								  : 0;
}
