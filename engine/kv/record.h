/*
 * What stands in the index of a segment: records of KV_RECORD_BYTES, all numbers little-endian. A
 * record fills one disk sector and never crosses a page of memory, so it is written whole or not at
 * all. The first is the head of the segment.
 *
 *   0 u32 checksum   CRC32C of bytes 4 ... 511, begun with the checksum of the head (of the head: 0),
 *                    so that a record of another segment is none here
 *   4 u32 kind
 *   8 ...            see record.c
 *
 * Files are hostile input: kv_record_read() takes nothing that does not hold together.
 */
#ifndef ENGINE_KV_RECORD_H
#define ENGINE_KV_RECORD_H

#include "base/sha256.h"
#include "engine/engine.h"
#include "kernels/kv.h"

#include <stdint.h>

enum {
	KV_RECORD_BYTES = 512,
	KV_SLOT_ALIGN_BYTES = 4096,
	KV_SEGMENT_ID_CHARS = 16,
	/* Of a segment; a reader takes no more either. */
	KV_SEGMENT_MAX_RECORDS = 1 << 18,
	KV_PAGE_MAX_BYTES = 1 << 30,
	KV_DISK_VERSION = 1,
};

enum kv_record_kind {
	KV_RECORD_PAGE = 1, /* a page, full or not */
	KV_RECORD_USE,      /* an owner's prompt ran over the pages up to `name` */
	KV_RECORD_BAD,      /* slot `slot` of the segment `segment` is damaged */
	KV_RECORD_FORGET,   /* what the owner computed and used up to then is nobody's */
};

struct kv_record {
	enum kv_record_kind kind;
	int32_t n_tok;
	uint32_t data_crc;
	int64_t slot;    /* its data begins at slot * kv_slot_bytes() */
	int64_t time_ns; /* since 1970 */
	struct sha256_digest name, parent;
	char owner[ENGINE_OWNER_CHARS + 1]; /* "": nobody */
	char segment[KV_SEGMENT_ID_CHARS + 1];
	uint32_t ids[KV_PAGE_TOK];
};

struct kv_record_head {
	struct sha256_digest root;
	int64_t page_bytes;
	char segment[KV_SEGMENT_ID_CHARS + 1];
};

/* What a page takes in the file of pages. */
int64_t kv_slot_bytes(int64_t page_bytes);

/* The head's checksum is what the other records' begins with. */
uint32_t kv_record_write_head(uint8_t out[KV_RECORD_BYTES], const struct kv_record_head *head);
/* Returns 0, or -1 where it is none. */
int kv_record_read_head(
	const uint8_t in[KV_RECORD_BYTES], struct kv_record_head *head, uint32_t *key);

void kv_record_write(uint8_t out[KV_RECORD_BYTES], const struct kv_record *record, uint32_t key);
/* Returns 0; 1 where nothing was ever written (zeros); or -1. */
int kv_record_read(const uint8_t in[KV_RECORD_BYTES], struct kv_record *record, uint32_t key);

/* Whether a text is n lower-case hexadecimal digits, then its end. */
int kv_is_hex(const char *text, int n);

#endif
