#!/bin/sh
# carrel kv: what is kept is listed and checked, and what is removed is gone, as text and as token ids.
. "$CARREL_SOURCE/tests/cli/tap.sh"
status=0
: >err
: >out
kv="$XDG_CACHE_HOME/carrel/kv"
secret='xylophone quagmire 4711'
mkdir tree
for n in $(seq 60); do
	echo "the word of the day is $secret and nothing else"
done >tree/notes.txt
"$CARREL" tokenize -m random tree/notes.txt | sed -n 61,72p >ids

# ask [OPTIONS]: a few tokens about the notes.
ask()
{
	run "$CARREL" ask -m random -n 4 -t 1 --json "$@" 'What is the word?' tree/notes.txt
}

# look: what of the notes is anywhere below the four folders; as find_bytes ends.
look()
{
	status=0
	for folder in "$XDG_DATA_HOME" "$XDG_CACHE_HOME" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"; do
		"$FIND_BYTES" "$folder" "$secret" ids || status=$?
	done >out 2>err
}

run "$FIND_BYTES" tree "$secret" ids
ok 'the checker finds text' [ "$status:$(grep -c ': text$' out)" = 1:1 ]

ask --no-store
ok 'an answer without a store' status_is 0
ok 'writes nothing at all' [ "$(find "$XDG_DATA_HOME" "$XDG_CACHE_HOME" "$XDG_STATE_HOME" \
	"$XDG_CONFIG_HOME" 2>/dev/null | wc -l)" = 0 ]
run "$CARREL" kv ls --json
ok 'then there is no KV' [ "$status:$("$JSON_GET" bytes roots <out | tr '\n' ' ')" = '0:0 0 ' ]
ok 'its limit and what is free are told all the same' \
	[ "$("$JSON_GET" limit_bytes <out)" -gt 0 -a "$("$JSON_GET" free_bytes <out)" -gt 0 ]
ok 'and listing makes no folder' [ ! -e "$XDG_CACHE_HOME" ]

ask
ok 'the first answer computes its prompt' json usage.cached_tokens 0
total=$("$JSON_GET" usage.prompt_tokens <out)
ask
cached=$("$JSON_GET" usage.cached_tokens <out)
ok 'the second one, of another process, does not' [ "$cached" -ge $((total - 1)) ]
run "$CARREL" kv ls --json
ok 'kv ls says whose it is' [ "$("$JSON_GET" roots roots.0.about.model <out | tr '\n' ' ')" = '1 carrel random ' ]
ok 'and how much' [ "$("$JSON_GET" roots.0.tokens <out)" -ge "$total" ]
ok 'and its limit' [ "$("$JSON_GET" limit_bytes <out)" -gt 0 ]
run "$CARREL" kv ls --json --kv-limit 1G
ok 'which can be given' json limit_bytes 1073741824
run "$CARREL" kv ls
ok 'for people, too' [ "$(grep -cE '^carrel random +q8 +[0-9,]+ tokens +[0-9.]+ (K|M)iB  now$' out)" = 1 ]
look
ok 'the KV holds the ids' [ "$status:$(grep -c ': ids$' out)" != 0:0 ]
ok 'readable by its owner only' \
	[ "$(find "$kv" ! -type d ! -perm 0600 -o -type d ! -perm 0700 | wc -l)" = 0 ]
run "$CARREL" kv verify --json
ok 'it is whole' [ "$status:$("$JSON_GET" damaged <out)" = 0:0 ]
ok 'all of it was looked at' [ "$("$JSON_GET" pages <out)" -gt 0 ]

pages=$(find "$kv" -name '*.pages' | head -n 1)
printf X | dd of="$pages" bs=1 seek=5000 conv=notrunc 2>/dev/null
run "$CARREL" kv verify --json
ok 'a byte that changed is found' [ "$status:$("$JSON_GET" damaged <out)" != 0:0 ]
ok 'which ends with status 1' status_is 1
run "$CARREL" kv verify
ok 'and says what to do' [ "$(grep -c '^carrel kv gc removes' out)" = 1 ]
ask
ok 'and costs nothing but time' status_is 0
run "$CARREL" kv gc
ok 'gc takes the damage away' status_is 0
run "$CARREL" kv verify
ok 'so that all is whole again' status_is 0

ask
pages=$(find "$kv" -name '*.pages' | head -n 1)
printf X | dd of="$pages" bs=1 seek=5000 conv=notrunc 2>/dev/null
run "$CARREL" kv gc --json
ok 'damage that no answer met goes, too' [ "$status:$("$JSON_GET" damaged <out)" = 0:1 ]
run "$CARREL" kv verify
ok 'and all is whole' status_is 0

ask
run "$CARREL" kv gc --kv-limit 1 --json
ok 'gc goes down to a limit' [ "$status:$("$JSON_GET" removed_pages <out)" != 0:0 ]
look
ok 'what went is gone' [ "$status:$(cat out)" = 0: ]

ask
run "$CARREL" kv rm
ok 'rm wants to know what' status_is 2
run "$CARREL" kv rm --all -s x
ok 'one thing of the two' status_is 2
run "$CARREL" kv rm -s nobody
ok 'a session that exists' status_is 2
run "$CARREL" kv rm --all --json
ok 'rm --all removes all of it' [ "$status:$("$JSON_GET" removed_bytes <out)" != 0:0 ]
look
ok 'and no byte of the notes is left, as text or as ids' [ "$status:$(cat out)" = 0: ]
ok 'nor anything but what is remembered of models' \
	[ -z "$(find "$kv" -type f -size +0 ! -path "$kv/digests/*" 2>/dev/null)" ]
run "$CARREL" kv nonsense
ok 'a verb that is none is a usage error' status_is 2
finish
