/*
 * Promise 1: what was shown as saved survives kill -9. The real carrel (questions from a pipe, `ask`
 * with a session, `load`) and a driver of the store are killed before and after each call that
 * changes a file, and at random times; what they acknowledged before is compared with what the session
 * holds. Promise 26: carrel-engine is killed likewise, and the session goes on.
 */
#include "tests/faults/run.h"
#include "tests/faults/story.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER "The pump is started by hand, at noon, every day of the week."

/* Cycles of each kind; CI runs all of them. */
enum { DRIVER_CYCLES = 800, CARREL_CYCLES = 1300, ENGINE_CYCLES = 150, SESSION_CYCLES = 100 };

static struct run_home home;
static uint64_t dice;

struct tally {
	int64_t n_cycle, n_killed, n_point, n_acked, n_lost, n_verified, n_wrong;
	double ms;
	uint8_t seen[4096]; /* by command, call and side */
};

static void wrong(
	struct tally *tally, const char *what, const struct run *run, const struct err *err)
{
	char text[1024] = "";

	if (tally->n_wrong++ < 10) {
		tap_note("cycle %lld, call %llu: %s: %s", (long long)tally->n_cycle,
			(unsigned long long)run->n_seen, what,
			err ? err_format(err, text, sizeof(text)) : "");
		tap_note("status %d, signal %d: %s | %s", run->status, run->signal,
			run_words(run->out), run_words(run->err));
	}
}

/* Counts a kill, and whether it was at a place where none was yet. */
static void count_kill(struct tally *tally, const struct run *run, int command, int is_after)
{
	size_t point = (size_t)command * 1024 + (size_t)run->n_seen * 2 + (size_t)is_after;

	tally->n_killed += run->signal == SIGKILL;
	if (run->n_done && run->signal == SIGKILL && run->n_seen < 512 && !tally->seen[point]) {
		tally->seen[point] = 1;
		tally->n_point++;
	}
}

static void report(const char *what, struct tally *tally, int64_t min_points)
{
	tap_ok(tally->n_lost == 0 && tally->n_wrong == 0 && tally->n_acked > 0,
		"%s: nothing that was acknowledged is lost, whenever it is killed", what);
	tap_ok(tally->n_point >= min_points, "%s: at %lld calls at least", what,
		(long long)min_points);
	tap_note("faults: kills, %s: %lld cycles, %lld killed, %lld distinct kill points, %lld "
		 "acknowledged, %lld "
		 "lost, %lld wrong, %lld verified, %.1f ms a cycle",
		what, (long long)tally->n_cycle, (long long)tally->n_killed,
		(long long)tally->n_point, (long long)tally->n_acked, (long long)tally->n_lost,
		(long long)tally->n_wrong, (long long)tally->n_verified,
		tally->ms / (double)(tally->n_cycle ? tally->n_cycle : 1));
}

static void note_damage(void *arg, const char *sentence)
{
	tap_note("verify: %s", sentence);
}

static void verify(struct tally *tally, const char *folder, const struct run *run)
{
	struct store_report damage = {.damage = note_damage};
	struct err err = {0};

	tally->n_verified++;
	if (store_verify(folder, &damage, &err) < 0 || damage.n_damaged || !damage.n_row) {
		wrong(tally, "verify", run, &err);
	}
}

/* ---- the driver ---- */

/* The last number behind "ack " at the beginning of a line; `last` where there is none. */
static int64_t last_ack(const char *out, const char *mark, int64_t last, int64_t *n)
{
	for (const char *p = out; (p = strstr(p, mark)); p += strlen(mark)) {
		if (strchr(p, '\n')) {
			last = atoll(p + strlen(mark));
			++*n;
		}
	}
	return last;
}

static void driver_cycle(struct tally *tally, const char *folder, int64_t *step, uint64_t n_call)
{
	const char *argv[] = {run_env("FAULTS_STORE_DRIVER"), folder, "5", NULL};
	int is_after = (int)run_random(&dice, 2), by_call = tally->n_cycle % 4 != 3;
	struct run_plan plan = {.program = "store_driver", .folder = home.data};
	struct store *store = NULL;
	struct err err = {0};
	int64_t acked, at;
	struct run run;

	plan.action = by_call ? is_after ? "kill-after" : "kill-before" : NULL;
	plan.at = by_call ? 1 + run_random(&dice, n_call) : 0;
	plan.kill_after_us = by_call ? 0 : 200 + (int64_t)run_random(&dice, 6000);
	run_program(&run, argv, &plan);
	tally->n_cycle++;
	tally->ms += run.ms;
	count_kill(tally, &run, 0, is_after);
	acked = last_ack(run.out, "ack ", *step, &tally->n_acked);
	if (!run.signal && run.status != 0) {
		wrong(tally, "the driver", &run, NULL);
	}
	if (access(folder, F_OK) < 0 && acked == 0) {
		*step = 0;
		run_finish(&run);
		return;
	}
	at = store_open(&store, folder, STORE_READ, &err) < 0 ? -1 : story_read(store, &err);
	store_close(store);
	if (at < acked) {
		tally->n_lost += at >= 0 ? acked - at : 1;
		wrong(tally, "lost", &run, &err);
	} else if (at > *step + 5) {
		wrong(tally, "more than was done", &run, &err);
	}
	if (tally->n_cycle % 10 == 0) {
		verify(tally, folder, &run);
	}
	*step = at < 0 ? 0 : at;
	run_finish(&run);
}

static void kill_driver(void)
{
	struct tally tally = {0};
	char *folder = NULL;
	int64_t step = 0;

	for (int i = 0; i < DRIVER_CYCLES; i++) {
		if (i % SESSION_CYCLES == 0) {
			free(folder);
			run_empty(home.data);
			folder = mem_printf("%s/0123456789abcd%02x", home.data, i / SESSION_CYCLES);
			step = 0;
		}
		driver_cycle(&tally, folder, &step, 120);
	}
	free(folder);
	report("the store's driver", &tally, 100);
}

/* ---- carrel ---- */

/* What a session held after the last cycle: nothing of it may change. */
struct known {
	char name[32];
	int64_t n_turn, n_asked;
	int64_t n_window;                   /* questions of one run at most; 0: two */
	char *question[4 * SESSION_CYCLES]; /* of the turns */
	int n_source;
};

static void known_finish(struct known *known)
{
	for (int64_t i = 0; i < known->n_turn; i++) {
		free(known->question[i]);
	}
	*known = (struct known){0};
}

enum command { CHAT, ASK, LOAD };

static void run_carrel(
	struct run *run, enum command command, struct known *known, const struct run_plan *with)
{
	const char *carrel = run_env("CARREL"), *name = known->name;
	const char *chat[] = {carrel, "-s", name, "--device", "fake", "-v", NULL};
	char *question = mem_printf("question %lld", (long long)known->n_asked);
	char *file = mem_printf("%s/source%lld.txt", home.folder, (long long)known->n_asked % 50);
	const char *ask[] = {
		carrel, "ask", "-s", name, "--device", "fake", "--json", question, NULL};
	const char *load[] = {carrel, "load", "-s", name, "--device", "fake", file, NULL};
	char *lines = mem_printf("question %lld\nquestion %lld\n", (long long)known->n_asked,
		(long long)known->n_asked + 1);
	struct run_plan plan = *with;

	plan.input = command == CHAT ? lines : NULL;
	run_program(run, command == CHAT ? chat : command == ASK ? ask : load, &plan);
	known->n_asked += 2;
	free(question);
	free(file);
	free(lines);
}

/* Turns that a run acknowledged. */
static int64_t carrel_acks(enum command command, const struct run *run)
{
	int64_t n = 0;

	if (command == ASK) {
		return run->out_len > 2 && run->out[run->out_len - 2] == '}';
	}
	last_ack(run->err, "saved as turn ", 0, &n);
	return n;
}

static int check_turn(const struct known *known, const struct store_turn *turn, int64_t i)
{
	if (i < known->n_turn) {
		return !strcmp(known->question[i], turn->question);
	}
	return !strncmp(turn->question, "question ", 9) &&
	       atoll(turn->question + 9) >=
		       known->n_asked - (known->n_window ? known->n_window : 2) &&
	       atoll(turn->question + 9) < known->n_asked;
}

/* Every turn that was there is there, new ones are whole and are those that were asked for. */
static int compare(struct known *known, int64_t acked, const struct store_contents *contents,
	int64_t *n_lost, struct err *err)
{
	int64_t n = (int64_t)contents->n_turn;

	if (n < known->n_turn + acked) {
		*n_lost += known->n_turn + acked - n;
		return err_set(err, ERR_FAILURE, NULL, NULL, "%lld turns, %lld were acknowledged",
			(long long)n, (long long)(known->n_turn + acked));
	}
	for (int64_t i = 0; i < n; i++) {
		const struct store_turn *turn = &contents->turn[i];

		if (!check_turn(known, turn, i) || turn->text_len != strlen(ANSWER) ||
			memcmp(turn->text, ANSWER, turn->text_len)) {
			return err_set(err, ERR_FAILURE, NULL, NULL, "turn %lld is '%s': '%s'",
				(long long)i + 1, turn->question, turn->text);
		}
	}
	for (; known->n_turn < n; known->n_turn++) {
		known->question[known->n_turn] = mem_strdup(contents->turn[known->n_turn].question);
	}
	return 0;
}

static void check_session(
	struct tally *tally, struct known *known, int64_t acked, const struct run *run)
{
	struct store_contents contents = {0};
	struct store *store = NULL;
	struct err err = {0};
	char *folder = NULL;
	int found = catalogue_find(known->name, 1, &folder, &err);

	if (found != 0) {
		if (known->n_turn + acked || found < 0) {
			tally->n_lost++;
			wrong(tally, "the session is gone", run, &err);
		}
		return;
	}
	if (store_open(&store, folder, STORE_READ, &err) < 0 ||
		store_read(store, &contents, &err) < 0) {
		tally->n_lost++;
		wrong(tally, "it does not open", run, &err);
	} else if (compare(known, acked, &contents, &tally->n_lost, &err) < 0) {
		wrong(tally, "turns", run, &err);
	} else if ((int)contents.n_block < known->n_source) {
		tally->n_lost++;
		wrong(tally, "sources", run, NULL);
	} else {
		known->n_source = (int)contents.n_block;
	}
	store_contents_finish(&contents);
	store_close(store);
	if (tally->n_cycle % 10 == 0) {
		verify(tally, folder, run);
	}
	free(folder);
}

static void carrel_cycle(struct tally *tally, struct known *known, uint64_t n_call[3])
{
	enum command command = tally->n_cycle % 8 == 5 ? LOAD : tally->n_cycle % 2 ? ASK : CHAT;
	int is_after = (int)run_random(&dice, 2), by_call = tally->n_cycle % 3 != 2;
	struct run_plan plan = {.program = "carrel", .folder = home.data};
	int64_t acked;
	struct run run;

	plan.action = by_call ? is_after ? "kill-after" : "kill-before" : NULL;
	plan.at = by_call ? 1 + run_random(&dice, n_call[command] + 4) : 0;
	plan.kill_after_us = by_call ? 0 : 1000 + (int64_t)run_random(&dice, 40000);
	run_carrel(&run, command, known, &plan);
	tally->n_cycle++;
	tally->ms += run.ms;
	count_kill(tally, &run, 1 + (int)command, is_after);
	if ((!run.signal && run.status != 0) || run.is_late || (by_call && !run.n_loaded)) {
		wrong(tally, "carrel", &run, NULL);
	}
	acked = command == LOAD ? 0 : carrel_acks(command, &run);
	tally->n_acked += acked;
	known->n_source += command == LOAD && !run.signal && !known->n_source;
	check_session(tally, known, acked, &run);
	run_finish(&run);
}

/* How many calls each command makes in a session that is there. */
static void count_calls(uint64_t n_call[3], struct known *known)
{
	for (int command = CHAT; command <= LOAD; command++) {
		struct run run;

		for (int twice = 0; twice < 2; twice++) {
			run_carrel(&run, (enum command)command, known,
				&(struct run_plan){.program = "carrel", .folder = home.data});
			n_call[command] = run.n_seen;
			tap_ok(run.status == 0 && run.n_seen > 0 &&
					carrel_acks((enum command)command, &run) ==
						(command == CHAT         ? 2
							: command == ASK ? 1
									 : 0),
				"carrel %s: %s",
				command == CHAT  ? ""
				: command == ASK ? "ask"
						 : "load",
				twice ? "goes on with a session" : "works");
			tap_note("%llu calls, %.1f ms: %s%s", (unsigned long long)run.n_seen,
				run.ms, run.status ? run_words(run.out) : "",
				run.status ? run_words(run.err) : "");
			run_finish(&run);
		}
	}
}

static void new_session(struct known *known, int number)
{
	known_finish(known);
	snprintf(known->name, sizeof(known->name), "work-%d", number);
}

static void kill_carrel(void)
{
	struct tally tally = {0};
	struct known known = {.name = "counted"};
	uint64_t n_call[3] = {0};

	run_empty(home.data);
	count_calls(n_call, &known);
	for (int i = 0; i < CARREL_CYCLES && tally.n_wrong < 50; i++) {
		if (i % SESSION_CYCLES == 0) {
			new_session(&known, i / SESSION_CYCLES);
		}
		carrel_cycle(&tally, &known, n_call);
	}
	known_finish(&known);
	report("carrel", &tally, 100);
}

/* ---- the engine alone ---- */

static void check_engine_run(
	struct tally *tally, struct known *known, int64_t n_asked, const struct run *run)
{
	int64_t acked = carrel_acks(CHAT, run);

	tally->n_cycle++;
	tally->ms += run->ms;
	tally->n_acked += acked;
	/* One question fails; an engine that dies before it is ready is the end of that run. */
	if (run->signal || run->is_late || run->status != (acked == n_asked ? 0 : 4) ||
		(acked < n_asked && !strstr(run->err, "the engine process died")) ||
		(acked && acked < n_asked - 1)) {
		wrong(tally, "the engine was killed", run, NULL);
	}
	known->n_asked += n_asked;
	check_session(tally, known, acked, run);
}

static void kill_engine(const char *cache)
{
	const char *argv[] = {run_env("CARREL"), "-s", "engine", "--device", "fake", "-v", NULL};
	struct known known = {.name = "engine", .n_window = 3};
	struct tally tally = {0};
	uint64_t n_call = 0;
	int64_t n_by_time = 0;

	for (int i = 0; i < ENGINE_CYCLES; i++) {
		struct run_plan plan = {.program = "carrel-engine", .folder = cache};
		struct run run;
		char *lines;

		if (i % SESSION_CYCLES == SESSION_CYCLES / 3) {
			new_session(&known, 1000 + i);
			known.n_window = 3;
			argv[2] = known.name;
		}
		lines = mem_printf("question %lld\nquestion %lld\nquestion %lld\n",
			(long long)known.n_asked, (long long)known.n_asked + 1,
			(long long)known.n_asked + 2);
		plan.input = lines;
		if (i % 10 == 0) {
			run_empty(cache);
		}
		if (i == 0 || i % 3) {
			plan.at = i ? 1 + run_random(&dice, n_call) : 0;
			plan.action = i % 2 ? "kill-after" : "kill-before";
			run_program(&run, argv, &plan);
			n_call = i ? n_call : run.n_seen;
			tally.n_killed += (int64_t)run.n_done;
			tally.n_point += (int64_t)run.n_done;
		} else {
			const char *env[] = {"CARREL_FAKE_TOKEN_US=300", NULL};
			struct running *running;
			int found;

			plan.env = env;
			running = run_begin(argv, &plan);
			usleep((useconds_t)(5000 + run_random(&dice, 25000)));
			found = run_kill_child(running, "carrel-engine");
			run_end(&run, running);
			tally.n_killed += found;
			n_by_time += found;
		}
		check_engine_run(&tally, &known, 3, &run);
		run_finish(&run);
		free(lines);
	}
	known_finish(&known);
	report("carrel, when its engine is killed", &tally, 30);
	tap_note("faults: %lld killed at one of %llu calls, %lld at a random time",
		(long long)tally.n_point, (unsigned long long)n_call, (long long)n_by_time);
}

int main(void)
{
	if (!run_can_preload()) {
		tap_skip("kills", "nothing is preloaded into a program under a sanitizer");
		return tap_done();
	}
	home = run_home();
	mkdir(home.cache, 0700);
	setenv("CARREL_FAKE_ANSWER", ANSWER, 1);
	for (int i = 0; i < 50; i++) {
		char *path = mem_printf("%s/source%d.txt", home.folder, i);
		FILE *file = fopen(path, "w");

		if (!file || fprintf(file, "Pump %d is started by hand.\n", i) < 0 ||
			fclose(file) != 0) {
			run_bail_out("%s cannot be written", path);
		}
		free(path);
	}
	kill_driver();
	kill_carrel();
	kill_engine(home.cache);
	run_home_remove(&home);
	return tap_done();
}
