#include "base/sha256.h"

#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *context;
};

/* What the library says no to here it has no memory for: the algorithm is always there. */

/* Fetching the algorithm costs more than hashing a page, so it is done once. */
static EVP_MD *fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	/* A context of our own: where memory runs out while the default one is made, 3.0 crashes. */
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	fetched = context ? EVP_MD_fetch(context, "SHA256", NULL) : NULL;
	if (!fetched) {
		mem_exhausted();
	}
}

static const EVP_MD *algorithm(void)
{
	pthread_once(&fetch_once, fetch);
	return fetched;
}

struct sha256 *sha256_create(void)
{
	struct sha256 *hash = mem_zero(1, sizeof(*hash));

	hash->context = EVP_MD_CTX_new();
	if (!hash->context) {
		mem_exhausted();
	}
	sha256_reset(hash);
	return hash;
}

void sha256_destroy(struct sha256 *hash)
{
	if (hash) {
		EVP_MD_CTX_free(hash->context);
		free(hash);
	}
}

void sha256_reset(struct sha256 *hash)
{
	if (!EVP_DigestInit_ex2(hash->context, algorithm(), NULL)) {
		mem_exhausted();
	}
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
	if (len && !EVP_DigestUpdate(hash->context, bytes, len)) {
		mem_exhausted();
	}
}

struct sha256_digest sha256_finish(struct sha256 *hash)
{
	struct sha256_digest digest;

	if (!EVP_DigestFinal_ex(hash->context, digest.byte, NULL)) {
		mem_exhausted();
	}
	return digest;
}
