#!/bin/sh
# Promise 15 on the command line: no byte of an answer, a name or an error is obeyed by a terminal.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# Each conversation here is a first one.
run()
{
	rm -rf "$XDG_DATA_HOME/carrel/sessions"
	status=0
	"$@" >out 2>err </dev/null || status=$?
}

# leaks FILE: which bytes of a terminal's log stand outside of the whitelist: visible ASCII, line
# ends, tabs, U+FFFD, and carrel's own progress line (drawn over itself, then erased). Byte by byte:
# a C1 control or a bidirectional override is no character here.
leaks()
{
	LC_ALL=C sed -e ':again' -e 's/\r[ -~]*\x1b\[K//' -e 't again' -e 's/\xef\xbf\xbd//g' \
		-e 's/\r*$//' "$1" |
		LC_ALL=C tr -d '\n\t\040-\176' | od -An -tx1
}

# The same for a prompt, where readline moves the cursor: what it sends for that, and nothing else.
leaks_at_prompt()
{
	LC_ALL=C sed -e 's/\x1b\[?2004[hl]\r\{0,1\}//g' -e 's/\x1b\[[0-9]*[ACDKP@]//g' \
		-e 's/\x1b\[2\{0,1\}7m//g' -e 's/[\x07\x08\r]//g' "$1" >at_prompt
	leaks at_prompt
}

clean()
{
	[ -z "$(leaks out)" ] || {
		leaks out
		cat -v out | head -n 20
		return 1
	}
}

clean_at_prompt()
{
	[ -z "$(leaks_at_prompt out)" ] || {
		leaks_at_prompt out
		cat -v out | head -n 20
		return 1
	}
}

status=0
: >out
: >err
for leak in '\033[31m' '\033]0;x\007' '\302\233m' '\302\205' '\233' '\342\200\256' '\342\200\213' \
	'\357\273\277' 'over\rwritten' '\177' '\000' '\033[2J'; do
	printf "\\r progress\\033[Kbefore ${leak} after\\n" >planted
	ok "a planted $(printf '%s' "$leak" | tr '\\' '/') is found" [ -n "$(leaks planted)" ]
	case $leak in
	*over*) ;;
	*) ok 'at a prompt too' [ -n "$(leaks_at_prompt planted)" ] ;;
	esac
done
printf 'carrel: plain\r\n\rprefill 0/9 tok\033[K\rprefill 9/9 tok\033[K\r\033[Kdone\r\n' >planted
ok "carrel's own bytes are none" [ -z "$(leaks planted)" ]

: >empty
evil="$(printf 'red \033[31m title \033]0;x\007 bidi \342\200\256 c1 \302\233m lone \233m cr \r end')"
export CARREL_FAKE_ANSWER="$evil"
run "$PTY_RUN" empty "$CARREL" ask --device fake words
ok 'an answer on a terminal works' status_is 0
ok 'its controls are shown' prints '^[[31m'
ok 'its bidirectional overrides are shown' prints '<U+202E>'
ok 'its C1 controls are shown' prints '<U+009B>m'
ok 'and none is obeyed' clean
run "$CARREL" ask --device fake words
ok 'in a pipe an answer is exact' grep -q "$(printf '\033')" out
run "$PTY_RUN" empty "$CARREL" ask --device fake --json words
ok 'JSON on a terminal obeys nothing either' clean
unset CARREL_FAKE_ANSWER

name=$(printf 'evil\033[2J\302\205\302\23331mX\342\200\256Y.txt')
run "$PTY_RUN" empty "$CARREL" ask --device fake words "$name"
ok 'a missing file with an evil name ends with status 6' status_is 6
ok 'its name is shown, not obeyed' clean
run "$CARREL" ask --device fake words "$name"
ok 'on a standard error that is no terminal too' says 'evil^[[2J'
echo "$evil" >"$name"
run "$PTY_RUN" empty "$CARREL" count "$name"
ok 'count shows evil names, and obeys none' clean
ok 'and counts them' prints '<U+0085>'
for show in --show-context --json; do
	run "$PTY_RUN" empty "$CARREL" ask --device fake "$show" words "$name"
	ok "ask $show shows them" status_is 0
	ok 'and obeys none' clean
done
export CARREL_FAKE_ANSWER="By hand. [S1 $name:1 \"words that are not there $evil\"]"
run "$PTY_RUN" empty "$CARREL" ask --device fake --free-quotes words "$name"
ok 'a citation with an evil name is shown' prints 'quote not found'
ok 'and not obeyed' clean
unset CARREL_FAKE_ANSWER
run "$PTY_RUN" empty "$CARREL" ask "--$name" x
ok 'an unknown option is shown, not obeyed' clean
run "$PTY_RUN" empty "$CARREL" ask --device fake -m "$name" x
ok 'a missing model is shown, not obeyed' clean
run "$PTY_RUN" empty "$CARREL" tokenize -m "$CARREL_RANDOM" "$name"
ok 'tokenize obeys nothing' clean
mkdir -p "$XDG_CONFIG_HOME/carrel"
printf 'model = %s\n' "$name" >"$XDG_CONFIG_HOME/carrel/config"
run "$PTY_RUN" empty "$CARREL" config
ok 'a setting is shown, not obeyed' clean
printf '%s = 1\n' "$name" >"$XDG_CONFIG_HOME/carrel/config"
run "$PTY_RUN" empty "$CARREL" config
ok 'an unknown setting is shown, not obeyed' clean
rm -r "$XDG_CONFIG_HOME/carrel"
mkdir -p "$XDG_DATA_HOME/carrel/models"
cp "$CARREL_RANDOM" "$XDG_DATA_HOME/carrel/models/$name.gguf"
run "$PTY_RUN" empty "$CARREL" models ls
ok 'models ls works' status_is 0
ok 'and obeys no name' clean
run "$PTY_RUN" empty "$CARREL" models info "$XDG_DATA_HOME/carrel/models/$name.gguf"
ok 'models info works' status_is 0
ok 'and obeys no name' clean

# The chat: a name completed, listed, loaded, shown among the sources, recalled, searched for, typed.
mkdir folder
cp "$name" folder/evening.txt
cp "$name" "folder/$name"
cat >talk <<-'END'
	expect > 
	send /lo\tev\t\n
	expect S1 evil
	expect > 
	send /load folder/ev\t\t
	expect evening.txt
	send il\t\n
	expect S2 folder
	expect > 
	send /sources\n
	expect context
	expect > 
	send \x10\x10
	wait 200
	send \x15/load \x1b[31m\xe2\x80\xae\xc2\x9b\x9b
	wait 200
	send \n
	expect does not exist
	expect > 
	send \x12\xc2\x9b\xe2\x80\xae\e[200~\xc2\x9b\e[201~
	wait 200
	send \c
	expect > 
	send /\xe2\x80\xae\n
	expect there is no command
	expect > 
	send \e[200~pasted \xe2\x80\xae\xc2\x9b31m\x9b text\e[201~\n
	expect generated
	expect > 
	send \d
END
export CARREL_FAKE_ANSWER="$evil"
for TERM in dumb xterm; do
	export TERM
	rm -rf "$XDG_STATE_HOME"
	run "$PTY_RUN" talk "$CARREL" --line --device fake
	ok "a chat about evil names plays on TERM=$TERM" status_is 0
	ok 'they are shown at the prompt' [ "$(grep -caF '<U+202E>' out)" -gt 5 ]
	ok 'nothing is obeyed' clean_at_prompt
done
TERM=dumb
run "$PTY_RUN" talk "$CARREL" --line --device fake
ok 'a dumb terminal is sent no escape sequence' [ "$(grep -caP '\x1b' out)" = 0 ]
LC_ALL=C run "$PTY_RUN" talk "$CARREL" --line --device fake
ok 'nothing is obeyed under LC_ALL=C' clean_at_prompt
TERM=xterm
run "$PTY_RUN" talk "$CARREL" --plain --device fake
ok 'a plain chat plays' status_is 0
ok 'nothing is drawn over anything else' [ "$(grep -caP 'prefill [^\r]*\x1b' out)" = 0 ]

# What is kept is shown as it was read: names, paths, settings, questions, answers, sources, damage.
export CARREL_FAKE_ANSWER="$evil"
shown=shown
run "$CARREL" ask --device fake -s "$(printf 'hidden \342\200\256')" question
ok 'a name that holds what cannot be seen is refused' status_is 2
printf 'searched %s\n' "$evil" >"$name"
run "$CARREL" ask --device fake -s "$shown" --system "$evil" "question $evil" "$name"
ok 'a session of evil texts is made' status_is 0
for verb in ls 'show "$shown"' 'show "$shown" 1' verify 'verify "$shown"' \
	'export "$shown"' 'export "$shown" --format html' 'export "$shown" --format json' \
	'fork "$shown" "$shown-2"' 'rename "$shown" "$evil"' 'rm nobody "$evil"'; do
	status=0
	eval "\"$PTY_RUN\" empty \"$CARREL\" sessions $verb" >out 2>err </dev/null || status=$?
	ok "sessions ${verb%% *} obeys nothing" clean
done
for style in TERM=dumb NO_COLOR=1; do
	status=0
	env $style "$PTY_RUN" empty "$CARREL" sessions search searched >out 2>err </dev/null || status=$?
	ok "nor does a search with $style" clean
	ok 'which finds it' prints 'searched red ^[[31m'
done
status=0
"$PTY_RUN" empty "$CARREL" sessions search searched >out 2>err </dev/null || status=$?
ok 'elsewhere the words that were found are bold' prints "  $(printf '\033')[1msearched$(printf '\033')[0m red ^[[31m"
status=0
"$PTY_RUN" empty "$CARREL" load --device fake -s "$shown" --refresh --show >out 2>err </dev/null || status=$?
ok 'nor does a load' clean
ok 'which shows what it refused to obey' prints '<U+202E>'

export CARREL_FAKE_ANSWER=Yes.
run "$PTY_RUN" empty "$CARREL" ask --device fake words
ok 'progress is drawn over itself' [ "$(grep -caP '\rprefill [^\r\n]*\x1b\[K\r' out)" = 1 ]
finish
