"""Lists of words."""

ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]

VERBS = set(
    """print show display list set use enable disable do write read make create delete remove add
    change skip ignore force run execute start stop wait send receive open close copy move
    rename search find match sort count check test verify update install build compile
    generate output suppress allow prevent avoid include exclude turn keep save load convert
    limit specify select choose treat perform call return get put give report produce
    restrict override append insert replace connect join split follow dump log debug ask
    prompt invoke mark apply compute calculate draw format encode decode compress extract
    download upload cause define declare sets filter try provide probe mount unmount attach
    detach bind register map wrap ensure log resolve monitor follow hide reset restore
    export import enter exit quit stop kill clear clean preserve assume accept reject
    require""".split()
)

SYNONYMS = {
    "print": "[show|output|write out]",
    "show": "[display|print|see]",
    "display": "[show|print|see]",
    "list": "[show|enumerate]",
    "output": "[result|what is printed]",
    "file": "[document|path]",
    "files": "[documents|paths]",
    "directory": "[folder|dir]",
    "directories": "folders",
    "delete": "[remove|erase]",
    "remove": "[delete|drop|get rid of]",
    "create": "[make|produce]",
    "use": "[employ|take|work with]",
    "specify": "[give|name|choose]",
    "set": "[choose|configure|change]",
    "enable": "[turn on|switch on|activate]",
    "disable": "[turn off|switch off|deactivate]",
    "suppress": "[hide|silence|keep quiet]",
    "ignore": "[skip|disregard]",
    "number": "[count|amount]",
    "maximum": "[largest|upper limit of|highest]",
    "minimum": "[smallest|lowest]",
    "default": "standard",
    "version": "[release|revision]",
    "message": "[note|text]",
    "messages": "[notes|texts]",
    "error": "[failure|fault]",
    "errors": "[failures|faults]",
    "verbose": "[talkative|detailed|chatty]",
    "quiet": "silent",
    "help": "usage",
    "name": "[title|label]",
    "user": "[person|account]",
    "password": "[passphrase|secret]",
    "start": "[begin|launch]",
    "stop": "[end|halt]",
    "run": "[execute|start]",
    "execute": "run",
    "wait": "pause",
    "seconds": "time",
    "size": "[length|extent]",
    "length": "size",
    "host": "[machine|computer]",
    "server": "[machine|host]",
    "read": "[take in|load]",
    "write": "[store|put out]",
    "input": "what is read",
    "string": "text",
    "line": "row",
    "lines": "rows",
    "character": "letter",
    "characters": "letters",
    "format": "[form|layout]",
    "search": "[look|look for]",
    "find": "[look for|locate]",
    "match": "fit",
    "copy": "duplicate",
    "change": "[alter|modify]",
    "check": "[test|verify]",
    "test": "[check|try]",
    "get": "[fetch|obtain]",
    "return": "[give back|yield]",
    "returns": "[gives back|yields]",
    "only": "[just|nothing but]",
    "all": "every",
    "given": "named",
    "current": "present",
    "path": "location",
    "color": "colour",
    "information": "[details|facts]",
    "force": "[insist on|make]",
    "recursively": "[with everything below|in depth]",
    "value": "[setting|number]",
    "time": "moment",
    "case": "upper and lower case",
    "sort": "order",
    "connection": "link",
    "send": "transmit",
    "open": "access",
    "close": "shut",
    "allow": "[permit|let]",
    "prevent": "[keep from|stop]",
    "fails": "[goes wrong|breaks]",
    "failed": "[went wrong|broke]",
    "invalid": "[wrong|not valid]",
    "add": "[append|put in]",
    "process": "[handle|treat]",
    "update": "[refresh|renew]",
    "exit": "[quit|leave]",
    "quit": "leave",
    "command": "instruction",
    "argument": "parameter",
    "option": "flag",
    "specified": "given",
    "standard": "usual",
    "same": "identical",
    "multiple": "several",
    "memory": "RAM",
    "terminal": "screen",
    "window": "pane",
    "image": "picture",
    "images": "pictures",
    "key": "button",
    "new": "fresh",
    "instead": "rather",
}

STOPWORDS = set(
    """a an the and or but if then else of to in on at by for from with without as is are was were
    be been being it its this that these those there here which what who whom whose when
    where why how not no nor so than too very can could may might must shall should will
    would do does did done have has had i you he she we they them their his her our your my
    me us one two any all each some such only own same other more most also into over under
    again once during before after above below between through about against both few just
    now out off up down per via using used use uses usually see e g etc default following
    given instead like even well because while until unless whether however thus therefore
    since still yet either neither""".split()
)
