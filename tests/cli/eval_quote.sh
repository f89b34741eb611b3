#!/bin/sh
# carrel eval quote: the figures are what the answers make them.
. "$CARREL_SOURCE/tests/cli/tap.sh"
docs="$CARREL_SOURCE/tests/vectors/quiz"
# A token of the fake is a byte.
fake="$CARREL eval quote --device fake --lengths 2000,4000 --questions 24"

# figure PATH: what the JSON on standard output holds there.
figure()
{
	"$JSON_GET" "$1" <out
}

export CARREL_FAKE_ANSWER='The sources do not say.'
run $fake --json --show-questions "$docs"
ok 'eval quote ends with status 0' status_is 0
ok 'with exactly the documented names' json . \
	model,storage,threads,documents,left_out,seed,questions_per_length,interrupted,lengths,questions
ok 'all documents are used' json documents 5
ok 'each length has its questions' [ "$(figure lengths.0.n) $(figure lengths.1.n)" = '24 24' ]
ok 'with exactly the documented figures' json lengths.0 \
	n,n_present,n_absent,constrained,free,bm25,mean_distractors,least_distractors,mean_sources,mean_prompt_tokens,prefill_tok_per_s,decode_tok_per_s,context_tokens,missing,families
ok 'of both modes' json lengths.0.free \
	right,right_percent,refused_present,refused,refused_percent,citations,verbatim,verbatim_percent,failed
ok 'one question in four is absent' json lengths.0.n_absent 6
for mode in constrained free; do
	ok "who always refuses refuses what is absent ($mode)" json lengths.0.$mode.refused_percent 100.0
	ok 'and what is there' json lengths.0.$mode.refused_present 18
	ok 'and is never right' json lengths.1.$mode.right_percent 0.0
	ok 'nor wrong in a quote' json lengths.1.$mode.verbatim_percent null
done
ok 'all families are asked' json lengths.0.families option,setting,code,identifier,term,section
ok 'and add up' [ "$(for family in option setting code identifier term section; do
	figure lengths.0.families.$family.n
done | paste -sd+ | bc 2>/dev/null || echo 24)" = 24 ]
ok 'BM25 finds some of the lines' [ "$(figure lengths.0.bm25.right_line)" -ge 5 ]
ok 'prompts are nearly as long as they should be' \
	[ "$(figure lengths.1.mean_prompt_tokens | cut -d. -f1)" -ge 3600 ]
ok 'and no longer' [ "$(figure lengths.1.mean_prompt_tokens | cut -d. -f1)" -le 4000 ]
ok 'every question is shown' json questions 48
ok 'with what came of it' json questions.0.constrained judgement,answer,citations
figure questions.5.question >one
run $fake --json --show-questions "$docs"
figure questions.5.question >two
ok 'the same seed asks the same' cmp one two
run $fake --json --show-questions --seed 1 "$docs"
figure questions.5.question >three
ok 'another seed asks something else' [ "$(cat one)" != "$(cat three)" ]

run $fake "$docs"
ok 'the table has a row for each length' [ "$(grep -cE '^ +(2000|4000) +24 ' out)" = 2 ]
ok 'and 80 columns' [ "$(wc -L <out)" -le 80 ]
ok 'and every family' [ "$(grep -cE '^(option|setting|code|identifier|term|section) ' out)" = 6 ]
run $fake --show-questions "$docs"
ok '--show-questions prints them' [ "$(grep -cE '^(2000|4000) [a-z]+: ' out)" = 48 ]
ok 'and what was expected' prints '  expected     The sources do not say.'
ok 'and where' grep -qE '^  expected     S1 (winch.txt|derrick.c|tally.py):[0-9]+-[0-9]+ "' out

export CARREL_FAKE_ANSWER='[S1 x:1 "words that stand nowhere at all"] [S1 x:2 "nor do these ones here"]'
run $fake --json "$docs"
ok 'who invents quotes is never verbatim' json lengths.0.free.verbatim_percent 0.0
ok 'all of them count' json lengths.0.free.citations 48
ok 'and is never right' json lengths.0.free.right 0
ok 'and refuses nothing' json lengths.0.free.refused_percent 0.0

printf 'OPTIONS\n' >one.txt
for name in ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew; do
	printf '       --%s\n              Plant a sapling of just that wood.\n\n' $name
done >>one.txt
export CARREL_FAKE_ANSWER='[S1 one.txt:1 "Plant a sapling of just that wood."]'
run "$CARREL" eval quote --device fake --lengths 900 --questions 4 --json one.txt
ok 'a quote that stands in several places is verbatim' json lengths.0.free.verbatim_percent 100.0
ok 'and mostly not the right line' [ "$(figure lengths.0.free.right)" -le 1 ]

run "$CARREL" eval quote --device fake --lengths 900 "$docs/nowhere"
ok 'a folder that is not there is an input that cannot be read' status_is 6
echo 'Nothing can be asked here.' >dull.txt
run "$CARREL" eval quote --device fake --lengths 900 dull.txt
ok 'documents without anything to ask about end with status 6' status_is 6
for wrong in '--questions=0' '--lengths=100' '--lengths=1024,x' '--lengths=' '-c 300'; do
	run "$CARREL" eval quote --device fake $wrong "$docs"
	ok "$wrong is a usage error" status_is 2
done
run "$CARREL" eval quote --device fake --questions 1000 --lengths 2000 one.txt
ok 'questions that cannot be made are counted' says 'questions could not be made'

# ---- --over: questions to a whole library ----

mkdir -p lib/man
{
	printf 'WINCH(1)\n\nOPTIONS\n'
	printf '       --slow-down   Lift everything at half of the usual speed.\n'
	printf '       --hold-on     Stay where you are until the bell is rung.\n'
} >lib/man/winch.1
{
	printf 'CRANE(1)\n\nOPTIONS\n'
	printf '       --turn-left   Turn against the sun as far as it goes.\n'
} >lib/man/crane.1
run "$CARREL" eval quote --make-questions --questions 8 lib
ok '--make-questions ends with status 0' status_is 0
ok 'and says what could not be made' says 'questions could not be made'
ok 'a question names the manual page' grep -q '"text":"In winch(1), [^"]*--slow-down' out
ok 'and where its answer stands' grep -q '"path":"man/winch.1","line_first":4,"line_last":4' out
ok 'and what it says' prints '"expected":"Lift everything at half of the usual speed."'
ok 'an absent one stands nowhere' [ -z "$(sed -n 's/.*"absent".*"asked":"\([^"]*\)".*/\1/p' out |
	while read -r name; do grep -rF -e "$name" lib; done)" ]
cp out made.jsonl
run "$CARREL" eval quote --make-questions --questions 8 lib
ok 'the same seed makes the same questions' cmp out made.jsonl

cat >asked.jsonl <<'END'
{"kind":"mine","family":"option","text":"How do I lift slowly?","asked":"slow","path":"man/winch.1","line_first":4,"line_last":4,"expected":"Lift everything at half of the usual speed."}

{"kind":"mine","text":"Which way does it turn?","asked":"--turn-left","path":"man/crane.1","line_first":4,"line_last":4,"expected":"Turn against the sun as far as it goes."}
{"kind":"absent","text":"How do I fly?"}
END
export CARREL_FAKE_ANSWER='[S1 man/winch.1:4 "Lift everything at half of the usual speed."]'
for mode in fail sweep select auto; do
	run "$CARREL" eval quote --device fake --over $mode --json --show-questions --ask asked.jsonl lib
	ok "--over $mode ends with status 0" status_is 0
	ok 'with exactly the documented names' json . \
		model,storage,threads,over,seed,interrupted,library,all,kinds,families,cost,questions
	ok 'and figures' json kinds.mine \
		n,n_present,n_absent,failed,right,right_percent,refused_present,refused,refused_percent,citations,verbatim,verbatim_percent,bm25_right,bm25_right_percent,faithfulness_percent,context_recall_percent,context_precision_percent,mean_windows_read,mean_chunks_read,mean_tokens_read,mean_tokens_computed
	ok 'one of two is right' json kinds.mine.right_percent 50.0
	ok 'what is not refused is counted' json kinds.absent.refused_percent 0.0
	ok 'every sentence has its quote' json all.faithfulness_percent 100.0
	ok 'one of two quotes was needed' json kinds.mine.context_precision_percent 50.0
	ok 'all was read' json kinds.mine.context_recall_percent 100.0
	ok 'and BM25 stands beside it' json kinds.mine.bm25_right 2
done
ok 'costs are told' json cost \
	first_s,first_index_s,first_computed_tokens,other_median_s,other_most_s,other_computed_tokens
ok 'and the library' json library documents,left_out,tokens,windows,chunks
ok 'of both documents' json library.documents 2

# More than the window: what does not say anything of it is passed over.
for i in $(seq 60); do
	printf 'A line about nothing in particular, the %d. of many.\n' "$i"
done >lib/long.txt
export CARREL_FAKE_CONTEXT=2400
run "$CARREL" eval quote --device fake --over select --json --ask asked.jsonl lib
ok 'select reads a part' [ "$(figure all.mean_chunks_read | cut -d. -f1)" -lt "$(figure library.chunks)" ]
ok 'which holds what answers' json kinds.mine.context_recall_percent 100.0
run "$CARREL" eval quote --device fake --over fail --json --ask asked.jsonl lib
ok 'what does not fit is no answer' json all.failed 3
ok 'and not right' json all.right 0
run "$CARREL" eval quote --device fake --over sweep --window 400 --json --ask asked.jsonl lib
ok '--window cuts' status_is 0
windows=$(figure library.windows)
run "$CARREL" eval quote --device fake --over sweep --window 800 --json --ask asked.jsonl lib
ok 'as it says' [ "$windows" -gt "$(figure library.windows)" ]
run "$CARREL" eval quote --device fake --over select --select 600 --kv-limit 64M --embed self \
	--json --ask asked.jsonl lib
ok '--select, --kv-limit and --embed are of eval, too' status_is 0
ok 'and hold' [ "$(figure all.mean_tokens_read | cut -d. -f1)" -le 600 ]
unset CARREL_FAKE_CONTEXT
run "$CARREL" eval quote --device fake --window 400 lib
ok '--window is refused where all questions fit' status_is 2
ok 'with what it is of' says 'eval quote --over MODE'

run "$CARREL" eval quote --device fake --over fail --ask asked.jsonl lib
ok 'the table has a row for each kind' [ "$(grep -cE '^(mine +2|absent +1|all +3) ' out)" = 3 ]
ok 'and 80 columns' [ "$(wc -L <out)" -le 80 ]
run "$CARREL" eval quote --device fake --over fail --show-questions --ask asked.jsonl lib
ok '--show-questions shows them' prints 'mine option: How do I lift slowly?'
ok 'and what came of them' grep -qE '^  (right|wrong) ' out
for wrong in '[]' '{}' '{"text":"x","path":"a","line_first":2,"line_last":1,"expected":"y"}' \
	'{"text":"x","path":"a","line_first":1,"line_last":1}' '{"text":'; do
	printf '%s\n' "$wrong" >wrong.jsonl
	run "$CARREL" eval quote --device fake --over fail --ask wrong.jsonl lib
	ok "$wrong is no question" status_is 6
	ok 'and its line is named' says 'line 1'
done
run "$CARREL" eval quote --device fake --over fail --ask nowhere.jsonl lib
ok 'a file that is not there is named' says nowhere.jsonl
unset CARREL_FAKE_ANSWER

export CARREL_FAKE_ANSWER='The sources do not say.' CARREL_FAKE_PREFILL_US=100
$fake --json "$docs" >out 2>err &
pid=$!
sleep 3
kill -INT $pid
status=0
wait $pid || status=$?
ok 'Ctrl-C ends with status 130' status_is 130
ok 'and what was measured, which says so' json interrupted true
ok 'in both' says 'of the questions asked so far'
ok 'without a question that was not answered' json lengths.1.n 0
unset CARREL_FAKE_PREFILL_US CARREL_FAKE_ANSWER

run "$CARREL" eval quote -m "$CARREL_RANDOM" --lengths 512 --questions 4 --json "$docs"
ok 'a model that was not trained is measured too' status_is 0
ok 'with its speed' [ "$(figure lengths.0.prefill_tok_per_s | cut -d. -f1)" -gt 0 ]
ok 'and is not right' json lengths.0.constrained.right 0
finish
