#!/bin/sh
# Promise 15 on the command line: no byte of an answer, a name or an error is obeyed by a terminal.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# obeyed FILE: bytes that a terminal would obey, carrel's own line ends and erasures apart.
obeyed()
{
	sed -e 's/\r$//' -e 's/\x1b\[K//g' -e 's/\x1b\[?2004[hl]\r\{0,1\}//g' "$1" |
		tr -d '\n\t\r' | grep -caP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae\x8b]'
}

clean()
{
	[ "$(obeyed out)" = 0 ] || {
		cat -v out | head -n 20
		return 1
	}
}

: >empty
export CARREL_FAKE_ANSWER="$(printf 'red \033[31m title \033]0;x\007 bidi \342\200\256 c1 \302\233m end')"
run "$PTY_RUN" empty "$CARREL" ask --device fake words
ok 'an answer on a terminal works' status_is 0
ok 'its controls are shown' prints '^[[31m'
ok 'its bidirectional overrides are shown' prints '<U+202E>'
ok 'and none is obeyed' clean
run "$CARREL" ask --device fake words
ok 'in a pipe an answer is exact' grep -q "$(printf '\033')" out
run "$PTY_RUN" empty "$CARREL" ask --device fake --json words
ok 'JSON on a terminal obeys nothing either' clean
unset CARREL_FAKE_ANSWER

name=$(printf 'evil\033[2J\302\205.txt')
run "$PTY_RUN" empty "$CARREL" ask --device fake words "$name"
ok 'a missing file with an evil name ends with status 6' status_is 6
ok 'its name is shown, not obeyed' clean
run "$CARREL" ask --device fake words "$name"
ok 'on a standard error that is no terminal too' says 'evil^[[2J'
echo text >"$name"
run "$PTY_RUN" empty "$CARREL" count "$name"
ok 'count shows evil names, and obeys none' clean
run "$PTY_RUN" empty "$CARREL" ask "--$name" x
ok 'an unknown option is shown, not obeyed' clean
finish
