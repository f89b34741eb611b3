#!/usr/bin/env python3
"""The corpus of `./dev bench reading`: a million tokens of manual pages and source code.

    corpus.py make --to FOLDER [--heldout FOLDER] [--work FOLDER]

takes the files that corpus.txt lists from packages that the built-in model was never trained on
(models/reader/corpus.py fetches and unpacks them; --heldout names what it left before), checks each
against its sha256, and puts in the planted facts of questions.jsonl. What is there and right is left
alone. Debian replaces packages by corrected ones: what then differs is named, and is another corpus.

    corpus.py list --heldout FOLDER     writes corpus.txt (once, when the corpus was fixed)
    corpus.py plant --heldout FOLDER    prints planted facts and invented absent ones (the same)
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import textwrap
from pathlib import Path

sys.dont_write_bytecode = True
import facts  # noqa: E402

HERE = Path(__file__).resolve().parent
READER = HERE.parent.parent.parent / 'models' / 'reader'
LIST = HERE / 'corpus.txt'
QUESTIONS = HERE / 'questions.jsonl'
FOLDERS = ('man', 'bin', 'include', 'lib', 'share', 'src')
WIDTH = 78


def fail(text):
    sys.exit(f'corpus: {text}')


def digest(data):
    return hashlib.sha256(data).hexdigest()


# ---- the list ----


def list_read():
    """[(sha256, path)], and the sha256 of the whole planted corpus."""
    rows, whole = [], None
    for line in LIST.read_text().splitlines():
        if line.startswith('# planted '):
            whole = line.split()[2]
        elif line and not line.startswith('#'):
            rows.append(tuple(line.split('  ', 1)))
    return rows, whole


def list_write(heldout, planted):
    manifest = json.loads((heldout.parent / 'manifest.json').read_text())
    versions = {row['package']: row['version'] for row in manifest['packages']}
    out = [f'# planted {planted}' if planted else '# planted -']
    for package in sorted(path.name for path in heldout.iterdir() if path.is_dir()):
        files = sorted(
            path.relative_to(heldout).as_posix()
            for path in (heldout / package).rglob('*')
            if path.is_file() and path.relative_to(heldout / package).parts[0] in FOLDERS
        )
        if files:
            out.append(f'# {package} {versions[package]}')
        out += [f'{digest((heldout / name).read_bytes())}  {name}' for name in files]
    LIST.write_text('\n'.join(out) + '\n')


# ---- the files, as they come out of the packages ----


def heldout_make(work):
    sys.path.insert(0, str(READER))
    import corpus as reader  # noqa: PLC0415

    rows = [row for row in reader.packages_read(READER / 'packages.txt') if row.part == 'heldout']
    reader.corpus_make(rows, work.resolve(), 2)
    return work / 'corpus' / 'heldout'


def files_read(heldout):
    """{path: text}; ends where a file is not the listed one."""
    rows, _ = list_read()
    texts, wrong = {}, []
    for sha256, name in rows:
        path = heldout / name
        data = path.read_bytes() if path.is_file() else b''
        if digest(data) != sha256:
            wrong.append(name)
        texts[name] = data.decode()
    if wrong:
        fail(
            f'{len(wrong)} of {len(rows)} files are not those of the list, the first is {wrong[0]}: '
            'Debian has a newer package than corpus.txt names, or --heldout is another folder'
        )
    return texts


# ---- places where something can be put in ----

COMMENT = {
    '.h': '/*', '.c': '/*', '.js': '//', '.go': '//', '.py': '#', '.rb': '#', '.pm': '#',
    '.pl': '#', '.service': '#', '.sh': '#',
}
BEFORE = {
    '.h': r'(typedef|struct|enum|#define|[a-z_]\w* .*\()',
    '.c': r'(typedef|struct|enum|#define|[a-z_]\w* .*\()',
    '.js': r'\s*(function|class|const|var|let) ',
    '.go': r'(func|type|var|const) ',
    '.py': r'\s*(def|class|@)',
    '.rb': r'\s*(def|class|module|attr_)',
    '.pm': r'sub ', '.pl': r'sub ', '.sh': r'\w+ ?\(\)', '.service': r'\[',
}


def is_manual(name):
    return '/man/' in name


def quoted_lines(name, lines):
    """Lines that stand inside of a comment, a docstring or documentation: no place for code."""
    suffix, inside, out = Path(name).suffix, False, set()
    for i, line in enumerate(lines):
        if suffix in ('.h', '.c', '.js', '.go'):
            inside = (inside or '/*' in line) and '*/' not in line.rpartition('/*')[2]
        elif suffix == '.py':
            inside ^= (line.count('"""') + line.count("'''")) % 2 == 1
        elif suffix in ('.pm', '.pl'):
            if re.match(r'=\w', line):
                inside = not line.startswith('=cut')
            inside |= line.startswith('__END__')
        if inside:
            out.add(i)
    return out


def indent_of(line):
    return len(line) - len(line.lstrip(' '))


def places(name, lines):
    """Lines in front of which a paragraph or a comment can stand."""
    if is_manual(name):
        return [
            i for i in range(4, len(lines))
            if not lines[i - 1].strip() and lines[i].strip() and lines[i - 2].strip()
            and indent_of(lines[i]) >= 4 and indent_of(lines[i - 2]) >= 4
        ]
    pattern = BEFORE.get(Path(name).suffix)
    if pattern is None:
        return []
    inside = quoted_lines(name, lines)
    return [
        i for i in range(1, len(lines))
        if not lines[i - 1].strip() and i not in inside and i - 1 not in inside
        and re.match(pattern, lines[i])
    ]


def dress(name, line, sentence):
    """The sentence as it stands before `line`: (its lines, what is put after them)."""
    blanks = line[: len(line) - len(line.lstrip())] if not is_manual(name) else ' ' * indent_of(line)
    sign = None if is_manual(name) else COMMENT[Path(name).suffix]
    width = max(WIDTH - len(blanks.expandtabs(8)) - 3, 40)
    body = textwrap.wrap(sentence, width, break_long_words=False, break_on_hyphens=False)
    if sign is None:
        return [blanks + row for row in body], ['']
    if sign != '/*':
        return [f'{blanks}{sign} {row}' for row in body], []
    body = [f'{blanks}{" *" if i else "/*"} {row}' for i, row in enumerate(body)]
    body[-1] += ' */'
    return body, ['']


# ---- planting ----


def plant(texts, questions):
    """Puts the facts in. A question's lines are those of the finished file."""
    by_path = {}
    for question in questions:
        if 'planted' in question:
            by_path.setdefault(question['path'], []).append(question)
    for path, planted in by_path.items():
        lines = texts[path].split('\n')
        for question in sorted(planted, key=lambda question: question['line_first']):
            at = question['line_first'] - 1
            rows, after = question['planted'], question.get('after', [])
            lines[at:at] = rows + after
        texts[path] = '\n'.join(lines)


def draw(texts, seed, count):
    """`count` facts at places that are uniform over the corpus, one to each part of it."""
    whole = '\n'.join(texts.values()).lower()
    made = facts.make(seed, count, lambda name: name.lower() not in whole)
    total = sum(len(text) for text in texts.values())
    names = list(texts)
    starts, at = {}, 0
    for name in names:
        starts[name] = at
        at += len(texts[name])
    taken, out = {}, []
    for i, fact in enumerate(made):
        aim = (i + facts.part(seed, f'place {i}')) * total / count
        best = None
        for name in names:
            lines, offset = texts[name].split('\n'), starts[name]
            if abs(offset - aim) > 40_000 and abs(offset + len(texts[name]) - aim) > 40_000 and not (
                offset <= aim <= offset + len(texts[name])
            ):
                continue
            sums = [0]
            for line in lines:
                sums.append(sums[-1] + len(line) + 1)
            for line in places(name, lines):
                away = abs(offset + sums[line] - aim)
                if (best is None or away < best[0]) and line not in taken.get(name, set()):
                    best = (away, name, line)
        _, name, line = best
        taken.setdefault(name, set()).add(line)
        out.append((name, line, fact))
    return settle(texts, out)


def settle(texts, drawn):
    """Lines of the finished files: what stands above moves what stands below."""
    questions = []
    for name in dict.fromkeys(name for name, _, _ in drawn):
        shift = 0
        for line, fact in sorted(
            ((line, fact) for path, line, fact in drawn if path == name), key=lambda row: row[0]
        ):
            rows, after = dress(name, texts[name].split('\n')[line], fact['sentence'])
            first = line + shift + 1
            shift += len(rows) + len(after)
            questions.append({
                'kind': 'planted', 'family': fact['form'], 'text': fact['question'],
                'asked': fact['name'], 'path': name, 'line_first': first,
                'line_last': first + len(rows) - 1, 'expected': fact['answer'],
                'planted': rows, 'after': after,
            })
    return questions


# ---- the whole ----


def tree_digest(texts):
    whole = hashlib.sha256()
    for name in sorted(texts):
        whole.update(f'{name}\t{digest(texts[name].encode())}\n'.encode())
    return whole.hexdigest()


def questions_read():
    if not QUESTIONS.exists():
        return []
    return [json.loads(line) for line in QUESTIONS.read_text().splitlines()]


def make(heldout, to):
    texts = files_read(heldout)
    plant(texts, questions_read())
    _, whole = list_read()
    if tree_digest(texts) != whole:
        fail('corpus.txt and questions.jsonl are not of the same corpus')
    for name, text in texts.items():
        path = to / name
        if not path.is_file() or path.read_bytes() != text.encode():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    for path in sorted(to.rglob('*')):
        if path.is_file() and path.relative_to(to).as_posix() not in texts:
            fail(f'{path} does not belong to the corpus: --to wants a folder of its own')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('what', choices=('make', 'list', 'plant'))
    parser.add_argument('--to', type=Path)
    parser.add_argument('--heldout', type=Path)
    parser.add_argument('--work', type=Path, default=Path('build/bench/reading'))
    parser.add_argument('--seed', default='reading 1')
    args = parser.parse_args()
    heldout = args.heldout or heldout_make(args.work)
    if args.what == 'make':
        if not args.to:
            parser.error('make wants --to')
        make(heldout, args.to)
    elif args.what == 'list':
        list_write(heldout, None)
        texts = files_read(heldout)
        plant(texts, questions_read())
        list_write(heldout, tree_digest(texts))
    else:
        texts = files_read(heldout)
        for question in draw(texts, args.seed, 40) + facts.absent(
            args.seed, 10, lambda name, whole='\n'.join(texts.values()).lower(): name.lower() not in whole
        ):
            print(json.dumps(question))


if __name__ == '__main__':
    main()
