/* carrel: from the command line to a command. */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Whoever started us may have closed 0, 1 or 2: a file or a socket that is opened later must not
 * take their place. Each is opened the wrong way round, so that writing what nobody can read fails.
 */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
		}
	}
}

/*
 * A closed pipe and a file that may not grow are errors of write(): what is under way is ended in
 * order, and then the command.
 */
static void ignore_write_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Documents pass through this memory: no core dumps. */
static void forbid_core_dumps(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
}

static int wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			return 1;
		}
	}
	return 0;
}

/* Say it to people and, under --json, to programs. Returns the exit status. */
static int report(const struct err *err, int json)
{
	log_err(err);
	if (json) {
		output_json(output_json_error(err));
		fflush(stdout);
	}
	return err->code ? (int)err->code : ERR_FAILURE;
}

/*
 * Without a command every argument is a path. A command behind the options, or a word that is
 * nobody's name, was meant otherwise.
 */
static int check_first_word(const struct options *options, struct err *err)
{
	const char *word = options->n_argument ? options->argument[0] : "";
	const struct command *meant = command_find(word);
	char hint[64];

	if (!word[0] || strpbrk(word, "./") || access(word, F_OK) == 0 || strcmp(word, "-") == 0) {
		return 0;
	}
	if (meant) {
		snprintf(hint, sizeof(hint), "carrel %s [OPTIONS]", meant->name);
		return err_set(err, ERR_USAGE, word, hint, "a command stands before all options");
	}
	return err_set(err, ERR_USAGE, word, "`carrel --help` lists the commands",
		"is neither a command nor a file");
}

/* `| head` has what it wanted: no failure to speak of, but no success either, as with any filter. */
static int end_by_closed_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	return 128 + SIGPIPE; /* where it is blocked */
}

/* Options from the settings file, then from the command line. */
static int read_options(struct options *options, const struct command *command, int argc,
	char **argv, struct err *err)
{
	options_init(options);
	if (options_parse(options, command->bit, command->name, argc, argv, err) < 0) {
		return -1;
	}
	if (options->help || options->version) {
		return 0; /* a broken settings file is no reason to refuse help */
	}
	options_finish(options);
	options_init(options);
	if (options_read_settings(options, NULL, err) < 0) {
		if (command->bit != COMMAND_CONFIG) {
			return -1;
		}
		log_err(err);
		options->settings_broken = 1;
	}
	if (options_parse(options, command->bit, command->name, argc, argv, err) < 0) {
		return -1;
	}
	if (options->quiet && options->verbose) {
		return err_set(err, ERR_USAGE, NULL, "leave one out",
			"--quiet and --verbose contradict each other");
	}
	for (size_t i = command->bit == COMMAND_ASK; i < options->n_argument; i++) {
		if (!options->argument[i][0]) {
			return err_set(err, ERR_USAGE, NULL, "leave it out, or name a file",
				"an argument is empty");
		}
	}
	return command->bit == COMMAND_CHAT ? check_first_word(options, err) : 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options;
	struct err err = {0};
	int status = read_options(&options, command, argc, argv, &err);

	if (status == 0 && options.help) {
		help_print(command);
		status = output_finish(&err);
	} else if (status == 0 && options.version) {
		printf("carrel %s\n", CARREL_VERSION);
		status = output_finish(&err);
	} else if (status == 0) {
		log_setup("carrel", options.quiet     ? LOG_ERROR
				    : options.verbose ? LOG_INFO
						      : LOG_NOTE);
		if (options.plain) {
			log_append_only();
		}
		status = command->run(&options, &err);
		if (status == 0) {
			status = output_finish(&err);
		}
	}
	if (status < 0 && !output_reader_left()) {
		status = report(&err, wants_json(argc, argv));
	}
	options_finish(&options);
	return output_reader_left() ? end_by_closed_pipe() : status;
}

/* carrel help [COMMAND] */
static int help(int argc, char **argv)
{
	const struct command *command = command_find(argc > 2 ? argv[2] : "");
	struct err err;

	if (argc > 3) {
		err_set(&err, ERR_USAGE, argv[3], "carrel help [COMMAND]",
			"help takes one command");
		return report(&err, 0);
	}
	if (!command) {
		err_set(&err, ERR_USAGE, argv[2], "`carrel help` lists the commands",
			"is not a command");
		return report(&err, 0);
	}
	help_print(command);
	if (output_finish(&err) == 0) {
		return 0;
	}
	return output_reader_left() ? end_by_closed_pipe() : report(&err, 0);
}

int main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;

	fill_standard_descriptors();
	ignore_write_signals();
	forbid_core_dumps();
	log_setup("carrel", LOG_NOTE);
	if (argc == 3 && strcmp(argv[1], "--generate") == 0) {
		return help_generate(argv[2]) < 0 ? ERR_USAGE : 0; /* what the build calls */
	}
	if (argc > 1 && strcmp(argv[1], "help") == 0) {
		return help(argc, argv);
	}
	if (command && command->name[0]) {
		return run(command, argc - 1, argv + 1);
	}
	return run(command_find(""), argc, argv);
}
