#include "engine/model/mistaken.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define AGAIN      "download the file itself"
#define OTHER_FORM "download the model as safetensors or as a GGUF file"
/* A server's answer that was saved as the file, such as "Entry not found". */
#define MAX_ANSWER_BYTES 1024
#define SHOWN_BYTES      80

static const struct {
	const char *begin, *what, *hint;
} other_files[] = {
	{"version https://git-lfs", "is a Git LFS pointer, not the file itself",
		"fetch the file with git lfs pull"},
	{"<!doctype", "is a web page, not the file itself", AGAIN},
	{"<html", "is a web page, not the file itself", AGAIN},
	{"<?xml", "is an XML document, not the file itself (a server's error?)", AGAIN},
	{"lmgg", "is a model in the old GGML format", "convert it to GGUF"},
	{"fmgg", "is a model in the old GGMF format", "convert it to GGUF"},
	{"tjgg", "is a model in the old GGJT format", "convert it to GGUF"},
	{"GGUF", "is a GGUF file, which its name does not say", "rename it to end in .gguf"},
	{"PK\003\004", "is a ZIP archive (a PyTorch checkpoint?), which carrel does not read",
		OTHER_FORM},
	{"\x80\002}", "is a Python pickle (an old PyTorch checkpoint?), which carrel does not read",
		OTHER_FORM},
	{"\x1f\x8b", "is compressed with gzip", "unpack it"},
	{"\x28\xb5\x2f\xfd", "is compressed with zstd", "unpack it"},
	{"\xfd"
	 "7zXZ",
		"is compressed with xz", "unpack it"},
	{"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", "unpack it"},
};

int mistaken_check(const void *bytes, size_t size_bytes, const char *path, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(other_files); i++) {
		size_t len = strlen(other_files[i].begin);

		if (size_bytes >= len && !strncasecmp(bytes, other_files[i].begin, len)) {
			return err_set(err, ERR_ENGINE, path, other_files[i].hint, "%s",
				other_files[i].what);
		}
	}
	return 0;
}

int mistaken_check_binary(const void *bytes, size_t size_bytes, const char *path, struct err *err)
{
	const uint8_t *text = bytes;
	size_t shown = 0;

	if (mistaken_check(bytes, size_bytes, path, err) < 0) {
		return -1;
	}
	if (size_bytes < 4 || size_bytes > MAX_ANSWER_BYTES) {
		return 0;
	}
	for (size_t i = 0; i < size_bytes; i++) {
		int is_line_end = text[i] == '\n' || text[i] == '\r';

		if (!is_line_end && text[i] != '\t' && (text[i] < ' ' || text[i] > '~')) {
			return 0;
		}
		shown = shown == i && !is_line_end && i < SHOWN_BYTES ? i + 1 : shown;
	}
	return err_set(err, ERR_ENGINE, path, AGAIN, "is a text, not a model; it begins: %.*s",
		(int)shown, (const char *)text);
}
