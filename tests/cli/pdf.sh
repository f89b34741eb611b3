#!/bin/sh
# PDFs on the command line: pages with labels, what is left out and why, headers and footers.
. "$CARREL_SOURCE/tests/cli/tap.sh"
counts="$CARREL count -m random"
vectors=$CARREL_SOURCE/tests/vectors/pdf
cp "$vectors/manual.pdf" "$vectors/mixed.pdf" "$vectors/scanned.pdf" "$vectors/locked.pdf" \
	"$vectors/truncated.pdf" "$vectors/broken_stream.pdf" \
	"$vectors/cjk.pdf" .

run $counts --show manual.pdf
ok 'a PDF is loaded' status_is 0
ok 'its pages have numbers and printed labels' prints '<page n="3" label="1">'
run $counts --json --outline manual.pdf
ok 'its kind is told' json sources.0.kind pdf
ok 'its pages are counted' json sources.0.pages 4
ok 'its bookmarks are headings' json sources.0.headings.2.title '2.1 Drain'
ok 'with their pages' json sources.0.headings.2.page 4
ok 'their printed labels' json sources.0.headings.2.label 2
ok 'and lines' json sources.0.headings.2.line 3

# ---- quotes, as a model without constraint writes them ----
ask="$CARREL ask --device fake --free-quotes --json Where? manual.pdf"
export CARREL_FAKE_ANSWER='See [S1 p.1 "Before the first start, open the relief valve"]'
run $ask
ok 'a quote with letters for a ligature is found by the printed label of its page' json citations.0.verdict verified
ok 'which is that page' json citations.0.page 3
ok 'which has a label' json citations.0.label 1
ok 'and lines' json citations.0.line_first 2
run ${ask%%--json*} 'Where?' manual.pdf
ok 'people are shown it, too' says '[1] manual.pdf p.3 (1) verified'
run $counts --outline manual.pdf
ok 'also in the outline' prints '(p.4 (2))'
export CARREL_FAKE_ANSWER='See [S1 p.4 "Before the first start, open the relief valve"]'
run $ask
ok 'on another page it is moved' json citations.0.verdict moved
ok 'to its own' json citations.0.page 3
export CARREL_FAKE_ANSWER='See [S1 p.3 "wait for the filter. 2 Stop Close the valve"]'
run $ask
ok 'a quote may run over pages' json citations.0.verdict verified
ok 'and stands where it begins' json citations.0.page 3
export CARREL_FAKE_ANSWER='See [S1 p.3 "wait for the pump"]'
run $ask
ok 'words that no page has are not found' json citations.0.verdict not_found
run $counts --show cjk.pdf
if grep -q 猫 out; then
	export CARREL_FAKE_ANSWER='See [S1 p.1 "吾輩は猫である。名前はまだ無い"]'
	run "$CARREL" ask --device fake --json 'Who?' cjk.pdf
	ok 'Japanese goes on across line ends without a space' json citations.0.verdict verified
	ok 'also where quotes are held to the source' json citations.0.text '吾輩は猫である。名前はまだ無い'
	ok 'over both lines' json citations.0.line_last 2
else
	skip 'Japanese across line ends' 'poppler-data is not installed'
fi

run $counts mixed.pdf
ok 'pages without text do not fail a load' status_is 0
ok 'scanned ones are named' says 'pages 2-3 and 6 have nothing but pictures (scanned?)'
ok 'and empty ones' says 'page 5 is empty'
mkdir folder
cp mixed.pdf folder/within.pdf
run $counts folder
ok 'the table says how many of its pages were read' prints 'within.pdf  (4 of 8 pages'
ok 'within a folder, too' says 'in folder/within.pdf: pages 2-3 and 6 have nothing but pictures (scanned?)'
mkdir tables
cp "$vectors/table.pdf" tables
for tables in tables/table.pdf tables; do
	run $counts --show --layout "$tables"
	ok "--layout keeps the rows of a table: $tables" prints 'V-2     DN 80    73 Nm'
	run $counts --show "$tables"
	ok "which reading order does not: $tables" prints 'DN 80'
	ok "so that both differ: $tables" sh -c "! grep -q 'V-2 ' out"
done
run $counts --json mixed.pdf
ok 'headers and footers are counted' json sources.0.running_lines.lines 12
ok 'and the pages that have them' json sources.0.running_lines.pages 4
ok 'and kept' json sources.0.running_lines.left_out false
run $counts --json --drop-headers mixed.pdf
ok 'or left out' json sources.0.running_lines.left_out true
run $counts --show --drop-headers mixed.pdf
ok 'really' sh -c "! grep -q watchdog out"

for reason in 'scanned: has no text: all 4 pages have nothing but pictures' \
	'locked: is encrypted: it needs a password; give a copy without one (qpdf --password=... --decrypt IN OUT)' 'truncated: is damaged' \
	'broken_stream: page 2 is damaged'; do
	run $counts manual.pdf "${reason%%:*}.pdf"
	ok "${reason%%:*}: the load goes on, with its exit status" status_is 6
	ok "${reason%%:*}: its own sentence" says "${reason#*: }"
done
finish
