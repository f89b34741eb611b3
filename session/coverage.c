#include "session/coverage.h"

#include "base/mem.h"
#include "base/number.h"

#include <string.h>

static const char *const names[] = {
	[SESSION_OVER_FAIL] = "fail",
	[SESSION_OVER_SWEEP] = "sweep",
	[SESSION_OVER_SELECT] = "select",
	[SESSION_OVER_AUTO] = "auto",
};

const char *session_over_name(enum session_over over)
{
	return names[over];
}

int session_over_parse(const char *word, enum session_over *over)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], word) == 0) {
			*over = (enum session_over)i;
			return 0;
		}
	}
	return -1;
}

int session_coverage_is_partial(const struct session_coverage *coverage)
{
	return coverage->over != SESSION_OVER_FAIL;
}

static int is_part(int64_t part, int64_t whole)
{
	return part >= 0 && part <= whole;
}

int session_coverage_is_sound(const struct session_coverage *coverage)
{
	return is_part(coverage->n_read, coverage->n_window) &&
	       is_part(coverage->n_chunk_read, coverage->n_chunk) &&
	       is_part(coverage->read_tok, coverage->total_tok) &&
	       is_part(coverage->n_find_used, coverage->n_find) &&
	       is_part(coverage->n_turn_read, coverage->n_turn);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void add_finds(const struct session_coverage *coverage, struct buf *out)
{
	char found[NUMBER_SIZE], used[NUMBER_SIZE];

	if (!coverage->n_find) {
		buf_addstr(out, ", no finds");
		return;
	}
	buf_printf(out, ", %s find%s (the last pass read %s)",
		number_grouped(found, coverage->n_find), plural(coverage->n_find),
		coverage->n_find_used ? number_grouped(used, coverage->n_find_used) : "none");
}

void session_coverage_text(const struct session_coverage *coverage, struct buf *out)
{
	char read[NUMBER_SIZE], windows[NUMBER_SIZE], chunks[NUMBER_SIZE];

	if (!session_coverage_is_partial(coverage)) {
		return;
	}
	number_grouped(read, coverage->n_read);
	number_grouped(windows, coverage->n_window);
	buf_addstr(out, coverage->is_stopped ? "stopped: read " : "read ");
	if (coverage->over == SESSION_OVER_SWEEP) {
		buf_printf(out, "%s of %s window%s", read, windows, plural(coverage->n_window));
		add_finds(coverage, out);
	} else {
		buf_printf(out, "%s passage%s of %s of %s window%s",
			number_grouped(chunks, coverage->n_chunk_read),
			plural(coverage->n_chunk_read), read, windows, plural(coverage->n_window));
	}
	if (coverage->n_turn_read < coverage->n_turn) {
		buf_printf(out, ", and %s of %s earlier turns",
			number_grouped(read, coverage->n_turn_read),
			number_grouped(windows, coverage->n_turn));
	}
}
