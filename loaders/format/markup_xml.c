/* XML as events, with everything turned off that reaches outside of it or grows. */
#include "loaders/format/markup_xml.h"

#include "base/mem.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME_BYTES = 128 };

/* By what a namespace ends with: OOXML has two of each, transitional and strict. */
static const struct {
	const char *ending, *prefix;
} namespaces[] = {
	{"/wordprocessingml/2006/main", "w:"},
	{"/wordprocessingml/main", "w:"},
	{"/markup-compatibility/2006", "mc:"},
	{"/officeDocument/2006/math", "m:"},
	{"/wordprocessingDrawing", "wp:"},
	{":xmlns:text:1.0", "text:"},
	{":xmlns:table:1.0", "table:"},
	{":xmlns:office:1.0", "office:"},
	{":xmlns:style:1.0", "style:"},
	{":xmlns:drawing:1.0", "draw:"},
	{":xmlns:svg-compatible:1.0", "svg:"},
	{"/dc/elements/1.1/", "dc:"},
};

struct xml {
	xmlParserCtxtPtr parser;
	const struct xml_events *events;
	void *arg;
};

/* The name with our prefix. */
static const char *full_name(char out[MAX_NAME_BYTES], const xmlChar *local, const xmlChar *uri)
{
	size_t uri_len = uri ? strlen((const char *)uri) : 0, n = 0;

	for (size_t i = 0; uri && i < ARRAY_LEN(namespaces); i++) {
		size_t len = strlen(namespaces[i].ending);

		if (uri_len >= len && memcmp(uri + uri_len - len, namespaces[i].ending, len) == 0) {
			n = strlen(namespaces[i].prefix);
			memcpy(out, namespaces[i].prefix, n);
			break;
		}
	}
	for (; *local && n < MAX_NAME_BYTES - 1; local++) {
		out[n++] = (char)*local;
	}
	out[n] = 0;
	return out;
}

static void started(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
	int n_namespace, const xmlChar **namespace, int n_attribute, int n_default,
	const xmlChar **attribute)
{
	struct xml *xml = arg;
	struct xml_attributes attributes = {attribute, n_attribute};
	char name[MAX_NAME_BYTES];

	xml->events->start(xml->arg, full_name(name, local, uri), &attributes);
}

static void ended(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml *xml = arg;
	char name[MAX_NAME_BYTES];

	xml->events->end(xml->arg, full_name(name, local, uri));
}

static void text_came(void *arg, const xmlChar *text, int len)
{
	struct xml *xml = arg;

	if (len > 0) {
		xml->events->text(xml->arg, (const char *)text, (size_t)len);
	}
}

static xmlEntityPtr predefined(void *arg, const xmlChar *name)
{
	return xmlGetPredefinedEntity(name);
}

static int skip_invalid(const xmlParserCtxt *parser, const char *what, struct skip *skip)
{
	const xmlError *error = &parser->lastError;
	const char *message = error->message ? error->message : "it ends too early";

	return skip_set(skip, SKIP_UNREADABLE, "is damaged: %s, line %d: %.*s", what, error->line,
		(int)strcspn(message, "\n"), message);
}

int xml_read(const struct buf *bytes, const char *what, const struct xml_events *events, void *arg,
	struct skip *skip)
{
	struct xml xml = {.events = events, .arg = arg};
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = started,
		.endElementNs = ended,
		.characters = text_came,
		.ignorableWhitespace = text_came,
		.cdataBlock = text_came,
		.getEntity = predefined,
	};
	int status = -1;

	if (bytes->len && bytes->len < INT_MAX) {
		xml.parser = xmlCreateMemoryParserCtxt(bytes->data, (int)bytes->len);
	}
	if (!xml.parser) {
		return skip_set(skip, SKIP_UNREADABLE, "is damaged: %s is empty", what);
	}
	xmlCtxtUseOptions(xml.parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	*xml.parser->sax = sax;
	xml.parser->userData = &xml;
	xmlParseDocument(xml.parser);
	status = xml.parser->wellFormed ? 0 : skip_invalid(xml.parser, what, skip);
	xmlFreeParserCtxt(xml.parser);
	return status;
}

/* ---- attributes ---- */

const char *xml_attribute(
	const struct xml_attributes *attributes, const char *name, struct buf *value)
{
	for (int i = 0; i < attributes->n; i++) {
		const unsigned char **field = attributes->field + 5 * (size_t)i;

		if (strcmp((const char *)field[0], name) == 0) {
			buf_clear(value);
			buf_add(value, field[3], (size_t)(field[4] - field[3]));
			return buf_str(value);
		}
	}
	return NULL;
}

int xml_number(const struct xml_attributes *attributes, const char *name, int otherwise)
{
	struct buf value = BUF_INIT;
	const char *text = xml_attribute(attributes, name, &value);
	char *end = NULL;
	long number = text ? strtol(text, &end, 10) : 0;

	if (!text || end == text || number < -1000000 || number > 1000000000) {
		number = otherwise;
	}
	buf_finish(&value);
	return (int)number;
}

/* ---- maps ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct xml_pair *x = a, *y = b;

	return strcmp(x->key, y->key);
}

void xml_map_add(struct xml_map *map, const char *key, const char *value)
{
	mem_grow(map->pair, map->n_pair, map->cap_pair);
	map->pair[map->n_pair++] = (struct xml_pair){mem_strdup(key), mem_strdup(value)};
	map->is_sorted = 0;
}

const char *xml_map_find(struct xml_map *map, const char *key)
{
	struct xml_pair wanted = {.key = (char *)key}, *found;

	if (!map->n_pair) {
		return NULL;
	}
	if (!map->is_sorted) {
		qsort(map->pair, map->n_pair, sizeof(*map->pair), compare_pairs);
		map->is_sorted = 1;
	}
	found = bsearch(&wanted, map->pair, map->n_pair, sizeof(*map->pair), compare_pairs);
	return found ? found->value : NULL;
}

void xml_map_finish(struct xml_map *map)
{
	for (size_t i = 0; i < map->n_pair; i++) {
		free(map->pair[i].key);
		free(map->pair[i].value);
	}
	free(map->pair);
	*map = (struct xml_map){0};
}
