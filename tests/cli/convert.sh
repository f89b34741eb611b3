#!/bin/sh
# `models convert`: what is written answers like what was read.
. "$CARREL_SOURCE/tests/cli/tap.sh"
model=$CARREL_BUILT_IN

logits()
{
	"$CARREL" eval logits -q -m "$1" --tokens "${3:-ids}" --out "$2" --kv-type f32
}

"$CARREL" tokenize "$CARREL_SOURCE/LICENSE" | head -n 64 >ids
logits "$model" want
run "$CARREL" models convert "$model" same.gguf --type Q8_0 --json
ok 'a model is converted' status_is 0
ok 'and the JSON has exactly the documented names' json . \
	from,path,storage,file_bytes,seconds,can_run,why_not
ok 'its type is the one that was asked for' json storage Q8_0
ok 'its size is that of the file' json file_bytes "$(wc -c <same.gguf)"
ok 'nothing else is left beside it' [ "$(echo same*)" = same.gguf ]
logits ./same.gguf got
ok 'what has the type already is copied bit for bit' cmp want got

"$CARREL" models info "$model" --json >info.want
for type in F32 F16 BF16 Q6_K Q5_K Q4_K Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL IQ4_XS; do
	run "$CARREL" models convert "$model" "$type.gguf" --type "$type" -t 2
	ok "$type is written" status_is 0
	run "$CARREL" models info "$PWD/$type.gguf" --json
	ok "$type runs here" json can_run true
	for name in name template tokenizer parameters context_tokens license; do
		ok "$type keeps the $name" json $name "$("$JSON_GET" $name <info.want)"
	done
	run logits "./$type.gguf" got
	ok "$type is computed" [ "$(wc -c <got)" = "$(wc -c <want)" ]
done
for type in Q4_K IQ4_NL; do
	run "$CARREL" ask -m "$PWD/$type.gguf" -n 24 'Who may copy this?' "$CARREL_SOURCE/LICENSE.exception"
	ok "$type answers" status_is 0
done
ok 'Q4_K is smaller than Q8_0' [ "$(wc -c <Q4_K.gguf)" -lt "$(wc -c <same.gguf)" ]
run "$CARREL" models convert "$model" q.gguf --type q4_k
ok 'a type may be written in small letters' status_is 0
ok 'and makes the same file' cmp q.gguf Q4_K.gguf
rm q.gguf
run "$CARREL" models convert "$model" q.gguf --type Q4_K -t 1
ok 'as one thread does' cmp q.gguf Q4_K.gguf

families=$CARREL_SOURCE/tests/vectors/families
for folder in "$families"/*/; do
	family=$(basename "$folder")
	logits "$folder" want.$family "$families/ids.txt"
	run "$CARREL" models convert "$folder" "$family.gguf" --type F32
	ok "a directory of $family is converted" status_is 0
	logits "./$family.gguf" got.$family "$families/ids.txt"
	ok "$family has the same logits to the last bit" cmp want.$family got.$family
	"$CARREL" tokenize -m "$folder" "$CARREL_SOURCE/cli/main.c" >want.ids
	run "$CARREL" tokenize -m "./$family.gguf" "$CARREL_SOURCE/cli/main.c"
	ok "$family has the same tokens" cmp out want.ids
	"$CARREL" models info "$folder" --json >info.want
	run "$CARREL" models info "./$family.gguf" --json
	for name in name template context_tokens license layers width vocabulary kv_bytes_per_token; do
		ok "$family keeps the $name" json $name "$("$JSON_GET" $name <info.want)"
	done
	run "$CARREL" models convert "$folder" "$family-q4.gguf" --type Q4_K_M
	ok "$family is quantized" status_is 0
	ok 'and it is said that its rows are too short for it' \
		says 'stored in a larger type: their rows are not whole blocks of Q4_K_M'
done

run "$CARREL" models convert "$model" same.gguf
ok 'a file that is there is not written over' status_is 1
ok 'and the sentence says what to do' says 'is there already, and is not written over (remove it'
ok 'in one line' sentences 1
run "$CARREL" models convert "$model" new.gguf --type Q9_Z
ok 'an unknown type is a usage error' status_is 2
ok 'that lists the known ones' says 'F32, F16, BF16, Q8_0'
missing=
for type in $(sed 's/.*carrel knows //' err | tr -d ,); do
	sed -n '/^# CONVERSION/,/^# THINKING/p' "$CARREL_SOURCE/man/carrel.1.scd" | grep -qw "$type" ||
		missing="$missing $type"
done
ok 'all of which are in the manual page' [ -z "$missing" ]
run "$CARREL" models convert "$model"
ok 'a file to write has to be named' status_is 2
run "$CARREL" models convert "$model" -
ok 'standard output is no file' status_is 2
ok 'as a sentence says' says 'not to standard output'
run "$CARREL" models convert "$model" ''
ok 'nor is what has no name' status_is 2
ok 'and nothing is beside either' [ "$(echo ./-* ./.part*)" = './-* ./.part*' ]
mkdir folder.gguf
run "$CARREL" models convert "$model" folder.gguf
ok 'a folder is not written over' says 'is there already'
ok 'nor into' rmdir folder.gguf
run "$CARREL" models convert ./missing.gguf new.gguf
ok 'a model that is not there is named' says 'missing.gguf'
run "$CARREL" models convert "$model" missing/new.gguf
ok 'so is a folder that is not there' says 'missing/new.gguf'
head -c 5000000 "$model" >cut.gguf
run "$CARREL" models convert ./cut.gguf new.gguf
ok 'half of a model is refused' status_is 4
ok 'in one sentence' sentences 1
ok 'and nothing was written' [ "$(echo new*)" = 'new*' ]
(ulimit -f 2000; trap '' XFSZ; "$CARREL" models convert "$model" new.gguf >out 2>err </dev/null)
status=$?
ok 'a disk that is full is a sentence' says 'cannot be written'
ok 'a failure' status_is 1
ok 'and leaves nothing' [ "$(echo new*)" = 'new*' ]
finish
