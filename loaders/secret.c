/*
 * Names, and shapes in the text. The shapes are those that the services document; what is only an
 * example of one (AKIAIOSFODNN7EXAMPLE, a row of x) is none.
 *
 * A file is searched once, for pairs of bytes that the words of secrets begin with; then each place is
 * looked at closely.
 */
#include "loaders/secret.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* ---- names ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

static int is_one_of(const char *name, const char *const *list)
{
	while (*list && strcasecmp(name, *list) != 0) {
		list++;
	}
	return *list != NULL;
}

/* What is there to be read: .env.example, sample.env. */
static const char *const example_names[] = {
	"example",
	"sample",
	"template",
	"dist",
	"defaults",
	"default",
	"tpl",
	"schema",
	"vault",
	NULL,
};

/* .env, .env.production; not .env.example and its like. Of production.env the text decides. */
static int is_environment(const char *name)
{
	const char *last = strrchr(name, '.');

	return strcmp(name, ".envrc") == 0 || strcmp(name, ".env") == 0 ||
	       (strncmp(name, ".env.", 5) == 0 && !is_one_of(last + 1, example_names));
}

const char *secret_of_name(const char *path)
{
	static const char *const key[] = {
		"id_rsa",
		"id_dsa",
		"id_ecdsa",
		"id_ed25519",
		"id_ecdsa_sk",
		"id_ed25519_sk",
		NULL,
	};
	static const char *const credentials[] = {
		".netrc",
		"_netrc",
		".pgpass",
		".htpasswd",
		".git-credentials",
		".my.cnf",
		".mylogin.cnf",
		".dockercfg",
		".vault-token",
		".s3cfg",
		".boto",
		".rhosts",
		"credentials",
		"credentials.json",
		"credentials.csv",
		"application_default_credentials.json",
		"terraform.tfstate",
		NULL,
	};
	static const char *const store[] = {
		".p12",
		".pfx",
		".kdbx",
		".kdb",
		".jks",
		".keystore",
		".ppk",
		".agekey",
		NULL,
	};
	static const char *const history[] = {
		".bash_history",
		".zsh_history",
		".sh_history",
		".psql_history",
		".mysql_history",
		".sqlite_history",
		".python_history",
		".node_repl_history",
		NULL,
	};
	const char *name = base_name(path);

	if (is_environment(name)) {
		return "may hold secrets (an environment file)";
	}
	if (is_one_of(name, key)) {
		return "may hold a private key (an SSH identity)";
	}
	if (is_one_of(name, credentials) || ends_with(path, ".docker/config.json") ||
		ends_with(path, ".kube/config") || ends_with(name, ".tfstate") ||
		ends_with(name, ".tfstate.backup") || ends_with(path, "etc/shadow") ||
		ends_with(path, "etc/gshadow")) {
		return "may hold credentials";
	}
	if (is_one_of(name, history)) {
		return "may hold secrets (a history of commands)";
	}
	for (size_t i = 0; store[i]; i++) {
		if (ends_with(name, store[i])) {
			return "may hold private keys (a key store)";
		}
	}
	return NULL;
}

/* ---- shapes ---- */

/* A place in a text where a secret's first word was found. */
struct place {
	const char *text; /* the whole */
	const char *at;   /* the word */
	const char *end;  /* of the whole */
	size_t word_len;
};

enum charset { ALNUM, UPPER, HEX, WORD, BASE64 };

static int in_charset(enum charset charset, unsigned char c)
{
	switch (charset) {
	case ALNUM:
		return isalnum(c);
	case UPPER:
		return isupper(c) || isdigit(c);
	case HEX:
		return isxdigit(c);
	case WORD:
		return isalnum(c) || c == '_' || c == '-';
	case BASE64:
	default:
		return isalnum(c) || c == '+' || c == '/' || c == '=';
	}
}

static size_t run(const char *at, const char *end, enum charset charset)
{
	size_t n = 0;

	while (at + n < end && in_charset(charset, (unsigned char)at[n])) {
		n++;
	}
	return n;
}

/* The word is not the middle of a longer one. */
static int begins(const struct place *place)
{
	return place->at == place->text || !in_charset(WORD, (unsigned char)place->at[-1]);
}

static int holds_word(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	for (size_t i = 0; i + word_len <= len; i++) {
		if (strncasecmp(text + i, word, word_len) == 0) {
			return 1;
		}
	}
	return 0;
}

/*
 * Whether it looks drawn by lot: many different characters, digits among them, no alphabet, and no
 * word that says that it is an example.
 */
static int is_random(const char *text, size_t len)
{
	static const char *const example[] = {
		"example",
		"xxxx",
		"0000",
		"1234",
		"abcd",
		"your",
		"test",
		"fake",
		"dummy",
		"sample",
		"secret",
		"token",
		"redacted",
	};
	unsigned char seen[256] = {0};
	size_t n_different = 0, n_digits = 0;

	for (size_t i = 0; i < len; i++) {
		n_different += !seen[(unsigned char)text[i]];
		seen[(unsigned char)text[i]] = 1;
		n_digits += isdigit((unsigned char)text[i]) != 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(example); i++) {
		if (holds_word(text, len, example[i])) {
			return 0;
		}
	}
	return n_digits > 0 && n_digits < len && n_different >= (len >= 24 ? 10 : 7);
}

/* The word, then between min and max characters drawn by lot. */
static int is_token(const struct place *place, enum charset charset, size_t min, size_t max)
{
	const char *body = place->at + place->word_len;
	size_t len = run(body, place->end, charset);

	return begins(place) && len >= min && len <= max && is_random(body, len);
}

static size_t count_different(const char *text, size_t len)
{
	unsigned char seen[256] = {0};
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		n += !seen[(unsigned char)text[i]];
		seen[(unsigned char)text[i]] = 1;
	}
	return n;
}

/* The same where the word says enough: anything but a row of x. */
static int is_issued(const struct place *place, enum charset charset, size_t min, size_t max)
{
	const char *body = place->at + place->word_len;
	size_t len = run(body, place->end, charset);

	return begins(place) && len >= min && len <= max && count_different(body, len) >= 8;
}

/* A line of base64, which has a digit, as names in a text about keys have not. */
static int is_key_data(const char *text, size_t len)
{
	size_t n_digits = 0;

	for (size_t i = 0; i < len; i++) {
		n_digits += isdigit((unsigned char)text[i]) != 0;
	}
	return len >= 16 && n_digits > 0;
}

/*
 * "-----BEGIN ... PRIVATE KEY-----" and a body of base64: programs that write or look for keys know
 * the line alone. The body may stand in a string, its lines ended by "\n" in letters.
 */
static int is_private_key(const struct place *place)
{
	enum { MIN_BODY = 56, MAX_LOOK = 2048 };
	const char *p = place->at, *line = place->at, *end;
	size_t n_body = 0;

	while (line > place->text && line[-1] != '\n' && place->at - line < 40) {
		line--;
	}
	if (!memmem(line, (size_t)(place->at - line), "-----BEGIN ", 11)) {
		return 0;
	}
	p += place->word_len;
	end = place->end - p > MAX_LOOK ? p + MAX_LOOK : place->end;
	if (end - p > 6 && memcmp(p, " BLOCK", 6) == 0) {
		p += 6;
	}
	if (end - p < 5 || memcmp(p, "-----", 5) != 0) {
		return 0;
	}
	for (p += 5; p < end && n_body < MIN_BODY;) {
		size_t len = run(p, end, BASE64);

		if (is_key_data(p, len)) {
			n_body += len;
		} else if (*p == '<' || *p == '{' ||
			   (end - p >= 3 &&
				   (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0))) {
			return 0; /* the end of the key, "...", a variable */
		}
		/* Else a head's words ("Proc-Type: 4,ENCRYPTED"), quotes, an end of line in letters. */
		p += len > 0 ? len : *p == '\\' && end - p > 1 ? 2 : 1;
	}
	return n_body >= MIN_BODY;
}

static int is_aws(const struct place *place)
{
	return is_token(place, UPPER, 16, 16);
}

static int is_github(const struct place *place)
{
	return is_issued(place, ALNUM, 36, 255);
}

static int is_github_fine(const struct place *place)
{
	return is_token(place, WORD, 82, 255);
}

/* xoxb-123456789012-1234567890123-...: numbers, then a word drawn by lot. */
static int is_slack(const struct place *place)
{
	const char *body = place->at + place->word_len;
	size_t len = run(body, place->end, WORD), digits = 0, tail = 0;

	while (digits < len && isdigit((unsigned char)body[digits])) {
		digits++;
	}
	while (tail < len && body[len - tail - 1] != '-') {
		tail++;
	}
	return begins(place) && digits >= 10 && len <= 255 && tail < len && tail >= 16 &&
	       count_different(body + len - tail, tail) >= 8;
}

/* Those that are renewed, of apps, and of sessions: xoxe-1-..., xapp-1-A012-...: long. */
static int is_slack_long(const struct place *place)
{
	return is_token(place, WORD, 60, 512);
}

static int is_slack_hook(const struct place *place)
{
	const char *body = place->at + place->word_len;
	size_t len = run(body, place->end, BASE64);

	return len >= 40 && len <= 80 && (body[0] == 'T' || body[0] == 'B') && is_random(body, len);
}

/* OpenAI's: sk-..., sk-proj-..., sk-ant-...: long, with upper case and digits. */
static int is_openai(const struct place *place)
{
	const char *body = place->at + place->word_len;
	size_t len = run(body, place->end, WORD), n_upper = 0, n_lower = 0;

	for (size_t i = 0; i < len; i++) {
		n_upper += isupper((unsigned char)body[i]) != 0;
		n_lower += islower((unsigned char)body[i]) != 0;
	}
	return is_token(place, WORD, 40, 255) && n_upper >= 5 && n_lower >= 5;
}

static int is_google(const struct place *place)
{
	return is_token(place, WORD, 35, 35);
}

static int is_gitlab(const struct place *place)
{
	return is_token(place, WORD, 20, 64);
}

static int is_stripe(const struct place *place)
{
	return is_issued(place, ALNUM, 20, 247);
}

static int is_npm(const struct place *place)
{
	return is_token(place, ALNUM, 36, 36);
}

static int is_pypi(const struct place *place)
{
	return is_token(place, WORD, 80, 512);
}

static int is_hugging_face(const struct place *place)
{
	return is_token(place, ALNUM, 34, 34);
}

static int is_age(const struct place *place)
{
	return is_token(place, UPPER, 58, 58);
}

static int is_sendgrid(const struct place *place)
{
	const char *body = place->at + place->word_len;
	size_t first = run(body, place->end, WORD);

	return begins(place) && first == 22 && body + first < place->end && body[first] == '.' &&
	       run(body + first + 1, place->end, WORD) == 43 && is_random(body, first);
}

static int is_digital_ocean(const struct place *place)
{
	return is_token(place, HEX, 64, 64);
}

/* What stands beside the name: 'aws_secret_access_key = "..."', in any language's words. */
static int is_aws_secret(const struct place *place)
{
	enum { MAX_BETWEEN = 16 };
	const char *p = place->at + place->word_len, *from = p;

	while (p < place->end && p - from < MAX_BETWEEN && strchr(" \t\"'`=:>,()[]", *p) && *p) {
		p++;
	}
	return p > from && run(p, place->end, BASE64) == 40 && is_random(p, 40);
}

/* "root:$y$...:19000:": a line of a shadow file, its hash at the least 22 characters. */
static int is_shadow(const struct place *place)
{
	enum { MAX_NAME = 64, MIN_HASH = 22 };
	const char *line = place->at, *p = place->at + place->word_len;
	size_t n_hash = 0;

	while (line > place->text && place->at - line < MAX_NAME &&
		(in_charset(WORD, (unsigned char)line[-1]) || line[-1] == '.')) {
		line--;
	}
	if (line == place->at || (line > place->text && line[-1] != '\n')) {
		return 0;
	}
	for (; p < place->end &&
		(in_charset(BASE64, (unsigned char)*p) || (*p && strchr("$.,", *p)));
		p++) {
		n_hash = *p == '$' ? 0 : n_hash + 1;
	}
	return n_hash >= MIN_HASH && count_different(p - n_hash, n_hash) >= 10 &&
	       place->end - p >= 2 && p[0] == ':' && (isdigit((unsigned char)p[1]) || p[1] == ':');
}

static int is_putty(const struct place *place)
{
	return place->at == place->text;
}

static const struct shape {
	const char *word; /* what it begins with; the search knows its first four bytes */
	int (*is_secret)(const struct place *place);
	const char *reason;
} shape[] = {
	{"PRIVATE KEY", is_private_key, "holds a private key"},
	{"PuTTY-User-Key-File-", is_putty, "holds a private key (PuTTY)"},
	{"AGE-SECRET-KEY-1", is_age, "holds a private key (age)"},
	{"AKIA", is_aws, "holds an access key (AWS)"},
	{"ASIA", is_aws, "holds an access key (AWS)"},
	{"aws_secret_access_key", is_aws_secret, "holds an access key (AWS)"},
	{"AWS_SECRET_ACCESS_KEY", is_aws_secret, "holds an access key (AWS)"},
	{":$y$", is_shadow, "may hold passwords (a shadow file)"},
	{":$gy$", is_shadow, "may hold passwords (a shadow file)"},
	{":$7$", is_shadow, "may hold passwords (a shadow file)"},
	{":$6$", is_shadow, "may hold passwords (a shadow file)"},
	{":$5$", is_shadow, "may hold passwords (a shadow file)"},
	{":$2b$", is_shadow, "may hold passwords (a shadow file)"},
	{":$1$", is_shadow, "may hold passwords (a shadow file)"},
	{"ghp_", is_github, "holds an access token (GitHub)"},
	{"gho_", is_github, "holds an access token (GitHub)"},
	{"ghu_", is_github, "holds an access token (GitHub)"},
	{"ghs_", is_github, "holds an access token (GitHub)"},
	{"ghr_", is_github, "holds an access token (GitHub)"},
	{"github_pat_", is_github_fine, "holds an access token (GitHub)"},
	{"glpat-", is_gitlab, "holds an access token (GitLab)"},
	{"xoxa-", is_slack, "holds an access token (Slack)"},
	{"xoxb-", is_slack, "holds an access token (Slack)"},
	{"xoxp-", is_slack, "holds an access token (Slack)"},
	{"xoxr-", is_slack, "holds an access token (Slack)"},
	{"xoxs-", is_slack, "holds an access token (Slack)"},
	{"xoxe-", is_slack_long, "holds an access token (Slack)"},
	{"xoxc-", is_slack_long, "holds an access token (Slack)"},
	{"xoxd-", is_slack_long, "holds an access token (Slack)"},
	{"xapp-", is_slack_long, "holds an access token (Slack)"},
	{"hooks.slack.com/services/", is_slack_hook, "holds an access token (Slack)"},
	{"AIza", is_google, "holds an access key (Google)"},
	{"sk_live_", is_stripe, "holds an access key (Stripe)"},
	{"rk_live_", is_stripe, "holds an access key (Stripe)"},
	{"npm_", is_npm, "holds an access token (npm)"},
	{"pypi-AgE", is_pypi, "holds an access token (PyPI)"},
	{"hf_", is_hugging_face, "holds an access token (Hugging Face)"},
	{"dop_v1_", is_digital_ocean, "holds an access token (DigitalOcean)"},
	{"SG.", is_sendgrid, "holds an access key (SendGrid)"},
	{"sk-", is_openai, "holds an access key (OpenAI, Anthropic)"},
};

/* ---- the search ---- */

enum { FIRST = 3, BLOCK = 16 }; /* bytes of the shortest word; bytes that are looked at together */

/* Of two bytes: whether a word begins with them (BEGINS), or goes on so behind its first (GOES_ON). */
static uint8_t possible[65536];
enum { BEGINS = 1, GOES_ON = 2 };
static uint64_t of_first[256]; /* the words that begin with a byte, a bit for each */
_Static_assert(ARRAY_LEN(shape) <= 64, "a bit for each word");

static size_t pair(const char *at)
{
	return (size_t)(unsigned char)at[0] | (size_t)(unsigned char)at[1] << 8;
}

static void prepare(void)
{
	static int is_prepared;

	for (size_t i = 0; i < ARRAY_LEN(shape) && !is_prepared; i++) {
		possible[pair(shape[i].word)] |= BEGINS;
		possible[pair(shape[i].word + 1)] |= GOES_ON;
		of_first[(unsigned char)shape[i].word[0]] |= (uint64_t)1 << i;
	}
	is_prepared = 1;
}

static const char *look(const char *text, const char *at, const char *end)
{
	for (uint64_t bits = of_first[(unsigned char)*at]; bits; bits &= bits - 1) {
		const struct shape *candidate = &shape[__builtin_ctzll(bits)];
		const char *word = candidate->word;
		struct place place = {text, at, end, 0};

		if (end - at < FIRST || at[1] != word[1] || at[2] != word[2]) {
			continue;
		}
		place.word_len = strlen(word);
		if ((size_t)(end - at) > place.word_len && memcmp(at, word, place.word_len) == 0 &&
			candidate->is_secret(&place)) {
			return candidate->reason;
		}
	}
	return NULL;
}

/* Every other pair of bytes tells whether a word begins at it, or one byte in front of it. */
static const char *look_at_block(const char *text, const char *at, const char *end)
{
	const char *reason = NULL;
	unsigned found = 0;

	for (size_t i = 0; i < BLOCK; i += 2) {
		found |= possible[pair(at + i)];
	}
	for (size_t i = 0; found && i < BLOCK && !reason; i += 2) {
		unsigned which = possible[pair(at + i)];

		if ((which & GOES_ON) && at + i > text) {
			reason = look(text, at + i - 1, end);
		}
		if ((which & BEGINS) && !reason) {
			reason = look(text, at + i, end);
		}
	}
	return reason;
}

/* production.env with a line such as "DB_PASSWORD=..."; U-Boot's, say, have none. */
static int is_secret_environment(const char *name, const char *text, size_t len)
{
	static const char *const word[] = {"password", "passwd", "secret", "token", "api_key",
		"apikey", "private_key", "access_key"};
	size_t name_len = strlen(name);

	for (const char *const *example = example_names; *example; example++) {
		size_t example_len = strlen(*example);

		if (name_len == example_len + 4 && strncasecmp(name, *example, example_len) == 0) {
			return 0;
		}
	}
	for (const char *end = text + len; text < end;) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = feed ? feed : end;
		const char *equals = memchr(text, '=', (size_t)(line_end - text));

		for (size_t i = 0; equals && line_end - equals > 4 && i < ARRAY_LEN(word); i++) {
			if (*text != '#' && holds_word(text, (size_t)(equals - text), word[i])) {
				return 1;
			}
		}
		text = feed ? feed + 1 : end;
	}
	return 0;
}

/* Whether the settings of kubectl let somebody in: a key, or a token that is no word. */
static int is_kubernetes(const char *text, size_t len)
{
	static const char *const word[] = {"client-key-data:", "token:"};
	const char *end = text + len;

	if (!memmem(text, len, "kind: Config", 12) || !memmem(text, len, "clusters:", 9)) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(word); i++) {
		const char *at = text;

		while ((at = memmem(at, (size_t)(end - at), word[i], strlen(word[i])))) {
			size_t n = 0;

			at += strlen(word[i]);
			while (at < end && (*at == ' ' || *at == '"' || *at == '\'')) {
				at++;
			}
			while (at + n < end && at[n] &&
				(in_charset(BASE64, (unsigned char)at[n]) ||
					strchr("-_.:", at[n]))) {
				n++;
			}
			if (n >= 16 && count_different(at, n) >= 8) {
				return 1;
			}
		}
	}
	return 0;
}

/* A list of passwords by its name, also of a copy of it, and its first line: "root:*:19000:0:". */
static int is_shadow_copy(const char *name, const char *text, size_t len)
{
	const char *feed = memchr(text, '\n', len);
	size_t line_len = feed ? (size_t)(feed - text) : len, n_colons = 0;

	name += *name == 'g';
	if (strncmp(name, "shadow", 6) != 0 || (name[6] && !strchr("-~.", name[6]))) {
		return 0;
	}
	for (size_t i = 0; i < line_len; i++) {
		n_colons += text[i] == ':';
	}
	return n_colons >= 3 && text[0] != ':' && !memchr(text, ' ', line_len);
}

/* Names that often hold secrets, and words that say that this one does. */
static const char *secret_of_kind(const char *path, const char *text, size_t len)
{
	static const char *const kubernetes[] = {"config", "kubeconfig", NULL};
	const char *name = base_name(path);

	if (strcmp(name, ".npmrc") == 0 &&
		(memmem(text, len, "_authToken=", 11) || memmem(text, len, "_password=", 10) ||
			memmem(text, len, "_auth=", 6))) {
		return "holds an access token (npm)";
	}
	if (ends_with(name, ".env") && is_secret_environment(name, text, len)) {
		return "may hold secrets (an environment file)";
	}
	if (is_shadow_copy(name, text, len)) {
		return "may hold passwords (a shadow file)";
	}
	if ((is_one_of(name, kubernetes) || ends_with(name, ".yaml") || ends_with(name, ".yml") ||
		    ends_with(name, ".conf") || ends_with(name, ".kubeconfig")) &&
		is_kubernetes(text, len)) {
		return "may hold credentials (Kubernetes)";
	}
	if (strcmp(name, ".pypirc") == 0 && memmem(text, len, "password", 8)) {
		return "holds a password (PyPI)";
	}
	if (ends_with(name, ".key") && len < 65536 && !memmem(text, len, "PUBLIC KEY", 10) &&
		!memmem(text, len, "BEGIN CERTIFICATE", 17)) {
		size_t n_lines = 0;

		for (size_t i = 0; i < len; i++) {
			n_lines += text[i] == '\n';
		}
		/* One word, as Rails' master.key; what is longer is a private key or something else. */
		if (n_lines <= 1 && len >= 16 && run(text, text + len, BASE64) + 2 >= len) {
			return "may hold a secret key";
		}
	}
	return NULL;
}

const char *secret_of_text(const char *path, const char *text, size_t len)
{
	const char *reason = secret_of_kind(path, text, len);
	const char *at = text, *end = text + len;

	prepare();
	for (; !reason && end - at >= BLOCK; at += BLOCK) {
		reason = look_at_block(text, at, end);
	}
	/* The last bytes, and a word that begins with the last of a block. */
	for (at -= at > text; !reason && at < end; at++) {
		reason = look(text, at, end);
	}
	return reason;
}
