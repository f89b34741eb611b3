#!/bin/sh
# When carrel on a terminal opens the workbench, and when the line-mode chat; what it remembers. What
# the screen shows is tests/screens.
. "$CARREL_SOURCE/tests/cli/tap.sh"
printf 'The pump is started by hand.\n' >station.txt
export CARREL_FAKE_ANSWER='By hand. [S1 station.txt:1 "The pump is started by hand."]'
fake="$CARREL --device fake"

# play COMMAND...: with the script on standard input
play()
{
	cat >script
	run "$PTY_RUN" script "$@"
}

# is_screen: the alternate screen was opened, and left again.
is_screen()
{
	[ "$(tr '\033' '@' <out | grep -oF '@[?1049h' | wc -l)" = 1 ] &&
		[ "$(tr '\033' '@' <out | grep -oF '@[?1049l' | wc -l)" = 1 ]
}

is_lines()
{
	[ "$(tr '\033' '@' <out | grep -cF '@[?1049')" = 0 ] && prints 'type a question, /help for commands'
}

# opens_and_leaves COMMAND...
opens_and_leaves()
{
	printf 'expect Quit\nsend \\e[21~\n' >script
	run "$PTY_RUN" script "$@"
	status_is 0 && is_screen
}

# lines_and_leaves COMMAND...
lines_and_leaves()
{
	printf 'expect > \nsend /quit\\n\n' >script
	run "$PTY_RUN" script "$@"
	status_is 0 && is_lines
}

export TERM=xterm-256color
ok 'on a terminal the workbench opens, on a screen of its own, and F10 leaves it' opens_and_leaves $fake
for option in --line --plain; do
	ok "$option is the line-mode chat" lines_and_leaves $fake $option
done
for term in dumb '' no-such-terminal; do
	ok "so is a terminal called \"$term\"" lines_and_leaves env TERM=$term $fake
done
printf 'Why?\n' | $fake station.txt >out 2>err
ok 'from a pipe lines are messages' prints 'By hand.'
$fake --json >out 2>err
status=$?
ok 'there is no --json without a command' status_is 2
echo 'expect x' >script
run "$PTY_RUN" script sh -c "printf '' | $fake station.txt; echo x"
ok 'nor does it open where standard input is a pipe' [ "$(tr '\033' '@' <out | grep -cF '@[?1049')" = 0 ]
printf 'send /quit\\n\n' >script
run "$PTY_RUN" script sh -c "$fake station.txt >to-file"
ok 'where standard output is a file neither: lines are messages' status_is 0
ok 'or standard output a file' [ "$(tr '\033' '@' <to-file | grep -cF '@[?1049')" = 0 ]

sessions()
{
	find "$XDG_DATA_HOME/carrel/sessions" -name session.db 2>/dev/null | wc -l
}

# Mistakes that are there before the screen.
refused_with()
{
	code=$1
	shift
	echo 'wait 1' >script
	run "$PTY_RUN" script "$@"
	[ "$(tr '\033' '@' <out | grep -cF '@[?1049')" = 0 ] && status_is "$code"
}
refused()
{
	refused_with 2 "$@"
}
ok 'a theme that is none ends before the screen opens' refused $fake --theme nonsense
ok 'with a sentence' prints 'there is no theme called "nonsense"'
printf 'heading = bold\nheadline = red\n' >wrong.theme
ok 'so does a mistake in one' refused $fake --theme ./wrong.theme
ok 'with its line' prints './wrong.theme:2: "headline" is nothing that a theme can colour'
ok 'standard input is the keyboard, not a source' refused $fake -
ok 'nor a list' refused $fake --from-file -
ok 'a model that is none ends before the screen opens' refused_with 4 "$CARREL" -m nonsense
ok 'and is not remembered' [ "$(sessions)" = 0 ]
ok 'a pattern that is none is refused as ever' refused $fake --include '[' station.txt
mkdir -p "$XDG_CONFIG_HOME/carrel/themes"
printf 'theme = nonsense\n' >"$XDG_CONFIG_HOME/carrel/config"
ok 'the settings file can be wrong about the theme, too' refused $fake
for theme in light monochrome; do
	printf 'theme = %s\n' $theme >"$XDG_CONFIG_HOME/carrel/config"
	ok "$theme is a theme" opens_and_leaves $fake
done
printf 'title = underline\n' >"$XDG_CONFIG_HOME/carrel/themes/mine.theme"
ok 'and one of the user is' opens_and_leaves $fake --theme mine

# Keys.
printf 'theme = dark\n[keys]\nquit = ^Q\ndrop = D\nnonsense = x\nstop = s\n' \
	>"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'config shows keys that are bound' prints 'quit             = ^Q'
ok 'and mistakes among them with their lines' says 'carrel/config:5: "nonsense" is no action'
ok 'all of them' says 'carrel/config:6: "stop" is heard while one types'
ok 'with status 2' status_is 2
run "$CARREL" config --json
ok 'and as JSON' valid_json
run "$CARREL" ask --device fake question
ok 'no other command minds them' status_is 0
printf '[keys]\nquit = ^Q\n' >"$XDG_CONFIG_HOME/carrel/config"
play $fake <<-'END'
	expect Help
	send \x11
END
ok 'a key of the settings file is heard' status_is 0
rm "$XDG_CONFIG_HOME/carrel/config"

# What a session remembers.
setting()
{
	"$CARREL" config -s "$1" | sed -nE "s/^$2 += //p"
}
ok 'a workbench in which nothing was done leaves no session' [ "$(sessions)" = 0 ]
play $fake -s pumps --temp 0.5 station.txt <<-'END'
	expect S1
	send Why?\n
	expect verified
	send /set seed 7\n
	expect = 7
	send /set system Be brief.\n
	expect = Be brief.
	send /set temp hot\n
	expect --temp: takes
	send /set session x\n
	expect is not changed while carrel runs
	send /set colour red\n
	expect there is no setting
	send /over select\n
	expect = select
	send /theme light\n
	expect theme = light in the settings file keeps it
	send /nonsense\n
	expect there is no command /nonsense
	send /quit\n
END
ok 'a session is worked in' status_is 0
ok 'it remembers options of the command line' [ "$(setting pumps temp)" = 0.5 ]
ok 'what was set' [ "$(setting pumps seed)" = 7 ]
ok 'how to read' [ "$(setting pumps over)" = select ]
run "$CARREL" sessions export pumps --format json
ok 'its instructions' prints 'Be brief.'
run "$CARREL" sessions show pumps
ok 'and what was said' prints 'Why?'
play $fake -s other <<-'END'
	expect Quit
	send /session pumps\n
	expect session pumps goes on: 1 source, 1 turn
	send /set top-k 3\n
	expect = 3
	send /session other\n
	expect other
	send /set seed 9\n
	expect = 9
	send /quit\n
END
ok 'from one session to another and back' status_is 0
ok 'nothing of the one is in the other' [ "$(setting other temp) $(setting other top-k)" = '0 0' ]
ok 'what was set stays where it was set' [ "$(setting pumps seed) $(setting pumps top-k) $(setting other seed)" = '7 3 9' ]
finish
