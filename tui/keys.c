#include "tui/keys.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "tui/key_name.h"

#include <stdlib.h>
#include <string.h>

const struct key_row key_table[ACTION_COUNT] = {{ACTION_NONE, "", KEYS_ALWAYS, 0, "", ""},
#define KEY_ROW(action, name, when, views, keys, help)                                             \
	{ACTION_##action, name, when, views, keys, help},
	KEY_ROWS(KEY_ROW)
#undef KEY_ROW
};

struct bound { /* what one action is reached by */
	struct key *key;
	size_t n, cap;
	char *names;
	int is_asked; /* the user's, not the table's */
};
struct keys {
	struct bound bound[ACTION_COUNT];
};

static int key_equal(const struct key *a, const struct key *b)
{
	return a->special == b->special && a->cp == b->cp && !a->alt == !b->alt &&
	       !a->ctrl == !b->ctrl && !a->shift == !b->shift;
}

static void bound_finish(struct bound *bound)
{
	free(bound->key);
	free(bound->names);
	*bound = (struct bound){0};
}

static void bound_add(struct bound *bound, const struct key *key)
{
	mem_grow(bound->key, bound->n, bound->cap);
	bound->key[bound->n++] = *key;
}

static void bound_name(struct bound *bound)
{
	struct buf names = BUF_INIT;

	for (size_t i = 0; i < bound->n; i++) {
		char *name = key_name(&bound->key[i]);

		buf_printf(&names, "%s%s", i ? " " : "", name);
		free(name);
	}
	free(bound->names);
	bound->names = buf_take(&names);
}

/* The keys of "D ^X"; a word that is none is the error. */
static int bound_parse(struct bound *bound, const char *value, struct err *err)
{
	while (*(value += strspn(value, " \t"))) {
		size_t len = strcspn(value, " \t");
		struct key key;

		if (key_parse(&key, value, len) < 0) {
			return err_set(err, ERR_USAGE, NULL,
				"write keys as a, ^A, M-a, F1, PgDn, Home, Enter, Space",
				"\"%.*s\" is no key", (int)(len < 40 ? len : 40), value);
		}
		bound_add(bound, &key);
		value += len;
	}
	return 0;
}

static const struct key *bound_find(const struct bound *bound, const struct key *key)
{
	for (size_t i = 0; i < bound->n; i++) {
		if (key_equal(&bound->key[i], key)) {
			return &bound->key[i];
		}
	}
	return NULL;
}

struct keys *keys_create(void)
{
	struct keys *keys = mem_zero(1, sizeof(*keys));

	for (int i = 1; i < ACTION_COUNT; i++) {
		if (bound_parse(&keys->bound[i], key_table[i].keys, NULL) < 0) {
			abort(); /* the table's own mistake: a unit test has every row */
		}
		bound_name(&keys->bound[i]);
	}
	return keys;
}

void keys_destroy(struct keys *keys)
{
	for (int i = 0; keys && i < ACTION_COUNT; i++) {
		bound_finish(&keys->bound[i]);
	}
	free(keys);
}

static int find_row(const char *name)
{
	for (int i = 1; i < ACTION_COUNT; i++) {
		if (strcmp(key_table[i].name, name) == 0) {
			return i;
		}
	}
	return ACTION_NONE;
}

/* A key that writes something must not be taken from the line that is being typed. */
static int is_text(const struct key *key)
{
	return key->special == KEY_NONE && key->cp >= 0x20 && key->cp != 0x7f && !key->alt &&
	       !key->ctrl;
}

/* Another action that the user gave one of these keys in one of these views. */
static int find_clash(const struct keys *keys, int row, const struct bound *asked)
{
	for (int i = 1; i < ACTION_COUNT; i++) {
		if (i == row || !keys->bound[i].is_asked ||
			!(key_table[i].views & key_table[row].views)) {
			continue;
		}
		for (size_t k = 0; k < asked->n; k++) {
			if (bound_find(&keys->bound[i], &asked->key[k])) {
				return i;
			}
		}
	}
	return ACTION_NONE;
}

/* What the user says goes before the table: the key leaves the rows that have it by default. */
static void take_from_others(struct keys *keys, int row, const struct bound *asked)
{
	for (int i = 1; i < ACTION_COUNT; i++) {
		struct bound *bound = &keys->bound[i];
		size_t n = 0;

		if (i == row || bound->is_asked || !(key_table[i].views & key_table[row].views)) {
			continue;
		}
		for (size_t k = 0; k < bound->n; k++) {
			if (!bound_find(asked, &bound->key[k])) {
				bound->key[n++] = bound->key[k];
			}
		}
		if (n != bound->n) {
			bound->n = n;
			bound_name(bound);
		}
	}
}

static int check(const struct keys *keys, int row, const struct bound *asked, struct err *err)
{
	int clash = find_clash(keys, row, asked);

	for (size_t k = 0; key_table[row].when == KEYS_ALWAYS && k < asked->n; k++) {
		if (is_text(&asked->key[k])) {
			return err_set(err, ERR_USAGE, NULL,
				"take a function key, or one with ^ or M-",
				"\"%s\" is heard while one types, so its key cannot be a character",
				key_table[row].name);
		}
	}
	return clash ? err_set(err, ERR_USAGE, NULL, "give one of them another key",
			       "\"%s\" and \"%s\" have the same key", key_table[row].name,
			       key_table[clash].name)
		     : 0;
}

int keys_bind(struct keys *keys, const char *name, const char *value, struct err *err)
{
	struct bound asked = {.is_asked = 1};
	int row = find_row(name);

	if (!row) {
		return err_set(err, ERR_USAGE, NULL, "carrel-keys(7) has their names",
			"\"%.60s\" is no action that keys can have", name);
	}
	if (bound_parse(&asked, value, err) < 0 || check(keys, row, &asked, err) < 0) {
		bound_finish(&asked);
		return -1;
	}
	bound_name(&asked);
	take_from_others(keys, row, &asked);
	bound_finish(&keys->bound[row]);
	keys->bound[row] = asked;
	return 0;
}

static int take_setting(
	void *arg, const char *section, const char *name, const char *value, struct err *err)
{
	return strcmp(section, "keys") == 0 ? keys_bind(arg, name, value, err) : 0;
}

int keys_read(struct keys *keys, const char *path, struct err *err)
{
	return conf_read_on(path, take_setting, log_err, keys, err) < 0 ? -1 : 0;
}

enum action keys_action(
	const struct keys *keys, const struct key *key, enum view_bit view, int is_typing)
{
	for (int i = 1; i < ACTION_COUNT; i++) {
		if ((key_table[i].views & (int)view) &&
			(!is_typing || key_table[i].when == KEYS_ALWAYS) &&
			bound_find(&keys->bound[i], key)) {
			return key_table[i].action;
		}
	}
	return ACTION_NONE;
}

const char *keys_of(const struct keys *keys, enum action action)
{
	return keys->bound[action].names ? keys->bound[action].names : "";
}
