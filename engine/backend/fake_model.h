/*
 * A model without weights, for tests of screens, sessions and the process: a byte-level tokenizer of
 * 256 bytes, three control tokens and Qwen's two for thinking, ChatML, and the backend in fake.c. Requests, tokens, pages and
 * cancels take the same way as with a real one.
 *
 * What it answers depends on nothing but the prompt and these environment variables:
 *   CARREL_FAKE_ANSWER      the text of every answer; otherwise words chosen by the prompt's hash
 *                           (<think> and </think> in it are those tokens; it begins behind the
 *                           latter where the prompt has that already)
 *   CARREL_FAKE_ANSWERS     answers by what the prompt holds: lines of texts, parted by tabs; the
 *                           first line whose texts, but the last, all stand in the prompt (before
 *                           the answer, marks left out) answers with its last. Else as above
 *   CARREL_FAKE_TEMPLATE    the chat template, of ChatML's kind (chatml)
 *   CARREL_FAKE_TOKEN_US    time for a generated token
 *   CARREL_FAKE_PREFILL_US  time for a token of the prompt
 *   CARREL_FAKE_LOAD_MS     time for loading
 *   CARREL_FAKE_CONTEXT     tokens of the window (32768)
 *   CARREL_FAKE_FAULT       "load": loading fails; "start": the process is killed while loading
 */
#ifndef ENGINE_BACKEND_FAKE_MODEL_H
#define ENGINE_BACKEND_FAKE_MODEL_H

#include "base/err.h"

struct model;

/* Ids beyond the 256 bytes (a byte's id is the byte). */
enum {
	FAKE_END_OF_TEXT = 256,
	FAKE_TURN_OPEN,
	FAKE_TURN_CLOSE,
	FAKE_THINK_OPEN,
	FAKE_THINK_CLOSE,
	FAKE_VOCAB,
};

int fake_model_open(struct model **out, struct err *err);
void fake_model_close(struct model *model);

/* A setting from the environment; `otherwise` if it is absent or no number. */
long fake_setting(const char *name, long otherwise);

#endif
