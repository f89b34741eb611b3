/*
 * Rules are narrow: a generated file that is read costs tokens, a source that is left out costs the
 * answer. What they leave out is what GitHub's linguist calls generated, and lock files.
 */
#include "loaders/tree/rules.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcasecmp(text + len - end_len, end) == 0;
}

static int ends_with_any(const char *text, const char *const *end)
{
	while (*end && !ends_with(text, *end)) {
		end++;
	}
	return *end != NULL;
}

static int is_any(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list) != 0) {
		list++;
	}
	return *list != NULL;
}

/* ---- names ---- */

const char *rule_of_name(const char *path)
{
	static const char *const lock[] = {
		"package-lock.json",
		"npm-shrinkwrap.json",
		"yarn.lock",
		"pnpm-lock.yaml",
		"bun.lock",
		"deno.lock",
		"Cargo.lock",
		"poetry.lock",
		"Pipfile.lock",
		"uv.lock",
		"pdm.lock",
		"pixi.lock",
		"composer.lock",
		"symfony.lock",
		"Gemfile.lock",
		"gems.locked",
		"go.sum",
		"go.work.sum",
		"Gopkg.lock",
		"glide.lock",
		"mix.lock",
		"rebar.lock",
		"pubspec.lock",
		"Podfile.lock",
		"Package.resolved",
		"Cartfile.resolved",
		"flake.lock",
		"deps-lock.json",
		".terraform.lock.hcl",
		"packages.lock.json",
		"paket.lock",
		"project.assets.json",
		"gradle.lockfile",
		"buildscript-gradle.lockfile",
		"stack.yaml.lock",
		"cabal.project.freeze",
		"conan.lock",
		"vcpkg-lock.json",
		"buf.lock",
		"Chart.lock",
		"MODULE.bazel.lock",
		"maven_install.json",
		"shard.lock",
		"esy.lock",
		"elm-stuff",
		NULL,
	};
	static const char *const minified[] = {
		".min.js",
		".min.mjs",
		".min.cjs",
		".min.css",
		"-min.js",
		"-min.css",
		NULL,
	};
	static const char *const map[] = {".js.map", ".mjs.map", ".cjs.map", ".css.map", NULL};
	static const char *const generated[] = {
		".pb.go",
		".pb.gw.go",
		".pb.validate.go",
		".pb.cc",
		".pb.h",
		".pb-c.c",
		".pb-c.h",
		"_pb2.py",
		"_pb2.pyi",
		"_pb2_grpc.py",
		"_pb.js",
		"_pb.d.ts",
		"_grpc_pb.js",
		".pbobjc.h",
		".pbobjc.m",
		".pb.swift",
		".g.dart",
		".freezed.dart",
		".designer.cs",
		".Designer.vb",
		".g.cs",
		".g.i.cs",
		".xcuserstate",
		NULL,
	};
	const char *name = base_name(path);

	if (is_any(name, lock)) {
		return "is a lock file";
	}
	if (ends_with_any(name, minified)) {
		return "is minified";
	}
	if (ends_with_any(name, map)) {
		return "is a source map";
	}
	if (ends_with_any(name, generated)) {
		return "is generated, by its name";
	}
	return NULL;
}

const char *rule_of_folder(const char *name)
{
	static const char *const folder[] = {
		".git",
		".hg",
		".svn",
		".bzr",
		".jj",
		"_darcs",
		"CVS",
		".pijul",
		".sl",
		NULL,
	};

	return is_any(name, folder) ? "is kept by version control" : NULL;
}

/* ---- what says that it is generated ---- */

/* How a line that is a comment begins in a language. */
enum comments {
	SLASHES = 1,
	HASHES = 2,
	DASHES = 4,
	SEMICOLONS = 8,
	PERCENTS = 16,
	MARKUP = 32,
	DNL = 64,
	QUOTES = 128
};

static unsigned comments_of(const char *path)
{
	static const struct {
		const char *end;
		unsigned comments;
	} language[] = {
		{".py", HASHES},
		{".pl", HASHES},
		{".pm", HASHES},
		{".sh", HASHES},
		{".rb", HASHES},
		{".awk", HASHES},
		{".mk", HASHES},
		{".yaml", HASHES},
		{".yml", HASHES},
		{".toml", HASHES},
		{".cmake", HASHES},
		{".r", HASHES},
		{".tcl", HASHES},
		{".ini", HASHES | SEMICOLONS},
		{".conf", HASHES | SEMICOLONS},
		{".cfg", HASHES},
		{".am", HASHES},
		{".in", HASHES | DNL},
		{".ac", HASHES | DNL},
		{".m4", HASHES | DNL},
		{".sql", DASHES | SLASHES},
		{".lua", DASHES},
		{".hs", DASHES},
		{".adb", DASHES},
		{".ads", DASHES},
		{".vhd", DASHES},
		{".lisp", SEMICOLONS},
		{".el", SEMICOLONS},
		{".scm", SEMICOLONS},
		{".asm", SEMICOLONS | SLASHES},
		{".tex", PERCENTS},
		{".erl", PERCENTS},
		{".pro", PERCENTS | HASHES},
		{".html", MARKUP},
		{".xml", MARKUP},
		{".svg", MARKUP},
		{".xsd", MARKUP},
		{".vue", MARKUP | SLASHES},
		{".md", MARKUP},
		{".rst", 0},
		{".txt", 0},
		{".s", SLASHES | HASHES | SEMICOLONS},
		{".vb", QUOTES},
		{".bas", QUOTES},
		{".vim", 0},
		{".json", 0},
		{".csv", 0},
		{".php", SLASHES | HASHES},
	};
	const char *name = base_name(path);

	for (size_t i = 0; i < ARRAY_LEN(language); i++) {
		if (ends_with(name, language[i].end)) {
			return language[i].comments;
		}
	}
	return strchr(name, '.') ? SLASHES : HASHES; /* the family of C; Makefiles and scripts */
}

/* Whether a trimmed line is a comment; *is_block: it goes on until its end is seen. */
static int is_comment(const char *line, size_t len, unsigned comments, int *is_block)
{
	static const struct {
		unsigned comments;
		const char *begin, *end;
	} kind[] = {
		{SLASHES, "//", NULL},
		{SLASHES, "/*", "*/"},
		{HASHES, "#", NULL},
		{DASHES, "--", NULL},
		{SEMICOLONS, ";", NULL},
		{PERCENTS, "%", NULL},
		{MARKUP, "<!--", "-->"},
		{DNL, "dnl", NULL},
		{QUOTES, "'", NULL},
		{MARKUP, "<?xml", NULL},
		{SLASHES, "<?php", NULL},
	};
	const char *end = comments & MARKUP ? "-->" : "*/";

	if (*is_block) {
		*is_block = memmem(line, len, end, strlen(end)) == NULL;
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(kind); i++) {
		size_t begin_len = strlen(kind[i].begin);

		if ((kind[i].comments & comments) && len >= begin_len &&
			memcmp(line, kind[i].begin, begin_len) == 0) {
			*is_block = kind[i].end && !memmem(line + begin_len, len - begin_len,
							   kind[i].end, strlen(kind[i].end));
			return 1;
		}
	}
	return 0;
}

enum { ROOM = 8 }; /* of spaces in front of a head, so that every word has one */

/* The comments at the top in lower case, white space and comment signs folded to single spaces. */
static size_t read_head(const char *path, const char *text, size_t len, char *head, size_t size)
{
	unsigned comments = comments_of(path);
	const char *end = text + len;
	int is_block = 0;
	size_t n = 0;

	if (len > 2 && memcmp(text, "#!", 2) == 0) {
		comments = comments & HASHES ? comments : HASHES;
	}
	while (text < end && n < size) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *stop = feed ? feed : end;

		while (text < stop && isspace((unsigned char)*text)) {
			text++;
		}
		if (text < stop && !is_comment(text, (size_t)(stop - text), comments, &is_block)) {
			break;
		}
		for (; text < stop && n < size; text++) {
			unsigned char c = (unsigned char)*text;

			if (!isspace(c) && !strchr("/*#;%", c)) {
				head[n++] = (char)tolower(c);
			} else if (n > 0 && head[n - 1] != ' ') {
				head[n++] = ' ';
			}
		}
		if (n > 0 && n < size && head[n - 1] != ' ') {
			head[n++] = ' ';
		}
		text = feed ? feed + 1 : end;
	}
	return n;
}

static const char *find(const char *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word));
}

/*
 * Whether somebody says there that this file was generated. That other files are ("do not edit the
 * generated header") is said of a source.
 */
static int is_said_generated(const char *text, const char *end)
{
	static const char *const of_others[] = {
		"the ",
		"a ",
		"any ",
		"edit ",
		"modify ",
		"change ",
		"of ",
		"all ",
		"these ",
		NULL,
	};
	static const char word[] = "generated";

	while ((text = find(text, (size_t)(end - text), word))) {
		int is_other = 0;

		for (size_t i = 0; of_others[i]; i++) {
			size_t len = strlen(of_others[i]);

			/* A space stands in front of every line's first word. */
			is_other |= memcmp(text - len, of_others[i], len) == 0;
		}
		if (!is_other) {
			return 1;
		}
		text += strlen(word);
	}
	return 0;
}

/*
 * "generated" and "do not edit" within a sentence or two of each other, in the comments that a file
 * begins with; or @generated on its own. `head` has ROOM readable bytes in front.
 */
static int says_generated(const char *head, size_t len)
{
	static const char *const hands_off[] = {
		"do not edit",
		"do not modify",
		"don't edit",
		"do not change",
		"do not hand edit",
		"do not manually edit",
		"do not hand-edit",
	};
	enum { NEAR = 100 };
	static const char tag[] = "@generated";
	const char *at = find(head, len, tag);

	if (at && at[-1] == ' ' && !isalnum((unsigned char)at[strlen(tag)])) {
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(hands_off); i++) {
		at = find(head, len, hands_off[i]);
		if (at) {
			const char *from = at - head > NEAR ? at - NEAR : head;
			const char *to = head + len - at > NEAR ? at + NEAR : head + len;

			if (is_said_generated(from, to)) {
				return 1;
			}
		}
	}
	return 0;
}

/* ---- minified ---- */

/* A script or a style sheet whose lines no person would write: 110 bytes is linguist's average. */
static int is_minified(const char *path, const char *text, size_t len)
{
	static const char *const script[] = {".js", ".mjs", ".cjs", ".css", NULL};
	enum { MIN_BYTES = 2048, MEAN = 110, LONGEST = 2000, LONG_MEAN = 500 };
	size_t n_lines = 0, longest = 0;
	const char *end = text + len;

	if (len < MIN_BYTES || !ends_with_any(base_name(path), script)) {
		return 0;
	}
	while (text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((feed ? feed : end) - text);

		n_lines++;
		longest = line_len > longest ? line_len : longest;
		text += line_len + (feed != NULL);
	}
	return (len / n_lines > MEAN && longest > LONGEST) || len / n_lines > LONG_MEAN;
}

const char *rule_of_text(const char *path, const char *text, size_t len)
{
	char head[ROOM + 2048 + 1];
	size_t head_len;

	memset(head, ' ', ROOM);
	head_len = read_head(path, text, len, head + ROOM, sizeof(head) - ROOM - 1);
	head[ROOM + head_len] = '\0';
	if (says_generated(head + ROOM, head_len)) {
		return "is generated, as its first lines say";
	}
	if (is_minified(path, text, len)) {
		return "is minified";
	}
	return NULL;
}

/* ---- documents ---- */

int rule_is_document(const char *path, const char *head, size_t len)
{
	static const char *const zipped[] = {
		".docx", ".docm", ".dotx", ".dotm", ".odt", ".ott", ".epub", NULL};
	static const char *const mail[] = {".eml", ".mbox", NULL};
	const char *name = base_name(path);

	if (len > 5 && memcmp(head, "%PDF-", 5) == 0) {
		return 1;
	}
	if (len > 4 && memcmp(head, "PK\3\4", 4) == 0) {
		return ends_with_any(name, zipped);
	}
	if (ends_with_any(name, mail)) {
		return !memchr(head, '\0', len) && memchr(head, ':', len) != NULL;
	}
	if (ends_with(name, ".vtt")) {
		return find(head, len < 16 ? len : 16, "WEBVTT") != NULL;
	}
	if (ends_with(name, ".fodt")) {
		return find(head, len, "<office:document") != NULL;
	}
	return ends_with(name, ".srt") && find(head, len, " --> ") != NULL;
}
