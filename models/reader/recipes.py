"""What is trained, for how long: one entry a machine."""

from dataclasses import dataclass, field


@dataclass
class Recipe:
    shape: dict
    tokens: int
    # of the rows: (length: its share of the tokens, until which share of all tokens)
    lengths: list[tuple[dict[int, float], float]]
    batch_tokens: int = 8192
    lr_matrix: float = 0.02
    lr_other: float = 0.004
    warmup_tokens: int = 200_000
    decay: float = 0.4  # share of the tokens over which the rate falls
    clip: float = 1.0
    source_share: float = 0.12  # of a batch's tokens: sampled source tokens that count as targets
    source_weight: float = 0.3
    first_rounds: tuple[float, ...] = (5.0, 2.0, 1.5)  # what their answers count, later ones 1

    def length_at(self, tokens: int, draw: float) -> int:
        """The length of the next batch's rows; `draw` is a random number below 1."""
        done = tokens / self.tokens
        mix = next(mix for mix, end in self.lengths if done < end or end >= 1)
        for length, share in mix.items():
            draw -= share
            if draw < 0:
                break
        return length


RECIPES = {
    # two CPU cores, about 85 minutes
    "cpu": Recipe(
        shape=dict(layers=6),
        tokens=48_500_000,
        lengths=[
            ({512: 1}, 0.23),
            ({1024: 1}, 0.48),
            ({2048: 1}, 0.71),
            ({1024: 0.35, 2048: 0.15, 4096: 0.35, 8192: 0.15}, 0.9),
            ({1024: 0.5, 2048: 0.2, 4096: 0.2, 8192: 0.1}, 1.0),
        ],
    ),
    # one H200, about 20 minutes: 20 million parameters
    "gpu": Recipe(
        shape=dict(d=384, layers=10, heads=6, kv_heads=2, ff=1024),
        tokens=1_000_000_000,
        lengths=[
            ({512: 1}, 0.1),
            ({1024: 1}, 0.45),
            ({1024: 0.2, 2048: 0.8}, 0.75),
            ({1024: 0.2, 2048: 0.2, 4096: 0.35, 8192: 0.25}, 1.0),
        ],
        batch_tokens=131_072,
        warmup_tokens=4_000_000,
    ),
}
