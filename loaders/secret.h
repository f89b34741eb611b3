/*
 * Files that hold secrets: private keys, credentials, tokens of services. They are left out unless
 * they are asked for (promise 17), wherever they are named.
 */
#ifndef LOADERS_SECRET_H
#define LOADERS_SECRET_H

#include <stddef.h>

/* Each returns why a file is left out (it completes "PATH "), or NULL. */

/* By its name alone. */
const char *secret_of_name(const char *path);
/* By its text, where the shape of a secret is certain enough; `path` tells what to expect. */
const char *secret_of_text(const char *path, const char *text, size_t len);

#endif
