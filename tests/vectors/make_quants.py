#!/usr/bin/env python3
"""Makes tests/vectors/quants with the `gguf` package's NumPy quantizers (pip install gguf torch).

NAME.in      float32 inputs (types that the package can quantize)
NAME.blocks  the stored blocks: the package's, or random ones with finite scales
NAME.out     float32: the package's dequantization of NAME.blocks

F8_E4M3, which the package does not know, has PyTorch's float8_e4m3fn: all codes but the two NaN.
"""
import pathlib

import numpy as np
import torch
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


def f8_blocks():
    """Eight blocks of 128: every code that is a number, in a random order, under random scales."""
    codes = np.array([code for code in range(256) if code & 0x7F != 0x7F], dtype=np.uint8)
    codes = np.concatenate([rng.permutation(codes) for _ in range(N // len(codes) + 1)])[:N]
    values = torch.from_numpy(codes.copy()).view(torch.float8_e4m3fn).to(torch.float32).numpy()
    scales = rng.uniform(-0.02, 0.02, (N // 128, 1)).astype(np.float32)
    blocks = np.concatenate([scales.view(np.uint8), codes.reshape(-1, 128)], axis=1)
    return blocks, (scales * values.reshape(-1, 128)).astype(np.float32)


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
    for name in ["Q4_1", "Q5_0", "Q5_1", "MXFP4"]:
        kind = GGMLQuantizationType[name]
        values = some_floats()
        blocks = quants.quantize(values, kind)
        values.tofile(HERE / f"{name}.in")
        blocks.tofile(HERE / f"{name}.blocks")
        quants.dequantize(blocks, kind).astype(np.float32).tofile(HERE / f"{name}.out")
    for name, size_bytes, halves in [
        ("Q2_K", 84, [80, 82]),
        ("Q3_K", 110, [108]),
        ("Q5_K", 176, [0, 2]),
        ("IQ4_NL", 144, range(0, 144, 18)),
        ("IQ4_XS", 136, [0]),
    ]:
        blocks = random_blocks(size_bytes, halves)
        blocks.tofile(HERE / f"{name}.blocks")
        out = quants.dequantize(blocks.reshape(-1), GGMLQuantizationType[name])
        out.astype(np.float32).tofile(HERE / f"{name}.out")
    blocks, out = f8_blocks()
    blocks.tofile(HERE / "F8_E4M3.blocks")
    out.tofile(HERE / "F8_E4M3.out")


main()
