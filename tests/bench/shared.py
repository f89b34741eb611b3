"""What the benchmarks here share."""

import json
import os
import subprocess
import sys


def run_json(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f'bench: {" ".join(command)} ended with status {done.returncode}')
    return json.loads(done.stdout)


def make_models(build, types):
    """Models of the shape of Llama-3.2-1B with random weights: {storage type: path}."""
    folder = os.path.join(build, 'bench')
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for storage in types:
        path = os.path.join(folder, f'random-1b-{storage}.gguf')
        if not os.path.exists(path):
            print(f'bench: writing {path}', file=sys.stderr)
            make = os.path.join(build, 'models', 'random', 'make_model')
            subprocess.run(
                [make, '--out', path + '.part', '--shape', '1b', '--type', storage], check=True
            )
            os.rename(path + '.part', path)
        paths[storage] = path
    return paths
