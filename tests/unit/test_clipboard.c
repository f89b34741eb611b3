/* Copying: the sequence that terminals take, and tools that are run without waiting for them. */
#include "tui/clipboard.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the terminal ---- */

static void the_sequence_holds_only_base64_of_the_text(void **state)
{
	struct buf out = BUF_INIT, text = BUF_INIT;

	assert_int_equal(clipboard_osc52(&out, "a\x1b]52;c;x\a\0b", 11, 0), 0);
	assert_memory_equal(out.data, "\x1b]52;c;", 7);
	assert_int_equal(out.data[out.len - 1], '\a');
	assert_int_equal(base64_decode(&text, out.data + 7, out.len - 8), 0);
	assert_int_equal(text.len, 11);
	assert_memory_equal(text.data, "a\x1b]52;c;x\a\0b", 11);
	out.data[out.len - 1] = '\0';
	assert_int_equal(
		strspn(out.data + 7,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="),
		out.len - 8);
	buf_finish(&text);
	buf_finish(&out);
}

static void tmux_is_told_to_pass_it_on(void **state)
{
	struct buf out = BUF_INIT;

	assert_int_equal(clipboard_osc52(&out, "hi", 2, 1), 0);
	assert_string_equal(buf_str(&out), "\x1bPtmux;\x1b\x1b]52;c;aGk=\a\x1b\\");
	buf_finish(&out);
}

static void what_is_too_long_for_a_terminal_is_not_sent(void **state)
{
	size_t most = CLIPBOARD_OSC52_BYTES / 4 * 3;
	char *text = mem_zero(most + 1, 1);
	struct buf out = BUF_INIT;

	assert_int_equal(clipboard_osc52(&out, text, most + 1, 0), -1);
	assert_int_equal(out.len, 0);
	assert_int_equal(clipboard_osc52(&out, text, most, 0), 0);
	assert_true(out.len <= CLIPBOARD_OSC52_BYTES + 16);
	buf_finish(&out);
	free(text);
}

/* ---- tools ---- */

static char folder[] = "/tmp/carrel-clipboard-XXXXXX";

static void write_tool(const char *name, const char *script)
{
	char *path = mem_printf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
	free(path);
}

static void remove_file(const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);

	unlink(path);
	free(path);
}

/* Waits until a tool that was left alone has written the file. */
static void assert_written(const char *name, const char *expected)
{
	char *path = mem_printf("%s/%s", folder, name);
	struct buf text = BUF_INIT;

	for (int i = 0; i < 1000 && strcmp(buf_str(&text), expected) != 0; i++) {
		usleep(10000);
		buf_clear(&text);
		file_read(&text, path, 1 << 20, NULL);
	}
	assert_string_equal(buf_str(&text), expected);
	buf_finish(&text);
	free(path);
}

static int set_up(void **state)
{
	assert_non_null(mkdtemp(folder));
	setenv("PATH", folder, 1);
	setenv("OUT", folder, 1);
	unsetenv("WAYLAND_DISPLAY");
	unsetenv("DISPLAY");
	unsetenv("TMUX");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"xclip", "xsel", "wl-copy", "pbcopy", "out", "args"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		remove_file(names[i]);
	}
	return rmdir(folder);
}

static void without_a_tool_there_is_none(void **state)
{
	assert_null(clipboard_run_tool("x", 1));
	write_tool("xclip", "exit 0");
	assert_null(clipboard_run_tool("x", 1)); /* there is no display to copy to */
}

static void a_tool_gets_the_text_as_it_is(void **state)
{
	const struct clipboard_tool *tool;

	setenv("DISPLAY", ":0", 1);
	write_tool("xclip", "/bin/cat > $OUT/out; echo \"$@\" > $OUT/args");
	tool = clipboard_run_tool("$(touch x) `y` ; \"'\n\x1b end", 26);
	assert_non_null(tool);
	assert_string_equal(tool->alone, "xclip");
	assert_written("out", "$(touch x) `y` ; \"'\n\x1b end");
	assert_written("args", "-selection clipboard\n");
	unsetenv("DISPLAY");
}

/* A tool that never ends, and one that never reads, hold nobody up; nothing is left to wait for. */
static void a_tool_that_hangs_holds_nothing_up(void **state)
{
	size_t len = 4 << 20;
	char *text = mem_zero(len, 1);
	struct timespec begun, now;

	memset(text, 'x', len);
	remove_file("out");
	setenv("WAYLAND_DISPLAY", "wayland-0", 1);
	write_tool("wl-copy", "echo begun > $OUT/out; exec /bin/sleep 5");
	clock_gettime(CLOCK_MONOTONIC, &begun);
	assert_non_null(clipboard_run_tool(text, len));
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(now.tv_sec - begun.tv_sec < 4);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child of ours */
	unsetenv("WAYLAND_DISPLAY");
	assert_written("out", "begun\n"); /* nothing comes after the folder went */
	free(text);
}

static void folders_that_are_not_named_whole_are_passed_over(void **state)
{
	char here[4096];

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(folder), 0);
	write_tool("pbcopy", "exit 0");
	setenv("PATH", ".::bin", 1);
	assert_null(clipboard_run_tool("x", 1));
	setenv("PATH", folder, 1);
	assert_non_null(clipboard_run_tool("x", 1));
	assert_int_equal(chdir(here), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sequence_holds_only_base64_of_the_text),
		cmocka_unit_test(tmux_is_told_to_pass_it_on),
		cmocka_unit_test(what_is_too_long_for_a_terminal_is_not_sent),
		cmocka_unit_test(without_a_tool_there_is_none),
		cmocka_unit_test(a_tool_gets_the_text_as_it_is),
		cmocka_unit_test(a_tool_that_hangs_holds_nothing_up),
		cmocka_unit_test(folders_that_are_not_named_whole_are_passed_over),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
