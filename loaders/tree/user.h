/* The reader of git's configuration; see tree_prepare(). */
#ifndef LOADERS_TREE_USER_H
#define LOADERS_TREE_USER_H

/* Give each setting to `set`, in order; `section` as it is written. What is malformed is passed over. */
void user_config_parse(const char *text,
	void (*set)(void *arg, const char *section, const char *name, const char *value),
	void *arg);

#endif
