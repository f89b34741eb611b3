/*
 * Which build computes. KV on disk outlives the build that computed it, and cached equals uncached bit
 * for bit only if the same code, compiled in the same way, would compute the same page again: another
 * compiler may round elsewhere, a better kernel may add in another order. So what a page is named after
 * has, besides the instruction-set path, a digest of the sources of kernels/, of the families and of
 * what hands them weights, of the compiler and its options, and the version of the C library whose
 * functions they call. Editing any of them makes the pages of before a miss; editing the rest does not.
 */
#ifndef ENGINE_NUMERICS_H
#define ENGINE_NUMERICS_H

/* "cpu-avx512 BUILD glibc 2.36", of a backend's numerics_class(); malloc'ed. */
char *numerics_name(const char *numerics_class);

#endif
