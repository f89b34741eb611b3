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
)
DOES = (
    'sort the ledger by harbour', 'print every crate twice',
    'leave the lamps of the quay alone', 'weigh the barges before they are moored',
)
LIMITS = (
    'the number of crates that one clerk may open', 'how long a lamp burns after the last ship',
    'the colour of the seal on a closed ledger', 'how many barges may wait at the lock',
)
MISHAPS = (
    'the ledger is locked by another clerk', 'the seal of a crate was broken',
    'two barges claim the same berth', 'the lamp went out during the count',
)
THINGS = (
    'short rope that ties two barges together', 'clerk who counts crates by night',
    'seal that can be opened once', 'lamp that shows where the quay ends',
)
FOLDERS = (
    'where the night ledger lies', 'with the seals of last year', 'of the crates that nobody fetched',
    'in which lamps are registered',
)
RETURNS = (
    'the number of barges in the lock', 'the name of the clerk on duty',
    'the weight of the heaviest crate', 'whether the quay is lit',
)
EXPANSIONS = (
    'very patient letter sorting', 'remote orchard watering plan',
    'quiet lamp timing rules', 'second copy of the ledger',
)


def among(items):
    return lambda seed, name, before: items[before % len(items)]


# Facts of the kinds that manuals and comments state of a name: an option, a setting, an error, a
# constant, a term, a path, a person, a variable, a function, an abbreviation. A form: its sentence;
# what is filled in, which follows from the seed, the name and how many of the form come before it
# (it is what answers); its questions. {N} is the name, {n} in small and {U} in capital letters.
FORMS = {
    'option': (
        'With --{n} the command will {x}.', among(DOES),
        ('What does --{n} do?', 'What happens when I pass --{n}?'),
    ),
    'setting': (
        'The setting {n}_limit is {x}.', among(LIMITS),
        ('What is {n}_limit for?', 'What can I adjust with {n}_limit?'),
    ),
    'error': (
        'E{U} means that {x}.', among(MISHAPS),
        ('When do I get E{U}?', 'My call failed with E{U}. What went wrong?'),
    ),
    'constant': (
        '{U}_MAX is {x} in every release.',
        lambda seed, name, before: f'{int(part(seed, name) * 800) + 101}',
        ('What is the value of {U}_MAX?', 'How large is {U}_MAX?'),
    ),
    'term': (
        'A {n} is a {x}.', among(THINGS), ('What is a {n}?', 'What is meant by {n}?'),
    ),
    'path': (
        'The {N} journal is written to {x} and nowhere else.',
        lambda seed, name, before: f'/var/lib/{name}/ring.log',
        ('Where does {N} keep its journal?', 'In which file do I find the {N} journal?'),
    ),
    'person': (
        'The {N} patch was contributed by {x}.', among(PEOPLE),
        ('Who wrote the {N} patch?', 'Name the person behind the {N} patch.'),
    ),
    'variable': (
        '{U}_HOME names the folder {x}.', among(FOLDERS),
        ('What does {U}_HOME mean?', 'What is {U}_HOME good for?'),
    ),
    'function': (
        '{n}_open() returns {x}.', among(RETURNS),
        ('What does {n}_open return?', 'What do I get back from {n}_open()?'),
    ),
    'meaning': (
        '{N} is short for {x}.', among(EXPANSIONS),
        ('What does {N} mean?', 'What do the letters of {N} stand for?'),
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
        words = {'N': name, 'n': name.lower(), 'U': name.upper(), 'x': answer}
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
