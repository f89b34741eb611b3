#!/bin/sh
# More than the window: every way to read, what is told of it, and what stays. The fake device answers
# by what its prompt holds, so that what was read shows in the answer; a token of it is a byte.
. "$CARREL_SOURCE/tests/cli/tap.sh"
escape=$(printf '\033')
tab=$(printf '\t')

# lines FILE WORD: some 3,000 bytes of text, in paragraphs.
lines()
{
	i=0
	while [ $i -lt 60 ]; do
		echo "Line $i of the $2 tells of the $2 and no more."
		[ $((i % 6)) != 5 ] || echo
		i=$((i + 1))
	done >"$1"
}
mkdir notes
for name in anchor bell compass deck engine; do
	lines notes/$name.txt $name
done
sed -i '40s/.*/The pump room opens with heliotrope./' notes/compass.txt
sed -i '20s/.*/The steward sleeps in cabin nine./' notes/engine.txt

# A question of words that stand near its answer, and one of words that do not. What a turn before
# says is in the prompt, too: of the first question, only the source's own words count.
plain='Who sleeps in the cabin, the steward?'
veiled='What is the watchword of the deck?'
CARREL_FAKE_ANSWER='The sources do not say.'
CARREL_FAKE_ANSWERS="steward?${tab}in cabin nine${tab}[S1 engine.txt:20 \"The steward sleeps in cabin nine\"] He does.
steward?${tab}The sources do not say.
watchword${tab}with heliotrope${tab}[S1 compass.txt:40 \"The pump room opens with heliotrope\"] It is that."
export CARREL_FAKE_ANSWER CARREL_FAKE_ANSWERS

# What the JSON on standard output holds at a path.
field()
{
	"$JSON_GET" "$1" <out
}

# ask [OPTIONS] QUESTION [PATH...]: in a window of 4,096 bytes
ask()
{
	run "$CARREL" ask --device fake -c 4096 --window 1024 --select 1024 "$@"
}

# ---- what does not fit ----

ask "$plain" notes
ok 'without a word about it, what does not fit ends with status 3' status_is 3
ok 'and is told what would read it' says '--over auto reads it in parts'
ask --over fail "$plain" notes
ok '--over fail says the same' status_is 3
ask --over sweep --json "$plain" notes/bell.txt
ok 'what fits is read as ever' json coverage.over fail
ok 'of one window' json coverage.windows 1
ok 'and nothing was read before the answer' json reading null
printf 'over = sweep\n' >settings
mkdir -p "$XDG_CONFIG_HOME/carrel"
mv settings "$XDG_CONFIG_HOME/carrel/config"
ask --json "$plain" notes
ok 'it is a setting, too' json coverage.over sweep
rm "$XDG_CONFIG_HOME/carrel/config"

# ---- a sweep ----

ask --over sweep "$veiled" notes
ok 'a sweep finds what no word leads to' status_is 0
ok 'and answers from it' prints 'The pump room opens with heliotrope'
ok 'the find is a line of its own' says 'found '
ok 'with its place and its words' grep -qF 'compass.txt:40 verified "The pump room opens with heli ..."' err
ok 'what was read is told' grep -qE 'read ([0-9]+) of \1 windows, 1 find \(the last pass read 1\);' err
ok 'and the quote, at its place' says '[1] notes/compass.txt:40 verified'
deep=$here/one/two/three/four/five/six/seven/eight
mkdir -p "$deep"
cp -r notes "$deep"
ask --over sweep "$veiled" "$deep/notes"
ok 'from far away, too, a find is a line that no terminal breaks' \
	[ "$(grep 'found ' err | wc -L)" -le 79 ]
ok 'with the end of its path' grep -qE 'found \.\.\.(/[a-z]+)*/notes/compass.txt:40 verified "The pump' err
ask --over sweep -q "$veiled" notes
ok '-q says nothing of it' sentences 0
ask --over sweep --json "$veiled" notes
ok 'under --json finds are not told' [ "$(grep -c 'found ' err)" = 0 ]
ask --over sweep --json -v "$veiled" notes
ok 'but with -v' says 'found '
ok 'its answer has the names that are documented' json coverage \
	over,windows,read,chunks,chunks_read,tokens,tokens_read,finds,finds_used,turns,turns_read,stopped,places
ok 'the way' json coverage.over sweep
windows=$(field coverage.windows)
ok 'windows, of which there are several' [ "$windows" -ge 15 ]
ok 'all read' json coverage.read "$windows"
ok 'with every passage' json coverage.chunks_read "$(field coverage.chunks)"
ok 'and every token' json coverage.tokens_read "$(field coverage.tokens)"
ok 'one of them had something to say' json coverage.finds 1
ok 'which was used' json coverage.finds_used 1
ok 'nothing was stopped' json coverage.stopped false
ok 'where it was read is told' json coverage.places.0.path notes/compass.txt
ok 'with lines around the find' [ "$(field coverage.places.0.line_first)" -le 40 ]
ok 'that go beyond it' [ "$(field coverage.places.0.line_last)" -ge 40 ]
ok 'the quote is verified' json citations.0.verdict verified
ok 'in the file where it stands' json citations.0.line_first 40
ok 'what reading took is apart from the answer' [ "$(field reading.prompt_tokens)" -gt "$(field coverage.tokens)" ]
ok 'and timed' [ "$(field timing.reading_ms)" != null ]
ask --over sweep --json 'What is the colour of the sea?' notes
ok 'what stands nowhere is refused' json answer 'The sources do not say.'
ok 'with nothing found' json coverage.finds 0
ask --over sweep 'What is the colour of the sea?' notes
ok 'what no model was asked for has no figures' [ "$(grep -c 'tok/s' err)" = 0 ]

# ---- a selection ----

ask --over select --json "$plain" notes
ok 'a selection answers what its words lead to' json citations.0.verdict verified
ok 'it says so' json coverage.over select
ok 'it read some passages' [ "$(field coverage.chunks_read)" -ge 1 ]
ok 'and not all' [ "$(field coverage.chunks_read)" -lt "$(field coverage.chunks)" ]
ok 'of some windows' [ "$(field coverage.read)" -lt "$(field coverage.windows)" ]
ok 'and no more than --select allows' [ "$(field coverage.tokens_read)" -le 1024 ]
ok 'its places are told' [ "$(field coverage.places.0.source)" != null ]
ask --over select "$plain" notes
ok 'which is told' grep -qE 'read [0-9]+ passages? of [0-9]+ of [0-9]+ windows' err
ok 'with a way to all of it' says '(--over sweep reads all of it)'
: >empty
run "$PTY_RUN" empty sh -c 'stty cols 60; exec "$0" "$@"' "$CARREL" ask --device fake -c 4096 \
	--window 1024 --select 1024 --over select "$plain" notes
ok 'on a narrow terminal in lines that it need not break' \
	[ "$(tr -d '\r' <out | sed "s/.*$escape\[K//" | grep -av '^\[S' | wc -L)" -le 60 ]
ok 'whose words are whole' grep -qa 'tok/s' out
ask --over select -v "$plain" notes
ok '-v tells the passages' grep -qE 'read S[0-9] notes/engine.txt:[0-9]+-[0-9]+' err
for most in 1 20; do
	ask --over select --select $most --json "$plain" notes
	ok "--select $most reads the best passage" [ "$(field coverage.chunks_read)" -ge 1 ]
	ok 'which answers' json citations.0.verdict verified
done
ask --over select --select 100000 "$plain" notes
ok 'what is beyond the context is told' says '--select 100,000 is more than the context window of 4,096'
ask --over sweep --window 10 "$plain" notes
ok 'a window of a few words is refused' status_is 2
ok 'in a sentence' says '--window: takes a whole number of tokens, 256 at least'
ask --over sweep --window 0 -c 300 "$plain" notes
ok 'in a context that is too small for anything' status_is 3
enough=$(sed -n 's/.*(-c \([0-9]*\) is enough.*/\1/p' err)
ok 'it is told what is not' [ "${enough:-0}" -gt 512 ]
for over in sweep select; do
	ask --over $over --window 0 -c "$enough" "$plain" notes
	ok "that is enough to $over" status_is 0
done
ask --over sweep -c 4096 --json "$plain" notes
ok 'nothing is told of a size that fits' sentences 0

# ---- what would be read ----

ask --over select --show-context "$plain" notes
ok 'what select would read is shown' prints 'The steward sleeps in cabin nine.'
ok 'with the question' prints "$plain"
ok 'and nothing else' [ "$(wc -c <out)" -le 2600 ]
ask --over auto --show-tokens "$plain" notes
ok 'as tokens, too' status_is 0
ok 'of a window' [ "$(wc -l <out)" -le 4096 ]
ask --over sweep --show-context "$plain" notes
ok 'a sweep has no one text to show' status_is 2
ok 'and says so' says 'a sweep asks its windows one by one'
ask --over sweep --show-context "$plain" notes/bell.txt
ok 'but where all of it fits' prints '</source>'
ask --over select --json "$veiled" notes
ok 'what its words do not lead to it does not find' json answer 'The sources do not say.'

# ---- both ----

ask --over auto --json "$plain" notes
ok 'auto selects' json coverage.over select
ok 'and answers' json citations.0.verdict verified
ask --over auto --json "$veiled" notes
ok 'and sweeps where that does not say' json coverage.over sweep
ok 'to the answer' json citations.0.verdict verified
ask --over auto "$veiled" notes
ok 'the refusal is not shown' [ "$(grep -c 'do not say' out)" = 0 ]
ok 'that it goes on is' says 'reading all of it'

# ---- by meaning, too ----

ask --over select --embed self --json "$plain" notes
ok 'with vectors of the model itself a selection answers, too' json citations.0.verdict verified
ask --over select --embed self --json 'qwxyz vbnmk?' notes
ok 'which finds passages where no word does' [ "$(field coverage.chunks_read)" -ge 1 ]
ask --over select --json 'qwxyz vbnmk?' notes
ok 'without it nothing is read, which is no answer' status_is 2
ok 'and is told' says 'no passage has a word of the question'
echo '{"text": "qwxyz vbnmk?"}' >asked
run "$CARREL" eval quote --device fake -c 4096 --over select --ask asked notes
ok 'which ends no measurement' status_is 0
# The fake device reads no model: one that is made for it makes vectors for one that nobody trained.
encoder=$CARREL_SOURCE/tests/vectors/encoders/bert-mean.gguf
random()
{
	run "$CARREL" ask -m "$CARREL_RANDOM" -c 2048 -n 4 -t 1 --over select --json "$@" 'qwxyz vbnmk?' notes
}
random -s meant --embed "$encoder"
ok 'so does a model that is made for it' status_is 0
ok 'where no word does' [ "$(field coverage.chunks_read)" -ge 1 ]
vectors=$(find "$XDG_DATA_HOME" -name vectors.index)
sum=$(cksum <"$vectors")
run "$CARREL" ask -m "$CARREL_RANDOM" -n 4 -t 1 -s meant --json 'qwxyz vbnmk again?'
ok 'the session remembers it' [ "$(field coverage.chunks_read)" -ge 1 ]
ok 'no vector is made twice' [ "$(cksum <"$vectors")" = "$sum" ]
random --no-store --embed "$CARREL_RANDOM"
ok 'another model that answers does, too' [ "$(field coverage.chunks_read)" -ge 1 ]
random --no-store --embed nowhere.gguf
ok 'an embedding model that is not there is an error' [ "$status" != 0 ]
ok 'and is named' says nowhere.gguf

# ---- a session ----

# What is computed faster than it is read from disk is computed: a token takes its time here.
CARREL_FAKE_PREFILL_US=20
export CARREL_FAKE_PREFILL_US
rm -r "$XDG_CACHE_HOME"
ask -s ship --over sweep --json "$veiled" notes
ok 'a session keeps what it read' json turn 1
passed=$(echo "$(field timing.reading_ms) $(field timing.prefill_ms) $(field timing.decode_ms)" |
	awk '{ printf "%.1f", ($1 + $2 + $3) / 1000 }')
"$CARREL" sessions show ship >shown
ok 'and how long that took' grep -qE "^computed .* and generated .* in $passed s;" shown
cold=$(field reading.prefill_tokens)
ok 'the first sweep computes every window' [ "$cold" -gt "$(field coverage.tokens)" ]
windows=$(field coverage.windows)
run "$CARREL" ask --device fake -s ship --json "$plain"
ok 'the next question, in another process, is read the same way' json coverage.over sweep
ok 'in as many windows' json coverage.windows "$windows"
ok 'it reads no token of a source again' [ "$(field reading.prefill_tokens)" -le $((windows * 192)) ]
ok 'which is little' [ "$(field reading.prefill_tokens)" -lt $((cold / 4)) ]
ok 'it has the turn before it' json coverage.turns_read 1
ok 'and answers' json citations.0.verdict verified
run "$CARREL" sessions show ship 1 --json
ok 'the turn remembers how it was read' json coverage.over sweep
ok 'all of it' json coverage.read "$windows"
ok 'and what that cost' json reading.prefill_tokens "$cold"
run "$CARREL" sessions show ship
ok 'the list of turns says it' prints "(read $windows of $windows windows, 1 find (the last pass read 1))"
run "$CARREL" sessions show ship 1
ok 'and so does the turn' prints "read $windows of $windows windows, 1 find (the last pass read 1)"
for format in md html; do
	run "$CARREL" sessions export ship --format $format
	ok "an export to $format says it" prints "read $windows of $windows windows, 1 find (the last pass read 1)"
done
"$CARREL" sessions export ship --format json >ship.json 2>/dev/null
run "$CARREL" sessions import ship.json --name copy
ok 'it is exported and imported' status_is 0
run "$CARREL" sessions show copy 1 --json
ok 'and still known' json coverage.read "$windows"
run "$CARREL" sessions verify ship copy
ok 'and whole' status_is 0
run "$CARREL" ask --device fake -s ship --json --over select "$plain"
ok 'another way, once' json coverage.over select
run "$CARREL" config -s ship --json
ok 'is remembered' grep -qF '"select"' out

mkdir two
cp -r notes two/notes
run "$CARREL" ask --device fake -c 4096 --window 1024 --json --over sweep "$veiled" two/notes
ok 'the same files elsewhere cost what they cost' json coverage.windows "$windows"

ask -s parts --over sweep --json 'What is the colour of the sea?' \
	notes/compass.txt notes/engine.txt notes/bell.txt
ok 'two sources are read' json coverage.read "$(field coverage.windows)"
before=$(field coverage.windows)
run "$CARREL" load --device fake -s parts --drop S1 -y
ok 'one is dropped' status_is 0
run "$CARREL" ask --device fake -s parts --json "$veiled"
ok 'it is not read any more' [ "$(field coverage.windows)" -lt "$before" ]
ok 'nor found' json coverage.finds 0
run "$CARREL" ask --device fake -s parts --json "$plain"
ok 'the other one is, under its own number' json citations.0.source S2
ok 'and not computed again' [ "$(field reading.prefill_tokens)" -le $(($(field coverage.windows) * 256)) ]

# ---- nothing is written ----

before=$(find "$XDG_DATA_HOME" "$XDG_CACHE_HOME" -type f | sort | xargs ls -l | cksum)
ask --over auto --no-store --json "$veiled" notes
ok '--no-store reads, too' json citations.0.verdict verified
ok 'and writes nothing' [ "$(find "$XDG_DATA_HOME" "$XDG_CACHE_HOME" -type f | sort | xargs ls -l | cksum)" = "$before" ]

# ---- what it would cost ----

run "$CARREL" count --plan --device fake -c 4096 --window 1024 --json notes
ok 'a plan' status_is 0
ok 'that says that it does not fit' json plan.fits false
ok 'how many windows there are' json plan.sweep.windows "$windows"
ok 'how many tokens a sweep reads' [ "$(field plan.sweep.tokens)" -gt "$(field plan.total_tokens)" ]
ok 'that some are cached' [ "$(field plan.sweep.cached_tokens)" -gt 0 ]
ok 'and what select reads' [ "$(field plan.select.tokens)" -gt 0 ]
run "$CARREL" count --plan --device fake -c 4096 --window 1024 notes
ok 'in words' prints "a sweep reads $windows windows"
ok 'of each' prints 'select reads up to '
ok 'in lines that no terminal breaks' [ "$(wc -L <out)" -le 72 ]
run "$CARREL" count --plan --device fake notes/bell.txt
ok 'of what fits it says so' prints ', and is read whole'
run "$CARREL" count --window 1024 notes
ok 'what only a plan understands is refused without it' status_is 2

run "$CARREL" load --device fake -c 4096 --window 1024 -s big notes --json
ok 'a load of any size is a load' status_is 0
ok 'which tells what a question will cost' says "a sweep reads $windows windows"
ok 'in JSON, too' json plan.sweep.windows "$windows"
run "$CARREL" load -m "$CARREL_BUILT_IN" -c 2048 -s small --over fail notes
ok 'a load that has to fit is refused' status_is 3
ok 'and nothing is kept of it' [ "$("$CARREL" sessions ls | grep -c small)" = 0 ]
run "$CARREL" load --device fake -s big --index
ok 'an index is made ahead' status_is 0
ok 'and told' says 'the index is there'
run "$CARREL" count --plan --device fake -c 4096 --embed self --json notes
ok 'a plan knows how many vectors are missing' \
	[ "$(field plan.select.missing_vectors)" = "$(field plan.select.chunks)" ]
: >empty
CARREL_FAKE_PREFILL_US=500 run "$PTY_RUN" empty "$CARREL" load --device fake -s big --embed self --index
ok 'so are vectors, and how far they are is drawn' \
	grep -qaE "vectors [0-9]+% [0-9]+ of [0-9]+ passages.*$escape\\[K" out
run "$CARREL" load --device fake -s big --index --json
ok 'the session remembers them: none is missing' json plan.select.missing_vectors 0

# ---- a stop ----

# More windows than are under way at one time, some of them with a find.
mkdir fleet
for name in anchor bell compass deck engine funnel galley hull; do
	lines fleet/$name.txt $name
done
sed -i '4s/.*/The pump room opens with heliotrope./' fleet/*.txt
# A word of an answer waits for a batch of other prompts: it is short, so that it soon comes.
CARREL_FAKE_ANSWERS="watchword${tab}with heliotrope${tab}[S1 a:4 \"heliotrope\"]"
CARREL_FAKE_PREFILL_US=100
: >out
"$CARREL" ask --device fake -c 4096 --window 512 --over sweep --no-store --json -v "$veiled" fleet \
	>out 2>err </dev/null &
pid=$!
i=0
while ! grep -q 'found ' err && [ $i -lt 400 ]; do
	sleep 0.05
	i=$((i + 1))
done
kill -INT $pid
wait $pid
status=$?
ok 'Ctrl-C in a sweep ends it with status 130' status_is 130
ok 'and says so' grep -qE 'stopped at [0-9]+ of [0-9]+ windows' err
ok 'the answer is made from what was read' json citations.0.line_first 4
ok 'it ended as it would have' json stop_reason end
ok 'and knows that it did not read everything' json coverage.stopped true
ok 'by how much' [ "$(field coverage.read)" -lt "$(field coverage.windows)" ]
ok 'prompts that were not read are not counted' [ "$(field reading.prompt_tokens)" = \
	$(($(field reading.cached_tokens) + $(field reading.prefill_tokens))) ]

: >err
"$CARREL" ask --device fake -c 4096 --window 512 --over sweep --no-store --json 'Where is nothing?' fleet \
	>out 2>err </dev/null &
pid=$!
sleep 1
kill -INT $pid
wait $pid
status=$?
ok 'a sweep that is stopped before it found anything ends with status 130' status_is 130
ok 'with valid JSON' json coverage.stopped true
ok 'and without an answer' json answer ''

cat >script <<-'END'
	expect windows
	expect found
	send \c
	expect stopped at
	expect a:4
	expect stopped: read
END
run "$PTY_RUN" script "$CARREL" ask --device fake -c 4096 --window 512 --over sweep --no-store "$veiled" fleet
ok 'on a terminal a sweep is drawn, and stopped by Ctrl-C' status_is 130
ok 'it is redrawn in its line' grep -qaE "sweep [0-9]+% [0-9]+ of [0-9]+ windows.*$escape\\[K" out
# A window has lines of one file, the last pass those of several in which the first finds are.
rules=$CARREL_FAKE_ANSWERS
long=$(printf 'It is said at length, and more. %.0s' $(seq 40))
for pair in anchor:bell bell:compass compass:deck; do
	CARREL_FAKE_ANSWERS="watchword${tab}\"${pair%:*}.txt\"${tab}\"${pair#*:}.txt\"${tab}$long
$CARREL_FAKE_ANSWERS"
done
CARREL_FAKE_TOKEN_US=10000
export CARREL_FAKE_TOKEN_US
cat >script <<-'END'
	expect found
	expect found
	send \c
	expect stopped at
	expect said at length
	send \c
	expect stopped after
END
run "$PTY_RUN" script "$CARREL" ask --device fake -c 4096 --window 512 --over sweep -s twice "$veiled" fleet
ok 'a second Ctrl-C ends the last pass' status_is 130
ok 'the answer is not all there' [ "$(tr -d '\r\n' <out | grep -oa 'said at length' | wc -l)" -lt 40 ]
run "$CARREL" sessions show twice 1 --json
ok 'what came of it is kept' grep -qF 'said at length' out
ok 'with how it ended' json stop_reason interrupted
ok 'and that not all was read' json coverage.stopped true
unset CARREL_FAKE_TOKEN_US
CARREL_FAKE_ANSWERS=$rules
cat >script <<-'END'
	expect more than the context window
	expect > 
	send /over sweep\n
	expect sweep: 
	send What is the watchword of the deck?\n
	expect found
	send \c
	expect stopped: read
	expect > 
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --plain --device fake -c 4096 --window 512 --select 1024 --no-store fleet
ok 'the chat reads more than the window, is told how, and is stopped by Ctrl-C' status_is 0
ok 'without a line that is written over' [ "$(grep -ca "$escape\\[K" out)" = 0 ]
unset CARREL_FAKE_PREFILL_US
cat >script <<-'END'
	expect > 
	send /over\n
	expect auto: 
	send /over select\n
	expect select: 
	send What is the watchword of the deck?\n
	expect passages of
	expect (/again sweep reads all of it)
	expect > 
	send /plan\n
	expect a sweep reads
	send /over nonsense\n
	expect no such way
	send /again\n
	expect the answer would be the same
	send /again sweep\n
	expect found
	expect windows, 8 finds
	expect > 
	send /turns 1\n
	expect passages of
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --plain --device fake -c 4096 --window 512 --select 1024 -s talk fleet
ok 'how it is read is changed in the chat' status_is 0
run "$CARREL" sessions show talk --json
ok 'its turns remember how they were read' json turns.0.coverage.over select
ok 'each' json turns.1.coverage.over sweep
printf '%s\n/over fail\n%s\n' "$veiled" "$veiled" >script
"$CARREL" --device fake -c 4096 --window 512 --no-store fleet <script >out 2>err
status=$?
ok 'a script of the chat reads, too, until it is told not to' status_is 3
ok 'with a way back' says '/over auto reads it in parts'

# ---- hostile words ----

mkdir evil
lines evil/a.txt hatch
lines evil/b.txt hold
printf 'The latch \033]0;owned\007 is \342\200\256 green.\n' >>evil/b.txt
CARREL_FAKE_ANSWERS="latch?${tab}owned${tab}[S1 b.txt:71 \"The latch $(printf '\033]0;owned\007') is $(printf '\342\200\256') green\"]"
ask --over sweep 'How is the latch?' evil
ok 'words of a source that would steer a terminal are found' says 'found '
ok 'and shown, not sent' [ "$(grep -c "$escape" err)" = 0 ]
ok 'nor turned around' [ "$(grep -c "$(printf '\342\200\256')" err)" = 0 ]
: >empty
run "$PTY_RUN" empty "$CARREL" ask --device fake -c 4096 --window 512 --over sweep 'How is the latch?' evil
ok 'on a terminal, too' [ "$(grep -ca "$escape\\]0;" out)" = 0 ]

# ---- the built-in model ----

if [ -f "$CARREL_BUILT_IN" ]; then
	mkdir manual
	cp "$CARREL_SOURCE"/man/*.scd manual
	run "$CARREL" ask -m "$CARREL_BUILT_IN" -c 3072 --over select --json \
		'What does exit status 3 mean?' manual
	ok 'the built-in model answers from what was selected' json coverage.over select
	ok 'with a quote that is there' grep -qE '"verdict": "(verified|moved)"' out
fi
finish
