/* The requests of roff that manual pages use, and the macros that they define. */
#include "loaders/format/man_roff.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DEFINITIONS = 4096, DEEPEST = 20, LONGEST_STRING = 64 << 10 };

/* ---- definitions ---- */

static size_t bucket_of(const char *name, size_t len)
{
	size_t hash = 5381;

	for (size_t i = 0; i < len; i++) {
		hash = 33 * hash + (unsigned char)name[i];
	}
	return hash % MAN_BUCKETS;
}

static struct man_definition *find(const struct man_table *table, const char *name, size_t len)
{
	struct man_definition *at = table->bucket[bucket_of(name, len)];

	while (at && (strncmp(at->name, name, len) != 0 || at->name[len])) {
		at = at->next;
	}
	return at;
}

const struct man_definition *man_find(const struct man_table *table, const char *name, size_t len)
{
	return find(table, name, len);
}

struct man_definition *man_define(struct man_table *table, const char *name, size_t len)
{
	struct man_definition *found = find(table, name, len);
	size_t bucket = bucket_of(name, len);

	if (!found && table->n < MOST_DEFINITIONS && len) {
		found = mem_zero(1, sizeof(*found));
		found->name = mem_strndup(name, len);
		found->next = table->bucket[bucket];
		table->bucket[bucket] = found;
		table->n++;
	}
	return found;
}

static void undefine(struct man_table *table, const char *name, size_t len)
{
	struct man_definition **at = &table->bucket[bucket_of(name, len)], *gone;

	for (; *at; at = &(*at)->next) {
		if (strncmp((*at)->name, name, len) == 0 && !(*at)->name[len]) {
			gone = *at;
			*at = gone->next;
			buf_finish(&gone->text);
			free(gone->name);
			free(gone);
			table->n--;
			return;
		}
	}
}

void man_table_finish(struct man_table *table)
{
	for (size_t i = 0; i < MAN_BUCKETS; i++) {
		while (table->bucket[i]) {
			undefine(table, table->bucket[i]->name, strlen(table->bucket[i]->name));
		}
	}
}

/* ---- lines and arguments ---- */

int man_next_line(struct man_source *source, struct buf *line)
{
	buf_clear(line);
	if (source->at >= source->end) {
		return 0;
	}
	for (;;) {
		size_t left = (size_t)(source->end - source->at), len, slashes = 0;
		const char *newline = memchr(source->at, '\n', left);

		len = newline ? (size_t)(newline - source->at) : left;
		buf_add(line, source->at, len);
		source->at += newline ? len + 1 : len;
		if (line->len && line->data[line->len - 1] == '\r') {
			line->data[--line->len] = 0;
		}
		while (slashes < line->len && line->data[line->len - 1 - slashes] == '\\') {
			slashes++;
		}
		if (slashes % 2 == 0 || !newline || source->at >= source->end) {
			return 1;
		}
		line->data[--line->len] = 0; /* \ and a newline: the line goes on */
	}
}

static size_t skip_spaces(const char *line, size_t len, size_t i)
{
	while (i < len && (line[i] == ' ' || line[i] == '\t')) {
		i++;
	}
	return i;
}

/* How far a comment leaves the line: \" that is not \\". */
static size_t without_comment(const char *line, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (line[i] == '\\') {
			if (line[i + 1] == '"' || line[i + 1] == '#') {
				return i;
			}
			i++;
		}
	}
	return len;
}

void man_args_finish(struct man_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		free(args->arg[i]);
	}
	args->n = 0;
}

void man_args_split(struct man_args *args, const char *line, size_t len)
{
	struct buf arg = BUF_INIT;
	size_t i = skip_spaces(line, len, 0);

	args->n = 0;
	while (i < len && args->n < MAN_MAX_ARGS) {
		int quoted = line[i] == '"';

		for (i += (size_t)quoted; i < len; i++) {
			if (quoted && line[i] == '"') {
				if (i + 1 >= len || line[i + 1] != '"') {
					i++;
					break;
				}
				i++;
			} else if (!quoted && line[i] == ' ') {
				break;
			} else if (line[i] == '\\' && i + 1 < len) {
				buf_addch(&arg, line[i++]);
			}
			buf_addch(&arg, line[i]);
		}
		args->arg[args->n++] = buf_take(&arg);
		i = skip_spaces(line, len, i);
	}
	buf_finish(&arg);
}

/* ---- requests ---- */

/* The lines up to ".." or ".NAME" of what is defined or ignored, one level of copying undone. */
static void take_body(struct man_source *source, const char *end, struct buf *body)
{
	struct buf line = BUF_INIT;

	while (man_next_line(source, &line)) {
		const char *at = buf_str(&line);
		size_t i = at[0] == '.' ? skip_spaces(at, line.len, 1) : 0;

		if (at[0] == '.' && strncmp(at + i, end, strlen(end)) == 0 &&
			(!at[i + strlen(end)] || at[i + strlen(end)] == ' ')) {
			break;
		}
		for (i = 0; body && i < line.len; i++) {
			buf_addch(body, at[i]);
			i += at[i] == '\\' && at[i + 1] == '\\';
		}
		if (body) {
			buf_addch(body, '\n');
		}
	}
	buf_finish(&line);
}

static void request_define(
	struct man *man, struct man_source *source, const char *name, struct man_args *args)
{
	const char *end = args->n > 1 ? args->arg[1] : ".";
	struct man_definition *macro =
		args->n ? man_define(&man->macros, args->arg[0], strlen(args->arg[0])) : NULL;

	if (macro && name[0] == 'd') {
		buf_clear(&macro->text);
	}
	take_body(source, end, macro ? &macro->text : NULL);
}

/* .ds NAME text to the end of the line, a leading quotation mark left out. */
static void request_string(struct man *man, const char *name, const char *rest, size_t len)
{
	size_t begin = skip_spaces(rest, len, 0), end = begin;
	struct man_definition *string;

	while (end < len && rest[end] != ' ' && rest[end] != '\t') {
		end++;
	}
	string = man_define(&man->strings, rest + begin, end - begin);
	if (!string) {
		return;
	}
	begin = skip_spaces(rest, len, end);
	begin += begin < len && rest[begin] == '"';
	if (name[0] == 'd') {
		buf_clear(&string->text);
	}
	for (size_t i = begin; i < len && string->text.len < LONGEST_STRING; i++) {
		buf_addch(&string->text, rest[i]);
		i += rest[i] == '\\' && i + 1 < len && rest[i + 1] == '\\';
	}
}

/* Sums of registers never overflow. */
static int64_t within_bounds(int64_t number)
{
	const int64_t most = INT32_MAX;

	return number > most ? most : number < -most ? -most : number;
}

static void request_register(struct man *man, const struct man_args *args)
{
	struct buf value = BUF_INIT;
	struct man_definition *number;
	size_t len;

	if (args->n < 2) {
		return;
	}
	number = man_define(&man->registers, args->arg[0], strlen(args->arg[0]));
	if (number) {
		const char *at;

		man_expand(man, &value, args->arg[1], strlen(args->arg[1]));
		at = buf_str(&value);
		if (at[0] == '+' || at[0] == '-') {
			number->number += man_number(at, &len, 0);
		} else {
			number->number = man_number(at, &len, 0);
		}
		number->number = within_bounds(number->number);
		if (args->n > 2) {
			man_expand(man, &value, args->arg[2], strlen(args->arg[2]));
			number->step = within_bounds(man_number(buf_str(&value), &len, 0));
		}
	}
	buf_finish(&value);
}

/* How many \{ are still open after this line, `open` before it. */
static int open_blocks(const char *line, size_t len, int open)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (line[i] == '\\') {
			open += line[i + 1] == '{' ? 1 : line[i + 1] == '}' ? -1 : 0;
			i++;
		}
	}
	return open;
}

static void text_line(struct man *man, const char *line, size_t len)
{
	struct buf text = BUF_INIT;
	int continues = man_expand(man, &text, line, len);

	if (!text.len && !len) {
		man_layout_blank(&man->layout);
	} else {
		man_layout_text(&man->layout, buf_str(&text), text.len);
	}
	man->layout.glue = continues;
	man_layout_input_end(&man->layout);
	if (man->center_lines > 0 && --man->center_lines >= 0) {
		man_layout_break(&man->layout);
	}
	buf_finish(&text);
}

/* What a condition governs: the rest of its line, or a block to its \}. */
static void conditional(
	struct man *man, struct man_source *source, const char *rest, size_t len, int runs)
{
	struct buf line = BUF_INIT;
	size_t begin = skip_spaces(rest, len, 0);
	int open = open_blocks(rest, len, 0);

	if (runs) { /* \{ and \} show nothing: the lines of the block run as they come */
		while (begin + 1 < len && rest[begin] == '\\' && rest[begin + 1] == '{') {
			begin = skip_spaces(rest, len, begin + 2);
		}
		if (begin < len && man->n_condition < DEEPEST) {
			man->n_condition++;
			man_line(man, source, rest + begin, len - begin);
			man->n_condition--;
		} else if (begin < len) {
			text_line(man, rest + begin, len - begin);
		}
		return;
	}
	while (open > 0 && man_next_line(source, &line)) {
		open = open_blocks(buf_str(&line), line.len, open);
	}
	buf_finish(&line);
}

static void request_if(
	struct man *man, struct man_source *source, const char *name, const char *rest, size_t len)
{
	size_t taken = 0;
	int runs = man->else_runs;

	if (strcmp(name, "el") != 0) {
		runs = man_condition(man, rest, len, &taken);
		man->else_runs = name[1] == 'e' ? !runs : man->else_runs;
	}
	conditional(man, source, rest + taken, len - taken, runs);
}

/* .tr %.  shows each % as a full stop; escapes are left as they are. */
static void request_translate(struct man *man, const struct man_args *args)
{
	const char *pairs = args->n ? args->arg[0] : "";

	for (size_t i = 0; i < sizeof(man->translation) && !man->is_translating; i++) {
		man->translation[i] = (char)i;
	}
	man->is_translating = 1;
	for (; pairs[0] && (pairs[0] & 0x80) == 0 && pairs[0] != '\\'; pairs += 2) {
		if (!pairs[1] || pairs[1] == '\\' || pairs[1] & 0x80) {
			return;
		}
		man->translation[(unsigned char)pairs[0]] = pairs[1];
	}
}

static void request_alias(struct man *man, const struct man_args *args)
{
	const struct man_definition *old;
	struct man_definition *alias;

	if (args->n < 2) {
		return;
	}
	old = man_find(&man->macros, args->arg[1], strlen(args->arg[1]));
	alias = man_define(&man->macros, args->arg[0], strlen(args->arg[0]));
	if (alias && alias != old) {
		buf_clear(&alias->text);
		if (old) {
			buf_add(&alias->text, buf_str(&old->text), old->text.len);
		} else {
			buf_printf(&alias->text, ".%s \\$@\n", args->arg[1]);
		}
	}
}

static int is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(name, *list) == 0) {
			return 1;
		}
	}
	return 0;
}

static void request_remove(struct man *man, const struct man_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		undefine(&man->macros, args->arg[i], strlen(args->arg[i]));
		undefine(&man->strings, args->arg[i], strlen(args->arg[i]));
	}
}

static void request_indent(struct man *man, const struct man_args *args)
{
	man_layout_break(&man->layout);
	if (args->n && (args->arg[0][0] == '+' || args->arg[0][0] == '-')) {
		man->layout.indent += man_indent_of(man, args->arg[0], 0);
	} else {
		man->layout.indent = args->n ? man_indent_of(man, args->arg[0], man->body_indent)
					     : man->body_indent;
	}
}

/* Those of roff itself that matter to text; the rest sets type, and is passed over. */
static int request(struct man *man, struct man_source *source, const char *name,
	struct man_args *args, const char *rest, size_t len)
{
	static const char *const defining[] = {"de", "de1", "dei", "am", "am1", "ami", NULL};
	static const char *const breaking[] = {"br", "ti", "bp", "brp", "fl", NULL};
	static const char *const nothing[] = {"ad", "af", "bd", "c2", "char", "ch", "cs", "da",
		"di", "ds1", "ec", "em", "eo", "ev", "fam", "fchar", "fp", "ft", "hc", "hw", "hy",
		"hla", "hlm", "hpf", "it", "kern", "lf", "lg", "ll", "ls", "lt", "mk", "mso", "na",
		"ne", "nh", "nm", "nn", "ns", "nx", "pi", "pl", "pm", "pn", "po", "ps", "pso",
		"rchar", "rj", "rs", "rt", "schar", "shc", "ss", "sv", "sy", "ta", "tc", "tl", "tm",
		"tmc", "trf", "trin", "vs", "wh", "warn", "write", "open", "close", "nroff",
		"troff", "device", "ab", "ex", "\\\"", NULL};

	if (is_one_of(name, defining)) {
		request_define(man, source, name, args);
	} else if (strcmp(name, "ig") == 0) {
		take_body(source, args->n ? args->arg[0] : ".", NULL);
	} else if (strcmp(name, "ds") == 0 || strcmp(name, "as") == 0) {
		request_string(man, name, rest, len);
	} else if (strcmp(name, "nr") == 0) {
		request_register(man, args);
	} else if (strcmp(name, "rm") == 0) {
		request_remove(man, args);
	} else if (strcmp(name, "als") == 0) {
		request_alias(man, args);
	} else if (strcmp(name, "if") == 0 || strcmp(name, "ie") == 0 || strcmp(name, "el") == 0) {
		request_if(man, source, name, rest, len);
	} else if (strcmp(name, "while") == 0) {
		conditional(man, source, rest, len, 0); /* no page says anything in a loop */
	} else if (strcmp(name, "tr") == 0) {
		request_translate(man, args);
	} else if (strcmp(name, "cc") == 0) {
		man->control = (char)(args->n && args->arg[0][0] ? args->arg[0][0] : '.');
	} else if (strcmp(name, "nop") == 0) {
		text_line(man, rest, len);
	} else if (strcmp(name, "so") == 0) {
		man_layout_break(&man->layout);
		if (args->n) {
			man_layout_text(&man->layout, "See", 3);
			man_layout_text(&man->layout, args->arg[0], strlen(args->arg[0]));
		}
		man_layout_break(&man->layout);
	} else if (strcmp(name, "sp") == 0) {
		man_layout_blank(&man->layout);
	} else if (strcmp(name, "nf") == 0 || strcmp(name, "fi") == 0) {
		man_layout_break(&man->layout);
		man->layout.is_filling = name[0] == 'f';
	} else if (strcmp(name, "in") == 0) {
		request_indent(man, args);
	} else if (strcmp(name, "ce") == 0) {
		man_layout_break(&man->layout);
		man->center_lines = args->n ? man_indent_of(man, args->arg[0], 1) : 1;
	} else if (is_one_of(name, breaking)) {
		man_layout_break(&man->layout);
	} else {
		return is_one_of(name, nothing);
	}
	return 1;
}

static void call_macro(struct man *man, const struct man_definition *macro, struct man_args *args)
{
	struct man_args *outer = man->call;
	struct man_source body;
	struct buf copy = BUF_INIT; /* it may redefine itself */

	if (man->depth >= DEEPEST || macro->text.len + 64 > man->budget_bytes) {
		man->is_cut = 1;
		return;
	}
	man->budget_bytes -= macro->text.len + 64;
	man->depth++;
	man->call = args;
	buf_add(&copy, buf_str(&macro->text), macro->text.len);
	body = (struct man_source){copy.data, copy.data + copy.len};
	man_run(man, &body);
	buf_finish(&copy);
	man->call = outer;
	man->depth--;
}

static void control_line(struct man *man, struct man_source *source, const char *line, size_t len)
{
	size_t begin = skip_spaces(line, len, 1), end, name_len;
	const struct man_definition *macro;
	struct man_args args;
	char name[64];

	len = without_comment(line, len);
	for (end = begin;
		end < len && line[end] != ' ' && line[end] != '\t' &&
		!(end > begin && line[end] == '\\' && end + 1 < len && line[end + 1] == '{');
		end++) {
	}
	name_len = end - begin;
	if (begin >= len || !name_len || name_len >= sizeof(name)) {
		return;
	}
	memcpy(name, line + begin, name_len);
	name[name_len] = 0;
	man_args_split(&args, line + end, len - end);
	macro = man_find(&man->macros, name, name_len);
	if (macro) {
		/* Arguments of arguments are expanded where they were written. */
		if (man->call) {
			struct buf expanded = BUF_INIT;

			for (size_t i = 0; i < args.n; i++) {
				man_expand(man, &expanded, args.arg[i], strlen(args.arg[i]));
				free(args.arg[i]);
				args.arg[i] = buf_take(&expanded);
			}
		}
		call_macro(man, macro, &args);
	} else if (!(man->mdoc ? man_mdoc_macro : man_macro)(man, source, name, &args)) {
		request(man, source, name, &args, line + end, len - end);
	}
	man_args_finish(&args);
}

/* A macro's arguments take their places before its line is looked at. */
static void put_arguments(struct man *man, struct buf *out, const char *line, size_t len)
{
	struct buf arg = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\\' && i + 2 < len && line[i + 1] == '$' &&
			man->budget_bytes > len) {
			/* \$1, \$*; of two digits and names: \$(12, \$[name] */
			size_t n = line[i + 2] == '(' ? 5 : 3;

			man_expand(man, &arg, line + i, n < len - i ? n : len - i);
			buf_add(out, buf_str(&arg), arg.len);
			i += n - 1;
		} else {
			buf_addch(out, line[i]);
		}
	}
	buf_finish(&arg);
}

static void any_line(struct man *man, struct man_source *source, const char *line, size_t len)
{
	if (len &&
		(line[0] == man->control || (line[0] == '\'' && !(len > 1 && line[1] == '\t')))) {
		control_line(man, source, line, len);
	} else {
		size_t end = without_comment(line, len);

		if (end || !len) {
			text_line(man, line, end);
		}
	}
}

void man_line(struct man *man, struct man_source *source, const char *line, size_t len)
{
	int was_tag_next = man->is_tag_next;

	if (man->call && memmem(line, len, "\\$", 2)) {
		struct buf own = BUF_INIT;

		put_arguments(man, &own, line, len);
		any_line(man, source, buf_str(&own), own.len);
		buf_finish(&own);
	} else {
		any_line(man, source, line, len);
	}
	if (was_tag_next && man->is_tag_next && !man_layout_is_empty(&man->layout) &&
		!man->layout.glue) {
		man->is_tag_next = 0;
		man_layout_tag(&man->layout, man->body_indent);
	}
}

void man_run(struct man *man, struct man_source *source)
{
	struct buf line = BUF_INIT;

	while (man_next_line(source, &line)) {
		man_line(man, source, buf_str(&line), line.len);
	}
	buf_finish(&line);
}
