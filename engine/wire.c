/* Frames and fields; the messages made of them are in wire_message.c. */
#include "engine/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct header {
	uint32_t size_bytes;
	uint16_t type, zero;
	int64_t request;
};
_Static_assert(sizeof(struct header) == WIRE_HEADER_BYTES, "the header has no padding");

int wire_parse(struct wire_frame *frame, const void *data, size_t len, struct err *err)
{
	struct header header;

	if (len < sizeof(header)) {
		return 0;
	}
	memcpy(&header, data, sizeof(header));
	if (header.size_bytes > WIRE_FRAME_MAX_BYTES || header.type < WIRE_HELLO ||
		header.type >= WIRE_TYPE_END || header.zero || header.request < 0) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"a message between carrel and its engine is damaged (type %u, %u bytes)",
			header.type, header.size_bytes);
	}
	if (len - sizeof(header) < header.size_bytes) {
		return 0;
	}
	*frame = (struct wire_frame){
		.type = (enum wire_type)header.type,
		.request = header.request,
		.payload = (const uint8_t *)data + sizeof(header),
		.size_bytes = header.size_bytes,
	};
	return 1;
}

/* ---- reading ---- */

struct wire_in wire_in(const struct wire_frame *frame)
{
	return (struct wire_in){.next = frame->payload, .left = frame->size_bytes};
}

static void get(struct wire_in *in, void *value, size_t bytes)
{
	const void *from = wire_get_array(in, 1, bytes);

	if (from) {
		memcpy(value, from, bytes);
	} else {
		memset(value, 0, bytes);
	}
}

const void *wire_get_array(struct wire_in *in, uint64_t count, size_t elem_bytes)
{
	const uint8_t *from = in->next;

	if (in->bad || count > in->left / elem_bytes) {
		in->bad = 1;
		return NULL;
	}
	in->next += count * elem_bytes;
	in->left -= count * elem_bytes;
	return from;
}

uint32_t wire_get_u32(struct wire_in *in)
{
	uint32_t value;

	get(in, &value, sizeof(value));
	return value;
}

uint64_t wire_get_u64(struct wire_in *in)
{
	uint64_t value;

	get(in, &value, sizeof(value));
	return value;
}

int64_t wire_get_count(struct wire_in *in)
{
	uint64_t value = wire_get_u64(in);

	if (value > INT64_MAX) {
		in->bad = 1;
		return 0;
	}
	return (int64_t)value;
}

double wire_get_f64(struct wire_in *in)
{
	double value;

	get(in, &value, sizeof(value));
	if (!isfinite(value)) {
		in->bad = 1;
		return 0;
	}
	return value;
}

static size_t padding(size_t len)
{
	return -len & 3;
}

char *wire_get_string(struct wire_in *in, size_t max)
{
	uint32_t len = wire_get_u32(in);
	const char *from;
	char *text;

	if (len == UINT32_MAX) {
		return NULL; /* absent */
	}
	from = len <= max ? wire_get_array(in, len, 1) : NULL;
	if (!from || !wire_get_array(in, padding(len), 1) || memchr(from, 0, len)) {
		in->bad = 1;
		return NULL;
	}
	text = strndup(from, len);
	in->bad |= !text;
	return text;
}

int wire_in_complete(const struct wire_in *in)
{
	return !in->bad && in->left == 0;
}

/* ---- writing ---- */

size_t wire_begin(struct buf *out, int type, int64_t request)
{
	struct header header = {.type = (uint16_t)type, .request = request};
	size_t begun = out->len;

	buf_add(out, &header, sizeof(header));
	return begun;
}

void wire_end(struct buf *out, size_t begun)
{
	uint32_t size_bytes = (uint32_t)(out->len - begun - sizeof(struct header));

	memcpy(out->data + begun, &size_bytes, sizeof(size_bytes));
}

void wire_put_u32(struct buf *out, uint32_t value)
{
	buf_add(out, &value, sizeof(value));
}

void wire_put_u64(struct buf *out, uint64_t value)
{
	buf_add(out, &value, sizeof(value));
}

void wire_put_f64(struct buf *out, double value)
{
	buf_add(out, &value, sizeof(value));
}

void wire_put_array(struct buf *out, const void *array, size_t count, size_t elem_bytes)
{
	buf_add(out, array, count * elem_bytes);
}

void wire_put_string(struct buf *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	wire_put_u32(out, text ? (uint32_t)len : UINT32_MAX);
	buf_add(out, text, len);
	buf_add(out, "\0\0\0", padding(len));
}
