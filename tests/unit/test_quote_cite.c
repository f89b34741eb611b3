/*
 * What a model with quotes under constraint says is found: random models, tokenizers and sources
 * against the checker of citations, which shares no code with the engine.
 */
#include "base/utf8.h"
#include "engine/backend/fake_model.h"
#include "engine/model/model.h"
#include "engine/quote.h"
#include "loaders/document.h"
#include "session/cite.h"
#include "session/pack.h"
#include "tests/unit/tokenizer_fixture.h"

enum { N_ROUND = 250, N_TOKEN = 160, MAX_DOCUMENT = 3, MAX_QUOTE = 64 };

static struct dice dice = {.seed = 20261120};
static size_t n_closed_in_all;

/* Pieces of text in which something is at stake, and what stands in prose. */
static const char *const piece[] = {"the", "pump", "is", "started", "by", "hand", "Restart", "re",
	"1,000", "1", "12:30", "3.5", "well-known", "pre-", "war", "-", "--force", "a_b", "_x",
	"/etc/passwd", "f(x)", "a[0]", "a[\"key\"]", "\"quoted words\"", "\"", "'s", "it's",
	"don\\\"t", "[S1 a.txt:3 \"x\"]", "[see S2]", "[Source 1", "[", "]", "\"]", "10|", "20|7",
	"|", "[00:01:02]", "<file", "<\\file", "</page>", "<b>", "caf\xc3\xa9",
	"\xe6\x97\xa5\xe6\x9c\xac", "本\n日", "。", "\xd0\xb4\xd0\xb0", "so\xc2\xadso",
	"\xe2\x80\x8bzero",
	"a\xe2\x80\x8b"
	"b",
	"\xef\xac\x81n", "\xe2\x80\x9cso\xe2\x80\x9d", "\xe2\x80\x9d]", "\xe2\x80\xa6", "...",
	"e.g.", ".", ",", ";", "\xe2\x80\x90", "\xe2\x80\x99",
	"\xc2\xab"
	"x\xc2\xbb",
	"\x1b", "\xff", "\xe2\x80", "%20", "\xf0\x9f\x93\x96", "=====", "stop.", "stop,",
	"Ana:", "x", "y1", "0"};
static const char *const space[] = {" ", " ", " ", " ", " ", "\n", "\n", "\n    ", "  ", "\t", "",
	"", "\n\n", " \n", "\xc2\xa0", "\r\n", "\xe3\x80\x80"};

static char *random_text(size_t n_piece, size_t *len)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n_piece; i++) {
		/* Often the same few words, so that places are many. */
		size_t n = dice_below(&dice, 3) ? ARRAY_LEN(piece) : 8;

		buf_addstr(&text, piece[dice_below(&dice, (uint32_t)n)]);
		buf_addstr(&text, space[dice_below(&dice, ARRAY_LEN(space))]);
	}
	if (dice_below(&dice, 12) == 0) {
		for (int i = 0; i < 1500; i++) {
			buf_addch(&text, "abcdefgh="[dice_below(&dice, 9)]);
		}
	}
	*len = text.len;
	return buf_take(&text);
}

static void random_document(struct document *document)
{
	static const char *const speaker[] = {NULL, "Ana", "B \"x\"", "C: D"};
	size_t n_part;

	*document = (struct document){.kind = (enum document_kind)dice_below(&dice, 4),
		.name = mem_strdup("a.txt"),
		.origin = mem_strdup("a.txt")};
	n_part = document->kind == DOCUMENT_TEXT ? 1 : 1 + dice_below(&dice, 4);
	for (size_t i = 0; i < n_part; i++) {
		struct part *part = document_add_part(document);

		part->text = random_text(1 + dice_below(&dice, 120), &part->len);
		switch (document->kind) {
		case DOCUMENT_TEXT:
			break;
		case DOCUMENT_CODE:
			part->place.path = mem_printf("src/%zu.c", i);
			break;
		case DOCUMENT_PDF:
			part->place.page = (int64_t)i + 1;
			break;
		case DOCUMENT_TRANSCRIPT:
			part->place.time_ms = (int64_t)i * 2000;
			part->place.speaker = mem_strdup(speaker[dice_below(&dice, 4)]);
			break;
		}
	}
}

/* ---- a prompt, as the engine has it ---- */

struct world {
	const struct tokenizer *tokenizer;
	struct tokenizer_encoder *encoder;
	struct token_order *order;
	int64_t n_vocab;
	struct ids ids;
	struct token_source source[512];
	size_t n_source;
	struct prompt prompt;
};

static void encode_prompt(struct world *world)
{
	world->ids.count = 0;
	world->n_source = 0;
	for (size_t i = 0; i < world->prompt.count; i++) {
		const struct segment *segment = world->prompt.item[i];
		struct token_source source = {.first_tok = world->ids.count};
		const char *text = segment_bytes(segment, &source.text_bytes);

		tokenizer_encode_text(world->encoder, text, source.text_bytes, i == 0, &world->ids);
		source.n_tok = world->ids.count - source.first_tok;
		source.aside = segment_asides(segment, &source.n_aside);
		if (segment_is_source(segment)) {
			assert_true(world->n_source < ARRAY_LEN(world->source));
			world->source[world->n_source++] = source;
		}
	}
}

/* ---- a model ---- */

struct speaker {
	struct world *world;
	struct quote *quote;
	struct buf answer;
	struct ids wanted; /* what it would say next, from wanted_at on */
	size_t wanted_at;
	size_t opened[MAX_QUOTE]; /* where the quotes that were closed began */
	size_t n_closed;
	int in_quote;
};

static void want(struct speaker *speaker)
{
	static const char *const noise[] = {"So ", "] ", "\"x\" ", "\"]", "[", "[S",
		"and \"y\", \"z\"]", "\n\n", "'q' ", "[S1] ", "[S2 a.txt", "S1 ", "see ", "[see "};
	char *text;

	speaker->wanted.count = speaker->wanted_at = 0;
	if (dice_below(&dice, 3) == 0) {
		text = mem_strdup(noise[dice_below(&dice, ARRAY_LEN(noise))]);
	} else {
		static const char *const mark[] = {"\"", "\"", "\"", "'", "`", "\xe2\x80\x9c"};

		text = mem_printf("%s[S%u%s%s", dice_below(&dice, 2) ? " " : "",
			1 + dice_below(&dice, 3), dice_below(&dice, 2) ? " a.txt:1 " : " ",
			mark[dice_below(&dice, ARRAY_LEN(mark))]);
	}
	tokenizer_encode_text(speaker->world->encoder, text, strlen(text), 0, &speaker->wanted);
	free(text);
}

static int ends_quote(const struct speaker *speaker, uint32_t id)
{
	struct buf bytes = BUF_INIT;
	int has;

	tokenizer_decode(speaker->world->tokenizer, id, 0, &bytes);
	has = bytes.len && (memchr(bytes.data, '"', bytes.len) || bytes.data[0] == ']');
	buf_finish(&bytes);
	return has;
}

/* Any of the mask; now and then one that ends the quote, if there is one. */
static uint32_t pick_allowed(const struct speaker *speaker, const uint64_t *mask)
{
	int64_t n_vocab = speaker->world->n_vocab;
	int wants_end = dice_below(&dice, 6) == 0;
	uint32_t n = 0, picked = UINT32_MAX;

	for (int64_t id = 0; id < n_vocab; id++) {
		if (!(mask[id / 64] >> id % 64 & 1)) {
			continue;
		}
		if (wants_end && ends_quote(speaker, (uint32_t)id)) {
			return (uint32_t)id;
		}
		if (dice_below(&dice, ++n) == 0) {
			picked = (uint32_t)id;
		}
	}
	assert_true(picked != UINT32_MAX);
	return picked;
}

static void speak_token(struct speaker *speaker)
{
	const uint64_t *mask;
	size_t begun = speaker->answer.len;
	uint32_t id;

	while (!quote_ready(speaker->quote, speaker->world->ids.id)) {
	}
	mask = quote_mask(speaker->quote);
	if (mask && !speaker->in_quote) {
		assert_true(speaker->n_closed < MAX_QUOTE);
		speaker->opened[speaker->n_closed] = begun;
	} else if (!mask && speaker->in_quote) {
		speaker->n_closed++;
	}
	speaker->in_quote = mask != NULL;
	if (mask) {
		speaker->wanted_at = speaker->wanted.count;
		id = pick_allowed(speaker, mask);
	} else {
		if (speaker->wanted_at == speaker->wanted.count) {
			want(speaker);
		}
		id = speaker->wanted.id[speaker->wanted_at++];
		mask = quote_check(speaker->quote, id);
		id = mask ? pick_allowed(speaker, mask) : id;
	}
	tokenizer_decode(speaker->world->tokenizer, id, 0, &speaker->answer);
	quote_add(speaker->quote, speaker->answer.data + begun, speaker->answer.len - begun);
}

/* ---- what it said ---- */

static void check_answer(const struct speaker *speaker, struct cite_source *source, size_t n_source)
{
	size_t count, k = 0;
	struct citation *citation = cite_check(
		buf_str(&speaker->answer), speaker->answer.len, source, n_source, &count);

	for (size_t i = 0; i < speaker->n_closed; i++) {
		while (k + 1 < count && citation[k + 1].answer_offset < speaker->opened[i]) {
			k++;
		}
		if (k >= count || citation[k].verdict == VERDICT_NOT_FOUND ||
			citation[k].text[0] == 0) {
			fail_msg("seed %llu: the quote at byte %zu of <%.*s> is not found (<%s>)",
				(unsigned long long)dice.counter, speaker->opened[i],
				(int)speaker->answer.len, speaker->answer.data,
				k < count ? citation[k].text : "no citation");
		}
	}
	n_closed_in_all += speaker->n_closed;
	citations_free(citation, count);
}

static void run_round(struct world *world)
{
	struct document document[MAX_DOCUMENT] = {0};
	struct cite_source source[MAX_DOCUMENT] = {0};
	size_t n = 1 + dice_below(&dice, MAX_DOCUMENT);
	struct speaker speaker = {.world = world};

	pack_instructions(&world->prompt, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		random_document(&document[i]);
		source[i].document = &document[i];
		source[i].number = (int64_t)i + 1;
		if (i == 2 && document[i].kind == document[0].kind) {
			source[i].number = 1;
			pack_update(&world->prompt, PACK_BEFORE_OTHER, 1, &document[i]);
		} else {
			pack_source(&world->prompt, i ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER,
				(int64_t)i + 1, &document[i]);
		}
	}
	encode_prompt(world);
	speaker.quote = quote_create(
		world->tokenizer, world->order, world->n_vocab, world->source, world->n_source);
	for (int i = 0; i < N_TOKEN; i++) {
		speak_token(&speaker);
	}
	check_answer(&speaker, source, n);
	quote_destroy(speaker.quote);
	buf_finish(&speaker.answer);
	ids_finish(&speaker.wanted);
	prompt_finish(&world->prompt);
	for (size_t i = 0; i < n; i++) {
		cite_source_finish(&source[i]);
		document_finish(&document[i]);
	}
}

static void run_rounds(const struct tokenizer *tokenizer)
{
	struct world world = {.tokenizer = tokenizer,
		.encoder = tokenizer_encoder_create(tokenizer),
		.n_vocab = tokenizer_vocab_count(tokenizer)};

	world.order = token_order_create(tokenizer, world.n_vocab);
	n_closed_in_all = 0;
	for (int round = 0; round < N_ROUND; round++) {
		run_round(&world);
	}
	assert_true(n_closed_in_all > N_ROUND);
	ids_finish(&world.ids);
	token_order_destroy(world.order);
	tokenizer_encoder_destroy(world.encoder);
}

static void what_is_quoted_in_bytes_is_found(void **state)
{
	struct model *model;

	assert_int_equal(0, fake_model_open(&model, NULL));
	run_rounds(model->tokenizer);
	fake_model_close(model);
}

static void what_is_quoted_in_tokens_is_found(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(fixture_names); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[i]);

		run_rounds(tokenizer);
		tokenizer_close(tokenizer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_quoted_in_bytes_is_found),
		cmocka_unit_test(what_is_quoted_in_tokens_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
