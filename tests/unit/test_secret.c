/* What holds a secret, and what only looks like it (promise 17). Every key here was made up. */
#include "loaders/secret.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

static void names_of_secrets_are_known(void **state)
{
	static const char *const secret[] = {".env", "a/.env", ".env.local", ".env.production",
		"id_rsa", ".ssh/id_ed25519", "x.p12", "x.PFX", "a.kdbx", ".netrc", ".pgpass",
		"web/.htpasswd", ".aws/credentials", "credentials", "credentials.json",
		".git-credentials", "prod.tfstate", "x.jks", ".docker/config.json",
		"release.keystore", ".bash_history", "terraform.tfstate.backup"};
	static const char *const plain[] = {".env.example", ".env.sample", "a/.env.template", "env",
		".environment", "id_rsa.pub", "id_rsa.c", "credentials.c", "credentials.rst",
		"key.c", "x.pem", "config.json", "kdbx.go", "keystore.java", "netrc.c",
		"docker/config.json", "envoy.yaml", "history.md", "tfstate.go", "x.env.c",
		"board.env"};

	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		if (!secret_of_name(secret[i])) {
			fail_msg("%s is taken for no secret", secret[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		if (secret_of_name(plain[i])) {
			fail_msg("%s is taken for a secret", plain[i]);
		}
	}
}

/* Written in two pieces, so that nobody's scanner takes this file for one that leaks. */
struct sample {
	const char *path, *head, *rest;
};

static const char *look(const struct sample *sample, struct buf *text)
{
	buf_clear(text);
	buf_addstr(text, "some words in front\nkey = \"");
	buf_addstr(text, sample->head);
	buf_addstr(text, sample->rest);
	buf_addstr(text, "\"\nand behind\n");
	return secret_of_text(sample->path, text->data, text->len);
}

static void shapes_of_secrets_are_found(void **state)
{
	static const struct sample sample[] = {
		{"a.py", "AKIA", "Q7ZP3VN2KX5WJ8RT"},
		{"a.py", "ghp_", "k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViX"},
		{"a.py", "github_pat_",
			"11AQCZEFG0q8Zk3JvQ9xTz_"
			"7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBwKyCu0LpDhSgFqAzQe93Rv7Bn"
			"7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBwKyCu0LpDhSgFqAzQe93Rv7Bn"},
		{"a.py", "glpat-", "Zk3JvQ9xTz7LmRb2WnYc"},
		{"a.py", "xoxb-", "370582914660-370582914661-Zk3JvQ9xTz7LmRb2WnYc8Hd5"},
		{"a.py", "hooks.slack.com/services/",
			"T8Q2KX5WJ/B8RTQ7ZP3/Zk3JvQ9xTz7LmRb2WnYc8Hd5"},
		{"a.py", "AIza", "SyQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViX3"},
		{"a.py", "sk_live_", "k3JvQ9xTz7LmRb2WnYc8Hd5P"},
		{"a.py", "npm_", "k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViX"},
		{"a.py", "hf_", "kJvQ9xTz7LmRbWnYcHd5PfGsUa6EoViXqZ"},
		{"a.py", "sk-", "proj-k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBw"},
		{"a.py", "sk-ant-", "api03-k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBw"},
		{".npmrc", "//registry.example/:_authToken=", "k3JvQ9xTz7Lm"},
		{"deploy/production.env", "\nDB_PASSWORD=", "correct horse"},
		{"stage.env", "\nexport STRIPE_API_KEY=", "k3JvQ9xTz7Lm"},
	};
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(sample); i++) {
		if (!look(&sample[i], &text)) {
			fail_msg("%s%s is not found", sample[i].head, sample[i].rest);
		}
	}
	buf_finish(&text);
}

static void examples_and_words_are_no_secrets(void **state)
{
	static const struct sample sample[] = {
		{"a.md", "AKIA", "IOSFODNN7EXAMPLE"},
		{"a.c", "AKIA", "Q7ZP3VN2KX5WJ8RTMORE"},
		{"a.c", "XAKIA", "Q7ZP3VN2KX5WJ8RT"},
		{"a.md", "ghp_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		{"a.md", "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{"a.c", "aws_secret_access_key", "(k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViX)"},
		{"shadow.c", ":$6$", "is SHA-512, :$y$ is yescrypt: see crypt(5)"},
		{"a.c", "ghp_", "short"},
		{"a.css", "mask-", "image-linear-gradient-to-right-top-bottom-left-center"},
		{"a.c", "task-", "k3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBw"},
		{"a.html", "sk-", "circle-fade-dot-large-container-wrapper-inner-12"},
		{"a.c", "AIza", "is_a_prefix_of_keys"},
		{"a.c", "hf_", "register_frequency_of_oscillator_1"},
		{"a.c", "npm_", "config_registry_of_some_kind_or_other"},
		{"a.c", "SG.", "com"},
		{"a.c", "xoxb-", "123456789012-1234567890123-..."},
		{"a.md", "xoxb-", "your-token-here-please-and-thank-you"},
		{"package.json", "//registry.example/:_authToken=", "k3JvQ9xTz7Lm"},
		{"board/ti/am62x.env", "\nbootdir=", "/boot"},
		{"example.env", "\nDB_PASSWORD=", "correct horse"},
		{"stage.env", "\n# DB_PASSWORD=", "correct horse"},
		{"stage.env", "\nDB_PASSWORD=", ""},
	};
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(sample); i++) {
		const char *reason = look(&sample[i], &text);

		if (reason) {
			fail_msg("%s%s: %s", sample[i].head, sample[i].rest, reason);
		}
	}
	buf_finish(&text);
}

/* Files whose names and first words say what stands in them. */
static void lists_of_credentials_are_known(void **state)
{
	static const char kube[] = "apiVersion: v1\nkind: Config\nclusters:\n- name: a\nusers:\n"
				   "- name: b\n  user:\n    ";
	static const struct {
		const char *path, *head, *rest;
		int is_secret;
	} file[] = {
		{"shadow", "root:*:19000:0:99999:7:::\n", "", 1},
		{"backups/shadow.bak", "root:!:19000:0:99999:7:::\n", "", 1},
		{"gshadow-", "root:*::\n", "", 1},
		{"shadow.md", "About shadows: what: they: are\n", "", 0},
		{"config", kube, "token: k3JvQ9xTz7LmRb2WnYc8\n", 1},
		{"prod.yaml", kube, "client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt\n", 1},
		{"prod.yaml", kube, "token: REDACTED\n", 0},
		{"prod.yaml", "kind: ConfigMap\n", "token: k3JvQ9xTz7LmRb2WnYc8\n", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(file); i++) {
		char *text = mem_printf("%s%s", file[i].head, file[i].rest);

		if ((secret_of_text(file[i].path, text, strlen(text)) != NULL) !=
			file[i].is_secret) {
			fail_msg("%s: %s", file[i].path, text);
		}
		free(text);
	}
}

static const char body[] = "MIIEpAIBAAKCAQEA0Zk3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jNrBwKy\n"
			   "Cu0LpDhSgFqAzQe93Rv7BnZk3JvQ9xTz7LmRb2WnYc8Hd5PfGs1Ua6EoViXtM4jN\n";

static void private_keys_need_a_body(void **state)
{
	static const struct {
		const char *format; /* of the kind's name and the body */
		int is_secret;
	} text[] = {
		{"-----BEGIN %s-----\n%s-----END\n", 1},
		{"-----BEGIN %s-----\r\n%s", 1},
		{"  key: |\n    -----BEGIN %s-----\n    %s", 1},
		{"\"private_key\": \"-----BEGIN %s-----\\n%s\\n-----END\"", 1},
		{"k = '-----BEGIN %s-----\\n' +\n'%s'", 1},
		{"-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00AA\n\n%s", 1},
		{"if (strstr(p, \"-----BEGIN %s-----\")) {\n\treturn 1;\n}\n/* %.0s */\n", 0},
		{"-----BEGIN %s-----\n...\n%s", 0},
		{"-----BEGIN %s-----\n<your key>\n%.0s", 0},
		{"BEGIN %s\n%s", 0},
		{"key=\"-----BEGIN %s-----\\\\nXXXX\\\\nXXXX\\\\n-----END\nIt is not a path.%.0s",
			0},
		{" * FILTER_BEGIN: The \"-----BEGIN %s-----\" marker has been found.\n *\n"
		 " * The current state of the FilterOpenPrivateKeys and FilterPrivateKeysOfOthers, "
		 "which see certainlyEncryptedMessages.%.0s\n",
			0},
	};
	static const char *const kind[] = {"RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY",
		"OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"};

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		for (size_t k = 0; k < ARRAY_LEN(kind); k++) {
			struct buf bytes = BUF_INIT;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			buf_printf(&bytes, text[i].format, kind[k], body);
#pragma GCC diagnostic pop
			if ((secret_of_text("a", bytes.data, bytes.len) != NULL) !=
				text[i].is_secret) {
				fail_msg("%s", bytes.data);
			}
			buf_finish(&bytes);
		}
	}
}

static void certificates_and_public_keys_are_read(void **state)
{
	static const char *const kind[] = {"CERTIFICATE", "PUBLIC KEY", "PGP PUBLIC KEY BLOCK"};

	for (size_t i = 0; i < ARRAY_LEN(kind); i++) {
		struct buf bytes = BUF_INIT;

		buf_printf(
			&bytes, "-----BEGIN %s-----\n%s-----END %s-----\n", kind[i], body, kind[i]);
		assert_null(secret_of_text("a.key", bytes.data, bytes.len));
		buf_finish(&bytes);
	}
}

/* Wherever it stands: at each offset, and at the very beginning and end. */
static void a_secret_is_found_at_every_offset(void **state)
{
	static const char token[] = "glpat-"
				    "Zk3JvQ9xTz7LmRb2WnYc";

	for (size_t offset = 0; offset < 200; offset++) {
		struct buf text = BUF_INIT;

		for (size_t i = 0; i < offset; i++) {
			uint32_t word[4];

			rng_philox(offset, i, word);
			buf_addch(&text, " \ngAhsx=./"[word[0] % 10]);
		}
		if (offset > 0) {
			text.data[offset - 1] = ' ';
		}
		buf_addstr(&text, token);
		assert_non_null(secret_of_text("a", text.data, text.len));
		buf_finish(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_secrets_are_known),
		cmocka_unit_test(shapes_of_secrets_are_found),
		cmocka_unit_test(examples_and_words_are_no_secrets),
		cmocka_unit_test(lists_of_credentials_are_known),
		cmocka_unit_test(private_keys_need_a_body),
		cmocka_unit_test(certificates_and_public_keys_are_read),
		cmocka_unit_test(a_secret_is_found_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
