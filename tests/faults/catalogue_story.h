/*
 * What happens to a set of sessions in the tests of faults: operation k makes one, renames one or
 * removes one, and which sessions there are after it follows from k alone.
 */
#ifndef TESTS_FAULTS_CATALOGUE_STORY_H
#define TESTS_FAULTS_CATALOGUE_STORY_H

#include "base/err.h"

#include <stdint.h>

/* Operation k, from 1; those before it were done. $XDG_DATA_HOME says where. */
int catalogue_story_do(int64_t k, struct err *err);
/* Whether exactly the sessions of after operation k are there, and open. */
int catalogue_story_check(int64_t k, struct err *err);

#endif
