#include "engine/kv/stock.h"

#include "base/crc32c.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- owners ---- */

static uint32_t *owner_bucket(const struct kv_stock *stock, const char *id)
{
	uint32_t hash = 2166136261U;

	for (; *id; id++) {
		hash = (hash ^ (uint8_t)*id) * 16777619U;
	}
	return (uint32_t *)&stock->owner_bucket[hash % 1024];
}

uint32_t kv_stock_owner(const struct kv_stock *stock, const char *id)
{
	for (uint32_t i = *owner_bucket(stock, id); i; i = stock->owner[i].next) {
		if (strcmp(stock->owner[i].id, id) == 0) {
			return i;
		}
	}
	return id[0] ? KV_STOCK_NONE : 0;
}

static uint32_t add_owner(struct kv_stock *stock, const char *id)
{
	uint32_t i = kv_stock_owner(stock, id);
	struct kv_stock_owner *owner;

	if (i != KV_STOCK_NONE) {
		return i;
	}
	mem_grow(stock->owner, stock->n_owner, stock->cap_owner);
	i = stock->n_owner++;
	owner = &stock->owner[i];
	memset(owner, 0, sizeof(*owner));
	strcpy(owner->id, id);
	owner->forgotten_ns = INT64_MIN;
	owner->next = *owner_bucket(stock, id);
	*owner_bucket(stock, id) = i;
	return i;
}

/* ---- reading ---- */

struct reading {
	struct kv_stock *stock;
	uint32_t segment;
};

static void take_page(struct kv_stock *stock, const struct kv_record *record, uint32_t segment)
{
	struct kv_stock_page *page;

	if (stock->index.n_entry >= stock->cap_page) {
		uint32_t cap = stock->cap_page ? 2 * stock->cap_page : 1024;

		stock->page = mem_resize(stock->page, cap, sizeof(*stock->page));
		stock->cap_page = cap;
	}
	if (!kv_index_add(&stock->index, record, segment)) {
		mem_exhausted();
	}
	page = &stock->page[stock->index.n_entry - 1];
	*page = (struct kv_stock_page){
		.time_ns = record->time_ns,
		.use_ns = record->time_ns,
		.owner = add_owner(stock, record->owner),
		.parent = KV_STOCK_NONE,
		.instead = KV_STOCK_NONE,
		.state = KV_STOCK_UNREACHABLE,
	};
	stock->segment[segment].n_page++;
}

static void take_record(void *arg, const struct kv_record *record)
{
	struct reading *reading = arg;
	struct kv_stock *stock = reading->stock;
	struct kv_stock_note *note;

	if (record->kind == KV_RECORD_PAGE) {
		take_page(stock, record, reading->segment);
		return;
	}
	mem_grow(stock->note, stock->n_note, stock->cap_note);
	note = &stock->note[stock->n_note++];
	*note = (struct kv_stock_note){
		.kind = record->kind,
		.name = record->name,
		.page = KV_STOCK_NONE,
		.owner = add_owner(stock, record->owner),
		.segment = reading->segment,
		.time_ns = record->time_ns,
		.slot = record->slot,
	};
	memcpy(note->bad_segment, record->segment, sizeof(note->bad_segment));
	if (record->kind == KV_RECORD_FORGET &&
		stock->owner[note->owner].forgotten_ns < record->time_ns) {
		stock->owner[note->owner].forgotten_ns = record->time_ns;
	}
}

static int is_locked(int fd)
{
	struct flock both = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 2};

	return fcntl(fd, F_OFD_GETLK, &both) == 0 && both.l_type != F_UNLCK;
}

static void look_at_files(struct kv_stock *stock, struct kv_stock_segment *segment)
{
	int fd = kv_segment_open(stock->fd, segment->file.id, ".index", O_RDONLY);
	struct stat st;

	segment->index_bytes = segment->pages_bytes = -1;
	if (fd >= 0) {
		segment->is_held = is_locked(fd);
		if (fstat(fd, &st) == 0) {
			segment->n_bytes += (int64_t)st.st_blocks * 512;
			segment->index_bytes = st.st_size;
		}
		close(fd);
	}
	fd = kv_segment_open(stock->fd, segment->file.id, ".pages", O_RDONLY);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0) {
			segment->n_bytes += (int64_t)st.st_blocks * 512;
			segment->pages_bytes = st.st_size;
		}
		close(fd);
	}
}

int64_t kv_stock_damages(const struct kv_stock_segment *segment)
{
	if (segment->is_unborn) {
		return 0;
	}
	return segment->file.n_damaged + segment->file.n_doubtful +
	       (segment->is_unreadable || segment->pages_bytes < 0);
}

static int sweep_file(void *arg, const char *name)
{
	const struct kv_stock *stock = arg;
	char index[KV_SEGMENT_ID_CHARS + 8] = "", id[KV_SEGMENT_ID_CHARS + 1];

	if (strlen(name) != KV_SEGMENT_ID_CHARS + 6 ||
		strcmp(name + KV_SEGMENT_ID_CHARS, ".pages") != 0) {
		return 0;
	}
	memcpy(index, name, KV_SEGMENT_ID_CHARS);
	strcat(index, ".index");
	/* The index is made first and removed first. */
	if (kv_segment_is_index(index, id) &&
		faccessat(stock->fd, index, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
		unlinkat(stock->fd, name, 0);
	}
	return 0;
}

void kv_stock_sweep(const struct kv_stock *stock)
{
	kv_folder_each(stock->fd, sweep_file, (void *)stock);
}

static int take_file(void *arg, const char *name)
{
	struct kv_stock *stock = arg;
	char id[KV_SEGMENT_ID_CHARS + 1];

	if (kv_segment_is_index(name, id)) {
		struct kv_stock_segment *segment;

		mem_grow(stock->segment, stock->n_segment, stock->cap_segment);
		segment = &stock->segment[stock->n_segment++];
		memset(segment, 0, sizeof(*segment));
		strcpy(segment->file.id, id);
	}
	return 0;
}

/* A segment whose head names another root than the folder does is none of this one's. */
static void read_segment(struct kv_stock *stock, uint32_t number)
{
	struct kv_stock_segment *segment = &stock->segment[number];
	struct reading reading = {.stock = stock, .segment = number};
	struct kv_root root = stock->root;
	char hex[65];

	look_at_files(stock, segment);
	if (segment->index_bytes == 0) {
		segment->is_unborn = 1;
		return;
	}
	if (root.page_bytes == 0) {
		struct kv_segment probe = segment->file;

		kv_segment_read(&probe, stock->fd, &root, NULL, NULL);
		sha256_hex(&root.root, hex);
		if (root.page_bytes == 0 || strncmp(hex, stock->id, KV_ROOT_ID_CHARS) != 0) {
			segment->is_unreadable = 1;
			return;
		}
		stock->root = root;
	}
	if (kv_segment_read(&segment->file, stock->fd, &stock->root, take_record, &reading) < 0) {
		segment->is_unreadable = 1;
	}
}

/* ---- the tree ---- */

static int same_page(const struct kv_index_entry *a, const struct kv_index_entry *b)
{
	return a->page.n_tok == b->page.n_tok && sha256_equal(&a->page.parent, &b->page.parent) &&
	       memcmp(a->ids, b->ids, (size_t)a->page.n_tok * sizeof(uint32_t)) == 0;
}

/* What the others said is damaged is; then each name is one page's. */
static void settle_names(struct kv_stock *stock)
{
	for (size_t i = 0; i < stock->n_note; i++) {
		struct kv_stock_note *note = &stock->note[i];
		struct kv_index_entry *entry = NULL;

		while (note->kind == KV_RECORD_BAD &&
			(entry = kv_index_named(&stock->index, &note->name, entry))) {
			if (entry->slot == note->slot &&
				strcmp(stock->segment[entry->segment].file.id, note->bad_segment) ==
					0) {
				note->page = entry->number;
				stock->page[note->page].state = KV_STOCK_BAD;
				kv_index_kill(&stock->index, entry);
			}
		}
	}
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		struct kv_index_entry *entry = kv_index_at(&stock->index, i), *other = entry;
		int is_ambiguous = 0;

		if (entry->is_dead) {
			continue;
		}
		/* The chain leads to those that were read before. */
		while ((other = kv_index_named(&stock->index, &entry->page.name, other))) {
			int is_same = same_page(entry, other);

			stock->page[other->number].state = is_same ? KV_STOCK_TWIN : KV_STOCK_BAD;
			stock->page[other->number].instead = i;
			is_ambiguous |= !is_same;
			kv_index_kill(&stock->index, other);
		}
		if (is_ambiguous) {
			stock->page[i].state = KV_STOCK_BAD;
			kv_index_kill(&stock->index, entry);
		}
	}
}

static int compare_children(const void *a, const void *b)
{
	const struct kv_index_entry *x = *(struct kv_index_entry *const *)a;
	const struct kv_index_entry *y = *(struct kv_index_entry *const *)b;
	int32_t n = x->page.n_tok < y->page.n_tok ? x->page.n_tok : y->page.n_tok;

	for (int32_t i = 0; i < n; i++) {
		if (x->ids[i] != y->ids[i]) {
			return x->ids[i] < y->ids[i] ? -1 : 1;
		}
	}
	return (x->page.n_tok > y->page.n_tok) - (x->page.n_tok < y->page.n_tok);
}

struct children {
	struct kv_index_entry **at;
	size_t n, cap;
};

/* In the order of their ids, so that a tail stands right in front of what begins with it. */
static void find_children(
	struct kv_stock *stock, const struct sha256_digest *parent, struct children *children)
{
	struct kv_index_entry *entry = NULL;

	children->n = 0;
	while ((entry = kv_index_child(&stock->index, parent, entry))) {
		if (stock->page[entry->number].state == KV_STOCK_UNREACHABLE) {
			mem_grow(children->at, children->n, children->cap);
			children->at[children->n++] = entry;
		}
	}
	if (children->n > 1) {
		qsort(children->at, children->n, sizeof(struct kv_index_entry *), compare_children);
	}
}

static int begins_with(const struct kv_index_entry *page, const struct kv_index_entry *tail)
{
	return tail->page.n_tok < page->page.n_tok &&
	       memcmp(page->ids, tail->ids, (size_t)tail->page.n_tok * sizeof(uint32_t)) == 0;
}

static void reach(struct kv_stock *stock, const struct sha256_digest *name, uint32_t parent,
	struct children *children)
{
	find_children(stock, name, children);
	for (size_t i = children->n; i > 0; i--) {
		struct kv_index_entry *entry = children->at[i - 1];
		uint32_t number = entry->number;
		struct kv_stock_page *page = &stock->page[number];

		page->parent = parent;
		page->depth = parent == KV_STOCK_NONE ? 0 : stock->page[parent].depth + 1;
		page->state = KV_STOCK_GOOD;
		if (i < children->n && begins_with(children->at[i], entry)) {
			page->state = KV_STOCK_SUPERSEDED;
			page->instead = children->at[i]->number;
		}
		stock->order[stock->n_order++] = number;
	}
}

static void build_tree(struct kv_stock *stock)
{
	struct children children = {0};

	settle_names(stock);
	stock->order = mem_zero((size_t)stock->index.n_entry + 1, sizeof(uint32_t));
	reach(stock, &stock->root.root, KV_STOCK_NONE, &children);
	for (uint32_t i = 0; i < stock->n_order; i++) {
		const struct kv_index_entry *entry = kv_index_at(&stock->index, stock->order[i]);

		if (entry->page.n_tok == KV_PAGE_TOK) {
			reach(stock, &entry->page.name, stock->order[i], &children);
		}
	}
	free(children.at);
}

/* ---- marks ---- */

uint32_t kv_stock_real_owner(const struct kv_stock *stock, uint32_t owner, int64_t time_ns)
{
	return time_ns <= stock->owner[owner].forgotten_ns ? 0 : owner;
}

/* The clock may have been set back since a record was written. */
void kv_stock_forget(struct kv_stock *stock, uint32_t owner)
{
	int64_t last_ns = kv_now_ns();

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		if (stock->page[i].owner == owner && stock->page[i].time_ns > last_ns) {
			last_ns = stock->page[i].time_ns;
		}
	}
	for (size_t i = 0; i < stock->n_note; i++) {
		if (stock->note[i].owner == owner && stock->note[i].time_ns > last_ns) {
			last_ns = stock->note[i].time_ns;
		}
	}
	stock->owner[owner].forgotten_ns = last_ns;
}

uint32_t kv_stock_heir(const struct kv_stock *stock, uint32_t page)
{
	while (page != KV_STOCK_NONE) {
		const struct kv_stock_page *at = &stock->page[page];

		if (at->state == KV_STOCK_TWIN || at->state == KV_STOCK_SUPERSEDED) {
			page = at->instead;
		} else if (at->state != KV_STOCK_GOOD) {
			return KV_STOCK_NONE;
		} else if (at->is_dropped) {
			page = at->parent;
		} else {
			return page;
		}
	}
	return KV_STOCK_NONE;
}

/* Where a mark counts while nothing is dropped. */
static uint32_t place_of(const struct kv_stock *stock, uint32_t page)
{
	while (page != KV_STOCK_NONE && (stock->page[page].state == KV_STOCK_TWIN ||
						stock->page[page].state == KV_STOCK_SUPERSEDED)) {
		page = stock->page[page].instead;
	}
	return page;
}

static void see_use(struct kv_stock *stock, uint32_t page, int64_t time_ns)
{
	page = place_of(stock, page);
	if (page != KV_STOCK_NONE && stock->page[page].use_ns < time_ns) {
		stock->page[page].use_ns = time_ns;
	}
}

static void find_uses(struct kv_stock *stock)
{
	for (size_t i = 0; i < stock->n_note; i++) {
		struct kv_stock_note *note = &stock->note[i];
		struct kv_index_entry *entry;

		if (note->kind != KV_RECORD_USE) {
			continue;
		}
		entry = kv_index_named(&stock->index, &note->name, NULL);
		if (entry) {
			note->page = entry->number;
			see_use(stock, note->page, note->time_ns);
		}
	}
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		see_use(stock, i, stock->page[i].time_ns);
	}
	for (uint32_t i = stock->n_order; i > 0; i--) {
		const struct kv_stock_page *page = &stock->page[stock->order[i - 1]];

		if (page->parent != KV_STOCK_NONE) {
			see_use(stock, page->parent, page->use_ns);
		}
	}
}

void kv_stock_mark(struct kv_stock *stock,
	int (*is_meant)(void *arg, const struct kv_stock *stock, uint32_t owner), void *arg)
{
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		stock->page[i].is_marked = 0;
	}
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		uint32_t at = place_of(stock, i);

		if (at != KV_STOCK_NONE && is_meant(arg, stock,
						   kv_stock_real_owner(stock, stock->page[i].owner,
							   stock->page[i].time_ns))) {
			stock->page[at].is_marked = stock->page[i].is_marked = 1;
		}
	}
	for (size_t i = 0; i < stock->n_note; i++) {
		const struct kv_stock_note *note = &stock->note[i];

		if (note->kind == KV_RECORD_USE && note->page != KV_STOCK_NONE &&
			is_meant(arg, stock,
				kv_stock_real_owner(stock, note->owner, note->time_ns))) {
			stock->page[place_of(stock, note->page)].is_marked = 1;
		}
	}
	for (uint32_t i = stock->n_order; i > 0; i--) {
		const struct kv_stock_page *page = &stock->page[stock->order[i - 1]];

		if (page->is_marked && page->parent != KV_STOCK_NONE) {
			stock->page[page->parent].is_marked = 1;
		}
	}
}

int64_t kv_stock_page_bytes(const struct kv_stock *stock)
{
	return kv_slot_bytes(stock->root.page_bytes) + KV_RECORD_BYTES;
}

/* ---- reading the pages ---- */

int kv_stock_is_page_good(
	const struct kv_stock *stock, int pages_fd, const struct kv_index_entry *entry)
{
	uint8_t chunk[1 << 16];
	int64_t left = stock->root.page_bytes, at = entry->slot * kv_slot_bytes(left);
	uint32_t crc = 0;

	while (left > 0) {
		size_t n_wanted = left < (int64_t)sizeof(chunk) ? (size_t)left : sizeof(chunk);
		ssize_t n = pread(pages_fd, chunk, n_wanted, at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return 0;
		}
		crc = crc32c(crc, chunk, (size_t)n);
		at += n;
		left -= n;
	}
	return crc == entry->data_crc;
}

/* What continues a page that is none cannot be reached. */
static void cut_off(struct kv_stock *stock)
{
	for (uint32_t i = 0; i < stock->n_order; i++) {
		struct kv_stock_page *page = &stock->page[stock->order[i]];
		enum kv_stock_state above = page->parent == KV_STOCK_NONE
						    ? KV_STOCK_GOOD
						    : stock->page[page->parent].state;

		if (page->state != KV_STOCK_BAD &&
			(above == KV_STOCK_BAD || above == KV_STOCK_UNREACHABLE)) {
			page->state = KV_STOCK_UNREACHABLE;
		}
	}
}

int kv_stock_check(
	struct kv_stock *stock, int (*go_on)(void *arg, int64_t checked_bytes), void *arg)
{
	int stopped = 0;

	for (uint32_t s = 0; s < stock->n_segment && !stopped; s++) {
		int fd = kv_segment_open(stock->fd, stock->segment[s].file.id, ".pages", O_RDONLY);

		for (uint32_t i = 0; i < stock->index.n_entry && !stopped; i++) {
			const struct kv_index_entry *entry = kv_index_at(&stock->index, i);

			if (entry->segment != s || stock->page[i].state == KV_STOCK_BAD) {
				continue;
			}
			if (fd < 0 || !kv_stock_is_page_good(stock, fd, entry)) {
				stock->page[i].state = KV_STOCK_BAD;
			}
			stopped = !go_on(arg, kv_stock_page_bytes(stock));
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	cut_off(stock);
	return stopped ? -1 : 0;
}

/* ---- the whole ---- */

int kv_stock_read(struct kv_stock *stock, const struct kv_folder *folder, const char *root_id,
	struct err *err)
{
	memset(stock, 0, sizeof(*stock));
	stock->fd = kv_folder_open_root(folder, root_id);
	if (stock->fd < 0) {
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 1
			       : err_set_errno(err, ERR_FAILURE, errno, folder->path,
					 "%s in the folder of computed KV cannot be read", root_id);
	}
	memcpy(stock->id, root_id, sizeof(stock->id));
	kv_index_init(&stock->index);
	stock->cap_owner = 16;
	stock->owner = mem_zero(stock->cap_owner, sizeof(*stock->owner));
	stock->n_owner = 1;
	kv_folder_each(stock->fd, take_file, stock);
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		read_segment(stock, i);
	}
	build_tree(stock);
	find_uses(stock);
	return 0;
}

void kv_stock_finish(struct kv_stock *stock)
{
	if (stock->fd >= 0) {
		close(stock->fd);
	}
	kv_index_finish(&stock->index);
	free(stock->page);
	free(stock->order);
	free(stock->note);
	free(stock->owner);
	free(stock->segment);
	memset(stock, 0, sizeof(*stock));
	stock->fd = -1;
}
