/*
 * The catalogue's file, private to session/catalogue.c: names and last sessions, as lines of text.
 *
 *   carrel catalogue 1
 *   session ID NAME               used last first
 *   last ID DIRECTORY
 *   end CHECKSUM                  of the lines in front of it
 *
 * In names and directories, % and control characters are written as %XX. It says nothing that the
 * sessions do not say themselves but for the order and the last sessions; where it does not list the
 * sessions that are there, those are read.
 */
#ifndef SESSION_CATALOGUE_FILE_H
#define SESSION_CATALOGUE_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define CATALOGUE_GONE ".gone-" /* in front of the id of a session that is being removed */

struct catalogue_line {
	char id[17];
	char *name;
};
struct catalogue_last_line {
	char id[17];
	char *directory;
};
struct catalogue_file {
	char *folder; /* of the sessions */
	int lock_fd;  /* -1: only read */
	struct catalogue_line *line;
	size_t n_line, cap_line;
	struct catalogue_last_line *last;
	size_t n_last, cap_last;
};

/* What it says, or would say if it were in order; nothing is changed. */
int catalogue_file_read(struct catalogue_file *file, struct err *err);
/* The same, and nobody else changes it until catalogue_file_finish(). */
int catalogue_file_lock(struct catalogue_file *file, struct err *err);
void catalogue_file_finish(struct catalogue_file *file);

/* The id, or NULL. */
const char *catalogue_file_last(const struct catalogue_file *file, const char *directory);
void catalogue_file_set_last(struct catalogue_file *file, const char *directory, const char *id);
/* A new session, or a new name; it is the one that was used last. */
void catalogue_file_put(struct catalogue_file *file, const char *id, const char *name);
/* It was used last. */
void catalogue_file_touch(struct catalogue_file *file, const char *id);
void catalogue_file_drop(struct catalogue_file *file, const char *id);
/* Put it in place of the old one. */
int catalogue_file_save(const struct catalogue_file *file, struct err *err);
/* Remove the file: whatever happens now, it is made from the sessions the next time. */
int catalogue_file_forget(const struct catalogue_file *file, struct err *err);

#endif
