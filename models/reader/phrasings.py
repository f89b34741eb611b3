"""How people ask: phrasings per kind of question.

A phrasing is a template: `[a|b|]` chooses (and nests), `{slot}` is filled in. Verbs and nouns are
mostly words that do not stand in the answer.
"""

import re

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def expand(template, rng):
    while match := _CHOICE.search(template):
        options = match[1].split("|")
        template = template[: match.start()] + rng.choice(options) + template[match.end() :]
    return re.sub(r"  +", " ", template)


_DO = "[do|mean|change|cause|stand for|bring|achieve|control|result in]"
_WHAT_FOR = (
    "[what is {x} for|what is {x} good for|why would I [use|give|pass|set] {x}|"
    "when [should|do] I use {x}|"
    "what is the [purpose|point|effect|meaning|role] of {x}|what happens with {x}]"
)
_EXPLAIN = "[explain|describe|look up|tell me about|find|show me|summarise] {x}"
_GENERAL = [
    "[what does|what will|what would|what did] {x} " + _DO,
    _WHAT_FOR,
    _EXPLAIN,
    "[what is|what's] {x}",
    "{x}",
    "{x} [meaning|explanation|purpose|?|help]",
    "how [is {x} [explained|described|documented|defined]|does {x} work]",
    (
        "[where is|where do I find|where can I read about|in which line is] {x}[ described| "
        "explained| documented|]"
    ),
    "[meaning of|about|help on|definition of] {x}",
    (
        "[I do not understand|I have never seen|somebody mentioned|I came across] {x}[, what is "
        "it|, what does it do|; what is that]"
    ),
]


def _with(noun):
    """General phrasings with what kind of thing x is."""
    return [
        t.replace("{x}", f"[{{x}}|the {noun} {{x}}|{{x}}|{noun} {{x}}|the {{x}} {noun}]")
        for t in _GENERAL
    ]


TEMPLATES = {
    "option": _with("[option|flag|switch|argument|parameter]")
    + [
        (
            "what [changes|happens|is different] [when|if] I [pass|give|add|use|type|say|run it "
            "with] {x}"
        ),
        "what do I get [with|from|by passing|by giving] {x}",
        "[which|what] [behaviour|effect] does {x} [have|turn on|switch on|select]",
        "is {x} something I need[, what does it do|]",
        "what happens if I call {p} with {x}",
        "why do people run {p} with {x}",
    ],
    "setting": [
        "[what is|what's] {x} [set to|configured as|given as|here|now|by default|]",
        "[which|what] value [has|is given to|is set for|is assigned to|stands for] {x}",
        "[what is|tell me|give me|look up|find] the [value|setting|content] of {x}",
        "how is {x} [set|configured|defined|given]",
        "what stands [behind|after|next to|for] {x}",
        "{x}",
        "{x} value",
        "[where is|in which line is] {x} [set|configured|defined|given]",
        "what did they [choose|write|put|enter] for {x}",
        "to what is [the [setting|key|entry|field] |]{x} set",
        "what does the [setting|key|entry|field|line] {x} [say|hold|contain|have]",
        "which {x} is [used|given|named|configured|listed]",
        "I need the {x}",
    ],
    "variable": _with("[environment variable|variable|name|constant|setting|keyword]")
    + [
        "what [should|do] I [set|export|put in|write into] {x}[ for|]",
        "what happens when {x} is [set|exported|defined|in the environment]",
        "which [effect|influence] has {x}",
        "what [reads|uses] {x}[ and why|]",
    ],
    "status": [
        (
            "what [does|would|will] [exit status|exit code|return code|status|error code|code|"
            "result|return value] {x} [mean|stand for|tell me|indicate|say]"
        ),
        "[when|why|in what case] does it [return|exit with|end with|stop with|give|leave with] {x}",
        (
            "[it|the program|the command|my script|{p}] [returned|ended with|exited with|came "
            "back with|stopped with|failed with|left with] {x}[, why|, what is wrong|. What "
            "happened|; what does that mean]"
        ),
        "meaning of [exit status|exit code|return code|status|error] {x}",
        "[explain|what is] [exit status|exit code|return code|status|error] {x}",
        "I [get|see|got] [exit status|exit code|return code|] {x}[, what is that|; is that bad|]",
        "[exit status|exit code|return code|status|error] {x}",
        "how [should|do] I [read|interpret|understand] a [result|return value|status|code] of {x}",
    ],
    "number": [
        "what [does|would] [[number|value|code|entry|] |]{x} [mean|stand for|select|name|refer to]",
        "[what is|what's] [number |value |entry |code |]{x}",
        "[number|value|entry|row|code] {x}",
        "[what|which one] is listed [under|as|at|for] {x}",
        "what [belongs to|goes with|comes with] {x}",
        "[explain|look up|find] [number|value|entry|code] {x}",
        "which [thing|item|entry] has [number|value|code] {x}",
    ],
    "step": [
        "what is [step|point|item|number|rule] {x}",
        "[step|point|item|number] {x}",
        "what [does|do I do in|happens in|comes at|stands at] [step|point|item] {x}[ say|]",
        "[read|give|tell] me [step|point|item|number] {x}",
        "what is the {nth} [step|point|item|thing|rule]",
        "which is the {nth} [step|point|item|one]",
        "what comes {nth}",
    ],
    "error": _with("[error|errno|failure|error code]")
    + [
        "[when|why|in what case] do I get {x}",
        "[the call|it|my program] [fails|failed] with {x}[, why|. What is wrong|]",
        "what went wrong if I see {x}",
        "which [mistake|problem|condition|cause] [gives|leads to|produces|is behind] {x}",
    ],
    "signal": _with("[signal|]")
    + [
        "what happens [on|upon|after|when it receives] {x}",
        "[how does it react|what does it do when I send it|what is the reaction] {x}",
        "why would I send {x}",
    ],
    "program": [
        "[what is|what's] {x}[ for| good for| used for|]",
        "what does [the [program|command|tool] |]{x} do",
        "what kind of [program|tool|thing] is {x}",
        "[explain|describe|introduce] {x}[ in one line| briefly|]",
        "[what|which job] is [the purpose of|done by|the task of] {x}",
        "why would I [run|install|use] {x}",
        "{x} in [one|a single] line",
        "which manual page is this, and what is {x}",
        "what can [I|one] do with {x}",
        "what is {x} [about|in short]",
    ],
    "term": _with("[term|word|entry|name|]")
    + [
        "what is [meant|understood] by {x}",
        "how [would|do] they define {x}",
        "define {x}",
        "what [does|do] {x} [mean|refer to|stand for]",
        "what are {x}",
        "[who|what] is {x}",
    ],
    "is": [
        "[what is|what's|what are|what was] [a |an |the |]{x}",
        "define {x}",
        "[explain|describe|tell me about] {x}",
        "what [kind|sort] of thing is {x}",
        "what [is|do they mean] by {x}",
        "how is {x} [defined|described|characterised]",
        "who or what is {x}",
        "{x}",
        "what do I have to imagine under {x}",
        "definition of {x}",
    ],
    "command": _with("[command|subcommand|action|function|name|entry]")
    + [
        "what happens [when|if] I [call|run|type|enter|use] {x}",
        "what [is done by|can I do with] {x}",
        "what do I get from {x}",
        "[how|when] [do|should|would] I use {x}",
    ],
    "function": [
        (
            "[where is|find|show|show me|give me] [the [function|routine|method|definition of] |"
            "]{x}[ defined| declared| implemented|]"
        ),
        "what [arguments|parameters|inputs] does {x} [take|have|want|need|expect]",
        "how is {x} [called|declared|defined]",
        "[signature|prototype|declaration|definition|header] of {x}",
        "what is the [signature|prototype|interface|first line] of {x}",
        "[who|what] implements {x}",
        "how do I call {x}",
        "which line [defines|declares|begins|introduces] {x}",
        "what does {x} accept",
        "{x}",
        "{x} [function|definition]",
        "what do I [pass|hand|give] to {x}",
    ],
    "macro": [
        "what is {x} [defined as|defined to be|set to|replaced by]",
        "[what is|find|show me] the [value|definition|expansion] of {x}",
        "to what does {x} expand",
        "where is [the macro|the constant|] {x} defined",
        "[value|definition|macro] {x}",
        "what does {x} [stand for|become|expand to|hold]",
        "{x}",
        "[how big|how much|how many|what] is {x}",
        "which number is behind {x}",
    ],
    "constant": [
        "[what is|what's|find|show me] [the value of |]{x}[ set to| equal to|]",
        "what does {x} [hold|contain|equal|stand for]",
        "where is [the constant|] {x} [defined|set|assigned]",
        "which value has {x}",
        "{x}",
        "value of {x}",
        "what is [assigned|given] to {x}",
        "how is {x} [defined|set|initialised|computed]",
        "what did they choose for {x}",
    ],
    "assignment": [
        "[what is|what gets] [assigned to|stored in|put into|kept in] {x}",
        "how is [the variable|] {x} [set|computed|made|initialised|filled]",
        "where does {x} [come from|get its value]",
        "what does {x} [hold|get|start as|start with|become]",
        "which expression [gives|fills|sets|makes] {x}",
        "[initial|first] value of {x}",
        "where is {x} [set|assigned|created]",
    ],
    "class": [
        "where is [the class|the type|the module|] {x} [defined|declared]",
        "[find|show me|locate] [class|the class|] {x}",
        "what does {x} [derive from|inherit from|extend|build on]",
        "[definition|declaration|first line] of {x}",
        "which line [defines|begins|introduces] {x}",
        "how is {x} declared",
        "what is the [base|parent|superclass] of {x}",
        "{x}",
    ],
    "struct": [
        "where is [the struct|the type|the structure|] {x} [defined|declared]",
        "[find|show me|locate] [struct|type|] {x}",
        "[definition|declaration|beginning] of {x}",
        "which line [defines|begins|introduces] {x}",
        "how is {x} declared",
        "{x}",
    ],
    "field": [
        "what is [the [field|member] |]{x}[ for| used for|]",
        "what does [the [field|member] |]{x} [hold|store|keep|mean|contain]",
        "[meaning|purpose|role] of {x}",
        "how is {x} [explained|described|used]",
        "{x}",
    ],
    "purpose": [
        "what does [the [function|method|class] |]{x} do",
        "what is {x} for",
        "[explain|describe|summarise] {x}",
        "what is the [job|purpose|task|point] of {x}",
        "[why|when] would I [call|use] {x}",
        "how is {x} documented",
        "what does the [docstring|comment|documentation] of {x} say",
        "which [task|work|job] does {x} [do|have]",
    ],
    "heading-text": [
        "what does [the [section|part|chapter|paragraph] |]{x} [say|begin with|start with|tell]",
        "what is [said|written|told|explained] [under|in|below] {x}",
        "[read|begin|open|quote] [the section |]{x}",
        "how does [the [section|part|chapter] |]{x} [start|begin|open]",
        "[first sentence|beginning] of [the section |]{x}",
        "what [stands|is] below [the [heading|title] |]{x}",
        "what is [the [section|part|chapter] |]{x} about",
        "what do they say about {x}",
        "summarise [the section |]{x}",
    ],
    "word": [
        "where is [the word |the name |the text |]{x}[ mentioned| used| written|]",
        "[find|search for|locate|show me] [the word |the name |]{x}",
        "where does [the word |]{x} [occur|appear|stand|come up|turn up]",
        "what [follows|comes after|stands after] [the word |]{x}",
        "[quote|give me|read] the line with {x}",
        "which line [has|contains|mentions|holds] {x}",
        "is {x} mentioned[ anywhere|]",
        "does [anything|any source|the text] [mention|contain|use] {x}",
        "what about {x}",
        "in [what|which] [sentence|line|place] does it say {x}",
    ],
    "goes-on": [
        (
            "how does the [sentence|line|text|passage] [that starts with|beginning with|that "
            "begins] {x} [go on|continue|end]"
        ),
        "[continue|complete|finish|go on from]: {x}",
        "what comes after {x}",
        "[quote|read] the [sentence|line] that [starts|begins] with {x}",
        "[complete|finish] the [sentence|line|quotation] {x}",
        "how does it go on after {x}",
        "{x} ... and then",
    ],
    "about": [
        (
            "what [is said|does it say|do the sources say|does the text say|is written|do we "
            "learn|is known] about {x}"
        ),
        "[what|anything] about {x}",
        "[tell me|what do you know|say something|find something] about {x}",
        "[where|in which place] is {x} [mentioned|discussed|explained|treated]",
        "{x}",
        "what [applies to|holds for|is true of] {x}",
        "what should I know about {x}",
        "[quote|find|show] the [sentence|passage|place] about {x}",
        "how is it with {x}",
        "what is the [matter|story|situation|rule] with {x}",
        "information on {x}",
        "what do they write on {x}",
    ],
    "how-many": [
        (
            "how many {unit} [are there|are possible|are allowed|is it|does it take|are needed|"
            "are given|] [with|for|about|as to|concerning] {x}"
        ),
        "[what is the number of|how many] {unit} [for|with|in case of] {x}",
        "{x}: how many {unit}",
        "which number of {unit} [goes with|belongs to|is given for] {x}",
    ],
    "default": [
        "what is the default [of|for|with|concerning] {x}",
        "what [happens|is used|is assumed|do I get] by default [with|for|about] {x}",
        "which default [applies to|holds for|is there for|has] {x}",
        "if I [say|set|give] nothing, what about {x}",
        (
            "what [holds|applies|is taken|is the value] [if|when] {x} is [not given|left out|"
            "missing|not set]"
        ),
        "default of {x}",
        "[standard|usual|initial|preset] value [of|for] {x}",
        "what would {x} be if I [leave it out|do not set it|do nothing]",
    ],
    "when": [
        "when [was|did|is] {x}",
        "[in which|what] year [was|is] {x}",
        "since when [is there|do we have] {x}",
        "[date|year] of {x}",
        "when did that with {x} happen",
        "how old is {x}",
        "which [version|release|date] [belongs to|goes with] {x}",
    ],
    "said": [
        "what did {speaker} say [about|on|concerning] {x}",
        "what was {speaker}'s [view|point|remark] on {x}",
        "[did {speaker} say|has {speaker} said] anything about {x}",
        "{speaker} [mentioned|talked about] {x}[, what exactly|. What was it|]",
        "[who|somebody] [talked|spoke] about {x}[, what was said|]",
        "what was said [about|on] {x}",
        "which remark was made about {x}",
    ],
    "said-at": [
        "what [was|is] [said|told] at {x}",
        "what did {speaker} say at {x}",
        "[quote|read] what comes at {x}",
        "{x}",
        "what happens at {x}",
        "which words fall at {x}",
    ],
    "overview": [
        (
            "[what is this about|what are these about|give me an overview|what is in here|what "
            "does this cover]"
        ),
        (
            "[which|what] [topics|subjects|sections|parts|headings] [are there|are covered|does "
            "it have|do I find here]"
        ),
        "[summarise|outline|list] the [headings|sections|contents|structure]",
        "[table of contents|overview|summary]",
        "how is [this|it|the text] [organised|structured|divided]",
        "[what can I read about|what can I learn] here",
    ],
}

INVERSE = {
    "option": "[option|flag|switch|argument]",
    "setting": "[setting|key|entry]",
    "variable": "[variable|environment variable|setting]",
    "command": "[command|subcommand|action|function|entry]",
    "term": "[term|entry|name|word]",
    "status": "[exit status|exit code|status|code|return code]",
    "error": "[error|error code|errno]",
    "signal": "signal",
    "function": "[function|routine|method]",
    "purpose": "[function|method|class]",
    "number": "[number|value|code|entry]",
}
INVERSE_VERB = [  # about = "print the version"
    (
        "[which|what] {noun} [makes it|lets me|will|would|can|is used to|is there to|helps to|"
        "allows me to] {about}"
    ),
    "how [do I|can I|could I|would I|does one] {about}",
    "I [want|would like|need|have|am trying] to {about}",
    "[is there|do we have] [a way|a {noun}|something] to {about}",
    "how to {about}",
    "[what|which {noun}] do I [use|give|need|take] to {about}",
    "can [it|{p}|I] {about}",
]
INVERSE_NOUN = [  # about = "name of the output file"
    (
        "[which|what] {noun} [is about|has to do with|concerns|deals with|is for|stands for|means|"
        "gives] {about}"
    ),
    "{noun} for {about}",
    "[find|name|give me|tell me] the {noun} [for|about|that concerns|that has to do with] {about}",
    "[how do I|where do I] [control|set|choose|find] {about}",
    "is there [a|any] {noun} [for|about] {about}",
]

FOLLOW_UP = [
    "[and|what about|how about|and what about|same for|now] {x}",
    "and {x} then",
    "{x} too",
    "and what is {x}",
    "what of {x}",
    "the same question for {x}",
    "ok, and {x}",
]

WHERE = [
    " [in|of|for|from] {p}",
    " [in|of|for] {p}",
    ", in {p}",
    " [according to|as {p} has it, in] {p}",
    " [in the file|in the source|in the document] {p}",
]
OPENERS = [  # the last five go before anything, the others before a question
    "please [tell me|say]: ",
    "can you tell me ",
    "[quick|one|short] question: ",
    "I would like to know ",
    "do you know ",
    "tell me, ",
    "according to the [text|sources|documents], ",
    "I wonder ",
    "so ",
    "now, ",
    "in {p}, ",
    "for {p}: ",
    "looking at {p}: ",
    "hi, ",
    "hello! ",
]
CLOSER = "[ please|, please| exactly| again| here| actually| in these sources| in the text]"
