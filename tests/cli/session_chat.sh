#!/bin/sh
# The line-mode chat is a session: it is there tomorrow, and one can go back in it.
. "$CARREL_SOURCE/tests/cli/tap.sh"
printf 'The pump is started by hand.\n' >station.txt
export CARREL_FAKE_ANSWER='By hand. [S1 station.txt:1 "The pump is started by hand."]'

# play COMMAND...: with the script on standard input
play()
{
	cat >script
	run "$PTY_RUN" script "$@"
}

sessions()
{
	find "$XDG_DATA_HOME/carrel/sessions" -name session.db 2>/dev/null | wc -l
}

fake="$CARREL --line --device fake"

play $fake <<-'END'
	expect > 
	send /quit\n
END
ok 'a chat in which nothing was said leaves' status_is 0
ok 'no session' [ "$(sessions)" = 0 ]
play $fake -s empty <<-'END'
	expect > 
	send /quit\n
END
ok 'but one that was named' [ "$(sessions)" = 1 ]


mkdir ahead
cd ahead
cp ../station.txt level.txt
play $fake level.txt <<-'END'
	expect > 
	send /quit\n
END
ok 'nor does one that only loaded what the command line names' [ "$(sessions)" = 1 ]
play $fake level.txt <<-'END'
	expect > 
	send /prefill\n
	expect tokens are ready
	expect > 
	send /session\n
	expect tokens are computed
	expect on disk
	expect of KV
	expect > 
	send /quit\n
END
ok 'one in which something was computed stays' [ "$(sessions)" = 2 ]
play $fake <<-'END'
	expect session level.txt goes on: 1 source, 0 turns
	expect > 
	send /prefill\n
	expect 0 computed
	expect > 
	send /quit\n
END
ok 'with all of that' status_is 0
play $fake level.txt <<-'END'
	expect > 
	send /drop 1\n
	expect Go on?
	send y\n
	expect > 
	send /new\n
	expect begins
	expect > 
	send /quit\n
END
ok 'so does one that was changed' [ "$(sessions)" = 3 ]
mkdir killed
cd killed
cat >script <<-'END'
	expect > 
	send How is it started?\n
	wait 500
	signal KILL
END
CARREL_FAKE_TOKEN_US=100000 run "$PTY_RUN" script $fake ../level.txt
play $fake <<-'END'
	expect goes on
	expect > How is it started?
	send \c
	expect > 
	send /quit\n
END
ok 'a question whose carrel was killed is the draft of the next conversation' status_is 0
cd ../..

mkdir desk other
cd desk
cp ../station.txt .
play $fake station.txt <<-'END'
	expect > 
	send How is it started?\n
	expect station.txt:1 verified
	expect generated
	expect > 
	send /session\n
	expect session  station.txt
	expect sources  1
	expect turns    1 of 1
	expect > 
	send \d
END
ok 'a chat about a file is a session called after it' status_is 0
play $fake <<-'END'
	expect session station.txt goes on: 1 source, 1 turn
	expect > 
	send And again?\n
	expect generated
	expect > 
	send /turns\n
	expect #1
	expect How is it started?
	expect #2
	expect And again?
	expect > 
	send /edit 2\n
	expect /switch 2 goes back
	expect And again?
	send  Once more\n
	expect generated
	expect > 
	send /turns\n
	expect And again? Once more (after #1)
	expect > 
	send /switch 2\n
	expect follows turn 2: And again?
	expect > 
	send /edit 1\n
	expect How is it started?
	send \c
	expect > 
	send /session\n
	expect turns    2 of 3
	expect > 
	send /again\n
	expect the temperature is 0 (/again 0.7
	expect > 
	send /again warm\n
	expect takes a temperature
	expect > 
	send /again 0.7\n
	expect generated
	expect > 
	send /turns 1\n
	expect > How is it started?
	expect By hand.
	expect > 
	send /turns 99\n
	expect there is no turn 99
	expect > 
	send /rename pumps\n
	expect session pumps now
	expect > 
	send \d
END
ok 'the last session of the folder goes on; one can go back in it' status_is 0
play $fake --temp 1 <<-'END'
	expect session pumps goes on: 1 source, 4 turns
	expect > 
	send /again\n
	expect generated
	expect > 
	send /turns\n
	expect #5
	expect (after #1)
	expect > 
	send /edit 1\n
	expect How is it started?
	send \c
	expect > 
	send /quit\n
END
ok 'an answer is made again, with another seed' status_is 0
play $fake -s pumps <<-'END'
	expect > 
	send /session\n
	expect turns    2 of 5
	expect > 
	send /drop S1\n
	expect without S1 station.txt
	expect Go on?
	send \c
	expect nothing was changed
	expect > 
	send /drop S1\n
	expect without S1 station.txt
	expect Go on?
	send y\n
	expect dropped S1
	expect > 
	send /sources\n
	absent station.txt
	expect context
	expect > 
	send /load station.txt\n
	expect S2 station.txt: added
	expect tokens in front
	expect > 
	send /drop S2,S9\n
	expect carrel: 
	absent dropped
	expect > 
	send /load station.txt\n
	expect nothing to change
	expect > 
	send /refresh\n
	expect nothing to change
	expect > 
	send /session\n
	expect sources  1
	expect > 
	send /repack\n
	expect Go on?
	send y\n
	expect > 
	send /prefill\n
	expect tokens are ready
	expect > 
	send /refresh\n
	expect nothing to change
	expect > 
	send /turns 1\n
	expect > 
	send /edit\n
	expect needs the number of a turn
	expect > 
	send /switch 99\n
	expect (/turns lists them)
	expect > 
	send /new\n
	expect session desk begins
	expect > 
	send \d
END
ok 'an edit that came to nothing moved nothing; the sources change' status_is 0
cd ../other
play $fake <<-'END'
	expect > 
	absent goes on
	send Hello\n
	expect generated
	expect > 
	send \d
END
ok 'another folder has its own session' status_is 0
cd ../desk
play $fake <<-'END'
	expect session pumps goes on
	expect > 
	send \d
END
ok 'what was begun and left empty is not the last' status_is 0
mkdir ../third
cd ../third
play $fake <<-'END'
	expect > 
	send Hello\n
	expect generated
	expect > 
	send \d
END
cp ../station.txt .
play $fake station.txt <<-'END'
	expect > 
	send /new\n
	expect session third-2 begins
	expect > 
	send Hello again\n
	expect generated
	expect > 
	send \d
END
play $fake <<-'END'
	expect session third-2 goes on: 0 sources, 1 turn
	expect > 
	send /new\n
	expect session third-3 begins
	expect > 
	send /new\n
	expect begins
	expect > 
	send \d
END
play $fake <<-'END'
	expect session third-2 goes on: 0 sources, 1 turn
	expect > 
	send \d
END
ok 'what /new begins is the last, unless it stays empty' status_is 0
cd ../desk

# ---- two at once, and engines that die ----

CARREL_FAKE_TOKEN_US=200000 "$CARREL" ask --device fake -s pumps 'Hold it' >held 2>&1 </dev/null &
holder=$!
while [ ! -s held ]; do
	kill -0 $holder 2>/dev/null || break
	sleep 0.05
done
run $fake -s pumps
ok 'a session that is open elsewhere is refused' status_is 1
ok 'with a sentence' says 'in use'
play $fake <<-'END'
	expect session pumps is in use by another carrel; this is a new session, desk
	expect > 
	send \d
END
ok 'without its name a new one begins, and that is told' status_is 0
kill -INT $holder
wait $holder

export CARREL_FAKE_TOKEN_US=100000
play $fake -s pumps <<-'END'
	expect > 
	send Words that get lost\n
	wait 500
	kill carrel-engine
	expect carrel: 
	expect > Words that get lost
	send \c
	expect > 
	send \d
END
ok 'a question whose engine died is the draft' status_is 0
play $fake -s pumps <<-'END'
	expect > Words that get lost
	signal HUP
END
ok 'and still is in the next chat' status_is 129
play $fake -s pumps <<-'END'
	expect > Words that get lost
	send  for
	wait 1500
	signal HUP
END
ok 'the terminal may go away while a line is typed' status_is 129
play $fake -s pumps <<-'END'
	expect > Words that get lost for
	send \c
	expect > 
	send Lost again?\n
	wait 500
	kill carrel-engine
	expect carrel: 
	expect > Lost again?
	send \n
	expect station.txt:1
	expect generated
	expect > 
	send \d
END
ok 'sent once more it is answered, by another engine' status_is 0
unset CARREL_FAKE_TOKEN_US

# ---- scripts ----

cd ..
before=$(sessions)
printf 'How?\n' | $fake station.txt >out 2>err
ok 'a script without a name keeps nothing' [ "$(sessions)" = "$before" ]
printf 'How?\n/edit 1\nWhy?\n/turns\n' | $fake -s script station.txt >out 2>err
status=$?
ok 'with one it is a session' [ "$(sessions)" = $((before + 1)) ]
ok 'in which one can go back' prints 'Why? (from the beginning)'
printf '/session\n' | $fake -s script >out 2>err
ok 'which goes on' prints 'turns    1 of 2 lead here'
finish
