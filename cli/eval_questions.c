#include "cli/eval_questions.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/start.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 << 20, ABSENT_EVERY = 4 };

void eval_questions_finish(struct eval_questions *questions)
{
	for (size_t i = 0; i < questions->count; i++) {
		quiz_question_finish(&questions->item[i].quiz);
		free(questions->item[i].kind);
		free(questions->item[i].family);
	}
	free(questions->item);
	*questions = (struct eval_questions){0};
}

static struct eval_question *add(struct eval_questions *out, const char *kind, const char *family)
{
	struct eval_question *question;

	mem_grow(out->item, out->count, out->cap);
	question = &out->item[out->count++];
	*question = (struct eval_question){
		.kind = mem_strdup(kind),
		.family = mem_strdup(family),
	};
	return question;
}

/* ---- made ---- */

void eval_questions_make(
	struct eval_questions *out, struct quiz *quiz, int64_t count, uint64_t seed)
{
	size_t turn[2] = {0};

	quiz_restart(quiz);
	for (int64_t i = 0; i < count; i++) {
		int is_absent = i % ABSENT_EVERY == ABSENT_EVERY - 1, is_made = 0;
		struct quiz_question question = {0};

		for (int k = 0; k < QUIZ_N_FAMILY && !is_made; k++) {
			enum quiz_family family =
				(enum quiz_family)(turn[is_absent]++ % QUIZ_N_FAMILY);

			is_made = quiz_ask_library(
				quiz, family, is_absent, seed, (uint64_t)i, &question);
		}
		if (!is_made) {
			out->n_missing++;
			continue;
		}
		add(out, is_absent ? "absent" : "natural",
			quiz_family_name(quiz_kind_family(question.kind)))
			->quiz = question;
	}
}

/* ---- read ---- */

static char *take_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && text[0] ? mem_strdup(text) : NULL;
}

static int64_t take_whole(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Returns what is wrong with it; NULL: nothing. */
static const char *read_question(struct eval_questions *out, const json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *family = json_string_value(json_object_get(object, "family"));
	struct quiz_question *question =
		&add(out, kind && kind[0] ? kind : "asked", family ? family : "")->quiz;

	question->text = take_text(object, "text");
	question->anchor = take_text(object, "asked");
	question->path = take_text(object, "path");
	question->expected = take_text(object, "expected");
	question->line_first = take_whole(object, "line_first");
	question->line_last = take_whole(object, "line_last");
	question->line_heading = take_whole(object, "line_heading");
	question->is_absent = !question->path;
	if (!question->text) {
		return "there is no \"text\"";
	}
	if (!question->anchor) {
		question->anchor = mem_strdup("");
	}
	if (question->is_absent) {
		return NULL;
	}
	if (question->line_first < 1 || question->line_last < question->line_first) {
		return "\"line_first\" and \"line_last\" are no lines";
	}
	return question->expected ? NULL : "there is a \"path\", but nothing \"expected\"";
}

static int read_line(struct eval_questions *out, const char *path, const char *line, size_t len,
	int64_t number, struct err *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	const char *wrong = json_is_object(object) ? read_question(out, object) : "it is no object";

	if (!object) {
		wrong = why.text;
	}
	if (wrong) {
		err_set(err, ERR_INPUTS, path,
			"each line is a question as --make-questions prints it",
			"line %lld is no question: %s", (long long)number, wrong);
	}
	json_decref(object);
	return wrong ? -1 : 0;
}

int eval_questions_read(struct eval_questions *out, const char *path, struct err *err)
{
	struct buf text = BUF_INIT;
	int64_t number = 0;
	int status = start_read(&text, path, FILE_MAX_BYTES, err);

	for (size_t at = 0; status == 0 && at < text.len;) {
		const char *line = text.data + at, *end = memchr(line, '\n', text.len - at);
		size_t len = end ? (size_t)(end - line) : text.len - at;

		number++;
		at += len + 1;
		if (len) {
			status = read_line(out, path, line, len, number, err);
		}
	}
	if (status == 0 && !out->count) {
		status = err_set(err, ERR_INPUTS, path, NULL, "there is no question in it");
	}
	buf_finish(&text);
	return status;
}

/* ---- printed ---- */

void eval_questions_print(const struct eval_questions *questions)
{
	for (size_t i = 0; i < questions->count; i++) {
		const struct eval_question *item = &questions->item[i];
		const struct quiz_question *question = &item->quiz;
		json_t *object = json_object();
		char *line;

		json_object_set_new(object, "kind", output_json_string(item->kind));
		json_object_set_new(object, "family", output_json_string(item->family));
		json_object_set_new(object, "text", output_json_string(question->text));
		json_object_set_new(object, "asked", output_json_string(question->anchor));
		if (!question->is_absent) {
			json_object_set_new(object, "path", output_json_string(question->path));
			json_object_set_new(
				object, "line_first", json_integer(question->line_first));
			json_object_set_new(object, "line_last", json_integer(question->line_last));
			json_object_set_new(
				object, "line_heading", json_integer(question->line_heading));
			json_object_set_new(
				object, "expected", output_json_string(question->expected));
		}
		line = json_dumps(object, JSON_COMPACT);
		output_line("%s", line);
		free(line);
		json_decref(object);
	}
}
