#include "tui/engine_rows.h"

#include "base/mem.h"
#include "base/number.h"
#include "tui/cells.h"
#include "tui/meter_lines.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Fewer tokens say nothing about a rate. */
enum { LEAST_PREFILL_TOK = 16, TEXT_LEAST = 16 };

static struct engine_row *add(struct engine_rows *rows, enum element element, const char *label)
{
	mem_grow(rows->row, rows->n_row, rows->cap_row);
	rows->row[rows->n_row] = (struct engine_row){.label = label, .element = element};
	return &rows->row[rows->n_row++];
}

void engine_rows_add(
	struct engine_rows *rows, enum element element, const char *label, const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	add(rows, element, label)->text = buf_take(&text);
}

/* Text that may be missing. */
static void add_text(struct engine_rows *rows, const char *label, const char *text)
{
	int is_known = text && text[0];

	engine_rows_add(rows, is_known ? ELEMENT_TEXT : ELEMENT_DIM, label, "%s",
		is_known ? text : "unknown");
}

static void add_heading(struct engine_rows *rows, const char *label)
{
	add(rows, ELEMENT_HEADING, label);
}

static void add_tokens(struct engine_rows *rows, const char *label, int64_t tok)
{
	char number[NUMBER_SIZE];

	if (tok < 0) {
		add_text(rows, label, NULL);
	} else {
		engine_rows_add(rows, ELEMENT_TEXT, label, "%s tok", number_grouped(number, tok));
	}
}

static void add_model(struct engine_rows *rows, const struct desk_state *state)
{
	const struct engine_info *info = &state->info;
	char number[NUMBER_SIZE];

	add_heading(rows, "Model");
	if (state->engine != DESK_ENGINE_READY) {
		add_text(rows, "state",
			state->engine == DESK_ENGINE_LOADING ? "loading"
			: state->engine == DESK_ENGINE_FAILED
				? "failed; the next question restarts it"
				: "no model is open");
		return;
	}
	add_text(rows, "name", info->model_name);
	add_text(rows, "architecture", info->architecture);
	engine_rows_add(rows, ELEMENT_TEXT, "parameters", "%s",
		info->n_params > 0 ? number_grouped(number, info->n_params) : "unknown");
	engine_rows_add(rows, ELEMENT_TEXT, "weights", "%s %s", info->storage,
		info->weight_bytes > 0 ? number_bytes(number, info->weight_bytes) : "");
	if (info->adapters && info->adapters[0]) {
		add_text(rows, "adapters", info->adapters);
	}
	add_text(rows, "template", info->template_name);
	add_text(rows, "tokenizer", info->tokenizer);
	add_text(rows, "license", info->license);
	if (info->random_weights) {
		engine_rows_add(rows, ELEMENT_NOTE, "weights", "random: nobody trained this model");
	}
}

static void add_device(struct engine_rows *rows, const struct desk_state *state)
{
	char number[NUMBER_SIZE];

	add_heading(rows, "Device");
	add_text(rows, "device", state->device);
	if (state->engine != DESK_ENGINE_READY) {
		return;
	}
	if (strcmp(state->device, state->info.backend) != 0) {
		add_text(rows, "backend", state->info.backend);
	}
	engine_rows_add(rows, ELEMENT_TEXT, "threads", "%lld", (long long)state->info.n_thread);
	engine_rows_add(rows, ELEMENT_TEXT, "process", "%lld, memory %s",
		(long long)state->info.process_id,
		state->engine_rss_bytes > 0 ? number_bytes(number, state->engine_rss_bytes)
					    : "unknown");
	if (state->info.load_ms > 0) {
		engine_rows_add(rows, ELEMENT_TEXT, "loaded in", "%s",
			number_seconds(number, state->info.load_ms / 1e3));
	}
}

static void add_window(struct engine_rows *rows, const struct desk_state *state)
{
	char number[NUMBER_SIZE], train[NUMBER_SIZE];

	add_heading(rows, "Window");
	if (state->engine == DESK_ENGINE_READY) {
		engine_rows_add(rows, ELEMENT_TEXT, "context", "%s tok, trained for %s",
			number_grouped(number, state->info.context_tok),
			state->info.context_train_tok > 0
				? number_grouped(train, state->info.context_train_tok)
				: "unknown");
	} else {
		add_text(rows, "context", NULL);
	}
	add_tokens(rows, "sources", state->n_source ? state->sources_tok : 0);
	add_tokens(rows, "in front", state->prompt_tok);
	add_tokens(rows, "for the answer", state->reserve_tok);
	if (state->over && state->over[0]) {
		engine_rows_add(
			rows, ELEMENT_TEXT, "beyond it", "%s", meter_over_text(state->over));
	}
	engine_rows_add(rows, ELEMENT_DIM, "its meter", "%s",
		"# in memory  = on disk  - to be computed  + being typed  ~ kept for the answer");
}

/* ---- rates ---- */

static double rate_of(const struct engine_usage *usage, int is_decode)
{
	if (is_decode) {
		return usage->generated_tok > 1 && usage->decode_ms > 0
			       ? (double)(usage->generated_tok - 1) * 1e3 / usage->decode_ms
			       : 0;
	}
	return usage->prefill_tok >= LEAST_PREFILL_TOK && usage->prefill_ms > 0
		       ? (double)usage->prefill_tok * 1e3 / usage->prefill_ms
		       : 0;
}

static int is_of(const struct desk_event *progress, int is_decode)
{
	return is_decode ? progress->doing == DESK_ANSWERING || progress->doing == DESK_THINKING
			 : progress->doing == DESK_PREFILLING;
}

/* Of each answer that there is, and of the one that is under way. */
static void add_rates(struct engine_rows *rows, const struct desk_state *state,
	const struct desk_event *progress, int is_decode)
{
	struct engine_row *row = add(rows, ELEMENT_TEXT, is_decode ? "decode" : "prefill");
	char last[NUMBER_SIZE], mean[NUMBER_SIZE];
	double sum = 0;

	row->value = mem_zero(state->n_turn + 1, sizeof(*row->value));
	for (size_t i = 0; i < state->n_turn; i++) {
		double rate = rate_of(&state->turn[i]->usage, is_decode);

		if (rate > 0) {
			row->value[row->n_value++] = rate;
			sum += rate;
		}
	}
	if (is_of(progress, is_decode) && progress->rate > 0) {
		row->value[row->n_value++] = progress->rate;
		sum += progress->rate;
	}
	if (!row->n_value) {
		row->text = mem_strdup("unknown: nothing was measured in this session");
		row->element = ELEMENT_DIM;
		return;
	}
	row->text = mem_printf("%s tok/s, mean %s", meter_rate(last, row->value[row->n_value - 1]),
		meter_rate(mean, sum / (double)row->n_value));
}

/* ---- KV ---- */

static void add_tiers(struct engine_rows *rows, const struct desk_state *state)
{
	char number[NUMBER_SIZE], bytes[NUMBER_SIZE], limit[NUMBER_SIZE];
	int64_t tok_bytes = state->info.kv_bytes_per_tok;
	int64_t memory_tok = state->cached_tok - (state->disk_tok > 0 ? state->disk_tok : 0);

	if (state->engine == DESK_ENGINE_READY) {
		engine_rows_add(rows, ELEMENT_TEXT, "type", "%s, %s a token", state->info.kv_type,
			number_bytes(number, tok_bytes));
	}
	if (state->engine == DESK_ENGINE_READY && state->cached_tok >= 0) {
		engine_rows_add(rows, ELEMENT_KV_MEMORY, "memory",
			"%s tok of this prompt, %s; a full window takes %s",
			number_grouped(number, memory_tok),
			number_bytes(bytes, memory_tok * tok_bytes),
			number_bytes(limit, state->info.context_tok * tok_bytes));
		engine_rows_add(rows, ELEMENT_KV_DISK, "disk", "%s tok more of this prompt",
			number_grouped(number, state->disk_tok > 0 ? state->disk_tok : 0));
	} else {
		add_text(rows, "memory", NULL);
	}
	if (state->kv_limit_bytes > 0) {
		engine_rows_add(rows, ELEMENT_KV_DISK, "disk, all of it", "%s of %s",
			state->kv_disk_bytes >= 0 ? number_bytes(bytes, state->kv_disk_bytes)
						  : "unknown",
			number_bytes(limit, state->kv_limit_bytes));
	} else {
		engine_rows_add(rows, ELEMENT_DIM, "disk, all of it", "nothing is kept there");
	}
}

void engine_rows_make(
	struct engine_rows *rows, const struct desk_state *state, const struct desk_event *progress)
{
	char text[1024];

	engine_rows_finish(rows);
	if (state->engine == DESK_ENGINE_FAILED) {
		add_heading(rows, "Trouble");
		engine_rows_add(rows, ELEMENT_ERROR, "engine", "%s",
			err_format(&state->engine_err, text, sizeof(text)));
	}
	add_model(rows, state);
	add_device(rows, state);
	add_heading(rows, "Speed");
	add_rates(rows, state, progress, 0);
	add_rates(rows, state, progress, 1);
	add_window(rows, state);
	add_heading(rows, "KV cache");
	add_tiers(rows, state);
}

void engine_rows_wrap(struct engine_rows *rows, int columns)
{
	struct engine_rows wrapped = {0};

	columns = columns > TEXT_LEAST ? columns : TEXT_LEAST;
	for (size_t i = 0; i < rows->n_row; i++) {
		struct engine_row *row = &rows->row[i], *last = NULL;
		const char *text = row->text;

		while (text && *text) {
			size_t len = cells_line(text, strlen(text), columns);

			last = add(&wrapped, row->element, text == row->text ? row->label : "");
			last->text = mem_strndup(text, len);
			text += len + strspn(text + len, " ");
		}
		last = last ? last : add(&wrapped, row->element, row->label);
		last->value = row->value;
		last->n_value = row->n_value;
		row->value = NULL;
	}
	engine_rows_finish(rows);
	*rows = wrapped;
}

void engine_rows_finish(struct engine_rows *rows)
{
	for (size_t i = 0; i < rows->n_row; i++) {
		free(rows->row[i].text);
		free(rows->row[i].value);
	}
	free(rows->row);
	*rows = (struct engine_rows){0};
}
