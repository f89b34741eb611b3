#!/bin/sh
# carrel load: what stands in a session, what a change of it costs, and what is computed ahead.
. "$CARREL_SOURCE/tests/cli/tap.sh"
printf 'The pump is started by hand.\nThe tank holds 40 litres.\n' >station.txt
printf 'The valve is made of brass.\n' >valve.txt

field()
{
	"$JSON_GET" "$1" <out
}

load()
{
	run "$CARREL" load -m "$CARREL_BUILT_IN" "$@"
}

ask()
{
	run "$CARREL" ask -m "$CARREL_BUILT_IN" "$@"
}

sessions()
{
	find "$XDG_DATA_HOME/carrel/sessions" -name session.db 2>/dev/null | wc -l
}

# ---- what a repair could not save ----

mkdir tree
echo 'int planted_here;' >tree/mem.h
echo 'int other;' >tree/io.c
load -s torn tree
torn=$(find "$XDG_DATA_HOME/carrel/sessions" -name session.db)
printf XXXX | dd of="$torn" bs=1 conv=notrunc \
	seek="$(LC_ALL=C grep -abo planted_here "$torn" | head -n 1 | cut -d : -f 1)" 2>/dev/null
run "$CARREL" sessions verify torn
ok 'verify names the file that is damaged' prints 'S1 tree: mem.h'
run "$CARREL" sessions repair torn --json
ok 'and so does repair' [ "$(field damage.0)" = 'is damaged: S1 tree: mem.h' ]
rows=$(field rows)
run "$CARREL" sessions verify torn --json
ok 'which counts the rows that verify counts' json 0.rows "$rows"
run "$CARREL" sessions show torn
ok 'show says what the source lacks' prints 'incomplete since a repair: it lacks mem.h'
run "$CARREL" sessions show torn --json
ok 'and so does its JSON' json sources.0.lost mem.h
ask -s torn 'What is other?'
ok 'and a question' says 'S1 tree lacks mem.h since a repair: carrel load -s torn --refresh reads it again'
run "$CARREL" sessions show torn --json
ok 'after an answer the sources are counted' [ "$(field sources.0.tokens)" -gt 10 ]
load -s torn --refresh
run "$CARREL" sessions show torn
ok 'a refresh makes it whole' [ "$(grep -c incomplete out)" = 0 ]
load -s torn --repack
run "$CARREL" sessions show torn
ok 'a text that was replaced is not called dropped' [ "$(grep -c '^  S1' out):$(grep -c dropped out)" = 1:0 ]
run "$CARREL" sessions show torn --json
ok 'in JSON its state is told' json sources.0.state replaced
torn_size=$(stat -c %s "$torn")
truncate -s $((torn_size / 2)) "$torn"
run "$CARREL" sessions repair torn
ok 'of half a file what is there is saved, or that nothing is is told' [ $((status == 0 || $(grep -c 'nothing of it could be saved' err))) = 1 ]
"$CARREL" sessions rm --yes torn >/dev/null 2>&1

# ---- loading ----

load -s s --json station.txt
ok 'a load makes a session' status_is 0
ok 'with the source' json sources.0.path station.txt
ok 'counted' [ "$(field sources.0.tokens)" -gt 10 ]
ok 'what it costs is told' [ "$(field cost.new_tokens)" = "$(field cost.total_tokens)" ]
ok 'and what it did' json changes.0 'S1 station.txt: added'
load -s s --json station.txt
ok 'and told again where there is nothing to change' [ "$(field cost.total_tokens)" -gt 50 ]
load -s s --show --json
ok 'as where the text is only shown' [ "$(field cost.total_tokens)" -gt 50 ]
load -s s --show --json -m missing.gguf
ok 'without an engine nothing is known of it' json cost null
load -s s --show
ok '--show prints the packed text' prints '<source id="S1" kind="text" name="station.txt">'
load -s s valve.txt
ok 'a second load adds to it' says 'S2 valve.txt: added'
ok 'and tells the cost' says 'tokens in front of the next question'
load -s s valve.txt
ok 'the same once more changes nothing' says 'nothing to change'
ok 'which is no failure' status_is 0
load -s s valve.txt missing.txt
ok 'a file that is missing ends a load' status_is 6
load -s s --show
ok 'which changed nothing' [ "$(grep -c '<source id' out)" = 2 ]
printf 'The lamp is green.\n' >lamp.txt
load -s s --partial lamp.txt missing.txt
ok '--partial loads the others' says 'S3 lamp.txt: added'
ok 'and the status tells' status_is 6

# ---- what cannot be ----

load station.txt
ok 'a load needs a session' status_is 2
load -s s
ok 'and something to do' status_is 2
load -s nobody --refresh
ok 'only paths make a session' status_is 2
before=$(sessions)
load -s big -c 64 --over fail station.txt
ok 'more than the window is refused where it has to fit' status_is 3
ok 'and leaves no session behind' [ "$(sessions)" = "$before" ]
load -s s --drop S9
ok 'a source that is not there cannot be dropped' status_is 2
load -s s --drop S1,S9
ok 'nor the others that are named with it' status_is 2
load -s s --show
ok 'which stay' prints '<source id="S1"'
load -s s --drop none
ok 'nor what is no source' status_is 2

# ---- ahead of the question ----

load -s s --prefill --json
ok '--prefill computes' status_is 0
ahead=$(field prefill.prompt_tokens)
ok 'everything in front of the question' [ "$ahead" -gt 50 ]
ok 'of which the cost told before' json cost.total_tokens "$ahead"
ok 'how much would be computed' json cost.new_tokens "$(field prefill.prefill_tokens)"
load -s s --prefill --json
ok 'a second time it is cached' [ "$(field cost.cached_tokens)" -ge $((ahead - 1)) ]
ok 'and nothing is computed' json prefill.prefill_tokens 0
ask -s s --json 'How is the pump started?'
ok 'the question costs the question' json usage.cached_tokens "$ahead"

# ---- changes after a turn ----

printf 'The valve is made of steel.\n' >valve.txt
load -s s --refresh --json
ok 'a file that changed is an update' json changes.0 'S2 valve.txt: updated'
ok 'behind what is cached' [ "$(field cost.cached_tokens)" -gt "$ahead" ]
load -s s --show
ok 'which follows' prints '<update of="S2"'
ok 'the old text stays' prints 'made of brass'
load -s s --refresh
ok 'what did not change again is none' says 'nothing to change'
ask -s s 'What is the valve made of?'
load -s s --repack --json
ok 'a repack gathers everything in front' status_is 0
load -s s --show
ok 'each source with its newest text' [ "$(grep -c '^1|.*made of brass\|<update of' out)" = 0 ]
ok 'which is there' prints 'made of steel'
load -s s --drop S1
ok 'a source is dropped' status_is 0
load -s s --show
ok 'and gone from the prompt' [ "$(grep -c '40 litres' out)" = 0 ]
ok 'and from the disk' [ "$(cat "$XDG_DATA_HOME"/carrel/sessions/*/session.db* | grep -c '40 litres')" = 0 ]
load -s s station.txt
ok 'its number is not used again' says 'S4 station.txt: added'

cat >script <<-'END'
	expect Go on? [y/N]
	send n\n
	expect nothing was changed
END
run "$PTY_RUN" script "$CARREL" load -m "$CARREL_BUILT_IN" -s s --drop S2
ok 'at a terminal a drop is asked about' status_is 0
load -s s --show
ok 'and left where the answer is no' prints 'made of steel'
printf 'expect Go on? [y/N]\nsend \\c\nexpect nothing was changed\n' >script
run "$PTY_RUN" script "$CARREL" load -m "$CARREL_BUILT_IN" -s s --drop S2
ok 'Ctrl-C there ends it with status 130' status_is 130
load -s s --show
ok 'with nothing changed' prints 'made of steel'
printf 'expect without S\n' >script
run "$PTY_RUN" script "$CARREL" load -m "$CARREL_BUILT_IN" -s s --drop S2,S2 --yes
ok '--yes does not ask' [ "$(grep -c 'Go on' out)" = 0 ]
ok 'a source that is named twice is dropped once' status_is 0

# ---- stopped and killed ----

i=0
while [ $i -lt 350 ]; do
	i=$((i + 1))
	echo "Line $i says that part $((i * 7919 % 1000)) belongs to shelf $((i * 31 % 77))."
done >parts.txt
run "$CARREL" load -t 1 -m "$CARREL_BUILT_IN" -s parts parts.txt
ok 'a long text is loaded' status_is 0
kv="$XDG_CACHE_HOME/carrel/kv"

# stop_prefill SIGNAL: once some of it is on disk
stop_prefill()
{
	rm -rf "$kv"
	"$CARREL" load -t 1 -m "$CARREL_BUILT_IN" -s parts --prefill >out 2>err </dev/null &
	prefill=$!
	while kill -0 $prefill 2>/dev/null; do
		[ -n "$(find "$kv" -name '*.pages' -size +64k 2>/dev/null)" ] && break
	done
	kill -"$1" $prefill 2>/dev/null
	wait $prefill
	status=$?
}

says_how()
{
	[ $stopped = 0 ] || says 'load -s parts --prefill goes on from there'
}

stop_prefill INT
ok 'Ctrl-C ends a prefill' [ $status = 130 ] || [ $status = 0 ]
stopped=$status
ok 'which says how to go on' says_how
load -s parts --prefill --json
ok 'the next goes on from there' [ "$(field prefill.cached_tokens)" -gt 0 ]
ok 'to the end' [ "$(($(field prefill.cached_tokens) + $(field prefill.prefill_tokens)))" = "$(field prefill.prompt_tokens)" ]
stop_prefill KILL
load -s parts --prefill --json
ok 'killed it goes on, too' [ "$(field prefill.cached_tokens)" -gt 0 ]
ask -s parts --json 'Where does part 919 belong?'
ok 'and a question costs the question' [ "$(field usage.prefill_tokens)" -lt 40 ]
finish
