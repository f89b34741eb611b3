#include "session/exchange.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "session/store.h"

#include <stdlib.h>
#include <string.h>

#define AT(type, member)         .offset = offsetof(type, member)
#define BYTES(type, member, len) AT(type, member), .len_offset = offsetof(type, len)
#define WORDS(list)              .words = (list), .n_word = ARRAY_LEN(list)
#define TABLE(list)                                                                                \
	{                                                                                          \
		(list), ARRAY_LEN(list)                                                            \
	}

static const char *const kinds[] = {
	[DOCUMENT_TEXT] = "text",
	[DOCUMENT_CODE] = "code",
	[DOCUMENT_PDF] = "pdf",
	[DOCUMENT_TRANSCRIPT] = "transcript",
};
/* How an answer may have been begun; other marks do not begin one. */
static const char *const opens[] = {
	[PROMPT_MODEL_OPEN] = "model",
	[PROMPT_MODEL_OPEN_NO_THINK] = "model_no_think",
};
static const char *const stops[] = {
	[ENGINE_STOP_END] = "end",
	[ENGINE_STOP_LENGTH] = "length",
	[ENGINE_STOP_CANCELLED] = "interrupted",
};
static const char *const overs[] = {
	[SESSION_OVER_SWEEP] = "sweep",
	[SESSION_OVER_SELECT] = "select",
	[SESSION_OVER_AUTO] = "auto",
};
static const char *const verdicts[] = {
	[VERDICT_VERIFIED] = "verified",
	[VERDICT_MOVED] = "moved",
	[VERDICT_AMBIGUOUS] = "ambiguous",
	[VERDICT_NOT_FOUND] = "not_found",
};

static const struct exchange_field session_fields[] = {
	{"format", EXCHANGE_TEXT, AT(struct exchange_session, format)},
	{"version", EXCHANGE_WHOLE, AT(struct exchange_session, version), .least = 1},
	{"id", EXCHANGE_TEXT, AT(struct exchange_session, id)},
	{"made", EXCHANGE_WHOLE, AT(struct exchange_session, made_s)},
	{"used", EXCHANGE_WHOLE, AT(struct exchange_session, used_s)},
	{"head", EXCHANGE_WHOLE, AT(struct exchange_session, head)},
	{"draft", EXCHANGE_TEXT, AT(struct exchange_session, draft)},
};

static const struct exchange_field setting_fields[] = {
	{"key", EXCHANGE_TEXT, AT(struct store_setting, key)},
	{"value", EXCHANGE_TEXT, AT(struct store_setting, value)},
};

static const struct exchange_field block_fields[] = {
	{"id", EXCHANGE_WHOLE, AT(struct store_block, id), .least = 1},
	{"number", EXCHANGE_WHOLE, AT(struct store_block, number), .least = 1},
	{"is_update", EXCHANGE_FLAG, AT(struct store_block, is_update)},
	{"is_dropped", EXCHANGE_FLAG, AT(struct store_block, is_dropped)},
	{"tokens", EXCHANGE_WHOLE, AT(struct store_block, tokens), .least = -1},
	{"loaded", EXCHANGE_WHOLE, AT(struct store_block, loaded_s)},
};

static const struct exchange_field document_fields[] = {
	{"kind", EXCHANGE_WORD, AT(struct document, kind), WORDS(kinds)},
	{"name", EXCHANGE_TEXT, AT(struct document, name)},
	{"origin", EXCHANGE_TEXT, AT(struct document, origin), .may_be_null = 1},
	{"rev", EXCHANGE_TEXT, AT(struct document, rev), .may_be_null = 1},
	{"pages", EXCHANGE_WHOLE, AT(struct document, n_pages)},
	{"running_lines", EXCHANGE_WHOLE, AT(struct document, running.n_lines)},
	{"running_pages", EXCHANGE_WHOLE, AT(struct document, running.n_pages)},
	{"running_dropped", EXCHANGE_FLAG, AT(struct document, running.are_dropped)},
};

static const struct exchange_field part_fields[] = {
	{"path", EXCHANGE_TEXT, AT(struct part, place.path), .may_be_null = 1},
	{"page", EXCHANGE_WHOLE, AT(struct part, place.page)},
	{"label", EXCHANGE_TEXT, AT(struct part, place.label), .may_be_null = 1},
	{"time_ms", EXCHANGE_WHOLE, AT(struct part, place.time_ms), .least = -1},
	{"speaker", EXCHANGE_TEXT, AT(struct part, place.speaker), .may_be_null = 1},
	{"text", EXCHANGE_BYTES, BYTES(struct part, text, len)},
};

static const struct exchange_field heading_fields[] = {
	{"title", EXCHANGE_TEXT, AT(struct heading, title)},
	{"level", EXCHANGE_INT, AT(struct heading, level), .least = 1},
	{"part", EXCHANGE_WHOLE, AT(struct heading, part)},
	{"line", EXCHANGE_WHOLE, AT(struct heading, line), .least = 1},
};
_Static_assert(sizeof(size_t) == sizeof(int64_t), "a heading's part is read as a whole number");

static const struct exchange_field turn_fields[] = {
	{"id", EXCHANGE_WHOLE, AT(struct store_turn, id), .least = 1},
	{"parent", EXCHANGE_WHOLE, AT(struct store_turn, parent)},
	{"asked", EXCHANGE_WHOLE, AT(struct store_turn, asked_s)},
	{"question", EXCHANGE_BYTES, BYTES(struct store_turn, question, question_len)},
	{"open", EXCHANGE_WORD, AT(struct store_turn, open), WORDS(opens)},
	{"tokenizer_digest", EXCHANGE_DIGEST, AT(struct store_turn, tokenizer_digest)},
	{"text", EXCHANGE_BYTES, BYTES(struct store_turn, text, text_len)},
	{"thinking", EXCHANGE_BYTES, BYTES(struct store_turn, thinking, thinking_len)},
	{"stop", EXCHANGE_WORD, AT(struct store_turn, stop), WORDS(stops)},
	{"model", EXCHANGE_TEXT, AT(struct store_turn, model_name), .may_be_null = 1},
	{"model_digest", EXCHANGE_DIGEST, AT(struct store_turn, model_digest)},
};

static const struct exchange_field usage_fields[] = {
	{"prompt_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, prompt_tok)},
	{"cached_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, cached_tok)},
	{"prefill_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, prefill_tok)},
	{"generated_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, generated_tok)},
	{"disk_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, disk_tok)},
	{"restore_ms", EXCHANGE_REAL, AT(struct engine_usage, restore_ms)},
	{"thinking_tokens", EXCHANGE_WHOLE, AT(struct engine_usage, thinking_tok)},
	{"prefill_ms", EXCHANGE_REAL, AT(struct engine_usage, prefill_ms)},
	{"first_token_ms", EXCHANGE_REAL, AT(struct engine_usage, first_token_ms)},
	{"decode_ms", EXCHANGE_REAL, AT(struct engine_usage, decode_ms)},
};

static const struct exchange_field coverage_fields[] = {
	{"over", EXCHANGE_WORD, AT(struct reading_record, coverage.over), WORDS(overs)},
	{"windows", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_window)},
	{"read", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_read)},
	{"chunks", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_chunk)},
	{"chunks_read", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_chunk_read)},
	{"tokens", EXCHANGE_WHOLE, AT(struct reading_record, coverage.total_tok)},
	{"tokens_read", EXCHANGE_WHOLE, AT(struct reading_record, coverage.read_tok)},
	{"finds", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_find)},
	{"finds_used", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_find_used)},
	{"turns", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_turn)},
	{"turns_read", EXCHANGE_WHOLE, AT(struct reading_record, coverage.n_turn_read)},
	{"stopped", EXCHANGE_FLAG, AT(struct reading_record, coverage.is_stopped)},
	{"reading_ms", EXCHANGE_REAL, AT(struct reading_record, reading_ms)},
};

static const struct exchange_field citation_fields[] = {
	{"text", EXCHANGE_TEXT, AT(struct citation, text)},
	{"source", EXCHANGE_TEXT, AT(struct citation, source), .may_be_null = 1},
	{"path", EXCHANGE_TEXT, AT(struct citation, path), .may_be_null = 1},
	{"page", EXCHANGE_WHOLE, AT(struct citation, page)},
	{"label", EXCHANGE_TEXT, AT(struct citation, label), .may_be_null = 1},
	{"time_ms", EXCHANGE_WHOLE, AT(struct citation, time_ms), .least = -1},
	{"speaker", EXCHANGE_TEXT, AT(struct citation, speaker), .may_be_null = 1},
	{"line_first", EXCHANGE_WHOLE, AT(struct citation, line_first)},
	{"line_last", EXCHANGE_WHOLE, AT(struct citation, line_last)},
	{"verdict", EXCHANGE_WORD, AT(struct citation, verdict), WORDS(verdicts)},
	{"superseded", EXCHANGE_FLAG, AT(struct citation, superseded)},
	{"answer_offset", EXCHANGE_WHOLE, AT(struct citation, answer_offset)},
};

static const struct exchange_field place_fields[] = {
	{"turn", EXCHANGE_WHOLE, AT(struct store_place, turn), .least = STORE_WAITING},
	{"block", EXCHANGE_WHOLE, AT(struct store_place, block), .least = 1},
};

const struct exchange_table exchange_session = TABLE(session_fields);
const struct exchange_table exchange_setting = TABLE(setting_fields);
const struct exchange_table exchange_block = TABLE(block_fields);
const struct exchange_table exchange_document = TABLE(document_fields);
const struct exchange_table exchange_part = TABLE(part_fields);
const struct exchange_table exchange_heading = TABLE(heading_fields);
const struct exchange_table exchange_turn = TABLE(turn_fields);
const struct exchange_table exchange_usage = TABLE(usage_fields);
const struct exchange_table exchange_coverage = TABLE(coverage_fields);
const struct exchange_table exchange_citation = TABLE(citation_fields);
const struct exchange_table exchange_place = TABLE(place_fields);

/* ---- writing ---- */

static void write_bytes(json_t *object, const char *name, const char *bytes, size_t len)
{
	struct buf coded = BUF_INIT;
	char *coded_name;

	if (utf8_valid(bytes, len)) {
		json_object_set_new(object, name, json_stringn(bytes, len));
		return;
	}
	coded_name = mem_printf("%s_base64", name);
	base64_add(&coded, bytes, len);
	json_object_set_new(object, coded_name, json_stringn(coded.data, coded.len));
	free(coded_name);
	buf_finish(&coded);
}

static void write_field(json_t *object, const struct exchange_field *field, const char *base)
{
	const void *at = base + field->offset;
	const char *text;

	switch (field->kind) {
	case EXCHANGE_FLAG:
		json_object_set_new(object, field->name, json_boolean(*(const int *)at));
		break;
	case EXCHANGE_INT:
		json_object_set_new(object, field->name, json_integer(*(const int *)at));
		break;
	case EXCHANGE_WHOLE:
		json_object_set_new(object, field->name, json_integer(*(const int64_t *)at));
		break;
	case EXCHANGE_REAL:
		json_object_set_new(object, field->name, json_real(*(const double *)at));
		break;
	case EXCHANGE_WORD:
		json_object_set_new(
			object, field->name, json_string(field->words[*(const unsigned *)at]));
		break;
	case EXCHANGE_DIGEST:
		json_object_set_new(object, field->name, json_string(at));
		break;
	case EXCHANGE_TEXT:
		text = *(char *const *)at;
		if (text || !field->may_be_null) {
			write_bytes(object, field->name, text ? text : "", text ? strlen(text) : 0);
		} else {
			json_object_set_new(object, field->name, json_null());
		}
		break;
	case EXCHANGE_BYTES:
		text = *(char *const *)at;
		write_bytes(object, field->name, text ? text : "",
			*(const size_t *)(const void *)(base + field->len_offset));
		break;
	}
}

json_t *exchange_write(const struct exchange_table *table, const void *value)
{
	json_t *object = json_object();

	for (size_t i = 0; i < table->n_field; i++) {
		write_field(object, &table->field[i], value);
	}
	return object;
}

/* ---- reading ---- */

static int bad(const char *where, const char *name, const char *wanted, struct err *err)
{
	return err_set(err, ERR_FAILURE, where, NULL, "\"%s\" has to be %s", name, wanted);
}

/* The member, as it is or in base 64; *is_coded says which. NULL where it is neither. */
static const json_t *find_member(const json_t *object, const char *name, int *is_coded)
{
	const json_t *member = json_object_get(object, name);
	char *coded_name;

	*is_coded = 0;
	if (!member) {
		coded_name = mem_printf("%s_base64", name);
		member = json_object_get(object, coded_name);
		*is_coded = member != NULL;
		free(coded_name);
	}
	return member;
}

static int no_memory(const char *where, struct err *err)
{
	return err_set(err, ERR_FAILURE, where, NULL, "there is not enough memory to read it");
}

/* A copy of a text, terminated; *len without that. */
static int read_bytes(const json_t *object, const char *name, const char *where, char **out,
	size_t *len, struct err *err)
{
	int is_coded;
	const json_t *member = find_member(object, name, &is_coded);
	const char *text = json_string_value(member);
	size_t text_len = json_string_length(member);
	struct buf decoded = BUF_INIT;

	if (!text) {
		return bad(where, name, "a text", err);
	}
	if (is_coded) {
		if (base64_decode(&decoded, text, text_len) < 0) {
			return bad(where, name, "base 64 where it is called \"..._base64\"", err);
		}
		*len = decoded.len;
		*out = buf_take(&decoded);
		return 0;
	}
	*out = malloc(text_len + 1);
	if (!*out) {
		return no_memory(where, err);
	}
	memcpy(*out, text, text_len + 1);
	*len = text_len;
	return 0;
}

static int read_text(const json_t *object, const struct exchange_field *field, const char *where,
	char **out, struct err *err)
{
	size_t len;

	if (field->may_be_null && json_is_null(json_object_get(object, field->name))) {
		return 0;
	}
	if (read_bytes(object, field->name, where, out, &len, err) < 0) {
		return -1;
	}
	return strlen(*out) == len ? 0 : bad(where, field->name, "a text without NUL in it", err);
}

static int read_word(const json_t *member, const struct exchange_field *field, unsigned *out,
	const char *where, struct err *err)
{
	const char *word = json_string_value(member);

	for (size_t i = 0; i < field->n_word && word; i++) {
		if (field->words[i] && strcmp(field->words[i], word) == 0) {
			*out = (unsigned)i;
			return 0;
		}
	}
	return bad(where, field->name, "one of the words that carrel writes there", err);
}

static int read_digest(
	const json_t *member, const char *name, char out[65], const char *where, struct err *err)
{
	const char *text = json_string_value(member);
	size_t len = text ? json_string_length(member) : 1;

	if ((len != 0 && len != 64) || (len && strspn(text, "0123456789abcdef") != 64)) {
		return bad(where, name, "64 hexadecimal digits, or none", err);
	}
	memcpy(out, text, len + 1);
	return 0;
}

static int read_whole(const json_t *member, const struct exchange_field *field, int64_t most,
	int64_t *out, const char *where, struct err *err)
{
	if (!json_is_integer(member) || json_integer_value(member) < field->least ||
		json_integer_value(member) > most) {
		return bad(where, field->name, "a whole number that can stand there", err);
	}
	*out = json_integer_value(member);
	return 0;
}

static int read_field(const json_t *object, const struct exchange_field *field, const char *where,
	char *base, struct err *err)
{
	const json_t *member = json_object_get(object, field->name);
	void *at = base + field->offset;
	int64_t whole = 0;

	switch (field->kind) {
	case EXCHANGE_FLAG:
		if (!json_is_boolean(member)) {
			return bad(where, field->name, "true or false", err);
		}
		*(int *)at = json_is_true(member);
		return 0;
	case EXCHANGE_INT:
		if (read_whole(member, field, INT32_MAX, &whole, where, err) < 0) {
			return -1;
		}
		*(int *)at = (int)whole;
		return 0;
	case EXCHANGE_WHOLE:
		return read_whole(member, field, INT64_MAX, at, where, err);
	case EXCHANGE_REAL:
		if (!json_is_number(member) || json_number_value(member) < 0) {
			return bad(where, field->name, "a number that is not negative", err);
		}
		*(double *)at = json_number_value(member);
		return 0;
	case EXCHANGE_WORD:
		return read_word(member, field, at, where, err);
	case EXCHANGE_DIGEST:
		return read_digest(member, field->name, at, where, err);
	case EXCHANGE_TEXT:
		return read_text(object, field, where, at, err);
	case EXCHANGE_BYTES:
		return read_bytes(object, field->name, where, at,
			(size_t *)(void *)(base + field->len_offset), err);
	}
	return -1;
}

int exchange_read(const struct exchange_table *table, const json_t *object, size_t n_other,
	const char *where, void *value, struct err *err)
{
	if (!json_is_object(object)) {
		return err_set(err, ERR_FAILURE, where, NULL, "has to be an object");
	}
	for (size_t i = 0; i < table->n_field; i++) {
		if (read_field(object, &table->field[i], where, value, err) < 0) {
			return -1;
		}
	}
	/*
	 * Every field stands for one member, so that what is left over is unknown. Who reads the others
	 * says which of them is not there.
	 */
	if (json_object_size(object) > table->n_field + n_other) {
		return err_set(err, ERR_FAILURE, where, "a newer carrel may have written it",
			"has members that carrel does not know");
	}
	return 0;
}
