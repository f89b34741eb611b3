#include "engine/turn.h"

#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <string.h>

static int begins_with(const char *text, size_t len, const char *begin)
{
	size_t n = strlen(begin);

	return n && n <= len && memcmp(text, begin, n) == 0;
}

/* Whether it is one of the marks around thoughts, or a token of one. */
static int parts_thoughts(const struct template_thinking *rules, const char *text, size_t len)
{
	const char *const mark[] = {rules->open, rules->close, rules->end};

	for (size_t i = 0; i < sizeof(mark) / sizeof(mark[0]); i++) {
		if (rules->kind != TEMPLATE_NO_THINKING && mark[i] && len &&
			memmem(mark[i], strlen(mark[i]), text, len)) {
			return 1;
		}
	}
	return 0;
}

/* Where a turn is messages, each but the first begins as the turn itself does. */
static const char *message_open(const struct chat_template *chat_template)
{
	const char *open = chat_template->mark[MARK_MODEL_OPEN];

	return chat_template->thinking.kind == TEMPLATE_THINKING_CHANNELS && open ? open : "";
}

/* A token that text never becomes. */
static int may_hold(const struct chat_template *chat_template, const char *text, size_t len)
{
	const char *open;

	if (!chat_template) {
		return 0;
	}
	open = message_open(chat_template);
	return parts_thoughts(&chat_template->thinking, text, len) ||
	       (len && len <= strlen(open) && memcmp(open, text, len) == 0);
}

/* A marker at the beginning of `text`, which is all that follows. */
static int may_stand(
	const struct chat_template *chat_template, const char *marker, const char *text, size_t len)
{
	return parts_thoughts(&chat_template->thinking, marker, strlen(marker)) ||
	       (begins_with(
			message_open(chat_template), strlen(message_open(chat_template)), marker) &&
		       begins_with(text, len, message_open(chat_template)));
}

static int holds_only_own_markers(
	const struct chat_template *chat_template, const char *text, size_t len)
{
	for (const char *const *marker = chat_template->marker; *marker; marker++) {
		const char *at = text, *end = text + len;

		while (at < end &&
			(at = memmem(at, (size_t)(end - at), *marker, strlen(*marker)))) {
			if (!may_stand(chat_template, *marker, at, (size_t)(end - at))) {
				return 0;
			}
			at += strlen(*marker);
		}
	}
	return 1;
}

/* What a text's own unknown characters become is no control token. */
static int is_control(const struct tokenizer *tokenizer, uint32_t id)
{
	return tokenizer_is_forbidden(tokenizer, id) &&
	       (id == UINT32_MAX || id != tokenizer_unknown(tokenizer));
}

int turn_read(const struct tokenizer *tokenizer, const struct chat_template *chat_template,
	const uint32_t *id, size_t count, struct buf *text)
{
	int is_whole = 1;

	for (size_t i = 0; i < count; i++) {
		size_t at = text->len;

		tokenizer_decode(tokenizer, id[i], 1, text);
		is_whole &= !is_control(tokenizer, id[i]) ||
			    may_hold(chat_template, buf_str(text) + at, text->len - at);
	}
	return is_whole &&
	       (!chat_template || holds_only_own_markers(chat_template, buf_str(text), text->len));
}
