"""What the form of a sentence lets one ask."""

import re

# What a sentence's form lets one ask: its pattern, then phrasings of {a} (its first group) and {x}
# (particular words of the sentence).
SENTENCES = [
    (
        (
            r"To (\w+(?: [\w'./-]+){1,7}), (?=you|use|run|type|just|simply|call|set|add|see|do|"
            r"enter|specify|press|put|make)"
        ),
        [
            "how [do|can|could|would|should] I {a}",
            "how to {a}",
            "I [want|need|would like|am trying] to {a}",
            "what do I [do|have to do] to {a}",
            "what is the [way|recipe|trick] to {a}",
            "[what is needed|steps] to {a}",
            "is there a way to {a}",
        ],
    ),
    (
        r"(?:If|When|Whenever|Once) ([^,]{8,70}), ",
        [
            "what [happens|is done|follows|does it do|should I do|do I get] [if|when] {a}",
            "what if {a}",
            "suppose {a}[, what then|. What then]",
            "and if {a}",
            "what [applies|holds|is the rule|is the effect] [if|when] {a}",
            "{a}, what now",
            "what to do [if|when] {a}",
        ],
    ),
    (
        r"(?:The |An? |Each |Every )?([\w/-]+(?: [\w/-]+){0,3}) (?:can|may|might) ",
        [
            "what [can|may] {a} [do|be]",
            "what is [possible|allowed] [with|for] {a}",
            "[how far|in what way] is {a} free to choose",
            "what about {a}",
            "what are the possibilities of {a}",
        ],
    ),
    (
        (
            r"(?:The |An? |Each |Every )?([\w/-]+(?: [\w/-]+){0,3}) (?:must|should|has to|have to|"
            r"cannot|must not|shall|needs? to) "
        ),
        [
            "what [must|should] {a} [be|do]",
            "what is [required|demanded|expected] of {a}",
            "[which|what] rule [holds|applies] for {a}",
            "what [do I have to observe|is important] [with|about] {a}",
            "is there a [restriction|condition|requirement] for {a}",
            "what is not allowed for {a}",
        ],
    ),
    (
        (
            r"(?:The |An? )?([\w/()-]+(?: [\w/-]+){0,2}) (?:returns?|yields?|gives|produces|"
            r"prints|displays|shows|outputs) "
        ),
        [
            (
                "what [does {a} give|comes from {a}|is the result of {a}|do I get from {a}|does "
                "{a} deliver]"
            ),
            "[result|output] of {a}",
            "what will {a} tell me",
        ],
    ),
    (
        (
            r"(?:The |An? )?([\w/()-]+(?: [\w/-]+){0,2}) (?:contains?|consists? of|includes?|"
            r"comprises?|holds?|provides?|supports?) "
        ),
        [
            "what [is in|belongs to|is part of|makes up|is inside] {a}",
            "what does {a} [have|offer|consist of|contain|bring]",
            "[contents|parts] of {a}",
            "what can be found in {a}",
        ],
    ),
    (
        (
            r".*\b(?:written|created|developed|designed|maintained|invented|founded|published|"
            r"edited|translated|made|contributed) by [A-Z]"
        ),
        [
            "who [did|wrote|made|is behind|is responsible for|stands behind] {x}",
            "whose [work|idea] is {x}",
            "[who|which person] is named [with|for] {x}",
            "name the person behind {x}",
        ],
    ),
    (
        r".*(?:\bin|at|under|from|to|file|directory) [`'‘]?[~/][\w.-]+/",
        [
            "where [is|are|do I find|does it keep|does it look for] {x}",
            (
                "[which|what] [file|path|place|folder|location] [is for|has to do with|holds|goes "
                "with] {x}"
            ),
            "where on disk is {x}",
            "path [of|for] {x}",
            "in which directory is {x}",
        ],
    ),
    (
        r".*\b(?:because|due to|in order to|for this reason|so that|therefore)\b",
        [
            "why [is it so with|is that with|does it matter about|] {x}",
            "what is the reason [for|behind] {x}",
            "[why|for what reason] {x}",
            "what [explains|justifies] {x}",
        ],
    ),
    (
        r".*\b\d+ ?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|ms|milliseconds)\b",
        [
            "how long [does it take|is it|may it be|does it last] with {x}",
            "how [much time|many {unit}] [for|with|has] {x}",
            "what is the time [limit|span] for {x}",
            "duration of {x}",
            "after what time {x}",
        ],
    ),
    (
        r".*\b\d+ ?(?:bytes?|[KMG]i?B|bits?|characters|pages|blocks|lines|%|percent)(?!\w)",
        [
            "how [big|large|much|long] is {x}",
            "what [size|amount|limit] [has|is given for|holds for] {x}",
            "which limit [applies to|is set for] {x}",
            "size of {x}",
        ],
    ),
    (
        r".*\b(?:called|named|known as|referred to as|termed)\b",
        [
            "what is {x} called",
            "[which|what] name [has|is given to|is used for] {x}",
            "how do they call {x}",
            "what is the [name|word|term] for {x}",
        ],
    ),
    (
        r"(?:Do not|Don't|Never|Avoid) ",
        [
            "what should I [avoid|not do] with {x}",
            "is it [wise|a good idea|allowed] to {x}",
            "what is [forbidden|a mistake|discouraged] about {x}",
            "any warning about {x}",
        ],
    ),
    (
        r"(?:Note that|Note:|Please note|Warning|Caution|Beware)",
        [
            "any [warning|caution|remark] about {x}",
            "what should I [watch out for|be aware of|know] with {x}",
            "is there a [catch|pitfall] with {x}",
            "[caution|care] with {x}",
        ],
    ),
    (
        (
            r"(?:Note that |Currently,? |By default,? |However,? |Only )(.{6,50}?) (?:is|are|was|"
            r"were|will be) "
        ),
        [
            "what [is the case with|happens to|holds for|is true of] {a}",
            "what about {a}",
            "how is it with {a}",
        ],
    ),
]
SENTENCES = [(re.compile(pattern), templates) for pattern, templates in SENTENCES]
