#!/bin/sh
# Progress is drawn over where a terminal can, appended where it cannot, and absent elsewhere.
. "$CARREL_SOURCE/tests/cli/tap.sh"
escape=$(printf '\033')
: >empty
i=0
while [ $i -lt 40 ]; do
	echo "line $i of a text that takes a while"
	i=$((i + 1))
done >text

export CARREL_FAKE_PREFILL_US=200
run "$PTY_RUN" empty "$CARREL" ask --device fake words text
ok 'an answer on a terminal works' status_is 0
ok 'progress is redrawn' grep -qa "prefill .*tok.*$escape\\[K" out
TERM=dumb run "$PTY_RUN" empty "$CARREL" ask --device fake words text
ok 'nothing is redrawn on a dumb terminal' [ "$(grep -ca "$escape" out)" = 0 ]
ok 'and no line is written over' [ "$(sed 's/\r$//' out | grep -c "$(printf '\r')")" = 0 ]
ok 'nor said of what is soon over' [ "$(grep -ca 'prefill ' out)" = 0 ]
run "$PTY_RUN" empty "$CARREL" ask -q --device fake words text
ok '-q shows none' [ "$(grep -ca 'prefill ' out)" = 0 ]
run "$CARREL" ask --device fake words text
ok 'a standard error that is no terminal shows none' [ "$(grep -ca 'prefill ' err)" = 0 ]

tokens=$("$CARREL" ask --device fake --show-tokens words text | wc -l)
CARREL_FAKE_PREFILL_US=$((10000000 / tokens))
cat >script <<-'END'
	expect > 
	send words\n
	expect carrel: prefill 
	expect generated
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --plain --no-store --device fake text
ok '--plain says how far it is in a line of its own' status_is 0
ok 'and redraws nothing' [ "$(grep -ca "$escape\\[K" out)" = 0 ]
finish
