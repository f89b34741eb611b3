/*
 * Chat templates, as data. Templates in model files are programs (Jinja) and are never executed:
 * known families are recognised by a fingerprint of the template's text, anything else needs
 * --template NAME (template_recognise.c says what counts as known).
 *
 * A prompt alternates marks and text: BEGIN [SYSTEM_OPEN text SYSTEM_CLOSE] (USER_OPEN text
 * USER_CLOSE MODEL_OPEN text MODEL_CLOSE)... What a mark is in tokens depends on the template and,
 * for some, on what came before it, never on what follows.
 */
#ifndef ENGINE_TOKEN_TEMPLATE_H
#define ENGINE_TOKEN_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/token/tokenizer.h"

enum template_mark {
	MARK_BEGIN,
	MARK_SYSTEM_OPEN,
	MARK_SYSTEM_CLOSE,
	MARK_USER_OPEN,
	MARK_USER_CLOSE,
	MARK_MODEL_OPEN,
	MARK_MODEL_CLOSE,
	MARK_MODEL_OPEN_NO_THINK,
	MARK_COUNT,
};

/*
 * How a family's models think before they answer, and how that is told apart in what they write. The
 * marks are matched as text, whether the vocabulary has them as tokens of their own or not
 * (engine/thinking.h).
 */
enum template_thinking_kind {
	TEMPLATE_NO_THINKING,
	/* A turn may begin with `open`, thoughts, `close`; what follows is the answer. */
	TEMPLATE_THINKING_TAGS,
	/*
	 * A turn is messages: `open` channel `close` text `end`, perhaps with something between
	 * `end` and the next `open`. Only the text of the channel `answer` is the answer.
	 */
	TEMPLATE_THINKING_CHANNELS,
};

struct template_thinking {
	enum template_thinking_kind kind;
	const char *open, *close;
	const char *answer, *end;
	/* What MODEL_OPEN writes behind its mark, so that the model begins in its thoughts; NULL
	   where it opens them itself. */
	const char *opened;
	/* What MODEL_OPEN_NO_THINK writes there instead, so that it answers at once; NULL where the
	   published template has no way to say so. */
	const char *skipped;
};

struct chat_template {
	const char *name; /* "llama3", "mistral-v1" */
	int has_system;   /* else the system text is a prefix of the first user message */
	int always_bos;   /* BEGIN writes BOS even where the tokenizer does not ask for it */
	const char *mark[MARK_COUNT]; /* special-token text; NULL for none */
	/* USER_OPEN directly after SYSTEM_CLOSE, and after MODEL_CLOSE, where they differ. */
	const char *user_open_after_system;
	const char *user_open_later;
	unsigned text_first; /* 1 << mark: see template_text_first() */
	struct template_thinking thinking;
	/* A token that ends an answer although the vocabulary's usual names do not tell, and one
	   that does not although they would. */
	const char *end, *no_end;
	/* What text must never imitate; NULL-terminated. */
	const char *marker[14];
};

/* By --template NAME; NULL if there is none of that name. */
const struct chat_template *template_by_name(const char *name);
/* By the text of tokenizer.chat_template in the file; NULL if not recognised. */
const struct chat_template *template_recognise(const char *jinja, size_t len);
/* Appends "chatml, gemma, ..." for messages. */
void template_list(struct buf *out);

/* Append the ids of `mark`. `previous` is the mark before it in the prompt (-1 at the start). */
void template_write(const struct chat_template *chat_template, struct tokenizer_encoder *encoder,
	enum template_mark mark, int previous, struct ids *out);

/*
 * Whether text directly after this mark is encoded with `first` set: true where the published
 * template puts a space between mark and text that SentencePiece makes part of the first word
 * ("[INST] Hello" is [INST] and one token for " Hello"). Byte-level tokenizers ignore it.
 */
int template_text_first(
	const struct chat_template *chat_template, enum template_mark mark, int previous);

/*
 * Tell the tokenizer which texts are this template's markers, so that data can never contain them,
 * and which tokens end an answer.
 */
int template_forbid_markers(
	const struct chat_template *chat_template, struct tokenizer *tokenizer, struct err *err);

#endif
