#!/bin/sh
# The line-mode chat, on a terminal and as a script.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# Each conversation here is a first one, and nothing of it was computed before.
run()
{
	rm -rf "$XDG_DATA_HOME/carrel/sessions" "$XDG_CACHE_HOME"
	status=0
	"$@" >out 2>err </dev/null || status=$?
}
printf 'The pump is started by hand.\n' >station.txt

export CARREL_FAKE_ANSWER='By hand. [S1 station.txt:1 "The pump is started by hand."]'
cat >script <<-'END'
	expect > 
	send /load station.txt\n
	expect S1 station.txt: added
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
run "$PTY_RUN" script "$CARREL" --line --device fake
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
	expect > 
	send \d
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'an engine that is killed in mid-answer is a sentence, and is started again' status_is 0

# Every pty_run also proves that the terminal is left as it was found (status 98 if not).
for signal in TERM HUP QUIT; do
	case $signal in TERM) number=143 ;; HUP) number=129 ;; QUIT) number=131 ;; esac
	printf 'expect > \nsend half a li\nexpect half a li\nsignal %s\n' $signal >script
	run "$PTY_RUN" script "$CARREL" --line --device fake
	ok "SIG$signal at the prompt restores the terminal and ends the chat" status_is $number
	printf 'expect > \nsend Words\\n\nwait 500\nsignal %s\n' $signal >script
	run "$PTY_RUN" script "$CARREL" --line --device fake
	ok "SIG$signal in an answer does too" status_is $number
done
printf 'expect > \nsignal HUP\nsend still here\nexpect still here\nsend \\c\nexpect > \nsend \\d\n' >script
run "$PTY_RUN" script sh -c "trap '' HUP; exec \"\$0\" --line --device fake" "$CARREL"
ok 'a SIGHUP that is ignored stays so' status_is 0

printf 'expect > \nsignal INT\nexpect > \nsignal INT\nexpect > \nsend /quit\\n\n' >script
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'SIGINT at the prompt, twice, never quits' status_is 0
cat >script <<-'END'
	expect > 
	send /load -\n
	wait 300
	send \c
	expect interrupted
	expect > 
	send \c
	expect > 
	send \c
	expect > 
	send /sources\n
	expect context
	expect > 
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'Ctrl-C ends /load -, and leaves nothing behind for the prompt' status_is 0
export CARREL_FAKE_TOKEN_US=100000
printf 'expect > \nsend Words\\n\nwait 500\nfreeze carrel-engine\nsend \\c\nwait 300\nsend \\c\n' >script
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'a second Ctrl-C ends what does not stop, and restores the terminal' status_is 130
unset CARREL_FAKE_TOKEN_US
export CARREL_FAKE_PREFILL_US=100000
printf 'expect > \nsend Words\\n\nwait 500\nsend \\c\nexpect before the first word\nexpect > Words\nsend \\c\nexpect > \nsend /quit\\n\n' >script
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'Ctrl-C before a word came does not say that words are kept' status_is 0
unset CARREL_FAKE_PREFILL_US

export CARREL_FAKE_TOKEN_US=50000 CARREL_FAKE_ANSWER='These are some words of an answer.'
cat >script <<-'END'
	expect > 
	send Tell me something long\n
	wait 400
	send typed ahead \xe2\x80\xae\e[200~two\nlines\e[201~
	wait 100
	absent typed
	expect generated
	expect > 
	expect typed ahead <U+202E>
	expect lines
	send \c
	expect > 
	send \d
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'what is typed in an answer is not echoed into it, and waits at the prompt' status_is 0
unset CARREL_FAKE_TOKEN_US

# What is pasted between the marks is one message until Enter.
export CARREL_FAKE_ANSWER='Yes.'
cat >script <<-'END'
	expect > 
	send \e[200~first line\nsecond line\nthird\e[201~
	expect third
	wait 300
	absent Yes.
	send \n
	expect Yes.
	expect > 
	absent Yes.
	send \e[200~a paste without an end
	wait 300
	send \c
	expect > 
	send again\n
	expect Yes.
	expect > 
	resize 10 30
	send a line that is longer than the thirty columns of this terminal
	resize 24 80
	send \n
	expect Yes.
	expect > 
	send \d
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'a paste of several lines is one message, and Ctrl-C ends one without an end' status_is 0
ok 'the history keeps it' grep -q 'third' "$XDG_STATE_HOME/carrel/history"

rm -rf "$XDG_STATE_HOME"
mkdir -p "$XDG_STATE_HOME/carrel"
seq 1200 >"$XDG_STATE_HOME/carrel/history"
chmod 600 "$XDG_STATE_HOME/carrel/history"
printf 'expect > \nsend Words\\n\nexpect Yes\nexpect > \nsend \\d\n' >script
umask 000
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'a long history is cut' [ "$(wc -l <"$XDG_STATE_HOME/carrel/history")" = 1000 ]
ok 'and still private under umask 000' \
	[ "$(stat -c %a "$XDG_STATE_HOME/carrel/history")" = 600 ]
rm -rf "$XDG_STATE_HOME"
run "$PTY_RUN" script "$CARREL" --line --device fake
umask 022
ok 'a new history is private under umask 000' \
	[ "$(find "$XDG_STATE_HOME" -perm /077 | wc -l) $status" = '0 0' ]

status=0
printf 'First?\n\nSecond?\n/quit\nThird?\n' | "$CARREL" --device fake station.txt >out 2>err ||
	status=$?
ok 'a script of questions works' status_is 0
ok 'with one answer each' [ "$(cat out)" = "$(printf 'Yes.\nYes.')" ]
status=0
printf '/load missing.txt\nFirst?\n' | "$CARREL" --device fake >out 2>err || status=$?
ok 'a script goes on after a failure, and the status tells' status_is 6
ok 'what follows is answered' prints 'Yes.'
ok 'the hint is none that the chat cannot follow' [ "$(grep -c -e 'missing.txt: cannot be read: does not exist$' err)" = 1 ]
status=0
printf 'First?\nSec\0ond?\n' | "$CARREL" --device fake >out 2>err || status=$?
ok 'a NUL in a message is refused, not cut at' status_is 2
ok 'what stands before it is answered' [ "$(cat out)" = 'Yes.' ]
status=0
printf '/load -\nFirst?' | "$CARREL" --device fake >out 2>err || status=$?
ok 'a script cannot be loaded by itself' status_is 2
ok 'a last line without a line feed is answered' [ "$(cat out)" = 'Yes.' ]

# Ctrl-C while standard input is read, in mid-answer of a script, and between two messages.
mkfifo pipe
interrupt()
{
	"$@" <pipe >out 2>err &
	pid=$!
	exec 9>pipe
	sleep 0.4
	kill -INT $pid
	status=0
	wait $pid || status=$?
	exec 9>&-
}
interrupt "$CARREL" --device fake
ok 'Ctrl-C ends a script that waits for a message with status 130' status_is 130
interrupt "$CARREL" ask --device fake --json -
ok 'Ctrl-C ends a question from standard input with status 130' status_is 130
ok 'and valid JSON' json error.code 130
interrupt "$CARREL" ask --device fake --json Words -
ok 'Ctrl-C ends a source from standard input with status 130' status_is 130
ok 'and valid JSON' json error.code 130
interrupt "$CARREL" count -m "$CARREL_RANDOM" -
ok 'Ctrl-C ends count - with status 130' status_is 130
export CARREL_FAKE_TOKEN_US=100000
unset CARREL_FAKE_ANSWER
printf 'Words\nMore words\n' >script
"$CARREL" --device fake <script >out 2>err &
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C in an answer ends a script with status 130' status_is 130
ok 'after one answer' [ "$(wc -l <out)" = 1 ]
unset CARREL_FAKE_TOKEN_US

# ---- the built-in model and its sources ----
printf 'The pump stops at noon.\n' >pump.txt
run sh -c 'printf "When does the pump stop?\n/load pump.txt\nWhen does the pump stop?\n" | "$0"' "$CARREL"
ok 'without sources the built-in model does not answer' says 'only answers from sources (/load PATH)'
ok 'and does with one' prints noon

# ---- paths as a shell takes them ----
mkdir tr
echo 'The pump stops.' >'tr/a b.txt'
echo 'The valve opens.' >'tr/c.txt'
echo 'The tank is full.' >'tr/[c].txt'
run sh -c 'printf "%s\n" "/load \"tr/a b.txt\"" "/load tr/[c].txt" "/load tr/?.txt" "/load \"tr/*.txt\"" | "$0"' "$CARREL"
ok '/load takes quotes' says 'S1 tr/a b.txt: added'
ok 'a file whose name is a pattern' says 'S2 tr/[c].txt: added'
ok 'a pattern where there is no such file' says 'S3 tr/c.txt: added'
ok 'but not in quotes' status_is 6

# ---- what does not fit the window ----
yes 'The valve opens at nine in the evening.' | head -n 2000 >valves.txt
printf 'The tank is full at ten.\n' >tank.txt
printf '/load valves.txt\n/load tank.txt\n/sources\nWhen does the pump stop?\n' >script
run sh -c '"$0" --over fail pump.txt <script' "$CARREL"
ok 'a source that does not fit is refused with status 3' status_is 3
ok 'with both numbers' grep -qE 'it would be [0-9]{2,3},[0-9]{3} tokens, and the context window holds [0-9],[0-9]{3}' err
ok 'nothing of it is there' [ "$(grep -c 'valves.txt' out)" = 0 ]
ok 'what comes next takes its number' grep -qE '^S2 .* tank.txt$' out
ok 'and the conversation goes on' prints noon
run sh -c '"$0" --over fail pump.txt valves.txt <script' "$CARREL"
ok 'named at the start it ends the chat at once' status_is 3
ok 'with the way out' says '(--over auto reads it in parts; else load less'
ok 'and nothing else' sentences 1
printf '/load pump.txt\n/load near.txt\n' >script
head -n 100 valves.txt >near.txt
used=$("$CARREL" count --json near.txt | "$JSON_GET" total_tokens)
run sh -c '"$0" --over fail -c $1 <script' "$CARREL" $((used + 80))
ok 'the instructions and the sources before it count, too' status_is 3
ok 'and only what is too much is refused' [ "$(grep -c 'carrel: S' err)" = 1 ]

run "$CARREL" --device fake missing.txt
ok 'a path that cannot be read ends the chat at once' status_is 6
finish
