/*
 * What travels between carrel and its engine: everything survives the journey, and nothing that was
 * cut, lengthened or invented is believed.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/idmap.h"
#include "engine/segment.h"
#include "engine/wire.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The only frame in `out`, its payload malloc'ed so that a read beyond it is seen by ASan. */
static struct wire_frame only_frame(const struct buf *out)
{
	struct wire_frame frame;
	struct err err;
	void *copy;

	assert_int_equal(1, wire_parse(&frame, out->data, out->len, &err));
	assert_int_equal(out->len, WIRE_HEADER_BYTES + frame.size_bytes);
	copy = malloc(frame.size_bytes ? frame.size_bytes : 1);
	memcpy(copy, frame.payload, frame.size_bytes);
	frame.payload = copy;
	return frame;
}

/* ---- each message, whole ---- */

static void a_request_arrives_as_it_was_sent(void **state)
{
	const char *const stop[] = {"\n\n", "User:", "\xc3\xa4", NULL};
	struct engine_request sent = {.sampling = {0.7, 0.9, 0.05, 1.1, 40, 64, UINT64_MAX - 5},
		.max_tok = INT64_C(5000000000),
		.priority = -3,
		.n_keep = INT64_C(6000000000),
		.no_store = 1,
		.stop = stop,
		.want_logprobs = 1,
		.no_reuse = 1,
		.owner = "0123456789abcdef",
		.free_quotes = 1};
	struct engine_request got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;

	wire_put_submit(&out, 77, &sent);
	frame = only_frame(&out);
	assert_int_equal(77, frame.request);
	assert_int_equal(0, wire_get_submit(&got, &frame, NULL));
	assert_memory_equal(&sent.sampling, &got.sampling, sizeof(sent.sampling));
	assert_true(got.max_tok == sent.max_tok && got.priority == -3);
	assert_true(got.n_keep == sent.n_keep && got.no_store == 1);
	assert_true(got.want_logprobs == 1 && got.no_reuse == 1 && got.free_quotes == 1);
	assert_true(!got.ignore_end && !got.want_prompt_logprobs && !got.want_logits);
	assert_string_equal(sent.owner, got.owner);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(stop[i], got.stop[i]);
	}
	assert_null(got.stop[3]);
	wire_submit_finish(&got);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void a_configuration_keeps_absent_apart_from_empty(void **state)
{
	struct engine_config sent = {.model = "/a/b \xf0\x9f\x93\x96.gguf",
		.kv_type = "",
		.context_tok = INT64_C(5000000),
		.n_thread = 3,
		.kv_folder = "/a/kv",
		.kv_limit_bytes = INT64_C(50000000000),
		.adapter = {{"/a/style.gguf", 1}, {"/a/notes", -0.5}},
		.n_adapter = 2};
	struct engine_config got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;

	wire_put_config(&out, &sent);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_config(&got, &frame, NULL));
	assert_string_equal(sent.model, got.model);
	assert_null(got.backend);
	assert_null(got.template_name);
	assert_string_equal("", got.kv_type);
	assert_true(got.context_tok == 5000000 && got.n_thread == 3);
	assert_true(
		got.n_adapter == 2 && got.adapter[0].scale == 1 && got.adapter[1].scale == -0.5);
	assert_string_equal("/a/style.gguf", got.adapter[0].path);
	assert_string_equal("/a/kv", got.kv_folder);
	assert_true(got.kv_limit_bytes == INT64_C(50000000000));
	assert_string_equal("/a/notes", got.adapter[1].path);
	wire_config_finish(&got);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void the_description_of_a_model_arrives_as_it_was_sent(void **state)
{
	struct engine_info sent = {.model_name = "m",
		.architecture = "llama",
		.storage = "Q8_0",
		.backend = "cpu",
		.template_name = "",
		.tokenizer = "t",
		.kv_type = "q8",
		.license = "x",
		.adapters = "a:0.5",
		.n_params = INT64_C(109000000000),
		.n_vocab = 128256,
		.context_tok = 5000000,
		.n_thread = 12,
		.has_template = 1,
		.random_weights = 1,
		.can_embed = 1,
		.n_embedding = 2048,
		.embed_tok_per_s = 812.5,
		.process_id = 4242,
		.load_ms = 12.5};
	struct engine_info got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;

	memset(sent.model_digest, 'a', 64);
	wire_put_info(&out, &sent);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_info(&got, &frame, NULL));
	assert_string_equal("Q8_0", got.storage);
	assert_string_equal("", got.template_name);
	assert_string_equal("a:0.5", got.adapters);
	assert_true(got.n_params == sent.n_params && got.context_tok == 5000000);
	assert_int_equal(12, got.n_thread);
	assert_true(got.has_template && got.random_weights && !got.has_system);
	assert_true(got.can_embed && !got.only_embeds && got.embed_tok_per_s == 812.5);
	assert_int_equal(2048, got.n_embedding);
	assert_string_equal(sent.model_digest, got.model_digest);
	assert_string_equal("", got.tokenizer_digest);
	assert_int_equal(4242, got.process_id);
	wire_info_finish(&got);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void a_long_name_of_a_model_is_cut_at_a_character(void **state)
{
	struct engine_info sent = {"", "b", "c", "d", "e", "f", "g", "h", "i", .n_vocab = 7}, got;
	char *name = malloc(WIRE_STRING_MAX + 3);
	struct buf out = BUF_INIT;
	struct wire_frame frame;

	memset(name, 'n', WIRE_STRING_MAX + 2);
	memcpy(name + WIRE_STRING_MAX - 1, "\xc3\xa9", 3);
	sent.model_name = name;
	wire_put_info(&out, &sent);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_info(&got, &frame, NULL));
	assert_int_equal(WIRE_STRING_MAX - 1, strlen(got.model_name));
	wire_info_finish(&got);
	free((void *)frame.payload);
	free(name);
	buf_finish(&out);
}

static void text_and_logprobs_arrive_as_they_were_sent(void **state)
{
	const uint32_t ids[] = {1, 128255, 7};
	const float logprobs[] = {-0.5f, -INFINITY, 0};
	struct engine_event sent = {.type = ENGINE_TEXT,
		.request = 9,
		.text = "na\xc3\xafve",
		.text_len = 6,
		.ids = ids,
		.n_ids = 3,
		.is_thinking = 1,
		.logprobs = logprobs};
	struct engine_event got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;
	int more;

	wire_put_event(&out, &sent, 10);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_event(&got, &more, &frame, 10, NULL));
	assert_true(got.type == ENGINE_TEXT && got.request == 9 && !more && got.n_ids == 3);
	assert_true(got.is_thinking);
	assert_memory_equal(ids, got.ids, sizeof(ids));
	assert_memory_equal(logprobs, got.logprobs, sizeof(logprobs));
	assert_int_equal(6, got.text_len);
	assert_memory_equal("na\xc3\xafve", got.text, 6);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void the_end_says_how_much_was_thinking(void **state)
{
	struct engine_event sent = {.type = ENGINE_DONE,
		.request = 9,
		.stop = ENGINE_STOP_LENGTH,
		.is_thinking = 1,
		.usage = {.cached_tok = 640,
			.disk_tok = 576,
			.restore_ms = 1.5,
			.generated_tok = 12,
			.thinking_tok = 7}};
	struct engine_event got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;
	int more;

	wire_put_event(&out, &sent, 10);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_event(&got, &more, &frame, 10, NULL));
	assert_true(got.is_thinking && got.stop == ENGINE_STOP_LENGTH);
	assert_int_equal(12, got.usage.generated_tok);
	assert_int_equal(7, got.usage.thinking_tok);
	assert_int_equal(640, got.usage.cached_tok);
	assert_int_equal(576, got.usage.disk_tok);
	assert_true(got.usage.restore_ms == 1.5);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void an_embedding_is_numbers_and_some(void **state)
{
	const float good[] = {0.6f, -0.8f}, bad[] = {1, NAN};
	const struct engine_event right = {.type = ENGINE_EMBEDDING,
		.request = 9,
		.embedding = good,
		.n_embedding = 2,
		.embed_tok_per_s = 812.5};
	struct engine_event sent[] = {right, right, right, right}, got;

	sent[1].embedding = bad;
	sent[2].n_embedding = 0;
	sent[3].embed_tok_per_s = -1;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct buf out = BUF_INIT;
		struct wire_frame frame;
		int more;

		wire_put_event(&out, &sent[i], 10);
		frame = only_frame(&out);
		assert_int_equal(i ? -1 : 0, wire_get_event(&got, &more, &frame, 10, NULL));
		if (i == 0) {
			assert_int_equal(2, got.n_embedding);
			assert_memory_equal(good, got.embedding, sizeof(good));
			assert_true(got.embed_tok_per_s == 812.5);
		}
		free((void *)frame.payload);
		buf_finish(&out);
	}
}

/* Of all events with ids only TEXT has thoughts. */
static void no_other_event_can_be_thinking(void **state)
{
	const uint32_t ids[] = {1};
	struct engine_event sent = {
		.type = ENGINE_TOKENS, .request = 9, .ids = ids, .n_ids = 1, .is_thinking = 1};
	struct engine_event got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;
	struct err err;
	int more;

	wire_put_event(&out, &sent, 10);
	frame = only_frame(&out);
	assert_int_equal(-1, wire_get_event(&got, &more, &frame, 10, &err));
	free((void *)frame.payload);
	buf_finish(&out);
}

static void a_failure_arrives_with_place_and_hint(void **state)
{
	struct engine_event sent = {.type = ENGINE_FAILED, .request = 3}, got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;
	char long_text[2000];
	int more;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	err_set(&sent.err, ERR_CONTEXT, long_text, long_text, "%s", long_text);
	wire_put_event(&out, &sent, 10);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_event(&got, &more, &frame, 10, NULL));
	assert_int_equal(ERR_CONTEXT, got.err.code);
	assert_string_equal(sent.err.what, got.err.what);
	assert_string_equal(sent.err.where, got.err.where);
	assert_string_equal(sent.err.hint, got.err.hint);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void a_note_arrives_with_place_and_hint(void **state)
{
	struct err sent, got;
	struct buf out = BUF_INIT;
	struct wire_frame frame;

	err_set(&sent, ERR_ENGINE, "/cache/kv", "make room", "the disk is full");
	wire_put_note(&out, &sent);
	frame = only_frame(&out);
	assert_int_equal(0, wire_get_note(&got, &frame, NULL));
	assert_int_equal(ERR_ENGINE, got.code);
	assert_string_equal(sent.what, got.what);
	assert_string_equal(sent.where, got.where);
	assert_string_equal(sent.hint, got.hint);
	free((void *)frame.payload);
	buf_finish(&out);
}

static void an_owner_is_sixteen_digits_or_nobody(void **state)
{
	const char *const bad[] = {"", "0123456789abcde", "0123456789ABCDEF", "../../../../../..",
		"0123456789abcdef0"};
	struct engine_request request = {.sampling = engine_sampling_default};

	assert_int_equal(0, wire_check_request(&request, NULL));
	request.owner = "0123456789abcdef";
	assert_int_equal(0, wire_check_request(&request, NULL));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err;

		request.owner = bad[i];
		assert_int_equal(-1, wire_check_request(&request, &err));
		assert_int_equal(ERR_USAGE, err.code);
	}
}

/* ---- what is long goes in pieces ---- */

static void long_lists_of_ids_and_rows_are_cut_and_lose_nothing(void **state)
{
	enum { N_IDS = 700001, N_VOCAB = 50021, N_ROWS = 13 };
	uint32_t *ids = malloc(N_IDS * sizeof(*ids));
	float *logits = malloc((size_t)N_ROWS * N_VOCAB * sizeof(*logits));
	struct engine_event event = {.type = ENGINE_TOKENS,
		.request = 1,
		.ids = ids,
		.n_ids = N_IDS,
		.total_tok = N_IDS};
	struct buf out = BUF_INIT;
	struct wire_frame frame;
	struct engine_event got;
	size_t at = 0, n_ids = 0, n_frame = 0;
	int64_t n_rows = 0;
	int more = 1;

	for (uint32_t i = 0; i < N_IDS; i++) {
		ids[i] = i * 2654435761u;
	}
	for (int64_t i = 0; i < (int64_t)N_ROWS * N_VOCAB; i++) {
		logits[i] = (float)i;
	}
	wire_put_event(&out, &event, N_VOCAB);
	event = (struct engine_event){.type = ENGINE_LOGITS,
		.request = 1,
		.logits = logits,
		.first_row = 100,
		.n_rows = N_ROWS};
	wire_put_event(&out, &event, N_VOCAB);
	for (; at < out.len; at += WIRE_HEADER_BYTES + frame.size_bytes, n_frame++) {
		struct err err;

		assert_int_equal(1, wire_parse(&frame, out.data + at, out.len - at, &err));
		assert_true(frame.size_bytes <= WIRE_CHUNK_BYTES + 64);
		/* every field before these keeps 4-byte alignment, so the buffer can be read in place */
		assert_int_equal(0, wire_get_event(&got, &more, &frame, N_VOCAB, &err));
		if (got.type == ENGINE_TOKENS) {
			assert_int_equal(N_IDS, got.total_tok);
			assert_memory_equal(ids + n_ids, got.ids, got.n_ids * sizeof(*ids));
			n_ids += got.n_ids;
			assert_int_equal(more, n_ids < N_IDS);
		} else {
			assert_int_equal(100 + n_rows, got.first_row);
			assert_memory_equal(logits + n_rows * N_VOCAB, got.logits,
				(size_t)(got.n_rows * N_VOCAB) * sizeof(float));
			n_rows += got.n_rows;
		}
	}
	assert_int_equal(N_IDS, n_ids);
	assert_int_equal(N_ROWS, n_rows);
	assert_true(n_frame >= 3 + 3);
	buf_finish(&out);
	free(ids);
	free(logits);
}

static void a_long_segment_is_cut_and_loses_nothing(void **state)
{
	size_t len = 3 * WIRE_CHUNK_BYTES + 17, at = 0, got = 0;
	char *text = malloc(len);
	struct buf out = BUF_INIT;
	struct segment *segment;
	struct wire_segment piece;
	struct wire_frame frame;
	int n_frame = 0;

	for (size_t i = 0; i < len; i++) {
		text[i] = (char)(i * 31 + i / 4096);
	}
	segment = segment_text(text, len);
	wire_put_segment(&out, segment);
	for (; at < out.len; at += WIRE_HEADER_BYTES + frame.size_bytes, n_frame++) {
		assert_int_equal(1, wire_parse(&frame, out.data + at, out.len - at, NULL));
		assert_int_equal(0, wire_get_segment(&piece, &frame, NULL));
		assert_true(piece.number == segment_number(segment));
		assert_int_equal(n_frame ? WIRE_MORE : WIRE_SEGMENT, frame.type);
		assert_true(n_frame || piece.total_bytes == len);
		assert_memory_equal(text + got, piece.data, piece.len);
		got += piece.len;
	}
	assert_int_equal(len, got);
	assert_int_equal(4, n_frame);
	segment_unref(segment);
	buf_finish(&out);
	free(text);
}

/* Whether a source with these asides is believed; what comes of them is what was sent. */
static int asides_arrive(const struct segment_aside *aside, size_t n_aside)
{
	struct segment *segment = segment_source("0123456789", 10, aside, n_aside);
	struct buf out = BUF_INIT;
	struct wire_segment got;
	struct wire_frame frame;
	int is_believed;

	wire_put_segment(&out, segment);
	frame = only_frame(&out);
	is_believed = wire_get_segment(&got, &frame, NULL) == 0;
	if (is_believed) {
		assert_true(got.is_source && got.n_aside == n_aside);
		assert_memory_equal(aside, got.aside, n_aside * sizeof(*aside));
		assert_memory_equal("0123456789", got.data, 10);
	}
	free((void *)frame.payload);
	segment_unref(segment);
	buf_finish(&out);
	return is_believed;
}

static void a_source_arrives_with_its_asides(void **state)
{
	const struct segment_aside good[] = {{0, 2, SEGMENT_ASIDE_MARK}, {2, 1, SEGMENT_ASIDE_SKIP},
		{9, 1, SEGMENT_ASIDE_BARRIER}};
	const struct segment_aside bad[][2] = {
		{{0, 2, SEGMENT_ASIDE_MARK}, {1, 2, SEGMENT_ASIDE_MARK}}, /* they overlap */
		{{5, 2, SEGMENT_ASIDE_MARK}, {1, 2, SEGMENT_ASIDE_MARK}},
		{{5, 0, SEGMENT_ASIDE_MARK}, {6, 1, SEGMENT_ASIDE_MARK}},
		{{5, 1, SEGMENT_ASIDE_MARK}, {9, 2, SEGMENT_ASIDE_MARK}}, /* past the end */
		{{5, 1, SEGMENT_ASIDE_MARK}, {10, 1, SEGMENT_ASIDE_MARK}},
		{{5, UINT32_MAX, SEGMENT_ASIDE_MARK}, {6, 1, SEGMENT_ASIDE_MARK}},
		{{5, 1, SEGMENT_ASIDE_MARK}, {6, 1, (enum segment_aside_kind)3}},
	};

	assert_true(asides_arrive(good, 3));
	assert_true(asides_arrive(good, 0));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(asides_arrive(bad[i], 2));
	}
}

/* ---- what is damaged is refused ---- */

/* Whether any reader believes the frame. Only that it returns matters to ASan and UBSan. */
static int is_believed(const struct wire_frame *frame)
{
	struct wire_segment segment;
	struct engine_request request;
	struct engine_config config;
	struct engine_event event;
	struct engine_info info;
	const uint64_t *number;
	struct err note;
	uint64_t keep;
	size_t count;
	int more, result;

	switch (frame->type) {
	case WIRE_HELLO:
		return wire_check_hello(frame, "x", NULL) == 0;
	case WIRE_OPEN:
		result = wire_get_config(&config, frame, NULL);
		wire_config_finish(&config);
		return result == 0;
	case WIRE_SEGMENT:
	case WIRE_MORE:
		return wire_get_segment(&segment, frame, NULL) == 0;
	case WIRE_RELEASE:
	case WIRE_PROMPT:
		return wire_get_numbers(&number, &count, &keep, frame, NULL) == 0;
	case WIRE_SUBMIT:
		result = wire_get_submit(&request, frame, NULL);
		wire_submit_finish(&request);
		return result == 0;
	case WIRE_NOTE:
		return wire_get_note(&note, frame, NULL) == 0;
	case WIRE_INFO:
		result = wire_get_info(&info, frame, NULL);
		wire_info_finish(&info);
		return result == 0;
	default:
		return wire_get_event(&event, &more, frame, 7, NULL) == 0;
	}
}

/* One of each message whose length its own fields decide. */
static size_t put_one_of_each(struct buf *out)
{
	static const uint32_t ids[] = {1, 2, 3}, lengths[] = {2, 0, 2};
	static const float rows[14] = {1};
	const char *const stop[] = {"a", "bc", NULL};
	struct engine_request request = {.sampling = engine_sampling_default,
		.stop = stop,
		.owner = "00000000ffffffff",
		.max_tok = 3};
	struct engine_config config = {.model = "m", .backend = "cpu", .kv_folder = "k"};
	struct err note = {ERR_ENGINE, "w", "there", "h"};
	struct engine_info info = {"a", "b", "c", "d", "e", "f", "g", "h", "i", .n_vocab = 7};
	struct engine_event event[] = {
		{.type = ENGINE_LOAD, .fraction = 0.5},
		{.type = ENGINE_PREFILL, .request = 1, .done_tok = 1, .total_tok = 2},
		{.type = ENGINE_TEXT,
			.request = 1,
			.text = "x",
			.text_len = 1,
			.ids = ids,
			.n_ids = 3,
			.logprobs = rows},
		{.type = ENGINE_LOGITS, .request = 1, .logits = rows, .n_rows = 2},
		{.type = ENGINE_CACHED, .request = 1, .total_tok = 5},
		{.type = ENGINE_RENDERED,
			.request = 1,
			.first_row = 2,
			.done_tok = 5,
			.total_tok = 9,
			.text = "abcd",
			.text_len = 4,
			.ids = ids,
			.n_ids = 3,
			.text_bytes = lengths},
		{.type = ENGINE_EMBEDDING,
			.request = 1,
			.embedding = rows,
			.n_embedding = 3,
			.embed_tok_per_s = 100},
		{.type = ENGINE_DONE, .request = 1, .stop = ENGINE_STOP_LENGTH},
		{.type = ENGINE_FAILED, .request = 1, .err = {ERR_ENGINE, "w", "", "h"}},
	};

	wire_put_hello(out);
	wire_put_config(out, &config);
	wire_put_submit(out, 1, &request);
	wire_put_info(out, &info);
	wire_put_note(out, &note);
	for (size_t i = 0; i < sizeof(event) / sizeof(event[0]); i++) {
		wire_put_event(out, &event[i], 7);
	}
	return 5 + sizeof(event) / sizeof(event[0]);
}

static void a_payload_of_another_length_is_refused_everywhere(void **state)
{
	struct buf out = BUF_INIT;
	size_t at = 0, n_frame = put_one_of_each(&out), seen = 0;
	struct wire_frame frame;

	for (; at < out.len; at += WIRE_HEADER_BYTES + frame.size_bytes, seen++) {
		assert_int_equal(1, wire_parse(&frame, out.data + at, out.len - at, NULL));
		/* each in a copy, aligned as wire.h asks; the whole one is believed */
		for (size_t size = 0; size <= frame.size_bytes + 4; size++) {
			struct wire_frame cut = frame;
			uint8_t *copy = calloc(1, size + 1);

			memcpy(copy, frame.payload,
				size < frame.size_bytes ? size : frame.size_bytes);
			cut.payload = copy;
			cut.size_bytes = size;
			/* HELLO may grow: later versions must still be told apart. */
			if (frame.type != WIRE_HELLO || size <= frame.size_bytes) {
				assert_int_equal(size == frame.size_bytes, is_believed(&cut));
			}
			free(copy);
		}
	}
	assert_int_equal(n_frame, seen);
	buf_finish(&out);
}

static void random_damage_is_survived(void **state)
{
	struct buf out = BUF_INIT;

	put_one_of_each(&out);
	for (uint64_t round = 0; round < 20000; round++) {
		uint8_t *copy = malloc(out.len);
		struct wire_frame frame;
		uint32_t r[4];
		size_t at = 0;

		memcpy(copy, out.data, out.len);
		rng_philox(42, round, r);
		copy[r[0] % out.len] = (uint8_t)r[1];
		copy[r[2] % out.len] ^= (uint8_t)(1u << r[3] % 8);
		while (wire_parse(&frame, copy + at, out.len - at, NULL) > 0) {
			struct wire_frame own = frame;
			uint8_t *payload = malloc(frame.size_bytes ? frame.size_bytes : 1);

			memcpy(payload, frame.payload, frame.size_bytes);
			own.payload = payload;
			is_believed(&own);
			free(payload);
			at += WIRE_HEADER_BYTES + frame.size_bytes;
		}
		free(copy);
	}
	buf_finish(&out);
}

static void headers_out_of_range_are_refused(void **state)
{
	struct header {
		uint32_t size_bytes;
		uint16_t type, zero;
		int64_t request;
	} good = {0, WIRE_CANCEL, 0, 1},
	  bad[] = {{WIRE_FRAME_MAX_BYTES + 1, WIRE_MORE, 0, 0}, {0, 0, 0, 0},
		  {0, WIRE_TYPE_END, 0, 0}, {0, WIRE_CANCEL, 1, 1}, {0, WIRE_CANCEL, 0, -1}};
	struct wire_frame frame;
	struct err err;

	assert_int_equal(1, wire_parse(&frame, &good, sizeof(good), &err));
	assert_int_equal(0, wire_parse(&frame, &good, sizeof(good) - 1, &err));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(-1, wire_parse(&frame, &bad[i], sizeof(bad[i]), &err));
		assert_int_equal(ERR_ENGINE, err.code);
	}
}

static void ids_that_are_counted_but_not_sent_are_refused(void **state)
{
	struct buf out = BUF_INIT;

	for (uint64_t n_ids = 0; n_ids < 2; n_ids++) {
		size_t begun = wire_begin(&out, WIRE_EVENT + ENGINE_TOKENS, 1);
		struct engine_event event;
		struct wire_frame frame;
		int more;

		wire_put_u32(&out, 0); /* neither ids nor log probabilities follow */
		wire_put_u32(&out, 0);
		wire_put_u64(&out, 0);
		wire_put_u64(&out, 7);
		wire_put_u64(&out, n_ids << 40);
		wire_put_u64(&out, 0);
		wire_end(&out, begun);
		assert_int_equal(1, wire_parse(&frame, out.data, out.len, NULL));
		assert_int_equal(n_ids ? -1 : 0, wire_get_event(&event, &more, &frame, 8, NULL));
		buf_clear(&out);
	}
	buf_finish(&out);
}

static void renderings_that_do_not_add_up_are_refused(void **state)
{
	static const uint32_t ids[] = {1, 2}, good[] = {1, 2}, bad[] = {1, 3};
	const struct engine_event right = {.type = ENGINE_RENDERED,
		.request = 1,
		.first_row = 5,
		.done_tok = 7,
		.total_tok = 9,
		.text = "abc",
		.text_len = 3,
		.ids = ids,
		.n_ids = 2,
		.text_bytes = good};
	struct engine_event sent[] = {right, right, right, right, right}, got;

	sent[1].text_bytes = bad;
	sent[2].done_tok = 8;
	sent[3].first_row = 8;
	sent[4].total_tok = 6;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct buf out = BUF_INIT;
		struct wire_frame frame;
		int more;

		wire_put_event(&out, &sent[i], 7);
		assert_int_equal(1, wire_parse(&frame, out.data, out.len, NULL));
		assert_int_equal(i ? -1 : 0, wire_get_event(&got, &more, &frame, 7, NULL));
		if (i == 0) {
			assert_int_equal(7, got.done_tok);
			assert_memory_equal(good, got.text_bytes, sizeof(good));
			assert_memory_equal("abc", got.text, 3);
		}
		buf_finish(&out);
	}
}

static void sampling_out_of_range_is_refused_on_both_sides(void **state)
{
	static const struct engine_sampling bad[] = {
		{-1, 1, 0, 1, 0, 0, 0},
		{NAN, 1, 0, 1, 0, 0, 0},
		{INFINITY, 1, 0, 1, 0, 0, 0},
		{0, 1.5, 0, 1, 0, 0, 0},
		{0, 1, -0.1, 1, 0, 0, 0},
		{0, 1, 0, 0, 0, 0, 0},
		{0, 1, 0, 1, -1, 0, 0},
		{0, 1, 0, 1, 0, -1, 0},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct engine_request request = {.sampling = bad[i]}, got;
		struct buf out = BUF_INIT;
		struct wire_frame frame;
		struct err err;

		assert_int_equal(-1, wire_check_request(&request, &err));
		assert_int_equal(ERR_USAGE, err.code);
		wire_put_submit(&out, 1, &request);
		frame = only_frame(&out);
		assert_int_equal(-1, wire_get_submit(&got, &frame, &err));
		wire_submit_finish(&got);
		free((void *)frame.payload);
		buf_finish(&out);
	}
}

static void an_engine_of_another_release_is_named(void **state)
{
	struct buf out = BUF_INIT;
	size_t begun = wire_begin(&out, WIRE_HELLO, 0);
	struct wire_frame frame;
	struct err err;

	wire_put_u32(&out, 0x6c726163);
	wire_put_u32(&out, WIRE_VERSION + 1);
	wire_put_string(&out, "9.9.9");
	wire_end(&out, begun);
	frame = only_frame(&out);
	assert_int_equal(-1, wire_check_hello(&frame, "carrel-engine", &err));
	assert_non_null(strstr(err.what, "9.9.9"));
	free((void *)frame.payload);
	buf_finish(&out);
}

/* ---- maps and segments ---- */

static void the_map_agrees_with_a_plain_array(void **state)
{
	enum { N = 500 };
	static int mark[N + 1];
	void *plain[N + 1] = {0};
	struct idmap map = {0};
	size_t count = 0;

	for (uint64_t round = 0; round < 50000; round++) {
		uint32_t r[4];
		uint64_t key;

		rng_philox(7, round, r);
		key = 1 + r[0] % N;
		if (r[1] % 2) {
			count += !plain[key];
			plain[key] = &mark[r[2] % N];
			idmap_put(&map, key, plain[key]);
		} else {
			count -= plain[key] != NULL;
			assert_ptr_equal(plain[key], idmap_remove(&map, key));
			plain[key] = NULL;
		}
		assert_int_equal(count, map.count);
		for (uint64_t k = 1; round % 97 == 0 && k <= N; k++) {
			assert_ptr_equal(plain[k], idmap_get(&map, k));
		}
	}
	idmap_finish(&map);
}

static void a_watch_hears_of_each_destroyed_segment_once(void **state)
{
	struct segment_watch *a = segment_watch_create(), *b = segment_watch_create();
	struct segment *one = segment_text("one", 3), *two = segment_mark(PROMPT_BEGIN);
	uint64_t number_one = segment_number(one), number_two = segment_number(two), *heard;

	segment_watch_add(a, one);
	segment_watch_add(a, one);
	segment_watch_add(b, one);
	segment_watch_add(b, two);
	segment_unref(segment_ref(one));
	assert_int_equal(0, segment_watch_take(a, &heard));
	free(heard);
	segment_unref(one);
	assert_int_equal(1, segment_watch_take(a, &heard));
	assert_true(heard[0] == number_one);
	free(heard);
	segment_watch_destroy(a);
	segment_unref(two);
	assert_int_equal(2, segment_watch_take(b, &heard));
	assert_true(heard[0] == number_one && heard[1] == number_two);
	free(heard);
	two = segment_text("", 0);
	segment_watch_add(b, two);
	segment_watch_destroy(b); /* before its segment */
	segment_unref(two);
}

static void *ref_and_unref(void *arg)
{
	for (int i = 0; i < 100000; i++) {
		segment_unref(segment_ref(arg));
	}
	return NULL;
}

static void segments_are_counted_across_threads(void **state)
{
	struct segment_watch *watch = segment_watch_create();
	struct segment *segment = segment_text("x", 1);
	pthread_t thread[2];
	uint64_t *heard;

	segment_watch_add(watch, segment);
	for (int i = 0; i < 2; i++) {
		pthread_create(&thread[i], NULL, ref_and_unref, segment);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
	}
	assert_int_equal(0, segment_watch_take(watch, &heard));
	free(heard);
	segment_unref(segment);
	assert_int_equal(1, segment_watch_take(watch, &heard));
	free(heard);
	segment_watch_destroy(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_arrives_with_its_asides),
		cmocka_unit_test(a_request_arrives_as_it_was_sent),
		cmocka_unit_test(a_configuration_keeps_absent_apart_from_empty),
		cmocka_unit_test(the_description_of_a_model_arrives_as_it_was_sent),
		cmocka_unit_test(a_long_name_of_a_model_is_cut_at_a_character),
		cmocka_unit_test(text_and_logprobs_arrive_as_they_were_sent),
		cmocka_unit_test(the_end_says_how_much_was_thinking),
		cmocka_unit_test(an_embedding_is_numbers_and_some),
		cmocka_unit_test(no_other_event_can_be_thinking),
		cmocka_unit_test(a_failure_arrives_with_place_and_hint),
		cmocka_unit_test(a_note_arrives_with_place_and_hint),
		cmocka_unit_test(an_owner_is_sixteen_digits_or_nobody),
		cmocka_unit_test(long_lists_of_ids_and_rows_are_cut_and_lose_nothing),
		cmocka_unit_test(a_long_segment_is_cut_and_loses_nothing),
		cmocka_unit_test(a_payload_of_another_length_is_refused_everywhere),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(headers_out_of_range_are_refused),
		cmocka_unit_test(ids_that_are_counted_but_not_sent_are_refused),
		cmocka_unit_test(renderings_that_do_not_add_up_are_refused),
		cmocka_unit_test(sampling_out_of_range_is_refused_on_both_sides),
		cmocka_unit_test(an_engine_of_another_release_is_named),
		cmocka_unit_test(the_map_agrees_with_a_plain_array),
		cmocka_unit_test(a_watch_hears_of_each_destroyed_segment_once),
		cmocka_unit_test(segments_are_counted_across_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
