#!/bin/sh
# An embedding model: described as one, given a name, and no model to answer with.
. "$CARREL_SOURCE/tests/cli/tap.sh"
encoder=$CARREL_SOURCE/tests/vectors/encoders/nomic.gguf

run "$CARREL" models info "$encoder"
ok 'models info describes an encoder' status_is 0
ok '... it says that it answers nothing, and what it is for' prints 'no: it makes vectors of texts; name it with --embed'
ok '... and what it is made to see before a text' prints '"search_query: QUESTION", "search_document: PASSAGE"'
run "$CARREL" models info "$encoder" --json
ok '... also in JSON' json only_embeds true
run "$CARREL" models info "$CARREL_RANDOM" --json
ok 'a model that answers is no such one' json only_embeds false

run "$CARREL" models add "$encoder" --name finder
ok 'models add gives it a name' status_is 0

echo 'The pump stands in the cellar.' >cellar.txt
run "$CARREL" ask -m finder 'Where is the pump?' cellar.txt
ok 'ask with it ends with status 4' status_is 4
ok '... in one sentence' says 'is an embedding model, which finds texts and writes none'
ok '... that says what to do' says 'name this one with --embed'
ok '... and no other' [ "$(wc -l <err)" = 1 ]
run "$CARREL" tokenize -m "$encoder" cellar.txt
ok 'tokenize knows its vocabulary' status_is 0

finish
