"""Invented facts: sentences of the kind that manuals and comments hold, about names that nobody has.

Everything follows from a seed. A question names the thing and says in other words what it asks.
"""

import hashlib


def part(seed, what):
    """A number from 0 to 1."""
    return int(hashlib.sha256(f'{seed}\t{what}'.encode()).hexdigest()[:12], 16) / 16**12


def pick(seed, what, items):
    return items[int(part(seed, what) * len(items))]


ONSETS = 'b br c cr d dr f g gr h j k l m n p pr qu r s st t tr v w z'.split()
VOWELS = 'a e i o u ai ei ou'.split()
MIDDLES = 'l ll r rr n nn m s ss v x z lm rn nd sk rv'.split()
ENDS = 'a or in iv ex um el ith an ock os er ade une'.split()


def invented(seed, what):
    def one(which, items):
        return pick(seed, f'{what} {which}', items)

    name = one('a', ONSETS) + one('b', VOWELS) + one('c', MIDDLES) + one('d', ENDS)
    return name.capitalize()


PEOPLE = (
    'Ines Okonkwo-Farr', 'Tomas Verbruggen-Ito', 'Halina Abubakar-Lund', 'Ravi Oyelaran-Stein',
    'Greta Mbeki-Soler', 'Jonas Quispe-Haar', 'Mirela Tanaka-Boyd', 'Oskar Nyong-Pell',
)
REASONS = (
    'older printers mistake it for a page break',
    'it doubles the heat that the board gives off',
    'two clerks once lost an afternoon of entries to it',
    'the far end of a slow line takes it for noise',
)
DUTIES = (
    'be sealed again before the harbour closes',
    'be counted twice by different people',
    'carry the initials of the night clerk',
    'be returned to the drawer that it came from',
)
EXPANSIONS = (
    'very patient letter sorting', 'remote orchard watering plan',
    'quiet lamp timing rules', 'second copy of the ledger',
)

# A form: its sentence, what answers (the part of it that the question leaves out), its questions.
# {N} is the name, {n} the same in small letters, {x} what is filled in: it follows from the seed, the
# name, and how many facts of the form there are before it.
FORMS = {
    'path': (
        'The {N} journal is written to {x} and nowhere else.', lambda s, n, k: f'/var/lib/{n}/ring.log',
        ('Where does {N} keep its journal?', 'In which file do I find the {N} journal?'),
    ),
    'duration': (
        'A {N} lease runs out after {x} without a heartbeat.',
        lambda s, n, k: f'{int(part(s, n) * 80) + 11} minutes',
        ('How long does a {N} lease last?', 'After what time does a {N} lease expire?'),
    ),
    'size': (
        'The {N} buffer never grows beyond {x}.',
        lambda s, n, k: f'{int(part(s, n) * 800) + 101} KiB',
        ('How large can the {N} buffer get?', 'What is the size limit of the {N} buffer?'),
    ),
    'person': (
        'The {N} patch was contributed by {x}.', lambda s, n, k: PEOPLE[k % len(PEOPLE)],
        ('Who wrote the {N} patch?', 'Name the person behind the {N} patch.'),
    ),
    'number': (
        'By default {N} listens on port {x}.', lambda s, n, k: f'{int(part(s, n) * 40000) + 20011}',
        ('Which port number does {N} use?', 'On what port can {N} be reached?'),
    ),
    'reason': (
        '{N} mode is off by default because {x}.', lambda s, n, k: REASONS[k % len(REASONS)],
        ('Why is {N} mode not enabled?', 'What is the reason that {N} mode is disabled?'),
    ),
    'release': (
        'Support for {N} was added in release {x}.',
        lambda s, n, k: f'{int(part(s, n) * 7) + 3}.{int(part(s, n + "b") * 80) + 12}',
        ('Since which version is {N} supported?', 'When did {N} first appear?'),
    ),
    'duty': (
        'Every {N} token must {x}.', lambda s, n, k: DUTIES[k % len(DUTIES)],
        ('What is required of a {N} token?', 'Which rule applies to a {N} token?'),
    ),
    'meaning': (
        '{N} is short for "{x}".', lambda s, n, k: EXPANSIONS[k % len(EXPANSIONS)],
        ('What does {N} mean?', 'What do the letters of {N} stand for?'),
    ),
    'status': (
        'The helper {n} ends with status {x} when the table is locked.',
        lambda s, n, k: f'{int(part(s, n) * 90) + 31}',
        ('Which exit status does {n} give for a locked table?',
         'What does {n} return if the table is locked?'),
    ),
}


def make(seed, count, is_free, salt='fact'):
    """Facts {form, name, sentence, question, answer}; no name twice, none that is not free."""
    forms, made, taken = list(FORMS), [], set()
    for i in range(count):
        form = forms[i % len(forms)]
        sentence, filler, questions = FORMS[form]
        for again in range(1000):
            name = invented(seed, f'{salt} {i} {again}')
            if name not in taken and len(name) >= 6 and is_free(name):
                break
        taken.add(name)
        answer = filler(seed, name.lower(), i // len(forms))
        question = questions[(i // len(forms)) % len(questions)]
        words = {'N': name, 'n': name.lower(), 'x': answer}
        made.append({
            'form': form, 'name': name, 'answer': answer,
            'sentence': sentence.format(**words), 'question': question.format(**words),
        })
    return made


def absent(seed, count, is_free):
    """Questions of the same kind about names that were never planted."""
    planted = {fact['name'] for fact in make(seed, 40, is_free)}
    made = make(seed, count, lambda name: is_free(name) and name not in planted, 'absent')
    return [
        {'kind': 'absent', 'family': fact['form'], 'text': fact['question'], 'asked': fact['name']}
        for fact in made
    ]
