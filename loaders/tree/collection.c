/* What of a collection is a document of its own. */
#include "loaders/tree/collection.h"

#include "loaders/code_name.h"
#include "loaders/format/format.h"

#include <string.h>

int collection_has_binary(const char *path, const char *head, size_t len)
{
	static const char *const office[] = {"doc", "dot", "docx", "docm", "dotx", "dotm", "xls",
		"xlt", "xlsb", "xlsx", "xlsm", "xltx", "xltm", "ppt", "pps", "pot", "pptx", "pptm",
		"ppsx", "ppsm", "potx", "potm", "msg", "odp", "otp", "ods", "ots", "odg", "otg",
		NULL};
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct input input = {path, head, len, -1, &options};

	if (loader_packed.probe(&input)) {
		return 1;
	}
	return len > 8 && format_has_extension(&input, office) &&
	       (memcmp(head, "PK\3\4", 4) == 0 ||
		       memcmp(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0);
}

int collection_has_text(const struct input *input)
{
	static const char *const may[] = {"html", "htm", "xhtml", "xht", "shtml", "json", "jsonl",
		"ndjson", "txt", "text", "transcript", "srt", "vtt", "sbv", "eml", "mbox", "mbx",
		NULL};
	const char *slash = strrchr(input->path, '/');
	const char *name = slash ? slash + 1 : input->path;
	const struct loader *loader;

	/* Letters in a mail folder have no extension, or flags behind ":2,". */
	if (!format_has_extension(input, may) && !strstr(name, ":2,") &&
		(strchr(name, '.') || code_name(name))) {
		return 0;
	}
	loader = loader_find(input);
	return loader != &loader_text && loader != &loader_code && loader != &loader_man;
}
