#include "cli/manual.h"

#include "base/mem.h"
#include "session/command_table.h"
#include "tui/keys.h"

#include <stdio.h>
#include <string.h>

const char *manual_command_name(const struct command *command)
{
	return command->name[0] ? command->name : "chat";
}

/* ---- carrel(1) ---- */

/* scdoc's own marks are escaped. */
static void print_scdoc(const char *text)
{
	for (; *text; text++) {
		if (strchr("\\_*#<`", *text)) {
			putchar('\\');
		}
		putchar(*text);
	}
}

void manual_synopsis(void)
{
	printf("# SYNOPSIS\n\n");
	for (size_t i = 0; i < command_count(); i++) {
		printf("*carrel%s%s* ", command_table[i].name[0] ? " " : "", command_table[i].name);
		print_scdoc(command_table[i].arguments);
		printf("%s\n", i + 1 < command_count() ? "++" : "");
	}
}

void manual_options(void)
{
	printf("# COMMANDS\n\n");
	for (size_t i = 0; i < command_count(); i++) {
		printf("*carrel%s%s* ", command_table[i].name[0] ? " " : "", command_table[i].name);
		print_scdoc(command_table[i].arguments);
		printf("\n\t");
		print_scdoc(command_table[i].help);
		printf(".\n\n");
	}
	printf("*carrel help* [COMMAND]\n\tshow how to use carrel, or a command of it, as --help "
	       "does.\n\n");
	printf("# OPTIONS\n\nEach option stands with the commands that take it, \"chat\" being "
	       "carrel without a command. Behind a whole number K means 1,024, M "
	       "1,048,576 and G 1,073,741,824.\n\n");
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		const char *comma = "";

		if (row->letter) {
			printf("*-%c*, ", row->letter);
		}
		printf("*--%s*", row->name);
		if (row->argument) {
			putchar(' ');
			print_scdoc(row->argument);
		}
		printf("\n\t");
		print_scdoc(row->help);
		if (row->fallback) {
			printf(" (default: %s)", row->fallback);
		}
		printf(".\n\tCommands: ");
		if ((row->commands & COMMAND_ALL) == COMMAND_ALL) {
			printf("all");
		}
		for (size_t k = 0; k < command_count() && row->commands != COMMAND_ALL; k++) {
			if (row->commands & command_table[k].bit) {
				printf("%s%s", comma, manual_command_name(&command_table[k]));
				comma = ", ";
			}
		}
		printf(".%s\n\n", row->memory ? " Also a setting." : "");
	}
}

/* ---- carrel-config(5) ---- */

void manual_settings(void)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		if (!row->memory) {
			continue;
		}
		printf("*%s* = ", option_setting_name(row));
		print_scdoc(row->kind == OPTION_FLAG ? "yes|no" : row->argument);
		printf("\n\t");
		print_scdoc(row->help);
		printf(" (default: %s).%s%s\n\n",
			row->fallback              ? row->fallback
			: row->kind == OPTION_FLAG ? "no"
						   : "none",
			row->kind == OPTION_LIST ? " May stand on several lines." : "",
			row->memory == MEMORY_SESSION ? " A session remembers it." : "");
	}
}

/* ---- carrel-keys(7) ---- */

static const struct {
	enum view_bit bit;
	const char *title, *name;
} views[] = {
	{VIEW_CHAT, "The conversation", "the conversation"},
	{VIEW_SOURCES, "The sources", "the sources"},
	{VIEW_READER, "A source", "a source"},
	{VIEW_TREE, "The tree of turns", "the tree of turns"},
	{VIEW_SESSIONS, "The sessions", "the sessions"},
	{VIEW_ENGINE, "The engine", "the engine"},
	{VIEW_LOG, "The log", "the log"},
	{VIEW_HELP, "Help", "help"},
	{VIEW_FIND, "What was found", "what was found"},
};

/* The views that a row of nearly all of them lacks: more than one, and it is theirs that have it. */
static int is_everywhere(const struct key_row *row)
{
	int lacking = VIEW_ALL & ~row->views;

	return (lacking & (lacking - 1)) == 0;
}

static void print_key_row(const struct key_row *row, int is_of_view)
{
	printf("*");
	print_scdoc(row->keys);
	printf("* (%s)\n\t", row->name);
	print_scdoc(row->help);
	for (size_t i = 0; i < ARRAY_LEN(views) && !is_of_view; i++) {
		if (!(row->views & views[i].bit)) {
			printf("; not in %s", views[i].name);
		}
	}
	printf(".\n\n");
}

static void print_everywhere(enum key_when when, const char *title)
{
	printf("## %s\n\n", title);
	for (size_t i = 1; i < ACTION_COUNT; i++) {
		if (key_table[i].when == when && is_everywhere(&key_table[i])) {
			print_key_row(&key_table[i], 0);
		}
	}
}

void manual_keys(void)
{
	print_everywhere(KEYS_ALWAYS, "Everywhere, also while a question is being typed");
	print_everywhere(KEYS_BROWSE, "Everywhere, while browsing");
	for (size_t k = 0; k < ARRAY_LEN(views); k++) {
		int n_row = 0;

		for (size_t i = 1; i < ACTION_COUNT; i++) {
			const struct key_row *row = &key_table[i];

			if (!(row->views & views[k].bit) || is_everywhere(row)) {
				continue;
			}
			if (!n_row++) {
				printf("## %s\n\n", views[k].title);
			}
			print_key_row(row, 1);
		}
	}
}

void manual_commands(void)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		printf("*/%s*%s", row->name, row->argument[0] ? " " : "");
		print_scdoc(row->argument);
		printf("\n\t");
		print_scdoc(row->help);
		printf(".%s\n\n", row->where & SLASH_LINE ? "" : " In the workbench only.");
	}
}
