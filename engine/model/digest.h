/* Which model this is: see struct model's digest. */
#ifndef ENGINE_MODEL_DIGEST_H
#define ENGINE_MODEL_DIGEST_H

#include "base/sha256.h"

struct model;

/* Once the weights are read. */
struct sha256_digest model_digest(const struct model *model);

#endif
