/*
 * The macros of mdoc(7). A line is a list of words, some of which are macros themselves ("callable");
 * punctuation that stands alone sticks to its neighbour.
 */
#include "loaders/format/man_mdoc.h"

#include "loaders/format/man_mdoc_names.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 24 };

struct man_mdoc *man_mdoc_create(void)
{
	return mem_zero(1, sizeof(struct man_mdoc));
}

void man_mdoc_destroy(struct man_mdoc *mdoc)
{
	if (mdoc) {
		man_mdoc_fields_finish(mdoc);
		free(mdoc->name);
		free(mdoc);
	}
}

/* ---- words ---- */

static int is_closing(const char *word)
{
	return word[0] && !word[1] && strchr(".,:;)]?!", word[0]);
}

static int is_opening(const char *word)
{
	return word[0] && !word[1] && strchr("([", word[0]);
}

/* One word; `decorated` around it. */
void man_mdoc_put(struct man *man, const char *before, const char *word, const char *after)
{
	struct man_mdoc *mdoc = man->mdoc;
	struct buf text = BUF_INIT, whole = BUF_INIT;

	man_expand(man, &text, word, strlen(word));
	buf_addstr(&whole, before);
	buf_add(&whole, buf_str(&text), text.len);
	buf_addstr(&whole, after);
	if (!man->layout.is_filling && !mdoc->glue && !man->layout.glue &&
		!man_layout_is_empty(&man->layout)) {
		buf_clear(&text);
		buf_addch(&text, ' ');
		buf_add(&text, buf_str(&whole), whole.len);
		man_layout_word(&man->layout, buf_str(&text), text.len, 1);
	} else if (whole.len) {
		man_layout_word(&man->layout, whole.data, whole.len, mdoc->glue);
	}
	mdoc->glue = mdoc->no_spaces;
	buf_finish(&text);
	buf_finish(&whole);
}

/* A word that is no macro: punctuation sticks. */
static void put_plain(struct man *man, const char *before, const char *word, const char *after)
{
	if (is_closing(word)) {
		man->mdoc->glue = 1;
		man_mdoc_put(man, "", word, "");
	} else if (is_opening(word)) {
		man_mdoc_put(man, "", word, "");
		man->mdoc->glue = 1;
	} else if (strcmp(word, "|") == 0) {
		man_mdoc_put(man, "", word, "");
	} else {
		man_mdoc_put(man, before, word, after);
	}
}

/* ---- lines ---- */

/* How many words at the end are closing punctuation. */
static size_t closing_tail(struct man_words words)
{
	size_t n = 0;

	while (n < words.n && is_closing(words.word[words.n - 1 - n])) {
		n++;
	}
	return n;
}

struct man_words man_words_from(struct man_words words, size_t i)
{
	return (struct man_words){words.word + i, words.n - i};
}

/* "[" the rest of the line "]", closing punctuation outside. */
static void enclose(struct man *man, const char *open, const char *close, struct man_words words)
{
	size_t tail = closing_tail(words);

	man_mdoc_put(man, open, "", "");
	man->mdoc->glue = 1;
	man_mdoc_run(man, (struct man_words){words.word, words.n - tail});
	man->mdoc->glue = 1;
	man_mdoc_put(man, close, "", "");
	man_mdoc_run(man, man_words_from(words, words.n - tail));
}

/* The words up to the next macro, each decorated; returns how many were taken. */
static size_t put_arguments(
	struct man *man, struct man_words words, const char *before, const char *after)
{
	size_t i = 0;

	while (i < words.n && !mdoc_is_callable(words.word[i])) {
		put_plain(man, before, words.word[i++], after);
	}
	return i;
}

/* .Fn name "type arg" "type arg" -> name(type arg, type arg) */
static size_t put_function(struct man *man, struct man_words words)
{
	size_t i = 1;

	if (!words.n) {
		return 0;
	}
	man_mdoc_put(man, "", words.word[0], "(");
	man->mdoc->glue = 1;
	for (; i < words.n && !is_closing(words.word[i]) && !mdoc_is_callable(words.word[i]); i++) {
		int is_last = i + 1 >= words.n || is_closing(words.word[i + 1]) ||
			      mdoc_is_callable(words.word[i + 1]);

		man_mdoc_put(man, "", words.word[i], is_last ? "" : ",");
	}
	man->mdoc->glue = 1;
	man_mdoc_put(man, ")", "", man->mdoc->is_synopsis ? ";" : "");
	return i;
}

static size_t put_name(struct man *man, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;

	if (words.n && !mdoc_is_callable(words.word[0]) && !is_closing(words.word[0])) {
		if (!mdoc->name) {
			mdoc->name = mem_strdup(words.word[0]);
		}
		return put_arguments(man, words, "", "");
	}
	if (mdoc->name) {
		man_mdoc_put(man, "", mdoc->name, "");
	}
	return 0;
}

/* .Xr ls 1 -> ls(1) */
static size_t put_reference(struct man *man, struct man_words words)
{
	if (!words.n) {
		return 0;
	}
	man_mdoc_put(man, "", words.word[0], "");
	if (words.n > 1 && !is_closing(words.word[1]) && !mdoc_is_callable(words.word[1])) {
		man->mdoc->glue = 1;
		man_mdoc_put(man, "(", words.word[1], ")");
		return 2;
	}
	return 1;
}

/* Of a function whose declaration is open (Fo): between commas. */
static size_t put_parameters(struct man *man, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	size_t i = 0;

	while (i < words.n && !mdoc_is_callable(words.word[i]) && !is_closing(words.word[i])) {
		if (mdoc->n_argument++) {
			mdoc->glue = 1;
			man_mdoc_put(man, ",", "", "");
		}
		man_mdoc_put(man, "", words.word[i++], "");
	}
	return i;
}

/* Those whose words get something around or before them; returns how many words were taken. */
static size_t run_inline(struct man *man, const char *name, struct man_words words)
{
	const char *fixed = mdoc_fixed_text(name);
	struct man_mdoc *mdoc = man->mdoc;
	int has_word = words.n && !mdoc_is_callable(words.word[0]) && !is_closing(words.word[0]);

	if (fixed) {
		size_t taken = 0;
		const char *version =
			words.n ? mdoc_version_text(name, words.word[0], &taken) : NULL;

		if (version) {
			man_mdoc_put(man, "", version, "");
			/* .Bx 4.3 Reno -> 4.3BSD-Reno */
			if (name[0] == 'B' && words.n > 1 && strspn(words.word[1], "RLT") == 1) {
				mdoc->glue = 1;
				man_mdoc_put(man, "-", words.word[1], "");
				taken++;
			}
			return taken;
		}
		man_mdoc_put(man, "", fixed, "");
		return 0;
	}
	if (strcmp(name, "Fl") == 0) {
		if (!has_word) {
			man_mdoc_put(man, "-", "", "");
			/* .Fl Ar x is one word */
			mdoc->glue = words.n && mdoc_is_callable(words.word[0]) &&
				     strcmp(words.word[0], "Ns") != 0;
			return 0;
		}
		return put_arguments(man, words, "-", "");
	}
	if (strcmp(name, "Ar") == 0 && !has_word) {
		man_mdoc_put(man, "file ...", "", "");
		return 0;
	}
	if (strcmp(name, "Pa") == 0 && !has_word) {
		man_mdoc_put(man, "~", "", "");
		return 0;
	}
	if (strcmp(name, "Nm") == 0) {
		return put_name(man, words);
	}
	if (strcmp(name, "Xr") == 0) {
		return put_reference(man, words);
	}
	if (strcmp(name, "Fn") == 0) {
		return put_function(man, words);
	}
	if (strcmp(name, "Fa") == 0 && mdoc->is_function && has_word) {
		return put_parameters(man, words);
	}
	if (strcmp(name, "In") == 0 && has_word) {
		man_mdoc_put(man, mdoc->is_synopsis ? "#include <" : "<", words.word[0], ">");
		return 1;
	}
	return put_arguments(man, words, "", "");
}

/* Ns, Pf, Ap, No and what opens and closes; 0 where `name` is none of them. */
static int run_spacing(struct man *man, const char *name, struct man_words words)
{
	struct man_mdoc *mdoc = man->mdoc;
	const char *open, *close;

	if (strcmp(name, "Ns") == 0) {
		mdoc->glue = 1;
		man_mdoc_run(man, words);
	} else if (strcmp(name, "Ap") == 0) {
		mdoc->glue = 1;
		man_mdoc_put(man, "'", "", "");
		mdoc->glue = 1;
		man_mdoc_run(man, words);
	} else if (strcmp(name, "Pf") == 0) {
		if (words.n) {
			man_mdoc_put(man, "", words.word[0], "");
			mdoc->glue = 1;
			man_mdoc_run(man, man_words_from(words, 1));
		}
	} else if (mdoc_enclosure(name, &open, &close) == MDOC_WHOLE) {
		enclose(man, open, close, words);
	} else if (mdoc_enclosure(name, &open, &close) == MDOC_OPEN) {
		if (*open) {
			man_mdoc_put(man, open, "", "");
			mdoc->glue = 1;
		}
		man_mdoc_run(man, words);
	} else if (mdoc_enclosure(name, &open, &close) == MDOC_CLOSE) {
		if (*close) {
			mdoc->glue = 1;
			man_mdoc_put(man, close, "", "");
		}
		man_mdoc_run(man, words);
	} else {
		return 0;
	}
	return 1;
}

void man_mdoc_run(struct man *man, struct man_words words)
{
	size_t i = 0;

	if (++man->mdoc->depth <= DEEPEST) {
		while (i < words.n) {
			const char *word = words.word[i++];

			if (!mdoc_is_callable(word)) {
				put_plain(man, "", word, "");
			} else if (run_spacing(man, word, man_words_from(words, i))) {
				break;
			} else {
				i += run_inline(man, word, man_words_from(words, i));
			}
		}
	}
	man->mdoc->depth--;
}

/* ---- macros ---- */

/* Whether a line that begins with this macro begins a line of a synopsis. */
static int breaks_in_synopsis(const struct man *man, const char *name)
{
	static const char *const names[] = {"Nm", "Ft", "Fn", "Fo", "In", "Vt", "Fd", "Cd"};

	for (size_t i = 0; i < ARRAY_LEN(names) && man->mdoc->is_synopsis; i++) {
		if (strcmp(name, names[i]) == 0) {
			return 1;
		}
	}
	return strcmp(name, "Fd") == 0;
}

int man_mdoc_macro(
	struct man *man, struct man_source *source, const char *name, struct man_args *args)
{
	struct man_mdoc *mdoc = man->mdoc;
	struct man_words words = {args->arg, args->n};
	int was_open = mdoc->is_tag_open, keeps_glue;

	(void)source;
	if (strcmp(name, "TS") == 0) {
		man_tbl(man, source);
		return 1;
	}
	/* Only what begins with Ns, or follows an opening, continues the line before. */
	keeps_glue = mdoc->glue;
	if (man_mdoc_block(man, name, words)) {
		if (!mdoc->is_tag_open) {
			mdoc->glue = mdoc->is_function;
		}
		man_layout_input_end(&man->layout);
		return 1;
	}
	if (!mdoc_is_callable(name)) {
		return 0;
	}
	if (breaks_in_synopsis(man, name) && !mdoc->is_function) {
		man_layout_break(&man->layout);
	}
	mdoc->glue = keeps_glue;
	if (!run_spacing(man, name, words)) {
		size_t taken = run_inline(man, name, words);

		man_mdoc_run(man, man_words_from(words, taken));
	}
	if (was_open && strcmp(name, "Xc") == 0) {
		man_mdoc_tag_end(man);
	}
	if (mdoc->is_synopsis && (strcmp(name, "Ft") == 0 || strcmp(name, "In") == 0 ||
					 strcmp(name, "Fn") == 0 || strcmp(name, "Fd") == 0)) {
		man_layout_break(&man->layout);
	}
	man_layout_input_end(&man->layout);
	return 1;
}
