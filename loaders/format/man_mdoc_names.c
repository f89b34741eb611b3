#include "loaders/format/man_mdoc_names.h"

#include "base/mem.h"

#include <string.h>

int mdoc_is_callable(const char *name)
{
	static const char *const names[] = {"Ac", "Ad", "An", "Ao", "Ap", "Aq", "Ar", "At", "Bc",
		"Bo", "Bq", "Brc", "Bro", "Brq", "Bsx", "Bx", "Cd", "Cm", "Dc", "Do", "Dq", "Dv",
		"Dx", "Ec", "Em", "Eo", "Er", "Es", "Ev", "Fa", "Fc", "Fd", "Fl", "Fn", "Fr", "Ft",
		"Fx", "Ic", "In", "Lb", "Li", "Lk", "Me", "Ms", "Mt", "Nm", "No", "Ns", "Nx", "Oc",
		"Oo", "Op", "Ot", "Ox", "Pa", "Pc", "Pf", "Po", "Pq", "Qc", "Ql", "Qo", "Qq", "Sc",
		"So", "Sq", "St", "Sx", "Sy", "Tn", "Ux", "Va", "Vt", "Xc", "Xo", "Xr"};

	if (name[0] < 'A' || name[0] > 'X' || !name[1] || (name[2] && name[3])) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

enum mdoc_enclosure mdoc_enclosure(const char *name, const char **open, const char **close)
{
	static const struct {
		const char *whole, *opens, *closes, *open, *close;
	} table[] = {
		{"Op", "Oo", "Oc", "[", "]"},
		{"Dq", "Do", "Dc", "\xe2\x80\x9c", "\xe2\x80\x9d"},
		{"Sq", "So", "Sc", "\xe2\x80\x98", "\xe2\x80\x99"},
		{"Ql", "", "", "\xe2\x80\x98", "\xe2\x80\x99"},
		{"Qq", "Qo", "Qc", "\"", "\""},
		{"Pq", "Po", "Pc", "(", ")"},
		{"Bq", "Bo", "Bc", "[", "]"},
		{"Aq", "Ao", "Ac", "\xe2\x9f\xa8", "\xe2\x9f\xa9"},
		{"Brq", "Bro", "Brc", "{", "}"},
		{"", "Xo", "Xc", "", ""},
		{"", "Eo", "Ec", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		*open = table[i].open;
		*close = table[i].close;
		if (strcmp(name, table[i].whole) == 0) {
			return MDOC_WHOLE;
		}
		if (strcmp(name, table[i].opens) == 0) {
			return MDOC_OPEN;
		}
		if (strcmp(name, table[i].closes) == 0) {
			return MDOC_CLOSE;
		}
	}
	return MDOC_NONE;
}

const char *mdoc_fixed_text(const char *name)
{
	static const struct {
		const char *name, *text;
	} table[] = {
		{"Ux", "UNIX"},
		{"Bx", "BSD"},
		{"Fx", "FreeBSD"},
		{"Nx", "NetBSD"},
		{"Ox", "OpenBSD"},
		{"Dx", "DragonFly"},
		{"Bsx", "BSD/OS"},
		{"At", "AT&T UNIX"},
		{"St", ""},
		{"Lb", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(name, table[i].name) == 0) {
			return table[i].text;
		}
	}
	return NULL;
}

/* What the names of systems, standards and libraries stand for. */
static const struct {
	const char *name, *argument, *text;
} versions[] = {
	{"At", "v1", "Version 1 AT&T UNIX"},
	{"At", "v2", "Version 2 AT&T UNIX"},
	{"At", "v3", "Version 3 AT&T UNIX"},
	{"At", "v4", "Version 4 AT&T UNIX"},
	{"At", "v5", "Version 5 AT&T UNIX"},
	{"At", "v6", "Version 6 AT&T UNIX"},
	{"At", "v7", "Version 7 AT&T UNIX"},
	{"At", "32v", "Version 7 AT&T UNIX/32V"},
	{"At", "III", "AT&T System III UNIX"},
	{"At", "V", "AT&T System V UNIX"},
	{"At", "V.1", "AT&T System V Release 1 UNIX"},
	{"At", "V.2", "AT&T System V Release 2 UNIX"},
	{"At", "V.3", "AT&T System V Release 3 UNIX"},
	{"At", "V.4", "AT&T System V Release 4 UNIX"},
	{"Bx", "1", "1BSD"},
	{"Bx", "2", "2BSD"},
	{"Bx", "3", "3BSD"},
	{"Bx", "4", "4BSD"},
	{"Bx", "4.1", "4.1BSD"},
	{"Bx", "4.2", "4.2BSD"},
	{"Bx", "4.3", "4.3BSD"},
	{"Bx", "4.4", "4.4BSD"},
	{"Bx", "2.9", "2.9BSD"},
	{"Bx", "2.11", "2.11BSD"},
	{"St", "-ansiC",
		"ANSI X3.159-1989 (\xe2\x80\x9c"
		"ANSI\xc2\xa0"
		"C89\xe2\x80\x9d)"},
	{"St", "-isoC",
		"ISO/IEC 9899:1990 (\xe2\x80\x9cISO\xc2\xa0"
		"C90\xe2\x80\x9d)"},
	{"St", "-isoC-99",
		"ISO/IEC 9899:1999 (\xe2\x80\x9cISO\xc2\xa0"
		"C99\xe2\x80\x9d)"},
	{"St", "-isoC-2011",
		"ISO/IEC 9899:2011 (\xe2\x80\x9cISO\xc2\xa0"
		"C11\xe2\x80\x9d)"},
	{"St", "-p1003.1", "IEEE Std 1003.1 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-88", "IEEE Std 1003.1-1988 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-90", "IEEE Std 1003.1-1990 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-96", "IEEE Std 1003.1-1996 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-2001", "IEEE Std 1003.1-2001 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-2004", "IEEE Std 1003.1-2004 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.1-2008", "IEEE Std 1003.1-2008 (\xe2\x80\x9cPOSIX.1\xe2\x80\x9d)"},
	{"St", "-p1003.2", "IEEE Std 1003.2 (\xe2\x80\x9cPOSIX.2\xe2\x80\x9d)"},
	{"St", "-p1003.2-92", "IEEE Std 1003.2-1992 (\xe2\x80\x9cPOSIX.2\xe2\x80\x9d)"},
	{"St", "-susv2",
		"Version 2 of the Single UNIX Specification "
		"(\xe2\x80\x9cSUSv2\xe2\x80\x9d)"},
	{"St", "-susv3",
		"Version 3 of the Single UNIX Specification "
		"(\xe2\x80\x9cSUSv3\xe2\x80\x9d)"},
	{"St", "-xpg4", "X/Open Portability Guide Issue 4 (\xe2\x80\x9cXPG4\xe2\x80\x9d)"},
	{"Lb", "libc", "Standard C Library (libc, -lc)"},
	{"Lb", "libm", "Math Library (libm, -lm)"},
	{"Lb", "libpthread", "POSIX Threads Library (libpthread, -lpthread)"},
	{"Lb", "libutil", "System Utilities Library (libutil, -lutil)"},
	{"Lb", "libcrypt", "Crypt Library (libcrypt, -lcrypt)"},
	{"Lb", "libedit", "Command Line Editor Library (libedit, -ledit)"},
	{"Lb", "libz", "Compression Library (libz, -lz)"},
};

const char *mdoc_version_text(const char *name, const char *argument, size_t *taken)
{
	*taken = 1;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		if (strcmp(name, versions[i].name) == 0 &&
			strcmp(argument, versions[i].argument) == 0) {
			return versions[i].text;
		}
	}
	*taken = 0;
	return NULL;
}

const char *mdoc_volume(const char *section)
{
	static const char *const volumes[] = {"General Commands Manual", "System Calls Manual",
		"Library Functions Manual", "Kernel Interfaces Manual", "File Formats Manual",
		"Games Manual", "Miscellaneous Information Manual", "System Manager's Manual",
		"Kernel Developer's Manual"};

	return section[0] >= '1' && section[0] <= '9' ? volumes[section[0] - '1'] : "";
}
