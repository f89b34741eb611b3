#!/bin/sh
# carrel ask, against the fake backend: answers, JSON, exit statuses, interruption.
. "$CARREL_SOURCE/tests/cli/tap.sh"
fake="$CARREL ask --device fake"

printf 'Operations manual\nThe pump is started by hand.\nAt noon it stops.\n' >station.txt
export CARREL_FAKE_ANSWER='By hand: [S1 station.txt:2 "The pump is started by hand."]'
run $fake 'How is the pump started?' station.txt
ok 'an answer ends with status 0' status_is 0
ok 'the answer is on standard output' prints 'By hand: [S1'
ok 'nothing else is on standard output' [ "$(wc -l <out)" = 1 ]
ok 'the verified place is on standard error' says 'station.txt:2 verified'
run $fake -q 'How is the pump started?' station.txt
ok '-q says nothing on standard error' sentences 0

run $fake --json --strict 'How is the pump started?' station.txt
ok 'ask --json --strict succeeds on a true quote' status_is 0
ok 'ask --json has exactly the documented names' json . \
	answer,thinking,stop_reason,model,session,turn,sources,skipped,coverage,citations,usage,reading,timing
ok 'stop_reason is end' json stop_reason end
ok 'session is null' json session null
ok 'sources have exactly the documented names' json sources.0 id,path,kind,tokens
ok 'the source is the file' json sources.0.path station.txt
ok 'coverage is one window of one' [ "$("$JSON_GET" coverage.windows coverage.read <out | tr '\n' ' ')" = '1 1 ' ]
ok 'citations have exactly the documented names' json citations.0 \
	text,source,path,page,label,time,speaker,line_first,line_last,verdict
ok 'the quote is verified' json citations.0.verdict verified
ok 'on its line' json citations.0.line_first 2
ok 'a text has no page' json citations.0.page null
ok 'usage has exactly the documented names' json usage \
	prompt_tokens,cached_tokens,disk_tokens,prefill_tokens,generated_tokens,thinking_tokens
ok 'timing has exactly the documented names' json timing \
	ready_ms,restore_ms,prefill_ms,first_token_ms,reading_ms,decode_ms,decode_tok_per_s

export CARREL_FAKE_ANSWER='It is [S1 station.txt:2 "started by magic words"].'
run $fake --json --strict 'How?' station.txt
ok 'a model that would invent a quote can only say what stands there' status_is 0
ok 'and that is verified' json citations.0.verdict verified
fake="$fake --free-quotes"
run $fake --json --strict 'How?' station.txt
ok 'an invented quote under --strict ends with status 5' status_is 5
ok '--free-quotes lets it be said' prints 'started by magic words'
ok 'and the JSON is complete' json citations.0.verdict not_found
run $fake 'How?' station.txt
ok 'without --strict it ends with status 0' status_is 0
ok 'and the quote is reported' says 'quote not found'
export CARREL_FAKE_ANSWER='Answer [S1 station.txt:1 "At noon it stops."].'
run $fake --json --strict 'When?' station.txt
ok 'a quote on another line is moved there' json citations.0.line_first 3
ok 'which --strict accepts' status_is 0
unset CARREL_FAKE_ANSWER

run $fake -n 4 --json 'Words' station.txt
run $fake -n 4 'Words' station.txt
ok 'an answer that was cut says so' says 'cut at 4 tokens (-n allows more)'
run $fake -n 4 --json 'Words' station.txt
ok 'the limit of tokens is stop_reason length' json stop_reason length
ok 'and is kept' json usage.generated_tokens 4

echo 'What is in standard input?' >question
status=0
$fake --json - station.txt <question >out 2>err || status=$?
ok 'the question can come from standard input' status_is 0
status=0
$fake --json 'What?' - <station.txt >out 2>err || status=$?
ok 'a source can come from standard input' json sources.0.path -

run $fake 'What?' missing.txt
ok 'an input that cannot be read ends with status 6' status_is 6
ok 'and is named' says missing.txt
ok 'before answering' [ ! -s out ]
run $fake --json 'What?' missing.txt
ok 'under --json as an error object' json error.code 6
run $fake 'What?' missing.txt station.txt
ok 'without --partial nothing is answered' status_is 6
ok 'and the hint names the option' says 'missing.txt: cannot be read: does not exist (ask --partial answers without it)'
run $fake --json --partial 'What?' missing.txt station.txt
ok '--partial answers, with status 6 all the same' status_is 6
ok 'and lists what was not read' json skipped.0.path missing.txt

mkdir folder
cp station.txt folder/station.c
run $fake --json 'What?' folder station.txt
ok 'a folder is a source' json sources.0.kind code
ok 'and a file beside it another' json sources 2
: >empty
run $fake 'What?' empty
ok 'when no named file can be used there is no answer' status_is 6
ok 'but the reason' says 'left out empty: is empty'
ok 'nor a word' [ ! -s out ]
run $fake --partial --json 'What?' empty missing.txt
ok 'not even under --partial' json error.code 6
mkfifo named
cat station.txt >named &
run timeout 20 $fake --json 'What?' named
ok 'a pipe that is named is read' json sources.0.path named
ok 'and a source like others' status_is 0
timeout 20 $fake 'What?' named >out 2>err &
pid=$!
sleep 0.5
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C ends the wait for a pipe that nobody writes' status_is 130
if command -v bash >/dev/null; then
	run timeout 20 bash -c "$fake --show-context 'What?' <(cat station.txt)"
	ok 'also as a shell passes it' prints 'The pump is started by hand.'
fi
run $fake 'What?'
ok 'an answer without sources says so' says 'no sources were given; answering without any'
ok 'and no more' [ "$(grep -c 'standard input' err)" = 0 ]
run "$CARREL" ask 'What?'
ok 'the built-in model cannot answer without any' status_is 2
ok 'and says what to do' says 'name a file, or another model with -m'
run "$CARREL" ask --show-tokens 'What?'
ok 'the prompt can be looked at all the same' status_is 0
run sh -c "$fake 'What?' <station.txt"
ok 'an input that is not read is noticed' says 'standard input is read only where - names it'
for blank in '' '  ' "$(printf '\n\t')"; do
	run $fake "$blank" station.txt
	ok 'a blank question is a usage error' status_is 2
done
run sh -c "echo | $fake - station.txt"
ok 'from standard input, too' status_is 2

CARREL_FAKE_CONTEXT=300
export CARREL_FAKE_CONTEXT
i=0
while [ $i -lt 50 ]; do
	echo "line $i of a text that is too long"
	i=$((i + 1))
done >long.txt
run $fake 'What?' long.txt
ok 'more than the context ends with status 3' status_is 3
ok 'and says how much the context holds' says 300
ok 'and only what can help' [ "$(grep -c -e --context err)" = 0 ]
ok 'and how much it would need' grep -qE '[ ,(][1-9],?[0-9]{3} ' err
ok 'nothing was truncated silently: no answer' [ ! -s out ]
unset CARREL_FAKE_CONTEXT

run $fake --show-context 'The question?' station.txt
ok '--show-context prints the pack' prints '<source id="S1" kind="text" name="station.txt">'
ok 'with line numbers' prints '1|Operations manual'
ok 'and the question' prints 'The question?'
CARREL_FAKE_FAULT=load run $fake --show-context 'The question?' station.txt
ok 'and no model is loaded for it' status_is 0
run $fake --json --show-context 'The question?' station.txt
ok '--json makes it an object' json . context
run $fake --partial --show-context 'The question?' missing.txt
ok 'what could not be read shows in the status' status_is 6
tab=$(printf '\t')
run $fake --show-tokens 'The question?' station.txt
ok '--show-tokens prints ids and texts' grep -qE "^[0-9]+$tab." out
ok 'one token on each line, whatever it holds' [ "$(grep -cvE "^[0-9]+$tab[^$tab]*$" out)" = 0 ]
ok 'which together are the prompt' [ "$(cut -f 2 out | tr -d '\n' | grep -c 'The question?')" = 1 ]
ok 'line feeds shown' prints '^J'
cut -f 1 out >ids
run $fake --show-tokens --json 'The question?' station.txt
ok 'under --json as a list' json . tokens
ok 'of id and text' json tokens.0 id,text
ok 'of the same length' json tokens "$(wc -l <ids)"
printf 'evil\033[31m\302\205' >evil.txt
run $fake --show-tokens 'Q' evil.txt
ok 'no control reaches the lines' [ "$(tr -d '\n\t -~' <out | wc -c)" = 0 ]
run $fake --no-cite --show-context 'The question?' station.txt
ok '--no-cite leaves the citation line out' [ "$(grep -c 'Cite each' out)" = 0 ]
echo 'Answer in Latin.' >latin
run $fake --system @latin --show-context 'Q' station.txt
ok '--system reads a file' prints 'Answer in Latin.'
run $fake --system @missing 'Q'
ok 'a file of --system that is not there is a usage error' status_is 2
printf 'first\0second' >nul
run $fake --system @nul 'Q'
ok 'and so is one with a NUL, which would end it' status_is 2
ok 'in a sentence' says 'byte 6 is a NUL'
status=0
$fake --json - station.txt <nul >out 2>err || status=$?
ok 'a question with a NUL is refused' json error.code 6
status=0
$fake --json - station.txt <&- >out 2>err || status=$?
ok 'and one that cannot be read' json error.code 6

export CARREL_FAKE_TOKEN_US=50000
$fake --json -n 400 'Words' station.txt >out 2>err &
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C ends with status 130' status_is 130
ok 'and still prints valid JSON' json stop_reason interrupted
ok 'with what came until then' [ "$("$JSON_GET" usage.generated_tokens <out)" -gt 1 ]

$fake --json -n 400 'Words' station.txt >out 2>err &
pid=$!
sleep 1
kill -TERM $pid
status=0
wait $pid || status=$?
ok 'so does SIGTERM' status_is 130
ok 'with valid JSON' json stop_reason interrupted
$fake -n 400 'Words' station.txt >out 2>err &
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
ok 'an answer that was stopped says so' grep -q 'stopped after [0-9]* tokens' err

$fake --json -n 400 'Words' station.txt >out 2>err &
pid=$!
sleep 1
engine=$(tr -d ' ' </proc/$pid/task/$pid/children)
ok 'an engine process answers' [ "${engine:-0}" -gt 1 ]
[ "${engine:-0}" -le 1 ] || kill -9 $engine
status=0
wait $pid || status=$?
ok 'an engine killed in mid-answer ends with status 4' status_is 4
ok 'and an error object' json error.code 4
ok 'and a sentence' sentences 1
unset CARREL_FAKE_TOKEN_US

export CARREL_FAKE_PREFILL_US=20000
$fake --json --no-store 'Words' station.txt >out 2>err &
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C while the prompt is computed ends with status 130' status_is 130
ok 'and valid JSON' json stop_reason interrupted
ok 'without a token' json usage.generated_tokens 0
unset CARREL_FAKE_PREFILL_US
export CARREL_FAKE_LOAD_MS=5000
$fake --json --no-store 'Words' station.txt >out 2>err &
pid=$!
sleep 0.5
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C while the model loads ends with status 130' status_is 130
ok 'and valid JSON, an error' json error.code 130
unset CARREL_FAKE_LOAD_MS

for what in --version 'ask --version' --help 'ask --help' 'help ask'; do
	run sh -c "$CARREL $what >/dev/full"
	ok "$what on a full disk fails" status_is 1
	ok 'with a sentence' says 'standard output: cannot be written'
done
CARREL_FAKE_FAULT=load run $fake --json 'Words'
ok 'a model that does not load ends with status 4' status_is 4
run "$CARREL" ask -m no-such-model 'Words'
ok 'a model that does not exist ends with status 4' status_is 4
ok 'and is named' says no-such-model
head -c 4096 /dev/urandom >noise.gguf
run "$CARREL" ask -m ./noise.gguf 'Words'
ok 'a file that is no model ends with status 4' status_is 4

run sh -c "$fake -n 5 Words >/dev/full"
ok 'a full disk is a failure' status_is 1
ok 'in a sentence' says 'standard output: cannot be written: No space left'
run sh -c '{ CARREL_FAKE_TOKEN_US=20000 timeout 20 "$0" ask --device fake -n 4000 Words 2>err.pipe; echo $? >code; } | head -c 1' "$CARREL"
ok 'a closed pipe ends it at once, as SIGPIPE does' [ "$(cat code)" = 141 ]
ok 'without a word' [ "$(grep -vc 'no sources were given' err.pipe)" = 0 ]
run sh -c '{ "$0" --help; echo $? >code; } | true; sleep 0.1' "$CARREL"
ok 'other commands, too' [ "$(cat code)" = 141 -a ! -s err ]
run sh -c "$fake --json -n 5 Words >&- 2>err.closed"
ok 'a standard output that is closed is a failure' status_is 1
ok 'and does not become another file' grep -q 'cannot be written' err.closed
run sh -c "$fake --json -n 5 Words <&- 2>&-"
ok 'standard input and error may be closed' json stop_reason length
run sh -c "$fake --json Words - <&-"
ok 'but then are no source' status_is 6
finish
