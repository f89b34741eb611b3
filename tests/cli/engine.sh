#!/bin/sh
# The commands that read a real model file: mostly one whose words are random.
. "$CARREL_SOURCE/tests/cli/tap.sh"
built_in=$(basename "$CARREL_BUILT_IN" .gguf)

printf 'int main(void)\n{\n\treturn 0;\n}\n' >main.c
printf 'Some words of a text.\nAnd a second line.\n' >notes.txt
run "$CARREL" ask -m random -n 8 --json 'What does main return?' main.c notes.txt
ok 'a model file answers' status_is 0
ok 'with eight tokens or fewer' [ "$("$JSON_GET" usage.generated_tokens <out)" -le 8 ]
ok 'and says that its words are random' says 'no trained model: the words are random'
cp out first
run "$CARREL" ask -n 8 --json 'What does main return?' main.c notes.txt
ok 'the built-in model answers where none is named' status_is 0
ok 'and is the one that came with carrel' json model \
	"$("$CARREL" models info "$CARREL_BUILT_IN" --json | "$JSON_GET" name)"
mv first out
ok 'sources are counted' [ "$("$JSON_GET" sources.1.tokens <out)" -gt 5 ]
prompt=$("$JSON_GET" usage.prompt_tokens <out)
run "$CARREL" ask -m random --show-tokens 'What does main return?' main.c notes.txt
ok '--show-tokens shows as many tokens as the prompt had' [ "$(wc -l <out)" = "$prompt" ]
run "$CARREL" ask -m random -n 24 --temp 1 --seed 7 -t 1 'Words' notes.txt
cp out first
run "$CARREL" ask -m random -n 24 --temp 1 --seed 7 -t 2 'Words' notes.txt
ok 'the same seed gives the same answer with other threads' cmp out first
run "$CARREL" ask -m random -n 24 --temp 1 --seed 8 'Words' notes.txt
ok 'another seed gives another' [ "$(cmp -s out first; echo $?)" = 1 ]
for type in q8 f16 f32; do
	run "$CARREL" ask -m random --kv-type $type -n 12 -v 'Words' notes.txt
	ok "--kv-type $type answers" status_is 0
	cp out kv.$type
done
ok '-v says more' says 'tokens of context'
run "$CARREL" ask -m random --kv-type f64 Words
ok 'an unknown type of KV is a usage error' status_is 2
run "$CARREL" ask -m random -c 256 -n 8 'Words' "$CARREL_SOURCE/LICENSE"
ok 'a licence does not fit 256 tokens' status_is 3

run "$CARREL" count -m random --json main.c notes.txt missing.txt
ok 'count --json has exactly the documented names' json . \
	files,directories,sources,packing_tokens,total_tokens,total_bytes,n_files,instructions_tokens,window,scale,skipped
ok 'for files' json files.0 path,tokens,bytes
ok 'and for what was left out' json skipped.0 path,reason
ok 'bytes add up' json total_bytes "$(cat main.c notes.txt | wc -c)"
run "$CARREL" count -m random --json main.c notes.txt
ok 'count counts' [ "$("$JSON_GET" total_tokens <out)" -gt 10 ]
ok 'by file' json files 2
ok 'under its own name' json files.0.path main.c
ok 'and what stands around files adds up' [ $(($("$JSON_GET" files.0.tokens <out) + $("$JSON_GET" files.1.tokens <out) + $("$JSON_GET" packing_tokens <out))) = "$("$JSON_GET" total_tokens <out)" ]
total=$("$JSON_GET" total_tokens <out)
run "$CARREL" ask -m random -n 1 --json Words main.c notes.txt
ok 'ask counts the sources as count does' \
	[ "$(($("$JSON_GET" sources.0.tokens <out) + $("$JSON_GET" sources.1.tokens <out)))" = "$total" ]
run "$CARREL" count -m random --budget $((total - 1)) main.c notes.txt
ok 'more than the budget ends with status 3' status_is 3
run "$CARREL" count -m random --budget $total main.c notes.txt
ok 'the budget itself does not' status_is 0
run "$CARREL" count -m random --json --budget $((total - 1)) main.c notes.txt
ok 'a budget is in the JSON' json budget $((total - 1))
ok 'and whether it is passed' json over true
run "$CARREL" count -m random --json "$here/notes.txt" ./main.c
ok 'count shows an absolute path as it was given' json files.0.path "$here/notes.txt"
ok 'and any other' json files.1.path ./main.c
newline='two
lines.txt'
cp notes.txt "$newline"
: >script
run "$PTY_RUN" script "$CARREL" count -m random "$newline"
ok 'a line feed in a name does not end a line of the table' grep -qF 'two^Jlines.txt' out
run "$CARREL" count -m random --top 1 main.c notes.txt
ok '--top lists so many files and says how many more' prints '(1 more file)'
run "$CARREL" count -m random --show notes.txt
ok 'count --show prints the packed text' prints '1|Some words of a text.'
run "$CARREL" count -m random --show --json notes.txt
ok 'and under --json an object' json . text
printf 'a\0b' >binary.bin
: >empty.txt
run "$CARREL" count -m random notes.txt binary.bin empty.txt
ok 'what a rule leaves out does not change the status' status_is 0
ok 'but is named' says 'left out binary.bin: '
ok 'each of them, with its reason' says 'left out empty.txt: '
status=0
"$CARREL" count -m random - <binary.bin >out 2>err || status=$?
ok 'standard input too' says 'left out '
run "$CARREL" count -m random notes.txt missing.txt
ok 'count goes on without what cannot be read, with status 6' status_is 6
run "$CARREL" count -m random --json notes.txt ./notes.txt
ok 'a file that is named twice counts once' json n_files 1
ok 'and that is said' json skipped.0.reason 'is among the sources already: loaded once'
ok 'with status 0' status_is 0
: >empty
: >empty.too
run "$CARREL" count -m random --json empty empty.too
ok 'a count of nothing ends with status 6' status_is 6
ok 'and is complete JSON' json skipped 2
ok 'and says so' says 'none of the 2 paths could be used'

run "$CARREL" tokenize -m "$CARREL_RANDOM" notes.txt
ok 'tokenize prints ids' [ "$(grep -cxE '[0-9]+' out)" -gt 5 ]
ids=$(wc -l <out)
cp out ids
run "$CARREL" tokenize -m "$CARREL_RANDOM" --count notes.txt
ok 'and counts them' [ "$(cat out)" = "$ids" ]
run "$CARREL" tokenize -m "$CARREL_RANDOM" --json notes.txt
ok 'tokenize --json has exactly the documented names' json . count,ids
ok 'and as many ids' json ids "$ids"
run "$CARREL" tokenize -m "$CARREL_RANDOM" --json --count notes.txt
ok 'with --count only the count' json . count
printf '<|eot_id|>' >special.txt
run "$CARREL" tokenize -m "$CARREL_RANDOM" special.txt
ok 'text never becomes a special token' [ "$(wc -l <out)" -gt 1 ]
run "$CARREL" tokenize -m "$CARREL_RANDOM" --special special.txt
ok '--special reads one' [ "$(wc -l <out)" = 1 ]
run "$CARREL" tokenize -m "$CARREL_RANDOM" missing.txt
ok 'tokenize of a missing file ends with status 6' status_is 6

run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens ids --out logits --json
ok 'eval logits works' status_is 0
ok 'and writes [n_tokens][n_vocab] float32' \
	[ "$(stat -c %s logits)" = $((4 * ids * $("$JSON_GET" n_vocab <out))) ]
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens ids --out logits1 -t 1
ok 'the same bits with one thread' cmp logits logits1
"$CARREL" eval logits -m "$CARREL_RANDOM" --tokens - --out - <ids >piped 2>err
ok 'and through pipes' cmp logits piped
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens ids --out - --json
ok 'but not beside JSON' status_is 2
printf '1 2\n99999999 3\n' >bad
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens bad --out logits
ok 'ids that the model does not have leave the file that is there' cmp logits logits1
ok 'and no other' [ ! -e logits.part ]
printf '1 2\nthree\n' >bad
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens bad --out logits
ok 'a bad id is named with its line' says 'bad:2: "three" is no token id'
ok 'ids that are none end with status 6' status_is 6
printf '1 2 \0 3' >bad
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens bad --out logits
ok 'as do ids behind a NUL' status_is 6
echo '-18446744073709551615' >bad
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens bad --out logits
ok 'and numbers below 0' status_is 6
run "$CARREL" eval logits -m "$CARREL_RANDOM" --tokens missing --out logits
ok 'and a file of ids that is not there' status_is 6
run "$CARREL" eval perplexity -m "$CARREL_RANDOM" missing
ok 'perplexity of a missing file ends with status 6' status_is 6
run "$CARREL" eval perplexity -m "$CARREL_RANDOM" --json notes.txt main.c
ok 'eval perplexity works' status_is 0
both=$((ids + $("$CARREL" tokenize -m "$CARREL_RANDOM" --count main.c)))
ok 'every token is scored once: the BOS token stands in front' json tokens "$both"
ok 'with exactly the documented names' json . \
	perplexity,tokens,bytes,nats,nats_per_byte,window_tokens
ok 'perplexity is exp(nats / tokens)' [ "$("$JSON_GET" perplexity nats tokens <out |
	awk 'NR == 1 { p = $1 } NR == 2 { n = $1 } NR == 3 { d = exp(n / $1) / p - 1; print d * d < 1e-12 }')" = 1 ]
ok 'bytes are those of the files' json bytes "$(cat notes.txt main.c | wc -c)"
run "$CARREL" eval perplexity -m "$CARREL_RANDOM" -c 8 --json notes.txt main.c
ok 'small windows score every token too' json tokens "$both"
ok 'and say how large they are' json window_tokens 8
for context in 1 2; do
	run "$CARREL" eval perplexity -m "$CARREL_RANDOM" -c $context notes.txt
	ok "a context of $context has nothing to score: status 2" status_is 2
done
run "$CARREL" eval perplexity -m "$CARREL_RANDOM" -c 3 notes.txt
ok 'a context of 3 has' status_is 0
run "$CARREL" bench -m random -p 0 -n 0
ok 'nothing to measure is a usage error' status_is 2
for size in '-p 4611686018427387904' '-p 9000000000000' '-d 4611686018427387904' \
	'-p 0 -n 4611686018427387904' '-p 9223372036854775807 -d 9223372036854775807' \
	'-c 256 -p 250 -d 7 -n 0' '-c 256 -p 0 -d 250 -n 6'; do
	run "$CARREL" bench -m "$CARREL_RANDOM" -r 1 $size
	ok "bench $size does not fit the context: status 3" status_is 3
	ok 'in a sentence' says 'tokens to prefill'
done
run "$CARREL" bench -m "$CARREL_RANDOM" -r 1 -c 256 -p 249 -d 7 -n 248
ok 'what just fits is measured' status_is 0
run "$CARREL" bench -m "$CARREL_RANDOM" -p 64 -n 4 -d 0,128 -r 1 --json
ok 'bench works' status_is 0
ok 'with two measurements at each depth' json . 4
ok 'and says how many threads computed' [ "$("$JSON_GET" 0.threads <out)" -ge 1 ]
run "$CARREL" bench -m "$CARREL_RANDOM" -p 64 -n 4 -r 1 -t 3 --json
ok 'as the engine counts them' json 0.threads 3
ok 'of exactly the documented names' json 0 test,n_prompt,n_gen,depth,threads,tok_per_s,ms

run "$CARREL" models ls
ok 'models ls names the built-in model' grep -q "^$built_in " out
run "$CARREL" models info "$CARREL_RANDOM" --json
ok 'models info describes it' json can_run true
ok 'and says its GGUF version' json gguf_version 3
ok 'with exactly the documented names' json . "path,gguf_version,name,architecture,storage,license,\
template,thinks,no_think,tokenizer,parameters,weight_bytes,file_bytes,context_tokens,layers,width,vocabulary,\
kv_bytes_per_token,only_embeds,can_run,why_not,plan"
ok 'and what it would take here' json plan "weight_bytes,packed_bytes,scratch_bytes,kv_bytes,\
needed_bytes,available_bytes,context_tokens,fits"
ok 'which adds up' [ "$("$JSON_GET" plan.packed_bytes plan.scratch_bytes plan.kv_bytes \
	plan.needed_bytes <out | tr '\n' ' ' | awk '{ print ($1 + $2 + $3 == $4 && $4 > 0) }')" = 1 ]
run "$CARREL" models info "$CARREL_RANDOM"
ok 'in words too' grep -qE '^memory  +[0-9.]+ MiB: [0-9.]+ weights' out
run "$CARREL" models info --json
ok 'which models info describes where none is named' json path "$CARREL_BUILT_IN"
run "$CARREL" models add "$CARREL_RANDOM" --name mine
ok 'models add registers a name' status_is 0
run "$CARREL" ask -m mine -n 3 Words
ok 'which -m takes' status_is 0
mkdir mine
run "$CARREL" ask -m mine -n 3 Words
ok 'also beside a folder of that name' status_is 0
cp notes.txt planted
run "$CARREL" ask -m planted -n 3 Words
ok 'a file of the current folder is no name' status_is 4
ok 'and the sentence says what a path is' says 'a path has a /'
cp "$CARREL_RANDOM" here.gguf
run "$CARREL" ask -m here.gguf -n 3 Words
ok 'a path may be only NAME.gguf' status_is 0
run "$CARREL" models add "$CARREL_RANDOM" --name mine
ok 'the same once more is no error' status_is 0
run "$CARREL" models add here.gguf --name mine
ok 'a name is not taken twice' status_is 1
ok 'and the sentence says how to free it' says 'carrel models rm mine'
for name in "$built_in" x.gguf x.json; do
	run "$CARREL" models add here.gguf --name $name
	ok "no model is registered as $name" status_is 2
done
cp here.gguf moved.gguf
run "$CARREL" models add moved.gguf
ok 'a file has a name of its own' prints moved
rm moved.gguf
run "$CARREL" models ls
ok 'a registration that is broken says where it points' prints "$here/moved.gguf"
run "$CARREL" models rm moved
ok 'models rm forgets it' status_is 0
run "$CARREL" models ls
ok 'so that it is not listed' [ "$(grep -c moved out)" = 0 ]
ok 'without a heading in a pipe' [ "$(grep -c NAME out)" = 0 ]
: >script
run "$PTY_RUN" script "$CARREL" models ls
ok 'with one on a terminal' grep -q '^NAME .*FILE' out
run "$CARREL" models rm moved
ok 'a name that is not there cannot be forgotten' status_is 4
run "$CARREL" models rm "$built_in"
ok 'nor can the built-in model' status_is 4
run "$CARREL" models add "$CARREL_RANDOM" --name ''
ok 'no name is no name' status_is 2
run "$CARREL" models add "$CARREL_RANDOM" --name ../mine
ok 'a name is not a path' status_is 2
printf 'GGUF\3\0' >short.gguf
run "$CARREL" models info short.gguf
ok 'damage is named with its place' says 'short.gguf, byte offset 4: the file ends inside the version'
run "$CARREL" models add notes.txt
ok 'what is no model is not registered' status_is 4

prefix=$here/prefix
mkdir -p "$prefix/bin" "$prefix/models" "$prefix/libexec/carrel" "$prefix/share/carrel/models"
cp "$CARREL" "$prefix/bin/carrel"
cp "$CARREL_ENGINE_PROGRAM" "$prefix/libexec/carrel/carrel-engine"
cp "$CARREL_BUILT_IN" "$prefix/share/carrel/models/"
run "$prefix/bin/carrel" ask --show-tokens Words
ok 'an unrelated folder models beside bin does not hide the built-in model' status_is 0
echo nonsense >"$XDG_DATA_HOME/carrel/models/$built_in.gguf"
run "$prefix/bin/carrel" ask --show-tokens Words
ok 'nor does a file of the user that has its name' status_is 0
rm "$XDG_DATA_HOME/carrel/models/$built_in.gguf"
XDG_DATA_HOME="$here/none" run "$prefix/bin/carrel" models ls --json
ok 'models ls --json is a list' json . 1
ok 'whose names are documented' json 0.model "$built_in"
rm "$prefix/share/carrel/models/$built_in.gguf"
XDG_DATA_HOME="$here/none" run "$prefix/bin/carrel" models ls
[ -s out ] || ok 'a list without the built-in model says that it is missing' says 'the built-in model is missing'
finish
