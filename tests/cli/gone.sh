#!/bin/sh
# What is removed is gone: a planted text, loaded, asked about, searched, dropped and removed, is looked
# for in every file that carrel has, as text and as token ids; and neither program can dump core.
. "$CARREL_SOURCE/tests/cli/tap.sh"
status=0
: >err
: >out
secret='xylophone quagmire 4711'
model="$CARREL_RANDOM"
mkdir tree
for n in $(seq 40); do
	echo "the word of the day is $secret and nothing else"
done >tree/notes.txt
for n in $(seq 40); do
	echo "line $n speaks of pumps, valves and halls"
done >tree/other.txt
"$CARREL" tokenize -m "$model" tree/notes.txt | sed -n 61,72p >ids

# look: what of the secret is anywhere below the four folders; as find_bytes ends, its lines in out.
look()
{
	status=0
	for folder in "$XDG_DATA_HOME" "$XDG_CACHE_HOME" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"; do
		"$FIND_BYTES" "$folder" "$secret" ids || status=$?
	done >out 2>err
}

gone()
{
	look
	[ "$status:$(cat out err)" = 0: ]
}

ask()
{
	run "$CARREL" ask -m "$model" -n 4 -t 1 "$@"
}

# make NAME: a session with the secret in it, computed, asked about and searched.
make()
{
	run "$CARREL" load -m "$model" -t 1 -s "$1" tree/other.txt tree/notes.txt --prefill
	ask -s "$1" "What is $secret?"
	run "$CARREL" sessions search -s "$1" xylophone
}

make one
ok 'the session is made, and found' [ "$status:$(grep -c '^one: S2 tree/notes.txt:1$' out)" = 0:1 ]
look
ok 'its text is on disk' [ "$(grep -c 'session.db.*: text$' out)" -ge 1 ]
ok 'its ids are' [ "$(grep -c '\.index: ids$' out)" -ge 1 ]
run "$CARREL" sessions ls --json
ok 'its KV is counted' [ "$("$JSON_GET" 0.kv_bytes <out)" -gt 0 ]

# ---- in use ----
mkfifo lines
"$CARREL" -m "$model" -t 1 -s one <lines >chat.out 2>chat.err &
chat=$!
exec 8>lines
for i in $(seq 100); do
	run "$CARREL" sessions ls
	engine=$(cat "/proc/$chat/task/$chat/children")
	grep -q 'in use' out && [ -n "$engine" ] && break
	sleep 0.1
done
ok 'ls says what is in use' [ "$(grep -c '^one .*in use$' out)" = 1 ]
limits=
for process in $chat $engine; do
	limits="$limits$(awk '/^Max core file size/ { print $5 }' "/proc/$process/limits") "
done
ok 'neither process can dump core' [ "$limits" = '0 0 ' ]
run "$CARREL" sessions rm --yes one
ok 'what is in use is not removed' [ "$status:$(grep -c 'is in use' err)" = 1:1 ]
run "$CARREL" kv rm -s one
ok 'nor its KV' [ "$status:$(grep -c 'is in use' err)" = 1:1 ]
exec 8>&-
wait $chat

# ---- rm ----
run "$CARREL" sessions rm one --json
ok 'rm says that nothing remains' json 0.remaining_bytes 0
ok 'and how much KV went' [ "$("$JSON_GET" 0.kv_removed_bytes <out)" -gt 0 ]
ok 'nothing does, as text or as ids' gone

# ---- two sessions over the same text ----
make one
make two
run "$CARREL" sessions rm one
ask -s two --json "What is $secret?"
ok 'the other one of two over the same text keeps its KV' \
	[ "$("$JSON_GET" usage.cached_tokens <out)" -gt 1000 ]
run "$CARREL" kv rm -s two
look
ok 'kv rm -s leaves the text' [ "$(grep -c 'session.db.*: text$' out)" -ge 1 ]
ok 'and no ids in the cache' [ "$(grep -c "^$XDG_CACHE_HOME" out)" = 0 ]
run "$CARREL" sessions rm two
ok 'with the second one, all is gone' gone

# ---- drop ----
make three
run "$CARREL" load -m "$model" -t 1 -s three --drop S2 --yes
ok 'a source is dropped' status_is 0
run "$CARREL" sessions search -s three pumps
ok 'what is left is found' [ "$(grep -c '^three: S1 tree/other.txt' out)" -ge 1 ]
find "$XDG_DATA_HOME" -type f -exec grep -alF 'nothing else' {} + >left
ok 'the text is not in the session any more' [ ! -s left ]
run "$CARREL" sessions rm three
ok 'and the rest goes with rm' gone

# ---- what select searches ----

# indices WORD: how many of a session's two indices are there, and hold the word.
indices()
{
	find "$XDG_DATA_HOME" -name terms.index -exec grep -alF "$1" {} + | wc -l
	find "$XDG_DATA_HOME" -name vectors.index -size +0 | wc -l
}

make searched
run "$CARREL" load -m "$model" -t 1 -s searched --embed self --index
ok 'words and vectors are indexed' status_is 0
ok 'and kept, readable by nobody else' [ "$(indices xylophon | tr '\n' ' ')$(find "$XDG_DATA_HOME" \
	-name '*.index' ! -perm 600 | wc -l)" = '1 1 0' ]
find "$XDG_DATA_HOME" -name terms.index -exec cp {} terms.new \;
cp terms.new "$(dirname "$(find "$XDG_DATA_HOME" -name terms.index)")/terms.index.new"
run "$CARREL" load -m "$model" -t 1 -s searched --drop S2 --yes
ok 'a drop takes both away, and what a killed carrel left' [ "$(find "$XDG_DATA_HOME" \
	-name 'terms.index*' -o -name 'vectors.index*' | wc -l)" = 0 ]
run "$CARREL" load -m "$model" -t 1 -s searched --embed self --index
ok 'they are made again, without what was dropped' [ "$(indices xylophon | tr '\n' ' ')" = '0 1 ' ]
ok 'of what is left' [ "$(indices pump | head -n 1)" = 1 ]
run "$CARREL" sessions rm searched
ok 'and go with the session' [ "$(find "$XDG_DATA_HOME" -name '*.index*' | wc -l)" = 0 ]
ok 'with everything in it' gone

# ---- a session that was taken along ----
make four
run "$CARREL" sessions export four --format json --out four.json
run "$CARREL" sessions import four.json --name five
ask -s four --show-tokens 'And now?'
cp out four.tokens
ask -s five --show-tokens 'And now?'
ok 'an imported session is asked the same, id for id' cmp four.tokens out
ask -s five --json 'And now?'
ok 'and shares what was computed' [ "$("$JSON_GET" usage.cached_tokens <out)" -gt 1000 ]
run "$CARREL" sessions fork four six 1
ask -s six --show-tokens 'And now?'
ok 'so does a fork' cmp four.tokens out
run "$CARREL" sessions rm four five six
ok 'all of them can be removed at once' [ "$status:$(wc -l <out)" = 0:3 ]
ok 'what the others hold is told' [ "$(grep -c ' of KV remain, which other sessions' out)" = 2 ]
ok 'until the last' [ "$(grep -c '^six .*; 0 B of its documents remain' out)" = 1 ]
ok 'and are gone' gone

# ---- a fork that was never asked ----
make seven
run "$CARREL" sessions fork seven eight
run "$CARREL" sessions ls --json
ok 'a fork has the KV of what it continues' [ "$("$JSON_GET" 0.kv_bytes <out)" -gt 100000 ]
run "$CARREL" sessions pin eight
run "$CARREL" sessions rm seven --json
ok 'which stays when that is removed' json 0.kv_removed_bytes 0
ok 'and rm says so' [ "$("$JSON_GET" 0.kv_shared_bytes <out)" -gt 100000 ]
run "$CARREL" kv gc --kv-limit 1
ok 'pinned, it stays whatever the limit' [ "$status" = 0 ]
ask -s eight --json 'And now?'
ok 'nothing is computed again' [ "$("$JSON_GET" usage.cached_tokens <out)" -gt 1000 ]
run "$CARREL" sessions rm eight
ok 'the fork goes with its KV' [ "$status:$(grep -c '; 0 B of its documents remain' out)" = 0:1 ]
ok 'and is gone, too' gone
ok 'the sessions folder is empty but for its catalogue' \
	[ "$(find "$XDG_DATA_HOME/carrel/sessions" -mindepth 1 -type d | wc -l)" = 0 ]

# ---- nobody's ----
ask "What is $secret?" tree/notes.txt
look
ok 'a throw-away question leaves KV' [ "$(grep -c ': ids$' out)" -ge 1 ]
run "$CARREL" kv rm --all
ok 'which kv rm --all takes away' gone
ask --no-store "What is $secret?" tree/notes.txt
ok 'and --no-store never makes' gone
finish
