#!/bin/sh
# The manual page, --help and the completions name every option and command, and what they say of
# defaults and exit statuses is so.
. "$CARREL_SOURCE/tests/cli/tap.sh"
status=0
: >err
: >out
commands='ask bench config count eval kv load models sessions tokenize'
"$CARREL" --generate man >man
"$CARREL" --generate synopsis >synopsis
for form in bash zsh fish; do
	"$CARREL" --generate $form >completion.$form
done
for command in $commands; do
	"$CARREL" $command --help >help.$command
done
"$CARREL" --help >help.chat

# options FILE: their names.
options()
{
	sed -nE 's/^  (-., |    )--([a-z-]+).*/\2/p' "$1"
}

missing=
for option in $(for help in help.*; do options $help; done | sort -u); do
	grep -qF -- "*--$option*" man || missing="$missing man:$option"
	grep -qF -- "--$option[" completion.zsh || grep -qF -- ",--$option}'[" completion.zsh ||
		missing="$missing zsh:$option"
	grep -qE -- "-l $option( |\$)" completion.fish || missing="$missing fish:$option"
done
ok 'there are options to document' [ "$(options help.ask | wc -l)" -gt 20 ]
ok 'every option is in the manual page and the completions' [ -z "$missing" ]
echo "# missing:$missing"
missing=
for command in $commands; do
	[ "$(grep -cF "*carrel $command*" man)" = 1 ] || missing="$missing man:$command"
	[ "$(grep -cF "*carrel $command*" synopsis)" = 1 ] || missing="$missing synopsis:$command"
	grep -qF "'$command:" completion.zsh || missing="$missing zsh:$command"
	grep -qF -- "-a $command " completion.fish || missing="$missing fish:$command"
	grep -qE "^  $command  +[a-z]" help.chat || missing="$missing help:$command"
	for option in $(options help.$command); do
		sed -n "/^	$command) options=/p" completion.bash | grep -qF -- "--$option " ||
			missing="$missing bash:$command:$option"
	done
done
ok 'every command is, with its options' [ -z "$missing" ]
echo "# missing:$missing"
grep -oE '^  [a-z]+  +[a-z]' help.chat | awk '{ print $1 }' | sort >listed
ok 'and no other' [ "$(echo $commands | tr ' ' '\n' | cmp - listed && echo same)" = same ]

# A default in the manual page is what `config` shows.
"$CARREL" config | sed -nE 's/^([a-z-]+) += ([^ ]+)$/\1 \2/p' >defaults
wrong=
while read -r name value; do
	case $value in
	no) ;;
	*)
		grep -A 1 -- "\*--$name\*" man | tr -d '\\' | grep -qF "(default: $value)" ||
			wrong="$wrong $name=$value"
		;;
	esac
done <defaults
ok 'there are defaults to document' [ "$(wc -l <defaults)" -gt 10 ]
ok 'the defaults of the manual page are those of config' [ -z "$wrong" ]
echo "# wrong:$wrong"
sed -n '/^# EXIT STATUS/,/^# FILES/s/^\([0-9][0-9]*\) .*/\1/p' "$CARREL_SOURCE/man/carrel.1.scd" |
	sort -n >statuses
sed -nE 's/^\tERR_[A-Z]+ = ([0-9]+),.*/\1/p' "$CARREL_SOURCE/base/err.h" | sort -n >codes
ok 'the exit statuses of the manual page are those of the program' cmp statuses codes
sed -nE 's/^\t\t\.name = "([a-z0-9.-]+)",.*/\1/p' "$CARREL_SOURCE/engine/token/template.c" | LC_ALL=C sort >templates
"$CARREL" ask --help | sed -e ':next' -e '/|$/{N;s/\n *//;b next' -e '}' |
	sed -nE 's/.*--template ([^ ]*).*/\1/p' | tr '|' '\n' | LC_ALL=C sort >offered
ok 'the templates that --template takes are those of the engine' cmp templates offered
run "$CARREL" ask -m "$CARREL_RANDOM" --template chatml --show-tokens question
ok '--template changes the prompt' [ "$(cut -f 2 out | tr -d '\n' | grep -c 'im_start')" = 1 ]

ok 'the bash completion is valid' bash -n completion.bash
ok 'bash completes options of a command' bash -c '. ./completion.bash
	COMP_WORDS=(carrel ask --show-c); COMP_CWORD=2; _carrel; [ "${COMPREPLY[*]}" = --show-context ]'
ok 'bash completes commands' bash -c '. ./completion.bash
	COMP_WORDS=(carrel toke); COMP_CWORD=1; _carrel; [ "${COMPREPLY[*]}" = tokenize ]'
printf 'x\n' | "$CARREL" load --device fake -s 'my pumps' - 2>err
ok 'sessions, models and themes have names to complete' [ "$("$CARREL" --generate session-names
	"$CARREL" --generate model-names | grep -x reader; "$CARREL" --generate theme-names | grep -x dark)" = \
	"$(printf 'my pumps\nreader\ndark')" ]
ok 'bash completes them' env PATH="$(dirname "$CARREL"):$PATH" bash -c '. ./completion.bash
	COMP_WORDS=(carrel -s my); COMP_CWORD=2; _carrel; [ "${COMPREPLY[*]}" = "my\\ pumps" ] || exit 1
	COMP_WORDS=(carrel --theme hi); COMP_CWORD=2; _carrel; [ "${COMPREPLY[*]}" = high-contrast ] || exit 1
	COMP_WORDS=(carrel sessions show m); COMP_CWORD=3; _carrel; [ "${COMPREPLY[*]}" = "my\\ pumps" ]'
if command -v zsh >/dev/null; then
	ok 'the zsh completion is valid' zsh -n completion.zsh
	ok 'zsh expands the letters of an option' zsh -fc "words=( $(sed -n '/^	ask)/,/;;/p' \
		completion.zsh | grep -F -- '--model}' | tr -d '\\') )
		[[ \$words[1] == *-m\\[* && \$words[2] == *--model\\[* ]]"
else
	skip 'the zsh completion is valid' 'zsh is not installed'
fi
if command -v fish >/dev/null; then
	complete()
	{
		fish -c "source completion.fish; complete -C '$1'" | cut -f 1
	}
	ok 'the fish completion is valid' fish -n completion.fish
	ok 'fish completes options of a command' [ "$(complete 'carrel ask --show-')" = \
		"$(printf -- '--show-context\n--show-tokens')" ]
	ok 'fish completes no option of the chat behind a command' \
		[ -z "$(complete 'carrel models --temp')$(complete 'carrel ask --plain')" ]
	ok 'fish completes options of the chat' [ "$(complete 'carrel --plai')" = --plain ]
	ok 'fish completes subcommands' [ "$(complete 'carrel models i' | grep -cx info)" = 1 ]
else
	skip 'the fish completion is valid' 'fish is not installed'
fi
if command -v scdoc >/dev/null && [ -f "$CARREL_MAN" ]; then
	ok 'the manual page has every section' [ "$(grep -cE '^\.SH (NAME|SYNOPSIS|DESCRIPTION|COMMANDS|OPTIONS|THE MODEL|JSON|SETTINGS|EXIT STATUS|FILES|ENVIRONMENT|EXAMPLES)$' "$CARREL_MAN")" = 12 ]
	ok 'and nothing unfilled' [ "$(grep -c '@[A-Z]*@' "$CARREL_MAN")" = 0 ]
	missing=
	for command in sessions kv; do
		for verb in $("$CARREL" help $command | sed -nE '1s/.*\] ([a-z|]+).*/\1/p' | tr '|' ' '); do
			grep -qF "*carrel $command $verb*" "$CARREL_SOURCE/man/carrel-sessions.7.scd" ||
				missing="$missing $command:$verb"
		done
	done
	ok 'the page on sessions has every verb' [ -z "$missing" ]
	echo "# missing:$missing"
	ok 'and was made' [ "$(grep -cE '^\.SH (SESSIONS|KV ON DISK|WHAT IS WRITTEN WHERE)$' \
		"$(dirname "$CARREL_MAN")/carrel-sessions.7")" = 3 ]
	ok 'so was the page on reading' [ "$(grep -cE '^\.SH (WAYS TO READ|WHAT IT COSTS|PROGRESS|JSON)$' \
		"$(dirname "$CARREL_MAN")/carrel-reading.7")" = 4 ]
	missing=
	"$CARREL" --help >help
	for mode in $(sed -nE 's/.*--over (fail[a-z|]*).*/\1/p' help | tr '|' ' '); do
		grep -qE "^\*$mode\*" "$CARREL_SOURCE/man/carrel-reading.7.scd" || missing="$missing $mode"
	done
	ok 'which has every way to read' [ -z "$missing" ]
	echo "# missing:$missing"
	folder=$(dirname "$CARREL_MAN")
	missing=
	for name in $("$CARREL" config | sed -nE 's/^# ([a-z.-]+) is not set$/\1/p; s/^([a-z._-]+) += .*/\1/p' | sort -u); do
		grep -qE "^\\\\fB$(echo "$name" | sed 's/[-._]/.*/g')\\\\fR = " "$folder/carrel-config.5" ||
			missing="$missing $name"
	done
	ok 'the page on settings has every setting' [ -z "$missing" ]
	echo "# missing:$missing"
	missing=
	for name in $(sed -nE 's/^	X\([A-Z_]+, "([a-z-]+)"\).*/\1/p' "$CARREL_SOURCE/tui/element.h"); do
		sed 's/\\//g' "$folder/carrel-config.5" | grep -qE "^ *$name +=" || missing="$missing $name"
	done
	ok 'and every element of a theme' [ -z "$missing" ]
	echo "# missing:$missing"
	missing=
	for name in $(sed -nE 's/^	X\([A-Z_]+, "([a-z-]+)", KEYS.*/\1/p' "$CARREL_SOURCE/tui/keys.h"); do
		sed 's/\\//g' "$folder/carrel-keys.7" | grep -qF "($name)" || missing="$missing $name"
	done
	ok 'the page on keys has every action' [ -z "$missing" ]
	echo "# missing:$missing"
	missing=
	for name in $(sed -nE 's/^	\{SLASH_[A-Z]+, "([a-z]+)".*/\1/p' "$CARREL_SOURCE/session/command_table.c"); do
		sed 's/\\//g' "$folder/carrel-keys.7" | grep -qE "^fB/$name" || missing="$missing $name"
	done
	ok 'and every command' [ -z "$missing" ]
	echo "# missing:$missing"
	ok 'nothing of them is unfilled' [ "$(cat "$folder/carrel-config.5" "$folder/carrel-keys.7" | grep -c '@[A-Z]*@')" = 0 ]
else
	skip 'the manual page was made' 'scdoc is not installed'
fi
finish
