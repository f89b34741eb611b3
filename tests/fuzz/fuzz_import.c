/*
 * An export of any bytes is refused with a place, or is a session that can be exported again, the same,
 * and shown, cut and searched.
 */
#include "base/mem.h"
#include "session/copy.h"
#include "session/export.h"
#include "session/import.h"
#include "session/search.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static char *export_text(void (*write)(FILE *out, const struct export_session *session),
	const struct store_contents *contents, size_t *len)
{
	struct export_session session = {.id = "0123456789abcdef", .contents = contents};
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	must(out != NULL);
	write(out, &session);
	must(fclose(out) == 0);
	return text;
}

/* What was read and written once is read and written the same ever after. */
static void check_round_trip(const struct store_contents *contents)
{
	struct store_contents back;
	size_t len, again_len;
	char *text = export_text(export_json, contents, &len), *again;

	must(import_read(&back, text, len, "f", NULL) == 0);
	again = export_text(export_json, &back, &again_len);
	must(len == again_len && memcmp(text, again, len) == 0);
	store_contents_finish(&back);
	free(text);
	free(again);
}

static void look_at(struct store_contents *contents)
{
	struct search_result result;
	struct search *search;
	size_t len;

	free(export_text(export_md, contents, &len));
	free(export_text(export_html, contents, &len));
	must(search_create(&search, "a* \"b c\"", NULL) == 0);
	must(search_session(search, contents, NULL, 3, &result, NULL) == 0);
	search_result_finish(&result);
	search_destroy(search);
	must(copy_cut(contents, contents->n_turn ? contents->turn[0].id : 0, NULL) == 0);
	check_round_trip(contents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_contents contents;
	struct err err = {0};

	if (import_read(&contents, (const char *)data, size, "f", &err) < 0) {
		must(err.what[0] && err.where[0]);
		must(!contents.n_block && !contents.n_turn && !contents.draft);
		return 0;
	}
	check_round_trip(&contents);
	look_at(&contents);
	store_contents_finish(&contents);
	return 0;
}
