/* Blocks of mdoc(7): sections, lists, displays, functions, references. */
#include "loaders/format/man_mdoc.h"

#include "loaders/format/man_mdoc_names.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OFFSET = 6 };

static void heading(struct man *man, struct man_words words, int level)
{
	struct buf line = BUF_INIT, title = BUF_INIT;
	struct man_mdoc *mdoc = man->mdoc;

	for (size_t i = 0; i < words.n; i++) {
		const char *name = strcmp(words.word[i], "Nm") == 0 ? mdoc->name : NULL;

		if (name || !mdoc_is_callable(words.word[i])) {
			buf_addstr(&line, line.len ? " " : "");
			buf_addstr(&line, name ? name : words.word[i]);
		}
	}
	man_expand(man, &title, buf_str(&line), line.len);
	if (level == 1) {
		mdoc->is_synopsis = strcmp(buf_str(&title), "SYNOPSIS") == 0;

		mdoc->n_list = mdoc->n_display = 0;
	}
	man_layout_heading(
		&man->layout, level, level == 1 ? 0 : MAN_SUBINDENT, buf_str(&title), title.len);
	man->base_indent = man->body_indent = man->layout.indent = MAN_INDENT;
	buf_finish(&line);
	buf_finish(&title);
}

static enum list_kind list_kind_of(const char *word)
{
	static const struct {
		const char *name;
		enum list_kind kind;
	} kinds[] = {
		{"-bullet", LIST_BULLET},
		{"-dash", LIST_DASH},
		{"-hyphen", LIST_DASH},
		{"-enum", LIST_ENUM},
		{"-item", LIST_ITEM},
		{"-inset", LIST_INSET},
		{"-diag", LIST_INSET},
		{"-column", LIST_COLUMN},
		{"-ohang", LIST_OHANG},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(word, kinds[i].name) == 0) {
			return kinds[i].kind;
		}
	}
	return LIST_TAG;
}

/* A number with a unit, a named width, or as wide as the text. */
static int width_of(struct man *man, const char *text)
{
	struct buf expanded = BUF_INIT;
	size_t len;
	int width;

	if (strcmp(text, "indent") == 0 || strcmp(text, "Ds") == 0) {
		return OFFSET;
	}
	if (strcmp(text, "indent-two") == 0) {
		return 2 * OFFSET;
	}
	if (strcmp(text, "left") == 0) {
		return 0;
	}
	man_expand(man, &expanded, text, strlen(text));
	width = man_columns(buf_str(&expanded), expanded.len);
	man_number(buf_str(&expanded), &len, 1);
	if (len && len == expanded.len && strchr("uinmcpPv", expanded.data[len - 1])) {
		width = man_indent_of(man, text, width);
	}
	buf_finish(&expanded);
	return width;
}

static void list_begin(struct man *man, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	struct list list = {.indent = man->layout.indent, .width = -1};

	man_layout_break(&man->layout);
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.word[i];

		if (strcmp(word, "-compact") == 0) {
			list.is_compact = 1;
		} else if (strcmp(word, "-width") == 0 && i + 1 < words.n) {
			i++;
			/* -width Fl x: a macro's text */
			list.width = words.word[i][0] && mdoc_is_callable(words.word[i]) &&
						     i + 1 < words.n
					     ? width_of(man, words.word[++i]) + 1
					     : width_of(man, words.word[i]);
		} else if (strcmp(word, "-offset") == 0 && i + 1 < words.n) {
			list.indent += width_of(man, words.word[++i]);
		} else if (i == 0) {
			list.kind = list_kind_of(word);
		}
	}
	if (list.width < 0) {
		list.width = list.kind == LIST_TAG ? OFFSET + 2 : 2;
	}
	list.width += 2;
	if (list.kind == LIST_ITEM || list.kind == LIST_INSET || list.kind == LIST_COLUMN ||
		list.kind == LIST_OHANG) {
		list.width = 0;
	}
	if (mdoc->n_list < MAN_MOST_LISTS) {
		mdoc->list[mdoc->n_list] = list;
	}
	mdoc->n_list++;
}

static void list_end(struct man *man)
{
	struct man_mdoc *mdoc = man->mdoc;

	man_layout_break(&man->layout);
	if (mdoc->n_list > 0 && --mdoc->n_list < MAN_MOST_LISTS) {
		man->layout.indent = mdoc->n_list ? mdoc->list[mdoc->n_list - 1].indent +
							    mdoc->list[mdoc->n_list - 1].width
						  : man->base_indent;
	}
}

static void tag_end(struct man *man, const struct list *list)
{
	man->mdoc->is_tag_open = 0;
	man_layout_tag(&man->layout, list->indent + list->width);
	man->mdoc->glue = 0;
}

/* The cells of a row stand in words between Ta, or behind tabs. */
static void put_row(struct man *man, struct man_words words)
{
	size_t begin = 0;

	for (size_t i = 0; i <= words.n; i++) {
		if (i == words.n || strcmp(words.word[i], "Ta") == 0) {
			man_mdoc_run(man, (struct man_words){words.word + begin, i - begin});
			begin = i + 1;
			if (i < words.n) {
				man->mdoc->glue = 0;
				man_layout_word(&man->layout, "\1", 1, 0);
			}
		}
	}
}

void man_mdoc_tag_end(struct man *man)
{
	struct man_mdoc *mdoc = man->mdoc;

	if (mdoc->n_list > 0 && mdoc->n_list <= MAN_MOST_LISTS) {
		tag_end(man, &mdoc->list[mdoc->n_list - 1]);
	}
}

static void item(struct man *man, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	struct list *list, none = {.kind = LIST_TAG, .indent = MAN_INDENT, .width = OFFSET};
	char number[16];
	size_t opens = 0;

	list = mdoc->n_list && mdoc->n_list <= MAN_MOST_LISTS ? &mdoc->list[mdoc->n_list - 1]
							      : &none;
	man_layout_break(&man->layout);
	if (!list->is_compact && list->kind != LIST_COLUMN) {
		man_layout_blank(&man->layout);
	}
	man->layout.indent = list->indent;
	mdoc->glue = 0;
	switch (list->kind) {
	case LIST_BULLET:
		man_mdoc_put(man, "\xe2\x80\xa2", "", "");
		break;
	case LIST_DASH:
		man_mdoc_put(man, "-", "", "");
		break;
	case LIST_ENUM:
		snprintf(number, sizeof(number), "%d.", ++list->n % 1000000);
		man_mdoc_put(man, number, "", "");
		break;
	case LIST_COLUMN:
		put_row(man, words);
		return;
	case LIST_ITEM:
		break;
	default:
		for (size_t i = 0; i < words.n; i++) {
			opens += strcmp(words.word[i], "Xo") == 0;
			opens -= opens && strcmp(words.word[i], "Xc") == 0;
		}
		man_mdoc_run(man, words);
		if (list->kind == LIST_INSET) {
			return;
		}
		if (list->kind == LIST_OHANG) {
			man_layout_break(&man->layout);
			return;
		}
		mdoc->is_tag_open = opens > 0;
		break;
	}
	if (!mdoc->is_tag_open && (list->kind != LIST_TAG || words.n)) {
		tag_end(man, list);
	} else if (list->kind == LIST_TAG && !words.n) {
		man->layout.indent = list->indent + list->width;
	}
}

static void display_begin(struct man *man, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	int is_literal = 0, is_compact = 0, offset = 0;

	for (size_t i = 0; i < words.n; i++) {
		is_literal |= strcmp(words.word[i], "-literal") == 0 ||
			      strcmp(words.word[i], "-unfilled") == 0;
		is_compact |= strcmp(words.word[i], "-compact") == 0;
		if (strcmp(words.word[i], "-offset") == 0 && i + 1 < words.n) {
			offset = width_of(man, words.word[++i]);
		}
	}
	man_layout_break(&man->layout);
	if (!is_compact) {
		man_layout_blank(&man->layout);
	}
	if (mdoc->n_display < MAN_MOST_LISTS) {
		mdoc->display[mdoc->n_display] = man->layout.indent;
	}
	mdoc->n_display++;
	man->layout.indent += offset;
	man->layout.is_filling = !is_literal;
}

static void display_end(struct man *man)
{
	struct man_mdoc *mdoc = man->mdoc;

	man_layout_break(&man->layout);
	man->layout.is_filling = 1;
	if (mdoc->n_display > 0 && --mdoc->n_display < MAN_MOST_LISTS) {
		man->layout.indent = mdoc->display[mdoc->n_display];
	}
}

/* A line of its own, indented: .D1 and .Dl. */
static void display_line(struct man *man, struct man_words words)
{
	man_layout_break(&man->layout);
	man->layout.indent += OFFSET;
	man_mdoc_run(man, words);
	man_layout_break(&man->layout);
	man->layout.indent -= OFFSET;
}

static void title(struct man *man, struct man_words words)
{
	for (size_t i = 0; i < 2 && i < words.n; i++) {
		free(man->title[i]);
		man->title[i] = mem_strdup(words.word[i]);
	}
	if (words.n > 1 && !man->title[4]) {
		man->title[4] = mem_strdup(mdoc_volume(words.word[1]));
	}
}

/* Words joined by single spaces into one of the page's titles. */
static void title_words(struct man *man, size_t which, struct man_words words)
{
	struct buf text = BUF_INIT;
	int is_keyword = 0;

	for (size_t i = 0; i < words.n; i++) {
		if (words.word[i][0] == '$') { /* $Mdocdate: November 28 2022 $ */
			is_keyword = 1;
			continue;
		}
		buf_addstr(&text, text.len ? " " : "");
		buf_addstr(&text, words.word[i]);
		buf_addstr(&text, is_keyword && i == 2 ? "," : "");
	}
	free(man->title[which]);
	man->title[which] = buf_take(&text);
}

static void function_begin(struct man *man, struct man_words words)
{
	if (words.n) {
		man_mdoc_put(man, "", words.word[0], "(");
		man->mdoc->glue = 1;
	}
	man->mdoc->is_function = 1;
	man->mdoc->n_argument = 0;
}

static void function_end(struct man *man, struct man_words words)
{
	man->mdoc->is_function = 0;
	man->mdoc->glue = 1;
	man_mdoc_put(man, ")", "", man->mdoc->is_synopsis ? ";" : "");
	man_mdoc_run(man, words);
	if (man->mdoc->is_synopsis) {
		man_layout_break(&man->layout);
	}
}

static const char field_order[] = "ATBIJRNVUPQCDO";

/* %A, %T and their like within .Rs wait for .Re, which puts them in their order. */
static void field(struct man *man, char name, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	struct buf text = BUF_INIT;

	if (!mdoc->is_reference || !name || mdoc->n_field == MAN_MOST_FIELDS) {
		man_mdoc_run(man, words);
		return;
	}
	for (size_t i = 0; i < words.n; i++) {
		buf_addstr(&text, i ? " " : "");
		buf_addstr(&text, words.word[i]);
	}
	mdoc->field[mdoc->n_field++] =
		(struct man_mdoc_field){strchr(field_order, name) ? name : 'O', buf_take(&text)};
}

static void put_word(struct man *man, const char *text, const char *after)
{
	struct buf expanded = BUF_INIT;

	man_expand(man, &expanded, text, strlen(text));
	buf_addstr(&expanded, after);
	man_layout_text(&man->layout, buf_str(&expanded), expanded.len);
	buf_finish(&expanded);
}

/* "A, B, and C, title, journal, date." in the order of mdoc(7), whatever that of the lines. */
static void reference_end(struct man *man)
{
	struct man_mdoc *mdoc = man->mdoc;
	size_t n_author = 0, n_put = 0, author = 0;

	for (size_t i = 0; i < mdoc->n_field; i++) {
		n_author += mdoc->field[i].name == 'A';
	}
	for (const char *name = field_order; *name; name++) {
		for (size_t i = 0; i < mdoc->n_field; i++) {
			const char *after = ++n_put == mdoc->n_field ? "." : ",";

			if (mdoc->field[i].name != *name) {
				n_put--;
				continue;
			}
			author += *name == 'A';
			if (*name == 'A' && author == n_author && n_author > 1) {
				man_layout_text(&man->layout, "and", 3);
			}
			put_word(man, mdoc->field[i].text,
				*name == 'A' && n_author == 2 && author == 1 ? "" : after);
		}
	}
	man_mdoc_fields_finish(mdoc);
}

void man_mdoc_end(struct man *man)
{
	if (man->mdoc->is_reference) {
		reference_end(man);
	}
}

void man_mdoc_fields_finish(struct man_mdoc *mdoc)
{
	for (size_t i = 0; i < mdoc->n_field; i++) {
		free(mdoc->field[i].text);
	}
	mdoc->n_field = 0;
}

static void standard_sentence(struct man *man, const char *name, struct man_words words)
{
	static const char exits[] = "utility exits 0 on success, and >0 if an error occurs.";
	static const char returns[] =
		"returns the value 0 if successful; otherwise the value -1 is returned and the "
		"global variable errno is set to indicate the error.";
	const char *of = words.n > 1 ? words.word[1] : man->mdoc->name;

	man_layout_text(&man->layout, "The", 3);
	man_mdoc_put(man, "", of ? of : "", name[0] == 'R' ? "()" : "");
	if (name[0] == 'R') {
		man_layout_text(&man->layout, "function", 8);
		man_layout_text(&man->layout, returns, strlen(returns));
	} else {
		man_layout_text(&man->layout, exits, strlen(exits));
	}
}

static void operating_system(struct man *man, struct man_words words)
{
	title_words(man, 3, words);
	if (!man->title[3][0]) {
		free(man->title[3]);
		man->title[3] = mem_strdup("BSD"); /* as groff has it */
	}
}

/* What is not inline; 0 where `name` is none of them. */
int man_mdoc_block(struct man *man, const char *name, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;

	if (strcmp(name, "Sh") == 0 || strcmp(name, "Ss") == 0) {
		heading(man, words, name[1] == 'h' ? 1 : 2);
	} else if (strcmp(name, "Pp") == 0 || strcmp(name, "Lp") == 0) {
		man_layout_blank(&man->layout);
	} else if (strcmp(name, "Bl") == 0) {
		list_begin(man, words);
	} else if (strcmp(name, "El") == 0) {
		list_end(man);
	} else if (strcmp(name, "It") == 0) {
		item(man, words);
	} else if (strcmp(name, "Ta") == 0) {
		put_row(man, words);
	} else if (strcmp(name, "Bd") == 0) {
		display_begin(man, words);
	} else if (strcmp(name, "Ed") == 0) {
		display_end(man);
	} else if (strcmp(name, "D1") == 0 || strcmp(name, "Dl") == 0) {
		display_line(man, words);
	} else if (strcmp(name, "Dt") == 0) {
		title(man, words);
	} else if (strcmp(name, "Dd") == 0) {
		title_words(man, 2, words);
	} else if (strcmp(name, "Os") == 0) {
		operating_system(man, words);
	} else if (strcmp(name, "Nd") == 0) {
		man_mdoc_put(man, "\xe2\x80\x93", "", "");
		man_mdoc_run(man, words);
	} else if (strcmp(name, "Fo") == 0) {
		function_begin(man, words);
	} else if (strcmp(name, "Fc") == 0) {
		function_end(man, words);
	} else if (strcmp(name, "Rs") == 0 || strcmp(name, "Re") == 0) {
		reference_end(man);
		mdoc->is_reference = name[1] == 's';
	} else if (name[0] == '%') {
		field(man, name[1], words);
	} else if (strcmp(name, "Ex") == 0 || strcmp(name, "Rv") == 0) {
		standard_sentence(man, name, words);
	} else if (strcmp(name, "Sm") == 0) {
		mdoc->no_spaces = words.n && strcmp(words.word[0], "off") == 0;
	} else if (strcmp(name, "An") == 0 && words.n && words.word[0][0] == '-') {
		return 1;
	} else if (strcmp(name, "Lk") == 0 && words.n > 1) {
		man_mdoc_run(man, man_words_from(words, 1));
		mdoc->glue = 1;
		man_mdoc_put(man, ":", "", "");
		man_mdoc_put(man, "", words.word[0], "");
	} else {
		static const char *const quiet[] = {"Bk", "Ek", "Bf", "Ef", "Tg", "Hf", "Ud"};

		for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
			if (strcmp(name, quiet[i]) == 0) {
				return 1;
			}
		}
		return 0;
	}
	return 1;
}
