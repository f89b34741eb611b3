#include "tests/faults/kv_story.h"

#include "base/mem.h"
#include "base/rng.h"
#include "engine/kv/chain.h"

#include <stdlib.h>
#include <string.h>

enum { TAIL_TOK = 17 };

struct story_page {
	struct kv_disk_page page;
	uint32_t ids[KV_PAGE_TOK];
	uint8_t data[KV_STORY_PAGE_BYTES];
};

static struct sha256_digest root(void)
{
	struct sha256_digest digest;

	memset(&digest, 0x5a, sizeof(digest));
	return digest;
}

static int is_tail(int64_t page)
{
	return page % 10 == 9;
}

/* -1: the root. Pages go on in rows of 40, each of which forks from the one before. */
static int64_t parent_of(int64_t page)
{
	return page == 0 ? -1 : page % 40 == 0 ? page - 20 : page - 1 - is_tail(page - 1);
}

static void fill_ids(uint32_t ids[KV_PAGE_TOK], int64_t page)
{
	for (uint64_t i = 0; i < KV_PAGE_TOK; i += 4) {
		rng_philox(0x1d5, (uint64_t)page << 16 | i, ids + i);
	}
}

static struct sha256_digest name_of(int64_t page)
{
	struct sha256_digest name = root();
	struct sha256 *hash;
	uint32_t ids[KV_PAGE_TOK];

	if (page < 0) {
		return name;
	}
	name = name_of(parent_of(page));
	fill_ids(ids, page);
	hash = sha256_create();
	name = kv_chain_next(hash, &name, ids, is_tail(page) ? TAIL_TOK : KV_PAGE_TOK);
	sha256_destroy(hash);
	return name;
}

static struct story_page *make_page(int64_t number)
{
	struct story_page *page = mem_zero(1, sizeof(*page));

	fill_ids(page->ids, number);
	for (uint64_t i = 0; i + 16 <= KV_STORY_PAGE_BYTES; i += 16) {
		uint32_t out[4];

		rng_philox(0xda7a, (uint64_t)number << 24 | i, out);
		memcpy(page->data + i, out, 16);
	}
	page->page = (struct kv_disk_page){
		.name = name_of(number),
		.parent = name_of(parent_of(number)),
		.n_tok = is_tail(number) ? TAIL_TOK : KV_PAGE_TOK,
		.ids = page->ids,
		.data = page->data,
	};
	return page;
}

int kv_story_open(struct kv_disk **disk, const char *folder, struct err *err)
{
	const struct kv_disk_config config = {
		.folder = folder,
		.root = root(),
		.about = "model story\n",
		.page_bytes = KV_STORY_PAGE_BYTES,
		.limit_bytes = 1 << 30,
		.n_thread = 1,
	};

	return kv_disk_open(disk, &config, err);
}

void kv_story_write(struct kv_disk *disk, int64_t number)
{
	struct story_page *page = make_page(number);

	kv_disk_write(disk, &page->page, number % 3 ? "0123456789abcdef" : NULL);
	kv_disk_use(disk, &page->page.name, "fedcba9876543210");
	free(page);
}

int kv_story_look(struct kv_disk *disk, int64_t number, struct err *err)
{
	struct story_page *page = make_page(number);
	const struct kv_disk_entry *entry;
	int32_t n_tok = 0;
	uint8_t *data;
	int result = 0;

	if (is_tail(number)) {
		entry = kv_disk_find_partial(disk, &page->page.parent, page->ids, TAIL_TOK, &n_tok);
		/* The row may go on with a page that has nothing in common with the tail. */
		entry = entry && n_tok == TAIL_TOK ? entry : NULL;
	} else {
		entry = kv_disk_find(disk, &page->page.name, &page->page.parent, page->ids);
	}
	if (entry && kv_disk_link(disk, &entry, 1, &data) == 1) {
		result = memcmp(data, page->data, KV_STORY_PAGE_BYTES) ? -1 : 1;
		kv_disk_unlink(disk, data);
	}
	free(page);
	return result < 0 ? err_set(err, ERR_FAILURE, NULL, NULL,
				    "page %lld is found with other bytes than it has",
				    (long long)number)
			  : result;
}
