#include "session/refusal.h"

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int refusal_is(const char *text, size_t len)
{
	static const char refusal[] = "the sources do not say";
	const size_t n = sizeof(refusal) - 1;
	size_t at = 0;

	while (len && (is_space(text[len - 1]) || text[len - 1] == '.')) {
		len--;
	}
	while (len && is_space(*text)) {
		text++;
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];

		if (is_space(c)) {
			c = ' ';
			if (at && refusal[at - 1] == ' ') {
				continue;
			}
		}
		if (at == n || c != refusal[at]) {
			return 0;
		}
		at++;
	}
	return at == n;
}
