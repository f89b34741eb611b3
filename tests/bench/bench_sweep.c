/*
 * The engine under a sweep: real text in windows, the same question asked of each, several requests
 * under way; once with nothing kept, then in a new process with another question, then again in that
 * process. Says what a window costs and where the time went. With -i, an interactive answer runs
 * beside it and the longest wait between two of its tokens is told.
 *
 * Cite mode and the words of a session are not this program's business: the prompt has the shape of
 * session/pack.h's, one text source after the instructions, and the question last.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PASSES_MAX = 16, UNDER_WAY_MAX = 1024, LINE_MARK_EVERY = 10 };

static const char usage_text[] =
	"usage: bench_sweep -m MODEL -d TEXTS [-f FOLDER] [OPTIONS]\n"
	"  -d TEXTS   a file or folder of text; read again from the start where it is too short\n"
	"  -f FOLDER  where KV is kept (nowhere)\n"
	"  -w N       windows (500)\n"
	"  -l N       tokens of a window, about (2048)\n"
	"  -r N       requests under way (40)\n"
	"  -n N       most tokens of an answer (40); -a N: exactly N, whatever the model says\n"
	"  -p N       passes (3): the first two in processes of their own\n"
	"  -k BYTES   KV on disk at most\n"
	"  -s         no_store: new KV does not go to disk\n"
	"  -i         an interactive answer beside the first pass\n"
	"  -t N       threads (one per core)\n"
	"  -j         JSON\n";

static const char instructions[] =
	"You answer from the sources below. Quote the words that answer, then explain briefly.\n"
	"Cite each quote as [S1 path:lines \"words\"], [S1 p.page \"words\"] or [S1 time "
	"\"words\"].\n"
	"If the sources do not say, answer: The sources do not say.";

static const char *const question[] = {
	"\n\nWhich option prints the version and exits?",
	"\n\nWhat happens when the output file already exists?",
	"\n\nHow can the default configuration file be changed?",
	"\n\nWho wrote the first version of this program?",
};

struct sweep {
	struct engine_config config;
	const char *texts;
	int64_t n_window, window_tok, n_under_way, max_tok, n_pass;
	int exact, no_store, interactive, json, n_printed;

	struct buf text;
	struct segment **window; /* [n_window] */
	struct segment *head[2], *close;
};

struct pass {
	int64_t n_done, n_quoted;
	struct engine_usage sum;
	double wall_ms, engine_cpu_ms, own_cpu_ms, ready_ms, longest_wait_ms;
	int64_t rss_kb, rss_anon_kb;
	uint64_t answers; /* a digest of all answers, in the windows' order */
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static double own_cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* What a process has used of the processors, to 10 ms; -1 where that cannot be told. */
static double cpu_ms(int32_t process)
{
	unsigned long long user, system;
	char path[64], line[1024], *at;
	double result = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	file = fopen(path, "r");
	if (!file) {
		return -1;
	}
	/* The name, in brackets, may hold anything; the 14th and 15th fields are times. */
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			  &system) == 2) {
		result = (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
	}
	fclose(file);
	return result;
}

/* The most it ever had in memory, and what it has of its own now. */
static void resident_kb(int32_t process, int64_t *peak, int64_t *anon)
{
	char path[64], line[256];
	long long kb;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmHWM: %lld", &kb) == 1) {
			*peak = kb;
		} else if (sscanf(line, "RssAnon: %lld", &kb) == 1) {
			*anon = kb;
		}
	}
	if (file) {
		fclose(file);
	}
}

/* ---- the text ---- */

static void add_file(struct buf *text, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n = 1;

	while (file && n > 0) {
		buf_reserve(text, 65536);
		n = fread(text->data + text->len, 1, 65536, file);
		text->len += n;
	}
	if (file) {
		fclose(file);
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int read_texts(struct buf *text, const char *path)
{
	char *paths[] = {(char *)path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F) {
			add_file(text, entry->fts_accpath);
		}
	}
	if (tree) {
		fts_close(tree);
	}
	if (text->len < 4096) {
		fprintf(stderr, "bench_sweep: there is no text in %s\n", path);
		return -1;
	}
	return 0;
}

/* About how many bytes a token has: of the first megabyte. */
static double bytes_per_tok(const struct sweep *sweep)
{
	struct tokens *tokens;
	struct err err;
	char line[512];
	size_t len = sweep->text.len < 1 << 20 ? sweep->text.len : 1 << 20, n_tok;

	if (tokens_open(&tokens, sweep->config.model, &err) < 0) {
		fprintf(stderr, "bench_sweep: %s\n", err_format(&err, line, sizeof(line)));
		return -1;
	}
	free(tokens_encode(tokens, sweep->text.data, len, TOKENS_TEXT, 0, &n_tok));
	tokens_close(tokens);
	return (double)len / (double)n_tok;
}

/* Window `number` of the text, its lines numbered as pack.h numbers them. */
static struct segment *make_window(const struct sweep *sweep, int64_t number, double bytes)
{
	const struct buf *text = &sweep->text;
	size_t size = (size_t)bytes, n_aside = 0, cap_aside = 0, len = 0;
	size_t at = (size_t)((double)number * bytes) % (text->len - size), end = at + size;
	char *out = mem_alloc(2 * size + 64);
	struct segment_aside *aside = NULL;
	struct segment *segment;
	int64_t line = 1;

	/* What is read a second time is another text: its KV is not the first one's. */
	len += (size_t)sprintf(out, "1|part %lld\n", (long long)number);
	mem_grow(aside, n_aside, cap_aside);
	aside[n_aside++] = (struct segment_aside){0, 2, SEGMENT_ASIDE_MARK};
	while (at < end) {
		const char *newline = memchr(text->data + at, '\n', end - at);
		size_t n = newline ? (size_t)(newline - text->data) + 1 - at : end - at;

		if (++line % LINE_MARK_EVERY == 0) {
			int mark = sprintf(out + len, "%lld|", (long long)line);

			mem_grow(aside, n_aside, cap_aside);
			aside[n_aside++] = (struct segment_aside){
				(uint32_t)len, (uint32_t)mark, SEGMENT_ASIDE_MARK};
			len += (size_t)mark;
		}
		memcpy(out + len, text->data + at, n);
		len += n;
		at += n;
	}
	segment = segment_source(out, len, aside, n_aside);
	free(out);
	free(aside);
	return segment;
}

static int make_windows(struct sweep *sweep)
{
	double bytes = bytes_per_tok(sweep) * (double)sweep->window_tok;

	if (bytes <= 0 || bytes >= (double)sweep->text.len) {
		fprintf(stderr, "bench_sweep: the text is shorter than a window\n");
		return -1;
	}
	sweep->window = mem_zero((size_t)sweep->n_window, sizeof(struct segment *));
	for (int64_t i = 0; i < sweep->n_window; i++) {
		sweep->window[i] = make_window(sweep, i, bytes);
	}
	return 0;
}

static struct segment *text_of(const char *text)
{
	return segment_text(text, strlen(text));
}

/* ---- a pass ---- */

struct under_way {
	int64_t id, window;
	uint64_t digest;
};

struct run {
	struct sweep *sweep;
	struct engine *engine;
	struct pass *pass;
	struct segment *question;
	struct under_way at[UNDER_WAY_MAX];
	uint64_t *digest; /* [n_window] */
	int64_t n_begun, n_under_way;
	int64_t talk; /* the interactive answer; 0: none */
	double talk_ms;
};

static void add_prompt(struct prompt *prompt, const struct run *run, struct segment *window)
{
	const struct sweep *sweep = run->sweep;
	int has_system = engine_info(run->engine)->has_system;

	prompt_add(prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(prompt, segment_mark(has_system ? PROMPT_SYSTEM_OPEN : PROMPT_USER_OPEN));
	for (int i = 0; i < 2; i++) {
		prompt_add(prompt, segment_ref(sweep->head[i]));
	}
	prompt_add(prompt, segment_ref(window));
	prompt_add(prompt, segment_ref(sweep->close));
	if (has_system) {
		prompt_add(prompt, segment_mark(PROMPT_SYSTEM_CLOSE));
		prompt_add(prompt, segment_mark(PROMPT_USER_OPEN));
	}
	prompt_add(prompt, segment_ref(run->question));
	prompt_add(prompt, segment_mark(PROMPT_USER_CLOSE));
	prompt_add(prompt, segment_mark(PROMPT_MODEL_OPEN));
}

static int begin_window(struct run *run, struct err *err)
{
	const struct sweep *sweep = run->sweep;
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = sweep->max_tok,
		.ignore_end = sweep->exact,
		.no_store = sweep->no_store,
		.priority = -1,
		.n_keep = 6,
		.owner = "00000000000000aa",
	};
	struct under_way *free_one = run->at;

	while (free_one->id) {
		free_one++;
	}
	add_prompt(&prompt, run, sweep->window[run->n_begun]);
	*free_one = (struct under_way){.window = run->n_begun++, .digest = 14695981039346656037U};
	free_one->id = engine_submit(run->engine, &request, err);
	prompt_finish(&prompt);
	run->n_under_way++;
	return free_one->id < 0 ? -1 : 0;
}

/* A long answer about a text of its own, as a person would wait for it. */
static int begin_talk(struct run *run, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = INT64_C(1) << 30,
		.ignore_end = 1,
		.free_quotes = 1,
	};

	add_prompt(&prompt, run, run->sweep->window[0]);
	run->talk = engine_submit(run->engine, &request, err);
	prompt_finish(&prompt);
	return run->talk < 0 ? -1 : 0;
}

static struct under_way *find(struct run *run, int64_t id)
{
	for (int64_t i = 0; i < run->sweep->n_under_way; i++) {
		if (run->at[i].id == id) {
			return &run->at[i];
		}
	}
	return NULL;
}

static void add_usage(struct engine_usage *sum, const struct engine_usage *usage)
{
	sum->prompt_tok += usage->prompt_tok;
	sum->cached_tok += usage->cached_tok;
	sum->disk_tok += usage->disk_tok;
	sum->prefill_tok += usage->prefill_tok;
	sum->generated_tok += usage->generated_tok;
	sum->restore_ms += usage->restore_ms;
	sum->prefill_ms += usage->prefill_ms;
	sum->first_token_ms += usage->first_token_ms;
	sum->decode_ms += usage->decode_ms;
}

static void hear_talk(struct run *run, const struct engine_event *event)
{
	double now = now_ms();

	if (event->type == ENGINE_TEXT && event->n_ids) {
		if (run->talk_ms > 0 && now - run->talk_ms > run->pass->longest_wait_ms) {
			run->pass->longest_wait_ms = now - run->talk_ms;
		}
		run->talk_ms = now;
	} else if (event->type == ENGINE_DONE) {
		run->talk = 0;
	}
}

static int hear(struct run *run, const struct engine_event *event, struct err *err)
{
	struct under_way *at = find(run, event->request);

	if (event->type == ENGINE_FAILED) {
		*err = event->err;
		return -1;
	}
	if (run->talk && event->request == run->talk) {
		hear_talk(run, event);
	} else if (at && event->type == ENGINE_TEXT) {
		for (size_t i = 0; i < event->text_len; i++) {
			at->digest = (at->digest ^ (uint8_t)event->text[i]) * 1099511628211U;
			run->pass->n_quoted += event->text[i] == ']';
		}
	} else if (at && event->type == ENGINE_DONE) {
		run->digest[at->window] = at->digest;
		add_usage(&run->pass->sum, &event->usage);
		run->pass->n_done++;
		run->n_under_way--;
		at->id = 0;
	}
	return 0;
}

static int sweep_windows(struct run *run, struct err *err)
{
	const struct sweep *sweep = run->sweep;
	struct engine_event event;

	while (run->pass->n_done < sweep->n_window) {
		while (run->n_under_way < sweep->n_under_way && run->n_begun < sweep->n_window) {
			if (begin_window(run, err) < 0) {
				return -1;
			}
		}
		if (!engine_next(run->engine, -1, &event)) {
			return err_set(err, ERR_ENGINE, NULL, NULL, "the engine fell silent");
		}
		if (hear(run, &event, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static int run_pass(
	struct sweep *sweep, struct engine *engine, int number, struct pass *pass, struct err *err)
{
	struct run run = {.sweep = sweep, .engine = engine, .pass = pass};
	int32_t process = engine_info(engine)->process_id;
	double cpu = cpu_ms(process), own = own_cpu_ms();
	int result = -1;

	run.digest = mem_zero((size_t)sweep->n_window, sizeof(*run.digest));
	run.question = text_of(question[(size_t)number % (sizeof(question) / sizeof(*question))]);
	if (number == 0 && sweep->interactive && begin_talk(&run, err) < 0) {
		goto end;
	}
	pass->wall_ms = now_ms();
	result = sweep_windows(&run, err);
	pass->wall_ms = now_ms() - pass->wall_ms;
	pass->engine_cpu_ms = cpu_ms(process) - cpu;
	pass->own_cpu_ms = own_cpu_ms() - own;
	resident_kb(process, &pass->rss_kb, &pass->rss_anon_kb);
	for (int64_t i = 0; i < sweep->n_window; i++) {
		pass->answers = (pass->answers ^ run.digest[i]) * 1099511628211U;
	}
	if (run.talk > 0) {
		engine_cancel(engine, run.talk);
		while (result == 0 && run.talk) {
			struct engine_event event;

			result = engine_next(engine, -1, &event) ? hear(&run, &event, err) : -1;
		}
	}
end:
	segment_unref(run.question);
	free(run.digest);
	return result;
}

static void print_pass(struct sweep *sweep, int number, const struct pass *pass)
{
	static const char *const name[] = {"cold", "warm, new process", "warm, same process"};
	const struct engine_usage *sum = &pass->sum;
	double n = (double)sweep->n_window, s = pass->wall_ms / 1e3;

	if (sweep->json) {
		printf("%s{\"pass\":%d,\"name\":\"%s\",\"windows\":%lld,\"ms_per_window\":%.3f,"
		       "\"wall_ms\":%.1f,"
		       "\"prompt_tok\":%lld,\"cached_tok\":%lld,\"disk_tok\":%lld,\"prefill_tok\":"
		       "%lld,\"generated_tok\":%lld,\"engine_cpu_ms\":%.0f,"
		       "\"peak_kb\":%lld,\"own_kb\":%lld,\"longest_wait_ms\":%.1f}",
			sweep->n_printed++ ? ",\n " : "[", number + 1,
			name[number < 2 ? number : 2], (long long)sweep->n_window,
			pass->wall_ms / n, pass->wall_ms, (long long)sum->prompt_tok,
			(long long)sum->cached_tok, (long long)sum->disk_tok,
			(long long)sum->prefill_tok, (long long)sum->generated_tok,
			pass->engine_cpu_ms, (long long)pass->rss_kb, (long long)pass->rss_anon_kb,
			pass->longest_wait_ms);
		return;
	}
	printf("%-18s %8.2f ms a window, %9.0f tok/s of prompt, %6.0f tok/s answered\n",
		name[number < 2 ? number : 2], pass->wall_ms / n, (double)sum->prompt_tok / s,
		(double)sum->generated_tok / s);
	printf("  a window: prompt %.0f, cached %.0f (disk %.0f), computed %.0f, answered %.1f tok;"
	       " restore %.3f, prefill %.3f, answer %.1f ms (many at once)\n",
		(double)sum->prompt_tok / n, (double)sum->cached_tok / n, (double)sum->disk_tok / n,
		(double)sum->prefill_tok / n, (double)sum->generated_tok / n, sum->restore_ms / n,
		sum->prefill_ms / n, sum->decode_ms / n);
	printf("  processor a window: engine %.2f, here %.2f ms; engine in memory: %lld MB at "
	       "most, "
	       "%lld MB its own; %lld citations; answers %016llx\n",
		pass->engine_cpu_ms / n, pass->own_cpu_ms / n, (long long)pass->rss_kb >> 10,
		(long long)pass->rss_anon_kb >> 10, (long long)pass->n_quoted,
		(unsigned long long)pass->answers);
	if (pass->longest_wait_ms > 0) {
		printf("  an interactive answer beside it waited %.0f ms at most\n",
			pass->longest_wait_ms);
	}
}

static int run_passes(struct sweep *sweep, struct err *err)
{
	struct engine *engine = NULL;
	int result = 0;

	for (int i = 0; i < sweep->n_pass && result == 0; i++) {
		struct pass pass = {0};

		if (i < 2) {
			engine_close(engine);
			engine = NULL;
			pass.ready_ms = now_ms();
			result = engine_open(&engine, &sweep->config, err) < 0 ||
						 engine_wait_ready(engine, err) < 0
					 ? -1
					 : 0;
			pass.ready_ms = now_ms() - pass.ready_ms;
		}
		if (result == 0) {
			result = run_pass(sweep, engine, i, &pass, err);
		}
		if (result == 0) {
			print_pass(sweep, i, &pass);
			fflush(stdout);
		}
	}
	engine_close(engine);
	if (sweep->json && sweep->n_printed) {
		puts("]");
	}
	return result;
}

/* ---- the command line ---- */

static int parse(struct sweep *sweep, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "m:d:f:w:l:r:n:a:p:k:sit:j")) != -1) {
		int64_t number = optarg ? atoll(optarg) : 0;

		switch (option) {
		case 'm':
			sweep->config.model = optarg;
			break;
		case 'd':
			sweep->texts = optarg;
			break;
		case 'f':
			sweep->config.kv_folder = optarg;
			break;
		case 'w':
			sweep->n_window = number;
			break;
		case 'l':
			sweep->window_tok = number;
			break;
		case 'r':
			sweep->n_under_way = number;
			break;
		case 'n':
		case 'a':
			sweep->max_tok = number;
			sweep->exact = option == 'a';
			break;
		case 'p':
			sweep->n_pass = number;
			break;
		case 'k':
			sweep->config.kv_limit_bytes = number;
			break;
		case 's':
			sweep->no_store = 1;
			break;
		case 'i':
			sweep->interactive = 1;
			break;
		case 't':
			sweep->config.n_thread = (int32_t)number;
			break;
		case 'j':
			sweep->json = 1;
			break;
		default:
			return -1;
		}
	}
	return optind == argc && sweep->config.model && sweep->texts && sweep->n_window > 0 &&
			       sweep->window_tok > 0 && sweep->n_under_way > 0 &&
			       sweep->n_under_way <= UNDER_WAY_MAX && sweep->max_tok > 0 &&
			       sweep->n_pass > 0 && sweep->n_pass <= PASSES_MAX
		       ? 0
		       : -1;
}

static void finish(struct sweep *sweep)
{
	for (int64_t i = 0; sweep->window && i < sweep->n_window; i++) {
		segment_unref(sweep->window[i]);
	}
	for (int i = 0; i < 2; i++) {
		segment_unref(sweep->head[i]);
	}
	segment_unref(sweep->close);
	free(sweep->window);
	buf_finish(&sweep->text);
}

int main(int argc, char **argv)
{
	struct sweep sweep = {.n_window = 500,
		.window_tok = 2048,
		.n_under_way = ENGINE_UNDER_WAY_BEST,
		.max_tok = 40,
		.n_pass = 3};
	struct err err;
	char line[1024];
	int status = 1;

	if (parse(&sweep, argc, argv) < 0) {
		fputs(usage_text, stderr);
		return 2;
	}
	sweep.head[0] = text_of(instructions);
	sweep.head[1] = text_of("\n\n<source id=\"S1\" kind=\"text\" name=\"manual.txt\">\n");
	sweep.close = text_of("</source>");
	if (read_texts(&sweep.text, sweep.texts) == 0 && make_windows(&sweep) == 0) {
		status = run_passes(&sweep, &err) < 0;
		if (status) {
			fprintf(stderr, "bench_sweep: %s\n", err_format(&err, line, sizeof(line)));
		}
	}
	finish(&sweep);
	return status;
}
