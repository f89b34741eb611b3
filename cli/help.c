/* --help and the completions, from the same tables as the manual pages (cli/manual.h). */
#include "cli/commands.h"

#include "base/mem.h"
#include "cli/manual.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/shared.h"
#include "session/catalogue.h"
#include "tui/theme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Print text folded at `width`, each line after the first behind `indent` spaces. */
static void print_folded(const char *text, int indent, int width)
{
	int column = indent;

	for (const char *word = text; *word;) {
		int len = (int)strcspn(word, " ");

		if (column > indent && column + 1 + len > width) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", len, word);
		column += len;
		word += len;
		word += strspn(word, " ");
	}
	putchar('\n');
}

static void option_title(const struct option_row *row, struct buf *out)
{
	if (row->letter) {
		buf_printf(out, "-%c, ", row->letter);
	} else {
		buf_addstr(out, "    ");
	}
	buf_printf(out, "--%s", row->name);
	if (row->argument) {
		buf_printf(out, " %s", row->argument);
	}
}

/* A long list of choices goes on, behind a |, under its first one. */
static void print_title(const char *title)
{
	const char *choices = strrchr(title, ' ');
	int indent = choices ? (int)(choices + 3 - title) : 0, column = 2;

	if (!strchr(title, '|') || strlen(title) < 90) {
		printf("  %-28s ", title);
		return;
	}
	printf("  ");
	while (*title) {
		int len = (int)strcspn(title, "|");

		len += title[len] == '|';
		if (column > indent && column + len > 100) {
			printf("\n%*s", indent, "");
			column = indent;
		}
		printf("%.*s", len, title);
		column += len;
		title += len;
	}
}

static void print_options(enum command_bit bit)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		struct buf title = BUF_INIT, text = BUF_INIT;

		if (!(row->commands & bit)) {
			continue;
		}
		option_title(row, &title);
		print_title(buf_str(&title));
		if (title.len > 28) {
			printf("\n%*s", 31, "");
		}
		buf_addstr(&text, row->help);
		if (row->fallback) {
			buf_printf(&text, " (default: %s)", row->fallback);
		}
		print_folded(buf_str(&text), 31, 100);
		buf_finish(&title);
		buf_finish(&text);
	}
}

void help_print(const struct command *command)
{
	printf("usage: carrel%s%s %s\n", command->name[0] ? " " : "", command->name,
		command->arguments);
	if (command->name[0]) {
		printf("\n%s\n", command->help);
	} else {
		for (size_t i = 0; i < command_count(); i++) {
			const struct command *other = &command_table[i];

			if (other->name[0]) {
				printf("       carrel %s %s\n", other->name, other->arguments);
			}
		}
		printf("\nAsk a model that runs on this machine about your own files.\n\n"
		       "Commands:\n");
		for (size_t i = 0; i < command_count(); i++) {
			const struct command *other = &command_table[i];

			printf("  %-10s %s\n", other->name[0] ? other->name : "(none)",
				other->help);
		}
	}
	printf("\nOptions:\n");
	print_options(command->bit);
	if (!command->name[0]) {
		printf("\n`carrel COMMAND --help`, or `carrel help COMMAND`, shows the options of "
		       "a command; see carrel(1).\n");
	}
}

/* ---- completions ---- */

/* Values that only the program knows: the form of --generate that lists them; NULL for others. */
static const char *names_of(const struct option_row *row)
{
	static const struct {
		const char *option, *form;
	} named[] = {
		{"embed", "model-names"},
		{"model", "model-names"},
		{"session", "session-names"},
		{"theme", "theme-names"},
	};

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (strcmp(row->name, named[i].option) == 0) {
			return named[i].form;
		}
	}
	return NULL;
}

/* A path is as good as a name. */
static int may_be_path(const struct option_row *row)
{
	return strstr(row->argument, "FILE") || strstr(row->argument, "PATH") ||
	       strstr(row->argument, "MODEL");
}

static void print_session_names(void)
{
	struct catalogue catalogue;

	if (catalogue_read(&catalogue, NULL) < 0) {
		return;
	}
	for (size_t i = 0; i < catalogue.n_session; i++) {
		output_line("%s", catalogue.session[i].name[0] ? catalogue.session[i].name
							       : catalogue.session[i].id);
	}
	catalogue_finish(&catalogue);
}

static void print_model_names(void)
{
	struct registry registry;

	registry_read(&registry);
	for (size_t i = 0; i < registry.n_model; i++) {
		output_line("%s", registry.model[i].name);
	}
	registry_finish(&registry);
}

static void print_theme_names(void)
{
	char *folder = shared_folder("themes", "dark.theme"), *name;

	for (size_t i = 0; (name = theme_name(folder, i)) != NULL; i++) {
		output_line("%s", name);
		free(name);
	}
	free(folder);
}

static int is_choice(const struct option_row *row)
{
	return row->kind == OPTION_CHOICE;
}

static void print_words(const char *choices)
{
	for (; *choices; choices++) {
		putchar(*choices == '|' ? ' ' : *choices);
	}
}

/* The options that take names, each form once: an option stands in several rows. */
static void bash_names(void)
{
	printf("\t-s|--session) _carrel_names session-names; return ;;\n"
	       "\t--theme) _carrel_names theme-names; return ;;\n"
	       "\t-m|--model|--embed)\n\t\tcompopt -o filenames 2>/dev/null\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\t\t_carrel_names model-names\n\t\treturn ;;\n");
}

static void generate_bash(void)
{
	printf("# bash completion for carrel\n_carrel_names()\n{\n\tlocal name\n"
	       "\twhile read -r name; do\n"
	       "\t\t[[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %%q \"$name\")\")\n"
	       "\tdone < <(carrel --generate \"$1\" 2>/dev/null)\n}\n\n_carrel()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal options=\n\tCOMPREPLY=()\n\tcase $prev in\n");
	for (size_t i = 0; i < option_count(); i++) {
		if (is_choice(&option_table[i])) {
			printf("\t--%s) COMPREPLY=($(compgen -W '", option_table[i].name);
			print_words(option_table[i].argument);
			printf("' -- \"$cur\")); return ;;\n");
		}
	}
	bash_names();
	printf("\tesac\n\tcase ${COMP_WORDS[1]} in\n");
	for (size_t k = command_count(); k-- > 0;) {
		printf("\t%s) options='", command_table[k].name[0] ? command_table[k].name : "*");
		for (size_t i = 0; i < option_count(); i++) {
			if (option_table[i].commands & command_table[k].bit) {
				printf("--%s ", option_table[i].name);
			}
		}
		printf("' ;;\n");
	}
	printf("\tesac\n\tif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	       "\t\treturn\n\tfi\n\tcompopt -o filenames 2>/dev/null\n"
	       "\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\tif [[ $COMP_CWORD == 1 ]]; then\n\t\tCOMPREPLY+=($(compgen -W '");
	for (size_t k = 0; k < command_count(); k++) {
		printf("%s ", command_table[k].name);
	}
	printf("' -- \"$cur\"))\n\tfi\n");
	for (size_t k = 0; k < command_count(); k++) {
		if (command_table[k].subcommands) {
			printf("\tif [[ $COMP_CWORD == 2 && ${COMP_WORDS[1]} == %s ]]; then\n"
			       "\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n\tfi\n",
				command_table[k].name, command_table[k].subcommands);
		}
	}
	printf("\tif [[ $COMP_CWORD -gt 2 && ${COMP_WORDS[1]} == sessions ]]; then\n"
	       "\t\tCOMPREPLY=()\n\t\t_carrel_names session-names\n\tfi\n"
	       "}\ncomplete -F _carrel carrel\n");
}

/* In single quotes; a quote ends them, stands escaped, and begins them again. */
static void print_quoted(const char *text, const char *also)
{
	for (; *text; text++) {
		if (*text == '\'') {
			printf("'\\''");
		} else if (strchr(also, *text)) {
			printf("\\%c", *text);
		} else {
			putchar(*text);
		}
	}
}

static void zsh_names(const char *form, int or_files)
{
	printf("{compadd -- ${(f)\"$(carrel --generate %s 2>/dev/null)\"}%s}", form,
		or_files ? "; _files" : "");
}

static void zsh_option(const struct option_row *row)
{
	printf("\t\t\t");
	if (row->letter) {
		printf("'(-%c --%s)'{-%c,--%s}'[", row->letter, row->name, row->letter, row->name);
	} else {
		printf("'--%s[", row->name);
	}
	print_quoted(row->help, "[]:\\");
	putchar(']');
	if (row->argument) {
		printf(":%s:", row->name);
		if (is_choice(row)) {
			putchar('(');
			print_words(row->argument);
			putchar(')');
		} else if (names_of(row)) {
			zsh_names(names_of(row), may_be_path(row));
		} else if (may_be_path(row)) {
			printf("_files");
		}
	}
	printf("' \\\n");
}

static void generate_zsh(void)
{
	printf("#compdef carrel\n# zsh completion for carrel\n_carrel() {\n"
	       "\tlocal -a commands\n\tcommands=(\n");
	for (size_t k = 0; k < command_count(); k++) {
		if (command_table[k].name[0]) {
			printf("\t\t'%s:", command_table[k].name);
			print_quoted(command_table[k].help, ":");
			printf("'\n");
		}
	}
	printf("\t)\n\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	       "\t\t_describe command commands\n\t\t_files\n\t\treturn\n\tfi\n"
	       "\tcase $words[2] in\n");
	for (size_t k = command_count(); k-- > 0;) {
		printf("\t%s)\n\t\t_arguments \\\n",
			command_table[k].name[0] ? command_table[k].name : "*");
		for (size_t i = 0; i < option_count(); i++) {
			const struct option_row *row = &option_table[i];

			if (row->commands & command_table[k].bit) {
				zsh_option(row);
			}
		}
		if (command_table[k].subcommands) {
			printf("\t\t\t'2:subcommand:(%s)' \\\n", command_table[k].subcommands);
		}
		if (command_table[k].bit == COMMAND_SESSIONS) {
			printf("\t\t\t'*:session:");
			zsh_names("session-names", 1);
			printf("'\n\t\t;;\n");
		} else {
			printf("\t\t\t'*:file:_files'\n\t\t;;\n");
		}
	}
	printf("\tesac\n}\n_carrel \"$@\"\n");
}

/* __carrel_in COMMAND...: whether one of them is being typed; "chat" where there is none. */
static void fish_function(void)
{
	printf("function __carrel_in\n\tset -l words (commandline -opc)\n"
	       "\tset -l command chat\n\tif contains -- \"$words[2]\"");
	for (size_t k = 0; k < command_count(); k++) {
		if (command_table[k].name[0]) {
			printf(" %s", command_table[k].name);
		}
	}
	printf("\n\t\tset command $words[2]\n\tend\n\tcontains -- $command $argv\nend\n");
}

static void generate_fish(void)
{
	printf("# fish completion for carrel\n");
	fish_function();
	for (size_t k = 0; k < command_count(); k++) {
		if (command_table[k].name[0]) {
			printf("complete -c carrel -n __fish_use_subcommand -a %s -d '",
				command_table[k].name);
			print_quoted(command_table[k].help, "");
			printf("'\n");
		}
		if (command_table[k].subcommands) {
			printf("complete -c carrel -n '__carrel_in %s' -a '%s'\n",
				command_table[k].name, command_table[k].subcommands);
		}
	}
	printf("complete -c carrel -n '__carrel_in sessions' -a "
	       "'(carrel --generate session-names 2>/dev/null)'\n");
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		printf("complete -c carrel -n '__carrel_in");
		for (size_t k = 0; k < command_count(); k++) {
			if (row->commands & command_table[k].bit) {
				printf(" %s", manual_command_name(&command_table[k]));
			}
		}
		printf("' -l %s", row->name);
		if (row->letter) {
			printf(" -s %c", row->letter);
		}
		if (row->argument) {
			printf(" -r");
		}
		if (is_choice(row)) {
			printf(" -f -a '");
			print_words(row->argument);
			printf("'");
		} else if (names_of(row)) {
			printf("%s -a '(carrel --generate %s 2>/dev/null)'",
				may_be_path(row) ? "" : " -f", names_of(row));
		}
		printf(" -d '");
		print_quoted(row->help, "");
		printf("'\n");
	}
}

int help_generate(const char *form)
{
	static const struct {
		const char *name;
		void (*generate)(void);
	} forms[] = {
		{"bash", generate_bash},
		{"commands", manual_commands},
		{"fish", generate_fish},
		{"keys", manual_keys},
		{"man", manual_options},
		{"model-names", print_model_names},
		{"session-names", print_session_names},
		{"settings", manual_settings},
		{"synopsis", manual_synopsis},
		{"theme-names", print_theme_names},
		{"zsh", generate_zsh},
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(forms[i].name, form) == 0) {
			forms[i].generate();
			return 0;
		}
	}
	return -1;
}
