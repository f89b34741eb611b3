#!/bin/sh
# What is loaded: lists of paths, the same file twice, what cannot be read, and what a count makes of it.
. "$CARREL_SOURCE/tests/cli/tap.sh"
fake="$CARREL ask --device fake"
counts="$CARREL count -m random"
mkdir many
i=0
while [ $i -lt 30 ]; do
	printf 'This is text number %d.\n' $i >many/t$i.txt
	i=$((i + 1))
done
printf 'The pump stops at noon.\n' >pump.txt
printf 'The valve opens at nine.\n' >valve.txt

# ---- lists of paths ----
printf 'pump.txt\n\nvalve.txt' >list
run $counts --json --from-file list
ok 'a list of paths is loaded' json files.0.path pump.txt
ok 'a last line without a line feed too' json files.1.path valve.txt
ok 'and empty lines are none' json n_files 2
run $counts --json --from-file list many/t0.txt
ok 'behind the paths of the command line' json files.0.path many/t0.txt
odd='a line
feed.txt'
cp pump.txt "$odd"
printf 'valve.txt\0%s\0' "$odd" >list.nul
run $counts --json --from-file list.nul -0
ok 'with -0 a path may hold a line feed' json files.1.path "$odd"
run $counts --from-file list.nul
ok 'NUL bytes are refused without it' status_is 2
ok 'with what to do' says '-0 reads paths that end with NUL bytes'
run $counts -0 pump.txt
ok '-0 without a list is a mistake' status_is 2
printf 'pump.txt\n' >second
run $counts --json --from-file list --from-file second many/t1.txt
ok 'there may be several lists' json n_files 3
run sh -c "printf 'valve.txt\n' | $counts --json --from-file -"
ok 'a list may come from standard input' json files.0.path valve.txt
run sh -c "printf 'valve.txt\n' | $counts --json --from-file - -"
ok 'which is then no source' status_is 2
run $counts --from-file missing
ok 'a list that cannot be read is a usage error' status_is 2
ok 'and is named' says missing
: >none
run $counts --from-file none
ok 'an empty list names nothing' says 'there is nothing to count'
cp pump.txt ./-
printf -- '-\n' >dash
run sh -c "echo no | $counts --json --from-file dash"
ok '- in a list is a file of that name' json files.0.path ./-
rm -- ./-
run $fake --json --from-file list 'When?'
ok 'ask takes lists' json sources.1.path valve.txt
run sh -c "echo '/sources' | $CARREL --device fake --from-file list"
ok 'and so does the chat' prints valve.txt
run sh -c "echo list | $CARREL --device fake --from-file -"
ok 'whose standard input is no list' status_is 2

run $counts --top 2 many
ok 'the row of what --top leaves out has its tokens' grep -qE '^ +[0-9,]+ +[0-9.]+ % +[0-9]+ B +\(28 more files\)$' out
run $counts -m random missing.txt
ok 'where nothing could be used there is no table' [ ! -s out ]

# ---- the same file twice, what cannot be read, what rules leave out ----
: >empty
run $fake 'When?' pump.txt ./pump.txt empty
ok 'a file that is named twice is said' says 'left out ./pump.txt: is among the sources already: loaded once'
ok 'and so is an empty one beside a good one' says 'left out empty: is empty'
ok 'and the answer comes' status_is 0
run $fake --json 'When?' pump.txt ./pump.txt
ok 'it is loaded once' json sources 1
missing=$(i=0; while [ $i -lt 25 ]; do echo missing$i; i=$((i + 1)); done)
run $counts pump.txt $missing
ok 'of many that cannot be read twenty are named' [ "$(grep -c 'missing[0-9]*: cannot be read' err)" = 20 ]
ok 'and the rest is counted' says '... and 5 more (-v lists them)'
ok 'with status 6' status_is 6
run $counts -v pump.txt $missing
ok '-v names all' [ "$(grep -c 'missing[0-9]*: cannot be read' err)" = 25 ]
run $counts --json pump.txt $missing
ok 'and so does JSON' json skipped 25
run $fake --partial --json 'When?' pump.txt $missing
ok 'under --partial an answer comes all the same' json sources 1
ok 'with status 6 all the same' status_is 6
ok 'and twenty names' [ "$(grep -c 'missing[0-9]*: cannot be read' err)" = 20 ]

# ---- a table of files ----
run $counts pump.txt many/t*.txt
ok 'files that are named stand at the top' grep -qE '^ +[0-9]+ +[0-9.]+ % +[0-9]+ B  pump.txt$' out
ok 'and the total' grep -qE '^ +[0-9,]+ +[0-9]+ B  total, 31 files$' out
ok 'on the scale of five million tokens' prints '% of the scale of 5,000,000 tokens'
ok 'and against the window of the model' prints 'fits the window of carrel random: '
"$CARREL" count --json pump.txt >whole
reader=$("$JSON_GET" window.tokens <whole)
run "$CARREL" ask --json -n 1 'When?' pump.txt
"$CARREL" ask -v -n 1 'When?' pump.txt 2>err >/dev/null
ok 'which is that of an answer' says "$reader tokens of context"
run $counts -c 30 pump.txt
ok '-c is the window that counts' prints 'does not fit the window of carrel random: '
ok 'without an error' status_is 0
run $counts -c 30 --json pump.txt
ok 'also as JSON' json window.fits false
ok 'of so many tokens' json window.tokens 30
total=$("$JSON_GET" total_tokens <out)
instructions=$("$JSON_GET" instructions_tokens <out)
run $counts -c $((total + instructions)) --json pump.txt
ok 'a window that is full to the last token has no room' json window.fits false
run $counts -c $((total + instructions + 1)) --json pump.txt
ok 'with one more there is some' json window.fits true
run "$CARREL" count -m "$CARREL_SOURCE/tests/vectors/pack/tokenizer.json" --json pump.txt
ok 'a tokenizer alone has no window' json window.tokens null
cat pump.txt pump.txt >twice.txt
run $counts --top 2 many/t1.txt pump.txt twice.txt
ok '--top lists the largest first' [ "$(sed -n 2p out | awk '{print $NF}')" = twice.txt ]
run $counts --sort many/t1.txt pump.txt twice.txt
ok '--sort too' [ "$(sed -n 2p out | awk '{print $NF}')" = twice.txt ]
ok 'and keeps all' prints many/t1.txt

# ---- what the model sees ----
run $counts --show pump.txt
cp out shown
$fake --show-context 'When?' pump.txt >context 2>err
sed -n '/^<source/,/^<\/source>/p' context >inside
ok 'count --show is what ask --show-context has' cmp shown inside
run $counts --show --budget 10 pump.txt
ok 'a budget is not passed over in silence where nothing is counted' status_is 2
run $counts --show --from-file list
ok 'of lists too' prints 'The valve opens'

pdf="$CARREL_SOURCE/tests/vectors/pdf/manual.pdf"
run $counts --show "$pdf"
case $(cat err) in
*'built without poppler'*) skip 'PDFs' 'built without poppler' ;;
*)
	ok 'a PDF is shown page by page' prints '<page n="1"'
	run $counts "$pdf"
	ok 'its pages are counted' prints 'manual.pdf  (4 pages)'
	run $counts --json --outline "$pdf"
	ok 'also as JSON' json sources.0.pages 4
	ok 'with where its headings stand' [ "$("$JSON_GET" sources.0.headings.0.page <out)" -ge 1 ]
	;;
esac
printf '<html><body><h1>Pumps</h1><p>The pump <b>stops</b>.</p></body></html>' >page.html
run $counts --show page.html
ok 'a page of HTML is shown as text' prints 'The pump'
ok 'without its tags' [ "$(grep -c '<b>' out)" = 0 ]
run $fake --show-context 'When?' page.html
ok 'by ask too' prints '# Pumps'

# ---- folders ----
mkdir -p tree/src/deep tree/docs tree/empty tree/.git/info
printf 'int pump(void)\n{\n\treturn 1;\n}\n' >tree/src/pump.c
printf 'int valve;\n' >tree/src/valve.h
printf 'int deep;\n' >tree/src/deep/deep.c
printf '# Manual\n\nThe pump stops at noon.\n' >tree/docs/manual.md
printf '1\n00:00:01,000 --> 00:00:03,000\nThe ring is built.\n' >tree/docs/talk.srt
printf 'a\0b' >tree/src/pump.o
printf 'int old;\n' >tree/src/old.c
printf 'old.c\n' >tree/.gitignore
printf 'PASSWORD=hunter2hunter2\n' >tree/.env
ln -s ../pump.txt tree/link.txt
run $counts --json tree
ok 'a folder is counted' status_is 0
ok 'as one source of code' json sources.0.kind code
ok 'named as it was given' json sources.0.path tree
ok 'with a document of its own behind it' json sources.1.kind transcript
ok 'whose name leads to it' json sources.1.path tree/docs/talk.srt
ok 'each file by its path' grep -qF '"tree/src/deep/deep.c"' out
ok 'each directory with what it holds' [ "$(grep -c '"path": "tree/src/deep",' out)" = 1 ]
total=$("$JSON_GET" total_tokens <out)
run $fake --json 'When?' tree
ok 'ask loads the same' json sources 2
run "$CARREL" ask -m random -n 1 --json 'When?' tree
ok 'and counts the same' [ $(($("$JSON_GET" sources.0.tokens <out) + $("$JSON_GET" sources.1.tokens <out))) = "$total" ]
run $counts tree
ok 'a folder is opened to its files' grep -qE '  tree/  \([0-9]+ files\)$' out
ok 'level by level' grep -qE '    src/  \(3 files\)$' out
ok 'down to them' grep -qE '        deep\.c$' out
ok 'what rules left out is summed up' says 'left out by rules (-v lists them): '
ok 'by reason' says '1 ignored'
ok 'secrets by name' says '1 secret: tree/.env (--include-secrets reads them)'
ok 'and nothing of them is shown' [ "$(cat out err | grep -c hunter2)" = 0 ]
run $counts tree/.env pump.txt
ok 'a secret that is named itself is left out, too' says 'left out tree/.env: may hold secrets'
ok 'with what reads it' says '(--include-secrets reads it)'
mkdir backup
printf 'root:*:19000:0:99999:7:::\n' >backup/shadow.bak
cat >backup/kube.yaml <<'EOF'
kind: Config
clusters:
users:
- user:
    token: k3JvQ9xTz7LmRb2WnYc8
EOF
run $counts backup
ok 'a copy of passwords and a key of a cluster are secrets' says '2 secrets: backup/kube.yaml, backup/shadow.bak'
run $counts --json --include-secrets tree/.env
ok 'where it is asked for, it is read' json n_files 1
run $counts --include '[' tree
ok 'a broken pattern is refused' [ "$status" = 2 ]
ok 'and named' says '--include: the pattern "[" is broken'
run $counts --exclude 'a[b' tree
ok '--exclude likewise' [ "$status" = 2 ]
run $counts --include 'docs/' tree
ok 'what no --include names is counted' says 'carrel: tree has '
ok 'and so called' says 'more files, which no --include names'
run $counts -v tree
ok '-v lists all' says 'left out tree/src/pump.o: '
run $counts --show --include-secrets tree
ok '--include-secrets reads them' prints 'PASSWORD=hunter2hunter2'
run $counts --show tree
ok 'a tree is shown as the model sees it' prints '<file path="src/deep/deep.c">'
ok 'numbered' prints '1|int deep;'
ok 'and closed by its paths' prints '<tree>'
ok 'the transcript behind it with its times' prints '[00:00:01] The ring is built.'
ok 'and no secret' [ "$(grep -c hunter2 out)" = 0 ]
run $counts --json --depth 1 tree
ok '--depth bounds the directories' json directories 1
run $counts --depth 2 tree
ok 'and the table' [ "$(grep -c 'deep\.c' out)" = 0 ]
ok 'which still has level 2' grep -qE '    src/  \(3 files\)$' out
run $counts --json --include '*.c' tree
ok '--include takes a pattern' json n_files 2
run $counts --json --include '*.c' --include '*.h' tree
ok 'or several' json n_files 3
run $counts --json --exclude deep/ --exclude '*.md' --exclude '*.srt' --exclude '.*' tree
ok '--exclude leaves out' json n_files 2
set --
i=0
while [ $i -lt 12 ]; do
	set -- "$@" --exclude "none$i"
	i=$((i + 1))
done
run $counts --json "$@" tree
ok 'of patterns there may be many' json total_tokens "$total"
run $counts --json tree tree/src/pump.c tree/src
ok 'what stands in a folder that was named counts once' json total_tokens "$total"
ok 'and is listed' grep -qF 'is among the sources already: loaded once' out
run $counts tree tree/src/pump.c
ok 'and said' says 'left out tree/src/pump.c: is among the sources already: loaded once'
run $counts --json tree/src/pump.c tree
ok 'also the other way around' json files.0.path tree/src/pump.c
run sh -c "echo '/load tree' >script; echo '/sources' >>script; $CARREL --device fake <script"
ok '/load takes a folder' prints 'code       tree'
ok 'with what stands in it' prints 'tree/docs/talk.srt'
run $counts --budget $((total / 2)) tree
ok 'more than the budget ends with status 3' status_is 3
ok 'and whole directories that fit are named' grep -qE 'directories? with [0-9,]+ tokens fits? the budget of' out
run $counts --json --budget $((total / 2)) tree
ok 'also as JSON' [ "$("$JSON_GET" within.tokens <out)" -le $((total / 2)) ]
ok 'with their sum' [ "$("$JSON_GET" within.tokens <out)" -gt 0 ]
run $counts --json --budget 1M tree
ok 'a budget that holds all has none' json within null
cat >pump.1 <<-'END'
	.TH PUMP 1
	.SH NAME
	pump \- moves water
	.SH OPTIONS
	.SS Speed
	Fast or slow.
	.SH FILES
	None.
END
run $counts --outline pump.1
ok '--outline shows sections' grep -qE '  OPTIONS  \(line [0-9]+\)$' out
ok 'and what stands in them' grep -qE '    Speed  \(line [0-9]+\)$' out
run $counts --outline --json pump.1
ok 'also as JSON' json sources.0.headings.2.title Speed
ok 'with the fields that are documented' json sources.0.headings.2 title,level,page,label,line,tokens
ok 'a section holds those beneath it' \
	[ "$("$JSON_GET" sources.0.headings.1.tokens <out)" -gt "$("$JSON_GET" sources.0.headings.2.tokens <out)" ]
mkdir bare
run $counts bare
ok 'a folder with nothing in it is named' says bare
finish
