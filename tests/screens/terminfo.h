/* The entry of a TERM, from terminfo. One at a time; what is returned is malloc'ed, without padding. */
#ifndef TESTS_SCREENS_TERMINFO_H
#define TESTS_SCREENS_TERMINFO_H

int terminfo_open(const char *term);                     /* -1: not known */
char *terminfo_string(const char *name);                 /* NULL: it has none */
char *terminfo_with(const char *name, int one, int two); /* with these numbers in it */
char *terminfo_attribute(int which); /* sgr with its parameter `which` alone, from 0 */
int terminfo_has(const char *name);
int terminfo_number(const char *name);

#endif
