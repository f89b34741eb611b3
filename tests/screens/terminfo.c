#include "tests/screens/terminfo.h"

#include "base/mem.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

/* After <curses.h>, whose types it needs; it defines names of two letters. */
#include <term.h>

int terminfo_open(const char *term)
{
	int why;

	if (cur_term) {
		del_curterm(cur_term);
	}
	return setupterm(term, 1, &why) == OK ? 0 : -1;
}

static char *find(const char *name)
{
	char *text = tigetstr(name);

	return text == (char *)-1 ? NULL : text;
}

/* $<5> and the like. */
static char *without_padding(const char *text)
{
	char *out, *end;

	if (!text) {
		return NULL;
	}
	out = mem_strdup(text);
	for (char *at = out; (at = strstr(at, "$<"));) {
		end = strchr(at, '>');
		if (!end) {
			break;
		}
		memmove(at, end + 1, strlen(end + 1) + 1);
	}
	return out;
}

char *terminfo_string(const char *name)
{
	return without_padding(find(name));
}

char *terminfo_with(const char *name, int one, int two)
{
	char *text = find(name);

	return text ? without_padding(tparm(text, one, two, 0, 0, 0, 0, 0, 0, 0)) : NULL;
}

char *terminfo_attribute(int which)
{
	char *text = find("sgr");
	long on[9] = {0};

	on[which] = 1;
	return text ? without_padding(tparm(
			      text, on[0], on[1], on[2], on[3], on[4], on[5], on[6], on[7], on[8]))
		    : NULL;
}

int terminfo_has(const char *name)
{
	return find(name) != NULL;
}

int terminfo_number(const char *name)
{
	return tigetnum(name);
}
