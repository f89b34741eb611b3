#!/bin/sh
# --adapter: GGUF files and PEFT folders, their scales, and what is said of them.
. "$CARREL_SOURCE/tests/cli/tap.sh"
adapters=$CARREL_SOURCE/tests/vectors/adapters
base=$CARREL_SOURCE/tests/vectors/logits/mqa-untied.gguf
head -c 60 "$CARREL_SOURCE/tests/vectors/logits/ids.txt" | sed 's/ [^ ]*$//' >ids

# logits FILE OPTION...: what eval logits writes.
logits()
{
	name=$1
	shift
	run "$CARREL" eval logits -m "$base" --kv-type f32 --tokens ids --out "$name" "$@"
}

logits plain
ok 'logits without an adapter' status_is 0
logits extra --adapter "$adapters/extra.gguf"
ok 'an adapter of GGUF is taken' status_is 0
ok 'and changes the logits' [ "$(cmp -s plain extra; echo $?)" = 1 ]
logits zero --adapter "$adapters/extra.gguf:0"
ok 'a scale of 0 changes no bit' cmp plain zero
logits half --adapter "$adapters/extra.gguf:0.5"
ok 'half of it is something else' [ "$(cmp -s extra half; echo $?)" = 1 ]
logits halves --adapter "$adapters/extra.gguf:-1" --adapter "$adapters/extra.gguf:1"
ok 'adapters add up' [ "$(cmp -s extra halves; echo $?)" = 1 ]
logits folder --adapter "$adapters/all"
ok "a folder of PEFT's is taken" status_is 0
logits files --adapter "$adapters/all/adapter_model.safetensors"
ok 'and either of its two files stands for it' cmp folder files
cp "$adapters/extra.gguf" odd:7
logits seven --adapter odd:7:1
ok 'a path that ends in a colon and a number is given with its scale' cmp seven extra
logits other --adapter odd:7
ok 'and else is another path' status_is 4
ok 'which is named' says 'odd: cannot be opened'

printf 'adapter = %s\nadapter = %s:0.5\n' "$adapters/all" "$adapters/extra.gguf" >settings
mkdir -p "$XDG_CONFIG_HOME/carrel"
mv settings "$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'adapters can be settings, a line each' [ "$(grep -c '^adapter  *= ' out)" = 2 ]
run "$CARREL" config --json --adapter x:2
ok 'and are replaced by the command line' [ "$(grep -c '"x:2"\|extra' out)" = 1 ]
logits none --adapter ''
ok 'an empty one is none' cmp plain none
run "$CARREL" ask -m "$base" --template chatml -n 2 -v hello
ok '-v says which' says 'with all, extra.gguf:0.5'
rm "$XDG_CONFIG_HOME/carrel/config"

run "$CARREL" models info "$adapters/all"
ok 'models info describes a folder' status_is 0
ok 'with its ranks' prints 'rank          4 to 40'
ok 'and its base' prints 'made for      mqa-untied'
ok 'and how it is used' prints "-m BASE --adapter $adapters/all"
run "$CARREL" models info --json "$adapters/extra.gguf"
ok 'and a file, as JSON' json . path,adapter,name,architecture,base,rank_min,rank_max,alpha,\
rank_stabilised,targets,tensors,parameters,file_bytes,digest
ok 'with what it changes' json targets.0 attn_k
run "$CARREL" models add "$adapters/extra.gguf"
ok 'it does not get a name as a model' status_is 4
ok 'and that is said' says 'is a LoRA adapter, not a model'

# refused STATUS 'SENTENCE' OPTION...: with one sentence.
refused()
{
	status_wanted=$1 sentence=$2
	shift 2
	run "$CARREL" eval logits --tokens ids --out refused "$@"
	ok "refused: $sentence" status_is "$status_wanted"
	ok 'in those words' says "$sentence"
	ok 'and no others' sentences 1
}

refused 4 'is a LoRA adapter, not a model' -m "$adapters/extra.gguf"
refused 4 'is not an adapter' -m "$base" --adapter "$base"
refused 4 'cannot be opened' -m "$base" --adapter missing.gguf
refused 4 'is the folder of a model, not of an adapter (name a model with -m)' -m "$base" \
	--adapter "$CARREL_SOURCE/tests/vectors/families/llama"
mkdir bare ia3
refused 4 'has no adapter_config.json' -m "$base" --adapter bare
echo '{"peft_type": "IA3"}' >ia3/adapter_config.json
refused 4 'is an adapter of the type "IA3"; carrel computes LORA' -m "$base" --adapter ia3
refused 4 'is a LoRA adapter, not a model' -m "$adapters/all/adapter_model.safetensors"
refused 4 'but the model' -m "$CARREL_SOURCE/tests/vectors/logits/llama-f32.gguf" \
	--adapter "$adapters/extra.gguf"
refused 2 'names no file' -m "$base" --adapter :1
refused 2 'not within 10000 of 0' -m "$base" --adapter "$adapters/extra.gguf:1e9"
refused 2 'takes at most 8 values' -m "$base" $(for i in 1 2 3 4 5 6 7 8 9; do
	echo --adapter "$adapters/extra.gguf"; done)
refused 2 'the fake model has no weights' --device fake --adapter "$adapters/extra.gguf"
finish
