#include "engine/kv/record.h"

#include "base/crc32c.h"

#include <string.h>

/* Where the fields stand. */
enum {
	AT_CHECKSUM = 0,
	AT_KIND = 4,
	AT_N_TOK = 8,
	AT_DATA_CRC = 12,
	AT_SLOT = 16,
	AT_TIME = 24,
	AT_NAME = 32,
	AT_PARENT = 64,
	AT_OWNER = 96,
	AT_SEGMENT = 112,
	AT_IDS = 128,

	AT_HEAD_VERSION = 8,
	AT_HEAD_PAGE_TOK = 12,
	AT_HEAD_PAGE_BYTES = 16,
	AT_HEAD_ROOT = 32,
	AT_HEAD_MAGIC = 128,
};

static const uint32_t kind_head = 0x6b72726bU;
static const char magic[] = "carrel kv index";

static void put_u32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(value >> 8 * i);
	}
}

static uint32_t get_u32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}

static void put_u64(uint8_t *out, int64_t value)
{
	put_u32(out, (uint32_t)(uint64_t)value);
	put_u32(out + 4, (uint32_t)((uint64_t)value >> 32));
}

static int64_t get_u64(const uint8_t *in)
{
	return (int64_t)((uint64_t)get_u32(in) | (uint64_t)get_u32(in + 4) << 32);
}

int64_t kv_slot_bytes(int64_t page_bytes)
{
	return (page_bytes + KV_SLOT_ALIGN_BYTES - 1) / KV_SLOT_ALIGN_BYTES * KV_SLOT_ALIGN_BYTES;
}

int kv_is_hex(const char *text, int n)
{
	for (int i = 0; i < n; i++) {
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))) {
			return 0;
		}
	}
	return text[n] == '\0';
}

/* A field of n hexadecimal digits, or of zeros where `may_be_empty`. */
static int get_hex(char *out, const uint8_t *in, int n, int may_be_empty)
{
	memcpy(out, in, (size_t)n);
	out[n] = '\0';
	if (may_be_empty && out[0] == '\0') {
		for (int i = 0; i < n; i++) {
			if (in[i]) {
				return -1;
			}
		}
		return 0;
	}
	return kv_is_hex(out, n) ? 0 : -1;
}

static uint32_t seal(uint8_t out[KV_RECORD_BYTES], uint32_t key)
{
	uint32_t crc = crc32c(key, out + AT_KIND, KV_RECORD_BYTES - AT_KIND);

	put_u32(out + AT_CHECKSUM, crc);
	return crc;
}

static int is_sealed(const uint8_t in[KV_RECORD_BYTES], uint32_t key)
{
	return get_u32(in + AT_CHECKSUM) == crc32c(key, in + AT_KIND, KV_RECORD_BYTES - AT_KIND);
}

uint32_t kv_record_write_head(uint8_t out[KV_RECORD_BYTES], const struct kv_record_head *head)
{
	memset(out, 0, KV_RECORD_BYTES);
	put_u32(out + AT_KIND, kind_head);
	put_u32(out + AT_HEAD_VERSION, KV_DISK_VERSION);
	put_u32(out + AT_HEAD_PAGE_TOK, KV_PAGE_TOK);
	put_u64(out + AT_HEAD_PAGE_BYTES, head->page_bytes);
	memcpy(out + AT_HEAD_ROOT, head->root.byte, sizeof(head->root.byte));
	memcpy(out + AT_SEGMENT, head->segment, KV_SEGMENT_ID_CHARS);
	memcpy(out + AT_HEAD_MAGIC, magic, sizeof(magic));
	return seal(out, 0);
}

int kv_record_read_head(
	const uint8_t in[KV_RECORD_BYTES], struct kv_record_head *head, uint32_t *key)
{
	if (!is_sealed(in, 0) || get_u32(in + AT_KIND) != kind_head ||
		get_u32(in + AT_HEAD_VERSION) != KV_DISK_VERSION ||
		get_u32(in + AT_HEAD_PAGE_TOK) != KV_PAGE_TOK ||
		memcmp(in + AT_HEAD_MAGIC, magic, sizeof(magic)) != 0) {
		return -1;
	}
	head->page_bytes = get_u64(in + AT_HEAD_PAGE_BYTES);
	memcpy(head->root.byte, in + AT_HEAD_ROOT, sizeof(head->root.byte));
	if (head->page_bytes < 1 || head->page_bytes > KV_PAGE_MAX_BYTES ||
		get_hex(head->segment, in + AT_SEGMENT, KV_SEGMENT_ID_CHARS, 0) < 0) {
		return -1;
	}
	*key = get_u32(in + AT_CHECKSUM);
	return 0;
}

void kv_record_write(uint8_t out[KV_RECORD_BYTES], const struct kv_record *record, uint32_t key)
{
	memset(out, 0, KV_RECORD_BYTES);
	put_u32(out + AT_KIND, record->kind);
	put_u32(out + AT_N_TOK, (uint32_t)record->n_tok);
	put_u32(out + AT_DATA_CRC, record->data_crc);
	put_u64(out + AT_SLOT, record->slot);
	put_u64(out + AT_TIME, record->time_ns);
	memcpy(out + AT_NAME, record->name.byte, sizeof(record->name.byte));
	memcpy(out + AT_PARENT, record->parent.byte, sizeof(record->parent.byte));
	memcpy(out + AT_OWNER, record->owner, ENGINE_OWNER_CHARS);
	memcpy(out + AT_SEGMENT, record->segment, KV_SEGMENT_ID_CHARS);
	for (int32_t i = 0; i < record->n_tok; i++) {
		put_u32(out + AT_IDS + 4 * i, record->ids[i]);
	}
	seal(out, key);
}

static int is_zero(const uint8_t in[KV_RECORD_BYTES])
{
	for (int i = 0; i < KV_RECORD_BYTES; i++) {
		if (in[i]) {
			return 0;
		}
	}
	return 1;
}

/* Its checksum is right; but that is no proof of who wrote it. */
static int holds_together(const struct kv_record *record)
{
	switch (record->kind) {
	case KV_RECORD_PAGE:
		return record->n_tok >= 1 && record->n_tok <= KV_PAGE_TOK && record->slot >= 0 &&
		       record->slot < KV_SEGMENT_MAX_RECORDS;
	case KV_RECORD_USE:
		return record->n_tok == 0;
	case KV_RECORD_BAD:
		return record->n_tok == 0 && record->segment[0] && record->slot >= 0 &&
		       record->slot < KV_SEGMENT_MAX_RECORDS;
	case KV_RECORD_FORGET:
		return record->n_tok == 0 && record->owner[0];
	}
	return 0;
}

int kv_record_read(const uint8_t in[KV_RECORD_BYTES], struct kv_record *record, uint32_t key)
{
	uint32_t n_tok;

	if (!is_sealed(in, key)) {
		return is_zero(in) ? 1 : -1;
	}
	memset(record, 0, sizeof(*record));
	n_tok = get_u32(in + AT_N_TOK);
	if (get_u32(in + AT_KIND) > KV_RECORD_FORGET || n_tok > KV_PAGE_TOK) {
		return -1;
	}
	record->kind = (enum kv_record_kind)get_u32(in + AT_KIND);
	record->n_tok = (int32_t)n_tok;
	record->data_crc = get_u32(in + AT_DATA_CRC);
	record->slot = get_u64(in + AT_SLOT);
	record->time_ns = get_u64(in + AT_TIME);
	memcpy(record->name.byte, in + AT_NAME, sizeof(record->name.byte));
	memcpy(record->parent.byte, in + AT_PARENT, sizeof(record->parent.byte));
	for (uint32_t i = 0; i < n_tok; i++) {
		record->ids[i] = get_u32(in + AT_IDS + 4 * i);
	}
	if (get_hex(record->owner, in + AT_OWNER, ENGINE_OWNER_CHARS, 1) < 0 ||
		get_hex(record->segment, in + AT_SEGMENT, KV_SEGMENT_ID_CHARS, 1) < 0) {
		return -1;
	}
	return holds_together(record) ? 0 : -1;
}
