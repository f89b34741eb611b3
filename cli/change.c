#include "cli/change.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

/* A line each, so that a folder of thousands does not push the cost off the screen. */
enum { ITEMS_SHOWN = 20 };

static int stopped(void *arg)
{
	return interrupt_pending();
}

int change_is_over(const struct session_cost *cost, int64_t context_tok)
{
	return cost->total_tok >= context_tok;
}

void change_tell_cost(const struct session_cost *cost, int64_t context_tok)
{
	char total[NUMBER_SIZE], cached[NUMBER_SIZE], more[NUMBER_SIZE];
	struct buf line = BUF_INIT;

	if (change_is_over(cost, context_tok)) {
		log_note("%s tokens in front of the next question, more than the window of %s",
			number_grouped(total, cost->total_tok), number_grouped(more, context_tok));
		return;
	}

	buf_printf(&line, "%s tokens in front of the next question: %s cached",
		number_grouped(total, cost->total_tok), number_grouped(cached, cost->cached_tok));
	if (cost->disk_tok) {
		buf_printf(&line, " (%s on disk)", number_grouped(more, cost->disk_tok));
	}
	buf_printf(&line, ", %s new", number_grouped(more, cost->total_tok - cost->cached_tok));
	if (cost->seconds >= 0 && cost->seconds < 0.1) {
		buf_addstr(&line, ", under 0.1 s");
	} else if (cost->seconds >= 0) {
		buf_printf(&line, cost->seconds < 10 ? ", about %.1f s" : ", about %.0f s",
			cost->seconds);
	}
	log_note("%s", buf_str(&line));
	buf_finish(&line);
}

static void tell_items(struct change_telling *telling, const struct session_change *change)
{
	size_t count = session_change_count(change);

	for (size_t i = 0; i < count; i++) {
		char *text = session_change_text(change, i);

		if (i < ITEMS_SHOWN) {
			log_note("%s", text);
		} else {
			log_info("%s", text);
		}
		if (telling->list) {
			json_array_append_new(telling->list, output_json_string(text));
		}
		free(text);
	}
	if (count > ITEMS_SHOWN) {
		log_note("... and %zu more (-v lists them)", count - ITEMS_SHOWN);
	}
}

int change_take(struct change_telling *telling, struct session_change *change, struct err *err)
{
	struct session_watch watch = {.stopped = stopped};

	if (!session_change_count(change)) {
		log_note("there is nothing to change");
		session_change_discard(change);
		return 1;
	}
	tell_items(telling, change);
	if (telling->engine) {
		if (session_change_cost(change, telling->engine, &watch, &telling->cost, err) < 0) {
			session_change_discard(change);
			return -1;
		}
		telling->has_cost = 1;
		change_tell_cost(&telling->cost, engine_info(telling->engine)->context_tok);
	}
	if (telling->agrees && !telling->agrees(telling->arg)) {
		session_change_discard(change);
		if (interrupt_pending()) {
			return err_set(
				err, ERR_INTERRUPTED, NULL, NULL, "stopped; nothing was changed");
		}
		log_note("nothing was changed");
		return 1;
	}
	return session_change_commit(change, err);
}

int change_drop(struct change_telling *telling, struct session *session, const int64_t *number,
	size_t n_number, struct err *err)
{
	struct session_change *change;
	struct buf list = BUF_INIT;
	int status;

	if (session_plan_drop(session, &change, number, n_number, err) < 0) {
		return -1;
	}
	status = change_take(telling, change, err);
	for (size_t i = 0; i < n_number; i++) {
		buf_printf(&list, "%sS%lld", i ? ", " : "", (long long)number[i]);
	}
	if (status == 0) {
		log_note("dropped %s", buf_str(&list));
	}
	buf_finish(&list);
	return status;
}
