#!/bin/sh
# What a build computes with, as a header: a digest of the sources that decide every bit of a page, and
# of the compiler and its options. usage: numerics_build.sh OUT OPTIONS SOURCE...
set -eu
out=$1
options=$2
shift 2
digest=$({
	printf '%s\n' "$options"
	for source in "$@"; do
		printf '%s ' "${source##*/}"
		sha256sum <"$source"
	done
} | sha256sum)
printf '#define NUMERICS_BUILD "%s"\n' "${digest%% *}" >"$out"
