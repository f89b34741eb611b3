#include "cli/start.h"

#include "base/conf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/adapters.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "session/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYSTEM_MAX_BYTES = 16 << 20 };

char *start_kv_folder(const struct options *options)
{
	char *cache = options->no_store ? NULL : conf_cache_dir();
	char *folder = cache ? mem_printf("%s/kv", cache) : NULL;

	free(cache);
	return folder;
}

int start_engine(
	struct engine **engine, const struct options *options, enum start_kv kv, struct err *err)
{
	struct engine_config config = {
		.backend = options->device,
		.template_name = options->template_name,
		.kv_type = options->kv_type,
		.context_tok = options->context_tok,
		.n_thread = (int32_t)options->n_thread,
		.kv_limit_bytes = options->kv_limit_bytes,
	};
	char *model = NULL, *kv_folder;
	int status;

	*engine = NULL;
	if (adapters_read(&config, options, err) < 0) {
		return -1;
	}
	/* The fake needs no file. */
	if ((strcmp(options->device, "fake") != 0 || options->model) &&
		registry_find(options->model, &model, err) < 0) {
		adapters_finish(&config);
		return -1;
	}
	kv_folder = kv == START_KV_DISK ? start_kv_folder(options) : NULL;
	config.model = model;
	config.kv_folder = kv_folder;
	status = engine_open(engine, &config, err);
	free(kv_folder);
	adapters_finish(&config);
	free(model);
	return status;
}

void start_window(struct session_window *window, char **model, const struct options *options)
{
	struct engine_config config = {
		.backend = options->device,
		.kv_type = options->kv_type,
		.context_tok = options->context_tok,
	};
	struct engine_plan plan;

	*window = (struct session_window){.used_tok = -1};
	*model = NULL;
	/* The fake's tokens are not a model's. What is wrong with a model is the engine's to say. */
	if (strcmp(options->device, "fake") == 0 ||
		registry_find(options->model, model, NULL) < 0) {
		return;
	}
	config.model = *model;
	if (engine_plan(&plan, &config, NULL) == 0 && !plan.only_embeds) {
		window->model = *model;
		window->window_tok = plan.context_tok;
		window->is_whole =
			plan.context_train_tok && plan.context_tok >= plan.context_train_tok;
	}
}

void start_tell_trouble(struct engine *engine)
{
	struct err trouble;
	char text[1024];

	while (engine_trouble(engine, &trouble)) {
		log_note("%s", err_format(&trouble, text, sizeof(text)));
	}
}

static int is_stopped(void *arg)
{
	return interrupt_pending();
}

int start_set_window(struct session *session, struct engine *engine, char **model,
	const struct options *options, struct err *err)
{
	struct session_watch watch = {.stopped = is_stopped};
	struct session_window window;

	start_window(&window, model, options);
	if (engine && (session_source_count(session) || session_turn_count(session)) &&
		(start_wait(engine, err) < 0 ||
			session_count(session, engine, &watch, &window.used_tok, err) < 0)) {
		return -1;
	}
	session_set_window(session, &window);
	return 0;
}

int start_wait(struct engine *engine, struct err *err)
{
	return start_wait_until(engine, is_stopped, NULL, err);
}

int start_wait_until(struct engine *engine, int (*stopped)(void *arg), void *arg, struct err *err)
{
	struct engine_event event;

	if (engine_info(engine)->model_name[0]) {
		return 0; /* it was waited for before */
	}
	for (;;) {
		if (stopped(arg)) {
			log_progress_clear();
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		if (!engine_next(engine, 100, &event)) {
			continue;
		}
		if (event.type == ENGINE_LOAD) {
			log_progress("loading the model %.0f%%", 100 * event.fraction);
		} else if (event.type == ENGINE_READY) {
			break;
		} else if (event.type == ENGINE_FAILED) {
			log_progress_clear();
			*err = event.err;
			return -1;
		}
	}
	log_progress_clear();
	start_tell_trouble(engine);
	if (engine_info(engine)->random_weights) {
		log_note("no trained model: the words are random");
	}
	log_info("%s, %s, %s, %lld tokens of context%s%s", engine_info(engine)->model_name,
		engine_info(engine)->storage, engine_info(engine)->backend,
		(long long)engine_info(engine)->context_tok,
		engine_info(engine)->adapters[0] ? ", with " : "", engine_info(engine)->adapters);
	return 0;
}

enum session_over start_over(const struct options *options, enum session_over otherwise)
{
	enum session_over over = SESSION_OVER_FAIL;

	for (size_t i = 0; i < option_count(); i++) {
		if (strcmp(option_table[i].name, "over") == 0 &&
			options_origin(i) == ORIGIN_DEFAULT) {
			return otherwise;
		}
	}
	session_over_parse(options->over, &over); /* the table lets nothing else through */
	return over;
}

void start_hint_over(struct err *err, const char *how)
{
	char other[sizeof(err->hint)];

	memcpy(other, err->hint, sizeof(other));
	snprintf(err->hint, sizeof(err->hint), "%s reads it in parts; else %.128s", how, other);
}

int start_is_flag(const char *name)
{
	for (size_t i = 0; i < option_count(); i++) {
		if (strcmp(option_table[i].name, name) == 0) {
			return options_origin(i) == ORIGIN_FLAG;
		}
	}
	return 0;
}

int start_check_no_think(
	const struct options *options, const struct engine_info *info, struct err *err)
{
	if (!options->no_think || !start_is_flag("no-think") || info->can_skip_thinking) {
		return 0;
	}
	if (info->thinks) {
		return err_set(err, ERR_USAGE, "--no-think", "leave it out",
			"the template %s has no way to keep its models from thinking",
			info->template_name);
	}
	log_note("--no-think changes nothing: the template %s has no thinking",
		info->has_template ? info->template_name : "of this model");
	return 0;
}

static int interrupted(void *context, const struct engine_event *event)
{
	return interrupt_pending();
}

const struct engine_watch start_watch = {interrupted, NULL};

int start_await(struct engine *engine, int64_t request, struct engine_event *event, struct err *err)
{
	return engine_await(engine, request, event, &start_watch, err);
}

int start_read(struct buf *out, const char *path, size_t max_bytes, struct err *err)
{
	int status = strcmp(path, "-") == 0
			     ? file_read_fd(out, STDIN_FILENO, "standard input", max_bytes, err)
			     : file_read(out, path, max_bytes, err);

	if (status < 0 && err->code == ERR_FAILURE) {
		err->code = ERR_INPUTS;
	}
	return status;
}

int start_refuse_nul(const struct buf *text, const char *where, enum err_code code, struct err *err)
{
	const char *nul = text->len ? memchr(text->data, 0, text->len) : NULL;

	return nul ? err_set(err, code, where, "give it as text without NUL bytes",
			     "byte %zu is a NUL: this is no text", (size_t)(nul - text->data) + 1)
		   : 0;
}

int start_system_text(const struct options *options, char **text, struct err *err)
{
	struct buf buf = BUF_INIT;

	*text = NULL;
	if (!options->system || !options->system[0]) {
		return 0;
	}
	if (options->system[0] != '@') {
		*text = mem_strdup(options->system);
		return 0;
	}
	if (file_read(&buf, options->system + 1, SYSTEM_MAX_BYTES, err) < 0) {
		err->code = ERR_USAGE; /* the value of an option is wrong */
		buf_finish(&buf);
		return -1;
	}
	if (start_refuse_nul(&buf, options->system + 1, ERR_USAGE, err) < 0) {
		buf_finish(&buf);
		return -1;
	}
	while (buf.len && buf.data[buf.len - 1] == '\n') {
		buf.data[--buf.len] = 0;
	}
	*text = buf_take(&buf);
	return 0;
}

void start_sampling(const struct options *options, struct engine_sampling *sampling)
{
	*sampling = engine_sampling_default;
	sampling->temperature = options->temperature;
	sampling->top_p = options->top_p;
	sampling->min_p = options->min_p;
	sampling->repeat_penalty = options->repeat_penalty;
	sampling->top_k = (int32_t)(options->top_k < INT32_MAX ? options->top_k : INT32_MAX);
	sampling->repeat_last =
		(int32_t)(options->repeat_last < INT32_MAX ? options->repeat_last : INT32_MAX);
	sampling->seed = (uint64_t)options->seed;
}

void start_show_prefill(double began_s, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	int64_t computed = done_tok > cached_tok ? done_tok - cached_tok : 0;
	double elapsed = output_clock_s() - began_s;
	double rate = elapsed > 0 ? (double)computed / elapsed : 0;

	if (computed < 1 || rate <= 0) {
		log_progress("prefill %lld/%lld tok", (long long)done_tok, (long long)total_tok);
		return;
	}
	log_progress("prefill %.0f%% %lld/%lld tok  %.0f tok/s  ETA %.0f s",
		100.0 * (double)done_tok / (double)total_tok, (long long)done_tok,
		(long long)total_tok, rate, (double)(total_tok - done_tok) / rate);
}

/* What a transcript's cue is called: "00:01:02 (Ana)", "line 12 (Ana)". */
static void add_cue(struct buf *out, const struct citation *citation)
{
	if (citation->time_ms >= 0) {
		buf_addch(out, ' ');
		pack_time(out, citation->time_ms);
	}
	if (citation->label) {
		buf_printf(out, " %s", citation->label);
	}
	if (citation->speaker) {
		buf_printf(out, " (%s)", citation->speaker);
	}
}

void start_add_place(struct buf *out, const struct citation *citation)
{
	buf_addstr(out, citation->path);
	if (citation->page > 0) {
		buf_printf(out, " p.%lld", (long long)citation->page);
		if (citation->label) {
			buf_printf(out, " (%s)", citation->label);
		}
	} else if (citation->line_first > 0) {
		buf_printf(out, ":%lld", (long long)citation->line_first);
		if (citation->line_last > citation->line_first) {
			buf_printf(out, "-%lld", (long long)citation->line_last);
		}
	} else {
		add_cue(out, citation);
	}
}

void start_show_citations(const struct session_answer *answer)
{
	for (size_t i = 0; i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];
		struct buf place = BUF_INIT;

		if (citation->path) {
			start_add_place(&place, citation);
		} else {
			buf_printf(&place, "\"%s\"", citation->text);
		}
		log_note("[%zu] %s %s", i + 1, buf_str(&place),
			citation->verdict == VERDICT_NOT_FOUND ? "quote not found"
							       : verdict_name(citation->verdict));
		buf_finish(&place);
	}
}

void start_show_thinking(
	struct start_thinking *thinking, const char *text, size_t len, int64_t n_tok)
{
	const char *end;

	thinking->n_tok = n_tok;
	thinking->is_told = 0;
	buf_add(&thinking->line, text, len);
	while (thinking->line.len &&
		(end = memchr(thinking->line.data, '\n', thinking->line.len)) != NULL) {
		size_t line_len = (size_t)(end - thinking->line.data);

		log_info("thinking: %.*s", (int)line_len, thinking->line.data);
		thinking->line.len -= line_len + 1;
		memmove(thinking->line.data, end + 1, thinking->line.len);
	}
	log_progress("thinking... %lld tokens", (long long)n_tok);
}

int start_end_thinking(struct start_thinking *thinking)
{
	int is_new = thinking->n_tok && !thinking->is_told;

	if (thinking->line.len) {
		log_info("thinking: %.*s", (int)thinking->line.len, thinking->line.data);
	}
	buf_finish(&thinking->line);
	thinking->is_told = 1;
	return is_new;
}

void start_show_unanswered(const struct session_answer *answer, const struct options *options,
	const struct engine_info *info)
{
	long long n_tok = (long long)answer->usage.generated_tok;
	const char *other = info->can_skip_thinking ? "; --no-think answers at once" : "";

	if (answer->stop == ENGINE_STOP_LENGTH && n_tok >= options->max_tok) {
		log_note("cut at %lld tokens, while the model was still thinking: there is no "
			 "answer (-n allows more%s)",
			n_tok, other);
	} else if (answer->stop == ENGINE_STOP_LENGTH) {
		log_note("the context is full at %lld tokens, while the model was still thinking: "
			 "there is no answer%s",
			n_tok, other);
	} else if (answer->stop == ENGINE_STOP_CANCELLED) {
		log_note("stopped after %lld tokens, while the model was still thinking: there is "
			 "no answer",
			n_tok);
	} else {
		log_note(
			"the model ended while it was still thinking: there is no answer%s", other);
	}
}

double start_decode_rate(const struct engine_usage *usage)
{
	/* The first token comes out of the prefill. */
	return usage->decode_ms > 0 && usage->generated_tok > 1
		       ? 1000 * (double)(usage->generated_tok - 1) / usage->decode_ms
		       : 0;
}

void start_show_ready(const struct engine_usage *usage)
{
	log_note("%lld tokens are ready: %lld were cached, %lld computed in %.1f s",
		(long long)usage->prompt_tok, (long long)usage->cached_tok,
		(long long)usage->prefill_tok, usage->prefill_ms / 1000);
}

void start_show_usage(const struct session_answer *answer)
{
	const struct engine_usage *usage = &answer->usage;

	char thinking[48] = "", disk[80] = "";

	if (!usage->prompt_tok) {
		return; /* no model was asked for it */
	}
	if (usage->thinking_tok) {
		snprintf(thinking, sizeof(thinking), " (%lld of them thinking)",
			(long long)usage->thinking_tok);
	}
	if (usage->disk_tok) {
		snprintf(disk, sizeof(disk), ", %lld of them from disk in %.1f ms",
			(long long)usage->disk_tok, usage->restore_ms);
	}
	log_note("%lld prompt tokens (%lld cached%s, %lld new in %.1f s), %lld generated%s, %.1f "
		 "tok/s",
		(long long)usage->prompt_tok, (long long)usage->cached_tok, disk,
		(long long)usage->prefill_tok, usage->prefill_ms / 1000,
		(long long)usage->generated_tok, thinking, start_decode_rate(usage));
}
