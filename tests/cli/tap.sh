# What the tests of the command line share. Sourced; prints TAP. The environment names the programs:
# CARREL, JSON_GET, PTY_RUN, CARREL_SOURCE (the source tree), CARREL_BUILT_IN (the file of the built-in
# model), CARREL_RANDOM (one that nobody trained, "random" by name).
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
export HOME="$here/home" XDG_CONFIG_HOME="$here/config" XDG_DATA_HOME="$here/data" \
	XDG_STATE_HOME="$here/state" XDG_CACHE_HOME="$here/cache" TERM=xterm LC_ALL=C.UTF-8
mkdir -p "$HOME"
unset CARREL_FAKE_ANSWER CARREL_FAKE_ANSWERS CARREL_FAKE_TEMPLATE CARREL_FAKE_TOKEN_US CARREL_FAKE_PREFILL_US CARREL_FAKE_CONTEXT \
	CARREL_FAKE_FAULT CARREL_FAKE_LOAD_MS
cd "$here" || exit 1
count=0
failures=0

# run COMMAND...: leaves the exit status in $status, the output in the files out and err.
run()
{
	status=0
	"$@" >out 2>err </dev/null || status=$?
}

# ok NAME COMMAND...: a result; what was run last is shown where it fails.
ok()
{
	tap_name=$1
	shift
	count=$((count + 1))
	if "$@" >"$here/check" 2>&1; then
		echo "ok $count - $tap_name"
	else
		echo "not ok $count - $tap_name"
		echo "# failed: $*; exit status of the command: $status"
		sed 's/^/# check: /' "$here/check" | head -n 20
		sed 's/^/# stdout: /' out | head -n 20
		sed 's/^/# stderr: /' err | head -n 20
		failures=$((failures + 1))
	fi
}

skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# status_is N
status_is()
{
	[ "$status" = "$1" ]
}

# says TEXT: on standard error; prints TEXT: on standard output.
says()
{
	grep -qF -- "$1" err
}

prints()
{
	grep -qF -- "$1" out
}

# json PATH VALUE: what the JSON on standard output holds there.
json()
{
	tap_value=$("$JSON_GET" "$1" <out) || return 1
	[ "$tap_value" = "$2" ] || {
		echo "$1 is $tap_value, not $2"
		return 1
	}
}

valid_json()
{
	"$JSON_GET" . <out
}

# sentences N: standard error has so many lines.
sentences()
{
	[ "$(wc -l <err)" = "$1" ]
}

finish()
{
	echo "1..$count"
	[ $failures = 0 ]
	exit
}
