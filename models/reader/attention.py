"""Attention for training: our own kernel where the processor has AVX-512 BF16, else PyTorch's.

    python attention.py        compares the two, gradients included, and their times
"""

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F

SOURCE = Path(__file__).with_name("attention.cpp")


def processor_has_bf16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False


@cache
def library() -> ctypes.CDLL | None:
    """The kernel, compiled for this processor; None where it cannot run or be compiled."""
    if not processor_has_bf16():
        return None
    flags = ["-O3", "-march=native", "-std=c++17", "-fopenmp", "-shared", "-fPIC"]
    with tempfile.TemporaryDirectory(prefix="reader-attention-") as folder:
        out = os.path.join(folder, "attention.so")
        try:
            subprocess.run(["g++", *flags, str(SOURCE), "-o", out], check=True)
            return ctypes.CDLL(out)  # loaded, it needs its file no more
        except (OSError, subprocess.CalledProcessError):
            print("attention.py: g++ cannot compile attention.cpp; PyTorch's own attention takes "
                  "its place, at half the speed", file=sys.stderr)
            return None


def _call(name: str, tensors: list[torch.Tensor], q: torch.Tensor, k: torch.Tensor) -> None:
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
    sizes = [ctypes.c_int64(n) for n in (*q.shape[:3], k.shape[2])]
    getattr(library(), name)(*pointers, *sizes)


@torch.library.custom_op("reader::attention", mutates_args=())
def _attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    q, k, v = (x.contiguous() for x in (q, k, v))
    out = torch.empty_like(q)
    lse = q.new_empty((q.shape[0], q.shape[2], q.shape[1]), dtype=torch.float32)
    _call("attention_forward", [q, k, v, out, lse], q, k)
    return out, lse


@_attention.register_fake
def _(q, k, v):
    return q.new_empty(q.shape), q.new_empty(
        (q.shape[0], q.shape[2], q.shape[1]), dtype=torch.float32
    )


@torch.library.custom_op("reader::attention_backward", mutates_args=())
def _attention_backward(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor,
    dout: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    q, k, v, out, dout = (x.contiguous() for x in (q, k, v, out, dout))
    dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    _call("attention_backward", [q, k, v, out, lse, dout, dq, dk, dv], q, k)
    return dq, dk, dv


@_attention_backward.register_fake
def _(q, k, v, out, lse, dout):
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def _remember(ctx, inputs, output):
    ctx.save_for_backward(*inputs, *output)


def _backward(ctx, dout, _):
    return _attention_backward(*ctx.saved_tensors, dout)


_attention.register_autograd(_backward, setup_context=_remember)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """q [batch, length, heads, 64], k and v [batch, length, kv_heads, 64] -> as q; causal."""
    ours = q.dtype == torch.bfloat16 and q.shape[1] % 64 == 0 and q.shape[3] == 64
    if ours and q.device.type == "cpu" and library() is not None:
        return _attention(q, k, v)[0]
    return pytorch_attention(q, k, v)


def pytorch_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    group = q.shape[2] // k.shape[2]
    k, v = (x.repeat_interleave(group, dim=2) for x in (k, v))
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def _compare() -> None:
    torch.manual_seed(0)
    shapes = [(8, 1024, 4), (8, 1024, 2), (8, 1024, 2)]
    inputs = [torch.randn(*s, 64, dtype=torch.bfloat16).requires_grad_() for s in shapes]
    dout = torch.randn(8, 1024, 4, 64, dtype=torch.bfloat16)
    exact_inputs = [x.detach().float().requires_grad_() for x in inputs]
    exact = pytorch_attention(*exact_inputs)
    exact_gradients = torch.autograd.grad(exact, exact_inputs, dout.float())
    for name, function in (("PyTorch", pytorch_attention), ("ours", attention)):
        times = []
        for _ in range(7):
            begun = time.monotonic()
            out = function(*inputs)
            gradients = torch.autograd.grad(out, inputs, dout)
            times.append(time.monotonic() - begun)
        worst = [
            ((x.float() - y).norm() / y.norm()).item()
            for x, y in zip((out, *gradients), (exact, *exact_gradients))
        ]
        errors = " ".join(map("{:.4f}".format, worst))
        print(f"{name}: {1e3 * sorted(times)[3]:.0f} ms, relative errors {errors}")


if __name__ == "__main__":
    _compare()
