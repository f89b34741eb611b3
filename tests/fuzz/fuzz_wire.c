/*
 * Bytes as they would come through the socket, read as both ends read them: nothing crashes, and what
 * a reader believes is written again as something that it believes again.
 */
#include "base/buf.h"
#include "engine/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N_VOCAB 259

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static struct wire_frame first_frame(const struct buf *out)
{
	struct wire_frame frame;

	must(wire_parse(&frame, out->data, out->len, NULL) == 1);
	return frame;
}

static void read_submit(const struct wire_frame *frame)
{
	struct engine_request request, again;
	struct buf out = BUF_INIT;

	if (wire_get_submit(&request, frame, NULL) == 0) {
		struct wire_frame written;

		wire_put_submit(&out, frame->request, &request);
		written = first_frame(&out);
		must(wire_get_submit(&again, &written, NULL) == 0);
		must(memcmp(&request.sampling, &again.sampling, sizeof(again.sampling)) == 0);
		must(!again.owner == !request.owner);
		wire_submit_finish(&again);
	}
	wire_submit_finish(&request);
	buf_finish(&out);
}

static void read_config(const struct wire_frame *frame)
{
	struct engine_config config, again;
	struct buf out = BUF_INIT;

	if (wire_get_config(&config, frame, NULL) == 0) {
		struct wire_frame written;

		wire_put_config(&out, &config);
		written = first_frame(&out);
		must(wire_get_config(&again, &written, NULL) == 0);
		must(again.n_thread == config.n_thread && !again.model == !config.model);
		must(again.kv_limit_bytes == config.kv_limit_bytes);
		wire_config_finish(&again);
	}
	wire_config_finish(&config);
	buf_finish(&out);
}

static void read_info(const struct wire_frame *frame)
{
	struct engine_info info, again;
	struct buf out = BUF_INIT;

	if (wire_get_info(&info, frame, NULL) == 0) {
		struct wire_frame written;

		wire_put_info(&out, &info);
		written = first_frame(&out);
		must(wire_get_info(&again, &written, NULL) == 0);
		must(strcmp(again.model_digest, info.model_digest) == 0);
		wire_info_finish(&again);
	}
	wire_info_finish(&info);
	buf_finish(&out);
}

static void read_note(const struct wire_frame *frame)
{
	struct err note, again;
	struct buf out = BUF_INIT;

	if (wire_get_note(&note, frame, NULL) == 0) {
		struct wire_frame written;

		wire_put_note(&out, &note);
		written = first_frame(&out);
		must(wire_get_note(&again, &written, NULL) == 0);
		must(again.code == note.code && strcmp(again.what, note.what) == 0);
	}
	buf_finish(&out);
}

static void read_event(const struct wire_frame *frame)
{
	struct engine_event event, again;
	struct buf out = BUF_INIT;
	int more;

	if (wire_get_event(&event, &more, frame, N_VOCAB, NULL) < 0) {
		return;
	}
	wire_put_event(&out, &event, N_VOCAB);
	if (out.len) { /* no rows of logits: no frame */
		struct wire_frame written = first_frame(&out);

		must(wire_get_event(&again, &more, &written, N_VOCAB, NULL) == 0);
		must(again.type == event.type && again.request == event.request);
	}
	buf_finish(&out);
}

static void read_frame(const struct wire_frame *frame)
{
	struct wire_segment segment;
	const uint64_t *number;
	uint64_t keep;
	size_t count;

	switch (frame->type) {
	case WIRE_HELLO:
		wire_check_hello(frame, "other", NULL);
		break;
	case WIRE_OPEN:
		read_config(frame);
		break;
	case WIRE_SEGMENT:
	case WIRE_MORE:
		wire_get_segment(&segment, frame, NULL);
		break;
	case WIRE_RELEASE:
	case WIRE_PROMPT:
		wire_get_numbers(&number, &count, &keep, frame, NULL);
		break;
	case WIRE_SUBMIT:
		read_submit(frame);
		break;
	case WIRE_INFO:
		read_info(frame);
		break;
	case WIRE_NOTE:
		read_note(frame);
		break;
	default:
		read_event(frame);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_frame frame;
	struct err err;

	while (wire_parse(&frame, data, size, &err) > 0) {
		uint8_t *payload = malloc(frame.size_bytes ? frame.size_bytes : 1);
		size_t used = WIRE_HEADER_BYTES + frame.size_bytes;

		memcpy(payload, frame.payload, frame.size_bytes);
		frame.payload = payload;
		read_frame(&frame);
		free(payload);
		data += used;
		size -= used;
	}
	return 0;
}
