#!/bin/sh
# Options and exit status 2; help, version and config come from the same tables.
. "$CARREL_SOURCE/tests/cli/tap.sh"

# origin_is 'NAME = VALUE' ORIGIN: what config printed.
origin_is()
{
	sed 's/  *=/ =/' out | awk -v line="$1" -v origin="# $2:" \
		'/^# .*:$/ { last = $0 } $0 == line && last == origin { found = 1 } END { exit !found }'
}

for option in '-s x' --no-store '--over everything' '--window x' '--select -1' --embed \
	'--from-file x' --reflect --nonsense; do
	run "$CARREL" ask $option question
	ok "ask $option is a usage error" status_is 2
	ok "ask $option gets one sentence" sentences 1
done
run "$CARREL" ask --over everything question
ok 'what is no way to read is refused' says '--over: takes fail|sweep|select|auto, not "everything"'
for over in fail sweep select auto; do
	run "$CARREL" ask --over $over --device fake -n 3 question
	ok "ask --over $over is accepted" status_is 0
done
echo 'The pump is started by hand.' >station.txt
run "$CARREL" ask --over auto --embed ./none.gguf -m "$CARREL_BUILT_IN" question station.txt
ok 'an embedding model that is not there is an error of the model' status_is 4
ok 'of one sentence' sentences 1
run "$CARREL" ask
ok 'ask without a question is a usage error' status_is 2
run "$CARREL" ask --json
ok 'usage errors under --json are JSON' json error.code 2
ok 'errors have exactly the documented names' json error code,what,where,hint
run "$CARREL" ask --temp=hot x
ok 'a value that is no number is refused' status_is 2
ok 'and the option is named' says --temp
for bad in '--top-p=1.5' '--min-p=2' '--repeat-penalty=0' '--temp=1e9' '--threads=4097' \
	'--template=mistral'; do
	run "$CARREL" ask --device fake "$bad" x
	ok "$bad is out of range" status_is 2
	ok 'and named as on the command line' says "${bad%=*}: takes"
done
for good in '--top-p=1' '--top-p=0' '--min-p=1' '--repeat-penalty=1000' '--threads=4' \
	'--template=mistral-v3' '--kv-type=f16'; do
	run "$CARREL" ask --device fake -n 2 "$good" x
	ok "$good is not" status_is 0
done
run "$CARREL" -q ask question
ok 'a command behind options is a usage error' status_is 2
ok 'with what to type' says 'carrel ask'
run "$CARREL" --device fake aks question
ok 'a word that is neither a command nor a file is a usage error' status_is 2
run "$CARREL" --device fake ./aks
ok 'a path that is not there is an input that cannot be read' status_is 6
run "$CARREL" help nonsense
ok 'help on nonsense is a usage error' status_is 2
run "$CARREL" help ask
ok 'help on a command works' prints 'usage: carrel ask'
for wrong in 'tokenize a b' 'config x' 'models ls x' 'models info a b' 'bench x' 'config --json=yes' \
	'ask -n' 'ask - -' 'eval' 'eval quote' 'models' 'count' 'ask'; do
	run "$CARREL" $wrong
	ok "$wrong is a usage error" status_is 2
	ok 'that says what to type' grep -q '(.*)$' err
done
run "$CARREL" ask -n
ok 'a missing value is refused' status_is 2
run "$CARREL" ask - -
ok 'standard input cannot be question and source at once' status_is 2
run "$CARREL" models frobnicate
ok 'an unknown subcommand is refused' status_is 2

for command in ask bench config count eval models tokenize; do
	run "$CARREL" $command --help
	ok "$command --help works" status_is 0
	ok "$command --help shows its usage" prints "usage: carrel $command"
done
run "$CARREL" ask -q -v question
ok 'quiet and verbose at once are a usage error' status_is 2
for bad in '--temp=nan:a number from 0 to 1000' '--seed=-1:a whole number up to 9223372036854775807' \
	'--kv-limit=1.5G:a whole number up to 9223372036854775807, or one that ends with K, M or G'; do
	run "$CARREL" ask --device fake "${bad%%:*}" x
	ok "${bad%%:*} is refused with the range" says "takes ${bad#*:}"
done
run "$CARREL" count ''
ok 'an empty argument is a usage error' status_is 2
run "$CARREL" ask --help
ok '--help shows defaults' grep -qF '(default: 1024)' out
run "$CARREL" help ask count
ok 'help takes one command' status_is 2
for command in ask bench config count eval models tokenize; do
	run "$CARREL" $command --version
	ok "--version works after $command" prints 'carrel '
done
run "$CARREL" --version
ok '--version prints the version' prints 'carrel '

run "$CARREL" config --json
ok 'config --json is a list of settings' [ "$("$JSON_GET" . <out)" -gt 15 ]
ok 'with exactly the documented names' json 0 setting,value,origin
run "$CARREL" config
ok 'config shows defaults' origin_is 'temp = 0' default
mkdir -p "$XDG_CONFIG_HOME/carrel"
printf 'temp = 0.7\ncontext = 8K\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'config shows what the file sets' origin_is 'temp = 0.7' file
ok 'K is 1,024' origin_is 'context = 8192' file
run "$CARREL" config --temp 1.5
ok 'a flag is stronger than the file' origin_is 'temp = 1.5' flag
run "$CARREL" config
cp out printed
cp printed "$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'what config prints is a settings file' status_is 0
grep -v '^#' printed >wanted
grep -v '^#' out >got
ok 'that says the same' cmp wanted got
printf 'temp = hot\ntop-p = 5\ntop-p = 0.5\n[chat]\nseed = 1\nthreads = 2\n' \
	>"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'config shows settings in spite of mistakes, with status 2' status_is 2
ok 'all of them' [ "$(grep -c ' = ' out)" -gt 10 ]
ok 'and every mistake' sentences 5
ok 'with line and name' says 'carrel/config:1: temp takes'
ok 'a number out of range' says 'carrel/config:2: top-p takes'
ok 'a setting that is repeated' says 'carrel/config:3: top-p is set a second time'
ok 'and sections but [keys]' says 'carrel/config:5: seed stands behind [chat]'
run "$CARREL" ask --device fake question
ok 'other commands end, with every mistake' sentences 5
ok 'and status 2' status_is 2
printf 'temp = 0.5\n[keys]\ndrop = D\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask --device fake question
ok 'keys of the workbench are no mistake' status_is 0
rm "$XDG_CONFIG_HOME/carrel/config"
mkdir "$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask --device fake question
ok 'settings that are a folder are a usage error' status_is 2
rmdir "$XDG_CONFIG_HOME/carrel/config"
printf 'temp = 0.7\n\ntmep = 1\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'an unknown setting is a usage error' status_is 2
ok 'with the file and the line' says 'carrel/config:3'
printf 'top-p = 7\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'a setting out of range is a usage error' says 'carrel/config:1: top-p takes a number'
run "$CARREL" ask --help
ok 'a broken settings file does not forbid help' status_is 0
long=$(printf 'Answer in one word ; %0500d' 7)
printf 'system = %s\n' "$long" >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" ask --device fake --show-context question
ok 'a long setting reaches the model whole' prints "$long"
printf 'temp = 0.7\0\nseed = x\n' >"$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" config
ok 'a NUL in the settings is a usage error' status_is 2
ok 'on its line' says 'carrel/config:1'
rm "$XDG_CONFIG_HOME/carrel/config"
run "$CARREL" count -dash.txt
ok 'a path that looks like an option is told how to be one' says 'a path that begins with - stands behind --'
run "$CARREL" ask --help
ok 'help has no line wider than 110 columns' [ "$(awk 'length > 110' out | wc -l)" = 0 ]
finish
