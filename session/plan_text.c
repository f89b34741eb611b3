/* What reading would cost, as people read it. */
#include "session/plan.h"

#include "base/number.h"

#include <string.h>

/* ", about 3 min 20 s WHEN"; nothing where it is not known. */
static void add_about(struct buf *out, const char *before, double seconds, const char *when)
{
	char text[NUMBER_SIZE];

	if (seconds < 0) {
		return;
	}
	number_seconds(text, seconds);
	buf_printf(out, "%s%s%s%s", before, strncmp(text, "under", 5) == 0 ? "" : "about ", text,
		when);
}

/* What belongs to the line before it stands further in: none is as long as a terminal is wide. */
static void add_sweep(const struct session_plan *plan, struct buf *out)
{
	char windows[NUMBER_SIZE], window[NUMBER_SIZE], all[NUMBER_SIZE], cached[NUMBER_SIZE];
	struct buf times = BUF_INIT;

	buf_printf(out, "a sweep reads %s window%s of up to %s tokens\n",
		number_grouped(windows, plan->n_window), plan->n_window == 1 ? "" : "s",
		number_grouped(window, plan->window_tok));
	buf_printf(out, "  %s tokens in all, %s of them cached\n",
		number_grouped(all, plan->sweep_tok),
		number_grouped(cached, plan->sweep_cached_tok));
	if (plan->sweep_s < 0) {
		buf_printf(out, "  how long that takes is known once something was read\n");
		return;
	}
	add_about(&times, "  ", plan->sweep_s, " now");
	add_about(&times, ", ", plan->sweep_warm_s, " once it was read");
	if (plan->sweep_cached_tok) {
		add_about(&times, ", ", plan->sweep_cold_s, " uncached");
	}
	buf_printf(out, "%s\n", buf_str(&times));
	buf_finish(&times);
}

static void add_select(const struct session_plan *plan, struct buf *out)
{
	char tokens[NUMBER_SIZE], chunks[NUMBER_SIZE], missing[NUMBER_SIZE];
	struct buf times = BUF_INIT, vectors = BUF_INIT;

	buf_printf(out, "select reads up to %s tokens of %s passages\n",
		number_grouped(tokens, plan->select_tok), number_grouped(chunks, plan->n_chunk));
	add_about(&times, "", plan->select_s, " to the first word");
	if (plan->index_s > 0) {
		add_about(&times, times.len ? ", once " : "once ", plan->index_s,
			" to index the words");
	}
	if (times.len) {
		buf_printf(out, "  %s\n", buf_str(&times));
	}
	if (plan->missing_vectors) {
		add_about(&vectors, ": ", plan->vectors_s, " to make them");
		buf_printf(out, "  %s passages have no vector yet%s\n",
			number_grouped(missing, plan->missing_vectors), buf_str(&vectors));
	}
	buf_finish(&times);
	buf_finish(&vectors);
}

void plan_text(const struct session_plan *plan, struct buf *out)
{
	char total[NUMBER_SIZE], window[NUMBER_SIZE];

	buf_printf(out,
		plan->fits
			? "%s tokens: all of it fits the context window of %s, and is read whole\n"
			: "%s tokens are more than the context window of %s\n",
		number_grouped(total, plan->total_tok), number_grouped(window, plan->context_tok));
	add_sweep(plan, out);
	add_select(plan, out);
}
