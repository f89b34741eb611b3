/*
 * A session's rows into struct store_contents. The file may be anybody's: whatever does not hold
 * together is an error that names the row; where it is told to somebody (verify, repair), it is left
 * out and reading goes on.
 */
#include "session/store_lost.h"
#include "session/store_scan.h"
#include "session/store_sqlite.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

static int by_key(const void *a, const void *b)
{
	const struct store_setting *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void setting_finish(struct store_setting *setting)
{
	free(setting->key);
	free(setting->value);
}

static int scan_settings(struct scan *scan, struct err *err)
{
	struct store_contents *out = scan->reading->out;
	size_t cap = 0;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		struct store_setting setting;

		setting_get(&scan->row, &setting);
		status = scan_check(scan, 1, err);
		if (status == 1 && ROOM(out->setting, out->n_setting, cap) < 0) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status == 1) {
			out->setting[out->n_setting++] = setting;
			continue;
		}
		setting_finish(&setting);
		if (status < 0) {
			return status;
		}
	}
	return status;
}

static int read_settings(struct reading *reading, struct err *err)
{
	struct store_contents *out = reading->out;
	struct scan scan;
	int status = scan_open(&scan, reading, TABLE_SETTING, err);

	if (status == 0 &&
		(status = scan_range(&scan, 1, ID_MAX,
			 scan_likely(reading, &reading->state.setting), err)) == 0 &&
		(status = scan_settings(&scan, err)) == 0 && !reading->lacks_state) {
		status = scan_end(&scan, &reading->state.setting, "the settings", 0, err);
	}
	scan_close(&scan);
	if (out->n_setting) {
		qsort(out->setting, out->n_setting, sizeof(*out->setting), by_key);
	}
	for (size_t i = 1; i < out->n_setting && status == 0; i++) {
		if (strcmp(out->setting[i - 1].key, out->setting[i].key) == 0) {
			status = scan_tell_missing(reading, "the settings", 0, err);
			setting_finish(&out->setting[i]);
			memmove(&out->setting[i], &out->setting[i + 1],
				(--out->n_setting - i) * sizeof(*out->setting));
			i--;
		}
	}
	return status;
}

/* ---- blocks ---- */

struct block_reading {
	struct reading *reading;
	struct scan block, part, heading;
	size_t *index; /* which part of the block each part that was taken was */
	size_t cap_index;
	size_t cap_block;
	int n_named; /* parts of the block at hand that are lost, and which ones is known */
};

/* The part at hand is not sound: its source will lack it. */
static void lose_part(
	struct block_reading *blocks, const struct store_block *block, const char *what)
{
	blocks->n_named++;
	lost_add(blocks->reading->out, block, what);
}

static int scan_parts(struct block_reading *blocks, struct store_block *of, struct err *err)
{
	struct document *document = &of->document;
	struct scan *scan = &blocks->part;
	int64_t block = of->id;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		size_t index = (size_t)(scan->id - block * IDS);
		struct part part;
		char *what = NULL;

		part_get(&scan->row, &part);
		if (blocks->reading->report) {
			what = lost_part_name(of, &part);
			scan_name(scan, lost_sentence(of, what));
		}
		/* Of a damaged one, what follows a lost part is taken. */
		status =
			scan_check(scan, blocks->reading->report || index == document->n_part, err);
		if (status == 0) {
			lose_part(blocks, of, what);
		}
		free(what);
		if (status == 1 &&
			(ROOM(document->part, document->n_part, document->cap_part) < 0 ||
				ROOM(blocks->index, document->n_part, blocks->cap_index) < 0)) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status == 1) {
			blocks->index[document->n_part] = index;
			document->part[document->n_part++] = part;
			continue;
		}
		part_finish(&part);
		if (status < 0) {
			return status;
		}
	}
	return status;
}

/* Where a part is among those that were taken; n_part where it is lost. */
static size_t find_part(
	const struct block_reading *blocks, const struct document *document, size_t index)
{
	size_t low = 0, high = document->n_part;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (blocks->index[middle] < index) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < document->n_part && blocks->index[low] == index ? low : document->n_part;
}

static int scan_headings(
	struct block_reading *blocks, struct document *document, int64_t block, struct err *err)
{
	struct scan *scan = &blocks->heading;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		size_t index = (size_t)(scan->id - block * IDS), part;
		struct heading heading;

		heading_get(&scan->row, &heading);
		part = find_part(blocks, document, heading.part);
		status = scan_check(scan,
			blocks->reading->report ||
				(index == document->n_heading && part < document->n_part),
			err);
		if (status == 1 && part == document->n_part) {
			status = 0; /* it led to a lost part */
		}
		if (status == 1 &&
			ROOM(document->heading, document->n_heading, document->cap_heading) < 0) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status == 1) {
			heading.part = part;
			document->heading[document->n_heading++] = heading;
			continue;
		}
		free(heading.title);
		if (status < 0) {
			return status;
		}
	}
	return status;
}

/* Parts that nobody can find: their source lacks them, whatever they were. */
static int end_parts(struct block_reading *blocks, const struct store_block *block,
	const struct tally *expected, struct err *err)
{
	const char *what = lost_parts_name(block);
	char *lacks, *sentence;
	struct err own;

	if (blocks->reading->db->ignores_checksum || tally_equal(&blocks->part.found, expected) ||
		blocks->n_named) {
		return 0;
	}
	if (blocks->reading->report) {
		lose_part(blocks, block, what);
	}
	lacks = mem_printf("it lacks %s", what);
	sentence = lost_sentence(block, lacks);
	err_set(&own, ERR_FAILURE, blocks->reading->db->path, REPAIR_HINT, "is damaged: %s",
		sentence);
	free(lacks);
	free(sentence);
	return scan_tell(blocks->reading, &own, err);
}

static int read_document(struct block_reading *blocks, struct store_block *block,
	const struct block_parts *parts, struct err *err)
{
	int64_t first = block->id * IDS, last = first + IDS - 1;
	struct document *document = &block->document;
	int status = scan_range(&blocks->part, first, last, parts->part.n, err);

	blocks->n_named = 0;
	if (status == 0 && (status = scan_parts(blocks, block, err)) == 0 &&
		(status = end_parts(blocks, block, &parts->part, err)) == 0 &&
		(status = scan_range(&blocks->heading, first, last, parts->heading.n, err)) == 0 &&
		(status = scan_headings(blocks, document, block->id, err)) == 0) {
		status = scan_end(
			&blocks->heading, &parts->heading, "the headings of block", block->id, err);
	}
	return status;
}

static int scan_blocks(struct block_reading *blocks, struct err *err)
{
	struct scan *scan = &blocks->block;
	struct store_contents *out = scan->reading->out;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		struct block_parts parts = {0};
		struct store_block block;

		block_get(&scan->row, &block, &parts);
		block.id = scan->id;
		status = scan_check(scan, 1, err);
		/* Its few figures may be wrong: better than all of its text lost. */
		if (status == 0 && !scan->row.is_bad) {
			status = 1;
		}
		if (status == 1 && ROOM(out->block, out->n_block, blocks->cap_block) < 0) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status != 1) {
			document_finish(&block.document);
			if (status < 0) {
				return status;
			}
			continue;
		}
		out->block[out->n_block++] = block;
		status = read_document(blocks, &out->block[out->n_block - 1], &parts, err);
		if (status < 0) {
			return status;
		}
		if (blocks->part.n_bad || blocks->n_named) {
			out->block[out->n_block - 1].tokens = -1;
		}
	}
	return status;
}

static int read_blocks(struct reading *reading, struct err *err)
{
	struct block_reading blocks = {.reading = reading};
	int status = scan_open(&blocks.block, reading, TABLE_BLOCK, err);

	if (status == 0 && (status = scan_open(&blocks.part, reading, TABLE_PART, err)) == 0 &&
		(status = scan_open(&blocks.heading, reading, TABLE_HEADING, err)) == 0 &&
		(status = scan_range(&blocks.block, 1, ID_MAX,
			 scan_likely(reading, &reading->state.block), err)) == 0 &&
		(status = scan_blocks(&blocks, err)) == 0 && !reading->lacks_state) {
		status = scan_end(&blocks.block, &reading->state.block, "the blocks", 0, err);
	}
	scan_close(&blocks.block);
	scan_close(&blocks.part);
	scan_close(&blocks.heading);
	free(blocks.index);
	return status;
}

static int has_block(const struct store_contents *contents, int64_t id)
{
	size_t low = 0, high = contents->n_block;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (contents->block[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < contents->n_block && contents->block[low].id == id;
}

/* ---- turns ---- */

struct turn_reading {
	struct reading *reading;
	struct scan turn, citation, coverage;
	size_t cap_turn;
};

static int has_turn(const struct store_contents *contents, int64_t id)
{
	size_t low = 0, high = contents->n_turn;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (contents->turn[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < contents->n_turn && contents->turn[low].id == id;
}

static int scan_citations(struct scan *scan, struct store_turn *turn, struct err *err)
{
	size_t cap = 0;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		struct citation citation;

		citation_get(&scan->row, &citation);
		status = scan_check(scan,
			scan->reading->report ||
				scan->id == turn->id * IDS + (int64_t)turn->n_citation,
			err);
		if (status == 1 && ROOM(turn->citation, turn->n_citation, cap) < 0) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status == 1) {
			turn->citation[turn->n_citation++] = citation;
			continue;
		}
		free(citation.text);
		free(citation.source);
		free(citation.path);
		free(citation.label);
		free(citation.speaker);
		if (status < 0) {
			return status;
		}
	}
	return status;
}

static int scan_coverage(struct scan *scan, struct store_turn *turn, struct err *err)
{
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		struct reading_record reading;

		coverage_get(&scan->row, &reading);
		status = scan_check(scan, 1, err);
		if (status < 0) {
			return status;
		}
		if (status == 1) {
			turn->reading = reading;
		}
	}
	return status;
}

/*
 * What a turn answers for. Where its citations are all of that, it has no coverage, and none is looked
 * for: a version before the second has no table of it.
 */
static int read_turn_parts(struct turn_reading *turns, struct store_turn *turn,
	const struct tally *expected, struct err *err)
{
	struct scan *citation = &turns->citation, *coverage = &turns->coverage;
	int status =
		scan_range(citation, turn->id * IDS, turn->id * IDS + IDS - 1, expected->n, err);

	if (status < 0 || (status = scan_citations(citation, turn, err)) < 0) {
		return status;
	}
	if (!coverage->stmt || tally_equal(&citation->found, expected)) {
		return scan_end(citation, expected, "the citations of turn", turn->id, err);
	}
	if ((status = scan_range(coverage, turn->id, turn->id, 1, err)) < 0 ||
		(status = scan_coverage(coverage, turn, err)) < 0) {
		return status;
	}
	if (coverage->found.n) {
		tally_add(&citation->found, &coverage->sum);
	}
	citation->n_bad += coverage->n_bad;
	return scan_end(citation, expected, "the citations or the coverage of turn", turn->id, err);
}

/* The parent is looked for among those in front of it: no turn follows itself. */
static int check_parent(struct reading *reading, struct store_turn *turn, struct err *err)
{
	const struct store_contents *out = reading->out;
	struct err own;

	if (!turn->parent || has_turn(out, turn->parent)) {
		return 0;
	}
	err_set(&own, ERR_FAILURE, reading->db->path, REPAIR_HINT,
		"is damaged: turn %lld continues turn %lld, which is not there",
		(long long)turn->id, (long long)turn->parent);
	turn->parent = out->n_turn ? out->turn[out->n_turn - 1].id : 0;
	return scan_tell(reading, &own, err);
}

/* The turn at hand: 1, 0 where it is left out, or negative. */
static int take_turn(struct turn_reading *turns, struct store_turn *turn, struct err *err)
{
	struct scan *scan = &turns->turn;
	struct tally parts = {0};
	int status;

	turn_get(&scan->row, turn, &parts);
	turn->id = scan->id;
	if (turns->reading->report) {
		scan_name(scan, lost_turn_name(turn));
	}
	status = scan_check(scan, 1, err);
	if (status == 0 && !scan->row.is_bad) {
		/* Somebody's question and its answer: legible, and what the ids are is not sure. */
		turn->n_ids = 0;
		turn->tokenizer_digest[0] = 0;
		status = 1;
	}
	if (status != 1 || (status = check_parent(turns->reading, turn, err)) < 0) {
		return status;
	}
	status = read_turn_parts(turns, turn, &parts, err);
	return status < 0 ? status : 1;
}

static int scan_turns(struct turn_reading *turns, struct err *err)
{
	struct store_contents *out = turns->reading->out;
	int status;

	while ((status = scan_next(&turns->turn, err)) == 1) {
		struct store_turn turn;

		status = take_turn(turns, &turn, err);
		if (status == 1 && ROOM(out->turn, out->n_turn, turns->cap_turn) < 0) {
			status = scan_no_memory(turns->reading->db, err);
		}
		if (status == 1) {
			out->turn[out->n_turn++] = turn;
			continue;
		}
		store_turn_finish(&turn);
		if (status < 0) {
			return status;
		}
	}
	return status;
}

static int read_turns(struct reading *reading, struct err *err)
{
	struct turn_reading turns = {.reading = reading};
	int status = scan_open(&turns.turn, reading, TABLE_TURN, err);

	if (status == 0 &&
		(status = scan_open(&turns.citation, reading, TABLE_CITATION, err)) == 0 &&
		(status = reading->db->version < 2 ? 0
						   : scan_open(&turns.coverage, reading,
							     TABLE_COVERAGE, err)) == 0 &&
		(status = scan_range(&turns.turn, 1, ID_MAX,
			 scan_likely(reading, &reading->state.turn), err)) == 0 &&
		(status = scan_turns(&turns, err)) == 0 && !reading->lacks_state) {
		status = scan_end(&turns.turn, &reading->state.turn, "the turns", 0, err);
	}
	scan_close(&turns.turn);
	scan_close(&turns.citation);
	scan_close(&turns.coverage);
	return status;
}

/* ---- places ---- */

static int scan_places(struct scan *scan, struct err *err)
{
	struct store_contents *out = scan->reading->out;
	size_t cap = 0;
	int status;

	while ((status = scan_next(scan, err)) == 1) {
		struct store_place place;

		place_get(&scan->row, &place);
		status = scan_check(scan,
			has_block(out, place.block) &&
				(place.turn <= 0 || has_turn(out, place.turn)),
			err);
		if (status == 1 && ROOM(out->place, out->n_place, cap) < 0) {
			status = scan_no_memory(scan->reading->db, err);
		}
		if (status < 0) {
			return status;
		}
		if (status == 1) {
			out->place[out->n_place++] = place;
		}
	}
	return status;
}

static int read_places(struct reading *reading, struct err *err)
{
	int64_t n_damaged = reading->report ? reading->report->n_damaged : 0;
	struct scan scan;
	int status = scan_open(&scan, reading, TABLE_PLACE, err);

	if (status == 0 &&
		(status = scan_range(&scan, 1, ID_MAX, scan_likely(reading, &reading->state.place),
			 err)) == 0 &&
		(status = scan_places(&scan, err)) == 0 && !reading->lacks_state) {
		status =
			scan_end(&scan, &reading->state.place, "the places of the sources", 0, err);
	}
	scan_close(&scan);
	reading->lacks_places = reading->report && reading->report->n_damaged > n_damaged;
	return status;
}

/* ---- all of it ---- */

static int read_state(struct reading *reading, struct err *err)
{
	struct store_contents *out = reading->out;
	struct err own = {0};
	int status = state_load(reading->db, &reading->state, &own);

	if (status < 0 && status != DB_DAMAGED) {
		if (err) {
			*err = own;
		}
		return status;
	}
	reading->lacks_state = status < 0;
	if (status < 0 && (status = scan_tell(reading, &own, err)) < 0) {
		free(reading->state.draft);
		return status;
	}
	out->head = reading->state.head;
	out->made_s = reading->state.made_s;
	out->used_s = reading->state.used_s;
	out->draft = reading->state.draft ? reading->state.draft : mem_strdup("");
	return 0;
}

static int check_head(struct reading *reading, struct err *err)
{
	struct store_contents *out = reading->out;

	if (out->head && !has_turn(out, out->head)) {
		out->head = 0;
		return scan_tell_missing(reading, "the turns", 0, err);
	}
	return 0;
}

int contents_read(
	struct db *db, struct store_contents *out, struct store_report *report, struct err *err)
{
	struct reading reading = {.db = db, .out = out, .report = report};
	int status;

	*out = (struct store_contents){0};
	db->is_lenient = !!report;
	/* One moment of the session, whoever writes meanwhile. */
	if ((status = db_run(db, "BEGIN", "cannot be read", err)) == 0 &&
		(status = read_state(&reading, err)) == 0 &&
		(status = read_settings(&reading, err)) == 0 &&
		(status = read_blocks(&reading, err)) == 0 &&
		(status = read_turns(&reading, err)) == 0 &&
		(status = check_head(&reading, err)) == 0) {
		status = read_places(&reading, err);
	}
	sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	if (status < 0) {
		store_contents_finish(out);
		return status;
	}
	if (reading.lacks_state && !out->head && out->n_turn) {
		out->head = out->turn[out->n_turn - 1].id;
	}
	if (reading.lacks_places || reading.lacks_state) {
		lost_place_rest(out);
	}
	return 0;
}
