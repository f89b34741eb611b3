/* Folders: which files become parts, which are left out, and what is said of them. */
#include "tests/unit/tree_fixture.h"

#include "loaders/secret.h"
#include "loaders/tree/rules.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

static int setup(void **state)
{
	static struct tree_fixture fixture;

	*state = &fixture;
	return tree_make(&fixture);
}

static int teardown(void **state)
{
	tree_remove(*state);
	return 0;
}

static void test_paths_come_in_the_order_of_their_bytes(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, "b.c", "int b;\n");
	tree_write(tree, "a/z.c", "int z;\n");
	tree_write(tree, "a.c", "int a;\n");
	tree_write(tree, "a-b/x.c", "int x;\n");
	tree_write(tree, "\xc3\xa4.c", "int x;\n");
	tree_write(tree, "B.c", "int B;\n");
	tree_write(tree, "a/b/c.c", "int c;\n");
	assert_string_equal(tree_list(tree),
		"+ B.c\n+ a-b/x.c\n+ a.c\n+ a/b/c.c\n+ a/z.c\n+ b.c\n+ \xc3\xa4.c\n");
	assert_int_equal(tree->n_part, 7);
	assert_int_equal(tree->n_bytes, 49);
}

/* As on kernels before 5.6, and where Landlock would let openat2() truncate. */
static int take_openat2_away(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		       ? -1
		       : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_without_openat2_the_same_is_read(void **state)
{
	struct tree_fixture *tree = *state;
	char *expected;
	pid_t child;
	int status;

	tree_write(tree, "a.c", "int a;\n");
	tree_write(tree, "a/b/c.c", "int c;\n");
	tree_write(tree, "a/z.c", "int z;\n");
	tree_write(tree, "a/.gitignore", "z.c\n");
	expected = mem_strdup(tree_list(tree));
	assert_non_null(strstr(expected, "+ a/b/c.c\n"));
	child = fork();
	if (child == 0) {
		_exit(take_openat2_away() < 0 ? 2 : strcmp(expected, tree_list(tree)) != 0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	free(expected);
}

static void test_a_reader_can_begin_behind_a_path(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, "a.c", "int a;\n");
	tree_write(tree, "a/z.c", "int z;\n");
	tree_write(tree, "b.c", "int b;\n");
	tree->options.resume_after = "a.c";
	assert_string_equal(tree_list(tree), "+ a/z.c\n+ b.c\n");
	tree->options.resume_after = "a/";
	assert_string_equal(tree_list(tree), "+ a/z.c\n+ b.c\n");
	tree->options.resume_after = "b.c";
	assert_string_equal(tree_list(tree), "");
}

static void test_rules_nest_and_name_their_line(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, ".gitignore", "# objects\n*.o\nbuild/\n!keep.o\n");
	tree_write(tree, "build/a/b/c.c", "int c;\n");
	tree_write(tree, "src/.gitignore", "!x.o\ngen.c\n");
	tree_write(tree, "src/x.o", "text\n");
	tree_write(tree, "src/y.o", "text\n");
	tree_write(tree, "src/gen.c", "int g;\n");
	tree_write(tree, "keep.o", "text\n");
	assert_string_equal(tree_list(tree), "+ .gitignore\n"
					     "- build/: is ignored by .gitignore:3 (build/)\n"
					     "+ keep.o\n"
					     "+ src/.gitignore\n"
					     "- src/gen.c: is ignored by src/.gitignore:2 (gen.c)\n"
					     "+ src/x.o\n"
					     "- src/y.o: is ignored by .gitignore:2 (*.o)\n");
}

/* From where the folder is named, however that is. */
static void test_a_rule_is_named_by_where_its_file_is_found(void **state)
{
	static const char *const named[][3] = {
		{"deep/er", "deep/.gitignore:1", "deep/er/.gitignore:1"},
		{"/a/deep/er/", "/a/deep/.gitignore:1", "/a/deep/er/.gitignore:1"},
		{"er", "by .gitignore:1", "er/.gitignore:1"},
		{".", "by ../.gitignore:1", "by .gitignore:1"},
		{"../er", "by ../.gitignore:1", "by ../er/.gitignore:1"},
		{"link", "by link/../.gitignore:1", "link/.gitignore:1"},
	};
	struct tree_fixture *tree = *state;

	tree_write(tree, ".git/HEAD", "ref: refs/heads/main\n");
	tree_write(tree, "deep/.gitignore", "*.o\n");
	tree_write(tree, "deep/er/.gitignore", "*.x\n");
	tree_write(tree, "deep/er/a.o", "text\n");
	tree_write(tree, "deep/er/a.x", "text\n");
	tree->options.subdir = "deep/er";
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		const char *said;

		tree->path = named[i][0];
		said = tree_list(tree);
		if (!strstr(said, named[i][1]) || !strstr(said, named[i][2])) {
			fail_msg("%s: %s", named[i][0], said);
		}
	}
}

static void test_carrelignore_is_stronger_than_git(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, ".gitignore", "docs/\n");
	tree_write(tree, ".carrelignore", "!docs/\n*.txt\n!Cargo.lock\n");
	tree_write(tree, "docs/a.md", "# a\n");
	tree_write(tree, "docs/a.txt", "a\n");
	tree_write(tree, "Cargo.lock", "[[package]]\n");
	tree_write(tree, "go.sum", "x\n");
	assert_string_equal(tree_list(tree),
		"+ .carrelignore\n+ .gitignore\n+ Cargo.lock\n+ docs/a.md\n"
		"- docs/a.txt: is ignored by .carrelignore:2 (*.txt)\n"
		"- go.sum: is a lock file\n");
}

static void test_globs_choose_files(void **state)
{
	static const char *const include[] = {"*.c", "doc/"};
	static const char *const exclude[] = {"/third/"};
	struct tree_fixture *tree = *state;

	tree_write(tree, "a.c", "int a;\n");
	tree_write(tree, "a.h", "int a;\n");
	tree_write(tree, "doc/b.md", "# b\n");
	tree_write(tree, "src/doc/c.md", "# c\n");
	tree_write(tree, "third/d.c", "int d;\n");
	tree->options.include = include;
	tree->options.n_include = 2;
	tree->options.exclude = exclude;
	tree->options.n_exclude = 1;
	assert_string_equal(tree_list(tree), "- : has 1 more file, which no --include names\n"
					     "+ a.c\n+ doc/b.md\n+ src/doc/c.md\n"
					     "- third/: is left out by --exclude /third/\n");
}

static void test_a_folder_in_a_repository_keeps_the_rules_above(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, ".git/HEAD", "0123456789abcdef0123456789abcdef01234567\n");
	tree_write(tree, ".git/info/exclude", "/src/local.c\n");
	tree_write(tree, ".gitignore", "/src/*.log\n/src/deep/x/\n");
	tree_write(tree, "src/a.log", "log\n");
	tree_write(tree, "src/local.c", "int l;\n");
	tree_write(tree, "src/deep/a.c", "int a;\n");
	tree_write(tree, "src/deep/x/b.c", "int b;\n");
	tree_write(tree, "other.c", "int o;\n");
	tree->options.subdir = "src";
	assert_string_equal(tree_list(tree),
		"- a.log: is ignored by ../.gitignore:1 (/src/*.log)\n"
		"+ deep/a.c\n"
		"- deep/x/: is ignored by ../.gitignore:2 (/src/deep/x/)\n"
		"- local.c: is ignored by .git/info/exclude:1 (/src/local.c)\n");
	assert_string_equal(tree->rev, "0123456789ab");
	/* It was named: what leaves it out does not count, what leaves files in it out does. */
	tree->options.subdir = "src/deep/x";
	assert_string_equal(tree_list(tree), "+ b.c\n");
}

static void test_the_revision_is_that_of_head(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, "a.c", "int a;\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "none");
	tree_write(tree, ".git/HEAD", "ref: refs/heads/main\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "none");
	tree_write(tree, ".git/packed-refs",
		"# pack-refs with: peeled fully-peeled sorted\n"
		"1111111111111111111111111111111111111111 refs/heads/mai\n"
		"2222222222222222222222222222222222222222 refs/heads/main\n"
		"^3333333333333333333333333333333333333333\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "222222222222");
	tree_write(tree, ".git/refs/heads/main", "4444444444444444444444444444444444444444\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "444444444444");
	tree_write(tree, ".git/refs/heads/main", "not an id, 40 bytes of something else...\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "none");
	/* reftable */
	tree_write(tree, ".git/HEAD", "ref: refs/heads/.invalid\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "none");
	tree_write(tree, ".git/HEAD", "ref: refs/../../../etc/passwd\n");
	tree_list(tree);
	assert_string_equal(tree->rev, "none");
}

static void test_a_submodule_has_rules_of_its_own(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, ".git/HEAD", "ref: refs/heads/main\n");
	tree_write(tree, ".git/modules/sub/HEAD", "5555555555555555555555555555555555555555\n");
	tree_write(tree, ".git/modules/sub/info/exclude", "private.c\n");
	tree_write(tree, ".gitignore", "*.log\n");
	tree_write(tree, "sub/.git", "gitdir: ../.git/modules/sub\n");
	tree_write(tree, "sub/a.log", "log\n");
	tree_write(tree, "sub/private.c", "int p;\n");
	tree_write(tree, "b.log", "log\n");
	/* A worktree whose repository lies elsewhere: read, its own rules unknown. */
	tree_write(tree, "work/.git", "gitdir: /nowhere/.git/worktrees/work\n");
	tree_write(tree, "work/c.log", "log\n");
	assert_string_equal(tree_list(tree),
		"- .git/: is kept by version control\n"
		"+ .gitignore\n"
		"- b.log: is ignored by .gitignore:1 (*.log)\n"
		"- sub/.git: is kept by version control\n"
		"+ sub/a.log\n"
		"- sub/private.c: is ignored by .git/modules/sub/info/exclude:1 (private.c)\n"
		"- work/.git: is kept by version control\n"
		"+ work/c.log\n");
}

static void test_a_bare_repository_is_named(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, "store.git/HEAD", "ref: refs/heads/main\n");
	tree_write(tree, "store.git/objects/", "");
	tree_write(tree, "store.git/refs/", "");
	tree_write(tree, "a.c", "int a;\n");
	assert_string_equal(tree_list(tree),
		"+ a.c\n- store.git/: is a bare git repository: no files are checked out\n");
	tree->options.subdir = "store.git";
	assert_string_equal(
		tree_list(tree), "!: is a bare git repository: no files are checked out\n");
}

static void test_a_rule_for_everything_is_not_followed_outside_a_repository(void **state)
{
	struct tree_fixture *tree = *state;

	tree_write(tree, ".gitignore", "*.o\n/*\n!/debian/\n");
	tree_write(tree, "a.c", "int a;\n");
	tree_write(tree, "a.o", "text\n");
	assert_string_equal(tree_list(tree), "- .gitignore: ignores every file here: that rule is "
					     "not followed, since nothing would be read\n"
					     "+ .gitignore\n+ a.c\n"
					     "- a.o: is ignored by .gitignore:1 (*.o)\n");
	tree_write(tree, ".git/HEAD", "ref: refs/heads/main\n");
	assert_string_equal(tree_list(tree), "- .git/: is kept by version control\n"
					     "- .gitignore: is ignored by .gitignore:2 (/*)\n"
					     "- a.c: is ignored by .gitignore:2 (/*)\n"
					     "- a.o: is ignored by .gitignore:2 (/*)\n"
					     "-: holds no file that can be read\n");
}

static void test_what_is_no_text_is_named(void **state)
{
	struct tree_fixture *tree = *state;
	char *big = mem_zero(1, 100000);

	memset(big, 'x', 100000);
	big[50000] = '\0';
	tree_write_bytes(tree, "late.dat", big, 100000);
	tree_write_bytes(tree, "nul.dat", "a\0b", 3);
	tree_write_bytes(tree, "short.gz", "\x1f\x8b\x08\x08\x01\x02", 6);
	tree_write_bytes(tree, "wide.txt", "\xff\xfeh\0i\0\n\0", 8);
	tree_write(tree, "empty.c", "");
	tree_write(tree, "latin.c", "/* f\xfcr */\n");
	tree_write(tree, "book.pdf", "%PDF-1.4\n");
	tree_write(tree, "notes.pdf.c", "int n;\n");
	tree_write(tree, "film.srt", "1\n00:00:01,000 --> 00:00:02,000\nHi\n");
	tree_write(tree, "not.srt", "a text about films\n");
	tree_write(tree, "a.docx", "PK\3\4xxxx");
	tree_write(tree, "a.docm", "PK\3\4xxxx");
	tree_write(tree, "flat.fodt", "<?xml version=\"1.0\"?>\n<office:document>\n");
	tree_write(tree, "not.fodt", "<text/>\n");
	assert_string_equal(tree_list(tree),
		"* a.docm\n* a.docx\n* book.pdf\n- empty.c: is empty\n* film.srt\n* flat.fodt\n- "
		"late.dat: is binary\n"
		"+ latin.c\n+ not.fodt\n+ not.srt\n+ notes.pdf.c\n- nul.dat: is binary\n"
		"* short.gz\n+ wide.txt\n");
	free(big);
}

/* Each as its own reader takes it; in a repository the same files are sources. */
static void test_outside_of_a_repository_files_are_documents(void **state)
{
	static const char ole[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more";
	struct tree_fixture *tree = *state;

	tree_write(tree, "a.html", "<html><body><p>A page.</p></body></html>\n");
	tree_write(tree, "call.json",
		"{\"segments\": [{\"start\": 0, \"end\": 1, \"text\": \"Hi\"}]}\n");
	tree_write(tree, "chat.txt",
		"12/03/2024, 09:15 - Ana: Hello\n12/03/2024, 09:16 - Ben: Hi there\n"
		"12/03/2024, 09:17 - Ana: Shall we begin?\n");
	tree_write_bytes(tree, "log.gz", "\x1f\x8b\x08\0\1\2\3\4", 8);
	tree_write_bytes(tree, "old.doc", ole, sizeof(ole));
	tree_write(tree, "slides.pptx", "PK\3\4xxxxxxxx");
	tree_write(tree, "data.json", "{\"a\": 1}\n");
	tree_write(tree, "notes.txt", "Nothing but words.\nAnd more of them.\n");
	tree_write(tree, "page.c", "/* <html> */\nint n;\n");
	tree_write(tree, "clone/a.html", "<html><body><p>A page.</p></body></html>\n");
	tree_write(tree, "clone/.git/HEAD", "ref: refs/heads/main\n");
	assert_string_equal(tree_list(tree),
		"* a.html\n* call.json\n* chat.txt\n- clone/.git/: is kept by version control\n"
		"+ clone/a.html\n+ data.json\n* log.gz\n+ notes.txt\n* old.doc\n+ page.c\n"
		"* slides.pptx\n");
	tree_write(tree, ".git/HEAD", "ref: refs/heads/main\n");
	assert_null(strchr(tree_list(tree), '*'));
	tree->options.subdir = "clone";
	assert_null(strchr(tree_list(tree), '*'));
}

static void test_special_files_are_named_and_never_opened(void **state)
{
	struct tree_fixture *tree = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[128];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	tree_write(tree, "a.c", "int a;\n");
	snprintf(path, sizeof(path), "%s/fifo", tree->root);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/.gitignore", tree->root);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", tree->root);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(path, sizeof(path), "%s/out", tree->root);
	assert_int_equal(symlink("/etc", path), 0);
	snprintf(path, sizeof(path), "%s/passwd", tree->root);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/device", tree->root);
	int has_device = mknod(path, S_IFCHR | 0600, makedev(1, 5)) == 0;

	assert_non_null(strstr(tree_list(tree), "- fifo: is a named pipe, not a file\n"
						"- out: is a symbolic link: not followed\n"
						"- passwd: is a symbolic link: not followed\n"
						"- socket: is a socket, not a file\n"));
	assert_ptr_equal(
		strstr(tree->said.data, "- .gitignore: is a named pipe, not a file\n+ a.c\n"),
		tree->said.data);
	if (has_device) {
		assert_non_null(strstr(tree->said.data, "- device: is a device, not a file\n"));
	}
	close(fd);
}

static void test_a_sparse_terabyte_is_not_read(void **state)
{
	struct tree_fixture *tree = *state;
	char path[128];

	tree_write(tree, "huge.log", "x");
	snprintf(path, sizeof(path), "%s/huge.log", tree->root);
	if (truncate(path, (off_t)1 << 40) < 0) {
		skip();
	}
	assert_string_equal(tree_list(tree),
		"- huge.log: is larger than 256 MiB\n-: holds no file that can be read\n");
}

static void test_what_may_not_be_read_is_unreadable(void **state)
{
	struct tree_fixture *tree = *state;
	char path[128];
	int is_root = geteuid() == 0;

	tree_write(tree, "closed/a.c", "int a;\n");
	tree_write(tree, "b.c", "int b;\n");
	tree_write(tree, "c.c", "int c;\n");
	chmod(tree->root, 0755);
	snprintf(path, sizeof(path), "%s/b.c", tree->root);
	chmod(path, 0);
	snprintf(path, sizeof(path), "%s/closed", tree->root);
	chmod(path, 0);
	if (is_root) {
		assert_int_equal(seteuid(65534), 0);
	}
	tree_list(tree);
	if (is_root) {
		assert_int_equal(seteuid(0), 0);
	}
	chmod(path, 0700);
	assert_string_equal(buf_str(&tree->said),
		"! b.c: Permission denied\n+ c.c\n! closed/: cannot be read: Permission denied\n");
}

static void test_deep_folders_end_with_a_sentence(void **state)
{
	struct tree_fixture *tree = *state;
	struct buf path = BUF_INIT;

	for (int i = 0; i < 210; i++) {
		buf_addstr(&path, "d/");
	}
	buf_addstr(&path, "a.c");
	tree_write(tree, path.data, "int a;\n");
	tree_list(tree);
	assert_non_null(strstr(
		buf_str(&tree->said), "d/: lies more than 200 folders deep: name it to read it\n"));
	assert_null(strstr(buf_str(&tree->said), "+ "));
	buf_finish(&path);
}

static void test_the_kernels_own_folders_are_not_read(void **state)
{
	struct tree_fixture *tree = *state;
	struct input input = {.path = "/proc", .options = &tree->options};
	struct reader *reader = NULL;
	struct skip skip = {0};

	input.root_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	if (input.root_fd < 0) {
		skip();
	}
	assert_int_equal(loader_tree.open(&reader, &input, &skip), -1);
	assert_string_equal(
		skip.reason, "is a view into the running kernel, not a folder of files");
	skip_finish(&skip);
	close(input.root_fd);
}

/* ---- a race ---- */

struct race {
	char folder[160], link[160], both[160];
	int stop;
};

static void *swap(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		rename(race->folder, race->both);
		rename(race->link, race->folder);
		rename(race->folder, race->link);
		rename(race->both, race->folder);
	}
	return NULL;
}

static void test_a_rename_race_never_leads_outside(void **state)
{
	struct tree_fixture *tree = *state;
	struct tree_fixture outside;
	struct race race = {0};
	pthread_t thread;

	assert_int_equal(tree_make(&outside), 0);
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%d.c", i);
		tree_write(tree, name, "int inside;\n");
		snprintf(name, sizeof(name), "%d.c", i);
		tree_write(&outside, name, "OUTSIDE\n");
	}
	snprintf(race.folder, sizeof(race.folder), "%s/d", tree->root);
	snprintf(race.link, sizeof(race.link), "%s/l", tree->root);
	snprintf(race.both, sizeof(race.both), "%s/m", tree->root);
	assert_int_equal(symlink(outside.root, race.link), 0);
	assert_int_equal(pthread_create(&thread, NULL, swap, &race), 0);
	for (int round = 0; round < 200; round++) {
		struct input input = {.path = tree->root, .options = &tree->options};
		struct part part = {.place = {.time_ms = -1}};
		struct reader *reader = NULL;
		struct skip skip = {0};
		int status;

		input.root_fd = open(tree->root, O_RDONLY | O_DIRECTORY);
		assert_int_equal(loader_tree.open(&reader, &input, &skip), 0);
		while ((status = loader_tree.read(reader, &part, &skip)) > 0) {
			if (status == READ_PART) {
				assert_int_equal(part.len, 12);
				assert_memory_equal(part.text, "int inside;\n", 12);
			}
			skip_finish(&skip);
			part_finish(&part);
			part = (struct part){.place = {.time_ms = -1}};
		}
		skip_finish(&skip);
		loader_tree.close(reader);
		close(input.root_fd);
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tree_remove(&outside);
}

/* ---- rules of names and of texts ---- */

static void test_generated_files_say_so_in_their_first_comments(void **state)
{
	static const struct {
		const char *path, *text;
		int is_generated;
	} file[] = {
		{"a.go", "// Code generated by stringer; DO NOT EDIT.\n\npackage a\n", 1},
		{"a.c", "/*\n * Hex-dump auto generated from a.asm.\n * Do not edit!\n */\n", 1},
		{"a.rs", "// @generated by bindgen\nfn a() {}\n", 1},
		{"a.py", "#!/usr/bin/python3\n# Generated by the compiler.  DO NOT EDIT!\n", 1},
		{"a.h", "/* DO NOT EDIT THIS FILE - it is machine generated */\n", 1},
		{"a.xml", "<?xml version=\"1.0\"?>\n<!-- Autogenerated. Do not modify. -->\n", 1},
		/* written by hand */
		{"a.c", "/* Do not edit the generated header by hand. */\nint a;\n", 0},
		{"a.c", "int a;\n// Code generated by x; DO NOT EDIT.\n", 0},
		{"gen.sh", "#!/bin/sh\ncat <<EOF\n/* Generated by gen.sh. DO NOT EDIT. */\nEOF\n",
			0},
		{"gen.py", "#!/usr/bin/python3\n'''\n// Code generated. DO NOT EDIT.\n'''\n", 0},
		{"gen.sh", "cat <<EOF\n# Generated by gen.sh. DO NOT EDIT.\nEOF\n", 0},
		{"a.md", "Files that say @generated or \"generated, do not edit\" are left out.\n",
			0},
		{"a.c", "/* Finds files with @generatedFrom tags. */\n", 0},
		{"a.c", "/* See mail@generated.example */\n", 0},
		{"a.c", "/* Do not edit without reading the manual. */\nint a;\n", 0},
		{"a.txt", "// Code generated by x; DO NOT EDIT.\n", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(file); i++) {
		const char *reason = rule_of_text(file[i].path, file[i].text, strlen(file[i].text));

		if ((reason != NULL) != file[i].is_generated) {
			print_error("%s: %s", file[i].path, file[i].text);
		}
		assert_int_equal(reason != NULL, file[i].is_generated);
	}
}

static void test_minified_scripts_have_endless_lines(void **state)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < 300; i++) {
		buf_addstr(&text, "function f(a,b){return a+b};");
	}
	assert_non_null(rule_of_text("a.js", text.data, text.len));
	assert_non_null(rule_of_text("a.css", text.data, text.len));
	assert_null(rule_of_text("a.c", text.data, text.len));
	assert_null(rule_of_text("a.txt", text.data, text.len));
	for (size_t i = 27; i < text.len; i += 28) {
		text.data[i] = '\n';
	}
	assert_null(rule_of_text("a.js", text.data, text.len));
	buf_finish(&text);
}

static void test_names_tell_locks_and_generated_files(void **state)
{
	static const char *const out[] = {"package-lock.json", "a/Cargo.lock", "go.sum", "x.min.js",
		"a/b.min.css", "x.js.map", "api.pb.go", "api_pb2.py", "Form.Designer.cs"};
	static const char *const in[] = {"lock.c", "package.json", "Cargo.toml", "min.js",
		"admin.js", "map.c", "a.map", "pb.go", "Gemfile", "block.go", "file.lock.c",
		".min.js"};

	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		assert_non_null(rule_of_name(out[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		assert_null(rule_of_name(in[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_paths_come_in_the_order_of_their_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_openat2_the_same_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_reader_can_begin_behind_a_path, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_rules_nest_and_name_their_line, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_rule_is_named_by_where_its_file_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_carrelignore_is_stronger_than_git, setup, teardown),
		cmocka_unit_test_setup_teardown(test_globs_choose_files, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_in_a_repository_keeps_the_rules_above, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_revision_is_that_of_head, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_submodule_has_rules_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_bare_repository_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_rule_for_everything_is_not_followed_outside_a_repository, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_text_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_outside_of_a_repository_files_are_documents, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_special_files_are_named_and_never_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_sparse_terabyte_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_may_not_be_read_is_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_deep_folders_end_with_a_sentence, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_kernels_own_folders_are_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_rename_race_never_leads_outside, setup, teardown),
		cmocka_unit_test(test_generated_files_say_so_in_their_first_comments),
		cmocka_unit_test(test_minified_scripts_have_endless_lines),
		cmocka_unit_test(test_names_tell_locks_and_generated_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
