"""The built-in reader's network: a small Llama (Touvron et al. 2023) as carrel's engine runs it.

Pre-norm blocks of grouped-query attention (Ainslie et al. 2023) and SwiGLU (Shazeer 2020), tied
embeddings, no biases. Rotary embedding (Su et al. 2021) in interleaved pairs, as GGUF's llama has
it, on the first `rot` elements of a head only: the others compare content at any distance.

Finding and quoting is mostly induction (Olsson et al. 2022): attend to where the words before this
one stood, say what came next. Two CPU cores cannot afford the long search for that circuit, so
`seed_induction` begins with it: one layer that brings each token its predecessors, others that
compare tokens with tokens. Training is free to change all of it.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from attention import attention


@dataclass
class Config:
    vocab: int = 8192
    d: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    rot: int = 32
    ff: int = 704
    rope_base: float = 10000.0
    eps: float = 1e-5
    context: int = 8448  # rows of 8,192 tokens, and an answer

    def to_dict(self) -> dict:
        return asdict(self)


class RMSNorm(nn.Module):
    def __init__(self, d: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Linear(nn.Module):
    """A product in the dtype of `x`, with weights kept in f32."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        nn.init.normal_(self.weight, std=n_in**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight.to(x.dtype))


def rotary_table(config: Config, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    frequency = config.rope_base ** (-torch.arange(0, config.rot, 2).double() / config.rot)
    angle = torch.arange(length).double()[:, None] * frequency
    return angle.cos().float(), angle.sin().float()  # [length, rot / 2]


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """x [batch, length, heads, head_dim]; the first 2 * cos.shape[1] elements of a head turn."""
    n = 2 * cos.shape[1]
    turned, rest = x[..., :n], x[..., n:]
    even, odd = turned[..., 0::2].float(), turned[..., 1::2].float()
    cos, sin = cos[:, None, :], sin[:, None, :]
    pairs = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return torch.cat((pairs.flatten(-2).to(x.dtype), rest), dim=-1)


class Layer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.norm_attn = RMSNorm(c.d, c.eps)
        self.q = Linear(c.d, c.heads * c.head_dim)
        self.k = Linear(c.d, c.kv_heads * c.head_dim)
        self.v = Linear(c.d, c.kv_heads * c.head_dim)
        self.o = Linear(c.heads * c.head_dim, c.d)
        self.norm_ffn = RMSNorm(c.d, c.eps)
        self.gate = Linear(c.d, c.ff)
        self.up = Linear(c.d, c.ff)
        self.down = Linear(c.ff, c.d)

    def forward(self, x, cos, sin, dtype):
        c, (b, t, _) = self.c, x.shape
        h = self.norm_attn(x).to(dtype)
        q = rotate(self.q(h).view(b, t, c.heads, c.head_dim), cos, sin)
        k = rotate(self.k(h).view(b, t, c.kv_heads, c.head_dim), cos, sin)
        v = self.v(h).view(b, t, c.kv_heads, c.head_dim)
        x = x + self.o(attention(q, k, v).reshape(b, t, -1)).float()
        h = self.norm_ffn(x).to(dtype)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)).float()


class Reader(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.embed = nn.Embedding(c.vocab, c.d)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.d, c.eps)

    def hidden(self, ids: torch.Tensor, dtype=torch.bfloat16) -> torch.Tensor:
        """ids [batch, length] -> the final norm's output, f32 [batch, length, d]."""
        cos, sin = (x.to(ids.device) for x in rotary_table(self.c, ids.shape[1]))
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, cos, sin, dtype)
        return self.norm(x)

    def logits(self, hidden: torch.Tensor, dtype=torch.bfloat16) -> torch.Tensor:
        return F.linear(hidden.to(dtype), self.embed.weight.to(dtype)).float()

    def forward(self, ids: torch.Tensor, dtype=torch.float32) -> torch.Tensor:
        return self.logits(self.hidden(ids, dtype), dtype)


# ---- where training begins ----


def _orthonormal(rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    q, _ = torch.linalg.qr(torch.randn(columns, rows, generator=generator))
    return q.T  # [rows, columns]


def _embedding(c: Config, texts: list[str], n_token: int, g: torch.Generator) -> torch.Tensor:
    """Tokens that differ in case or in blanks at their ends begin as neighbours."""
    own = torch.randn(c.vocab, n_token, generator=g)
    shared = torch.randn(c.vocab, n_token, generator=g)
    first: dict[str, int] = {}
    for token, text in enumerate(texts):
        leader = first.setdefault(text.strip().lower() or text, token)
        shared[token] = shared[leader]
    return (0.6**0.5 * shared + 0.4**0.5 * own) * 0.7


def seed_induction(model: Reader, texts: list[str], seed: int) -> None:
    """
    The residual stream begins as [1, token, token before, token before that]. Layer 0's first KV
    head writes the last two: its heads look one and two tokens back, which a rotary embedding does
    with a constant query and key. Layers 1 and 2 look for tokens that were preceded by what now
    stands last, and say them.
    """
    c = model.c
    g = torch.Generator().manual_seed(seed)
    n_before = c.head_dim
    n_token = c.d - 1 - 2 * n_before
    token = slice(1, 1 + n_token)
    before = [slice(c.d - 2 * n_before, c.d - n_before), slice(c.d - n_before, c.d)]

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                std = parameter.shape[1] ** -0.5
                parameter.copy_(torch.randn(parameter.shape, generator=g) * std)
        for layer in model.layers:
            layer.q.weight.mul_(0.7)
            layer.k.weight.mul_(0.7)
            layer.o.weight.mul_(0.1)
            layer.down.weight.mul_(0.1)
        e = model.embed.weight
        e.mul_(0.02 * c.d**0.5)
        e[:, 0] = 2
        e[:, token] = _embedding(c, texts, n_token, g)
        model.norm.weight.fill_(0.12)

        # rms of the residual stream where layer 0 and the later ones read it
        rms0 = ((4 + n_token * 0.49) / c.d) ** 0.5
        look = _orthonormal(n_before, n_token, g)  # what is told of a token: [head_dim, n_token]
        first = model.layers[0]
        frequency = torch.tensor(c.rope_base).pow(-torch.arange(0, c.rot, 2) / c.rot)
        amplitude = 7.0 * rms0 / 2
        kv = slice(0, c.head_dim)
        first.k.weight[kv] = 0
        first.k.weight[0 : c.rot : 2, 0] = amplitude
        first.v.weight[kv] = 0
        first.v.weight[kv, token] = look
        for head, back in enumerate((1, 2)):
            rows = slice(head * c.head_dim, (head + 1) * c.head_dim)
            first.q.weight[rows] = 0
            angle = -frequency * back
            first.q.weight[head * c.head_dim : head * c.head_dim + c.rot : 2, 0] = (
                amplitude * angle.cos()
            )
            first.q.weight[head * c.head_dim + 1 : head * c.head_dim + c.rot : 2, 0] = (
                amplitude * angle.sin()
            )
            first.o.weight[:, rows] = 0
            first.o.weight[before[head], rows] = torch.eye(c.head_dim) * 0.5

        n_match = c.head_dim - c.rot  # elements that do not turn
        say = _orthonormal(2 * c.head_dim, max(n_token, 2 * c.head_dim), g)[:, :n_token]
        for index in (1, 2):
            layer = model.layers[index]
            pick = torch.randperm(n_before, generator=g)
            one, two = pick[: n_match * 5 // 8], pick[n_match * 5 // 8 : n_match]
            scale = 1.3
            for head in range(c.heads // c.kv_heads):
                rows = slice(head * c.head_dim, (head + 1) * c.head_dim)
                layer.q.weight[rows] *= 0.2
                match = head * c.head_dim + c.rot
                layer.q.weight[match : match + n_match] = 0
                layer.q.weight[match : match + len(one), token] = scale * look[one]
                for i, j in enumerate(two.tolist()):
                    layer.q.weight[match + len(one) + i, before[0].start + j] = scale * 1.4
                layer.o.weight[:, rows] = 0
                layer.o.weight[token, rows] = (
                    0.25 * say[(index - 1) * c.head_dim : index * c.head_dim].T
                )
            layer.k.weight[: c.head_dim] *= 0.2
            layer.k.weight[c.rot : c.head_dim] = 0
            for i, j in enumerate(one.tolist()):
                layer.k.weight[c.rot + i, before[0].start + j] = scale * 1.4
            for i, j in enumerate(two.tolist()):
                layer.k.weight[c.rot + len(one) + i, before[1].start + j] = scale * 1.4
            layer.v.weight[: c.head_dim] = 0
            layer.v.weight[: c.head_dim, token] = say[
                (index - 1) * c.head_dim : index * c.head_dim
            ]
