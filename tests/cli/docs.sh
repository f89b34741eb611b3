#!/bin/sh
# The manual page, --help and the completions name every option and command.
. "$CARREL_SOURCE/tests/cli/tap.sh"
status=0
: >err
: >out
"$CARREL" --generate man >man
for form in bash zsh fish; do
	"$CARREL" --generate $form >completion.$form
done
for command in ask bench config count eval models tokenize; do
	"$CARREL" $command --help >help.$command
done
"$CARREL" --help >help.chat
missing=
for option in $(sed -nE 's/^  (-., |    )--([a-z-]+).*/\2/p' help.* | sort -u); do
	grep -qF -- "--$option" man || missing="$missing man:$option"
	grep -qF -- "--$option" completion.bash || missing="$missing bash:$option"
	grep -qF -- "--$option" completion.zsh || missing="$missing zsh:$option"
	grep -qF -- "-l $option" completion.fish || missing="$missing fish:$option"
done
ok 'there are options to document' [ "$(grep -cE '^  (-., |    )--' help.ask)" -gt 20 ]
ok 'every option is in the manual page and the completions' [ -z "$missing" ]
ok 'the bash completion is valid' bash -n completion.bash
ok 'bash completes options of a command' bash -c '. ./completion.bash
	COMP_WORDS=(carrel ask --show-c); COMP_CWORD=2; _carrel; [ "${COMPREPLY[*]}" = --show-context ]'
ok 'bash completes commands' bash -c '. ./completion.bash
	COMP_WORDS=(carrel toke); COMP_CWORD=1; _carrel; [ "${COMPREPLY[*]}" = tokenize ]'
if command -v scdoc >/dev/null && [ -f "$CARREL_MAN" ]; then
	ok 'the manual page was made' grep -q 'show\\*-context\|show.*context' "$CARREL_MAN"
else
	skip 'the manual page was made' 'scdoc is not installed'
fi
finish
