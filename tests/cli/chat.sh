#!/bin/sh
# The line-mode chat, on a terminal and as a script.
. "$CARREL_SOURCE/tests/cli/tap.sh"
printf 'The pump is started by hand.\n' >station.txt

export CARREL_FAKE_ANSWER='By hand. [S1 station.txt:1 "The pump is started by hand."]'
cat >script <<-'END'
	expect > 
	send /load station.txt\n
	expect S1 text station.txt
	send How is it started?\n
	expect By hand.
	expect station.txt:1 verified
	send /sources\n
	expect station.txt
	send /nonsense\n
	expect there is no command /nonsense
	send /help\n
	expect Ctrl-C stops
	send /load missing.txt\n
	expect missing.txt
	send And again?\n
	expect By hand.
	expect cached
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --device fake
ok 'a conversation on a terminal plays' status_is 0
ok 'the second question finds the first in the cache' \
	[ "$(grep -caE '\([1-9][0-9]* cached' out)" -ge 1 ]
ok 'the history is private' [ "$(stat -c %a "$XDG_STATE_HOME/carrel/history")" = 600 ]
ok 'the history holds the question' grep -q 'How is it started' "$XDG_STATE_HOME/carrel/history"

unset CARREL_FAKE_ANSWER
export CARREL_FAKE_TOKEN_US=100000
cat >script <<-'END'
	expect > 
	send Tell me something long\n
	wait 800
	send \c
	expect stopped; what came is kept
	expect > 
	send half a line\c
	expect > 
	send Another\n
	wait 500
	send \c
	expect stopped
	expect > 
	send \d
END
run "$PTY_RUN" script "$CARREL" --plain --device fake
ok 'Ctrl-C stops an answer, and never quits' status_is 0

cat >script <<-'END'
	expect > 
	send Tell me something long\n
	wait 500
	kill carrel-engine
	expect carrel: 
	expect > 
	send And now?\n
	wait 600
	send \c
	expect stopped
	send \d
END
run "$PTY_RUN" script "$CARREL" --device fake
ok 'an engine that is killed in mid-answer is a sentence, and is started again' status_is 0
unset CARREL_FAKE_TOKEN_US

export CARREL_FAKE_ANSWER='Yes.'
status=0
printf 'First?\n\nSecond?\n/quit\nThird?\n' | "$CARREL" --device fake station.txt >out 2>err ||
	status=$?
ok 'a script of questions works' status_is 0
ok 'with one answer each' [ "$(cat out)" = "$(printf 'Yes.\nYes.')" ]
status=0
printf '/load missing.txt\nFirst?\n' | "$CARREL" --device fake >out 2>err || status=$?
ok 'a script goes on after a failure, and the status tells' status_is 6
ok 'what follows is answered' prints 'Yes.'
run "$CARREL" --device fake missing.txt
ok 'a path that cannot be read ends the chat at once' status_is 6
finish
