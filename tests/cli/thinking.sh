#!/bin/sh
# Models that think before they answer: what is answer, what is shown, what is kept.
. "$CARREL_SOURCE/tests/cli/tap.sh"
fake="$CARREL ask --device fake"

printf 'Operations manual\nThe pump is started by hand.\nAt noon it stops.\n' >station.txt
export CARREL_FAKE_TEMPLATE=qwen3
export CARREL_FAKE_ANSWER='<think>
The user asks about the pump. [S1 "magic words"] comes to mind.
By hand, then.
</think>

By hand: [S1 station.txt:2 "The pump is started by hand."]'
run $fake 'How is the pump started?' station.txt
ok 'a model that thinks answers' status_is 0
ok 'only the answer is on standard output' \
	[ "$(cat out)" = 'By hand: [S1 station.txt:2 "The pump is started by hand."]' ]
ok 'its quote is verified, and the one it only thought of is none' sentences 2
ok 'the verdict' says 'station.txt:2 verified'
ok 'the thoughts are counted' says 'of them thinking'
ok 'and not shown' [ "$(grep -c magic err)" = 0 ]
run $fake -v 'How is the pump started?' station.txt
ok '-v shows them on standard error' says 'thinking: By hand, then.'
ok 'with quotes that nothing corrected' says '[S1 "magic words"]'
ok 'and not on standard output' [ "$(wc -l <out)" = 1 ]

run $fake --json --strict 'How is the pump started?' station.txt
ok '--json parts answer and thoughts' status_is 0
ok 'the answer' json answer 'By hand: [S1 station.txt:2 "The pump is started by hand."]'
ok 'the thoughts, without their marks' [ "$("$JSON_GET" thinking <out)" = 'The user asks about the pump. [S1 "magic words"] comes to mind.
By hand, then.' ]
ok 'one citation' json citations.0.verdict verified
# <think>, </think>, the line ends between and around them, and the text
ok 'thinking tokens are those before the answer' json usage.thinking_tokens \
	"$(printf '%s' "$CARREL_FAKE_ANSWER" | sed -n '/<think>/,/^$/p' | sed 's/<.*think>/t/' | wc -c)"
ok 'and part of those generated' [ "$("$JSON_GET" usage.generated_tokens <out)" -gt \
	"$("$JSON_GET" usage.thinking_tokens <out)" ]

run $fake --json --no-think 'How is the pump started?' station.txt
ok '--no-think answers at once' json thinking ''
ok 'the same' json answer 'By hand: [S1 station.txt:2 "The pump is started by hand."]'
ok 'with no token of thinking' json usage.thinking_tokens 0
run $fake --no-think --show-tokens 'How?' station.txt
ok 'because the prompt holds empty thoughts' \
	[ "$(tail -6 out | cut -f 2 | tr -d '\n')" = '<think>^J^J</think>^J^J' ]

run $fake --json -n 10 'How is the pump started?' station.txt
ok 'a cut while thinking leaves no answer' json answer ''
ok 'and says that it was a cut' json stop_reason length
ok 'the thoughts are there' [ "$("$JSON_GET" thinking <out)" = 'The user' ]
run $fake -n 10 'How is the pump started?' station.txt
ok 'a sentence says so' says 'while the model was still thinking: there is no answer'
ok 'and what would help' says '--no-think answers at once'
ok 'nothing is on standard output' [ ! -s out ]

saved=$CARREL_FAKE_ANSWER
CARREL_FAKE_ANSWER='<think>
It may be [S1 station.txt:2 "The pump'
run $fake --json 'How?' station.txt
ok 'a model that ends in its thoughts has ended' json stop_reason end
ok 'without an answer' json answer ''
run $fake 'How?' station.txt
ok 'which a sentence says' says 'the model ended while it was still thinking'
CARREL_FAKE_ANSWER="$CARREL_FAKE_ANSWER
</think>

It says \"so [S1 station.txt:3 \"By magic\"]"
run $fake --json --strict 'How?' station.txt
ok 'a citation begun in the thoughts does not go on in the answer' \
	[ "$("$JSON_GET" answer <out | cut -c 1-12)" = 'It says "so ' ]
ok 'where quotes are again those of the sources' status_is 0
CARREL_FAKE_ANSWER=$saved

CARREL_FAKE_TOKEN_US=30000 timeout --preserve-status -s INT 2 $fake --json 'How?' station.txt >out 2>err </dev/null
status=$?
ok 'Ctrl-C while thinking ends with 130' status_is 130
ok 'and valid JSON' json stop_reason interrupted
ok 'with what was thought' [ "$("$JSON_GET" thinking <out | cut -c 1-8)" = 'The user' ]
ok 'and no answer' json answer ''

export CARREL_FAKE_TEMPLATE=qwen3-thinking
run $fake 'How is the pump started?' station.txt
ok 'thoughts that the prompt opens are thoughts' [ "$(cut -c 1-8 out)" = 'By hand:' ]
run $fake --no-think 'How?' station.txt
ok '--no-think is an error where a model always thinks' status_is 2
ok 'in a sentence' says 'qwen3-thinking has no way to keep its models from thinking'
mkdir -p "$XDG_CONFIG_HOME/carrel"
echo 'no-think = yes' >"$XDG_CONFIG_HOME/carrel/config"
run $fake 'How?' station.txt
ok 'in the settings file it means where that can be done' status_is 0
export CARREL_FAKE_TEMPLATE=qwen3
run $fake --json 'How?' station.txt
ok 'and there it does' json usage.thinking_tokens 0
rm "$XDG_CONFIG_HOME/carrel/config"

export CARREL_FAKE_TEMPLATE=chatml
run $fake --no-think 'How?' station.txt
ok 'a template without thinking says so' says '--no-think changes nothing'
ok 'and shows all that comes' [ "$(head -1 out)" = '<think>' ]

# what a file says about itself
for pair in 'qwen3:qwen3 (thinks; --no-think)' 'qwq:qwen3-thinking (thinks)' 'qwen2.5:chatml' \
	'mistral-v0:mistral-v0'; do
	jinja="$CARREL_SOURCE/tests/vectors/templates/${pair%%:*}.jinja"
	"$MAKE_MODEL" --out "${pair%%:*}.gguf" --template "$jinja" "$jinja"
	run "$CARREL" models info "./${pair%%:*}.gguf"
	ok "models info says: ${pair#*:}" \
		[ "$(sed -n 's/^template  *//p' out)" = "${pair#*:}" ]
done
run "$CARREL" models info --json ./qwen3.gguf
ok 'and --json' json thinks true
ok 'too' json no_think true
run "$CARREL" ask -m ./qwen3.gguf --no-think --show-tokens 'How?' station.txt
ok 'a vocabulary without tokens for thinking is asked in words' \
	[ "$(cut -f 2 out | tr -d '\n' | grep -c '<think>^J^J</think>^J^J$')" = 1 ]
sed 's/<think>/<ponder>/' "$CARREL_SOURCE/tests/vectors/templates/qwen3.jinja" >other.jinja
"$MAKE_MODEL" --out other.gguf --template other.jinja other.jinja
run "$CARREL" models info ./other.gguf
ok 'a template that thinks otherwise is not recognised' prints 'not recognised (use --template)'

# the progress of thinking, and what must not reach a terminal
export CARREL_FAKE_TEMPLATE=qwen3
CARREL_FAKE_ANSWER=$(printf '<think>\none \033]0;evil\007 two three four five six seven\n</think>\n\nBy hand.')
export CARREL_FAKE_ANSWER
run $fake -v 'How?' station.txt
ok '-v escapes what it shows' [ "$(grep -c "$(printf '\033')" err)" = 0 ]
ok 'and shows it' says 'two three four'
cat >script <<-'END'
	expect thinking... 
	expect tokens
	expect By hand.
	expect of them thinking
END
export CARREL_FAKE_TOKEN_US=20000
run "$PTY_RUN" script $fake 'How?' station.txt
ok 'a terminal shows how much was thought so far' status_is 0
ok 'and none of it' [ "$(grep -ca 'two three' out)" = 0 ]
cat >script <<-'END'
	expect > 
	send How?\n
	expect thinking... 
	send \c
	expect still thinking: there is no
	expect > 
	send Again?\n
	expect By hand.
	expect > 
	send /thinking\n
	expect two three
	expect > 
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --line --device fake station.txt
ok 'Ctrl-C in the thoughts of a chat leaves a conversation that goes on' status_is 0
ok 'and /thinking escapes what it shows' [ "$(grep -ca "$(printf '\033]0;')" out)" = 0 ]
unset CARREL_FAKE_TOKEN_US
export CARREL_FAKE_ANSWER='<think>
The user asks about the pump. [S1 "magic words"] comes to mind.
By hand, then.
</think>

By hand: [S1 station.txt:2 "The pump is started by hand."]'

# the chat
export CARREL_FAKE_TEMPLATE=qwen3
cat >script <<-'END'
	expect > 
	send How?\n
	expect thought for
	expect /thinking shows it
	expect By hand
	expect station.txt:2 verified
	send /thinking\n
	expect magic words
	send And again?\n
	expect cached
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --line --device fake station.txt
ok 'the chat folds thoughts to a line and shows them when asked' status_is 0
ok 'the line is dim' grep -qa "$(printf '\033\\[2mthought for')" out
cached=$(grep -aoE '\([0-9]+ cached' out | tail -1 | tr -dc 0-9)
ok 'the second question finds the thoughts of the first in the cache' [ "${cached:-0}" -ge 500 ]
printf 'How?\n/thinking\n' >lines
"$CARREL" --device fake station.txt <lines >out 2>err
status=$?
ok 'a script has only answers on standard output, until it asks' \
	[ "$(head -1 out)" = 'By hand: [S1 station.txt:2 "The pump is started by hand."]' ]
ok '/thinking prints the thoughts' prints 'magic words'
unset CARREL_FAKE_ANSWER
CARREL_FAKE_ANSWER=Yes. "$CARREL" --device fake <lines >out 2>err
ok 'and says where there were none' prints 'came without thinking'

finish
