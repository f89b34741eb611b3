"""What `carrel count --show` prints, taken apart again: for the comparisons beside this file."""
import re
import subprocess

TAG = re.compile(r"<(\\*)\\(/?(?:source|file|page|tree|text|update))")


def sources(carrel, names, folder):
    """The text of each of these files in `folder`, by name; those that are left out are missing."""
    run = subprocess.run(
        [carrel, "count", "--show", "-q", "--from-file", "-"],
        input="\n".join(names).encode(), cwd=folder, capture_output=True)
    texts = {}
    own = None
    for line in run.stdout.decode("utf-8", "replace").split("\n"):
        head = re.fullmatch(r'<source id="S\d+" kind="\w+" name="([^"]*)">', line)
        if head:
            own = texts.setdefault(head.group(1), [])
        elif line == "</source>":
            own = None
        elif own is not None:
            number = len(own) + 1
            prefix = "%d|" % number
            if (number == 1 or number % 10 == 0) and line.startswith(prefix):
                line = line[len(prefix):]
            own.append(TAG.sub(r"<\1\2", line.replace("</source>", "")))
    return {name: "\n".join(lines) for name, lines in texts.items()}
