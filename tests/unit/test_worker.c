/* What one worker reads of a job: the real one, asked without a load around it. */
#include "loaders/worker/client.h"
#include "loaders/worker/frame.h"

#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder_fixture.h"

static char folder[] = "/tmp/carrel-worker-XXXXXX";

static int enter_folder(void **state)
{
	return folder_enter(folder);
}

static int leave_folder(void **state)
{
	return folder_leave(folder);
}

struct file {
	const char *path, *text;
	size_t len;
};

static int open_written(const struct file *file)
{
	int fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file->len, write(fd, file->text, file->len));
	return fd;
}

static int wait_for_end(struct worker_client *client)
{
	struct worker_report report = {0};

	while (report.kind != REPORT_ENDED) {
		struct pollfd look = {client->fd, POLLIN, 0};

		assert_int_equal(1, poll(&look, 1, 60000));
		assert_true(worker_client_report(client, &report) >= 0);
	}
	assert_true(WIFEXITED(report.status));
	return WEXITSTATUS(report.status);
}

/* How many of the files one worker reads; it ends with `expected_exit`. */
static size_t n_read(const struct file *file, size_t n_file, int expected_exit)
{
	struct worker_request request = {.kind = REQUEST_FILES,
		.n_file = (uint32_t)n_file,
		.job = 1,
		.memory_bytes = UINT64_C(1) << 30,
		.cpu_s = 30,
		.n_share = 1};
	struct frame_reader reader = {.n_file = (uint32_t)n_file, .max_bytes = 1 << 20};
	struct worker_client client;
	struct buf strings = BUF_INIT;
	struct frame frame;
	struct err err;
	int end[2], fd[8];
	size_t n_end = 0;

	assert_int_equal(0, pipe2(end, O_CLOEXEC));
	fd[0] = end[1];
	for (size_t i = 0; i < n_file; i++) {
		fd[i + 1] = open_written(&file[i]);
		buf_add(&strings, file[i].path, strlen(file[i].path) + 1);
	}
	if (worker_client_start(&client, 0, &err) < 0) {
		fail_msg("%s", err.what);
	}
	assert_int_equal(0, worker_client_submit(&client, &request, &strings, fd, n_file + 1));
	for (size_t i = 0; i <= n_file; i++) {
		close(fd[i]);
	}
	while (!reader.is_at_end) {
		int status;

		assert_true(frame_reader_fill(&reader, end[0]) >= 0);
		while ((status = frame_reader_next(&reader, &frame)) > 0) {
			n_end += frame.kind == FRAME_END || frame.kind == FRAME_FAILED;
			frame_finish(&frame);
		}
		assert_int_equal(0, status);
	}
	assert_int_equal(expected_exit, wait_for_end(&client));
	worker_client_end(&client);
	close(end[0]);
	frame_reader_finish(&reader);
	buf_finish(&strings);
	return n_end;
}

#define TEXT(path, text)                                                                           \
	{                                                                                          \
		path, text, sizeof(text) - 1                                                       \
	}

static void files_of_our_own_parsers_share_a_worker(void **state)
{
	static const struct file files[] = {TEXT("a.txt", "words\n"),
		TEXT("b.srt", "1\n00:00:01,000 --> 00:00:02,000\nwords\n"), TEXT("c.c", "int c;\n"),
		TEXT("empty.txt", ""), TEXT("e.md", "# Title\n")};

	assert_int_equal(5, n_read(files, ARRAY_LEN(files), 0));
}

static void a_file_that_needs_a_library_has_a_worker_of_its_own(void **state)
{
	static const struct file libraries[] = {
		TEXT("page.html", "<html><body><p>words</p></body></html>\n"),
		TEXT("mail.eml", "From: a@example.org\nTo: b@example.org\nSubject: x\n\nwords\n"),
		TEXT("packed.txt.gz", "\x1f\x8b\x08\0\0\0\0\0"),
		TEXT("latin.txt", "caf\xe9 caf\xe9\n"),
		TEXT("binary.dat", "a\0b"),
	};

	for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
		const struct file first[] = {libraries[i], TEXT("a.txt", "words\n")};
		const struct file second[] = {
			TEXT("a.txt", "words\n"), libraries[i], TEXT("b.txt", "words\n")};

		assert_int_equal(1, n_read(first, 2, WORKER_EXIT_REST));
		assert_int_equal(1, n_read(second, 3, WORKER_EXIT_REST));
		assert_int_equal(1, n_read(first, 1, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_our_own_parsers_share_a_worker),
		cmocka_unit_test(a_file_that_needs_a_library_has_a_worker_of_its_own),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
