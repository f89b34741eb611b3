/*
 * What a worker answers, read by carrel: the first byte says of how many files and whether of a
 * folder, the second how much comes at a time, the rest is the pipe.
 */
#include "loaders/worker/frame.h"

#include "base/utf8.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What carrel relies on. */
static void check(const struct frame_reader *reader, const struct frame *frame)
{
	if (frame->kind == FRAME_TEXT) {
		const char *path = frame->part.place.path;

		if (!frame->part.text || frame->part.len > LOAD_MAX_BYTES ||
			(reader->is_tree ? !path : path != NULL) ||
			(path && (path[0] == '/' || strstr(path, "//") ||
					 strncmp(path, "../", 3) == 0 || strstr(path, "/../") ||
					 strcmp(path, "..") == 0))) {
			abort();
		}
		if (reader->is_utf8 && !utf8_valid(frame->part.text, frame->part.len)) {
			abort();
		}
	} else if ((frame->kind == FRAME_SKIP || frame->kind == FRAME_FAILED) &&
		   !frame->skip.reason) {
		abort();
	} else if (frame->kind == FRAME_HEADING && !frame->heading.title) {
		abort();
	} else if ((frame->kind == FRAME_DOCUMENT || frame->kind == FRAME_READING) &&
		   (!frame->path || !reader->is_tree)) {
		abort();
	}
}

/* All frames that are whole; -1: they are none. */
static int take(struct frame_reader *reader)
{
	struct frame frame;
	int status;

	while ((status = frame_reader_next(reader, &frame)) > 0) {
		check(reader, &frame);
		frame_finish(&frame);
	}
	frame_finish(&frame);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader reader = {.max_bytes = 1 << 20, .place = {.time_ms = -1}};
	size_t step, done = 2;
	int end[2];

	if (size < 2 || size > 60000 || pipe2(end, O_NONBLOCK) < 0) {
		return 0;
	}
	reader.is_tree = data[0] & 1;
	reader.n_file = reader.is_tree ? 1 : 1 + (data[0] >> 1) % 4;
	step = data[1] ? data[1] : size;
	while (done < size) {
		size_t n = step < size - done ? step : size - done;

		if (write(end[1], data + done, n) != (ssize_t)n) {
			abort();
		}
		done += n;
		if (frame_reader_fill(&reader, end[0]) < 0) {
			break;
		}
		if (take(&reader) < 0) {
			break;
		}
	}
	frame_reader_finish(&reader);
	close(end[0]);
	close(end[1]);
	return 0;
}
