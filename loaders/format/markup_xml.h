/*
 * The XML inside of DOCX, ODT and EPUB: libxml2's events one after the other, no tree, no network, no
 * DTD, no entities but the five of XML itself (so no bombs and no files), no deeper than 256 elements.
 */
#ifndef LOADERS_FORMAT_MARKUP_XML_H
#define LOADERS_FORMAT_MARKUP_XML_H

#include "loaders/loader.h"

#include <stddef.h>

struct xml_attributes {
	const unsigned char **field; /* libxml2's: name, prefix, URI, value, its end */
	int n;
};
/* The value of the attribute of this local name in `value`, or NULL; a namespace is not asked for. */
const char *xml_attribute(
	const struct xml_attributes *attributes, const char *name, struct buf *value);
/* The same as a number. */
int xml_number(const struct xml_attributes *attributes, const char *name, int otherwise);

/*
 * Names are "w:p", "text:p": the prefix stands for the namespace, whatever the file calls it, and
 * is missing for those of no interest.
 */
struct xml_events {
	void (*start)(void *arg, const char *name, const struct xml_attributes *attributes);
	void (*end)(void *arg, const char *name);
	void (*text)(void *arg, const char *text, size_t len);
};

/* `what` is the file's name for the message: -1 with *skip where it is no well-formed XML. */
int xml_read(const struct buf *bytes, const char *what, const struct xml_events *events, void *arg,
	struct skip *skip);

/* Pairs of strings, looked up by the first. */
struct xml_map {
	struct xml_pair {
		char *key, *value;
	} * pair;
	size_t n_pair, cap_pair;
	int is_sorted;
};
void xml_map_add(struct xml_map *map, const char *key, const char *value);
const char *xml_map_find(struct xml_map *map, const char *key); /* NULL: not there */
void xml_map_finish(struct xml_map *map);

#endif
