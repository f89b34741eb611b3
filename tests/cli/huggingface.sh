#!/bin/sh
# Hugging Face directories on the command line: described, registered, asked and counted like files.
. "$CARREL_SOURCE/tests/cli/tap.sh"
families="$CARREL_SOURCE/tests/vectors/families"

cp -r "$families/qwen3" tiny
run "$CARREL" models info ./tiny --json
ok 'a directory is described' status_is 0
ok 'by its architecture' json architecture Qwen3ForCausalLM
ok 'by its storage' json storage 'F16 safetensors, 1 file'
ok 'it is no GGUF file' json gguf_version 0
ok 'it runs here' json can_run true
ok 'with a plan' json plan.fits true
run "$CARREL" models info ./tiny
ok 'and for people it is a directory' prints 'directory     ./tiny'

run "$CARREL" models add ./tiny/
ok 'it is registered by its name' prints tiny
run "$CARREL" models add tiny/config.json --name again
ok 'a file in it stands for it' status_is 0
run "$CARREL" models ls
ok 'both are listed' [ "$(grep -c ' Qwen3      .*M F16      ' out)" = 2 ]

"$CARREL" tokenize -m tiny "$CARREL_SOURCE/LICENSE" >ids
"$CARREL" tokenize -m "$families/qwen3.gguf" "$CARREL_SOURCE/LICENSE" >want
ok 'text has the ids that it has in the GGUF file' cmp want ids
head -n 40 ids >few
for family in llama qwen3 gemma3 phi4-mini; do
	for model in "$families/$family" "$families/$family.gguf"; do
		run "$CARREL" eval logits -q -m "$model" --tokens few --out "${model##*/}.logits"
		ok "logits of ${model##*/} are computed" status_is 0
	done
	ok "$family has the same in both" cmp $family.logits $family.gguf.logits
done
echo 'The station opens at nine.' >note
run "$CARREL" ask -m tiny --template chatml -n 4 'When?' note
ok 'it answers' status_is 0

cp -r tiny nan
size=$(wc -c <nan/model.safetensors)
printf '\000\176' | dd of=nan/model.safetensors bs=1 seek=$((size - 2)) conv=notrunc 2>/dev/null
run "$CARREL" eval perplexity --json -m ./nan note
ok 'a model that computes no numbers has no perplexity' status_is 4
ok 'and is one sentence' says 'computed numbers that are no numbers'

mkdir unregistered
run "$CARREL" tokenize -m unregistered note
ok 'a folder here that is no name is told how to write' says 'for what is here, write ./unregistered'
echo '{"a": 1}' >unregistered/tokenizer.json
run "$CARREL" tokenize -m unregistered/tokenizer.json note
ok 'any JSON is not a tokenizer' says 'the file is not a tokenizer.json'

run "$CARREL" models info ./nowhere/
ok 'a directory that is not there is one sentence' sentences 1
mkdir empty
run "$CARREL" models info ./empty
ok 'an empty one is refused' status_is 4
ok 'by what is missing' says 'config.json'
sed 's/Qwen3ForCausalLM/NoSuchForCausalLM/' tiny/config.json >changed && mv changed tiny/config.json
run "$CARREL" models info ./tiny
ok 'an unknown architecture is still described' prints 'NoSuchForCausalLM'
ok 'and why it cannot run' prints 'runs here     no: config.json: is of the architecture "NoSuchForCausalLM"'
run "$CARREL" ask -m tiny 'When?' note
ok 'asking it is refused' status_is 4
ok 'in one sentence' sentences 1
mv tiny/tokenizer.json tokenizer.json
printf 'version https://git-lfs.github.com/spec/v1\n' >tiny/tokenizer.json
run "$CARREL" models info ./tiny/
ok 'a pointer in the place of a tokenizer still leaves the rest described' status_is 0
sed 's/NoSuchForCausalLM/Qwen3ForCausalLM/' tiny/config.json >changed && mv changed tiny/config.json
run "$CARREL" models info ./tiny/
ok 'and is named, with its file' prints 'no: tokenizer.json: is a Git LFS pointer'
printf '<!DOCTYPE html>' >tiny/tokenizer.json
run "$CARREL" tokenize -m ./tiny note
ok 'a web page, too' says 'tokenizer.json: is a web page'
mv tokenizer.json tiny/tokenizer.json
rm tiny/model.safetensors
run "$CARREL" models info ./tiny
ok 'without weights it is refused' status_is 4
ok 'by name' says 'has neither model.safetensors nor model.safetensors.index.json'
printf 'version https://git-lfs.github.com/spec/v1\n' >tiny/model.safetensors
run "$CARREL" models info ./tiny
ok 'a pointer is told from weights' says 'Git LFS pointer'
rm tiny/model.safetensors
echo x >tiny/pytorch_model-00001-of-00002.bin
run "$CARREL" models info ./tiny
ok 'pickles are not read' says 'does not read pytorch_model-00001-of-00002.bin, which may hold programs'
echo x >tiny/other.safetensors
run "$CARREL" models info ./tiny
ok 'a file of another name is told' says 'holds other.safetensors (give the path of the file itself'
echo x >tiny/model-00002-of-00003.safetensors
run "$CARREL" models info ./tiny
ok 'a missing index, too' says 'holds model-00002-of-00003.safetensors (download model.safetensors.index'
cp "$families/qwen3.gguf" tiny/q.gguf
run "$CARREL" models info ./tiny
ok 'and a GGUF file, which is enough' says 'holds the GGUF file q.gguf (give the path of'

mkdir loose
cp "$families/qwen3/model.safetensors" loose/weights.safetensors
run "$CARREL" models info loose/weights.safetensors
ok 'weights without a configuration are told apart' \
	says 'loose/weights.safetensors: has no config.json beside it'
cp "$families/qwen3.gguf" loose/q.gguf
run "$CARREL" models info ./loose/
ok 'a folder of GGUF files is one sentence' says './loose/: has no config.json, but holds the GGUF file'
ok 'one' sentences 1
echo '{}' >loose/model_index.json
run "$CARREL" models info ./loose
ok 'a pipeline that makes pictures is told' says 'not a language model'
finish
