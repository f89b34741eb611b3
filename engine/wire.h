/*
 * What travels between carrel and carrel-engine over their socketpair: frames of a fixed header and
 * a payload. Both ends run on one machine and come from one build (the handshake checks it), so
 * numbers travel in the machine's byte order; everything else is checked on arrival, on both sides,
 * because a frame may be cut short by a crash and an engine program may be somebody else's: sizes
 * and counts against the bytes that are there, enums against their range, text against its cap. A
 * frame that fails is an error that ends the connection.
 *
 *   header  = u32 payload bytes, u16 type, u16 zero, i64 request (0: none)
 *   strings = u32 length, bytes, padding to 4
 *
 * client to engine
 *   HELLO       magic, version, build           first, in both directions
 *   OPEN        the configuration               second
 *   SEGMENT     number, kind, mark, source or not, asides, total bytes, the first bytes
 *   MORE        number, further bytes           until the total is reached
 *   RELEASE     numbers                         segments that will not be used again
 *   PROMPT      keep, numbers                   the first `keep` of the prompt before, then these
 *   SUBMIT, TOKENIZE, CACHED, RENDER            concern the prompt as it stands
 *   CANCEL
 * engine to client
 *   HELLO, INFO (before READY), NOTE (a sentence for the user), and one frame per event; a long
 *   TOKENS comes in pieces.
 */
#ifndef ENGINE_WIRE_H
#define ENGINE_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION         8
#define WIRE_HEADER_BYTES    16
#define WIRE_FRAME_MAX_BYTES ((size_t)16 << 20) /* of a payload: a row of logits fits */
#define WIRE_CHUNK_BYTES     ((size_t)1 << 20) /* long data is cut into frames of about this size */
#define WIRE_STRING_MAX      ((size_t)64 << 10)
#define WIRE_STOPS_MAX       64

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_OPEN,
	WIRE_SEGMENT,
	WIRE_MORE,
	WIRE_RELEASE,
	WIRE_PROMPT,
	WIRE_SUBMIT,
	WIRE_TOKENIZE,
	WIRE_CACHED,
	WIRE_RENDER,
	WIRE_CANCEL,
	WIRE_INFO,
	WIRE_NOTE,
	WIRE_EVENT, /* + enum engine_event_type */
	WIRE_TYPE_END = WIRE_EVENT + ENGINE_FAILED + 1,
};

/* A frame in a receive buffer, or one that was copied out of it. */
struct wire_frame {
	enum wire_type type;
	int64_t request;
	const uint8_t *payload;
	size_t size_bytes;
};
/* The error of a frame whose `what` does not hold together; returns -1. */
int wire_damaged(struct err *err, const struct wire_frame *frame, const char *what);

/*
 * Look at the front of `data`. Returns 1 with *frame (its payload stays in `data`; the frame takes
 * WIRE_HEADER_BYTES + size_bytes), 0 if more bytes are needed, -1 if this is no frame.
 */
int wire_parse(struct wire_frame *frame, const void *data, size_t len, struct err *err);

/* Reading a payload: after a field that does not fit every further one is zero and `bad` is set. */
struct wire_in {
	const uint8_t *next;
	size_t left;
	int bad;
};
struct wire_in wire_in(const struct wire_frame *frame);
uint32_t wire_get_u32(struct wire_in *in);
uint64_t wire_get_u64(struct wire_in *in);
int64_t wire_get_count(struct wire_in *in); /* a u64 that is not negative as an int64_t */
double wire_get_f64(struct wire_in *in);    /* finite */
const void *wire_get_array(struct wire_in *in, uint64_t count, size_t elem_bytes); /* in place */
/* Text without NULs, at most max bytes; malloc'ed, terminated. NULL if absent or bad. */
char *wire_get_string(struct wire_in *in, size_t max);
/* Whether every field was there and nothing is left over. */
int wire_in_complete(const struct wire_in *in);

/* Writing: wire_begin(), the fields, wire_end() with what begin returned. */
size_t wire_begin(struct buf *out, int type, int64_t request);
void wire_end(struct buf *out, size_t begun);
void wire_put_u32(struct buf *out, uint32_t value);
void wire_put_u64(struct buf *out, uint64_t value);
void wire_put_f64(struct buf *out, double value);
void wire_put_array(struct buf *out, const void *array, size_t count, size_t elem_bytes);
void wire_put_string(struct buf *out, const char *text); /* NULL: absent */

/* ---- the messages ---- */

void wire_put_hello(struct buf *out);
/* An error that says what the other side is, if it is not of this build. */
int wire_check_hello(const struct wire_frame *frame, const char *who, struct err *err);

void wire_put_config(struct buf *out, const struct engine_config *config);
/* Strings are malloc'ed; wire_config_finish() frees them, also after a failure. */
int wire_get_config(struct engine_config *config, const struct wire_frame *frame, struct err *err);
/* What is wrong with a configuration, for a caller of the API and for the other side. */
int wire_check_config(const struct engine_config *config, struct err *err);
void wire_config_finish(struct engine_config *config);

/* A segment, in as many frames as it takes. */
void wire_put_segment(struct buf *out, const struct segment *segment);
struct wire_segment {
	uint64_t number, total_bytes;
	enum segment_kind kind; /* of SEGMENT */
	enum prompt_mark mark;
	int is_source;
	const struct segment_aside *aside; /* [n_aside], in the frame; may be unaligned */
	size_t n_aside;
	const uint8_t *data; /* in the frame */
	size_t len;
};
/* SEGMENT and MORE (which has no kind, mark and total). */
int wire_get_segment(struct wire_segment *segment, const struct wire_frame *frame, struct err *err);

/* RELEASE (keep unused) and PROMPT; long lists are cut into frames. */
void wire_put_numbers(
	struct buf *out, int type, uint64_t keep, const uint64_t *number, size_t count);
int wire_get_numbers(const uint64_t **number, size_t *count, uint64_t *keep,
	const struct wire_frame *frame, struct err *err);

/* What a request is; its prompt is not read. */
void wire_put_submit(struct buf *out, int64_t id, const struct engine_request *request);
/* request->prompt is NULL; its stops are malloc'ed: wire_submit_finish(), also after a failure. */
int wire_get_submit(
	struct engine_request *request, const struct wire_frame *frame, struct err *err);
void wire_submit_finish(struct engine_request *request);
/* What is wrong with the numbers of a request, for a caller of the API and for the other side. */
int wire_check_request(const struct engine_request *request, struct err *err);

void wire_put_info(struct buf *out, const struct engine_info *info);
/* Strings are malloc'ed; wire_info_finish() frees them, also after a failure. */
int wire_get_info(struct engine_info *info, const struct wire_frame *frame, struct err *err);
void wire_info_finish(struct engine_info *info);

/* What goes wrong without making a request fail, see engine_trouble(). */
void wire_put_note(struct buf *out, const struct err *note);
int wire_get_note(struct err *note, const struct wire_frame *frame, struct err *err);

/* An event, in as many frames as it takes. n_vocab is the length of a row of logits. */
void wire_put_event(struct buf *out, const struct engine_event *event, int64_t n_vocab);
/*
 * The event's pointers go into the frame, whose payload must be aligned as malloc() aligns. *more
 * is set for a piece of TOKENS that others follow.
 */
int wire_get_event(struct engine_event *event, int *more, const struct wire_frame *frame,
	int64_t n_vocab, struct err *err);

#endif
