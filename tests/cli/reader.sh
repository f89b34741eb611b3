#!/bin/sh
# The built-in model finds and quotes in documents that it was not trained on, as well as when it was
# measured: a small fixed part of what models/reader/README.md reports, with floors a little below.
. "$CARREL_SOURCE/tests/cli/tap.sh"
docs="$CARREL_SOURCE/tests/vectors/reader"

# at_least PATH FLOOR: the number that the JSON on standard output holds there.
at_least()
{
	tap_value=$("$JSON_GET" "$1" <out) || return 1
	echo "$1 is $tap_value, should be at least $2"
	[ "${tap_value%.*}" -ge "$2" ]
}

run "$CARREL" eval quote -m "$CARREL_BUILT_IN" --json --lengths 512,1024 --questions 60 "$docs"/*/
ok 'eval quote runs on the built-in model' status_is 0
ok 'at 512 tokens the right line' at_least lengths.0.constrained.right_percent 53
ok 'at 1,024 tokens the right line' at_least lengths.1.constrained.right_percent 55
ok 'quotes that are held to the sources are theirs' at_least lengths.1.constrained.verbatim_percent 91
ok 'free quotes, too, mostly' at_least lengths.0.free.verbatim_percent 68
ok 'what is absent is refused' at_least lengths.0.constrained.refused_percent 53

run "$CARREL" ask -m "$CARREL_BUILT_IN" 'What does exit status 3 mean?' \
	"$CARREL_SOURCE/man/carrel.1.scd"
ok 'the question of the README is answered with a quote that is there' status_is 0
ok 'the right one' prints '3    the input does not fit the context'
finish
