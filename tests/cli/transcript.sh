#!/bin/sh
# Transcripts and chats, end to end: what the model sees of them, and where its quotes are said to stand.
. "$CARREL_SOURCE/tests/cli/tap.sh"
fake="$CARREL ask --device fake"
show="$CARREL count --show"

cat >standup.vtt <<'END'
WEBVTT

NOTE made by hand

1
00:01:02.500 --> 00:01:04.000
<v Ana>The ring is built in init,</v>

2
00:01:04.000 --> 00:01:06.000
<v Ana>I think.</v>

3
00:01:06.000 --> 00:01:07.000
<v Bo Li>Who starts the pump?</v>
END
run $show standup.vtt
ok 'count --show prints a transcript as the model sees it' prints \
	'<source id="S1" kind="transcript" name="standup.vtt">'
ok 'one speaker'\''s captions in one part, with the time of the first' prints \
	'[00:01:02] Ana: The ring is built in init, I think.'
ok 'and the next speaker apart' prints '[00:01:06] Bo Li: Who starts the pump?'
export CARREL_FAKE_ANSWER='In init: [S1 00:01:02 "built in init, I think."]'
run $fake --json --strict 'Where is the ring built?' standup.vtt
ok 'a quote across captions is verified' json citations.0.verdict verified
ok 'with its time' json citations.0.time 62.5
ok 'and its speaker' json citations.0.speaker Ana
ok 'it has no lines' json citations.0.line_first null
ok 'the source is a transcript' json sources.0.kind transcript
run $fake 'Where is the ring built?' standup.vtt
ok 'and says so' says '[1] standup.vtt 00:01:02 (Ana) verified'
export CARREL_FAKE_ANSWER='Bo asks [S1 00:00:07 "Who starts the pump?"]'
run $fake --json --strict 'Who asks?' standup.vtt
ok 'a quote at another time is moved there' json citations.0.verdict moved
ok 'to its own' json citations.0.time 66.0

cat >interview.txt <<'END'
Ana: Who starts the pump?
Bo Li: I do, by hand.
Nobody else may.

Ana: And at noon, what then?
Bo Li: It stops, and nobody knows why.
Ana: Does it start again?
Bo Li: Never on its own.
END
run $show interview.txt
ok 'turns without times have no time' prints 'Bo Li: I do, by hand.'
ok 'nor an invented one' [ "$(grep -c '\[' out)" = 0 ]
export CARREL_FAKE_ANSWER='He does: [S1 "I do, by hand. Nobody else may."]'
run $fake --json --strict 'Who starts it?' interview.txt
ok 'a quote over lines of a turn is verified' json citations.0.verdict verified
ok 'it has no time' json citations.0.time null
ok 'but a line' json citations.0.label 'line 2'
run $fake 'Who starts it?' interview.txt
ok 'that is said' says '[1] interview.txt line 2 (Bo Li) verified'
run sh -c "$fake --json 'Who starts it?' - <interview.txt"
ok 'a transcript may come from standard input' json sources.0.kind transcript

cat >chat.jsonl <<'END'
{"role": "user", "content": "How do I start it?"}
{"role": "assistant", "content": "By hand:\n\n    pump --start\n\nThat is all."}
END
run $show chat.jsonl
ok 'the lines of a chat are kept' prints '    pump --start'
export CARREL_FAKE_ANSWER='So: [S1 "By hand:

    pump --start"]'
run $fake --json --strict 'How?' chat.jsonl
ok 'a quote across them is verified' json citations.0.verdict verified
ok 'in its message' json citations.0.label 'message 2'
printf '[{"title": "Pumps", "create_time": 1714554753, "current_node": "a", "mapping": {"a": {"message": {"author": {"role": "user"}, "create_time": 1714554760, "content": {"parts": ["How do I start the pump?"]}}, "parent": null, "children": []}}},{"title": "Meshes", "current_node": "b", "mapping": {"b": {"message": {"author": {"role": "user"}, "create_time": 1714554760, "content": {"parts": ["And the mesh?"]}}, "parent": null, "children": []}}}]' >conversations.json
export CARREL_FAKE_ANSWER='See [S1 00:00:00 "And the mesh?"]'
run $fake 'Which?' conversations.json
ok 'a quote names its conversation' says 'conversations.json 00:00:00 Meshes (user) verified'
printf '[{"role": "user", "content": "How"}, {"role' >cut.json
run $fake --json 'How?' cut.json
ok 'a chat that is cut off is not read by half' status_is 6
ok 'and is said to be damaged' prints 'is damaged'
finish
