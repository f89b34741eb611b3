#!/bin/sh
# Sessions by name: what is asked in one stays, costs only what is new, and is nobody else's business.
. "$CARREL_SOURCE/tests/cli/tap.sh"
printf 'The pump is started by hand.\nThe tank holds 40 litres.\n' >station.txt
printf 'The valve is made of brass.\n' >valve.txt

# What the JSON on standard output holds at a path.
field()
{
	"$JSON_GET" "$1" <out
}

# ask [OPTIONS] QUESTION [PATH...]: of the built-in model
ask()
{
	run "$CARREL" ask -m "$CARREL_BUILT_IN" "$@"
}

# before_question QUESTION: how many tokens stand in front of the next question of session s.
before_question()
{
	"$CARREL" ask -m "$CARREL_BUILT_IN" -s s --show-tokens "$1" 2>/dev/null </dev/null |
		cut -f 2 | grep -nxF '<|user|>' | tail -n 1 | awk -F : '{ print $1 - 1 }'
}

sessions()
{
	find "$XDG_DATA_HOME/carrel/sessions" -name session.db 2>/dev/null | wc -l
}

# ---- a question after another ----

ask -s s --json 'How is the pump started?' station.txt
ok 'a session is made by its name' status_is 0
ok 'the answer names it' json session s
ok 'and its turn' json turn 1
ok 'it has a source' json sources.0.path station.txt
before=$(before_question 'What does the tank hold?')
ask -s s --json 'What does the tank hold?'
ok 'another process goes on in it, without naming the file' status_is 0
ok 'the file is still its source' json sources.0.path station.txt
ok 'the second turn follows' json turn 2
ok 'everything but the new turn was cached, to the token' json usage.cached_tokens "$before"
ok 'it came from disk' json usage.disk_tokens "$before"
ok 'the rest was computed' [ "$(field usage.prefill_tokens)" = \
	$(($(field usage.prompt_tokens) - before)) ]
ok 'what reading it took is told' [ "$(field timing.restore_ms)" != null ]
ask -s s --json 'What does the tank hold?' station.txt
ok 'a file that is known already is no second source' [ "$(field sources)" = 1 ]
ask -s s --json 'What is the valve made of?' valve.txt
ok 'a late source is one' json sources.1.path valve.txt
before=$(before_question 'And the pump?')
ask -s s --json 'And the pump?'
ok 'a late source is cached with its turn' json usage.cached_tokens "$before"
ask -s s -v 'And now?'
ok '-v says when the turn is on disk' says 'saved as turn 6'

# ---- what a file says was said ----

user=$("$CARREL" ask -m "$CARREL_BUILT_IN" -s s --show-tokens 'And now?' 2>/dev/null </dev/null |
	awk -F '\t' '$2 == "<|user|>" { print $1; exit }')
marks_before=$("$CARREL" ask -m "$CARREL_BUILT_IN" -s s --show-tokens 'And now?' 2>/dev/null </dev/null |
	grep -c '<|user|>$')
"$CARREL" sessions export s --format json 2>/dev/null | sed "s/\"ids\": *\[/&$user,/" >forged.json
ok 'a file may say that an answer held a mark' [ "$(grep -c "\"ids\": *\[$user," forged.json)" = 6 ]
run "$CARREL" sessions import forged.json --name forged
ok 'it is imported' status_is 0
ask -s forged --show-tokens 'And now?'
ok 'but the mark is none' [ "$(grep -c '<|user|>$' out)" = "$marks_before" ]
ok 'it is its text' [ "$(cut -f 2 out | tr -d '\n' | grep -o '<|user|>' | wc -l)" = $((marks_before + 6)) ]
"$CARREL" sessions export s --format json 2>/dev/null >honest.json
"$CARREL" sessions import honest.json --name honest >/dev/null 2>&1
ask -s s --show-tokens 'And now?'
mv out sampled
ask -s honest --show-tokens 'And now?'
ok 'what is exported and imported is the same, to the id' cmp out sampled
"$CARREL" sessions rm forged honest >/dev/null 2>&1 </dev/null

# ---- forks ----

ask -s s --json --fork 2 'How is the pump started?'
ok 'a question may stand in place of an earlier one' status_is 0
ok 'as a new turn' json turn 7
ask -s s --json --fork 7
ok 'or be the same again' json turn 8
ok 'whose prompt was all there' [ "$(field usage.prefill_tokens)" = 1 ]
ask -s s --fork 99 'What?'
ok 'a turn that is not there is a mistake' status_is 2
"$CARREL" ask -m "$CARREL_BUILT_IN" -s s --fork 1 --show-tokens >/dev/null 2>&1 </dev/null
ask -s s --json 'Where are we?'
ok 'a fork that is only shown moves nothing' [ "$(field usage.cached_tokens)" -gt 150 ]
ask --fork 1 'What?'
ok 'so is a fork of nothing' status_is 2

# ---- throw-away sessions ----

rm -rf "$XDG_CACHE_HOME"
ask --json 'How is the pump started?' station.txt
ok 'without a name the answer has no session' json session null
ok 'and no turn' json turn null
ok 'and nothing is cached at first' json usage.cached_tokens 0
ask --json 'How is the pump started?' station.txt
ok 'the same file asked twice is a hit from disk' [ "$(field usage.prefill_tokens)" = 1 ]
ok 'it is told as one' [ "$(field usage.disk_tokens)" = "$(field usage.cached_tokens)" ]
ok 'only the named session is kept' [ "$(sessions)" = 1 ]
rm -rf "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME"
ask --no-store 'How is the pump started?' station.txt
ok '--no-store answers' status_is 0
ok 'and writes nothing' [ -z "$(find "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME" 2>/dev/null)" ]
ask --no-store -s s 'How?'
ok '--no-store and a session contradict each other' status_is 2
printf 'expect > \nsend /load station.txt\\n\nexpect added\nexpect > \nsend What?\\n\nexpect generated\nexpect > \nsend /quit\\n\n' >script
run "$PTY_RUN" script "$CARREL" --line --no-store -m "$CARREL_BUILT_IN"
ok 'a chat with --no-store plays' status_is 0
ok 'and writes nothing, no history either' \
	[ -z "$(find "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME" 2>/dev/null)" ]

# ---- who may read it ----

(
	umask 000
	"$CARREL" ask -m "$CARREL_BUILT_IN" -s open 'How is the pump started?' station.txt
) >out 2>err </dev/null
ok 'under any umask files are 0600' [ -z "$(find "$XDG_DATA_HOME/carrel" "$XDG_CACHE_HOME/carrel" -type f ! -perm 600)" ]
ok 'and folders 0700' [ -z "$(find "$XDG_DATA_HOME/carrel" "$XDG_CACHE_HOME/carrel" -type d ! -perm 700)" ]
ok 'there are some' [ "$(find "$XDG_DATA_HOME/carrel" "$XDG_CACHE_HOME/carrel" -type f | wc -l)" -gt 3 ]

# ---- two at once ----

export CARREL_FAKE_TOKEN_US=100000
"$CARREL" ask --device fake -s held 'Many words please' >held.out 2>held.err </dev/null &
holder=$!
while [ ! -s held.out ]; do
	kill -0 $holder 2>/dev/null || break
	sleep 0.05
done
run "$CARREL" ask --device fake -s held 'May I?'
ok 'a session that somebody has open is refused' status_is 1
ok 'with a sentence' says 'in use'
kill -INT $holder
wait $holder
unset CARREL_FAKE_TOKEN_US
run "$CARREL" ask --device fake -s held 'May I?'
ok 'and open when he is done' status_is 0

# ---- options it remembers ----

config()
{
	run "$CARREL" config --json "$@"
}

# setting NAME FIELD: of the JSON on standard output
setting()
{
	n=$("$JSON_GET" . <out)
	i=0
	while [ $i -lt "$n" ]; do
		[ "$("$JSON_GET" "$i.setting" <out)" = "$1" ] && "$JSON_GET" "$i.$2" <out && return
		i=$((i + 1))
	done
}

mkdir -p "$XDG_CONFIG_HOME/carrel"
printf 'seed = 3\ntop-k = 9\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask --device fake -s held --seed 5 --temp 0.25 'What?'
config -s held
ok 'a session remembers what it was given' [ "$(setting seed value) $(setting seed origin)" = '5 session' ]
ok 'to the digit' [ "$(setting temp value)" = 0.25 ]
ok 'which device, too' [ "$(setting device value)" = fake ]
ok 'and nothing else' [ "$(setting top-k value) $(setting top-k origin)" = '9 file' ]
config -s held --seed 7
ok 'the command line is stronger' [ "$(setting seed value) $(setting seed origin)" = '7 flag' ]
config
ok 'without it the file is' [ "$(setting seed value) $(setting seed origin)" = '3 file' ]
run "$CARREL" ask -s held --json 'What?'
ok 'what is remembered is used' json model fake
config -s nobody
ok 'the settings of a session that is not there are a mistake' status_is 2
printf 'adapter = somewhere.gguf\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask --device fake -s held --adapter '' 'What?'
config -s held
ok 'it remembers that there is no adapter' [ "$(setting adapter value):$(setting adapter origin)" = 0:session ]
rm "$XDG_CONFIG_HOME/carrel/config"
ask -s paths --json 'How is the pump started?' station.txt
config -s paths
ok 'the path of a model is remembered from the root' [ "$(setting model value)" = \
	"$(realpath "$CARREL_BUILT_IN")" ]
printf 'no-store = yes\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask -s paths 'How?'
ok 'no-store of the settings file is no session either' status_is 2
rm "$XDG_CONFIG_HOME/carrel/config"

# ---- what cannot be ----

ask -s '../x' 'How?'
ok 'a name that is a path is refused' status_is 2
ask -s '' 'How?'
ok 'so is an empty one' status_is 2
before=$(sessions)
ask -s gone 'How is it?' missing.txt
ok 'a file that is not there ends an ask' status_is 6
ok 'and leaves no session behind' [ "$(sessions)" = "$before" ]
run "$CARREL" ask --device fake -s broken 'A question about something peculiar'
db=$(grep -l 'something peculiar' "$XDG_DATA_HOME"/carrel/sessions/*/session.db* | head -n 1)
sed -i 's/something peculiar/something Peculiar/' "$db"
run "$CARREL" ask --device fake -s broken 'And?'
ok 'a session that is damaged is refused' status_is 1
ok 'with what to do' says 'carrel sessions repair'
finish
