/* Citations of cues: where no time is known, and where times begin anew. */
#include "base/mem.h"
#include "loaders/document.h"
#include "session/cite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct cue {
	int64_t time_ms;
	const char *speaker, *text, *label;
};

static const struct cue chat_cue[] = {
	{-1, NULL, "Pumps", NULL},
	{-1, "Ana", "who starts the pump?", "message 1"},
	{-1, "Bo: the elder", "I do,\nby hand", "message 2"},
	{-1, "Ana", "and at noon?", "message 3"},
	{-1, "Bo: the elder", "it stops", "message 4"},
};

/* Two talks in one file; a cue between times, and one that is out of order. */
static const struct cue talk_cue[] = {
	{0, "Ana", "good morning to all", "first"},
	{60000, "Ana", "the ring is built", "first"},
	{-1, "Bo", "nobody noted when", "first"},
	{30000, "Bo", "late but early", "first"},
	{0, "Ana", "good evening to all", "second"},
	{60000, "Ana", "the ring is gone", "second"},
	{120000, "Ana", "that was it", "second"},
};

static struct document make_document(const char *name, const struct cue *cue, size_t n_cue)
{
	struct document document = {
		.kind = DOCUMENT_TRANSCRIPT, .name = mem_strdup(name), .origin = mem_strdup(name)};

	for (size_t i = 0; i < n_cue; i++) {
		struct part *part = document_add_part(&document);

		part->text = mem_strdup(cue[i].text);
		part->len = strlen(cue[i].text);
		part->place.time_ms = cue[i].time_ms;
		part->place.speaker = mem_strdup(cue[i].speaker);
		part->place.label = mem_strdup(cue[i].label);
	}
	return document;
}

struct expected {
	const char *answer;
	enum verdict verdict;
	int64_t time_ms;
	const char *speaker, *label;
};

static int same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_rows(const struct cue *cue, size_t n_cue, const struct expected *row, size_t n)
{
	struct document document = make_document("chat.json", cue, n_cue);
	struct cite_source source = {.number = 1, .document = &document};

	for (size_t i = 0; i < n; i++) {
		size_t count;
		struct citation *got =
			cite_check(row[i].answer, strlen(row[i].answer), &source, 1, &count);

		assert_int_equal(1, count);
		if (got->verdict != row[i].verdict || got->time_ms != row[i].time_ms ||
			!same(got->speaker, row[i].speaker) || !same(got->label, row[i].label)) {
			fail_msg("%s: %s, %lld ms, %s, %s", row[i].answer,
				verdict_name(got->verdict), (long long)got->time_ms,
				got->speaker ? got->speaker : "-", got->label ? got->label : "-");
		}
		assert_int_equal(0, got->line_first);
		citations_free(got, count);
	}
	cite_source_finish(&source);
	document_finish(&document);
}

static void a_cue_without_a_time_is_cited_by_its_label_and_speaker(void **state)
{
	static const struct expected row[] = {
		{"[S1 \"starts the pump\"]", VERDICT_VERIFIED, -1, "Ana", "message 1"},
		{"[S1 chat.json \"by hand\"]", VERDICT_VERIFIED, -1, "Bo: the elder", "message 2"},
		{"[S1 Ana \"and at noon?\"]", VERDICT_VERIFIED, -1, "Ana", "message 3"},
		{"[S1 message 4 \"it stops\"]", VERDICT_VERIFIED, -1, "Bo: the elder", "message 4"},
		{"[S1 \"I do, by hand\"]", VERDICT_VERIFIED, -1, "Bo: the elder", "message 2"},
		{"[S1 \"Pumps\"]", VERDICT_VERIFIED, -1, NULL, NULL},
		{"[S1 \"never\"]", VERDICT_NOT_FOUND, -1, NULL, NULL},
		/* a time that it does not have */
		{"[S1 00:07:00 \"and at noon?\"]", VERDICT_MOVED, -1, "Ana", "message 3"},
	};

	check_rows(chat_cue, ARRAY_LEN(chat_cue), row, ARRAY_LEN(row));
}

static void speakers_of_cues_without_times_are_passed_over_where_they_are_true(void **state)
{
	static const struct expected row[] = {
		{"[S1 \"Ana: who starts the pump?\"]", VERDICT_VERIFIED, -1, "Ana", "message 1"},
		{"[S1 \"who starts the pump?\nBo: the elder: I do,\nby hand\nAna: and at noon?\"]",
			VERDICT_VERIFIED, -1, "Ana", "message 1"},
		{"[S1 \"and at noon? Bo: the elder: it stops\"]", VERDICT_VERIFIED, -1, "Ana",
			"message 3"},
		{"[S1 \"Ana: I do, by hand\"]", VERDICT_NOT_FOUND, -1, NULL, NULL},
		{"[S1 \"who Ana: starts the pump?\"]", VERDICT_NOT_FOUND, -1, NULL, NULL},
		{"[S1 \"Cleo: who starts the pump?\"]", VERDICT_NOT_FOUND, -1, NULL, NULL},
		{"[S1 \"[00:00:00] Ana: who starts the pump?\"]", VERDICT_NOT_FOUND, -1, NULL,
			NULL},
		{"[S1 \"[00:00:00] who starts the pump?\"]", VERDICT_NOT_FOUND, -1, NULL, NULL},
	};

	check_rows(chat_cue, ARRAY_LEN(chat_cue), row, ARRAY_LEN(row));
}

static void times_that_begin_anew_are_each_a_place(void **state)
{
	static const struct expected row[] = {
		{"[S1 00:01:00 \"the ring is built\"]", VERDICT_VERIFIED, 60000, "Ana", "first"},
		{"[S1 00:01:00 \"the ring is gone\"]", VERDICT_VERIFIED, 60000, "Ana", "second"},
		{"[S1 00:00:00 \"good evening\"]", VERDICT_VERIFIED, 0, "Ana", "second"},
		{"[S1 00:00:30 \"late but early\"]", VERDICT_VERIFIED, 30000, "Bo", "first"},
		/* what has no time stands where the cue before it does */
		{"[S1 00:01:00 \"nobody noted when\"]", VERDICT_VERIFIED, -1, "Bo", "first"},
		{"[S1 00:02:30 \"that was it\"]", VERDICT_VERIFIED, 120000, "Ana", "second"},
		{"[S1 00:00:05 \"that was it\"]", VERDICT_MOVED, 120000, "Ana", "second"},
		{"[S1 00:02:00 \"good evening\"]", VERDICT_MOVED, 0, "Ana", "second"},
	};

	check_rows(talk_cue, ARRAY_LEN(talk_cue), row, ARRAY_LEN(row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cue_without_a_time_is_cited_by_its_label_and_speaker),
		cmocka_unit_test(
			speakers_of_cues_without_times_are_passed_over_where_they_are_true),
		cmocka_unit_test(times_that_begin_anew_are_each_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
