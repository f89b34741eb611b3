#!/bin/sh
# What is read is read by carrel-worker: names that a terminal would obey, an interruption, no network.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# leaks FILE: bytes outside of visible ASCII, line ends, tabs and carrel's own progress line.
leaks()
{
	LC_ALL=C sed -e ':again' -e 's/\r[ -~]*\x1b\[K//' -e 't again' -e 's/\xef\xbf\xbd//g' \
		-e 's/\r*$//' "$1" |
		LC_ALL=C tr -d '\n\t\040-\176' | od -An -tx1
}

clean()
{
	[ -z "$(leaks "$1")" ] || {
		cat -v "$1"
		return 1
	}
}

counts="$CARREL count -m $CARREL_SOURCE/tests/vectors/pack/tokenizer.json"

# ---- names ----
mkdir names
newline=$(printf 'names/line\nfeed.txt')
escape=$(printf 'names/\033[31mred\033]0;title\007.txt')
bidi=$(printf 'names/txt.\342\200\256gpj.txt')
stray=$(printf 'names/\377\300stray.txt')
for name in "$newline" "$escape" "$bidi" "$stray"; do
	printf 'kept words\n' >"$name"
	printf 'a\0b' >"$name.bin"
done
: >script
run "$PTY_RUN" script $counts "$newline" "$escape" "$bidi" "$stray"
ok 'files whose names are hostile are read' status_is 0
ok 'and their names are shown, not obeyed' clean out
ok 'every one' prints '[31mred'
run "$PTY_RUN" script $counts -v names/*
ok 'also of what is left out' clean out
run "$PTY_RUN" script $counts -v names
ok 'and in a folder' clean out
run "$PTY_RUN" script $counts --json names/*
ok 'and in JSON' clean out
run $counts -v --json names/*
ok 'which is valid' valid_json
ok 'and messages are for terminals wherever they go' clean err

# ---- what dies ----
mkdir dying
printf 'exit\n' >dying/a.txt
printf 'text\n' >dying/b.txt
run env CARREL_WORKER="$WORKER_MISBEHAVE" $counts --json dying/a.txt dying/b.txt
ok 'a file that kills its reader ends with status 6' status_is 6
ok 'and is named with the reason' json skipped.0.path dying/a.txt
ok 'and what is there is counted' says 'ended too early'
printf '%%PDF-pages some\n' >dying/pages.pdf
run env CARREL_WORKER="$WORKER_MISBEHAVE" $counts --json dying/pages.pdf
ok 'pages that kill their reader end with status 6' status_is 6
ok 'and are named once' says 'dying/pages.pdf: pages 7-8 and 40 could not be read: its reader'
ok 'and the others are there' json sources.0.pages 37
run env CARREL_WORKER=/nowhere/worker $counts dying/b.txt
ok 'without a reader nothing is read' status_is 1
ok 'and the sentence says why' says '/nowhere/worker: the reader program cannot be started'

# ---- Ctrl-C ----
printf 'hang\n' >hang.txt
cat >script <<-'END'
	wait 700
	send \c
END
run env CARREL_WORKER="$WORKER_MISBEHAVE" "$PTY_RUN" script $counts hang.txt
ok 'Ctrl-C ends a load' status_is 130
mkfifo pipe
exec 9<>pipe
run "$PTY_RUN" script $counts pipe
ok 'and a wait for a pipe' status_is 130
exec 9>&-

# ---- no network ----
printf '# Title\n\n![image](http://127.0.0.1:9/x.png)\n' >links.md
printf '<html><img src="http://127.0.0.1:9/x.png"><p>kept words</p></html>' >links.html
if ! command -v strace >/dev/null; then
	skip 'no call asks for the network' 'strace is not installed'
elif ! strace -f -o trace true 2>/dev/null; then
	skip 'no call asks for the network' 'nothing may be traced here'
else
	# A tracer leaves no room for LeakSanitizer, which is one itself.
	run env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -e trace=socket,connect,bind,execve -o trace $counts links.md links.html
	ok 'a load that is traced is a load' status_is 0
	ok 'no call asks for the network' sh -c '! grep -E "(socket|connect|bind)\(" trace'
	ok 'and only the worker is started' \
		[ "$(grep -c 'execve(.*= 0' trace)" = 2 ]
fi
if ! unshare -rn true 2>/dev/null; then
	skip 'a load needs no network' 'no network namespace can be made here'
else
	run unshare -rn $counts links.md links.html
	ok 'a load needs no network' status_is 0
fi
finish
