/*
 * git's rules as git applies them: random trees with random patterns in every place that git reads
 * them from, beside `git ls-files --others --cached --exclude-standard`.
 */
#include "tests/unit/tree_fixture.h"

#include "base/rng.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

enum { N_TREES = 120, MAX_DEPTH = 3 };

struct forest {
	struct tree_fixture *tree;
	uint64_t seed, counter;
	struct buf described; /* the rules, for a message */
};

static uint32_t draw(struct forest *forest, uint32_t below)
{
	uint32_t word[4];

	rng_philox(forest->seed, forest->counter++, word);
	return word[0] % below;
}

static const char *pick(struct forest *forest, const char *const *list)
{
	uint32_t n = 0;

	while (list[n]) {
		n++;
	}
	return list[draw(forest, n)];
}

static const char *const names[] = {"a", "b", "ab", "foo", "foo.o", "b.c", ".x", "build", "a b",
	"x[1]", "A", "\xc3\xa4", "a\\b", "!a", "#a", "-", NULL};

static void add_pattern(struct forest *forest, struct buf *rules)
{
	static const char *const whole[] = {"*.o", "build/", "/a", "foo", "a/b", "**/b", "a/**",
		"a/**/b", "*", "/*", "*/", "!*.c", "!b.c", "!build/", "!foo", "/a/*", "!/a/b",
		"foo/*", "!a/", "**", ".*", "!foo.o", "a*", "/build", "**/a/*", "!*/", "a b",
		"x\\[1\\]", "x[1]", "foo ", "foo\\ ", "#a", "\\#a", "\\!a", "[a-b]", "[!a]*", "f??",
		"[[:alpha:]]", "[^[:lower:]]*", "a**b", "**foo", "foo**/b", "*/b", "/**/b", "/",
		"//", "a//", "!", "[]a]", "[a", "\\", "a\\", "***", "/**", "a/**/", "*a*b*",
		"\xc3\xa4", "[\xc3]\xa4", "?", "??", "a\t", "  ", "a\\\\b", "[a-", "[!]]", "[a\\]]",
		"[\\a-b]", "*[o", NULL};
	static const char *const piece[] = {"a", "b", "*", "**", "?", "foo", ".o", "[ab]", "[!a]",
		"/", "/", "build", ".c", "\\", "[", "x", " ", "]", "-", "!", "**/", "/**", NULL};
	static const char *const line_end[] = {"\n", "\n", "\n", "\n", "\r\n", " \n", "\n\n", NULL};

	if (draw(forest, 100) < 55) {
		buf_addstr(rules, pick(forest, whole));
	} else {
		buf_addstr(rules, draw(forest, 4) == 0 ? "!" : "");
		buf_addstr(rules, draw(forest, 5) == 0 ? "/" : "");
		for (uint32_t i = 0, n = 1 + draw(forest, 5); i < n; i++) {
			buf_addstr(rules, pick(forest, piece));
		}
	}
	buf_addstr(rules, pick(forest, line_end));
}

static void write_rules(struct forest *forest, const char *path, uint32_t most)
{
	struct buf rules = BUF_INIT;

	buf_addstr(&rules, draw(forest, 20) == 0 ? "\xef\xbb\xbf" : "");
	for (uint32_t i = 0, n = 1 + draw(forest, most); i < n; i++) {
		add_pattern(forest, &rules);
	}
	if (draw(forest, 8) == 0) {
		rules.len--; /* the last line may have no end */
	}
	tree_write_bytes(forest->tree, path, rules.data, rules.len);
	buf_printf(&forest->described, "== %s\n%.*s\n", path, (int)rules.len, rules.data);
	buf_finish(&rules);
}

static void grow(struct forest *forest, const char *folder, int depth)
{
	for (uint32_t i = 0, n = 1 + draw(forest, 6); i < n; i++) {
		char *path = mem_printf("%s%s", folder, pick(forest, names));
		char *below = mem_printf("%s/", path);

		if (depth < MAX_DEPTH && draw(forest, 2)) {
			grow(forest, below, depth + 1);
		} else {
			tree_write(forest->tree, path, "text\n");
		}
		free(below);
		free(path);
	}
	if (draw(forest, 100) < (depth == 0 ? 90 : 35)) {
		char *path = mem_printf("%s.gitignore", folder);

		write_rules(forest, path, 5);
		free(path);
	}
}

static int run(struct forest *forest, const char *arguments, struct buf *said)
{
	char *command = mem_printf("cd '%s' && git %s 2>/dev/null", forest->tree->root, arguments);
	FILE *git = popen(command, "r");
	char bytes[4096];
	size_t n;

	free(command);
	assert_non_null(git);
	while ((n = fread(bytes, 1, sizeof(bytes), git)) > 0) {
		buf_add(said, bytes, n);
	}
	return pclose(git);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What git would commit, each path once, as tree_list() writes it. */
static void list_by_git(struct forest *forest, struct buf *list)
{
	struct buf said = BUF_INIT;
	char **line = NULL;
	size_t n = 0, cap = 0;

	assert_int_equal(run(forest, "ls-files -z --others --cached --exclude-standard", &said), 0);
	for (size_t at = 0; at < said.len; at += strlen(said.data + at) + 1) {
		mem_grow(line, n, cap);
		line[n++] = said.data + at;
	}
	if (n > 0) {
		qsort(line, n, sizeof(*line), compare_lines);
	}
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(line[i], line[i - 1]) != 0) {
			buf_printf(list, "+ %s\n", line[i]);
		}
	}
	free(line);
	buf_finish(&said);
}

/* Only the parts of what tree_list() wrote. */
static void list_by_us(struct forest *forest, struct buf *list)
{
	const char *line = tree_list(forest->tree);

	while (*line) {
		size_t len = strcspn(line, "\n") + 1;

		if (line[0] == '+') {
			buf_add(list, line, len);
		} else if (!strstr(line, "version control") &&
			   !memmem(line, len, "is ignored by", 13) &&
			   !memmem(line, len, "holds no file", 13)) {
			buf_add(list, line, len); /* nothing else is left out */
		}
		line += len;
	}
}

static void compare(struct forest *forest)
{
	struct buf theirs = BUF_INIT, ours = BUF_INIT;

	list_by_git(forest, &theirs);
	list_by_us(forest, &ours);
	if (strcmp(buf_str(&theirs), buf_str(&ours)) != 0) {
		print_error("seed %lu\n%s-- git\n%s-- carrel\n%s", (unsigned long)forest->seed,
			buf_str(&forest->described), buf_str(&theirs), buf_str(&ours));
	}
	assert_string_equal(buf_str(&ours), buf_str(&theirs));
	buf_finish(&theirs);
	buf_finish(&ours);
}

static void test_random_trees_are_read_as_git_lists_them(void **state)
{
	for (uint64_t seed = 1; seed <= N_TREES; seed++) {
		struct tree_fixture tree;
		struct forest forest = {.tree = &tree, .seed = seed};
		struct buf said = BUF_INIT;

		assert_int_equal(tree_make(&tree), 0);
		assert_int_equal(run(&forest, "init -q", &said), 0);
		grow(&forest, "", 0);
		if (draw(&forest, 3) == 0) {
			write_rules(&forest, ".git/info/exclude", 3);
		}
		compare(&forest);
		/* What is tracked is read whatever the rules say. */
		if (draw(&forest, 2)) {
			static const char *const version[] = {"2", "4", NULL};
			char *add = mem_printf("-c index.version=%s add -f -- '%s*'",
				pick(&forest, version), pick(&forest, names));

			run(&forest, add, &said);
			run(&forest, "add -f -- foo b", &said);
			compare(&forest);
			free(add);
		}
		buf_finish(&said);
		buf_finish(&forest.described);
		tree_remove(&tree);
	}
}

static void test_the_users_own_rules_hold_everywhere(void **state)
{
	struct tree_fixture tree, home;
	struct forest forest = {.tree = &tree};
	struct buf said = BUF_INIT;
	char *old_home = mem_strdup(getenv("HOME")),
	     *old_xdg = mem_strdup(getenv("XDG_CONFIG_HOME"));

	assert_int_equal(tree_make(&tree), 0);
	assert_int_equal(tree_make(&home), 0);
	setenv("HOME", home.root, 1);
	unsetenv("XDG_CONFIG_HOME");
	tree_write(&tree, "a.c", "int a;\n");
	tree_write(&tree, "a.swp", "text\n");
	tree_write(&tree, "a.bak", "text\n");
	tree_write(&tree, "deep/a.tmp", "text\n");
	assert_int_equal(run(&forest, "init -q", &said), 0);

	tree_write(&home, ".config/git/ignore", "*.swp\n");
	tree_prepare();
	compare(&forest);
	assert_non_null(strstr(tree.said.data, "- a.swp: is ignored by "));
	tree_write(&home, ".gitconfig",
		"[user]\n\tname = x ; y\n[include]\n\tpath = more\n[core]\n\teditor = \"a "
		"\\\"b\\\" c\"\n");
	tree_write(&home, "more", "[Core] # here\n\tExcludesFile = \"~/my rules\" ; there\n");
	tree_write(&home, "my rules", "*.bak\n/deep/*.tmp\n");
	tree_prepare();
	compare(&forest);
	assert_non_null(strstr(tree.said.data, "+ a.swp\n"));
	assert_non_null(strstr(tree.said.data, "- deep/a.tmp: is ignored by "));
	/* A repository's own configuration is somebody else's, and not read. */
	tree_write(&tree, ".git/evil", "*\n");
	run(&forest, "config core.excludesFile .git/evil", &said);
	assert_non_null(strstr(tree_list(&tree), "+ a.c\n"));

	old_home ? setenv("HOME", old_home, 1) : unsetenv("HOME");
	if (old_xdg) {
		setenv("XDG_CONFIG_HOME", old_xdg, 1);
	}
	tree_prepare();
	free(old_home);
	free(old_xdg);
	buf_finish(&said);
	tree_remove(&home);
	tree_remove(&tree);
}

static void test_the_revision_is_gits(void **state)
{
	static const char commit[] =
		"-c user.name=a -c user.email=a@b commit -q --allow-empty -m x";
	static const char *const step[] = {"init -q -b main", commit, "pack-refs --all",
		"checkout -q -b other/branch", commit, "checkout -q --detach", "gc -q", NULL};
	struct tree_fixture tree;
	struct forest forest = {.tree = &tree};

	assert_int_equal(tree_make(&tree), 0);
	tree_write(&tree, "a.c", "int a;\n");
	for (size_t i = 0; step[i]; i++) {
		struct buf said = BUF_INIT;

		assert_int_equal(run(&forest, step[i], &said), 0);
		buf_clear(&said);
		if (run(&forest, "rev-parse --verify HEAD", &said) != 0) {
			buf_clear(&said);
			buf_addstr(&said, "none, of this");
		}
		said.data[strncmp(said.data, "none", 4) == 0 ? 4 : 12] = '\0';
		tree_list(&tree);
		assert_string_equal(tree.rev, said.data);
		buf_finish(&said);
	}
	tree_remove(&tree);
}

static int setup(void **state)
{
	/* Nobody's own rules and settings. */
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("HOME", "/nonexistent", 1);
	unsetenv("XDG_CONFIG_HOME");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_trees_are_read_as_git_lists_them),
		cmocka_unit_test(test_the_users_own_rules_hold_everywhere),
		cmocka_unit_test(test_the_revision_is_gits),
	};

	if (system("git --version >/dev/null 2>&1") != 0) {
		print_message("1..0 # SKIP git is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, NULL);
}
