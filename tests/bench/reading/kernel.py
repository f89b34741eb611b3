"""Five million tokens: a fixed slice of a kernel's documentation and drivers, which kernel.txt lists."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parent / 'kernel.txt'


def list_read():
    """(package, {step: [folder]}, {step: sha256}); each step stands on those before it."""
    package, folders, digests = None, {}, {}
    for line in LIST.read_text().splitlines():
        words = line.split()
        if line.startswith('# package '):
            package = words[2:4]
        elif line.startswith('# step '):
            digests[words[2]] = words[3]
            folders[words[2]] = []
        elif words and not line.startswith('#'):
            folders[list(folders)[-1]].append(words[0])
    return package, folders, digests


def digest(tree, folders):
    whole = hashlib.sha256()
    for folder in folders:
        for path in sorted((tree / folder).rglob('*')):
            if path.is_file() and not path.is_symlink():
                name = path.relative_to(tree).as_posix()
                whole.update(f'{name}\t{hashlib.sha256(path.read_bytes()).hexdigest()}\n'.encode())
    return whole.hexdigest()


def version(tree):
    text = (tree / 'Makefile').read_text()
    return '.'.join(
        re.search(rf'^{name} = (\d+)', text, re.M).group(1)
        for name in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL')
    )


def tree_make(work):
    """The package's sources, unpacked; fetched by apt where they are not there yet."""
    name = list_read()[0][0]
    tree = work / 'kernel' / name
    if not (tree / 'Makefile').exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(['apt-get', '-qq', 'download', name], cwd=tree.parent, check=True)
        archive = max(tree.parent.glob(f'{name}_*.deb'))
        out = tree.parent / 'deb'
        subprocess.run(['dpkg-deb', '-x', archive, out], check=True)
        inner = next(out.glob(f'usr/src/{name}.tar.*'))
        subprocess.run(['tar', '-xf', inner, '-C', tree.parent], check=True)
        shutil.rmtree(out)
    return tree


def slices(tree):
    """[[folders of the first step], [of the first two], ...]; ends where they are not the listed ones."""
    package, folders, digests = list_read()
    out, so_far = [], []
    for step, names in folders.items():
        so_far = so_far + names
        if digest(tree, names) != digests[step]:
            sys.exit(
                f'reading: step {step} of kernel.txt is of {" ".join(package)}, and {tree} is '
                f'{version(tree)} or was changed'
            )
        out.append([tree / name for name in so_far])
    return out


if __name__ == '__main__':
    # The list with its digests, once, when the slice was fixed: kernel.py TREE
    tree = Path(sys.argv[1])
    package, folders, _ = list_read()
    print(f'# package {package[0]} {version(tree)}')
    for step, names in folders.items():
        print(f'# step {step} {digest(tree, names)}')
        print('\n'.join(names))
