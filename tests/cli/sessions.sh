#!/bin/sh
# carrel sessions: what is listed, shown, found, copied, taken along and removed, and what is refused.
. "$CARREL_SOURCE/tests/cli/tap.sh"
status=0
: >err
: >out
station="$CARREL_SOURCE/tests/vectors/sessions/station.json"
sessions="$XDG_DATA_HOME/carrel/sessions"

# folder NAME: of a session.
folder()
{
	echo "$sessions/$("$CARREL" sessions show --json "$1" | "$JSON_GET" id)"
}

run "$CARREL" sessions ls
ok 'without sessions there is nothing to list' [ "$status:$(cat out err)" = 0: ]
ok 'and nothing is made for it' [ ! -e "$XDG_DATA_HOME" ]
run "$CARREL" sessions
ok 'a verb is needed' status_is 2
run "$CARREL" sessions nonsense
ok 'one that exists' status_is 2
ok 'which is said of what does not' says 'nonsense: is nothing that'

run "$CARREL" sessions ls -s x
ok 'an option of another verb is refused' status_is 2
ok 'by its name' says '--session: is no option of sessions ls'

run "$CARREL" sessions import "$station"
ok 'import makes a session' [ "$status:$(cat out)" = 0:station ]
run "$CARREL" sessions import "$station"
ok 'whose name must not be taken' status_is 2
ok 'which says how to give another one' says '--name NAME'
run "$CARREL" sessions import --name second "$station" --json
ok 'as --name does' json session second
ok 'it began when the exported one did' \
	[ "$("$CARREL" sessions show --json second | "$JSON_GET" made)" = "$("$JSON_GET" made <"$station")" ]
ok 'and JSON says with its id' [ "$(folder second)" = "$sessions/$("$JSON_GET" id <out)" ]
ok 'its folder is readable by its owner only' \
	[ "$(find "$sessions" ! -type d ! -perm 0600 -o -type d ! -perm 0700 | wc -l)" = 0 ]

run "$CARREL" sessions ls --json
ok 'ls lists them' [ "$("$JSON_GET" . <out)" = 2 ]
ok 'with their turns' json 0.turns 3
ok 'their sources' json 0.sources 2
ok 'and tokens' json 0.tokens 73
run "$CARREL" sessions ls
ok 'also for people' [ "$(grep -cE '^(station|second) +now +3 +2 +73 +0 B$' out)" = 2 ]

run "$CARREL" sessions show station
ok 'show draws the tree and marks the current branch' [ "$(grep -A 3 '^turns' out | tail -n 3)" = \
"* 1  Where does the pump stand?
  |- 2  Which valve leaks?
* \`- 3  Who says so?" ]
ok 'and says what a new text did' prints 'station.txt  (in front, superseded whole)'
run "$CARREL" sessions show station 2
ok 'show of a turn has its answer' prints 'Valve B [S2 00:01:02 "valve B leaks"]'
ok 'and its quotes with what came of them' prints '[1] S2 standup.vtt 00:01:02 (Ben) "valve B leaks": moved'
run "$CARREL" sessions show --json station 2
ok 'also as JSON' json citations.1.verdict not_found
run "$CARREL" sessions show station 9
ok 'a turn that is not there is a usage error' status_is 2
run "$CARREL" sessions show stetion
ok 'so is a session' status_is 2
ok 'and the nearest name is offered' says 'did you mean station'

# ---- taking along ----
run "$CARREL" sessions export station --format json
ok 'what was imported is exported byte for byte, but for its id and dates' \
	sh -c "sed 1d out >a && sed 1d '$station' | cmp - a"
cp out again.json
run "$CARREL" sessions import --name third again.json
run "$CARREL" sessions export third --format json
ok 'a second time, too, but for the name' sh -c \
	"sed -e 1d -e 's/\"third\"/\"station\"/' out | cmp - a"
run "$CARREL" sessions export station
ok 'Markdown is the default' prints '1. verified: `S1 station.txt:2` `The pump stands in hall 4.`'
run "$CARREL" sessions export station --format html --out station.html
ok 'export writes a file' [ "$status:$(cat out)" = 0: ]
ok 'that only its owner reads' [ "$(stat -c %a station.html)" = 600 ]
ok 'and that leads to the quoted lines' grep -q '<a href="#q1-1">verified: S1 station.txt:2</a>' station.html
ok 'without anything from elsewhere' [ "$(grep -cE '<script|https?:|src=' station.html)" = 0 ]
run "$CARREL" sessions export station --format html --out station.html
ok 'one that is there is not written over' [ $status = 1 ]
ok 'and nothing is left beside it' [ "$(echo station.html*)" = station.html ]
run "$CARREL" sessions export station --out /nonexistent/x
ok 'a file that cannot be made is an error' status_is 1
head -c 2000 "$station" >cut.json
before=$(find "$sessions" | sort | cksum)
run "$CARREL" sessions import cut.json --name cut
ok 'half a file is refused' status_is 1
sed 's/"citations":/"quotes":/' "$station" >lacking.json
run "$CARREL" sessions import lacking.json --name lacking
ok 'one that lacks something' [ $status = 1 ]
ok 'which is named' says '"citations" is missing'
sed 's/"turn":-1/"turn":7/' "$station" >wrong.json
run "$CARREL" sessions import wrong.json --name wrong
ok 'and one that contradicts itself' says 'places[2]: is of a block or a turn that is not there'
ok 'nothing is left of either' [ "$(find "$sessions" | sort | cksum)" = "$before" ]
run "$CARREL" sessions import - --name piped <"$station"
"$CARREL" sessions import - --name piped <"$station" >out 2>err || status=$?
ok 'standard input can be imported' [ "$(cat out)" = piped ]

# ---- search ----
run "$CARREL" sessions search valve -s station
ok 'search finds turns and sources' [ "$(grep -c '^station: ' out)" = 4 ]
ok 'and says where' prints 'station: S2 standup.vtt 00:01:02 (Ben)'
run "$CARREL" sessions search -s station --json PUMP '"stands in"' hall
ok 'all words are needed, phrases in order' [ "$("$JSON_GET" . <out)" = 3 ]
ok 'a place is told as citations tell it' [ "$("$JSON_GET" 2.source 2.path 2.line <out | tr '\n' ' ')" = 'S1 station.txt 2 ' ]
run "$CARREL" sessions search cafe
ok 'accents make no difference' [ "$(grep -c 'S1 station.txt:5' out)" = 4 ]
run "$CARREL" sessions search 'oper* (NOT "' -s station
ok 'nothing is an error of syntax' status_is 0
run "$CARREL" sessions search zeppelin
ok 'where nothing is found that is said' says 'nothing is found'
ok 'and is no failure' status_is 0
run "$CARREL" sessions search '->'
ok 'but no word at all is a usage error' status_is 2
run "$CARREL" sessions search never -s station
ok 'what is found is shown escaped, in a pipe too' prints 'never <U+202E> said'

# ---- names and copies ----
run "$CARREL" sessions rename piped station
ok 'a name is taken once' status_is 2
run "$CARREL" sessions rename piped ../x
ok 'and is no path' status_is 2
run "$CARREL" sessions rename piped fourth
ok 'rename renames' [ "$status:$("$CARREL" sessions ls --json | "$JSON_GET" 0.name)" = 0:fourth ]
run "$CARREL" sessions fork station early 1
ok 'a fork begins now' [ "$("$CARREL" sessions show --json early | "$JSON_GET" made)" -gt "$("$JSON_GET" made <"$station")" ]
ok 'fork copies up to a turn' [ "$status:$("$CARREL" sessions show --json early | "$JSON_GET" turns)" = 0:1 ]
run "$CARREL" sessions fork station whole
ok 'or the current branch' [ "$("$CARREL" sessions show --json whole | "$JSON_GET" turns turn | tr '\n' ' ')" = '2 3 ' ]
run "$CARREL" sessions fork station x 7
ok 'of turns that are there' status_is 2
run "$CARREL" sessions pin station
ok 'a session can be pinned' [ "$("$CARREL" sessions ls | grep -c '^station .* pinned$')" = 1 ]
run "$CARREL" sessions unpin station
ok 'and unpinned' [ "$("$CARREL" sessions ls | grep -c pinned)" = 0 ]
run "$CARREL" sessions pin station --json
ok 'JSON says of which session' \
	[ "$("$JSON_GET" session <out) $("$JSON_GET" pinned <out) $("$JSON_GET" id <out)" = "station true $(basename "$(folder station)")" ]
run "$CARREL" sessions unpin station --json
ok 'each time' [ "$("$JSON_GET" session <out) $("$JSON_GET" pinned <out)" = 'station false' ]
run "$CARREL" sessions rename whole all --json
ok 'of a rename, too' [ "$("$JSON_GET" session <out) $("$JSON_GET" id <out)" = "all $(basename "$(folder all)")" ]
run "$CARREL" sessions rename all whole

# ---- damage ----
run "$CARREL" sessions verify
ok 'verify reads all of them' [ "$status:$(grep -c ': whole, ' out)" = 0:6 ]
damaged=$(folder second)
size=$(stat -c %s "$damaged/session.db")
LC_ALL=C grep -abo 'Never open valve' "$damaged/session.db" | head -n 1 | cut -d : -f 1 >at
printf X | dd of="$damaged/session.db" bs=1 seek="$(cat at)" conv=notrunc 2>/dev/null
run "$CARREL" sessions verify
ok 'a byte that changed is found' status_is 1
ok 'and told as a sentence' [ "$(grep -c '^second: ' out)" -ge 1 ]
ok 'the others are whole' [ "$(grep -c ': whole, ' out)" = 5 ]
run "$CARREL" sessions verify station second --json
ok 'as JSON, too' json 1.session second
ok 'with the status' status_is 1
run "$CARREL" sessions search valve
ok 'search says what it could not read, and goes on' [ "$status:$(grep -c '^station: ' out)" = 6:4 ]
run "$CARREL" sessions repair second
ok 'repair keeps what is whole' [ "$status:$("$CARREL" sessions verify second | grep -c whole)" = 0:1 ]
ok 'and the damaged file' [ "$(find "$damaged" -name 'session.db.damaged-*' | wc -l)" = 1 ]
head -c 100 /dev/zero >"$damaged/session.db"
run "$CARREL" sessions ls
ok 'a session that is none is listed as such' [ "$(grep '^second ' out | grep -c 'session.db')" = 1 ]
ok 'and hides no other' [ "$(wc -l <out)" = 6 ]
run "$CARREL" sessions ls --json
ok 'as an error in JSON' [ "$("$JSON_GET" 5.error.code <out)" = 1 ]

# ---- rm ----
run "$CARREL" sessions rm second nobody
ok 'rm removes nothing where one is not there' [ "$status:$("$CARREL" sessions ls | wc -l)" = 2:6 ]
run "$CARREL" sessions rm second third
ok 'rm removes, the damaged too' [ "$status:$("$CARREL" sessions ls | wc -l)" = 0:4 ]
ok 'and says what remains' [ "$(grep -c '; 0 B of its documents remain on disk$' out)" = 2 ]
ok 'which is so' [ ! -e "$damaged" ]
cat >script <<'END'
expect Remove station with everything in it? [y/N]
send n\n
END
run "$PTY_RUN" script "$CARREL" sessions rm station
ok 'at a terminal rm asks, and no means no' \
	[ "$status:$("$CARREL" sessions ls | grep -c '^station ')" = 0:1 ]
printf 'expect [y/N]\nsend \\c\nexpect nothing was removed\n' >script
run "$PTY_RUN" script "$CARREL" sessions rm station
ok 'Ctrl-C there ends it with status 130' \
	[ "$status:$("$CARREL" sessions ls | grep -c '^station ')" = 130:1 ]
run "$CARREL" sessions rm station station
ok 'one that is named twice is removed once' [ "$status:$(wc -l <out)" = 0:1 ]
finish
