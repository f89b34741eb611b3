#include "tui/meter_lines.h"

#include <stdio.h>
#include <string.h>

enum { ROUGH_BELOW_TOK = 100 }; /* answers whose rate is a rough figure */

/* ---- the name line ---- */

/*
 * Where on the path the turn stands that last left an older one beside it; n_path where none did. Ids
 * grow along a path.
 */
static size_t find_fork(const struct desk_state *state)
{
	size_t fork = state->n_path;

	for (size_t i = 0; i < state->n_turn; i++) {
		const struct desk_turn *turn = state->turn[i];
		size_t low = 0, high = state->n_path;

		/* How many of the path are not behind its parent: where its like stands. */
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (state->path[middle] <= turn->parent) {
				low = middle + 1;
			} else {
				high = middle;
			}
		}
		if (low < state->n_path && turn->id < state->path[low] &&
			(low ? state->path[low - 1] : 0) == turn->parent &&
			(fork == state->n_path || low > fork)) {
			fork = low;
		}
	}
	return fork;
}

static int has_child(const struct desk_state *state, int64_t id)
{
	for (size_t i = state->n_turn; i-- > 0;) {
		if (state->turn[i]->parent == id) {
			return 1;
		}
	}
	return 0;
}

void meter_branch(struct buf *out, const struct desk_state *state)
{
	size_t fork;

	if (state->n_turn && has_child(state, state->head)) {
		if (state->head) {
			buf_printf(out, "behind #%lld", (long long)state->head);
		} else {
			buf_addstr(out, "new");
		}
		return;
	}
	fork = find_fork(state);
	if (fork < state->n_path) {
		buf_printf(out, "#%lld", (long long)state->path[fork]);
	} else {
		buf_addstr(out, "main");
	}
}

/* 1,234,000,000 as "1.2B", 64,512,000 as "65M". */
static void add_params(struct buf *out, int64_t n)
{
	static const struct {
		double of;
		const char *unit;
	} unit[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}};

	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		double amount = (double)n / unit[i].of;

		if (amount >= 0.95) {
			int tenths = (int)(amount * 10 + 0.5) % 10;

			buf_printf(out, "%.*f%s", amount < 9.95 && tenths ? 1 : 0, amount,
				unit[i].unit);
			return;
		}
	}
	buf_printf(out, "%lld", (long long)n);
}

/* 65,536 as "64K", 5,000 as "5,000". */
static void add_window(struct buf *out, int64_t tok)
{
	char number[NUMBER_SIZE];

	if (tok % 1024 == 0 && tok >= 1024) {
		buf_printf(out, "%sK", number_grouped(number, tok / 1024));
	} else {
		buf_addstr(out, number_grouped(number, tok));
	}
}

/* 17,408 as "17 KB". */
static void add_kv(struct buf *out, int64_t bytes)
{
	if (bytes < 1000) {
		buf_printf(out, "%lld B", (long long)bytes);
	} else if (bytes < 1000000) {
		buf_printf(out, "%.0f KB", (double)bytes / 1e3);
	} else {
		buf_printf(out, "%.1f MB", (double)bytes / 1e6);
	}
}

static struct figure *add_model(struct figures *out, const struct desk_state *state)
{
	const struct engine_info *info = &state->info;
	const char *device;
	struct figure *first;
	struct buf text = BUF_INIT;

	if (state->engine != DESK_ENGINE_READY) {
		static const char *const said[] = {[DESK_ENGINE_NONE] = "no model",
			[DESK_ENGINE_LOADING] = "the model is loading",
			[DESK_ENGINE_FAILED] = "the engine has failed"};

		return figures_add(out, 3, 2,
			state->engine == DESK_ENGINE_FAILED ? ELEMENT_ERROR : ELEMENT_STATUS, "%s",
			said[state->engine]);
	}
	first = figures_add(out, 7, 2, ELEMENT_TITLE, "%s", info->model_name);
	first->is_right = 1;
	if (info->n_params > 0) {
		add_params(&text, info->n_params);
		buf_addch(&text, ' ');
	}
	buf_printf(&text, "%s ", info->storage);
	add_window(&text, info->context_tok);
	figures_add(out, 4, 1, ELEMENT_STATUS, "%s", buf_str(&text));
	buf_clear(&text);
	/* Its first word: the rest of "avx512 2 threads" is said shorter. */
	device = state->device && state->device[0] ? state->device : info->backend;
	figures_add(out, 5, 3, ELEMENT_STATUS, "%.*s %lldt", (int)strcspn(device, " "), device,
		(long long)info->n_thread);
	add_kv(&text, info->kv_bytes_per_tok);
	figures_add(out, 6, 3, ELEMENT_STATUS, "KV %s %s/tok", info->kv_type, buf_str(&text));
	buf_finish(&text);
	return first;
}

static void add_name(struct figures *out, const struct desk_state *state)
{
	struct buf branch = BUF_INIT;
	const char *name = state->session_name && state->session_name[0] ? state->session_name
			   : state->is_kept                              ? state->session_id
									 : "not kept";

	meter_branch(&branch, state);
	figures_add(out, 0, 0, ELEMENT_TITLE, "%s", name ? name : "")->shrinks = 1;
	figures_add(out, 2, 1, ELEMENT_STATUS, ">%s", buf_str(&branch));
	buf_finish(&branch);
}

void meter_name_line(struct figures *out, const struct desk_state *state)
{
	add_name(out, state);
	add_model(out, state)->is_right = 1;
}

/* ---- the scales ---- */

static void add_percent(struct figures *out, int rank, int64_t part, int64_t whole)
{
	double percent = whole > 0 ? 100.0 * (double)part / (double)whole : 0;
	enum element element = percent > 100 ? ELEMENT_METER_FULL : ELEMENT_METER;

	if (percent > 0 && percent < 1) {
		figures_add(out, rank, 1, element, "<1%%");
	} else if (percent < 1000) {
		figures_add(out, rank, 1, element, "%d%%", (int)percent); /* 100 % is full */
	} else {
		figures_add(out, rank, 1, element, ">999%%");
	}
}

static void add_count(
	struct figures *out, int rank, int gap, const char *name, int64_t tok, int64_t scale_tok)
{
	char count[NUMBER_SIZE], scale[NUMBER_SIZE];
	enum element element = tok > scale_tok ? ELEMENT_METER_FULL : ELEMENT_METER;

	if (tok < 0) {
		figures_add(out, rank, gap, ELEMENT_METER, "%s unknown/%s", name,
			number_grouped(scale, scale_tok));
	} else {
		figures_add(out, rank, gap, element, "%s %s/%s", name, number_grouped(count, tok),
			number_grouped(scale, scale_tok));
	}
}

/* Tokens of the question that is being typed, 0 where that is not known. */
static int64_t typed_tok(const struct desk_state *state, const struct desk_preview *preview)
{
	return preview->serial && state->prompt_tok >= 0 && preview->question_tok > 0
		       ? preview->question_tok
		       : 0;
}

/* What is computed now counts at once. */
static void add_window_bar(struct figures *out, const struct desk_state *state,
	const struct desk_preview *preview, const struct desk_event *progress)
{
	struct figure *bar = figures_add_bar(out, 5, state->info.context_tok);
	int64_t cached_tok = state->cached_tok > 0 ? state->cached_tok : 0;
	int64_t disk_tok = state->disk_tok > 0 ? state->disk_tok : 0;

	if (progress->doing == DESK_PREFILLING && progress->done > cached_tok) {
		cached_tok =
			progress->done < state->prompt_tok ? progress->done : state->prompt_tok;
	}

	if (state->prompt_tok + typed_tok(state, preview) > state->info.context_tok) {
		/* Too much is no matter of shares: the bar is full, whatever of it is computed. */
		figures_add_part(bar, state->info.context_tok, '#', ELEMENT_METER_FULL);
		return;
	}
	figures_add_part(bar, cached_tok - disk_tok, '#', ELEMENT_KV_MEMORY);
	figures_add_part(bar, disk_tok, '=', ELEMENT_KV_DISK);
	figures_add_part(bar, state->prompt_tok - cached_tok, '-', ELEMENT_KV_ABSENT);
	figures_add_part(bar, typed_tok(state, preview), '+', ELEMENT_METER_USED);
	bar->bar.reserve = state->reserve_tok;
}

/* With a bar where `progress` is given. */
static void add_window_figures(struct figures *out, const struct desk_state *state,
	const struct desk_preview *preview, const struct desk_event *progress, int gap)
{
	int64_t context_tok = state->info.context_tok;
	int64_t used_tok = state->prompt_tok;

	if (state->engine != DESK_ENGINE_READY || context_tok <= 0) {
		figures_add(out, 1, gap, ELEMENT_METER, "window unknown");
		return;
	}
	used_tok += typed_tok(state, preview);
	add_count(out, 1, gap, "window", used_tok, context_tok);
	if (used_tok < 0) {
		return;
	}
	if (progress) {
		add_window_bar(out, state, preview, progress);
	}
	add_percent(out, 3, used_tok, context_tok);
}

/* What the window holds, in words: there is room for them on a wide screen. */
static void add_window_parts(
	struct figures *out, const struct desk_state *state, const struct desk_preview *preview)
{
	char number[NUMBER_SIZE];
	int64_t turns_tok = state->prompt_tok - state->sources_tok;
	int64_t question_tok = typed_tok(state, preview);

	if (state->engine != DESK_ENGINE_READY || state->prompt_tok < 0) {
		return;
	}
	if (state->sources_tok >= 0 && turns_tok >= 0 && state->n_path) {
		figures_add(
			out, 7, 2, ELEMENT_METER, "turns %s", number_grouped(number, turns_tok));
	}
	if (question_tok > 0) {
		figures_add(out, 6, 2, ELEMENT_METER, "question %s",
			number_grouped(number, question_tok));
	}
	if (state->reserve_tok > 0) {
		figures_add(out, 8, 2, ELEMENT_METER, "answer up to %s",
			number_grouped(number, state->reserve_tok));
	}
	if (state->cached_tok >= 0 && state->disk_tok > 0) {
		figures_add(out, 9, 2, ELEMENT_KV_DISK, "on disk %s",
			number_grouped(number, state->disk_tok));
	}
	if (state->cached_tok >= 0 && state->cached_tok < state->prompt_tok) {
		figures_add(out, 9, 2, ELEMENT_KV_ABSENT, "new %s",
			number_grouped(number, state->prompt_tok - state->cached_tok));
	}
}

void meter_scale_line(struct figures *out, const struct desk_state *state,
	const struct desk_preview *preview, const struct desk_event *progress)
{
	int64_t sources_tok = state->n_source ? state->sources_tok : 0;

	add_count(out, 2, 0, "sources", sources_tok, METER_SOURCES_TOK);
	if (sources_tok >= 0) {
		struct figure *bar = figures_add_bar(out, 5, METER_SOURCES_TOK);

		figures_add_part(bar, sources_tok, '#',
			sources_tok > METER_SOURCES_TOK ? ELEMENT_METER_FULL : ELEMENT_METER_USED);
		add_percent(out, 4, sources_tok, METER_SOURCES_TOK);
	}
	add_window_figures(out, state, preview, progress, 3);
	add_window_parts(out, state, preview);
}

void meter_one_line(
	struct figures *out, const struct desk_state *state, const struct desk_preview *preview)
{
	add_name(out, state);
	out->figure[0].rank = 2;
	if (state->engine == DESK_ENGINE_READY) {
		size_t first = out->n_figure;

		add_window_figures(out, state, preview, NULL, 2);
		out->figure[first].is_right = 1;
		out->figure[first].rank = 0;
	} else {
		add_model(out, state)->is_right = 1;
	}
}

/* ---- what is under way ---- */

void meter_key(struct buf *out, const char *keys)
{
	size_t len = keys ? strcspn(keys, " ") : 0;

	if (len > 1 && keys[0] == '^') {
		buf_printf(out, "Ctrl-%.*s", (int)len - 1, keys + 1);
	} else if (len > 2 && keys[0] == 'M' && keys[1] == '-') {
		buf_printf(out, "Alt-%.*s", (int)len - 2, keys + 2);
	} else {
		buf_printf(out, "%.*s", (int)len, keys ? keys : "");
	}
}

static void add_done(struct figures *out, const struct desk_event *progress)
{
	char done[NUMBER_SIZE], total[NUMBER_SIZE];
	const char *unit = progress->unit ? progress->unit : "";
	int is_bytes = strcmp(unit, "B") == 0;

	if (progress->total > 0) {
		int64_t part = progress->done < progress->total ? progress->done : progress->total;

		figures_add(out, 1, 1, ELEMENT_PROGRESS, "%d%%",
			(int)(100.0 * (double)(part > 0 ? part : 0) / (double)progress->total));
	}
	if (progress->done < 0 || (progress->done == 0 && progress->total <= 0) ||
		strcmp(unit, "%") == 0) {
		return;
	}
	if (is_bytes) {
		number_bytes(done, progress->done);
		number_bytes(total, progress->total);
	} else {
		number_grouped(done, progress->done);
		number_grouped(total, progress->total);
	}
	figures_add(out, 3, 1, ELEMENT_PROGRESS, "%s%s%s%s%s", done, progress->total > 0 ? "/" : "",
		progress->total > 0 ? total : "", is_bytes || !unit[0] ? "" : " ",
		is_bytes ? "" : unit);
}

const char *meter_rate(char out[NUMBER_SIZE], double per_s)
{
	if (per_s >= 99.95) {
		return number_grouped(out, per_s < 1e15 ? (int64_t)(per_s + 0.5) : (int64_t)1e15);
	}
	snprintf(out, NUMBER_SIZE, "%.1f", per_s);
	return out;
}

static void add_rate(struct figures *out, const struct desk_event *progress)
{
	char number[NUMBER_SIZE];
	const char *unit = progress->unit ? progress->unit : "";

	if (!(progress->rate > 0) || strcmp(unit, "%") == 0) {
		return;
	}
	if (strcmp(unit, "B") == 0) {
		number_bytes(number, (int64_t)progress->rate);
		figures_add(out, 4, 2, ELEMENT_PROGRESS, "%s/s", number);
	} else {
		figures_add(out, 4, 2, ELEMENT_PROGRESS, "%s %s/s",
			meter_rate(number, progress->rate), unit);
	}
}

void meter_progress_line(struct figures *out, const struct desk_event *progress,
	const struct desk_state *state, double elapsed_s, const char *stop_key)
{
	char number[NUMBER_SIZE];
	int is_answer = progress->doing == DESK_ANSWERING || progress->doing == DESK_THINKING;
	struct buf key = BUF_INIT;

	figures_add(out, 0, 0, ELEMENT_PROGRESS, "> %s", desk_doing_name(progress->doing));
	add_done(out, progress);
	add_rate(out, progress);
	if (progress->total > 0 && progress->eta_s >= 0 && progress->done < progress->total) {
		figures_add(out, 2, 2, ELEMENT_PROGRESS, "ETA %s",
			number_seconds(number, progress->eta_s));
	} else if (elapsed_s >= 1) {
		figures_add(out, 7, 2, ELEMENT_PROGRESS, "%s", number_seconds(number, elapsed_s));
	}
	if (!is_answer && progress->doing == DESK_PREFILLING && state->decode_tok_per_s > 0) {
		figures_add(out, 6, 2, ELEMENT_PROGRESS, "decode %s tok/s",
			meter_rate(number, state->decode_tok_per_s));
	}
	if (progress->text && progress->text[0]) {
		figures_add(out, 8, 2, ELEMENT_DIM, "%s", progress->text);
	}
	meter_key(&key, stop_key);
	if (key.len) {
		figures_add(out, 5, 2, ELEMENT_HINT, "%s stops", buf_str(&key));
	}
	if (state->n_waiting) {
		figures_add(out, 4, 2, ELEMENT_HINT, "waiting: %zu", state->n_waiting);
	}
	buf_finish(&key);
}

/* ---- plans ---- */

const char *meter_over_text(const char *over)
{
	static const char *const text[][2] = {{"auto", "auto reads it in parts"},
		{"select", "select reads what the question is about"},
		{"sweep", "sweep reads all of it in parts"}};

	for (size_t i = 0; over && i < sizeof(text) / sizeof(text[0]); i++) {
		if (strcmp(over, text[i][0]) == 0) {
			return text[i][1];
		}
	}
	return "/over auto would read it in parts";
}

static void add_seconds(struct figures *out, const struct desk_plan *plan)
{
	double before = plan->before.seconds, seconds = plan->after.seconds;
	char number[NUMBER_SIZE];

	if (seconds >= 0) {
		seconds -= before > 0 ? before : 0;
		figures_add(out, 3, 0, ELEMENT_NOTE, ", %s%s", seconds < 0.05 ? "" : "about ",
			number_seconds(number, seconds));
	}
}

/* What the change alone costs: `tok` more than now are to be computed. */
static void add_drop_cost(struct figures *out, const struct desk_plan *plan, int64_t tok)
{
	char number[NUMBER_SIZE];

	if (tok <= 0) {
		figures_add(out, 3, 0, ELEMENT_NOTE, ": nothing is computed again");
		return;
	}
	figures_add(out, 3, 0, ELEMENT_NOTE, ": %s tokens", number_grouped(number, tok));
	figures_add(out, 5, 0, ELEMENT_NOTE, " behind it are");
	figures_add(out, 3, 0, ELEMENT_NOTE, " computed again");
	add_seconds(out, plan);
}

/* Nothing of it is computed as one prompt: windows and passages are, as each question needs them. */
static void add_parts_cost(
	struct figures *out, const struct desk_plan *plan, const struct desk_state *state)
{
	int64_t more_tok = plan->after.total_tok - plan->before.total_tok;
	char number[NUMBER_SIZE];

	if (plan->before.total_tok >= 0 && more_tok > 0) {
		figures_add(
			out, 3, 0, ELEMENT_NOTE, ": %s tokens", number_grouped(number, more_tok));
	}
	figures_add(
		out, 4, 0, ELEMENT_METER_FULL, "; does not fit: %s", meter_over_text(state->over));
}

static void add_change_cost(struct figures *out, const struct desk_plan *plan, int is_drop)
{
	const struct session_cost *before = &plan->before, *after = &plan->after;
	int64_t more_tok = after->total_tok - before->total_tok;
	int64_t tok = more_tok - (after->cached_tok - before->cached_tok);
	char number[NUMBER_SIZE];

	if (after->total_tok < 0 || before->total_tok < 0) {
		figures_add(out, 3, 0, ELEMENT_NOTE, ": what it costs is unknown");
	} else if (is_drop) {
		add_drop_cost(out, plan, tok);
	} else {
		if (more_tok > 0) {
			figures_add(out, 3, 0, ELEMENT_NOTE, ": %s tokens",
				number_grouped(number, more_tok));
		}
		figures_add(out, 3, 0, ELEMENT_NOTE, "%s %s to compute", more_tok > 0 ? "," : ":",
			tok > 0 ? number_grouped(number, tok) : "none");
		if (tok > 0) {
			add_seconds(out, plan);
		}
	}
}

/* "refreshes", "does" */
static int ends_in_sh_or_o(const char *verb)
{
	size_t len = strlen(verb);

	return len > 1 && strchr("ho", verb[len - 1]) != NULL;
}

void meter_plan_line(struct figures *out, const struct desk_plan *plan,
	const struct desk_state *state, enum meter_plan how)
{
	char number[NUMBER_SIZE];
	const char *verb = plan->verb ? plan->verb : "do";

	figures_add(out, 0, 0, ELEMENT_NOTE, "%s", plan->n_text ? plan->text[0] : verb)->shrinks =
		1;
	if (plan->n_text > 1) {
		figures_add(out, 2, 1, ELEMENT_NOTE, "and %s more",
			number_grouped(number, (int64_t)plan->n_text - 1));
	}
	if (plan->n_skipped) {
		figures_add(out, 5, 1, ELEMENT_NOTE, "(%s left out)",
			number_grouped(number, (int64_t)plan->n_skipped));
	}
	if (state->info.context_tok > 0 &&
		plan->after.total_tok + state->reserve_tok > state->info.context_tok) {
		add_parts_cost(out, plan, state);
	} else {
		add_change_cost(out, plan, strcmp(verb, "drop") == 0);
	}
	figures_add(out, 0, 0, ELEMENT_NOTE, ".");
	figures_add(out, 0, 1, ELEMENT_HINT_KEY, "%s", how == METER_PLAN_TYPING ? "Esc y" : "y");
	figures_add(out, 1, 1, ELEMENT_HINT, "%s%s", verb, ends_in_sh_or_o(verb) ? "es" : "s");
	figures_add(out, 6, 0, ELEMENT_HINT,
		how == METER_PLAN_NEXT ? ", n does not" : ", Ctrl-C does not");
}

/* ---- answers ---- */

/* Of a short answer more than two digits would say more than is known: "3,200", "47", "3.1". */
static const char *answer_rate(char out[NUMBER_SIZE], int64_t generated_tok, double decode_ms)
{
	double rate = (double)(generated_tok - 1) * 1e3 / decode_ms, unit = 1;

	if (generated_tok >= ROUGH_BELOW_TOK || !(rate >= 9.95 && rate < 1e15)) {
		return meter_rate(out, rate);
	}
	while (rate / unit >= 99.5) {
		unit *= 10;
	}
	return number_grouped(out, (int64_t)(rate / unit + 0.5) * (int64_t)unit);
}

void meter_last_line(struct figures *out, const struct desk_state *state)
{
	const struct desk_turn *turn = state->head ? desk_state_turn(state, state->head) : NULL;
	const struct engine_usage *usage = turn ? &turn->usage : NULL;
	char number[NUMBER_SIZE], seconds[NUMBER_SIZE];

	if (!usage || usage->prompt_tok <= 0) {
		return;
	}
	figures_add(out, 0, 0, ELEMENT_DIM, "#%lld:", (long long)turn->id);
	figures_add(
		out, 2, 1, ELEMENT_DIM, "%s cached,", number_grouped(number, usage->cached_tok));
	if (usage->prefill_ms > 0) {
		figures_add(out, 3, 1, ELEMENT_DIM, "%s computed in %s,",
			number_grouped(number, usage->prefill_tok),
			number_seconds(seconds, usage->prefill_ms / 1e3));
	}
	figures_add(out, 1, 1, ELEMENT_DIM, "%s answered",
		number_grouped(number, usage->generated_tok));
	if (usage->generated_tok > 1 && usage->decode_ms > 0) {
		figures_add(out, 2, 1, ELEMENT_DIM, "at %s tok/s",
			answer_rate(number, usage->generated_tok, usage->decode_ms));
	}
	if (turn->coverage) {
		figures_add(out, 4, 2, ELEMENT_DIM, "%s", turn->coverage);
	}
}

void meter_cost_line(
	struct figures *out, const struct desk_preview *preview, const struct desk_state *state)
{
	char number[NUMBER_SIZE];

	/* Of an engine that is gone nothing is known, whatever it said before. */
	if (!preview->serial || state->engine != DESK_ENGINE_READY) {
		return;
	}
	if (!preview->fits) {
		figures_add(out, 2, 0, ELEMENT_METER_FULL, "does not fit:");
		figures_add(out, 0, 1, ELEMENT_COST, "%s", meter_over_text(state->over));
		return;
	}
	figures_add(out, 4, 0, ELEMENT_COST, "next:");
	figures_add(out, 0, 1, ELEMENT_COST, "%s new", number_grouped(number, preview->new_tok));
	figures_add(out, 3, 0, ELEMENT_COST, ", %s cached",
		number_grouped(number, preview->cached_tok));
	if (preview->seconds >= 0) {
		figures_add(out, 2, 0, ELEMENT_COST, ", first word in %s%s",
			preview->seconds < 0.05 ? "" : "about ", /* "under 0.1 s" */
			number_seconds(number, preview->seconds));
	} else {
		figures_add(out, 2, 0, ELEMENT_COST, ", first word: unknown");
	}
	if (preview->decode_tok_per_s > 0 && preview->seconds >= 0) {
		figures_add(out, 5, 0, ELEMENT_COST, ", then %s tok/s",
			meter_rate(number, preview->decode_tok_per_s));
	}
}
