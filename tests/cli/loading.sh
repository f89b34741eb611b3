#!/bin/sh
# While a load goes on: how far it is, on a terminal only; Ctrl-C ends it at once and leaves nothing.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# Each conversation here is a first one, and nothing of it was computed before.
run()
{
	rm -rf "$XDG_DATA_HOME/carrel/sessions" "$XDG_CACHE_HOME"
	status=0
	"$@" >out 2>err </dev/null || status=$?
}
escape=$(printf '\033')
counts="$CARREL count -m random"
: >empty

# A file under many names: much to read, little to store.
mkdir large
yes 'The pump stops at noon, and the valve opens at nine in the evening.' | head -c 4000000 >large/a.txt
i=0
while [ $i -lt 40 ]; do
	ln large/a.txt "large/b$i.txt"
	i=$((i + 1))
done
evil=$(printf 'large/evil\033[31m\302\205.txt')
ln large/a.txt "$evil"

run "$PTY_RUN" empty $counts large
ok 'a large folder is counted' status_is 0
ok 'with a line of progress that is drawn over' grep -qa "reading .*$escape\\[K" out
ok 'in files' grep -qaE 'reading [0-9]+(/42)? files ' out
ok 'in MB' grep -qaE ' [0-9]+(/[0-9]+)? MB ' out
ok 'in tokens' grep -qaE ' [1-9][0-9]* tok ' out
ok 'and the time that is left' grep -qaE ' ETA [0-9]+ s ' out
ok 'and gone at the end' [ "$(tr '\r' '\n' <out | grep -a 'total, ' | grep -c 'reading')" = 0 ]
ok 'no name in it is obeyed' [ "$(grep -caF "$escape[31m" out)" = 0 ]

# The packed text is written while it is read.
for given in large/a.txt "large/a.txt pump.txt pump.txt" large "pumps pump.txt"; do
	mkdir -p pumps
	echo 'The pump stops.' >pump.txt
	echo 'The pump starts.' >pumps/b.c
	run $counts --show --exclude 'large/b*' $given
	"$CARREL" ask --device fake --show-context Words --exclude 'large/b*' $given 2>&1 | sed -e '/^<source id="S1"/,$!d' |
		sed -e '$d' | sed -e '$d' >whole
	ok "count --show $given is what stands in the context" cmp whole out
done
if (ulimit -v 200000; "$CARREL" --version) >/dev/null 2>&1; then
	run sh -c 'ulimit -v 200000; "$0" count --show large | tail -n 1' "$CARREL"
	ok 'of any size, in bounded memory' prints '</source>'
else
	skip 'of any size, in bounded memory' 'this build needs more address space'
fi
run sh -c '{ "$0" count --show large; echo $? >code; } | head -n 2' "$CARREL"
ok 'whoever reads two lines gets them at once' prints '<file path="a.txt">'
ok 'and a closed pipe ends it silently' [ "$(cat code)" = 141 -a ! -s err ]

# Far more than the window of the model: counted to the end, and not kept.
name='what does not fit is refused with both numbers, in bounded memory'
if (ulimit -v 450000; "$CARREL" ask --version) >/dev/null 2>&1; then
	total=$($counts -m reader --json large | "$JSON_GET" total_tokens)
	[ "$total" -gt 100000000 ] || echo '# the count is odd'
	run sh -c 'ulimit -v 450000; "$0" ask -q "When does it stop?" large' "$CARREL"
	ok "$name" [ "$status" = 3 -a "$(sed -E 's/.* are ([0-9,]+) tokens, .*/\1/; s/,//g' err)" -gt "$total" ]
	run sh -c 'echo "/load large" | (ulimit -v 450000; "$0" --over fail)' "$CARREL"
	ok 'in the chat, too' [ "$status" = 3 -a "$(sed -E 's/.* be ([0-9,]+) tokens, .*/\1/; s/,//g' err)" -gt "$total" ]
	run sh -c 'echo "/load large" | (ulimit -v 450000; "$0")' "$CARREL"
	ok 'where it would be read in parts, it has to fit the memory' says 'there is no memory for sources of'
	ok 'else it is not loaded' status_is 6
else
	skip "$name" 'this build needs more address space'
fi

folder=$(printf 'evil\033[31m\302\205\342\200\256folder')
mkdir "$folder"
printf 'PASSWORD=hunter2hunter2\n' >"$folder/.env"
ln large/a.txt "$folder/a.txt"
run "$PTY_RUN" empty $counts "$folder" "$folder/missing" "$folder/a.txt"
ok 'nor in that of a folder, in what is said of it and in the table' [ "$(grep -caF "$escape[31m" out)" = 0 ]
ok 'where it is shown' [ "$(grep -caF 'evil^[[31m<U+0085><U+202E>folder' out)" -gt 3 ]
run $counts large
ok 'where standard error is no terminal there is none' [ "$(grep -c reading err)" = 0 ]
ok 'nor anything else' [ ! -s err ]
run "$PTY_RUN" empty $counts -q large
ok '-q draws none' [ "$(grep -ca 'reading ' out)" = 0 ]
TERM=dumb run "$PTY_RUN" empty $counts large
ok 'a dumb terminal is not drawn over' [ "$(grep -ca "$escape" out)" = 0 ]

printf 'expect reading \nsend \\c\n' >stop
run "$PTY_RUN" stop $counts large
ok 'Ctrl-C ends a count with status 130' status_is 130
ok 'and no figures' [ "$(grep -ca 'total, ' out)" = 0 ]
run "$PTY_RUN" stop "$CARREL" ask --device fake 'When?' large
ok 'and a load of ask' status_is 130
ok 'before it answers' [ "$(grep -ca 'prompt tokens' out)" = 0 ]
mkfifo pipe
$counts --json large pipe >out 2>err & # which nobody writes: it would wait for ever
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
ok 'under --json, too' status_is 130
ok 'with an error object' json error.code 130

printf 'kept\n' >kept.txt
cat >script <<-'END'
	expect > 
	send /load kept.txt\n
	expect S1 kept.txt: added
	expect > 
	send /load pipe\n
	wait 300
	send \c
	expect interrupted
	expect > 
	send /sources\n
	expect kept.txt
	absent S2
	expect context 
	expect > 
	send When?\n
	expect generated
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'in the chat Ctrl-C leaves the conversation as it was' status_is 0
cat >script <<-'END'
	expect > 
	send /load large\n
	expect reading 
	send \c
	expect interrupted
	expect > 
	send /sources\n
	expect context 
	expect > 
	send /quit\n
END
run "$PTY_RUN" script "$CARREL" --line --device fake
ok 'a folder that was half loaded is not there' status_is 0
ok 'nor any of its files' [ "$(grep -caE 'tok +(text|code)' out)" = 0 ]
rest=0
for process in /proc/[0-9]*; do
	[ "$(readlink "$process/cwd" 2>/dev/null)" != "$here" ] ||
		[ "$(cat "$process/comm" 2>/dev/null)" != carrel-worker ] || rest=$((rest + 1))
done
ok 'no worker stays behind' [ $rest = 0 ]
finish
