#!/usr/bin/env python3
"""Makes tests/vectors/quants with the `gguf` package's NumPy quantizers (pip install gguf).

NAME.in      float32 inputs (types that the package can quantize)
NAME.blocks  the stored blocks: the package's, or random ones with finite scales (K types)
NAME.out     float32: the package's dequantization of NAME.blocks
"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, quants

N = 1024  # elements
HERE = pathlib.Path(__file__).parent / "quants"
rng = np.random.default_rng(20)


def some_floats():
    """Blocks of every size of scale, one of them all zero, one constant."""
    values = rng.standard_normal(N).astype(np.float32)
    values *= np.repeat(10.0 ** rng.uniform(-3, 3, N // 32), 32).astype(np.float32)
    values[64:96] = 0
    values[96:128] = -0.5
    return values


def random_blocks(size_bytes, halves):
    blocks = rng.integers(0, 256, (N // 256, size_bytes), dtype=np.uint8)
    for offset in halves:
        scale = rng.uniform(-0.02, 0.02, N // 256).astype(np.float16)
        blocks[:, offset : offset + 2] = scale.view(np.uint8).reshape(-1, 2)
    return blocks


def main():
    HERE.mkdir(exist_ok=True)
    for name in ["F16", "BF16", "Q8_0", "Q4_0"]:
        kind = GGMLQuantizationType[name]
        values = some_floats()
        blocks = quants.quantize(values, kind)
        values.tofile(HERE / f"{name}.in")
        blocks.tofile(HERE / f"{name}.blocks")
        quants.dequantize(blocks, kind).astype(np.float32).tofile(HERE / f"{name}.out")
    for name, size_bytes, halves in [("Q4_K", 144, [0, 2]), ("Q6_K", 210, [208])]:
        blocks = random_blocks(size_bytes, halves)
        blocks.tofile(HERE / f"{name}.blocks")
        out = quants.dequantize(blocks.reshape(-1), GGMLQuantizationType[name])
        out.astype(np.float32).tofile(HERE / f"{name}.out")


main()
