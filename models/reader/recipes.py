"""What is trained, for how long: one entry a machine."""

from dataclasses import dataclass, field


@dataclass
class Recipe:
    shape: dict
    tokens: int
    # (length of a row, until which share of the tokens)
    lengths: list[tuple[int, float]]
    batch_tokens: int = 8192
    lr_matrix: float = 0.02
    lr_other: float = 0.004
    warmup_tokens: int = 200_000
    decay: float = 0.4  # share of the tokens over which the rate falls
    clip: float = 1.0
    source_share: float = 0.12  # of a batch's tokens: sampled source tokens that count as targets
    source_weight: float = 0.3
    first_rounds: tuple[float, ...] = (5.0, 2.0, 1.5)  # what their answers count, later ones 1

    def length_at(self, tokens: int) -> int:
        done = tokens / self.tokens
        return next(length for length, share in self.lengths if done < share or share >= 1)


RECIPES = {
    # two CPU cores, about 85 minutes
    "cpu": Recipe(
        shape=dict(layers=6),
        tokens=46_000_000,
        lengths=[(512, 0.24), (1024, 0.49), (2048, 0.82), (4096, 1.0)],
    ),
    # one H200, about 20 minutes: 20 million parameters
    "gpu": Recipe(
        shape=dict(d=384, layers=10, heads=6, kv_heads=2, ff=1024),
        tokens=1_000_000_000,
        lengths=[(512, 0.1), (1024, 0.45), (2048, 0.75), (4096, 0.95), (8192, 1.0)],
        batch_tokens=131_072,
        warmup_tokens=4_000_000,
    ),
}
