#include "session/retrieve_related.h"

#include "base/mem.h"

#include <string.h>

enum { WORDS_MAX = 28 };

/* A kind of section: what is asked about it, and the words of its headings. */
struct section {
	const char *asked[WORDS_MAX], *said[12];
};

static const struct section sections[] = {
	{{"author", "wrote", "write", "written", "creator", "create", "created", "maintainer",
		 "maintain", "developer", "developed", "made", "people", "person", "team", "credit",
		 "thanks", "contributor"},
		{"author", "credit", "maintain", "thank", "acknowledg", "contributor",
			"copyright"}},
	{{"report", "bug", "defect", "fault", "crash", "problem", "issue", "trouble", "broken",
		 "contact", "complain", "feedback", "support", "mailing", "help", "developer"},
		{"report", "bug", "contact", "feedback", "support", "issu", "mail"}},
	{{"licence", "license", "copyright", "copy", "copies", "redistribute", "redistribution",
		 "distribute", "rights", "permit", "permission", "allowed", "legal", "legally",
		 "terms", "conditions", "warranty"},
		{"licens", "licenc", "copi", "copyright", "legal", "warranti"}},
	{{"file", "path", "disk", "directory", "folder", "location", "stored", "store", "keep",
		 "saved", "machine", "system", "read"},
		{"file", "directori", "path", "locat"}},
	{{"return", "returned", "result", "success", "succeed", "failure", "fail", "caller",
		 "value", "back"},
		{"return", "valu", "result", "error", "diagnost"}},
	{{"exit", "status", "code", "finish", "outcome", "command", "returned", "result", "back"},
		{"exit", "statu", "code", "return", "diagnost"}},
	{{"limitation", "weakness", "weaknesses", "shortcoming", "caveat", "known", "beware",
		 "careful", "defect", "bug", "problem", "wrong", "unsupported", "properly",
		 "short"},
		{"bug", "caveat", "limit", "known", "warn", "restrict", "todo"}},
	{{"example", "sample", "demonstrate", "demonstration", "show", "practice", "typical", "try",
		 "usage", "used", "copy", "call"},
		{"exampl", "usag", "synopsi", "tutori", "sampl"}},
	{{"further", "related", "reading", "learn", "documentation", "reference", "similar", "page",
		 "pages", "manual", "subject", "read", "afterwards"},
		{"see", "refer", "relat", "document", "link", "resourc"}},
	{{"history", "appear", "appeared", "origin", "originally", "past", "old", "age", "born",
		 "came", "introduced", "release", "began"},
		{"histori", "news", "chang", "origin"}},
	{{"install", "installation", "setup", "compile", "compiled", "build", "built", "machine",
		 "download", "downloaded", "start", "begin", "ready", "place"},
		{"instal", "build", "compil", "setup", "start", "quick"}},
	{{"need", "require", "requirement", "depend", "dependency", "dependencies", "prerequisite",
		 "library", "libraries", "package", "beforehand", "run", "rest", "lean"},
		{"requir", "depend", "prerequisit"}},
	{{"environment", "variable", "influence"}, {"environ", "variabl"}},
	{{"option", "switch", "flag", "argument"}, {"option", "flag", "argument"}},
};

void related_headings(
	struct word word, void *context, void (*sink)(void *context, const char *term))
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const struct section *section = &sections[i];
		int is_asked = 0;

		for (size_t k = 0; k < WORDS_MAX && section->asked[k] && !is_asked; k++) {
			const char *asked = section->asked[k];

			is_asked = words_related(word, (struct word){asked, strlen(asked)});
		}
		for (size_t k = 0; is_asked && k < ARRAY_LEN(section->said) && section->said[k];
			k++) {
			sink(context, section->said[k]);
		}
	}
}

const char *related_number(struct word word)
{
	static const char *const names[] = {"zero", "two", "three", "four", "five", "six", "seven",
		"eight", "nine", "ten", "eleven", "twelve"};
	static const char *const digits[] = {
		"0", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (words_equal(word, (struct word){names[i], strlen(names[i])})) {
			return digits[i];
		}
	}
	return NULL;
}
