"""Well-known headings, and questions that they answer."""

import re

_PROG = "[{p}|{p}|the program|it|this]"
TOPICS = [  # (heading, phrasings); the question's words are not the heading's
    (
        r"^(THE )?AUTHORS?$|^WRITTEN BY|^CREDITS|^MAINTAINERS?$|^AUTHORS? (AND|&)",
        [
            (
                "who [wrote|made|created|developed|programmed|maintains|is behind|is responsible "
                f"for] {_PROG}"
            ),
            "[whom|who] do we [thank|owe] {p} to",
            (
                "[who is|who are] the [people|person|developer|programmer|creator|writer] [behind|"
                "of] {p}"
            ),
            f"by whom [was|is] {_PROG} [written|made|developed]",
            "name the [programmer|developer|creator]",
            "whose work is {p}",
        ],
    ),
    (
        r"BUGS?$|REPORTING|KNOWN (PROBLEMS|ISSUES)|^LIMITATIONS|^CAVEATS",
        [
            (
                "[which|what] [faults|flaws|problems|defects|weaknesses|shortcomings|mistakes] "
                "[are known|does {p} have|are there]"
            ),
            (
                "[where|how|to whom] [do I|can I|should I] [complain|report a fault|report a "
                "problem|send a complaint|tell of an error]"
            ),
            "what [does not work|goes wrong|is broken|fails]",
            (
                f"I found [a fault|an error|a problem] in {_PROG}[, where do I send it|; whom do "
                "I tell|]"
            ),
            "what should I be careful with",
            "is there anything that {p} gets wrong",
        ],
    ),
    (
        r"COPYRIGHT|LICEN[CS]E|COPYING|LEGAL|WARRANTY",
        [
            (
                "[under which terms|on what terms] [may I|can I] [copy|use|pass on|redistribute|"
                f"share] {_PROG}"
            ),
            f"[may I|am I allowed to] [copy|sell|change|share|redistribute] {_PROG}",
            f"is {_PROG} [free|open source|public domain]",
            f"who [owns|holds the rights to] {_PROG}",
            "what are the [legal conditions|terms of use|rights]",
        ],
    ),
    (
        r"SEE ALSO|RELATED|FURTHER READING|REFERENCES$",
        [
            "what else [should|can|could] I read",
            (
                "[which|what] [other pages|other manuals|other programs|further documents] are "
                "[related|mentioned|recommended]"
            ),
            "where [can I|do I] [find more|read more|learn more]",
            "what is related to {p}",
            "what to read next",
        ],
    ),
    (
        r"^FILES?$|CONFIGURATION FILES?",
        [
            (
                f"[which|what] [paths|places on disk|configuration] does {_PROG} [read|use|look "
                "at|need|touch]"
            ),
            "where [does {p} keep|is] its configuration",
            "[where on disk|in which place] does {p} look",
            "what does {p} read at start",
        ],
    ),
    (
        r"RETURN VALUES?|RETURNS?$",
        [
            "what [comes back|do I get back|does the call give|is the result]",
            "what does {p} [give back|yield|deliver] [on success|when it works|]",
            "how do I [tell|see|know] [that|whether] the call [worked|succeeded|failed]",
            "[result|outcome] of {p}",
        ],
    ),
    (
        r"EXIT (STATUS|CODES?|VALUES?)|DIAGNOSTICS",
        [
            (
                "[what|which] [result|number|code] does {p} [end with|leave|give to the shell|"
                "finish with]"
            ),
            "how do I know [that|whether] {p} [succeeded|failed|worked]",
            "what does {p} tell the shell at the end",
            "how can a script tell [success|failure|whether it worked]",
        ],
    ),
    (
        r"^ENVIRONMENT",
        [
            (
                "[what|which] [variables|settings of the shell] does {p} [look at|read|honour|"
                "obey|respect]"
            ),
            "what can I export to influence {p}",
            "how does the shell's setup change {p}",
        ],
    ),
    (
        r"^HISTORY|^CHANGES$|^CHANGELOG|^VERSIONS?$|^AVAILABILITY",
        [
            "[since when|how long] [does|has] {p} [exist|been around|existed]",
            "where does {p} come from",
            "when did {p} [first appear|come into being]",
            "[tell me about|what is] the past of {p}",
            "in which release did {p} appear first",
        ],
    ),
    (
        r"^SYNOPSIS|^USAGE|^SYNTAX",
        [
            "how [do I|does one] [call|invoke|run|start|type] {p}",
            "what is the [call|form|command line] of {p}",
            "how is {p} [called|invoked|started]",
            "[what do I type|what to type] to [run|start|call] {p}",
            "in which form are arguments given to {p}",
            "which header do I include for {p}",
        ],
    ),
    (
        r"^EXAMPLES?$",
        [
            (
                "[show me|give me|is there] [a sample|a case|a demonstration|an instance] [of {p}|"
                "of how it is used|]"
            ),
            "how would I use {p} in practice",
            "what does [a typical|a simple] call look like",
        ],
    ),
    (
        r"^(STANDARDS|CONFORMING|CONFORMANCE)",
        [
            "is {p} [portable|in POSIX|standard]",
            "[which|what] [norm|specification] does {p} follow",
            "where is {p} specified",
        ],
    ),
    (
        r"^DESCRIPTION|^INTRODUCTION|^ABOUT|^OVERVIEW",
        [
            "what [does {p} do|is {p}|is {p} good for|is {p} for]",
            "[explain|introduce|describe] {p}",
            "what is this [program|text|page] about",
            "why would I want {p}",
        ],
    ),
    (
        r"^INSTALL|^BUILD|^COMPIL",
        [
            "how do I [get {p} running|set {p} up|make {p}|put {p} on my machine]",
            "what do I type to [compile|make|set up] {p}",
            "steps to get {p} onto a machine",
        ],
    ),
    (
        r"^(REQUIREMENTS|DEPENDENC|PREREQ)",
        [
            "what [do I need|must I have|has to be there] [first|before I start|to run {p}]",
            "[which|what] other software does {p} need",
        ],
    ),
    (
        r"^(CONTACT|SUPPORT|HELP|FEEDBACK|MAILING LIST)",
        [
            "[where|whom] can I ask",
            "how do I reach [somebody|the people behind {p}]",
            "where is there help",
        ],
    ),
    (r"^(SECURITY)", ["is {p} [safe|dangerous]", "what about [attacks|safety|risks]"]),
    (
        r"^(ATTRIBUTES|MT-SAFE|THREAD)",
        ["is {p} [thread-safe|safe with threads]", "can I call {p} from several threads"],
    ),
]
TOPICS = [(re.compile(pattern), phrasings) for pattern, phrasings in TOPICS]

# Words that may stand where such a question is answered without the heading, by the heading's word.
HINTS = {
    "author": ("written by", "@", "author", "maintain", "copyright"),
    "bugs": ("report", "bug", "problem", "issue"),
    "copyright": ("licen", "copyright", "(c)", "free"),
    "see": ("see ",),
    "description": ("",),
    "files": ("/etc", "/usr", "file"),
    "synopsis": ("usage",),
    "history": ("version", "release", "appeared"),
    "exit": ("exit", "status", "return"),
    "return": ("return",),
    "install": ("install", "build", "make"),
    "examples": ("example",),
    "security": ("secur", "safe", "risk"),
    "requirements": ("require", "depend", "need"),
    "environment": ("environ", "variable"),
    "contact": ("help", "@", "http", "mail", "contact"),
    "standards": ("posix", "standard", "conform"),
    "attributes": ("thread", "safe"),
}


def find_topic(title):
    """The (pattern, phrasings) of a well-known heading, or None."""
    bare = re.sub(r"^[\d.]+\s+|[:#*]+", "", title).strip().upper()
    return next((topic for topic in TOPICS if topic[0].search(bare)), None)


def may_be_answered(topic, text):
    """Whether the lower-case `text` has any of the topic's words."""
    words = re.findall("[A-Z]{3,}", topic[0].pattern)
    key = next((word.lower() for word in words if word.lower() in HINTS), None)
    stems = [word.lower()[:6] for word in words[:1]]
    return any(word in text for word in stems + list(HINTS.get(key, ())))
