/* Styled text as lines to compare: a line for each block, {element:text} for each run. */
#ifndef TESTS_UNIT_STYLED_TEXT_H
#define TESTS_UNIT_STYLED_TEXT_H

#include "tui/styled.h"

static inline void styled_text_block(
	struct buf *out, const struct styled *styled, const struct styled_block *block)
{
	size_t at = block->at, end = block->at + block->len;

	if (block->n_quote) {
		buf_printf(out, "%d bars ", block->n_quote);
	}
	if (block->indent || block->hang) {
		buf_printf(out, "%d/%d ", block->indent, block->hang);
	}
	if (block->no_wrap) {
		buf_addstr(out, "cut ");
	}
	if (block->code) {
		buf_printf(out, "code %zu ", block->code);
	}
	buf_addstr(out, "|");
	for (size_t i = 0; i < styled->n_run; i++) {
		const struct styled_run *run = &styled->run[i];

		if (run->at < at || run->at >= end) {
			continue;
		}
		buf_add(out, styled->text.data + at, run->at - at);
		buf_printf(out, "{%s", element_name(run->element));
		if (run->link) {
			buf_printf(out, "#%d", run->link);
		}
		buf_addstr(out, ":");
		buf_add(out, styled->text.data + run->at, run->len);
		buf_addstr(out, "}");
		at = run->at + run->len;
	}
	buf_add(out, styled->text.data + at, end - at);
	buf_addstr(out, "\n");
}

static inline void styled_text(struct buf *out, const struct styled *styled)
{
	for (size_t i = 0; i < styled->n_block; i++) {
		styled_text_block(out, styled, &styled->block[i]);
	}
}

#endif
